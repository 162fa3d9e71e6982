/* SPDX-License-Identifier: Apache-2.0 */
#include "space_model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <axvisor/frame.h>
#include <axvisor/guest.h>

#include "extents.h"
#include "mock_port.h"
#include "story.h"

#define VM_RAM     0x40000000ull
#define COPY_BYTES (5u * 4096u)

/* Where many small regions are. */
#define MANY_GPA 0x48000000ull

/* Backend memory lies here, page n of the backend's zone at page n. */
#define BACKEND_GPA  VM_RAM
#define BACKEND_SIZE (4 * M2)
#define BACKEND_HPA  (MOCK_RAM_BASE + 0x70000000ull)

static struct {
	uint64_t (*choose)(uint64_t n);
	uint64_t most_pages; /* that one map enters */
	unsigned step;
	bool no_contiguous;
	uint64_t backend_out; /* pages that the backend has given and not got back */
} model;

/* Choices */

static uint64_t draw(void)
{
	return model.choose(0);
}

static uint64_t below(uint64_t n)
{
	return model.choose(n);
}

static bool one_in(uint64_t n)
{
	return below(n) == 0;
}

/* The backend */

static ax_error_t backend_fault(void *context, ax_gpa_t gpa, ax_flags_t access, ax_hpa_t *out)
{
	(void)context;
	(void)access;
	if (gpa.raw - BACKEND_GPA >= BACKEND_SIZE)
		FAIL("the backend was asked for %#" PRIx64, gpa.raw);
	model.backend_out++;
	*out = ax_hpa(BACKEND_HPA + (gpa.raw - BACKEND_GPA));
	return AX_OK;
}

static void backend_release(void *context, ax_gpa_t gpa, ax_hpa_t hpa)
{
	(void)context;
	CHECK_EQUAL(hpa.raw, BACKEND_HPA + (gpa.raw - BACKEND_GPA));
	CHECK(model.backend_out != 0);
	model.backend_out--;
}

static const struct ax_backend_ops backend_ops = {"model", backend_fault, backend_release, true};
static const struct ax_backend backend = {&backend_ops, NULL};

static uint64_t backend_pages_mapped(const struct test_space *s)
{
	struct leaf_list leaves;
	uint64_t pages = 0;

	leaf_list_scan(&leaves, s);
	for (size_t i = 0; i < leaves.count; i++) {
		const struct expect *e = extents_find(leaves.leaves[i].gpa);

		if (e && e->kind == EXPECT_BACKEND)
			pages += leaves.leaves[i].size / K4;
	}
	leaf_list_free(&leaves);
	return pages;
}

/* Random arguments: near the places where something can go wrong */

static uint64_t space_end(const struct test_space *s)
{
	return s->base + s->size;
}

static uint64_t some_gpa(const struct test_space *s)
{
	const uint64_t points[] = {0,       VM_RAM,      VM_RAM + M2,       VM_RAM + 2 * M2,
				   2 * G1,  2 * G1 + M2, space_end(s),      space_end(s) - M2,
				   s->base, MANY_GPA,    MANY_GPA + 64 * K4};
	uint64_t gpa = points[below(sizeof(points) / sizeof(points[0]))];

	switch (below(4)) {
	case 0:
		return gpa;
	case 1:
		return gpa + below(512) * K4;
	case 2:
		return gpa - below(8) * K4;
	default:
		return gpa + below(8) * K4;
	}
}

static uint64_t some_size(bool may_be_huge)
{
	switch (below(may_be_huge ? 12 : 8)) {
	case 0:
		return K4;
	case 1:
		return M2;
	case 2:
		return M2 + below(4) * K4;
	case 3:
		return M2 - below(4) * K4;
	case 11:
		return one_in(4) ? G1 : 3 * M2;
	default:
		return (1 + below(20)) * K4;
	}
}

static uint64_t hostile_number(void)
{
	switch (below(6)) {
	case 0:
		return draw();
	case 1:
		return 0 - below(3 * K4);
	case 2:
		return 1ull << below(64);
	case 3:
		return (1ull << below(64)) - K4;
	case 4:
		return below(8);
	default:
		return UINT64_MAX;
	}
}

