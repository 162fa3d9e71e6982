/* SPDX-License-Identifier: Apache-2.0 */
/* The memory module: the library's one reference to the port's functions, weak. */
#include "bind.h"

AX_API_BIND(ax_memory, AX_MEMORY_VERSION, AX_MEMORY_API);
