/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations on a space of every configuration, against the plain model of space_model.h. After
 * each step the answer must be one that the model allows; every few steps all that can be seen of the
 * space is compared with it.
 *
 * AX_SEED and AX_STEPS of the environment choose the run. The seed is printed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "space_model.h"
#include "story.h"

/* Leaves of one map: as many as 16 MiB are in the smallest. */
#define MOST_PAGES 4096u

static uint64_t state;

/* splitmix64 */
static uint64_t choose(uint64_t n)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	z ^= z >> 31;
	return n ? z % n : z;
}

static uint64_t environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void random_operations(struct test_space *s)
{
	unsigned count = (unsigned)environment("AX_STEPS", 80);

	/* Its own sequence for each configuration. */
	state = environment("AX_SEED", 1) * 1000003u + s->cpus;
	for (const char *c = s->format->name; *c; c++)
		state = state * 31 + (unsigned char)*c;
	space_model_begin(choose, MOST_PAGES);
	for (unsigned i = 0; i < count; i++) {
		space_model_step(s);
		if (choose(8) == 0)
			space_model_compare(s);
	}
	space_model_end(s);
}

static void random_operations_agree_with_a_plain_model(struct test_space *s)
{
	random_operations(s);
}

/* Without a guard, and the other CPUs' hardware is to be told all the same. */
static void they_do_under_a_lock_of_the_ports(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);

	if (s->cpus == 1)
		return;
	config.serialized = true;
	space_remake(s, &config);
	random_operations(s);
}

int main(void)
{
	static const struct story stories[] = {
		STORY(random_operations_agree_with_a_plain_model),
		STORY_FEW(they_do_under_a_lock_of_the_ports),
	};

	printf("AX_SEED=%" PRIu64 "\n", environment("AX_SEED", 1));
	fflush(stdout);
	return STORIES_RUN("random operations", stories);
}
