/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that a freestanding compiler expects of its environment; no header declares them. */
#ifndef AX_SRC_MEM_H
#define AX_SRC_MEM_H

#include <stddef.h>

void *memset(void *to, int byte, size_t size);
void *memcpy(void *restrict to, const void *restrict from, size_t size);

#endif /* AX_SRC_MEM_H */
