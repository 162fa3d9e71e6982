/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry and output of a freestanding program. On x86_64, outside the high half, Linux runs it; in all
 * other layouts it is linked to be looked at only.
 */
#include <stddef.h>
#include <stdint.h>

#include "start.h"

void start_here(void);

#ifdef __x86_64__
__asm__(".globl _start\n_start: xor %ebp, %ebp\n and $-16, %rsp\n call start_here\n hlt\n");

static long system_call(long number, long a, const void *b, size_t c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}
#else
#ifdef __aarch64__
__asm__(".globl _start\n_start: b start_here\n");
#else
__asm__(".globl _start\n_start: tail start_here\n");
#endif

static long system_call(long number, long a, const void *b, size_t c)
{
	(void)number;
	(void)a;
	(void)b;
	(void)c;
	return 0;
}
#endif

#ifdef STATIC_PIE
/* Nobody relocates a static PIE but itself. Every relocation is base + addend: R_X86_64_RELATIVE. */
struct dynamic {
	uint64_t tag, value;
};
struct relocation {
	uint64_t offset, type;
	int64_t addend;
};
extern const struct dynamic _DYNAMIC[] __attribute__((visibility("hidden")));
extern char __ehdr_start[] __attribute__((visibility("hidden")));

static void relocate(void)
{
	uint64_t base = (uintptr_t)__ehdr_start, table = 0, size = 0;

	for (const struct dynamic *d = _DYNAMIC; d->tag != 0; d++) {
		if (d->tag == 7)
			table = base + d->value;
		if (d->tag == 8)
			size = d->value;
	}
	for (const struct relocation *r = (void *)(uintptr_t)table; size >= sizeof(*r);
	     r++, size -= sizeof(*r)) {
		if (r->type == 8)
			*(uint64_t *)(uintptr_t)(base + r->offset) = base + (uint64_t)r->addend;
	}
}
#else
static void relocate(void)
{
}
#endif

void start_here(void)
{
	relocate();
	start_main();
	system_call(60, 0, NULL, 0);
	for (;;)
		;
}

void start_print(const char *text)
{
	size_t size = 0;

	while (text[size] != '\0')
		size++;
	system_call(1, 1, text, size);
}

/* The barriers keep the compiler from seeing a memset in memset. */

void *memset(void *to, int byte, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		((char *)to)[i] = (char)byte;
		__asm__ volatile("" : : : "memory");
	}
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		((char *)to)[i] = ((const char *)from)[i];
		__asm__ volatile("" : : : "memory");
	}
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	if ((uintptr_t)to <= (uintptr_t)from)
		return memcpy(to, from, size);
	while (size-- > 0) {
		((char *)to)[size] = ((const char *)from)[size];
		__asm__ volatile("" : : : "memory");
	}
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		int difference = ((const unsigned char *)a)[i] - ((const unsigned char *)b)[i];

		if (difference != 0)
			return difference;
	}
	return 0;
}
