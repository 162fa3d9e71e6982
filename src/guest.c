/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory access, as the guest itself would.
 *
 * A range that is one chunk is checked, backed and accessed in one section. A longer one first passes
 * two checks that copy nothing: that regions permit it throughout, which costs nothing and backs
 * nothing, so that a guest cannot make the host back memory by a request that fails anyway; and that
 * every page is backed. Then it is copied. Both of the latter go by the pages of one table as long as
 * that is what comes, in sections that end before a writer has waited long.
 */
#include <axvisor/guest.h>

#include "addrspace.h"
#include "bind.h"
#include "mem.h"
#include "npt.h"
#include "npt_entry.h"

/* Bytes that a table of pages maps, less one. */
#define TABLE_SPAN ((UINT64_C(1) << AX_TABLE_SHIFT) - 1)

/* The most that one section copies, so that a writer waits no longer than for that. */
#define SECTION_MAX ((size_t)256 * 1024)

enum direction {
	FROM_GUEST,
	TO_GUEST,
};

static ax_error_t access_error(enum ax_fault_result result)
{
	switch (result) {
	case AX_FAULT_HANDLED:
		return AX_OK;
	case AX_FAULT_NO_REGION:
		return AX_ENOENT;
	case AX_FAULT_DENIED:
		return AX_EACCES;
	case AX_FAULT_NO_MEMORY:
		return AX_ENOMEM;
	default:
		return AX_ERANGE;
	}
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* chunk_at() where it takes more than a look into the last table. */
AX_SELDOM static ax_error_t find_chunk(struct ax_addrspace *as, struct ax_guard_slot *line,
				       uint64_t addr, size_t want, ax_flags_t access, void **ptr,
				       size_t *size_out)
{
	struct ax_addrspace_view view;
	ax_error_t error = access_error(ax_addrspace_back(as, line, addr, access, &view));
	const struct ax_region *region = line->hit.region;
	uint64_t size = AX_PAGE_SIZE_4K - addr % AX_PAGE_SIZE_4K;

	if (error != AX_OK)
		return error;
	if (region->flags & AX_DEVICE)
		return AX_EACCES;
	/* With a constant offset all that is contiguous in host memory is so for the host as well.
	 * Else to the end of the page, before which neither a leaf nor a region ends. */
	if (as->npt.direct_map)
		size = least(view.span - (addr & view.span), region->last - addr) + 1;
	*size_out = (size_t)least(size, want);
	*ptr = ax_npt_virt(&as->npt, ax_npt_address(&as->npt, view.leaf) + (addr & view.span));
	return AX_OK;
}

/*
 * With the line of a reader in a section: where the host sees the guest bytes from @addr on, at most @want of
 * them, and no further than the page goes: the port promises nothing about two pages beside one another.
 */
static ax_error_t chunk_at(struct ax_addrspace *as, struct ax_guard_slot *line, uint64_t addr,
			   size_t want, ax_flags_t access, void **ptr, size_t *size)
{
	const struct ax_npt *npt = &as->npt;
	ax_error_t error = AX_OK;
	uint64_t leaf = 0;

	if (ax_addrspace_hits(as, &line->hit, addr, access | AX_DEVICE) &&
	    ax_addrspace_hits_table(&line->hit, addr)) {
		ax_pause(AX_PAUSE_REGION);
		ax_pause(AX_PAUSE_WALK);
		leaf = ax_npt_load(ax_addrspace_hit_slot(&line->hit, addr));
	}
	if (ax_npt_present(npt, leaf)) {
		*ptr = ax_npt_virt(npt, ax_npt_address(npt, leaf) + addr % AX_PAGE_SIZE_4K);
		*size = (size_t)least(AX_PAGE_SIZE_4K - addr % AX_PAGE_SIZE_4K, want);
	} else {
		error = find_chunk(as, line, addr, want, access, ptr, size);
	}
	if (error == AX_OK)
		ax_pause(AX_PAUSE_ACCESS);
	return error;
}

static void move(void *guest, unsigned char *host, size_t size, enum direction direction)
{
	if (direction == FROM_GUEST)
		memcpy(host, guest, size);
	else
		memcpy(guest, host, size);
}

/* One chunk, in a section. Without @host it is only checked and backed. */
static ax_error_t copy_chunk(struct ax_addrspace *as, struct ax_guard_slot *line, uint64_t addr,
			     unsigned char *host, size_t want, enum direction direction,
			     size_t *done)
{
	ax_flags_t access = direction == TO_GUEST ? AX_WRITE : AX_READ;
	void *ptr;
	ax_error_t error = chunk_at(as, line, addr, want, access, &ptr, done);

	if (error == AX_OK && host)
		move(ptr, host, *done, direction);
	return error;
}

AX_OUT_OF_LINE static ax_error_t copy_chunk_shared(struct ax_addrspace *as, uint64_t addr,
						   unsigned char *host, size_t want,
						   enum direction direction, size_t *done)
{
	struct ax_section section;
	ax_error_t error;

	ax_guard_enter(&as->guard, &section);
	error = copy_chunk(as, section.slot, addr, host, want, direction, done);
	ax_guard_leave(&section);
	return error;
}

/* One chunk in a section of its own. */
static ax_error_t do_chunk(struct ax_addrspace *as, uint64_t addr, unsigned char *host, size_t want,
			   enum direction direction, size_t *done)
{
	ax_error_t error;

	if (ax_guard_shared(&as->guard))
		return copy_chunk_shared(as, addr, host, want, direction, done);
	ax_guard_enter_alone();
	error = copy_chunk(as, &as->alone, addr, host, want, direction, done);
	ax_guard_leave_alone();
	return error;
}

/* Regions alone: whether [@addr, @addr + @size - 1] is mapped, permitted, and no device, throughout. */
static ax_error_t check_regions(const struct ax_addrspace *as, uint64_t addr, uint64_t size,
				ax_flags_t access)
{
	const uint64_t last = addr + (size - 1);
	struct ax_section section;
	ax_error_t error = AX_OK;

	ax_guard_enter(&as->guard, &section);
	for (;;) {
		const struct ax_region *region = ax_region_find(ax_addrspace_regions(as), addr);

		if (!region)
			error = AX_ENOENT;
		else if ((region->flags & AX_DEVICE) ||
			 !ax_addrspace_permits(as, region->flags, access))
			error = AX_EACCES;
		if (error != AX_OK || region->last >= last)
			break;
		addr = region->last + 1;
	}
	ax_guard_leave(&section);
	return error;
}

static ax_error_t check_range(const struct ax_addrspace *as, ax_gpa_t start, size_t size)
{
	return ax_addrspace_contains_range(as, start, size) ? AX_OK : AX_ERANGE;
}

/*
 * The pages from @addr on, at most @want bytes, in a section in which copy_chunk() has just ended there: those that
 * are in the table and in the region that were hit. Neither can go before the section ends, so that nothing is left
 * to ask of a page but whether it is there.
 *
 * Return: how many bytes.
 */
static size_t copy_pages(const struct ax_npt *npt, const struct ax_region_hit *hit, uint64_t addr,
			 unsigned char *host, size_t want, enum direction direction)
{
	const uint64_t *slot;
	size_t done = 0;

	if (!ax_addrspace_hits_table(hit, addr))
		return 0;
	slot = ax_addrspace_hit_slot(hit, addr);
	want = (size_t)least(want, least(hit->region->last, addr | TABLE_SPAN) - addr + 1);
	while (done < want) {
		uint64_t leaf = ax_npt_load(slot++);
		size_t size = (size_t)least(AX_PAGE_SIZE_4K, want - done);

		if (!ax_npt_present(npt, leaf))
			break;
		ax_pause(AX_PAUSE_ACCESS);
		if (host)
			move(ax_npt_virt(npt, ax_npt_address(npt, leaf)), host + done, size,
			     direction);
		done += size;
	}
	return done;
}

/* All of a range, in order. */
static ax_error_t do_range(struct ax_addrspace *as, uint64_t addr, unsigned char *host, size_t size,
			   enum direction direction)
{
	while (size != 0) {
		size_t want = host ? (size_t)least(size, SECTION_MAX) : size;
		struct ax_section section;
		struct ax_guard_slot *line;
		ax_error_t error;
		size_t done;

		ax_guard_enter(&as->guard, &section);
		line = ax_addrspace_line(as, &section);
		error = copy_chunk(as, line, addr, host, want, direction, &done);
		if (error == AX_OK && done < want)
			done += copy_pages(&as->npt, &line->hit, addr + done,
					   host ? host + done : NULL, want - done, direction);
		ax_guard_leave(&section);
		if (error != AX_OK)
			return error;
		addr += done;
		size -= done;
		if (host)
			host += done;
	}
	return AX_OK;
}

static ax_error_t copy(struct ax_addrspace *as, ax_gpa_t start, unsigned char *host, size_t size,
		       enum direction direction)
{
	ax_flags_t access = direction == TO_GUEST ? AX_WRITE : AX_READ;
	ax_error_t error;

	if (!ax_addrspace_live(as))
		return AX_ESTATE;
	if (size == 0)
		return AX_OK;
	if (!host)
		return AX_EINVAL;
	error = check_range(as, start, size);
	if (error != AX_OK)
		return error;
	if (size <= AX_PAGE_SIZE_4K - start.raw % AX_PAGE_SIZE_4K)
		return do_chunk(as, start.raw, host, size, direction, &size);
	error = check_regions(as, start.raw, size, access);
	if (error == AX_OK)
		error = do_range(as, start.raw, NULL, size, direction);
	return error == AX_OK ? do_range(as, start.raw, host, size, direction) : error;
}

ax_error_t ax_guest_read(struct ax_addrspace *as, ax_gpa_t src, void *dst, size_t size)
{
	return copy(as, src, dst, size, FROM_GUEST);
}

ax_error_t ax_guest_write(struct ax_addrspace *as, ax_gpa_t dst, const void *src, size_t size)
{
	/* Only read from: TO_GUEST. */
	return copy(as, dst, (unsigned char *)(uintptr_t)src, size, TO_GUEST);
}

/* Guest memory has no type of the host's: these may alias anything. */
typedef uint8_t guest_u8 __attribute__((may_alias));
typedef uint16_t guest_u16 __attribute__((may_alias));
typedef uint32_t guest_u32 __attribute__((may_alias));
typedef uint64_t guest_u64 __attribute__((may_alias));

/* One load: a relaxed atomic of a naturally aligned word is one instruction on all three. */
static void load_once(void *dst, const void *src, size_t width)
{
	uint8_t v8;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	switch (width) {
	case 1:
		v8 = __atomic_load_n((const guest_u8 *)src, __ATOMIC_RELAXED);
		memcpy(dst, &v8, sizeof(v8));
		break;
	case 2:
		v16 = __atomic_load_n((const guest_u16 *)src, __ATOMIC_RELAXED);
		memcpy(dst, &v16, sizeof(v16));
		break;
	case 4:
		v32 = __atomic_load_n((const guest_u32 *)src, __ATOMIC_RELAXED);
		memcpy(dst, &v32, sizeof(v32));
		break;
	default:
		v64 = __atomic_load_n((const guest_u64 *)src, __ATOMIC_RELAXED);
		memcpy(dst, &v64, sizeof(v64));
		break;
	}
}

static void store_once(void *dst, const void *src, size_t width)
{
	uint8_t v8;
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	switch (width) {
	case 1:
		memcpy(&v8, src, sizeof(v8));
		__atomic_store_n((guest_u8 *)dst, v8, __ATOMIC_RELAXED);
		break;
	case 2:
		memcpy(&v16, src, sizeof(v16));
		__atomic_store_n((guest_u16 *)dst, v16, __ATOMIC_RELAXED);
		break;
	case 4:
		memcpy(&v32, src, sizeof(v32));
		__atomic_store_n((guest_u32 *)dst, v32, __ATOMIC_RELAXED);
		break;
	default:
		memcpy(&v64, src, sizeof(v64));
		__atomic_store_n((guest_u64 *)dst, v64, __ATOMIC_RELAXED);
		break;
	}
}

static ax_error_t check_volatile(const struct ax_addrspace *as, ax_gpa_t addr, const void *host,
				 size_t width)
{
	if (!ax_addrspace_live(as))
		return AX_ESTATE;
	/* A power of two, up to 8. */
	if (!host || width - 1 >= 8 || (width & (width - 1)) != 0)
		return AX_EINVAL;
	if (!ax_gpa_is_aligned(addr, width))
		return AX_EALIGN;
	return check_range(as, addr, width);
}

/* Both directions: one body, and the public functions end with a jump into it. */
AX_OUT_OF_LINE static ax_error_t access_once(struct ax_addrspace *as, ax_gpa_t addr, void *host,
					     size_t width, enum direction direction)
{
	ax_flags_t access = direction == TO_GUEST ? AX_WRITE : AX_READ;
	struct ax_section section;
	void *ptr;
	size_t size;
	ax_error_t error = check_volatile(as, addr, host, width);

	if (error != AX_OK)
		return error;
	ax_guard_enter(&as->guard, &section);
	error = chunk_at(as, ax_addrspace_line(as, &section), addr.raw, width, access, &ptr, &size);
	if (error == AX_OK && direction == FROM_GUEST)
		load_once(host, ptr, width);
	else if (error == AX_OK)
		store_once(ptr, host, width);
	ax_guard_leave(&section);
	return error;
}

ax_error_t ax_guest_read_volatile(struct ax_addrspace *as, ax_gpa_t src, void *dst, size_t width)
{
	return access_once(as, src, dst, width, FROM_GUEST);
}

ax_error_t ax_guest_write_volatile(struct ax_addrspace *as, ax_gpa_t dst, const void *src,
				   size_t width)
{
	/* Only read from: TO_GUEST. */
	return access_once(as, dst, (void *)(uintptr_t)src, width, TO_GUEST);
}

/* Segments that were found so far; those beyond the capacity are only counted. */
struct segments {
	struct ax_guest_segment *out;
	size_t capacity;
	size_t count;
	unsigned char *end; /* where the last one ends */
};

static void add_chunk(struct segments *segments, void *ptr, size_t size)
{
	if (segments->count != 0 && segments->end == ptr) {
		if (segments->count <= segments->capacity)
			segments->out[segments->count - 1].size += size;
	} else {
		if (segments->count < segments->capacity)
			segments->out[segments->count] = (struct ax_guest_segment){ptr, size};
		segments->count++;
	}
	segments->end = (unsigned char *)ptr + size;
}

static ax_error_t find_segments(struct ax_addrspace *as, uint64_t addr, size_t size,
				ax_flags_t access, struct segments *segments)
{
	while (size != 0) {
		struct ax_section section;
		void *ptr;
		size_t done;
		ax_error_t error;

		ax_guard_enter(&as->guard, &section);
		error = chunk_at(as, ax_addrspace_line(as, &section), addr, size, access, &ptr,
				 &done);
		ax_guard_leave(&section);
		if (error != AX_OK)
			return error;
		add_chunk(segments, ptr, done);
		addr += done;
		size -= done;
	}
	return AX_OK;
}

ax_error_t ax_guest_segments(struct ax_addrspace *as, ax_gpa_t start, size_t size,
			     ax_flags_t access, struct ax_guest_segment *out, size_t capacity,
			     size_t *count)
{
	struct segments segments = {.out = out, .capacity = capacity};
	ax_error_t error = AX_OK;

	if (!ax_addrspace_live(as))
		return AX_ESTATE;
	if (!count || (!out && capacity != 0) || (access & ~AX_FLAGS_ALL) != 0)
		return AX_EINVAL;
	if (size != 0) {
		error = check_range(as, start, size);
		if (error == AX_OK)
			error = check_regions(as, start.raw, size, access);
		if (error == AX_OK)
			error = find_segments(as, start.raw, size, access, &segments);
	}
	if (error != AX_OK)
		return error;
	*count = segments.count;
	return segments.count <= capacity ? AX_OK : AX_ENOSPC;
}
