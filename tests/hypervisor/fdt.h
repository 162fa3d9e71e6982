/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a device tree for a guest: what machine it is to see. Nodes are opened and closed in order, and
 * the properties of a node come before the nodes in it.
 *
 * Format: Devicetree Specification, chapter 5 "Flattened Devicetree (DTB) Format".
 */
#ifndef HYPERVISOR_FDT_H
#define HYPERVISOR_FDT_H

#include <stddef.h>
#include <stdint.h>

#define FDT_MAX_STRINGS 1024

struct fdt {
	unsigned char *blob;
	size_t size; /* room */
	size_t used;
	size_t open;                   /* nodes */
	char strings[FDT_MAX_STRINGS]; /* the properties' names, once each */
	size_t strings_used;
};

void fdt_begin(struct fdt *fdt, void *blob, size_t size);
size_t fdt_end(struct fdt *fdt); /* bytes of the whole */

void fdt_begin_node(struct fdt *fdt, const char *name);
void fdt_end_node(struct fdt *fdt);

void fdt_property(struct fdt *fdt, const char *name, const void *value, size_t size);
void fdt_string(struct fdt *fdt, const char *name, const char *value);
void fdt_u64(struct fdt *fdt, const char *name, uint64_t value);
void fdt_cells(struct fdt *fdt, const char *name, const uint32_t *cells, size_t count);

/* One cell after the other: FDT_CELLS(fdt, "reg", 0, 0x8000000, 0, 0x10000); none: an empty property. */
#define FDT_CELLS(fdt, name, ...)                             \
	fdt_cells(fdt, name, (const uint32_t[]){__VA_ARGS__}, \
		  sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* The two cells of a 64-bit number. */
#define FDT_PAIR(value) (uint32_t)((uint64_t)(value) >> 32), (uint32_t)(value)

#endif /* HYPERVISOR_FDT_H */
