/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: guest address space
 *
 * A virtual machine's guest physical address space: a set of regions, and the second-stage page
 * table that makes the CPU obey it.
 *
 * Who may call what at the same time, on one space:
 *
 *   - Readers (handle_page_fault, fault, translate, translate_and_get_limit, query, next_region,
 *     next_mapping, find_free_area, contains_range, stats, dump, and all of <axvisor/guest.h>) run
 *     beside one another and beside any writer, on any number of CPUs. They never wait for a writer.
 *     (Of more than 63 at the same moment, those beyond wait until another leaves.)
 *   - Writers (map_*, unmap, protect, clear) exclude one another by themselves and wait for the
 *     readers that are inside. They must not be called from the port's allocator or TLB functions,
 *     from a backend's functions, or from an interrupt that may have stopped a reader or writer of
 *     the same space: there they would wait for ever.
 *   - init and destroy: nobody else.
 *   - A space configured for one CPU, or for a lock of the port's own around each call (serialized),
 *     has no guard: there calls must not overlap, nor one interrupt another.
 *
 * Different spaces share nothing.
 */
#ifndef AXVISOR_ADDRSPACE_H
#define AXVISOR_ADDRSPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <axvisor/addr.h>
#include <axvisor/error.h>
#include <axvisor/flags.h>
#include <axvisor/fault.h>
#include <axvisor/npt.h>
#include <axvisor/private.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ax_addrspace_config - How a space is to be. A zeroed member is the default of this CPU and
 * format; what contradicts itself, the format or the CPU is refused.
 * @base: First guest byte of the space; a page's first.
 * @size: Bytes, a multiple of the page size; 0: all that the tables can reach from @base.
 * @format: AX_NPT_DEFAULT: what this CPU has. In the host build a test must name one.
 * @levels: Page-table levels, root included.
 * @gpa_bits: Input address width. AArch64: with @levels 0, the fewest levels that reach it with at
 *	most 16 concatenated root tables; with @levels alone, that of one root table, or wider when
 *	@base + @size needs it and concatenation reaches. Other formats: at most that of the levels.
 * @hpa_bits: Output address width; no host address beyond is entered.
 * @granule_shift: 12.
 * @tag: VMID, ASID or VPID of this guest.
 * @cpus: CPUs that may run or fault this guest, or call readers of this space, at the same time.
 *	1: no guard is needed. 0: ax_host_get_cpu_num() if bound, else 1.
 * @serialized: The port sees to it that no two calls on this space overlap, on whichever CPUs: no guard
 *	is needed then, and calls cost what they do with one CPU. A guest window (guest.h) is a call from
 *	enter to leave. A CPU that waits for the port's lock does what ax_tlb_invalidate() asks of it.
 * @features: AX_NPT_FEATURE_ bits. 0: on a target those of the CPU that need not be asked for, in
 *	the host build none.
 * @direct_map: The port's direct map is one constant offset: walks of the table and accesses to guest
 *	memory add it instead of calling ax_memory_phys_to_virt().
 * @direct_map_offset: With @direct_map: virtual minus physical address, modulo 2^64.
 * @relax: Called over and over while a writer waits for another writer or for readers, or one reader
 *	too many for another to leave, so that this CPU can serve what the other side waits for
 *	(requests to flush its TLB). NULL: a pause instruction.
 * @relax_context: Handed to @relax.
 */
struct ax_addrspace_config {
	ax_gpa_t base;
	uint64_t size;
	enum ax_npt_format_id format;
	unsigned levels;
	unsigned gpa_bits;
	unsigned hpa_bits;
	unsigned granule_shift;
	unsigned tag;
	unsigned cpus;
	bool serialized;
	uint64_t features;
	bool direct_map;
	uint64_t direct_map_offset;
	void (*relax)(void *context);
	void *relax_context;
};

/**
 * struct ax_addrspace - A guest address space.
 *
 * The caller's memory; every member is private. It must not move or be copied while it lives.
 */