static ax_flags_t some_flags(const struct test_space *s)
{
	static const ax_flags_t common[] = {RAM, RAM, RW, RWX, AX_READ, RW | AX_USER};
	ax_flags_t flags;

	if (one_in(16))
		return (ax_flags_t)draw() & 0xff;
	if (!one_in(4))
		return common[below(sizeof(common) / sizeof(common[0]))];
	flags = (ax_flags_t)below(AX_FLAGS_ALL + 1);
	while (format_expressible(s->format, flags) != AX_OK)
		flags = (flags + 1) & AX_FLAGS_ALL;
	return flags;
}

struct range {
	uint64_t gpa;
	uint64_t size;
};

static struct range some_range(const struct test_space *s, bool may_be_huge)
{
	struct range r = {some_gpa(s), some_size(may_be_huge)};

	if (one_in(20))
		r.gpa = hostile_number();
	if (one_in(20))
		r.size = hostile_number();
	return r;
}

/* Errors that apply to a call, as a set; empty: it must succeed */

#define BIT(error) (1u << -(error))

static unsigned range_errors(const struct test_space *s, struct range r)
{
	unsigned errors = 0;

	if (r.gpa % K4 || r.size % K4)
		errors |= BIT(AX_EALIGN);
	if (r.gpa < s->base || r.gpa > space_end(s) || r.size > space_end(s) - r.gpa)
		errors |= BIT(AX_ERANGE);
	return errors;
}

static unsigned flag_errors(const struct test_space *s, ax_flags_t flags, bool owned)
{
	ax_error_t error = format_expressible(s->format, flags);
	unsigned errors = error == AX_OK ? 0 : BIT(error);

	return owned && (flags & AX_DEVICE) ? errors | BIT(AX_EINVAL) : errors;
}

static unsigned map_errors(const struct test_space *s, struct range r, ax_flags_t flags, bool owned)
{
	unsigned errors = range_errors(s, r) | flag_errors(s, flags, owned);

	if (r.size == 0)
		errors |= BIT(AX_EINVAL);
	if (!(errors & BIT(AX_ERANGE)) && extents_overlap(r.gpa, r.size))
		errors |= BIT(AX_EEXIST);
	return errors;
}

/* True when the call succeeded, as it had to. Memory may have been taken away. */
static bool judge(ax_error_t got, unsigned errors, unsigned long failures)
{
	bool starved = mock_failures() != failures;

	if (got == AX_OK) {
		if (errors)
			FAIL("succeeded, although errors %#x apply", errors);
		return true;
	}
	if (got == AX_ENOMEM && starved)
		return false;
	if (!(errors & BIT(got)))
		FAIL("%s, but errors %#x apply", story_error_name(got), errors);
	return false;
}

/* Now and then memory is short during a call. */
static unsigned long take_memory_away(void)
{
	if (one_in(6))
		mock_fail_after(below(8));
	else if (one_in(12))
		mock_fail_at(1 + below(6));
	return mock_failures();
}

/* The RAM for linear mappings ends where the backend's begins. */
static bool is_ram(uint64_t hpa, uint64_t size)
{
	return hpa >= MOCK_RAM_BASE && hpa < BACKEND_HPA && size <= BACKEND_HPA - hpa;
}

/* The port's own frames are nobody's to map: the model of the TLB would miss a flush of them. */
static bool touches_pool(uint64_t hpa, uint64_t size)
{
	return hpa < MOCK_POOL_BASE + MOCK_FRAMES * K4 &&
	       (hpa >= MOCK_POOL_BASE || size > MOCK_POOL_BASE - hpa);
}

/* About how many leaves a linear map takes. */
static uint64_t pages_of(const struct test_space *s, struct range r, uint64_t hpa)
{
	unsigned level = s->format->leaf_levels - 1;

	while (level && ((r.gpa ^ hpa) & (format_page_size(level) - 1)) != 0)
		level--;
	return r.size / format_page_size(level) + 512 * 2 * level;
}

static uint64_t pages_owned(void)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < extents.count; i++)
		pages += extent_is_owned(&extents.map[i]) ? extents.map[i].size / K4 : 0;
	return pages;
}

/* Steps */

