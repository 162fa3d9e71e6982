/* SPDX-License-Identifier: Apache-2.0 */
#include "extents.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mock_port.h"
#include "story.h"

struct extents extents;

uint64_t extent_end(const struct expect *e)
{
	return e->gpa + e->size;
}

static void insert_at(size_t index, struct expect e)
{
	CHECK(extents.count < EXTENTS_MOST);
	memmove(&extents.map[index + 1], &extents.map[index],
		(extents.count - index) * sizeof(extents.map[0]));
	extents.map[index] = e;
	extents.count++;
}

static void remove_at(size_t index)
{
	extents.count--;
	memmove(&extents.map[index], &extents.map[index + 1],
		(extents.count - index) * sizeof(extents.map[0]));
}

void extents_cut(uint64_t gpa)
{
	for (size_t i = 0; i < extents.count; i++) {
		struct expect *e = &extents.map[i];
		struct expect tail = *e;

		if (gpa <= e->gpa || gpa >= extent_end(e))
			continue;
		tail.gpa = gpa;
		tail.size = extent_end(e) - gpa;
		tail.hpa += gpa - e->gpa;
		e->size = gpa - e->gpa;
		insert_at(i + 1, tail);
		return;
	}
}

void extents_add(struct expect e)
{
	size_t i = 0;

	while (i < extents.count && extents.map[i].gpa < e.gpa)
		i++;
	insert_at(i, e);
}

void extents_drop(uint64_t gpa, uint64_t size)
{
	extents_cut(gpa);
	extents_cut(gpa + size);
	for (size_t i = extents.count; i-- > 0;) {
		if (extents.map[i].gpa >= gpa && extents.map[i].gpa < gpa + size)
			remove_at(i);
	}
}

const struct expect *extents_find(uint64_t gpa)
{
	for (size_t i = 0; i < extents.count; i++) {
		if (gpa - extents.map[i].gpa < extents.map[i].size)
			return &extents.map[i];
	}
	return NULL;
}

bool extent_overlaps(const struct expect *e, uint64_t gpa, uint64_t size)
{
	return gpa < extent_end(e) && e->gpa < gpa + size;
}

bool extents_overlap(uint64_t gpa, uint64_t size)
{
	for (size_t i = 0; i < extents.count; i++) {
		if (extent_overlaps(&extents.map[i], gpa, size))
			return true;
	}
	return false;
}

uint64_t extents_hole(uint64_t gpa, uint64_t end)
{
	const struct expect *e;

	while (gpa < end && (e = extents_find(gpa)))
		gpa = extent_end(e);
	return gpa < end ? gpa : end;
}

uint64_t extents_next(uint64_t gpa)
{
	for (size_t i = 0; i < extents.count; i++) {
		if (extents.map[i].gpa > gpa)
			return extents.map[i].gpa;
	}
	return UINT64_MAX;
}

/* Contents: what was written, page by page; owned memory by its guest page, other by its host page */

struct shadow {
	uint64_t key; /* page address; bit 0: owned */
	unsigned char bytes[4096];
	struct shadow *next;
};

static struct shadow *shadows;

static struct shadow *find_shadow(uint64_t key)
{
	for (struct shadow *shadow = shadows; shadow; shadow = shadow->next) {
		if (shadow->key == key)
			return shadow;
	}
	return NULL;
}

static struct shadow *make_shadow(uint64_t key)
{
	struct shadow *shadow = find_shadow(key);

	if (shadow)
		return shadow;
	shadow = calloc(1, sizeof(*shadow));
	if (!shadow)
		FAIL("the test itself ran out of memory");
	shadow->key = key;
	shadow->next = shadows;
	shadows = shadow;
	return shadow;
}

void contents_drop(uint64_t gpa, uint64_t size)
{
	struct shadow **link = &shadows;

	while (*link) {
		struct shadow *shadow = *link;

		if ((shadow->key & 1) && shadow->key - gpa < size) {
			*link = shadow->next;
			free(shadow);
		} else {
			link = &shadow->next;
		}
	}
}

void contents_forget(void)
{
	while (shadows) {
		struct shadow *next = shadows->next;

		if (!(shadows->key & 1))
			memset(mock_ptr(shadows->key), 0, K4);
		free(shadows);
		shadows = next;
	}
}

bool extent_is_owned(const struct expect *e)
{
	return e->kind == EXPECT_OWNED || e->kind == EXPECT_PARTLY;
}

static uint64_t shadow_key(uint64_t gpa)
{
	const struct expect *e = extents_find(gpa);
	uint64_t page = gpa & ~0xfffull;

	CHECK(e);
	return extent_is_owned(e) ? page | 1 : e->hpa + (page - e->gpa);
}

unsigned char contents_byte(uint64_t gpa)
{
	const struct shadow *shadow = find_shadow(shadow_key(gpa));

	return shadow ? shadow->bytes[gpa & 0xfff] : 0;
}

void contents_write(uint64_t gpa, const unsigned char *bytes, size_t size)
{
	struct shadow *shadow = NULL;

	for (size_t i = 0; i < size; i++) {
		if (!shadow || (gpa + i) % K4 == 0)
			shadow = make_shadow(shadow_key(gpa + i));
		shadow->bytes[(gpa + i) & 0xfff] = bytes[i];
	}
}

void contents_check(const struct test_space *s)
{
	for (const struct shadow *shadow = shadows; shadow; shadow = shadow->next) {
		uint64_t page = shadow->key & ~0xfffull;
		const void *bytes = shadow->key & 1 ? reference_ptr(s, page) : mock_ptr(page);

		if (memcmp(bytes, shadow->bytes, K4) != 0)
			FAIL("contents of %s page %#" PRIx64 " differ",
			     shadow->key & 1 ? "owned" : "host", page);
	}
}
