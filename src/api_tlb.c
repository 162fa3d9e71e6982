/* SPDX-License-Identifier: Apache-2.0 */
/* The tlb module: the library's one reference to the port's functions, weak. */
#include "bind.h"

AX_API_BIND(ax_tlb, AX_TLB_VERSION, AX_TLB_API);
