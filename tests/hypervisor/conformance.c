/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conformance run: batches of accesses for the guest to make, and the comparison of what came of
 * each with what the library's query says. No other knowledge of the map is used.
 *
 * A batch and its results lie in a page of the guest's. It is made around what will be changed, and
 * once more when that is done, with nothing flushed but by the library. An access that the tables permit has to work,
 * with the right data: a load what the memory behind the mapping holds, a store so that the word is
 * there, a call the number of the frame. Else it has to fault: of the access that it was, at its very
 * address, and, as far as the processor tells, because of a permission or because nothing is there,
 * on the level that the query says. Lazy memory faults so once and then works.
 */
#include <axvisor/guest.h>
#include <axvisor/memory.h>

#include "conformance.h"
#include "console.h"
#include "frames.h"

#define PAGE       UINT64_C(0x1000)
#define MAX_PRINTS 8

/* What the hardware said of a probe's access, and the query at that moment. */
struct sighting {
	unsigned faults;
	struct ax_npt_fault fault;
	struct vcpu_walk walk;
	ax_error_t error;
	struct ax_npt_mapping mapping;
};

static struct {
	bool begun;
	struct vm *vm;
	struct probe_batch *batch;
	struct sighting sightings[PROBES_MAX];
	struct conformance_range range;                   /* that the batch is about */
	enum { NOTHING, BEFORE, AFTER, ONCE_MORE } phase; /* of its change */

	uint64_t changes;
	uint64_t agreed;
	uint64_t disagreed;
	uint64_t on_level[AX_NPT_LEVELS_MAX];
	uint64_t in_holes;
} run;

uint64_t conformance_disagreements(void)
{
	return run.disagreed;
}

static ax_error_t query(uint64_t gpa, struct ax_npt_mapping *mapping)
{
	return ax_addrspace_query(&run.vm->space, ax_gpa(gpa), mapping);
}

static volatile uint64_t *host_word(uint64_t hpa)
{
	return ax_memory_phys_to_virt(ax_hpa(hpa));
}

static uint64_t hpa_of(const struct ax_npt_mapping *mapping, uint64_t gpa)
{
	return mapping->hpa.raw + (gpa - mapping->gpa.raw);
}

/* --- while the guest is at it ----------------------------------------------------------------- */

/* The probe that the guest is at, or NULL. */
static struct sighting *current(void)
{
	uint64_t at;

	if (!run.batch)
		return NULL;
	at = __atomic_load_n(&run.batch->current, __ATOMIC_RELAXED);
	return at < PROBES_MAX ? &run.sightings[at] : NULL;
}

void conformance_fault(const struct vm_vcpu *vcpu, const struct vcpu_exit *exit)
{
	struct sighting *sighting = current();

	(void)vcpu;
	if (!sighting || sighting->faults++)
		return;
	sighting->fault = exit->fault;
	sighting->walk = exit->walk;
	sighting->error = query(exit->fault.addr.raw, &sighting->mapping);
}

/* A lazy page gets its function before the guest comes back to it: it may be called next. */
void conformance_served(const struct vm_vcpu *vcpu, const struct vcpu_exit *exit)
{
	struct ax_npt_mapping mapping;

	(void)vcpu;
	if (current() && query(exit->fault.addr.raw, &mapping) == AX_OK)
		conformance_write_code(hpa_of(&mapping, exit->fault.addr.raw));
}

/* --- a batch ---------------------------------------------------------------------------------- */

/*
 * Where in its page an access goes: a load where it is asked for, though not to the code; a store to a
 * word that no other store of the batch goes to, near the end of the page that was asked for.
 */
static uint64_t place(uint64_t gpa, ax_flags_t access)
{
	uint64_t page = gpa / PAGE * PAGE, offset = gpa % PAGE / 8 * 8;
	uint64_t word = 8 * run.batch->count;

	switch (access) {
	case AX_READ:
		if (offset - POOL_CODE < POOL_CODE_CLEAR)
			offset += POOL_CODE_CLEAR;
		return page + offset;
	case AX_EXECUTE:
		return page + POOL_CODE;
	default:
		return page + (offset < PAGE / 2 ? word : PAGE - 8 - word);
	}
}

