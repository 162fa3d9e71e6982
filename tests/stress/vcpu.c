/* SPDX-License-Identifier: Apache-2.0 */
/* vCPUs with a TLB. */
#include "vcpu.h"

#include <pthread.h>

#include <axvisor/tlb.h>

#include "port.h"
#include "word.h"

AX_API_IMPLEMENT(ax_tlb, AX_TLB_VERSION, AX_TLB_API);

#define TLB_ENTRIES 8u

struct tlb_entry {
	uint64_t gpa; /* of the page */
	uint64_t hpa;
	bool write;
	bool valid;
};

static struct vcpu {
	/* An instruction and an invalidation exclude each other, as on hardware. */
	pthread_mutex_t lock;
	struct tlb_entry tlb[TLB_ENTRIES];
} vcpus[VCPUS] = {
	{.lock = PTHREAD_MUTEX_INITIALIZER},
	{.lock = PTHREAD_MUTEX_INITIALIZER},
	{.lock = PTHREAD_MUTEX_INITIALIZER},
	{.lock = PTHREAD_MUTEX_INITIALIZER},
};

_Static_assert(VCPUS == 4, "an initialiser for each");

void ax_tlb_invalidate(const struct ax_tlb_request *request)
{
	for (unsigned i = 0; i < VCPUS; i++) {
		pthread_mutex_lock(&vcpus[i].lock);
		for (unsigned e = 0; e < TLB_ENTRIES; e++) {
			struct tlb_entry *entry = &vcpus[i].tlb[e];

			if (request->size == 0 || entry->gpa - request->start.raw < request->size)
				entry->valid = false;
		}
		pthread_mutex_unlock(&vcpus[i].lock);
	}
}

void vcpus_reset(void)
{
	const struct ax_tlb_request all = {.size = 0};

	ax_tlb_invalidate(&all);
}

/* The walk that fills a TLB entry, by the library's own reader of the table. */
static bool fill(struct ax_addrspace *as, struct tlb_entry *entry, uint64_t gpa)
{
	struct ax_npt_mapping mapping;

	entry->valid = ax_addrspace_query(as, ax_gpa(gpa), &mapping) == AX_OK;
	if (!entry->valid)
		return false;
	entry->gpa = gpa;
	entry->hpa = mapping.hpa.raw + (gpa - mapping.gpa.raw);
	entry->write = (mapping.flags & AX_WRITE) != 0;
	return true;
}

/* Once. False: a page fault. */
static bool execute(struct ax_addrspace *as, struct vcpu *vcpu, uint64_t gpa, bool write)
{
	struct tlb_entry *entry = &vcpu->tlb[(gpa >> 12) % TLB_ENTRIES];
	bool done = false;

	pthread_mutex_lock(&vcpu->lock);
	if ((entry->valid && entry->gpa == gpa) || fill(as, entry, gpa))
		done = entry->write || !write;
	if (done)
		word_access((void *)(uintptr_t)(port_offset() + entry->hpa), gpa, write);
	else
		/* A fault drops what it was taken on. */
		entry->valid = false;
	pthread_mutex_unlock(&vcpu->lock);
	return done;
}

void vcpu_access(struct ax_addrspace *as, unsigned vcpu, uint64_t gpa, bool write)
{
	while (!execute(as, &vcpus[vcpu], gpa, write)) {
		if (!ax_addrspace_handle_page_fault(as, ax_gpa(gpa), write ? AX_WRITE : AX_READ))
			break;
	}
}