static void step_map_linear(struct test_space *s)
{
	struct range r = some_range(s, true);
	ax_flags_t flags = some_flags(s);
	uint64_t hpa = MOCK_RAM_BASE + (r.gpa & (M2 - 1)) + below(4) * M2;
	unsigned errors = map_errors(s, r, flags, false);
	unsigned long failures;

	if (one_in(4))
		hpa += below(16) * K4;
	if (one_in(4))
		hpa = MOCK_RAM_BASE + (r.gpa & (G1 - 1));
	if (one_in(20))
		hpa = hostile_number();
	if (hpa % K4)
		errors |= BIT(AX_EALIGN);
	if (hpa >> s->hpa_bits || r.size > (1ull << s->hpa_bits) - hpa)
		errors |= BIT(AX_ERANGE);
	/* Of memory that is no RAM nothing can be read: as a device's it is not. */
	if (!is_ram(hpa, r.size))
		flags |= AX_DEVICE;
	errors = (errors & ~BIT(AX_ENOTSUP)) | flag_errors(s, flags, false);
	if ((pages_of(s, r, hpa) > model.most_pages || touches_pool(hpa, r.size)) && !errors)
		return;
	story_note("step %u: map_linear %#" PRIx64 " -> %#" PRIx64 " size %#" PRIx64 " flags %#x",
		   model.step, r.gpa, hpa, r.size, flags);
	failures = take_memory_away();
	if (judge(ax_addrspace_map_linear(&s->as, ax_gpa(r.gpa), ax_hpa(hpa), r.size, flags),
		  errors, failures))
		extents_add((struct expect){r.gpa, r.size, flags, EXPECT_LINEAR, hpa, NULL});
}

static void step_map_alloc(struct test_space *s)
{
	bool populate = one_in(2);
	struct range r = some_range(s, !populate);
	ax_flags_t flags = some_flags(s);
	unsigned errors = map_errors(s, r, flags, true);
	unsigned long failures;

	story_note("step %u: map_alloc %#" PRIx64 " size %#" PRIx64 " flags %#x populate %d",
		   model.step, r.gpa, r.size, flags, populate);
	/* More than the port has would be refused for that alone. */
	if (populate && !errors &&
	    (r.size / K4 > model.most_pages || r.size / K4 + pages_owned() > MOCK_FRAMES / 2))
		return;
	failures = take_memory_away();
	if (judge(ax_addrspace_map_alloc(&s->as, ax_gpa(r.gpa), r.size, flags, populate), errors,
		  failures))
		extents_add((struct expect){r.gpa, r.size, flags,
					    populate ? EXPECT_OWNED : EXPECT_PARTLY, 0, NULL});
}

/* So many regions that their set grows, shrinks and splits nodes. */
static void step_map_many(struct test_space *s)
{
	uint64_t gpa = MANY_GPA + below(256) * K4;
	uint64_t count = below(one_in(8) ? 128 : 8);
	ax_flags_t flags = some_flags(s);

	for (uint64_t i = 0; i < count && extents.count < EXTENTS_MOST / 2; i++, gpa += 2 * K4) {
		struct range r = {gpa, K4};
		unsigned errors = map_errors(s, r, flags, true);
		unsigned long failures = mock_failures();

		story_note("step %u: map_many %#" PRIx64 " flags %#x", model.step, gpa, flags);
		if (i + 1 == count)
			failures = take_memory_away();
		if (judge(ax_addrspace_map_alloc(&s->as, ax_gpa(gpa), K4, flags, false), errors,
			  failures))
			extents_add((struct expect){gpa, K4, flags, EXPECT_PARTLY, 0, NULL});
	}
}

static void step_map_backend(struct test_space *s)
{
	struct range r = {BACKEND_GPA + below(BACKEND_SIZE / K4) * K4, (1 + below(600)) * K4};
	ax_flags_t flags = some_flags(s);
	unsigned errors = map_errors(s, r, flags, false);
	unsigned long failures;

	if (r.gpa + r.size > BACKEND_GPA + BACKEND_SIZE)
		return;
	story_note("step %u: map_backend %#" PRIx64 " size %#" PRIx64 " flags %#x", model.step,
		   r.gpa, r.size, flags);
	failures = take_memory_away();
	if (judge(ax_addrspace_map_backend(&s->as, ax_gpa(r.gpa), r.size, flags, &backend), errors,
		  failures))
		extents_add((struct expect){r.gpa, r.size, flags, EXPECT_BACKEND,
					    BACKEND_HPA + (r.gpa - BACKEND_GPA), &backend});
}

static void step_unmap(struct test_space *s)
{
	struct range r = some_range(s, true);
	unsigned errors = r.size ? range_errors(s, r) : 0;
	unsigned long failures;

	story_note("step %u: unmap %#" PRIx64 " size %#" PRIx64, model.step, r.gpa, r.size);
	failures = take_memory_away();
	if (judge(ax_addrspace_unmap(&s->as, ax_gpa(r.gpa), r.size), errors, failures) && r.size) {
		extents_drop(r.gpa, r.size);
		contents_drop(r.gpa, r.size);
	}
}