static bool is_ours(const struct ax_npt_mapping *mapping, uint64_t hpa)
{
	return mapping->owned || conformance_in_pool(hpa);
}

/*
 * The first and last word of 1 GiB or more, where there is memory: firmware's, or free. In smaller
 * pieces of it lies what the hypervisor works with.
 */
static bool is_end_in_ram(const struct ax_npt_mapping *mapping, uint64_t gpa, uint64_t hpa)
{
	uint64_t offset = gpa - mapping->gpa.raw;

	return mapping->size >= AX_PAGE_SIZE_1G && (offset == 0 || offset == mapping->size - 8) &&
	       hpa - PLATFORM_RAM_BASE < PLATFORM_RAM_SIZE;
}

enum safety { HARMLESS, NOT_THERE, NOT_AT_ALL };

/*
 * An access that is going to work must do no harm, and what comes of it must be known: it has to be
 * of the pool's memory or the space's own. Code is not fetched from device memory, which the
 * architectures leave open.
 */
static enum safety safety_of(uint64_t gpa, ax_flags_t access, struct ax_npt_mapping *mapping)
{
	uint64_t hpa;

	if (query(gpa, mapping) != AX_OK || !(mapping->flags & access))
		return HARMLESS;
	if (access == AX_EXECUTE && (mapping->flags & AX_DEVICE))
		return NOT_AT_ALL;
	hpa = hpa_of(mapping, gpa);
	if (!is_ours(mapping, hpa) && !(access == AX_READ && is_end_in_ram(mapping, gpa, hpa)))
		return NOT_THERE;
	if (access == AX_EXECUTE && mapping->owned)
		conformance_write_code(hpa);
	return HARMLESS;
}

/* Elsewhere in the same leaf, where it leads to the pool. */
static bool move_to_pool(uint64_t *gpa, ax_flags_t access, const struct ax_npt_mapping *mapping)
{
	uint64_t offset = conformance_random_frame() - mapping->hpa.raw;

	if (offset >= mapping->size)
		return false;
	*gpa = place(mapping->gpa.raw + offset + *gpa % PAGE, access);
	return true;
}

static void add_probe(uint64_t address, ax_flags_t access)
{
	struct probe_batch *batch = run.batch;
	struct ax_npt_mapping mapping;
	uint64_t gpa = place(address, access);
	enum safety safety;

	if (batch->count == PROBES_MAX || !conformance_in_reach(address))
		return;
	safety = safety_of(gpa, access, &mapping);
	if (safety == NOT_AT_ALL || (safety == NOT_THERE && !move_to_pool(&gpa, access, &mapping)))
		return;
	batch->probes[batch->count++] = (struct probe){
		.address = gpa,
		.access = access,
		.value = access == AX_WRITE ? ~conformance_word(gpa) : 0,
	};
}

struct points {
	uint64_t at[24];
	unsigned count;
};

/* The words on both sides of a boundary. */
static void add_boundary(struct points *points, uint64_t boundary)
{
	points->at[points->count++] = boundary - 8;
	points->at[points->count++] = boundary;
}

/* The ends of what has changed, the ends of the huge pages in it and around it, inside, elsewhere. */
static struct points choose_points(struct conformance_range changed)
{
	uint64_t end = changed.start + changed.size;
	struct points points = {.count = 0};

	add_boundary(&points, changed.start);
	add_boundary(&points, end);
	add_boundary(&points, (changed.start | (AX_PAGE_SIZE_2M - 1)) + 1);
	add_boundary(&points, end / AX_PAGE_SIZE_2M * AX_PAGE_SIZE_2M);
	add_boundary(&points, (changed.start | (AX_PAGE_SIZE_1G - 1)) + 1);
	for (unsigned i = 0; i < 3; i++)
		points.at[points.count++] = changed.start + conformance_random(changed.size);
	for (unsigned i = 0; i < 4; i++)
		points.at[points.count++] = conformance_random_address();
	return points;
}

