/* SPDX-License-Identifier: Apache-2.0 */
/* The tlb module, as a strong reference. Alone in its archive member: who does not call it has none. */
#include <axvisor/tlb.h>

AX_API_REQUIRE(ax_tlb, AX_TLB_API);