struct ax_addrspace {
	/* private: */
	uint64_t first;
	uint64_t last;
	uint64_t state;   /* a mark between init and destroy */
	uint64_t version; /* of the regions; the low bit says which copy readers use */
	uint64_t quick;   /* another mark, of a space that can be walked by the shortest way */
	struct ax_npt npt;
	struct ax_region_set regions[2];
	struct ax_guard guard;
	struct ax_guard_slot alone; /* the one reader's, without a guard */
	uint64_t losses;            /* changes that took something away */
};

/** ax_addrspace_sizeof() - sizeof(struct ax_addrspace), for callers that cannot say it. */
size_t ax_addrspace_sizeof(void);

/** ax_addrspace_config_sizeof() - sizeof(struct ax_addrspace_config). */
size_t ax_addrspace_config_sizeof(void);

/**
 * ax_addrspace_init() - Make an empty space: one zeroed root table, nothing mapped.
 * @as: The caller's memory, of any content; not a live space.
 * @config: Read during the call. NULL: all defaults.
 *
 * Allocates the root (the format's size and alignment, by ax_memory_alloc_contiguous_frames() when
 * it is more than a frame) and, with more than one CPU, one frame for the guard.
 *
 * Context: any; nobody else uses @as. On a target, at the hypervisor's privilege.
 * Return: AX_OK. AX_EUNBOUND: a memory function is not bound (ax_memory_missing() names it), or more
 * than one CPU without ax_tlb_invalidate() on hardware that does not broadcast. AX_EINVAL: null @as,
 * or a format that is none.
 * AX_EALIGN: base or size. AX_ERANGE: the space is wider than the tables, base + size overflows, the
 * tag does not fit its register, a width that the format or CPU does not have, or the root came back
 * from above hpa_bits. AX_ENOTSUP: format, levels, granule or feature. AX_ENOMEM. On error nothing is
 * held, and @as may be destroyed (which does nothing) or initialised again.
 * See: Arm ARM D8.2 "Translation process", VTCR_EL2; Intel SDM vol. 3C "EPT translation mechanism";
 * AMD APM vol. 2 15.25; RISC-V privileged architecture, "Hypervisor guest address translation and
 * protection register (hgatp)".
 */
AX_MUST_CHECK ax_error_t ax_addrspace_init(struct ax_addrspace *as,
					   const struct ax_addrspace_config *config);

/**
 * ax_addrspace_destroy() - Clear, then give back every table frame.
 * @as: A space that no CPU runs on or uses any more. One that init refused, a zeroed one, one
 *	destroyed already, and NULL are left as they are.
 *
 * Context: any; nobody else uses @as. It cannot fail.
 */
void ax_addrspace_destroy(struct ax_addrspace *as);

/** ax_addrspace_base() - First guest byte. Context: any. */
ax_gpa_t ax_addrspace_base(const struct ax_addrspace *as);

/** ax_addrspace_end() - One past the last guest byte. Context: any. */
ax_gpa_t ax_addrspace_end(const struct ax_addrspace *as);

/** ax_addrspace_size() - Bytes. Context: any. */
uint64_t ax_addrspace_size(const struct ax_addrspace *as);

/** ax_addrspace_page_table_root() - Host physical address of the root table. Context: any. */
ax_hpa_t ax_addrspace_page_table_root(const struct ax_addrspace *as);

/**
 * ax_addrspace_registers() - The very values to load on a CPU that is to run this guest.
 * @as: A live space.
 * @out: Filled: EPTP | nCR3 | VTTBR_EL2 and VTCR_EL2 | hgatp, tag included. They do not change while
 *	the space lives.
 *
 * Context: any.
 */
void ax_addrspace_registers(const struct ax_addrspace *as, struct ax_npt_registers *out);

/** ax_addrspace_page_table() - The table by itself, for <axvisor/npt.h>. Context: any. */
const struct ax_npt *ax_addrspace_page_table(const struct ax_addrspace *as);

