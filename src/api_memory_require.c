/* SPDX-License-Identifier: Apache-2.0 */
/* The memory module, as a strong reference. Alone in its archive member: who does not call it has none. */
#include <axvisor/memory.h>

AX_API_REQUIRE(ax_memory, AX_MEMORY_API);
