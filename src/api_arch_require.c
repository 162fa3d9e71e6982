/* SPDX-License-Identifier: Apache-2.0 */
/* The arch module, as a strong reference. Alone in its archive member: who does not call it has none. */
#include <axvisor/arch.h>

#ifdef __aarch64__
AX_API_REQUIRE(ax_arch, AX_ARCH_API);
#else
/* A translation unit holds at least one declaration. */
typedef int ax_arch_has_no_module;
#endif
