/* SPDX-License-Identifier: Apache-2.0 */
/* The host module: the library's one reference to the port's functions, weak. */
#include "bind.h"

AX_API_BIND(ax_host, AX_HOST_VERSION, AX_HOST_API);
