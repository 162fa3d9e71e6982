/* SPDX-License-Identifier: Apache-2.0 */
/* Taking turns, and medians. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#endif

#include "bench.h"

const struct bench_format bench_formats[] = {
	{"EPT", AX_NPT_EPT, 4, AX_NPT_FEATURE_1G},
	{"NPT", AX_NPT_AMD, 4, AX_NPT_FEATURE_1G},
	{"stage2", AX_NPT_STAGE2, 4, 0},
	{"gstage", AX_NPT_GSTAGE, 4, 0},
};

const size_t bench_format_count = sizeof(bench_formats) / sizeof(bench_formats[0]);

double bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

void bench_check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench: not so: %s\n", what);
	exit(1);
}

struct ax_addrspace_config bench_config(const struct bench_format *format)
{
	return (struct ax_addrspace_config){
		.format = format->id,
		.levels = format->levels,
		.features = format->feature_1g,
		.cpus = 1,
		.direct_map = true,
		.direct_map_offset = bench_direct_offset(),
	};
}

void bench_open_with(struct bench *b, const struct ax_addrspace_config *config)
{
	bench_check(ax_addrspace_init(&b->as, config) == AX_OK, "init");
}

void bench_open(struct bench *b)
{
	struct ax_addrspace_config config = bench_config(b->format);

	bench_open_with(b, &config);
}

void bench_close(struct bench *b)
{
	ax_addrspace_destroy(&b->as);
}

/* xorshift64*: the same order on every machine. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

void bench_order(struct bench *b, uint64_t start, uint64_t step, size_t count, bool shuffled)
{
	uint64_t state = 1;

	b->order = realloc(b->order, count * sizeof(*b->order));
	for (size_t i = 0; i < count; i++)
		b->order[i] = start + i * step;
	for (size_t i = count - 1; shuffled && i > 0; i--) {
		size_t j = next_random(&state) % (i + 1);
		uint64_t other = b->order[i];

		b->order[i] = b->order[j];
		b->order[j] = other;
	}
}

/* One run of one work: nanoseconds an operation, or 0 when there is none. */
static double turn(struct bench *b, const struct bench_work *work)
{
	double start;
	double end;

	if (!work->run)
		return 0;
	if (work->before)
		work->before(b);
	start = bench_now();
	work->run(b);
	end = bench_now();
	if (work->after)
		work->after(b);
	return (end - start) / (double)(work->ops ? work->ops : b->of->ops);
}

void bench_count(struct bench *b)
{
#ifdef CALLGRIND_DUMP_STATS_AT
	const struct bench_work *work = &b->of->library;
	char name[128];

	snprintf(name, sizeof(name), "%s|%s|%llu", b->of->name, b->format->name,
		 (unsigned long long)(work->ops ? work->ops : b->of->ops));
	if (work->before)
		work->before(b);
	CALLGRIND_START_INSTRUMENTATION;
	work->run(b);
	CALLGRIND_STOP_INSTRUMENTATION;
	CALLGRIND_DUMP_STATS_AT(name);
	if (work->after)
		work->after(b);
#else
	(void)b;
#endif
}

static int compare(const void *a, const void *b)
{
	const double *x = a;
	const double *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

struct bench_result bench_measure(struct bench *b, unsigned turns)
{
	double *values = calloc((size_t)turns * 5, sizeof(*values));
	double *library = values, *limit = values + turns, *textbook = values + 2 * turns;
	double *ratio = values + 3 * turns, *textbook_ratio = values + 4 * turns;
	struct bench_result result;

	turn(b, &b->of->limit);
	turn(b, &b->of->library);
	turn(b, &b->of->textbook);
	for (unsigned i = 0; i < turns; i++) {
		limit[i] = turn(b, &b->of->limit);
		library[i] = turn(b, &b->of->library);
		textbook[i] = turn(b, &b->of->textbook);
		ratio[i] = limit[i] > 0 ? library[i] / limit[i] : 0;
		textbook_ratio[i] = limit[i] > 0 ? textbook[i] / limit[i] : 0;
	}
	result.median = median(library, turns);
	result.min = library[0];
	result.max = library[turns - 1];
	result.limit = median(limit, turns);
	result.textbook = median(textbook, turns);
	result.ratio = median(ratio, turns);
	result.textbook_ratio = median(textbook_ratio, turns);
	free(values);
	return result;
}
