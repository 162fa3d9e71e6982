/* SPDX-License-Identifier: Apache-2.0 */
/* The arch module: the library's one reference to the port's functions, weak. AArch64 alone has it. */
#include "bind.h"

#ifdef __aarch64__
AX_API_BIND(ax_arch, AX_ARCH_VERSION, AX_ARCH_API);
#endif