static void forget_sightings(void)
{
	for (unsigned i = 0; i < PROBES_MAX; i++)
		run.sightings[i].faults = 0;
}

/* Stores come last, so that a load finds what it should. Some are left out, so that each comes first. */
static void fill_batch(struct conformance_range around)
{
	struct points points = choose_points(around);

	run.batch->count = 0;
	run.batch->again = false;
	for (unsigned i = 0; i < points.count; i++) {
		ax_flags_t first = conformance_random(2) ? AX_READ : AX_EXECUTE;

		if (conformance_random(4))
			add_probe(points.at[i], first);
		if (conformance_random(4))
			add_probe(points.at[i], first == AX_READ ? AX_EXECUTE : AX_READ);
	}
	for (unsigned i = 0; i < points.count; i++)
		add_probe(points.at[i], AX_WRITE);
	forget_sightings();
}

/* The same accesses once more, less those that would do harm now. */
static void repeat_batch(void)
{
	struct ax_npt_mapping mapping;

	run.batch->again = true;
	for (uint64_t i = 0; i < run.batch->count; i++) {
		struct probe *probe = &run.batch->probes[i];

		if (safety_of(probe->address, (ax_flags_t)probe->access, &mapping) != HARMLESS)
			probe->access = 0;
		if (probe->access != AX_WRITE)
			probe->value = 0;
		probe->outcome = PROBE_NOT_MADE;
	}
	forget_sightings();
}

/* --- the verdict ------------------------------------------------------------------------------ */

/* The fault is the one that the query of that moment lets expect. */
static bool fault_agrees(const struct probe *probe, const struct sighting *sighting)
{
	const struct vcpu_walk *walk = &sighting->walk;
	bool mapped = sighting->error == AX_OK;

	if (sighting->faults != 1 || sighting->fault.addr.raw != probe->address ||
	    sighting->fault.access != probe->access)
		return false;
	if (mapped && (sighting->mapping.flags & probe->access))
		return false;
	if (walk->end != VCPU_WALK_UNTOLD &&
	    walk->end != (mapped ? VCPU_WALK_DENIED : VCPU_WALK_ABSENT))
		return false;
	return walk->level < 0 || (unsigned)walk->level == sighting->mapping.level;
}

/* What the guest read, wrote or ran is what is behind the mapping. A store is undone. */
static bool data_agrees(const struct probe *probe, const struct ax_npt_mapping *mapping)
{
	uint64_t hpa = hpa_of(mapping, probe->address);
	uint64_t rest = mapping->owned ? 0 : conformance_word(hpa);
	volatile uint64_t *word = host_word(hpa);
	bool stored;

	switch (probe->access) {
	case AX_READ:
		return probe->value == (is_ours(mapping, hpa) ? rest : *word);
	case AX_WRITE:
		stored = *word == probe->value;
		*word = rest;
		machine_clean((const void *)(uintptr_t)word, sizeof(*word));
		return stored;
	default:
		return probe->value == conformance_number(hpa);
	}
}

static bool probe_agrees(const struct probe *probe, const struct sighting *sighting,
			 const struct ax_npt_mapping *mapping, ax_error_t error)
{
	if (error != AX_OK || !(mapping->flags & probe->access))
		return probe->outcome == PROBE_FAILED && fault_agrees(probe, sighting);
	if (probe->outcome != PROBE_WORKED || !data_agrees(probe, mapping))
		return false;
	/* A fault before it worked: the page was lazy, and not there yet. */
	return sighting->faults == 0 ||
	       (sighting->error == AX_ENOENT && fault_agrees(probe, sighting));
}

static void print_mapping(const char *when, ax_error_t error, const struct ax_npt_mapping *mapping)
{
	console_print("hyp:   query %s: %s, level %u, 0x%lx + 0x%lx -> 0x%lx, flags 0x%x\n", when,
		      error == AX_OK ? "mapped" : "a hole", mapping->level, mapping->gpa.raw,
		      mapping->size, mapping->hpa.raw, mapping->flags);
}

