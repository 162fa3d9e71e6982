/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: what the threads do
 *
 * The guest's memory, as all threads know it:
 *
 *   RAM      a lazy region. In a strict round it stays, and each thread owns chunks of it whose
 *            contents it remembers, byte by byte. Everybody faults on all of it.
 *   SLOT n   8 slots of 2 MiB, in which regions come and go. In a strict round each has one writer,
 *            who knows what is there and what is not; in a wild round everybody changes everything, and
 *            clears the space now and then. Everybody looks everywhere.
 */
#ifndef TESTS_STRESS_WORK_H
#define TESTS_STRESS_WORK_H

#include <axvisor/addrspace.h>

/** THREADS_MAX - How many threads there can be. */
#define THREADS_MAX 32u

/**
 * struct round - A space, and those who use it.
 * @as: The space.
 * @threads: How many.
 * @wild: See above.
 * @stop: No new step is begun.
 * @seed: Of the round.
 * @steps: Taken, by all.
 */
struct round {
	struct ax_addrspace as;
	unsigned threads;
	bool wild;
	bool stop;
	uint64_t seed;
	unsigned long steps;
};

/**
 * struct worker - A thread.
 * @round: Its round.
 * @index: Which it is.
 */
struct worker {
	struct round *round;
	unsigned index;
};

/** work_prepare() - Map what a round begins with. */
void work_prepare(struct round *round);

/** work() - A thread's part in a round: for pthread_create(), with a struct worker. */
void *work(void *worker);

/** work_backend_pages() - Frames that the backend has handed out. */
size_t work_backend_pages(void);

#endif /* TESTS_STRESS_WORK_H */
