/* SPDX-License-Identifier: Apache-2.0 */
/* The vmm module: the library's one reference to the port's functions, weak. */
#include "bind.h"

AX_API_BIND(ax_vmm, AX_VMM_VERSION, AX_VMM_API);
