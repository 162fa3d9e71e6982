/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the library calls the port: ax_memory_api()->alloc_frame(), and never ax_memory_alloc_frame().
 * A member is NULL when the port does not define the function. <axvisor/api.h> says why.
 */
#ifndef AX_BIND_H
#define AX_BIND_H

#include <axvisor/api.h>
#include <axvisor/host.h>
#include <axvisor/memory.h>
#include <axvisor/time.h>
#include <axvisor/tlb.h>
#include <axvisor/vmm.h>

AX_API_ACCESS(ax_memory, AX_MEMORY_API);
AX_API_ACCESS(ax_vmm, AX_VMM_API);
AX_API_ACCESS(ax_time, AX_TIME_API);
AX_API_ACCESS(ax_host, AX_HOST_API);
AX_API_ACCESS(ax_tlb, AX_TLB_API);

#endif /* AX_BIND_H */
