/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The benchmark: what a case is, and what runs it.
 *
 * Each case does one piece of work in up to three ways, which are measured by turns: by the library, by
 * the least that anybody has to do for it (the limit), and by an engine out of a textbook. What a case
 * reports is a time for each operation and, since machines are noisy and differ, the ratio to the limit
 * that was measured right beside it.
 *
 *   main.c      arguments, the table, bench.csv, instruction counts
 *   measure.c   taking turns, medians
 *   port.c      the port: an arena
 *   limits.c    the least work
 *   textbook.c  the textbook engine
 *   cases_*.c   the cases
 *   growth.c    how cost grows with the size of the guest and the number of regions
 *   frames.c    tables against the fewest possible
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <axvisor/addrspace.h>
#include <axvisor/guest.h>

#include "limits.h"
#include "textbook.h"

#define KIB  UINT64_C(0x400)
#define MIB  UINT64_C(0x100000)
#define GIB  UINT64_C(0x40000000)
#define TIB  UINT64_C(0x10000000000)
#define PAGE UINT64_C(0x1000)

#define BENCH_RW  (AX_READ | AX_WRITE)
#define BENCH_RWX (AX_READ | AX_WRITE | AX_EXECUTE | AX_USER)

/* A table format as the benchmark configures it. */
struct bench_format {
	const char *name;
	enum ax_npt_format_id id;
	unsigned levels;
	uint64_t feature_1g;
};

extern const struct bench_format bench_formats[];
extern const size_t bench_format_count;

/*
 * What the works of one case share. @order holds guest or host addresses, one for each operation;
 * whatever a work reads or computes it adds to @sum, so that no compiler can leave it out.
 */
struct bench {
	const struct bench_format *format;
	const struct bench_case *of;
	struct ax_addrspace as;
	struct textbook textbook;
	struct limit_tables tables;
	struct limit_frames frames;
	struct limit_array array;
	uint64_t *order;
	uint8_t *memory;
	uint8_t *buffer; /* in it */
	uint64_t sum;
};

/**
 * struct bench_work - One way to do it.
 * @before: Not measured: makes what @run takes for granted. Any of the three may be NULL.
 * @run: Measured: @ops operations.
 * @after: Not measured.
 * @ops: Operations of one run, when not the case's.
 */
struct bench_work {
	void (*before)(struct bench *b);
	void (*run)(struct bench *b);
	void (*after)(struct bench *b);
	uint64_t ops;
};

/**
 * struct bench_case - A case.
 * @name: Unique.
 * @unit: One operation.
 * @ops: Operations of one run.
 * @ratio: Target: no more than this times the limit. 0: none; likewise the next two.
 * @nanos: Target: no more nanoseconds an operation than this.
 * @instructions: Target: no more instructions an operation than this.
 * @size: For @set_up.
 * @one_format: What is measured has no table: one format will do.
 * @set_up: Once for each format.
 * @tear_down: Likewise.
 * @library: What is measured.
 * @limit: The least work; may be empty.
 * @textbook: The plain engine; may be empty.
 */
struct bench_case {
	const char *name;
	const char *unit;
	uint64_t ops;
	double ratio;
	double nanos;
	double instructions;
	size_t size;
	bool one_format;
	void (*set_up)(struct bench *b);
	void (*tear_down)(struct bench *b);
	struct bench_work library;
	struct bench_work limit;
	struct bench_work textbook;
};

struct bench_topic {
	const struct bench_case *cases;
	size_t count;
};

extern const struct bench_topic bench_map, bench_fault, bench_query, bench_guest, bench_region;

/* Nanoseconds an operation, and ratios; 0 where there is nothing to measure. */
struct bench_result {
	double median, min, max;
	double limit;
	double ratio; /* median of the ratios of single turns */
	double textbook;
	double textbook_ratio;
};

/**
 * bench_count() - Run a case that is set up once by the library, and have valgrind's callgrind dump what
 * it executed under the name `CASE|FORMAT|OPS`.
 */
void bench_count(struct bench *b);

/** bench_measure() - Run a case that is set up, each way in turn, @turns times after one to warm up. */
struct bench_result bench_measure(struct bench *b, unsigned turns);

/** bench_now() - Nanoseconds. */
double bench_now(void);

/** bench_check() - Stop when something failed that never should: a wrong benchmark measures nothing. */
void bench_check(bool ok, const char *what);

/** bench_config() - The configuration of a space for one CPU, with a direct map. */
struct ax_addrspace_config bench_config(const struct bench_format *format);

/** bench_open() - Make b->as by bench_config(). */
void bench_open(struct bench *b);

/** bench_open_with() - Make b->as. */
void bench_open_with(struct bench *b, const struct ax_addrspace_config *config);

/** bench_close() - Destroy b->as and see that every frame came back. */
void bench_close(struct bench *b);

/** bench_order() - Fill b->order with @count addresses from @start, @step apart, shuffled or not. */
void bench_order(struct bench *b, uint64_t start, uint64_t step, size_t count, bool shuffled);

/* The port. */

/* Frames are from here on up, as the guest's own memory is on most machines. */
#define BENCH_RAM_BASE UINT64_C(0x100000000)

/** bench_port_open() - Map the arena and touch all of it. */
void bench_port_open(void);

/** bench_port_reset() - Put all frames in order again: every case begins with the same. */
void bench_port_reset(void);

/** bench_direct_offset() - Virtual minus physical address of the arena. */
uint64_t bench_direct_offset(void);

/** bench_frames_used() - Frames that are out now. */
size_t bench_frames_used(void);

/* Contiguous frames are refused while this is false, so that populated memory is in pages. */
extern bool bench_port_blocks;

/* Pages of guest memory are not zeroed while this is false; see unzeroed.h. */
extern bool bench_zeroing;

/** bench_growth() - Print how cost grows. */
void bench_growth(void);

/** bench_table_frames() - Print frames of tables beside the least. Return: whether they are equal. */
bool bench_table_frames(void);

#endif /* BENCH_H */
