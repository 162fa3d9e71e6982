/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: judging a space
 *
 * check_space() compares a space with what a test expects of it. The witness is the reference
 * walker, which reads the table's bytes: the whole tree is scanned, and every byte of it has to be
 * accounted for by an expectation; then translate, query, the limit, the regions and the counts must
 * tell the same story.
 */
#ifndef TESTS_SUPPORT_CHECK_H
#define TESTS_SUPPORT_CHECK_H

#include "formats.h"

/**
 * enum expect_kind - How a range is backed.
 * @EXPECT_LINEAR: All of it, by the host memory at @hpa.
 * @EXPECT_OWNED: All of it, by frames of the space's own.
 * @EXPECT_LAZY: An alloc region of which nothing is entered.
 * @EXPECT_PARTLY: An alloc region of which any pages are backed.
 * @EXPECT_BACKEND: A backend's region of which any pages are backed, each by the memory at the same
 *	distance from @hpa.
 */
enum expect_kind {
	EXPECT_LINEAR,
	EXPECT_OWNED,
	EXPECT_LAZY,
	EXPECT_PARTLY,
	EXPECT_BACKEND,
};

/**
 * struct expect - What is mapped in a range.
 * @gpa: First guest byte.
 * @size: Bytes.
 * @flags: As mapped or protected.
 * @kind: How it is backed.
 * @hpa: See the kinds.
 * @backend: The backend of EXPECT_BACKEND.
 */
struct expect {
	uint64_t gpa;
	uint64_t size;
	ax_flags_t flags;
	enum expect_kind kind;
	uint64_t hpa;
	const struct ax_backend *backend;
};

/**
 * check_space() - The space holds this and nothing else.
 * @s: Space. Its frames are all that came out of the port since it was made, and others' are still
 *	out.
 * @map: In ascending order, disjoint. Neighbours of one region may be two entries.
 * @count: How many.
 */
void check_space(struct test_space *s, const struct expect *map, size_t count);

/* Short names for expectations. */
#define LINEAR(gpa, size, hpa, flags)                      \
	{                                                  \
		gpa, size, flags, EXPECT_LINEAR, hpa, NULL \
	}
#define OWNED(gpa, size, flags)                         \
	{                                               \
		gpa, size, flags, EXPECT_OWNED, 0, NULL \
	}
#define LAZY(gpa, size, flags)                         \
	{                                              \
		gpa, size, flags, EXPECT_LAZY, 0, NULL \
	}
#define PARTLY(gpa, size, flags)                         \
	{                                                \
		gpa, size, flags, EXPECT_PARTLY, 0, NULL \
	}

#define CHECK_SPACE(s, ...)                                  \
	check_space(s, (const struct expect[]){__VA_ARGS__}, \
		    sizeof((const struct expect[]){__VA_ARGS__}) / sizeof(struct expect))

/** check_empty() - The space holds nothing but what it held after init. */
void check_empty(struct test_space *s);

/** check_tables() - The tree is well formed, without empty tables, and the counts agree with it. */
void check_tables(struct test_space *s);

/**
 * struct leaf_list - All leaves of a table, in ascending order.
 * @leaves: Their array, see story_realloc().
 * @count: How many.
 */
struct leaf_list {
	struct ref_leaf *leaves;
	size_t count;
	size_t capacity;
};

/** leaf_list_scan() - By the reference walker; problems in the tree fail the test. */
void leaf_list_scan(struct leaf_list *list, const struct test_space *s);

/** leaf_list_free() - Give the list back. */
void leaf_list_free(struct leaf_list *list);

/** leaf_list_find() - The leaf that maps a byte, or NULL. */
const struct ref_leaf *leaf_list_find(const struct leaf_list *list, uint64_t gpa);

/** reference_translate() - The host byte behind a guest byte as hardware sees it; false: none. */
bool reference_translate(const struct test_space *s, uint64_t gpa, uint64_t *hpa);

/** reference_allows() - Whether hardware allows the access (AX_READ | ...), user mode if AX_USER. */
bool reference_allows(const struct test_space *s, uint64_t gpa, ax_flags_t access);

/** reference_ptr() - The host's pointer to a guest byte; the test fails when it is not mapped. */
unsigned char *reference_ptr(const struct test_space *s, uint64_t gpa);

/** leaf_size_at() - Bytes of the leaf that maps a guest byte, 0 when none does. */
uint64_t leaf_size_at(const struct test_space *s, uint64_t gpa);

/**
 * struct snapshot - Everything of a space that anybody can see.
 *
 * Regions, leaves, counts, frames held, and the contents of owned memory as a hash.
 */
struct snapshot {
	struct leaf_list leaves;
	struct ax_region_info *regions;
	size_t region_count;
	struct ax_addrspace_stats stats;
	size_t held;
	uint64_t contents;
};

/** snapshot_take() - Remember it. */
void snapshot_take(struct snapshot *snapshot, const struct test_space *s);

/** snapshot_compare() - Nothing that can be seen has changed. */
void snapshot_compare(const struct snapshot *snapshot, const struct test_space *s);

/** snapshot_free() - Give it back. */
void snapshot_free(struct snapshot *snapshot);

/* The call fails so, and nothing that can be seen has changed. */
#define CHECK_REFUSED(s, call, want)               \
	do {                                       \
		struct snapshot before_call;       \
                                                   \
		snapshot_take(&before_call, s);    \
		CHECK_ERROR(call, want);           \
		snapshot_compare(&before_call, s); \
		snapshot_free(&before_call);       \
	} while (0)

/** check_bytes() - Guest bytes, all mapped, are all alike. */
void check_bytes(const struct test_space *s, uint64_t gpa, uint64_t size, unsigned char byte);

/** fill_bytes() - Write guest bytes, all mapped, as the guest would. */
void fill_bytes(const struct test_space *s, uint64_t gpa, uint64_t size, unsigned char byte);

#endif /* TESTS_SUPPORT_CHECK_H */