static unsigned protect_errors(const struct test_space *s, struct range r, ax_flags_t flags)
{
	unsigned errors = range_errors(s, r) | flag_errors(s, flags, false);

	if (errors & (BIT(AX_ERANGE) | BIT(AX_EALIGN)))
		return errors | BIT(AX_ENOENT) | (flags & AX_DEVICE ? BIT(AX_EINVAL) : 0);
	if (extents_hole(r.gpa, r.gpa + r.size) != r.gpa + r.size)
		errors |= BIT(AX_ENOENT);
	for (size_t i = 0; (flags & AX_DEVICE) && i < extents.count; i++) {
		const struct expect *e = &extents.map[i];

		if (extent_is_owned(e) && extent_overlaps(e, r.gpa, r.size))
			errors |= BIT(AX_EINVAL);
	}
	return errors;
}

static void step_protect(struct test_space *s)
{
	struct range r = some_range(s, true);
	ax_flags_t flags = some_flags(s);
	unsigned long failures;
	unsigned errors;

	/* A random range is hardly ever mapped throughout. */
	if (!one_in(4) && extents.count) {
		const struct expect *e = &extents.map[below(extents.count)];

		r.gpa = e->gpa + below(e->size / K4) * K4;
		r.size = (1 + below((extent_end(e) - r.gpa) / K4)) * K4;
	}
	errors = r.size ? protect_errors(s, r, flags) : 0;
	/* With size 0 flags may be looked at or not. */
	if (!r.size)
		return;
	/* What is no RAM must stay a device's, or the model would let the guest's copies touch it. */
	for (size_t i = 0; i < extents.count; i++) {
		if ((extents.map[i].flags & AX_DEVICE) &&
		    extent_overlaps(&extents.map[i], r.gpa, r.size))
			flags |= AX_DEVICE;
	}
	errors = protect_errors(s, r, flags);
	story_note("step %u: protect %#" PRIx64 " size %#" PRIx64 " flags %#x", model.step, r.gpa,
		   r.size, flags);
	failures = take_memory_away();
	if (!judge(ax_addrspace_protect(&s->as, ax_gpa(r.gpa), r.size, flags), errors, failures))
		return;
	extents_cut(r.gpa);
	extents_cut(r.gpa + r.size);
	for (size_t i = 0; i < extents.count; i++) {
		if (extents.map[i].gpa >= r.gpa && extents.map[i].gpa < r.gpa + r.size)
			extents.map[i].flags = flags;
	}
}

static void step_clear(struct test_space *s)
{
	story_note("step %u: clear", model.step);
	mock_fail_after(0);
	CHECK_OK(ax_addrspace_clear(&s->as));
	mock_fail_never();
	contents_drop(0, UINT64_MAX);
	extents.count = 0;
	check_empty(s);
	CHECK_EQUAL(model.backend_out, 0);
}

static bool permits(const struct test_space *s, ax_flags_t flags, ax_flags_t access)
{
	ax_flags_t wanted = access & AX_FLAGS_ACCESS;

	if ((flags & wanted) != wanted)
		return false;
	/* Only fetches of user mode can be restricted. */
	return !(format_restricts_user(s->format) && (access & AX_USER) && (access & AX_EXECUTE)) ||
	       (flags & AX_USER);
}

static uint64_t some_byte(const struct test_space *s)
{
	if (one_in(10))
		return hostile_number();
	if (!one_in(3) && extents.count) {
		const struct expect *e = &extents.map[below(extents.count)];

		return e->gpa + below(e->size);
	}
	return some_gpa(s) + below(K4);
}

static void step_fault(struct test_space *s)
{
	uint64_t gpa = some_byte(s);
	ax_flags_t access = (ax_flags_t)below(AX_EXECUTE * 2);
	const struct expect *e = extents_find(gpa);
	enum ax_fault_result want = AX_FAULT_HANDLED;
	enum ax_fault_result got;
	unsigned long failures;

	story_note("step %u: fault %#" PRIx64 " access %#x", model.step, gpa, access);
	if (!e)
		want = AX_FAULT_NO_REGION;
	else if (!permits(s, e->flags, access))
		want = AX_FAULT_DENIED;
	failures = take_memory_away();
	got = ax_addrspace_fault(&s->as, ax_gpa(gpa), access);
	if (got == AX_FAULT_NO_MEMORY && want == AX_FAULT_HANDLED && mock_failures() != failures)
		return;
	CHECK_EQUAL(got, want);
	if (got == AX_FAULT_HANDLED)
		CHECK(reference_allows(s, gpa, access));
}

