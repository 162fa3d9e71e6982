/* SPDX-License-Identifier: Apache-2.0 */
/* Invalidation: gathered, and flushed once. */
#include "tlb.h"

#include "bind.h"
#include "cpu.h"
#include "host_hooks.h"
#include "npt_format.h"

void ax_tlb_gather_init(struct ax_tlb_gather *gather)
{
	gather->first = UINT64_MAX;
	gather->last = 0;
	gather->page_shift = 63;
	gather->tables = false;
}

void ax_tlb_gather_add(struct ax_tlb_gather *gather, uint64_t first, uint64_t last,
		       unsigned page_shift)
{
	if (first < gather->first)
		gather->first = first;
	if (last > gather->last)
		gather->last = last;
	if (page_shift < gather->page_shift)
		gather->page_shift = page_shift;
}

void ax_tlb_gather_add_table(struct ax_tlb_gather *gather, uint64_t first, uint64_t last,
			     unsigned page_shift)
{
	ax_tlb_gather_add(gather, first, last, page_shift);
	gather->tables = true;
}

static struct ax_tlb_request request_for(const struct ax_npt *npt, uint64_t first, uint64_t last,
					 bool tables)
{
	struct ax_tlb_request request = {
		.format = npt->format->id,
		.tag = npt->tag,
		.start = {first},
		/* 0, "everything", is also what a range of 2^64 bytes wraps to. */
		.size = last - first + 1,
		.tables = tables,
	};

	return request;
}

static void invalidate(const struct ax_npt *npt, const struct ax_tlb_request *request,
		       unsigned page_shift)
{
	struct ax_npt_registers registers;

	npt->format->registers(npt, &registers);
	ax_cpu_tlb_flush(&registers, request, page_shift);
	if (npt->remote)
		ax_tlb_api()->invalidate(request);
	ax_host_hook_flush(true);
}

void ax_tlb_flush(struct ax_npt *npt, struct ax_tlb_gather *gather)
{
	struct ax_tlb_request request;

	if (gather->first > gather->last)
		return;
	request = request_for(npt, gather->first, gather->last, gather->tables);
	__atomic_store_n(&npt->flushes, npt->flushes + 1, __ATOMIC_RELAXED);
	/* Before the instructions: a CPU that reads the new number and flushes before it enters the
	 * guest then sees the changed entries. */
	__atomic_fetch_add(&npt->generation, 1, __ATOMIC_SEQ_CST);
	invalidate(npt, &request, gather->page_shift);
	ax_tlb_gather_init(gather);
}

void ax_tlb_fence(const struct ax_npt *npt, uint64_t first, uint64_t last, bool tables)
{
	struct ax_tlb_request request = request_for(npt, first, last, tables);

	invalidate(npt, &request, npt->format->page_shift);
}
