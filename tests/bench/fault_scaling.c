/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many faults a second several CPUs serve side by side, next to the same work behind one mutex.
 *
 *	fault_scaling [SECONDS of each line]
 *
 * Each thread backs pages of a lazy region, 4 KiB each, zeroed; the frames come from lists of the
 * threads' own, so that what is measured is the library. Three ways:
 *
 *   guard   the space is for as many CPUs as there are threads, each with pages of its own
 *   same    the same, and all threads want the same pages: each page is served once
 *   mutex   the space is for one CPU, and a mutex around each call
 *
 * Atomic operations of a fault, by reading the code:
 *
 *           on lines of this CPU alone                    on lines that all CPUs write
 *   guard   1 compare-and-swap, 1 store (slot)            none; the entry itself takes one
 *           1 counter, plain; 2 where it links tables     compare-and-swap, on a line that 8 pages share
 *   mutex   none but the entry's                          2: the mutex, to lock and to unlock
 *
 * More threads than cores show what a thread costs that is preempted: inside a section it keeps nobody
 * but a writer, with the mutex it keeps all.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <axvisor/addrspace.h>
#include <axvisor/memory.h>

AX_API_IMPLEMENT(ax_memory, AX_MEMORY_VERSION, AX_MEMORY_API);

#define PAGE        4096u
#define THREADS_MAX 32u
#define PAGES       1024u         /* that one run backs, by all threads together */
#define SHARE       (PAGES + 64u) /* frames of a thread: it may back them all, with their tables */
#define FRAMES      ((THREADS_MAX + 1u) * SHARE)
#define RUNS_MAX    10000u
#define BASE        0x40000000ull

static unsigned char *memory;

/* Frames, linked through themselves: of a thread, and those that the main thread shares out. */
static _Thread_local void **own;
static void **shared;

static void put(void ***list, void **frame)
{
	*frame = *list;
	*list = frame;
}

ax_hpa_t ax_memory_alloc_frame(void)
{
	void **frame = own;

	if (!frame)
		return AX_HPA_NONE;
	own = *frame;
	return ax_memory_virt_to_phys(frame);
}

void ax_memory_dealloc_frame(ax_hpa_t frame)
{
	put(&own, ax_memory_phys_to_virt(frame));
}

ax_hpa_t ax_memory_alloc_contiguous_frames(size_t count, size_t align)
{
	(void)count;
	(void)align;
	return AX_HPA_NONE;
}

void ax_memory_dealloc_contiguous_frames(ax_hpa_t first, size_t count)
{
	(void)first;
	(void)count;
}

void *ax_memory_phys_to_virt(ax_hpa_t pa)
{
	return memory + pa.raw;
}

ax_hpa_t ax_memory_virt_to_phys(const void *va)
{
	return ax_hpa((uint64_t)((const unsigned char *)va - memory));
}

/**
 * struct run - A way to work, and who works.
 * @threads: How many.
 * @same: All on the same pages.
 * @lock: Around each call, or NULL.
 */
struct run {
	struct ax_addrspace as;
	unsigned threads;
	bool same;
	pthread_mutex_t *lock;
	pthread_barrier_t begin;
	pthread_barrier_t end;
	pthread_mutex_t sharing;
	bool over;
};

struct worker {
	struct run *run;
	unsigned index;
};

static void fault(struct run *run, uint64_t gpa)
{
	if (run->lock)
		pthread_mutex_lock(run->lock);
	if (!ax_addrspace_handle_page_fault(&run->as, ax_gpa(gpa), AX_WRITE))
		abort();
	if (run->lock)
		pthread_mutex_unlock(run->lock);
}

/* A share of the frames, for the pages to come and the tables; and back what is left. */
static void take_share(struct run *run)
{
	pthread_mutex_lock(&run->sharing);
	for (unsigned i = 0; i < SHARE && shared; i++) {
		void **frame = shared;

		shared = *frame;
		put(&own, frame);
	}
	pthread_mutex_unlock(&run->sharing);
}

static void give_back(struct run *run)
{
	pthread_mutex_lock(&run->sharing);
	while (own) {
		void **frame = own;

		own = *frame;
		put(&shared, frame);
	}
	pthread_mutex_unlock(&run->sharing);
}

