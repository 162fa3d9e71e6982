/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: the one copy of each inline function that callers without inlines link to. */
#include <axvisor/addr.h>

/* C11 6.7.4: a declaration with extern makes this file's copy the external definition. */
#define AX_ADDRESS_EXTERN(NAME)                                                                \
	extern ax_##NAME##_t ax_##NAME(uint64_t raw);                                          \
	extern bool ax_##NAME##_add(ax_##NAME##_t a, uint64_t n, ax_##NAME##_t *out);          \
	extern bool ax_##NAME##_sub(ax_##NAME##_t a, uint64_t n, ax_##NAME##_t *out);          \
	extern bool ax_##NAME##_diff(ax_##NAME##_t a, ax_##NAME##_t b, uint64_t *out);         \
	extern ax_##NAME##_t ax_##NAME##_align_down(ax_##NAME##_t a, uint64_t align);          \
	extern bool ax_##NAME##_align_up(ax_##NAME##_t a, uint64_t align, ax_##NAME##_t *out); \
	extern uint64_t ax_##NAME##_align_offset(ax_##NAME##_t a, uint64_t align);             \
	extern bool ax_##NAME##_is_aligned(ax_##NAME##_t a, uint64_t align);                   \
	extern int ax_##NAME##_compare(ax_##NAME##_t a, ax_##NAME##_t b)

AX_ADDRESS_EXTERN(gpa);
AX_ADDRESS_EXTERN(hpa);
AX_ADDRESS_EXTERN(gva);

ax_hpa_t ax_hpa_none(void)
{
	return ax_hpa(UINT64_MAX);
}

bool ax_hpa_is_none(ax_hpa_t a)
{
	return a.raw == UINT64_MAX;
}

bool ax_gpa_range_contains(struct ax_gpa_range range, ax_gpa_t a)
{
	return a.raw >= range.start.raw && a.raw - range.start.raw < range.size;
}

bool ax_gpa_range_contains_range(struct ax_gpa_range outer, struct ax_gpa_range inner)
{
	uint64_t offset;

	if (!ax_gpa_diff(inner.start, outer.start, &offset) || offset > outer.size)
		return false;
	/* The second test: inner may end at 2^64, where its last byte is still a number. */
	return inner.size <= outer.size - offset &&
	       (inner.size == 0 || inner.size - 1 <= UINT64_MAX - inner.start.raw);
}

bool ax_gpa_range_overlaps(struct ax_gpa_range a, struct ax_gpa_range b)
{
	if (a.size == 0 || b.size == 0)
		return false;
	return ax_gpa_range_contains(a, b.start) || ax_gpa_range_contains(b, a.start);
}
