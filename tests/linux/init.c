/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first and only program of a Linux guest: it checks that memory keeps what is written to it, while
 * a hypervisor moves that memory about.
 *
 * Twice as many workers as there are CPUs share most of the free memory. In each round a worker checks
 * all of its memory and fills half of it anew, with a pattern that is different for each page, worker
 * and round; keeps an eighth of it zero, as memory is that nobody needs; and has the kernel change
 * page tables all the time: fork and copy-on-write, exec of this program, pipes, mmap and munmap.
 *
 * The parameter `rounds=N` of the kernel's command line (the kernel hands on what it does not know
 * itself as the environment) says how often, `part=N` how many percent of the free memory they share;
 * `end=restart` restarts the machine instead of powering it off. The last line says what came of it: "init: N rounds, N MiB checked, all right", or "init: WRONG".
 *
 * There is no C library, so that it builds with any compiler for the target.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "syscall.h"

#define PAGE       UINT64_C(4096)
#define PAGE_WORDS (PAGE / sizeof(uint64_t))
#define MIB        (UINT64_C(1) << 20)

#define PROT_READ     0x1
#define PROT_WRITE    0x2
#define MAP_SHARED    0x01
#define MAP_PRIVATE   0x02
#define MAP_ANONYMOUS 0x20

#define SIGCHLD         17
#define CLOCK_MONOTONIC 1
#define STDOUT          1
#define TCSBRK          0x5409 /* with 1: wait until all is written (ioctl_tty(2)) */

/* reboot(2) */
#define REBOOT_MAGIC1 0xfee1deadu
#define REBOOT_MAGIC2 0x28121969u
#define REBOOT_OFF    0x4321fedcu
#define REBOOT_AGAIN  0x01234567u

#define MAX_WORKERS  64
#define COPIED_PAGES 64  /* that a forked child writes to */
#define CHURN_PAGES  256 /* at most, of a mapping that lives for a moment */
#define PIPE_BYTES   (64u << 10)
#define EXEC_STATUS  42 /* of this program run as a child */
#define MEMORY_PART  70 /* of what is free, in percent */

/* What all processes see: the sum of what they checked. */
static _Atomic uint64_t *checked_pages;

/* ---- system calls */

static long write_all(int fd, const void *data, size_t size)
{
	return system_call(SYS_WRITE, fd, (long)data, (long)size, 0, 0, 0);
}

static long fork(void)
{
	return system_call(SYS_CLONE, SIGCHLD, 0, 0, 0, 0, 0);
}

static _Noreturn void exit(int status)
{
	for (;;)
		system_call(SYS_EXIT, status, 0, 0, 0, 0, 0);
}

static void *map(uint64_t size, int kind)
{
	long at = system_call(SYS_MMAP, 0, (long)size, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS,
			      -1, 0);

	return at < 0 && at > -4096 ? NULL : (void *)at;
}

static void unmap(void *at, uint64_t size)
{
	system_call(SYS_MUNMAP, (long)at, (long)size, 0, 0, 0, 0);
}

/* The exit status, or 128 and more for one that a signal ended (wait(2)). */
static int wait_for(long pid)
{
	int status = 0;

	if (pid < 0 || system_call(SYS_WAIT4, pid, (long)&status, 0, 0, 0, 0) != pid)
		return 255;
	return status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff;
}

static uint64_t milliseconds(void)
{
	long time[2] = {0, 0};

	system_call(SYS_CLOCK_GETTIME, CLOCK_MONOTONIC, (long)time, 0, 0, 0, 0);
	return (uint64_t)time[0] * 1000 + (uint64_t)time[1] / 1000000;
}

static unsigned cpus(void)
{
	unsigned long mask[16] = {0};
	long bytes = system_call(SYS_SCHED_GETAFFINITY, 0, sizeof(mask), (long)mask, 0, 0, 0);
	unsigned count = 0;

	for (long i = 0; i < bytes / (long)sizeof(mask[0]); i++) {
		for (unsigned long rest = mask[i]; rest; rest &= rest - 1)
			count++;
	}
	return count ? count : 1;
}

