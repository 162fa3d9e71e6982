/* SPDX-License-Identifier: Apache-2.0 */
/* The time module, as a strong reference. Alone in its archive member: who does not call it has none. */
#include <axvisor/time.h>

AX_API_REQUIRE(ax_time, AX_TIME_API);
