/* SPDX-License-Identifier: Apache-2.0 */
#include "fdt.h"

#include "machine.h"
#include "string.h"

/* 5.4.1 "Lexical structure". */
#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE   2u
#define FDT_PROP       3u
#define FDT_END        9u

/* 5.2 "Header": ten numbers; 5.3: an empty list of reserved memory, of one entry of two numbers. */
#define FDT_MAGIC    0xd00dfeedu
#define FDT_VERSION  17u
#define FDT_OLDEST   16u /* that readers of this version understand */
#define HEADER_SIZE  40u
#define RESERVE_SIZE 16u

static size_t length_of(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

static void put_bytes(struct fdt *fdt, const void *bytes, size_t size)
{
	if (size > fdt->size - fdt->used)
		machine_fail("a device tree larger than its room", fdt->size);
	memcpy(&fdt->blob[fdt->used], bytes, size);
	fdt->used += size;
}

/* All numbers are big-endian. */
static void put_u32(struct fdt *fdt, uint32_t value)
{
	unsigned char bytes[4];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(value >> (24 - 8 * i));
	put_bytes(fdt, bytes, sizeof(bytes));
}

/* Tokens are at multiples of 4. */
static void align(struct fdt *fdt)
{
	static const char zeroes[4];

	put_bytes(fdt, zeroes, -fdt->used & 3);
}

void fdt_begin(struct fdt *fdt, void *blob, size_t size)
{
	fdt->blob = blob;
	fdt->size = size;
	fdt->used = 0;
	fdt->open = 0;
	fdt->strings_used = 0;
	if (size < HEADER_SIZE + RESERVE_SIZE)
		machine_fail("a device tree larger than its room", size);
	memset(blob, 0, HEADER_SIZE + RESERVE_SIZE);
	fdt->used = HEADER_SIZE + RESERVE_SIZE;
}

size_t fdt_end(struct fdt *fdt)
{
	size_t strings, total;

	if (fdt->open)
		machine_fail("a device tree with nodes left open", fdt->open);
	put_u32(fdt, FDT_END);
	strings = fdt->used;
	put_bytes(fdt, fdt->strings, fdt->strings_used);
	total = fdt->used;

	fdt->used = 0;
	put_u32(fdt, FDT_MAGIC);
	put_u32(fdt, (uint32_t)total);
	put_u32(fdt, HEADER_SIZE + RESERVE_SIZE);
	put_u32(fdt, (uint32_t)strings);
	put_u32(fdt, HEADER_SIZE);
	put_u32(fdt, FDT_VERSION);
	put_u32(fdt, FDT_OLDEST);
	put_u32(fdt, 0); /* the CPU that boots */
	put_u32(fdt, (uint32_t)fdt->strings_used);
	put_u32(fdt, (uint32_t)(strings - HEADER_SIZE - RESERVE_SIZE));
	return total;
}

void fdt_begin_node(struct fdt *fdt, const char *name)
{
	put_u32(fdt, FDT_BEGIN_NODE);
	put_bytes(fdt, name, length_of(name) + 1);
	align(fdt);
	fdt->open++;
}

void fdt_end_node(struct fdt *fdt)
{
	put_u32(fdt, FDT_END_NODE);
	fdt->open--;
}

static uint32_t offset_of_name(struct fdt *fdt, const char *name)
{
	size_t size = length_of(name) + 1;
	size_t at = 0;

	while (at < fdt->strings_used) {
		size_t there = length_of(&fdt->strings[at]) + 1;

		if (there == size && memcmp(&fdt->strings[at], name, size) == 0)
			return (uint32_t)at;
		at += there;
	}
	if (size > FDT_MAX_STRINGS - at)
		machine_fail("a device tree with too many names", at);
	memcpy(&fdt->strings[at], name, size);
	fdt->strings_used += size;
	return (uint32_t)at;
}

void fdt_property(struct fdt *fdt, const char *name, const void *value, size_t size)
{
	put_u32(fdt, FDT_PROP);
	put_u32(fdt, (uint32_t)size);
	put_u32(fdt, offset_of_name(fdt, name));
	put_bytes(fdt, value, size);
	align(fdt);
}

void fdt_string(struct fdt *fdt, const char *name, const char *value)
{
	fdt_property(fdt, name, value, length_of(value) + 1);
}

void fdt_cells(struct fdt *fdt, const char *name, const uint32_t *cells, size_t count)
{
	put_u32(fdt, FDT_PROP);
	put_u32(fdt, (uint32_t)(count * sizeof(uint32_t)));
	put_u32(fdt, offset_of_name(fdt, name));
	for (size_t i = 0; i < count; i++)
		put_u32(fdt, cells[i]);
}

void fdt_u64(struct fdt *fdt, const char *name, uint64_t value)
{
	FDT_CELLS(fdt, name, FDT_PAIR(value));
}