/* sysinfo(2); the kernel writes no more than this. */
static uint64_t free_memory(void)
{
	union {
		struct {
			long uptime;
			unsigned long loads[3], total, free, shared, buffers, total_swap, free_swap;
			unsigned short processes, pad;
			unsigned long total_high, free_high;
			unsigned unit;
		} info;
		char room[256];
	} u = {.info = {.unit = 1}};

	system_call(SYS_SYSINFO, (long)&u, 0, 0, 0, 0, 0);
	return (uint64_t)u.info.free * u.info.unit;
}

/* ---- lines of text: one write each, so that those of several processes do not mix */

struct line {
	char text[160];
	size_t length;
};

static void add(struct line *line, const char *text)
{
	while (*text && line->length < sizeof(line->text))
		line->text[line->length++] = *text++;
}

static void add_number(struct line *line, uint64_t value, unsigned base)
{
	char digits[21];
	size_t at = sizeof(digits) - 1;

	digits[at] = 0;
	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	add(line, &digits[at]);
}

static void print(struct line *line)
{
	add(line, "\n");
	write_all(STDOUT, line->text, line->length);
}

static _Noreturn void wrong(const char *what, uint64_t at, uint64_t is, uint64_t should)
{
	struct line line = {.length = 0};

	add(&line, "init: WRONG ");
	add(&line, what);
	add(&line, " at 0x");
	add_number(&line, at, 16);
	add(&line, ": 0x");
	add_number(&line, is, 16);
	add(&line, ", not 0x");
	add_number(&line, should, 16);
	print(&line);
	exit(1);
}

/* ---- patterns */

/* Multiplications by odd numbers lose nothing: different pages, seeds and words give different values. */
static uint64_t pattern(uint64_t page, uint64_t seed, uint64_t word)
{
	return (page * UINT64_C(0x9e3779b97f4a7c15) + seed) * UINT64_C(0xbf58476d1ce4e5b9) +
	       word * UINT64_C(0x94d049bb133111eb);
}

static void fill_page(uint64_t *page, uint64_t seed)
{
	for (uint64_t i = 0; i < PAGE_WORDS; i++)
		page[i] = pattern((uintptr_t)page / PAGE, seed, i);
}

static void check_page(const uint64_t *page, uint64_t seed)
{
	for (uint64_t i = 0; i < PAGE_WORDS; i++) {
		uint64_t should = pattern((uintptr_t)page / PAGE, seed, i);

		if (page[i] != should)
			wrong("word", (uintptr_t)&page[i], page[i], should);
	}
	*checked_pages += 1;
}

static void check_zero(const uint64_t *page)
{
	for (uint64_t i = 0; i < PAGE_WORDS; i++) {
		if (page[i])
			wrong("zero", (uintptr_t)&page[i], page[i], 0);
	}
	*checked_pages += 1;
}

/* ---- a worker */

struct worker {
	uint64_t number;
	uint64_t *memory;
	uint64_t pages;
	uint64_t zero_pages; /* the first ones */
	uint64_t random;
};

static uint64_t random(struct worker *w, uint64_t below)
{
	w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (w->random >> 33) % below;
}

static uint64_t *page_of(const struct worker *w, uint64_t index)
{
	return &w->memory[index * PAGE_WORDS];
}

/* Pages of one parity were written in the last round, the others in the one before. */
static uint64_t seed_of(const struct worker *w, uint64_t index, uint64_t round)
{
	uint64_t written = (index ^ round) & 1 ? round : round + 1;

	return w->number << 32 | written;
}

static void fill_half(struct worker *w, uint64_t round)
{
	for (uint64_t i = w->zero_pages; i < w->pages; i++) {
		if (((i ^ round) & 1) == 0)
			fill_page(page_of(w, i), seed_of(w, i, round));
	}
}

static void check_all(struct worker *w, uint64_t round)
{
	for (uint64_t i = 0; i < w->zero_pages; i++)
		check_zero(page_of(w, i));
	for (uint64_t i = w->zero_pages; i < w->pages; i++)
		check_page(page_of(w, i), seed_of(w, i, round));
}