/**
 * ax_addrspace_tlb_generation() - Counts the invalidations of this space.
 * @as: A live space.
 *
 * A CPU outside the guest may, instead of taking part in each invalidation, compare this with what it
 * was at its last exit and flush everything of the guest's tag before it enters again. On AMD it is
 * how a CPU flushes at all: no instruction drops nested translations by ASID, VMCB.TLB_CONTROL does,
 * at VMRUN (APM vol. 2, 15.16.1).
 *
 * Context: any.
 */
uint64_t ax_addrspace_tlb_generation(const struct ax_addrspace *as);

/**
 * ax_addrspace_contains_range() - Whether a range lies in the space. Never overflows.
 * @as: A live space.
 * @start: Any value.
 * @size: Any value; 0: true when @start is in [base, end].
 *
 * Context: any.
 */
bool ax_addrspace_contains_range(const struct ax_addrspace *as, ax_gpa_t start, uint64_t size);

/**
 * ax_addrspace_map_linear() - Map guest memory to contiguous host memory.
 * @as: A live space.
 * @start: First guest byte, page aligned, inside the space, unmapped.
 * @target: First host byte, page aligned. Stays the caller's and outlives the mapping.
 * @size: Bytes, a multiple of the page size.
 * @flags: What the format cannot express is refused.
 *
 * Enters the largest pages that both addresses and the size allow. @target may be above or below
 * @start. Visible to the guest on return.
 *
 * Context: a writer; may allocate frames.
 * Return: AX_OK. AX_EALIGN. AX_ERANGE: outside the space, or host addresses beyond hpa_bits.
 * AX_EEXIST: overlaps a region. AX_EINVAL: size 0, unknown flag bits, no permission at all.
 * AX_ENOTSUP: a permission or type that the format or CPU cannot express. AX_ENOMEM. AX_ESTATE: not a
 * live space. On error nothing changed.
 * See: Arm ARM D8 "Stage 2 translation"; Intel SDM vol. 3C "EPT translation mechanism".
 */
AX_MUST_CHECK ax_error_t ax_addrspace_map_linear(struct ax_addrspace *as, ax_gpa_t start,
						 ax_hpa_t target, uint64_t size, ax_flags_t flags);

/**
 * ax_addrspace_map_alloc() - Back guest memory with frames of the space's own, zeroed.
 * @as: A live space.
 * @start: First guest byte, page aligned, inside the space, unmapped.
 * @size: Bytes, a multiple of the page size.
 * @flags: As in ax_addrspace_map_linear(); not AX_DEVICE.
 * @populate: true: every page is backed now, in contiguous 2 MiB blocks where alignment and the
 *	allocator allow, else in single frames. false: nothing is entered and no table touched; the
 *	first access to a page faults, and ax_addrspace_handle_page_fault() backs it.
 *
 * Frames go back when they are unmapped; those of a 2 MiB block go back together, once its last piece
 * is unmapped.
 *
 * Context: a writer; allocates frames.
 * Return: as ax_addrspace_map_linear(); AX_EINVAL also for AX_DEVICE; AX_ERANGE also when the port
 * gave a frame beyond hpa_bits (it went back). On error nothing changed.
 */
AX_MUST_CHECK ax_error_t ax_addrspace_map_alloc(struct ax_addrspace *as, ax_gpa_t start,
						uint64_t size, ax_flags_t flags, bool populate);

/**
 * struct ax_backend_ops - A kind of memory that the user of the library brings.
 * @name: Shown by dumps. May be NULL.
 * @fault: The host page for a guest page that nothing backs yet. @gpa is page aligned, @access what
 *	was wanted (0: presence). AX_OK with the page's address in @out (page aligned, within hpa_bits,
 *	its contents ready for the guest to see), or any error, which the fault reports. Runs inside a
 *	reader's section, on several CPUs at once, also twice for one page. NULL: nothing can be backed.
 * @release: A page goes: unmapped, or backed by another CPU at the same moment. No CPU can reach it
 *	through this space any more. NULL: nothing to do.
 * @merge: Neighbouring regions of this backend and of equal flags may become one. They can be told
 *	apart by address alone: each call gets it.
 *
 * None may call a function of the same space.
 */
