/* SPDX-License-Identifier: Apache-2.0 */
/* All of the C library that there is. */
#ifndef HYPERVISOR_STRING_H
#define HYPERVISOR_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *left, const void *right, size_t size);

#endif /* HYPERVISOR_STRING_H */
