/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: addresses
 *
 * Guest physical, host physical and guest virtual addresses are three types that the compiler tells
 * apart; at -O2 each costs what a uint64_t costs. Host virtual addresses are `void *`.
 *
 * For each of the three (NAME is gpa, hpa or gva):
 *
 *   ax_NAME(raw)                     the address
 *   ax_NAME_add(a, n, &out)          a + n;  false, and *out untouched, when it overflows
 *   ax_NAME_sub(a, n, &out)          a - n;  false, and *out untouched, when it would be negative
 *   ax_NAME_diff(a, b, &out)         a - b in bytes; false, and *out untouched, when a < b
 *   ax_NAME_align_down(a, align)     the multiple of align at or below
 *   ax_NAME_align_up(a, align, &out) the multiple of align at or above; false when it overflows
 *   ax_NAME_align_offset(a, align)   bytes past the multiple of align at or below
 *   ax_NAME_is_aligned(a, align)
 *   ax_NAME_compare(a, b)            -1, 0 or 1
 *
 * `align` is a power of two in bytes; 0 counts as 1. Context: any. They are inline functions and
 * also symbols of the library: a binding generator that drops inline functions defines AX_NO_INLINE
 * and sees their prototypes.
 */
#ifndef AXVISOR_ADDR_H
#define AXVISOR_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** typedef ax_gpa_t - A guest physical address. */
typedef struct {
	uint64_t raw;
} ax_gpa_t;

/** typedef ax_hpa_t - A host physical address. */
typedef struct {
	uint64_t raw;
} ax_hpa_t;

/** typedef ax_gva_t - A guest virtual address. */
typedef struct {
	uint64_t raw;
} ax_gva_t;

/** AX_PAGE_SIZE_4K - Bytes of a frame. */
#define AX_PAGE_SIZE_4K 0x1000ull
/** AX_PAGE_SIZE_2M - Bytes of a level-1 page with 4 KiB tables. */
#define AX_PAGE_SIZE_2M 0x200000ull
/** AX_PAGE_SIZE_1G - Bytes of a level-2 page with 4 KiB tables. */
#define AX_PAGE_SIZE_1G 0x40000000ull

/**
 * struct ax_gpa_range - Guest bytes [start, start + size).
 * @start: First byte.
 * @size: Bytes; 0 is the empty range. start + size may be 2^64, the top of the number space.
 */
struct ax_gpa_range {
	ax_gpa_t start;
	uint64_t size;
};

/* clang-format off */
#define AX_ADDRESS_PROTOTYPES(NAME)                                                                \
	ax_##NAME##_t ax_##NAME(uint64_t raw);                                                     \
	bool ax_##NAME##_add(ax_##NAME##_t a, uint64_t n, ax_##NAME##_t *out);                     \
	bool ax_##NAME##_sub(ax_##NAME##_t a, uint64_t n, ax_##NAME##_t *out);                     \
	bool ax_##NAME##_diff(ax_##NAME##_t a, ax_##NAME##_t b, uint64_t *out);                    \
	ax_##NAME##_t ax_##NAME##_align_down(ax_##NAME##_t a, uint64_t align);                     \
	bool ax_##NAME##_align_up(ax_##NAME##_t a, uint64_t align, ax_##NAME##_t *out);            \
	uint64_t ax_##NAME##_align_offset(ax_##NAME##_t a, uint64_t align);                        \
	bool ax_##NAME##_is_aligned(ax_##NAME##_t a, uint64_t align);                              \
	int ax_##NAME##_compare(ax_##NAME##_t a, ax_##NAME##_t b);

