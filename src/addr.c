/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: the one copy of each inline function that callers without inlines link to. */
#include <axvisor/addr.h>

/* C11 6.7.4: a declaration with extern makes this file's copy the external definition. */
extern ax_gpa_t ax_gpa(uint64_t raw);
extern bool ax_gpa_add(ax_gpa_t a, uint64_t n, ax_gpa_t *out);
extern bool ax_gpa_sub(ax_gpa_t a, uint64_t n, ax_gpa_t *out);
extern bool ax_gpa_diff(ax_gpa_t a, ax_gpa_t b, uint64_t *out);
extern ax_gpa_t ax_gpa_align_down(ax_gpa_t a, uint64_t align);
extern bool ax_gpa_align_up(ax_gpa_t a, uint64_t align, ax_gpa_t *out);
extern uint64_t ax_gpa_align_offset(ax_gpa_t a, uint64_t align);
extern bool ax_gpa_is_aligned(ax_gpa_t a, uint64_t align);
extern int ax_gpa_compare(ax_gpa_t a, ax_gpa_t b);

/*
 * The three types are alike but for their names, so a function of one has the code of all: the others are the
 * same symbols under another name. In C they are declared as what they are an alias of.
 */
#define AX_ADDRESS_ALIAS(NAME, FUNCTION)                                                          \
	extern __typeof__(ax_gpa##FUNCTION) alias_##NAME##FUNCTION __asm__("ax_" #NAME #FUNCTION) \
		__attribute__((alias("ax_gpa" #FUNCTION)))

#define AX_ADDRESS_ALIASES(NAME)               \
	AX_ADDRESS_ALIAS(NAME, );              \
	AX_ADDRESS_ALIAS(NAME, _add);          \
	AX_ADDRESS_ALIAS(NAME, _sub);          \
	AX_ADDRESS_ALIAS(NAME, _diff);         \
	AX_ADDRESS_ALIAS(NAME, _align_down);   \
	AX_ADDRESS_ALIAS(NAME, _align_up);     \
	AX_ADDRESS_ALIAS(NAME, _align_offset); \
	AX_ADDRESS_ALIAS(NAME, _is_aligned);   \
	AX_ADDRESS_ALIAS(NAME, _compare)

AX_ADDRESS_ALIASES(hpa);
AX_ADDRESS_ALIASES(gva);

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