struct ax_backend_ops {
	const char *name;
	ax_error_t (*fault)(void *context, ax_gpa_t gpa, ax_flags_t access, ax_hpa_t *out);
	void (*release)(void *context, ax_gpa_t gpa, ax_hpa_t hpa);
	bool merge;
};

/**
 * struct ax_backend - A backend and what it works on.
 * @ops: The functions.
 * @context: Handed to them.
 */
struct ax_backend {
	const struct ax_backend_ops *ops;
	void *context;
};

/**
 * ax_addrspace_map_backend() - A region that a backend of the caller's serves, page by page.
 * @as: A live space.
 * @start: First guest byte, page aligned, inside the space, unmapped.
 * @size: Bytes, a multiple of the page size.
 * @flags: As in ax_addrspace_map_linear().
 * @backend: Stays the caller's, and outlives the region.
 *
 * Nothing is entered; a page's first access asks the backend.
 *
 * Context: a writer; may allocate frames.
 * Return: as ax_addrspace_map_linear(); AX_EINVAL also for a null @backend or its ops. On error
 * nothing changed.
 */
AX_MUST_CHECK ax_error_t ax_addrspace_map_backend(struct ax_addrspace *as, ax_gpa_t start,
						  uint64_t size, ax_flags_t flags,
						  const struct ax_backend *backend);

/**
 * ax_addrspace_unmap() - Remove what is mapped in a range. Holes are fine.
 * @as: A live space.
 * @start: First guest byte, page aligned.
 * @size: Bytes, a multiple of the page size; 0 is fine at any address.
 *
 * Regions shrink or split; a huge page of which a part goes is split first. When it returns no CPU
 * can use what went, and the frames that the space owned are back with the port.
 *
 * Context: a writer.
 * Return: AX_OK. AX_EALIGN. AX_ERANGE: outside the space. AX_ENOMEM: a huge page or a full node of
 * the region set has to be split and no frame is left; unmapping whole huge pages never needs one.
 * AX_ESTATE. On error nothing changed.
 */
AX_MUST_CHECK ax_error_t ax_addrspace_unmap(struct ax_addrspace *as, ax_gpa_t start, uint64_t size);

/**
 * ax_addrspace_protect() - Change the flags of a range that is mapped throughout.
 * @as: A live space.
 * @start: First guest byte, page aligned.
 * @size: Bytes, a multiple of the page size; 0 is fine at any address.
 * @flags: The new flags, as for the map calls.
 *
 * Pages that are not backed yet take the flags when they are. The old permissions are gone from every
 * CPU on return.
 *
 * Context: a writer.
 * Return: AX_OK. AX_ENOENT: a hole in the range. AX_EALIGN. AX_ERANGE: outside the space. AX_EINVAL:
 * unknown flags, no permission, AX_DEVICE for memory that the space owns. AX_ENOTSUP: cannot be
 * expressed. AX_ENOMEM: as unmap. AX_ESTATE. On error nothing changed.
 */
AX_MUST_CHECK ax_error_t ax_addrspace_protect(struct ax_addrspace *as, ax_gpa_t start,
					      uint64_t size, ax_flags_t flags);

/**
 * ax_addrspace_clear() - Remove every region. What is held is then what was held after init.
 * @as: A live space.
 *
 * Context: a writer. Never runs out of memory.
 * Return: AX_OK; AX_ESTATE when @as is not a live space.
 */
ax_error_t ax_addrspace_clear(struct ax_addrspace *as);

/**
 * enum ax_fault_result - What became of a page fault.
 * @AX_FAULT_HANDLED: The access may be retried: the page is backed now, or was already.
 * @AX_FAULT_NO_REGION: Nothing is mapped there.
 * @AX_FAULT_DENIED: The region does not permit the access.
 * @AX_FAULT_NO_MEMORY: No frame left; a retry after memory returned works.
 * @AX_FAULT_FAILED: The backend failed or gave an address that cannot be entered, or @as or the
 *	access bits are wrong.
 */
