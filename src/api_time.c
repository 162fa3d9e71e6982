/* SPDX-License-Identifier: Apache-2.0 */
/* The time module: the library's one reference to the port's functions, weak. */
#include "bind.h"

AX_API_BIND(ax_time, AX_TIME_VERSION, AX_TIME_API);
