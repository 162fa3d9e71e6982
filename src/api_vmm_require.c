/* SPDX-License-Identifier: Apache-2.0 */
/* The vmm module, as a strong reference. Alone in its archive member: who does not call it has none. */
#include <axvisor/vmm.h>

AX_API_REQUIRE(ax_vmm, AX_VMM_API);