enum ax_fault_result {
	AX_FAULT_HANDLED,
	AX_FAULT_NO_REGION,
	AX_FAULT_DENIED,
	AX_FAULT_NO_MEMORY,
	AX_FAULT_FAILED,
};

/**
 * ax_addrspace_fault() - Serve a second-stage page fault.
 * @as: A live space.
 * @addr: The faulting guest address, of any alignment.
 * @access: What the guest wanted: AX_READ, AX_WRITE, AX_EXECUTE; none: presence is enough. AX_USER
 *	counts only where the space restricts user mode; the memory type bits are ignored.
 *
 * A page that is already there with permission enough is handled: another vCPU was faster, or the
 * CPU used a stale translation.
 *
 * Context: a reader; allocates frames.
 * Return: see enum ax_fault_result. On anything but AX_FAULT_HANDLED nothing changed.
 */
enum ax_fault_result ax_addrspace_fault(struct ax_addrspace *as, ax_gpa_t addr, ax_flags_t access);

/**
 * ax_addrspace_handle_page_fault() - ax_addrspace_fault() == AX_FAULT_HANDLED.
 * @as: A live space.
 * @addr: The faulting guest address.
 * @access: What the guest wanted.
 *
 * Context: a reader; allocates frames.
 * Return: true when the access may be retried.
 */
bool ax_addrspace_handle_page_fault(struct ax_addrspace *as, ax_gpa_t addr, ax_flags_t access);

/**
 * ax_addrspace_translate() - The host address behind a guest address.
 * @as: A live space.
 * @addr: Any value.
 * @out: On AX_OK the host address, offset included; else untouched.
 *
 * Does not back lazy pages.
 *
 * Context: a reader. The answer holds until a writer changes the mapping.
 * Return: AX_OK; AX_ENOENT when not mapped or outside the space; AX_EINVAL: a null pointer.
 */
AX_MUST_CHECK ax_error_t ax_addrspace_translate(const struct ax_addrspace *as, ax_gpa_t addr,
						ax_hpa_t *out);

/**
 * ax_addrspace_translate_and_get_limit() - The same, and how far it holds.
 * @as: A live space.
 * @addr: Any value.
 * @out: On AX_OK the host address, offset included; else untouched.
 * @limit: On AX_OK the bytes from @addr on that are mapped, contiguous in host memory and of one
 *	permission and type; else untouched. It may run on into a neighbouring region.
 *
 * Context: a reader. The answer holds until a writer changes the mapping.
 * Return: as ax_addrspace_translate().
 */
AX_MUST_CHECK ax_error_t ax_addrspace_translate_and_get_limit(const struct ax_addrspace *as,
							      ax_gpa_t addr, ax_hpa_t *out,
							      uint64_t *limit);

/**
 * ax_addrspace_query() - The leaf entry that maps a guest address, or the hole that it is in.
 * @as: A live space.
 * @addr: Any value.
 * @out: Filled on AX_OK, and on AX_ENOENT for an address that the tables reach: as ax_npt_query().
 *	Else untouched.
 *
 * Context: a reader.
 * Return: as ax_addrspace_translate().
 */
AX_MUST_CHECK ax_error_t ax_addrspace_query(const struct ax_addrspace *as, ax_gpa_t addr,
					    struct ax_npt_mapping *out);

/**
 * ax_addrspace_next_mapping() - The first leaf entry that maps a byte at or above an address.
 * @as: A live space.
 * @from: Any value.
 * @out: The whole leaf on AX_OK, else untouched. Go on from @out->gpa + @out->size.
 *
 * Context: a reader. Each call by itself is consistent.
 * Return: AX_OK; AX_ENOENT when there is none; AX_EINVAL: a null pointer.
 */
AX_MUST_CHECK ax_error_t ax_addrspace_next_mapping(const struct ax_addrspace *as, ax_gpa_t from,
						   struct ax_npt_mapping *out);