/* What the child writes to is its own copy: the parent must not see it. */
static void try_fork(struct worker *w, uint64_t round)
{
	long pid = fork();

	if (pid == 0) {
		for (uint64_t n = 0; n < COPIED_PAGES; n++) {
			uint64_t i =
				w->zero_pages + n * ((w->pages - w->zero_pages) / COPIED_PAGES);

			check_page(page_of(w, i), seed_of(w, i, round));
			*(volatile uint64_t *)page_of(w, i) = 0;
		}
		exit(0);
	}
	if (wait_for(pid) != 0)
		wrong("forked child", w->number, 1, 0);
}

/* This program again, from the file: start() knows it by its argument. */
static void try_exec(struct worker *w)
{
	static char name[] = "/init", child[] = "child";
	char *argv[] = {name, child, NULL};
	char *envp[] = {NULL};
	long pid = fork();
	int status;

	if (pid == 0) {
		system_call(SYS_EXECVE, (long)name, (long)argv, (long)envp, 0, 0, 0);
		exit(1);
	}
	status = wait_for(pid);
	if (status != EXEC_STATUS)
		wrong("program run", w->number, (uint64_t)status, EXEC_STATUS);
}

static void fill_pipe(int fd, uint64_t seed)
{
	uint64_t page[PAGE_WORDS];

	for (uint64_t n = 0; n < PIPE_BYTES / PAGE; n++) {
		for (uint64_t i = 0; i < PAGE_WORDS; i++)
			page[i] = pattern(n, seed, i);
		if (write_all(fd, page, sizeof(page)) != sizeof(page))
			exit(1);
	}
	exit(0);
}

static void check_pipe(int fd, uint64_t seed)
{
	uint64_t word;

	for (uint64_t n = 0; n < PIPE_BYTES / sizeof(word); n++) {
		uint64_t should = pattern(n / PAGE_WORDS, seed, n % PAGE_WORDS);
		long got = system_call(SYS_READ, fd, (long)&word, sizeof(word), 0, 0, 0);

		if (got != sizeof(word) || word != should)
			wrong("pipe", n, word, should);
	}
}

static void try_pipe(struct worker *w, uint64_t round)
{
	uint64_t seed = w->number << 32 | round | UINT64_C(1) << 63;
	int ends[2];
	long pid;

	if (system_call(SYS_PIPE2, (long)ends, 0, 0, 0, 0, 0) != 0)
		wrong("pipe2", w->number, 0, 0);
	pid = fork();
	if (pid == 0)
		fill_pipe(ends[1], seed);
	system_call(SYS_CLOSE, ends[1], 0, 0, 0, 0, 0);
	check_pipe(ends[0], seed);
	system_call(SYS_CLOSE, ends[0], 0, 0, 0, 0, 0);
	if (wait_for(pid) != 0)
		wrong("pipe's child", w->number, 1, 0);
}

static void try_map(struct worker *w, uint64_t round)
{
	uint64_t pages = 1 + random(w, CHURN_PAGES);
	uint64_t *at = map(pages * PAGE, MAP_PRIVATE);

	if (!at)
		wrong("mmap", w->number, 0, pages);
	for (uint64_t i = 0; i < pages; i++)
		check_zero(&at[i * PAGE_WORDS]);
	for (uint64_t i = 0; i < pages; i++)
		fill_page(&at[i * PAGE_WORDS], round);
	for (uint64_t i = 0; i < pages; i++)
		check_page(&at[i * PAGE_WORDS], round);
	unmap(at, pages * PAGE);
}

static void report_round(uint64_t round, uint64_t rounds)
{
	struct line line = {.length = 0};

	add(&line, "init: round ");
	add_number(&line, round, 10);
	add(&line, " of ");
	add_number(&line, rounds, 10);
	add(&line, ", ");
	add_number(&line, *checked_pages * PAGE / MIB, 10);
	add(&line, " MiB checked, up ");
	add_number(&line, milliseconds(), 10);
	add(&line, " ms");
	print(&line);
}

