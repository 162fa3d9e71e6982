/* SPDX-License-Identifier: Apache-2.0 */
/* The arch module, which AArch64 alone has: the library's one reference to the port's functions, weak. */
#include <axvisor/arch.h>

AX_API_ACCESS(ax_arch, AX_ARCH_API);
AX_API_BIND(ax_arch, AX_ARCH_VERSION, AX_ARCH_API);