/**
 * enum ax_region_type - Which backend serves a region.
 * @AX_REGION_LINEAR: ax_addrspace_map_linear().
 * @AX_REGION_ALLOC: ax_addrspace_map_alloc().
 * @AX_REGION_BACKEND: ax_addrspace_map_backend().
 */
enum ax_region_type {
	AX_REGION_LINEAR,
	AX_REGION_ALLOC,
	AX_REGION_BACKEND,
};

/**
 * struct ax_region_info - A region as its owner sees it.
 * @start: First guest byte.
 * @size: Bytes.
 * @flags: As mapped or protected.
 * @type: Its backend's kind.
 * @target: Linear: host address of @start; else AX_HPA_NONE.
 * @backend: AX_REGION_BACKEND: the backend; else NULL.
 */
struct ax_region_info {
	ax_gpa_t start;
	uint64_t size;
	ax_flags_t flags;
	enum ax_region_type type;
	ax_hpa_t target;
	const struct ax_backend *backend;
};

/**
 * ax_addrspace_next_region() - The first region that has a byte at or above an address.
 * @as: A live space.
 * @from: Any value.
 * @out: Filled on AX_OK, else untouched. Neighbouring regions that are alike have become one. Go on
 *	from @out->start + @out->size.
 *
 * Context: a reader. Each call by itself is consistent.
 * Return: AX_OK; AX_ENOENT when there is none; AX_EINVAL: a null pointer.
 */
AX_MUST_CHECK ax_error_t ax_addrspace_next_region(const struct ax_addrspace *as, ax_gpa_t from,
						  struct ax_region_info *out);

/**
 * ax_addrspace_find_free_area() - The lowest free range at or above a hint.
 * @as: A live space.
 * @hint: Where to begin; any value.
 * @size: Bytes, a multiple of the page size.
 * @align: What the start must be a multiple of, a power of two; less than a page counts as a page.
 * @out: On AX_OK the start, else untouched.
 *
 * Context: a reader. Another writer may take the range first.
 * Return: AX_OK; AX_ENOENT when there is none; AX_EINVAL: size 0, @align no power of two, a null
 * pointer; AX_EALIGN: size.
 */
AX_MUST_CHECK ax_error_t ax_addrspace_find_free_area(const struct ax_addrspace *as, ax_gpa_t hint,
						     uint64_t size, uint64_t align, ax_gpa_t *out);

/**
 * struct ax_addrspace_stats - Counts.
 * @regions: Regions.
 * @table_frames: 4 KiB frames of tables, the root's included.
 * @owned_frames: 4 KiB frames that alloc regions hold, pieces of blocks that wait for the rest of
 *	their block included.
 * @region_frames: 4 KiB frames of the region set.
 * @guard_frames: 4 KiB frames of the guard.
 * @pages: Leaf entries at each level, 0 = 4 KiB.
 * @faults: Faults that backed a page.
 * @splits: Huge pages that were split.
 * @flushes: TLB invalidations.
 */
struct ax_addrspace_stats {
	uint64_t regions;
	uint64_t table_frames;
	uint64_t owned_frames;
	uint64_t region_frames;
	uint64_t guard_frames;
	uint64_t pages[AX_NPT_LEVELS_MAX];
	uint64_t faults;
	uint64_t splits;
	uint64_t flushes;
};

/**
 * ax_addrspace_stats() - Count.
 * @as: A live space.
 * @out: Filled; all zero when @as is not a live space.
 *
 * @pages is counted by walking the table, so the call costs what is mapped. The rest are counters.
 *
 * Context: a reader.
 */
void ax_addrspace_stats(const struct ax_addrspace *as, struct ax_addrspace_stats *out);

/**
 * ax_addrspace_dump() - Print the regions, the mappings and the counts.
 * @as: A live space.
 * @print: Gets the text.
 * @context: Handed to @print.
 *
 * Context: a reader, line by line: what changes meanwhile shows half.
 */
void ax_addrspace_dump(const struct ax_addrspace *as, ax_print_t print, void *context);

#ifdef __cplusplus
}
#endif

#endif /* AXVISOR_ADDRSPACE_H */