/* Errors of a guest access to each page of a range. */
static unsigned access_errors(const struct test_space *s, uint64_t gpa, uint64_t size,
			      ax_flags_t access)
{
	unsigned errors = 0;
	uint64_t at = gpa;

	if (gpa < s->base || gpa >= space_end(s) || size > space_end(s) - gpa)
		return BIT(AX_ERANGE);
	while (at < gpa + size) {
		const struct expect *e = extents_find(at);

		if (!e) {
			errors |= BIT(AX_ENOENT);
			at = extents_next(at);
			continue;
		}
		if ((e->flags & AX_DEVICE) || (e->flags & access) != access)
			errors |= BIT(AX_EACCES);
		at = extent_end(e);
	}
	return errors;
}

static unsigned char bytes[COPY_BYTES];

/* Bytes that differ from their neighbours and from those of another step. */
static void fill_buffer(uint64_t size)
{
	unsigned char byte = (unsigned char)(below(256) + model.step);

	for (uint64_t i = 0; i < size && i < COPY_BYTES; i++)
		bytes[i] = (unsigned char)(byte + i * 7);
}

/* A size for a copy: what the buffer cannot hold is refused, or it is not asked for. */
static size_t some_copy(const struct test_space *s, uint64_t gpa, ax_flags_t access)
{
	uint64_t size = 1 + below(one_in(4) ? COPY_BYTES : 64);
	uint64_t hostile = one_in(8) ? hostile_number() : 0;

	if (hostile && (hostile <= COPY_BYTES || access_errors(s, gpa, hostile, access)))
		size = hostile;
	return (size_t)size;
}

static void step_guest_write(struct test_space *s)
{
	uint64_t gpa = some_byte(s);
	size_t size = some_copy(s, gpa, AX_WRITE);
	unsigned errors = access_errors(s, gpa, size, AX_WRITE);
	unsigned long failures;

	story_note("step %u: guest_write %#" PRIx64 " size %zu", model.step, gpa, size);
	fill_buffer(size);
	failures = take_memory_away();
	if (judge(ax_guest_write(&s->as, ax_gpa(gpa), bytes, size), errors, failures))
		contents_write(gpa, bytes, size);
}

static void step_guest_read(struct test_space *s)
{
	uint64_t gpa = some_byte(s);
	size_t size = some_copy(s, gpa, AX_READ);
	unsigned errors = access_errors(s, gpa, size, AX_READ);
	unsigned long failures;

	story_note("step %u: guest_read %#" PRIx64 " size %zu", model.step, gpa, size);
	memset(bytes, 0xfe, sizeof(bytes));
	failures = take_memory_away();
	if (!judge(ax_guest_read(&s->as, ax_gpa(gpa), bytes, size), errors, failures)) {
		for (size_t i = 0; i < COPY_BYTES; i++)
			CHECK_EQUAL(bytes[i], 0xfe);
		return;
	}
	for (size_t i = 0; i<size; i += size> 64 ? 61 : 1)
		CHECK_EQUAL(bytes[i], contents_byte(gpa + i));
}

static void step_guest_volatile(struct test_space *s)
{
	size_t width = (size_t)1 << below(4);
	uint64_t gpa = some_byte(s);
	bool write = one_in(2);
	unsigned long failures;
	unsigned errors;
	ax_error_t got;

	if (!one_in(8))
		gpa -= gpa % width;
	errors = access_errors(s, gpa, width, write ? AX_WRITE : AX_READ);
	if (gpa % width)
		errors |= BIT(AX_EALIGN);
	story_note("step %u: guest_%s_volatile %#" PRIx64 " width %zu", model.step,
		   write ? "write" : "read", gpa, width);
	fill_buffer(width);
	failures = take_memory_away();
	if (write)
		got = ax_guest_write_volatile(&s->as, ax_gpa(gpa), bytes, width);
	else
		got = ax_guest_read_volatile(&s->as, ax_gpa(gpa), bytes, width);
	if (!judge(got, errors, failures))
		return;
	if (write)
		contents_write(gpa, bytes, width);
	for (size_t i = 0; i < width; i++)
		CHECK_EQUAL(bytes[i], contents_byte(gpa + i));
}