#define AX_ADDRESS_FUNCTIONS(NAME)                                                                 \
	inline ax_##NAME##_t ax_##NAME(uint64_t raw)                                               \
	{                                                                                          \
		ax_##NAME##_t a;                                                                   \
		a.raw = raw;                                                                       \
		return a;                                                                          \
	}                                                                                          \
	inline bool ax_##NAME##_add(ax_##NAME##_t a, uint64_t n, ax_##NAME##_t *out)               \
	{                                                                                          \
		if (n > UINT64_MAX - a.raw)                                                        \
			return false;                                                              \
		out->raw = a.raw + n;                                                              \
		return true;                                                                       \
	}                                                                                          \
	inline bool ax_##NAME##_sub(ax_##NAME##_t a, uint64_t n, ax_##NAME##_t *out)               \
	{                                                                                          \
		if (n > a.raw)                                                                     \
			return false;                                                              \
		out->raw = a.raw - n;                                                              \
		return true;                                                                       \
	}                                                                                          \
	inline bool ax_##NAME##_diff(ax_##NAME##_t a, ax_##NAME##_t b, uint64_t *out)              \
	{                                                                                          \
		if (b.raw > a.raw)                                                                 \
			return false;                                                              \
		*out = a.raw - b.raw;                                                              \
		return true;                                                                       \
	}                                                                                          \
	inline uint64_t ax_##NAME##_align_offset(ax_##NAME##_t a, uint64_t align)                  \
	{                                                                                          \
		return align ? a.raw & (align - 1u) : 0u;                                          \
	}                                                                                          \
	inline ax_##NAME##_t ax_##NAME##_align_down(ax_##NAME##_t a, uint64_t align)               \
	{                                                                                          \
		a.raw -= align ? a.raw & (align - 1u) : 0u;                                        \
		return a;                                                                          \
	}                                                                                          \
	inline bool ax_##NAME##_align_up(ax_##NAME##_t a, uint64_t align, ax_##NAME##_t *out)      \
	{                                                                                          \
		uint64_t mask = align ? align - 1u : 0u;                                           \
		if (a.raw > UINT64_MAX - mask)                                                     \
			return false;                                                              \
		out->raw = (a.raw + mask) & ~mask;                                                 \
		return true;                                                                       \
	}                                                                                          \
	inline bool ax_##NAME##_is_aligned(ax_##NAME##_t a, uint64_t align)                        \
	{                                                                                          \
		return align ? (a.raw & (align - 1u)) == 0u : true;                                \
	}                                                                                          \
	inline int ax_##NAME##_compare(ax_##NAME##_t a, ax_##NAME##_t b)                           \
	{                                                                                          \
		return (a.raw > b.raw) - (a.raw < b.raw);                                          \
	}

#ifdef AX_NO_INLINE
AX_ADDRESS_PROTOTYPES(gpa)
AX_ADDRESS_PROTOTYPES(hpa)
AX_ADDRESS_PROTOTYPES(gva)
#else
AX_ADDRESS_FUNCTIONS(gpa)
AX_ADDRESS_FUNCTIONS(hpa)
AX_ADDRESS_FUNCTIONS(gva)
#endif
/* clang-format on */

/**
 * ax_hpa_none() - "No address": all ones. 0 is a legal physical address everywhere.
 *
 * Context: any.
 */
ax_hpa_t ax_hpa_none(void);

/** AX_HPA_NONE - ax_hpa_none() without a call. */
#define AX_HPA_NONE (ax_hpa(UINT64_MAX))

/**
 * ax_hpa_is_none() - Whether @a is AX_HPA_NONE.
 * @a: Any address.
 *
 * Context: any.
 */
bool ax_hpa_is_none(ax_hpa_t a);

/**
 * ax_gpa_range_contains() - Whether a byte is in a range.
 * @range: Any range. What runs past the top of the number space ends there.
 * @a: Any address.
 *
 * Context: any.
 */
bool ax_gpa_range_contains(struct ax_gpa_range range, ax_gpa_t a);

/**
 * ax_gpa_range_contains_range() - Whether all of @inner is in @outer.
 * @outer: Any range.
 * @inner: Any range. An empty one is inside when its start is in @outer or at its end; one that runs
 *	past the top of the number space is inside nothing.
 *
 * Context: any.
 */
bool ax_gpa_range_contains_range(struct ax_gpa_range outer, struct ax_gpa_range inner);

/**
 * ax_gpa_range_overlaps() - Whether two ranges share a byte. An empty range overlaps nothing.
 * @a: Any range.
 * @b: Any range.
 *
 * Context: any.
 */
bool ax_gpa_range_overlaps(struct ax_gpa_range a, struct ax_gpa_range b);

#ifdef __cplusplus
}
#endif

#endif /* AXVISOR_ADDR_H */