static void *work(void *context)
{
	const struct worker *worker = context;
	struct run *run = worker->run;
	uint64_t pages = run->same ? PAGES : PAGES / run->threads;
	uint64_t first = BASE + (run->same ? 0 : worker->index * pages * PAGE);

	for (;;) {
		take_share(run);
		pthread_barrier_wait(&run->begin);
		if (run->over)
			break;
		for (uint64_t i = 0; i < pages; i++)
			fault(run, first + i * PAGE);
		pthread_barrier_wait(&run->end);
		give_back(run);
		pthread_barrier_wait(&run->end);
	}
	give_back(run);
	return NULL;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void must(ax_error_t error)
{
	if (error != AX_OK) {
		fprintf(stderr, "fault_scaling: %s\n", ax_strerror(error));
		exit(1);
	}
}

static void init_space(struct run *run)
{
	const struct ax_addrspace_config config = {
		.format = AX_NPT_STAGE2,
		.cpus = run->lock ? 1 : run->threads + 1,
		.direct_map = true,
		.direct_map_offset = (uint64_t)(uintptr_t)memory,
	};

	take_share(run);
	must(ax_addrspace_init(&run->as, &config));
	must(ax_addrspace_map_alloc(&run->as, ax_gpa(BASE), PAGES * PAGE, AX_READ | AX_WRITE,
				    false));
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Faults a second that backed a page: of the middle one of all runs, since others use the machine too. */
static double measure(unsigned threads, bool same, pthread_mutex_t *lock, double seconds)
{
	struct run run = {.threads = threads, .same = same, .lock = lock};
	struct worker workers[THREADS_MAX];
	pthread_t handles[THREADS_MAX];
	double faults = same ? PAGES : PAGES / threads * threads;
	double end = now() + seconds;
	static double times[RUNS_MAX];
	size_t runs = 0;

	pthread_mutex_init(&run.sharing, NULL);
	pthread_barrier_init(&run.begin, NULL, threads + 1);
	pthread_barrier_init(&run.end, NULL, threads + 1);
	init_space(&run);
	for (unsigned i = 0; i < threads; i++) {
		workers[i] = (struct worker){&run, i};
		if (pthread_create(&handles[i], NULL, work, &workers[i]) != 0)
			exit(1);
	}
	while (runs == 0 || (now() < end && runs < RUNS_MAX)) {
		double start;

		pthread_barrier_wait(&run.begin);
		start = now();
		pthread_barrier_wait(&run.end);
		times[runs++] = now() - start;
		must(ax_addrspace_unmap(&run.as, ax_gpa(BASE), PAGES * PAGE));
		must(ax_addrspace_map_alloc(&run.as, ax_gpa(BASE), PAGES * PAGE, AX_READ | AX_WRITE,
					    false));
		give_back(&run);
		take_share(&run);
		pthread_barrier_wait(&run.end);
	}
	run.over = true;
	pthread_barrier_wait(&run.begin);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(handles[i], NULL);
	ax_addrspace_destroy(&run.as);
	give_back(&run);
	qsort(times, runs, sizeof(*times), compare);
	return faults / times[runs / 2];
}

int main(int argc, char **argv)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 1;
	unsigned cores = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	unsigned counts[] = {1, 2, cores > 2 ? cores : 4, 4 * cores};

	memory = mmap(NULL, (size_t)FRAMES * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return 1;
	for (unsigned i = 0; i < FRAMES; i++)
		put(&shared, (void **)(void *)(memory + (size_t)i * PAGE));
	printf("%u cores; faults a second, in thousands\n", cores);
	printf("threads      guard       same      mutex   guard / mutex\n");
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		unsigned threads = counts[i] < THREADS_MAX ? counts[i] : THREADS_MAX;
		double guard = measure(threads, false, NULL, seconds);
		double same = measure(threads, true, NULL, seconds);
		double locked = measure(threads, false, &mutex, seconds);

		printf("%7u %10.0f %10.0f %10.0f %15.2f\n", threads, guard / 1e3, same / 1e3,
		       locked / 1e3, guard / locked);
	}
	return 0;
}