static void check_segments(const struct test_space *s, uint64_t gpa,
			   const struct ax_guest_segment *segments, size_t count, size_t size)
{
	size_t offset = 0;

	for (size_t i = 0; i < count; i++) {
		const unsigned char *at = segments[i].ptr;

		CHECK(segments[i].size != 0);
		CHECK(at == reference_ptr(s, gpa + offset));
		CHECK(!i || (unsigned char *)segments[i - 1].ptr + segments[i - 1].size != at);
		offset += segments[i].size;
		CHECK(at + segments[i].size - 1 == reference_ptr(s, gpa + offset - 1));
	}
	CHECK_EQUAL(offset, size);
}

static void step_guest_segments(struct test_space *s)
{
	struct ax_guest_segment segments[8];
	uint64_t gpa = some_byte(s);
	ax_flags_t access = (ax_flags_t)below(8);
	size_t size = some_copy(s, gpa, access);
	unsigned errors = access_errors(s, gpa, size, access);
	size_t capacity = (size_t)below(9);
	size_t count = 99;
	unsigned long failures;
	ax_error_t got;

	story_note("step %u: guest_segments %#" PRIx64 " size %zu access %#x capacity %zu",
		   model.step, gpa, size, access, capacity);
	failures = take_memory_away();
	got = ax_guest_segments(&s->as, ax_gpa(gpa), size, access, segments, capacity, &count);
	if (got == AX_ENOSPC) {
		CHECK_EQUAL(errors, 0);
		CHECK(count > capacity && count <= size / K4 + 2);
	} else if (judge(got, errors, failures)) {
		check_segments(s, gpa, segments, count, size);
	} else {
		CHECK_EQUAL(count, 99);
	}
}

/* Lowest start by the model: the hint or the end of an extent, aligned. */
static bool lowest_free(const struct test_space *s, uint64_t hint, uint64_t size, uint64_t align,
			uint64_t *out)
{
	uint64_t at = hint > s->base ? hint : s->base;

	for (size_t i = 0; i <= extents.count; i++) {
		uint64_t mask = (align > K4 ? align : K4) - 1;

		if (at > UINT64_MAX - mask)
			return false;
		at = (at + mask) & ~mask;
		if (at >= space_end(s) || size > space_end(s) - at)
			return false;
		if (i < extents.count && extent_end(&extents.map[i]) <= at)
			continue;
		if (i == extents.count || at + size <= extents.map[i].gpa) {
			*out = at;
			return true;
		}
		at = extent_end(&extents.map[i]);
	}
	return false;
}

static void step_find_free_area(struct test_space *s)
{
	uint64_t hint = some_byte(s);
	uint64_t size = one_in(8) ? hostile_number() & ~0xfffull : some_size(true);
	uint64_t align = one_in(3) ? 0 : 1ull << below(one_in(8) ? 64 : 32);
	uint64_t want = 5;
	ax_gpa_t got = ax_gpa(5);
	bool found;

	if (!size)
		return;
	story_note("step %u: find_free_area hint %#" PRIx64 " size %#" PRIx64 " align %#" PRIx64,
		   model.step, hint, size, align);
	found = lowest_free(s, hint, size, align, &want);
	CHECK_ERROR(ax_addrspace_find_free_area(&s->as, ax_gpa(hint), size, align, &got),
		    found ? AX_OK : AX_ENOENT);
	CHECK_EQUAL(got.raw, want);
}

static void step_translate(struct test_space *s)
{
	uint64_t gpa = some_byte(s);
	ax_hpa_t hpa = ax_hpa(5);
	uint64_t want = 5;
	bool mapped = reference_translate(s, gpa, &want);

	story_note("step %u: translate %#" PRIx64, model.step, gpa);
	CHECK(!mapped || extents_find(gpa));
	CHECK_ERROR(ax_addrspace_translate(&s->as, ax_gpa(gpa), &hpa), mapped ? AX_OK : AX_ENOENT);
	CHECK_EQUAL(hpa.raw, want);
}

