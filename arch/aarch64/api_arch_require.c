/* SPDX-License-Identifier: Apache-2.0 */
/* The arch module, as a strong reference. Alone in its archive member: who does not call it has none. */
#include <axvisor/arch.h>

AX_API_REQUIRE(ax_arch, AX_ARCH_API);