static _Noreturn void work(uint64_t number, uint64_t bytes, uint64_t rounds)
{
	struct worker w = {
		.number = number,
		.memory = map(bytes, MAP_PRIVATE),
		.pages = bytes / PAGE,
		.zero_pages = bytes / PAGE / 8,
		.random = number,
	};

	if (!w.memory)
		wrong("mmap", number, 0, bytes);
	/* Stores, for what is only read is one page of the kernel's. */
	for (uint64_t i = 0; i < w.zero_pages; i++)
		*(volatile uint64_t *)page_of(&w, i) = 0;
	fill_half(&w, 0);
	fill_half(&w, 1);
	for (uint64_t round = 2; round < rounds + 2; round++) {
		fill_half(&w, round);
		check_all(&w, round);
		try_fork(&w, round);
		try_exec(&w);
		try_pipe(&w, round);
		try_map(&w, round);
		if (number == 1)
			report_round(round - 1, rounds);
	}
	exit(0);
}

/* ---- the first process */

static uint64_t decimal(const char *text)
{
	uint64_t value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (uint64_t)(*text++ - '0');
	return value;
}

/* The value of a parameter, or NULL. */
static const char *parameter(char **envp, const char *name)
{
	for (; *envp; envp++) {
		size_t i = 0;

		while (name[i] && (*envp)[i] == name[i])
			i++;
		if (!name[i] && (*envp)[i] == '=')
			return &(*envp)[i + 1];
	}
	return NULL;
}

static uint64_t setting(char **envp, const char *name, uint64_t otherwise)
{
	const char *text = parameter(envp, name);

	return text ? decimal(text) : otherwise;
}

static void announce(unsigned cpu_count, uint64_t bytes, uint64_t started)
{
	struct line line = {.length = 0};

	add(&line, "init: up in ");
	add_number(&line, started, 10);
	add(&line, " ms, ");
	add_number(&line, cpu_count, 10);
	add(&line, " CPUs, ");
	add_number(&line, bytes / MIB, 10);
	add(&line, " MiB to check");
	print(&line);
}

static void conclude(uint64_t rounds, uint64_t failed)
{
	struct line line = {.length = 0};

	if (failed) {
		add(&line, "init: WRONG: ");
		add_number(&line, failed, 10);
		add(&line, " workers failed");
	} else {
		add(&line, "init: ");
		add_number(&line, rounds, 10);
		add(&line, " rounds, ");
		add_number(&line, *checked_pages * PAGE / MIB, 10);
		add(&line, " MiB checked, all right");
	}
	print(&line);
}

static uint64_t run_workers(uint64_t count, uint64_t bytes, uint64_t rounds)
{
	long pids[MAX_WORKERS];
	uint64_t failed = 0;

	for (uint64_t i = 0; i < count; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			work(i + 1, bytes / count / PAGE * PAGE, rounds);
	}
	for (uint64_t i = 0; i < count; i++) {
		if (wait_for(pids[i]) != 0)
			failed++;
	}
	return failed;
}

/* Called with what the kernel put on the stack: argc, argv and NULL, envp and NULL. */
_Noreturn void start(long *stack);

_Noreturn void start(long *stack)
{
	uint64_t started = milliseconds();
	char **envp = (char **)&stack[stack[0] + 2];
	const char *end = parameter(envp, "end");
	uint64_t bytes = free_memory() / 100 * setting(envp, "part", MEMORY_PART);
	uint64_t rounds = setting(envp, "rounds", 1);
	unsigned cpu_count = cpus();
	unsigned workers = cpu_count * 2 < MAX_WORKERS ? cpu_count * 2 : MAX_WORKERS;

	if (stack[0] == 2 && ((char *)stack[2])[0] == 'c')
		exit(EXEC_STATUS);
	checked_pages = map(PAGE, MAP_SHARED);
	if (!checked_pages)
		exit(1);
	announce(cpu_count, bytes, started);
	conclude(rounds, run_workers(workers, bytes, rounds));
	system_call(SYS_IOCTL, STDOUT, TCSBRK, 1, 0, 0, 0);
	for (;;)
		system_call(SYS_REBOOT, REBOOT_MAGIC1, REBOOT_MAGIC2,
			    end ? REBOOT_AGAIN : REBOOT_OFF, 0, 0, 0);
}
