/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

AX_API_REQUIRE(my_log, MY_LOG_API);