/* The leaf and the region that come next, from any address. */
static void step_next(struct test_space *s)
{
	uint64_t from = some_byte(s);
	const struct expect *e = extents_find(from);
	uint64_t first = e ? from : extents_next(from);
	struct ax_region_info region;
	struct ax_npt_mapping mapping;
	struct leaf_list leaves;
	size_t i = 0;

	story_note("step %u: next after %#" PRIx64, model.step, from);
	CHECK_ERROR(ax_addrspace_next_region(&s->as, ax_gpa(from), &region),
		    first == UINT64_MAX ? AX_ENOENT : AX_OK);
	if (first != UINT64_MAX)
		CHECK(region.start.raw <= first && first - region.start.raw < region.size);
	leaf_list_scan(&leaves, s);
	while (i < leaves.count && leaves.leaves[i].gpa + (leaves.leaves[i].size - 1) < from)
		i++;
	CHECK_ERROR(ax_addrspace_next_mapping(&s->as, ax_gpa(from), &mapping),
		    i == leaves.count ? AX_ENOENT : AX_OK);
	if (i < leaves.count)
		CHECK_EQUAL(mapping.gpa.raw, leaves.leaves[i].gpa);
	leaf_list_free(&leaves);
}

/* What is said of the space as a whole, and of a range and the whole of a leaf. */
static void step_facts(struct test_space *s)
{
	struct range r = some_range(s, true);
	uint64_t byte = some_byte(s);
	struct ax_npt_registers registers;
	ax_hpa_t hpa = ax_hpa(0);
	uint64_t limit = 0;
	uint64_t want = 0;

	story_note("step %u: facts of %#" PRIx64, model.step, byte);
	ax_addrspace_registers(&s->as, &registers);
	CHECK_EQUAL(registers.root, s->cpu.root);
	CHECK_EQUAL(registers.control, s->cpu.control);
	CHECK_EQUAL(ax_addrspace_base(&s->as).raw, s->base);
	CHECK_EQUAL(ax_addrspace_end(&s->as).raw, space_end(s));
	CHECK_EQUAL(ax_addrspace_contains_range(&s->as, ax_gpa(r.gpa), r.size),
		    !(range_errors(s, r) & BIT(AX_ERANGE)));
	if (!reference_translate(s, byte, &want)) {
		CHECK_ERROR(
			ax_addrspace_translate_and_get_limit(&s->as, ax_gpa(byte), &hpa, &limit),
			AX_ENOENT);
		return;
	}
	CHECK_OK(ax_addrspace_translate_and_get_limit(&s->as, ax_gpa(byte), &hpa, &limit));
	CHECK_EQUAL(hpa.raw, want);
	CHECK(limit != 0 && reference_translate(s, byte + (limit - 1), &want));
	CHECK_EQUAL(want, hpa.raw + (limit - 1));
}

static void count_text(void *context, const char *text)
{
	*(size_t *)context += strlen(text);
}

/* It says something of each region, and changes nothing. */
static void step_dump(struct test_space *s)
{
	size_t held = mock_frames_held();
	struct ax_addrspace_stats stats;
	size_t whole = 0;
	size_t table = 0;

	story_note("step %u: dump", model.step);
	ax_addrspace_dump(&s->as, count_text, &whole);
	ax_npt_dump(ax_addrspace_page_table(&s->as), count_text, &table);
	ax_addrspace_stats(&s->as, &stats);
	CHECK(whole > stats.regions * 8);
	CHECK_EQUAL(mock_frames_held(), held);
}

/* Whether the port may have no contiguous frames: it says so, or owned frames lie all over it. */
static bool may_be_in_pieces(void)
{
	return model.no_contiguous || pages_owned() != 0;
}

static unsigned some_small_number(void)
{
	return one_in(8) ? (unsigned)draw() : (unsigned)below(64);
}

/* A second space of any configuration: refused, or good for hardware; and all of it goes back. */
static void step_init(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);
	size_t held = mock_frames_held();
	unsigned long failures;
	struct ax_addrspace as;
	ax_error_t error;

	config.format = (enum ax_npt_format_id)(one_in(8) ? below(8) : s->format->format);
	config.levels = some_small_number() % 8;
	config.gpa_bits = one_in(2) ? 0 : some_small_number();
	config.hpa_bits = one_in(2) ? 0 : some_small_number();
	config.granule_shift = one_in(4) ? some_small_number() : 0;
	config.tag = one_in(2) ? 1 : some_small_number();
	config.cpus = (unsigned)below(3);
	config.serialized = one_in(2);
	config.features = one_in(2) ? 0 : draw() & 0xffff;
	config.base = ax_gpa(one_in(2) ? 0 : hostile_number());
	config.size = one_in(2) ? 0 : hostile_number();
	story_note("step %u: init format %d levels %u gpa_bits %u hpa_bits %u", model.step,
		   config.format, config.levels, config.gpa_bits, config.hpa_bits);
	failures = take_memory_away();
	error = ax_addrspace_init(&as, &config);
	CHECK(error != AX_ENOMEM || mock_failures() != failures || may_be_in_pieces());
	if (error == AX_OK) {
		CHECK(ax_addrspace_size(&as) != 0);
		CHECK(ax_addrspace_contains_range(&as, ax_addrspace_base(&as),
						  ax_addrspace_size(&as)));
		CHECK(ax_addrspace_handle_page_fault(&as, ax_addrspace_base(&as), 0) == false);
	}
	ax_addrspace_destroy(&as);
	CHECK_EQUAL(mock_frames_held(), held);
}

