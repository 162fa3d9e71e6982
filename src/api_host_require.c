/* SPDX-License-Identifier: Apache-2.0 */
/* The host module, as a strong reference. Alone in its archive member: who does not call it has none. */
#include <axvisor/host.h>

AX_API_REQUIRE(ax_host, AX_HOST_API);
