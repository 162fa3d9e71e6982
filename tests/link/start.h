/* SPDX-License-Identifier: Apache-2.0 */
/* The program beneath the program: entry, exit and one system call of Linux on x86_64. */
#ifndef START_H
#define START_H

#include <stddef.h>

void start_print(const char *text);
void start_main(void);

/* What the compiler calls by itself. */
void *memset(void *to, int byte, size_t size);
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);

#endif /* START_H */