/* Frame handles, held for a moment. */
static void step_frame(struct test_space *s)
{
	AX_FRAME_SCOPED struct ax_frame frame = AX_FRAME_EMPTY;
	size_t count = one_in(8) ? (size_t)hostile_number() : (size_t)below(8);
	size_t align = one_in(8) ? (size_t)hostile_number() : (size_t)K4 << below(4);
	size_t held = mock_frames_held();
	unsigned long failures = take_memory_away();
	ax_error_t error;

	(void)s;
	story_note("step %u: %zu frames aligned to %#zx", model.step, count, align);
	error = one_in(4) ? ax_frame_alloc_zero(&frame)
			  : ax_frame_alloc_contiguous(&frame, count, align);
	CHECK(error != AX_ENOMEM || mock_failures() != failures || may_be_in_pieces() ||
	      count > MOCK_FRAMES / 4 || align > M2);
	CHECK_EQUAL(mock_frames_held(), held + ax_frame_size(&frame) / K4);
	CHECK((ax_frame_ptr(&frame) != NULL) == (error == AX_OK));
	ax_frame_free(&frame);
	CHECK_EQUAL(mock_frames_held(), held);
}

typedef void (*step_t)(struct test_space *s);

static const step_t steps[] = {
	step_map_linear,  step_map_linear,     step_map_alloc,      step_map_alloc,
	step_map_alloc,   step_map_backend,    step_unmap,          step_unmap,
	step_protect,     step_protect,        step_fault,          step_fault,
	step_guest_write, step_guest_write,    step_guest_read,     step_guest_read,
	step_translate,   step_guest_volatile, step_guest_segments, step_find_free_area,
	step_map_many,    step_facts,          step_next,           step_dump,
	step_init,        step_frame,
};

static const step_t guest_steps[] = {
	step_guest_write, step_guest_read, step_guest_volatile, step_guest_segments, step_fault,
};

static void do_step(struct test_space *s, step_t step)
{
	model.no_contiguous = one_in(3);
	mock_set_no_contiguous(model.no_contiguous);
	step(s);
	mock_fail_never();
	model.step++;
}

void space_model_step(struct test_space *s)
{
	do_step(s, one_in(80) ? step_clear : steps[below(sizeof(steps) / sizeof(steps[0]))]);
}

void space_model_guest_step(struct test_space *s)
{
	do_step(s, guest_steps[below(sizeof(guest_steps) / sizeof(guest_steps[0]))]);
}

void space_model_map(struct test_space *s, struct expect e)
{
	switch (e.kind) {
	case EXPECT_LINEAR:
		CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(e.gpa), ax_hpa(e.hpa), e.size,
						 e.flags));
		break;
	case EXPECT_BACKEND:
		e.hpa = BACKEND_HPA + (e.gpa - BACKEND_GPA);
		e.backend = &backend;
		CHECK_OK(
			ax_addrspace_map_backend(&s->as, ax_gpa(e.gpa), e.size, e.flags, &backend));
		break;
	default:
		CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(e.gpa), e.size, e.flags,
						e.kind == EXPECT_OWNED));
	}
	if (e.kind == EXPECT_LAZY)
		e.kind = EXPECT_PARTLY;
	extents_add(e);
}

void space_model_compare(struct test_space *s)
{
	check_space(s, extents.map, extents.count);
	contents_check(s);
	CHECK_EQUAL(model.backend_out, backend_pages_mapped(s));
}

void space_model_begin(uint64_t (*choose)(uint64_t n), uint64_t most_pages)
{
	contents_forget();
	model.choose = choose;
	model.most_pages = most_pages;
	extents.count = 0;
	model.backend_out = 0;
	model.step = 0;
}

void space_model_end(struct test_space *s)
{
	space_model_compare(s);
	step_clear(s);
	contents_forget();
	story_note(NULL);
}
