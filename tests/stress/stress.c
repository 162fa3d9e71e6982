/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many threads on one space, for a while, on each table format; then every frame is accounted for.
 *
 *	stress [SECONDS of each format [THREADS [SEED]]]
 *
 * A format's time is cut into rounds, each with a space of its own: strict ones, in which threads know
 * what must be where, and wild ones; with hardware that writes accessed and dirty bits, where the format
 * has it, and without. The seed fixes what each thread wants to do, not when.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "port.h"
#include "vcpu.h"
#include "work.h"

/* A thread that hangs is as wrong as one that goes wrong. */
#define PATIENCE_SECONDS 60u
#define ROUNDS           4u

static const struct format {
	enum ax_npt_format_id id;
	const char *name;
} formats[] = {
	{AX_NPT_EPT, "EPT"},
	{AX_NPT_AMD, "NPT"},
	{AX_NPT_STAGE2, "stage 2"},
	{AX_NPT_GSTAGE, "G-stage"},
};

static uint64_t accessed_dirty(enum ax_npt_format_id format)
{
	struct ax_npt_capabilities capabilities;

	if (ax_npt_capabilities(format, &capabilities) != AX_OK)
		die("no capabilities");
	return capabilities.features & AX_NPT_FEATURE_ACCESSED_DIRTY;
}

/* With more threads than cores, what a writer waits for may not even run. */
static void let_others_run(void *context)
{
	(void)context;
	sched_yield();
}

static void init_space(struct round *round, enum ax_npt_format_id format)
{
	const struct ax_addrspace_config config = {
		.format = format,
		.cpus = round->threads,
		.features = round->seed % 4 < 2 ? 0 : accessed_dirty(format),
		.direct_map = round->seed % 3 == 0,
		.direct_map_offset = port_offset(),
		.relax = let_others_run,
	};

	if (ax_addrspace_init(&round->as, &config) != AX_OK)
		die("no space");
}

static void run_threads(struct round *round, double seconds)
{
	struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
	struct worker workers[THREADS_MAX];
	pthread_t threads[THREADS_MAX];

	for (unsigned i = 0; i < round->threads; i++) {
		workers[i] = (struct worker){round, i};
		if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
			die("no thread");
	}
	nanosleep(&time, NULL);
	__atomic_store_n(&round->stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < round->threads; i++) {
		if (pthread_join(threads[i], NULL) != 0)
			die("no join");
	}
}

static size_t frames_of(const struct ax_addrspace_stats *stats)
{
	return stats->table_frames + stats->owned_frames + stats->region_frames +
	       stats->guard_frames;
}

/* What the space says that it holds, and what the port says that is out. */
static void account(const struct ax_addrspace *as, const char *when)
{
	struct ax_addrspace_stats stats;

	ax_addrspace_stats(as, &stats);
	if (frames_of(&stats) + work_backend_pages() != port_held())
		die("%s: %zu frames are out, %zu are the space's and %zu the backend's", when,
		    port_held(), frames_of(&stats), work_backend_pages());
}

static void run_round(struct round *round, enum ax_npt_format_id format, double seconds)
{
	size_t empty;

	init_space(round, format);
	empty = port_held();
	work_prepare(round);
	run_threads(round, seconds);
	account(&round->as, "after a round");
	if (ax_addrspace_clear(&round->as) != AX_OK)
		die("clear");
	account(&round->as, "after clear");
	if (port_held() != empty || work_backend_pages() != 0)
		die("after clear: %zu frames are out, not %zu", port_held(), empty);
	ax_addrspace_destroy(&round->as);
	vcpus_reset();
	if (port_held() != 0)
		die("after destroy: %zu frames are out", port_held());
}

static void run_format(const struct format *format, double seconds, unsigned threads, uint64_t seed)
{
	unsigned long steps = 0;

	alarm((unsigned)seconds + PATIENCE_SECONDS);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct round round = {.threads = threads, .wild = i % 2 != 0, .seed = seed + i};

		run_round(&round, format->id, seconds / ROUNDS);
		steps += round.steps;
	}
	alarm(0);
	printf("ok    %-8s %9lu steps\n", format->name, steps);
}

int main(int argc, char **argv)
{
	const size_t count = sizeof(formats) / sizeof(*formats);
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 1;
	unsigned threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0)
				    : (unsigned)sysconf(_SC_NPROCESSORS_ONLN) * 2 + 2;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t)time(NULL);

	if (threads < 2 || threads > THREADS_MAX || seconds <= 0)
		die("2 to %u threads, for a time", THREADS_MAX);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%u threads, %g s a format, seed %llu\n", threads, seconds,
	       (unsigned long long)seed);
	port_start();
	for (size_t i = 0; i < count; i++)
		run_format(&formats[i], seconds, threads, seed * ROUNDS);
	printf("%lu allocations were made to fail\n%zu passed, 0 failed\n", port_failures(), count);
	return 0;
}