static void print_disagreement(const struct probe *probe, const struct sighting *sighting,
			       const struct ax_npt_mapping *mapping, ax_error_t error)
{
	static const char *const outcomes[] = {"was not made", "worked", "failed",
					       "failed and was reported wrong"};
	static const char *const ends[] = {"untold", "absent", "denied"};

	console_print("hyp: conformance: disagreement after change %lu: %s 0x%lx %s, value 0x%lx\n",
		      run.changes,
		      probe->access == AX_READ    ? "load of"
		      : probe->access == AX_WRITE ? "store to"
						  : "call of",
		      probe->address, outcomes[probe->outcome % 4], probe->value);
	print_mapping("now", error, mapping);
	if (sighting->faults == 0)
		return;
	console_print("hyp:   %u faults, the first at 0x%lx of access 0x%x, %s, level %d\n",
		      sighting->faults, sighting->fault.addr.raw, sighting->fault.access,
		      ends[sighting->walk.end], sighting->walk.level);
	print_mapping("then", sighting->error, &sighting->mapping);
}

static void judge(const struct probe *probe, const struct sighting *sighting)
{
	struct ax_npt_mapping mapping;
	ax_error_t error = query(probe->address, &mapping);

	if (error == AX_OK)
		run.on_level[mapping.level]++;
	else
		run.in_holes++;
	if (probe_agrees(probe, sighting, &mapping, error)) {
		run.agreed++;
		return;
	}
	if (run.disagreed++ < MAX_PRINTS)
		print_disagreement(probe, sighting, &mapping, error);
}

static void judge_batch(void)
{
	for (uint64_t i = 0; i < run.batch->count; i++) {
		if (run.batch->probes[i].access)
			judge(&run.batch->probes[i], &run.sightings[i]);
	}
}

/* --- the run ---------------------------------------------------------------------------------- */

/* The page with the batch is ordinary guest memory that stays where it is. */
static void begin(struct vm *vm, uint64_t batch)
{
	struct ax_guest_segment segment;
	size_t count;

	if (ax_guest_segments(&vm->space, ax_gpa(batch), sizeof(struct probe_batch), AX_WRITE,
			      &segment, 1, &count) != AX_OK)
		machine_fail("conformance: no batch", batch);
	run.vm = vm;
	run.batch = segment.ptr;
	run.begun = true;
	conformance_map_init(vm);
}

static void finish(void)
{
	const uint64_t *on = run.on_level;

	run.batch = NULL;
	conformance_map_clear();
	console_print(
		"hyp: conformance: %lu changes, %lu accesses checked, %lu agreed, %lu disagreed; "
		"4K %lu, 2M %lu, 1G %lu, 512G %lu leaves, %lu holes\n",
		run.changes, run.agreed + run.disagreed, run.agreed, run.disagreed, on[0], on[1],
		on[2], on[3], run.in_holes);
}

/* After a change that made huge pages, there are accesses that could not be made before. */
static bool wants_a_fresh_look(void)
{
	return run.range.size >= AX_PAGE_SIZE_1G || conformance_random(8) == 0;
}

bool conformance_next(struct vm *vm, uint64_t batch)
{
	if (!run.begun)
		begin(vm, batch);
	else if (run.batch)
		judge_batch();
	else
		return false;
	if (run.phase == BEFORE) {
		conformance_change(run.range);
		run.changes++;
		repeat_batch();
		run.phase = AFTER;
	} else if (run.phase == AFTER && wants_a_fresh_look()) {
		fill_batch(run.range);
		run.phase = ONCE_MORE;
	} else if (run.changes == CONFORMANCE_CHANGES) {
		finish();
		return false;
	} else {
		run.range = conformance_plan();
		fill_batch(run.range);
		run.phase = BEFORE;
	}
	return true;
}
