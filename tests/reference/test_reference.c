/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge's own trial: tables written down entry by entry, results worked out by hand from the
 * manuals. Addresses, indices and entries are literals on purpose: nothing here computes what it
 * checks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "reference.h"

/* All tables lie in one piece of memory at this address; whatever is outside is a bus error. */
#define BASE UINT64_C(0x100000)
#define SIZE UINT64_C(0x80000)

static uint64_t words[SIZE / 8];

static bool read_words(void *context, uint64_t hpa, uint64_t *entry)
{
	(void)context;
	assert_int_equal(hpa % 8, 0);
	if (hpa < BASE || hpa >= BASE + SIZE)
		return false;
	*entry = words[(hpa - BASE) / 8];
	return true;
}

static const struct ref_memory memory = {.read = read_words};

static void put(uint64_t hpa, uint64_t entry)
{
	assert_true(hpa >= BASE && hpa < BASE + SIZE);
	words[(hpa - BASE) / 8] = entry;
}

static int clear(void **state)
{
	(void)state;
	memset(words, 0, sizeof(words));
	return 0;
}

static const struct ref_access any = {false, false, false, false, false};
static const struct ref_access reads = {.read = true};
static const struct ref_access writes = {.write = true};
static const struct ref_access fetches = {.execute = true};
static const struct ref_access user_fetches = {.execute = true, .user = true};
static const struct ref_access table_walks = {.read = true, .table_walk = true};

static struct ref_result result;

static enum ref_fault walk(const struct ref_cpu *cpu, uint64_t gpa, const struct ref_access *access)
{
	enum ref_fault fault = ref_walk(cpu, &memory, gpa, access, &result);

	assert_int_equal(fault, result.fault);
	return fault;
}

static enum ref_root_error root_of(struct ref_cpu cpu, uint64_t root)
{
	cpu.root = root;
	return ref_decode_root(&cpu, NULL);
}

static enum ref_root_error control_of(struct ref_cpu cpu, uint64_t control, uint64_t root)
{
	cpu.root = root;
	cpu.control = control;
	return ref_decode_root(&cpu, NULL);
}

/* ---- EPT ---- */

/* GPA 0x123456789abc has indices 0x24, 0xd1, 0xb3, 0x189 in a 4-level walk. */
#define X86_GPA UINT64_C(0x123456789abc)

static struct ref_cpu ept_cpu(void)
{
	struct ref_cpu cpu = {.format = REF_EPT, .root = 0x10001e, .pa_bits = 46, .page_1g = true};

	return cpu;
}

static void ept_tables(uint64_t leaf)
{
	put(0x100120, 0x101007);
	put(0x101688, 0x102007);
	put(0x102598, 0x103007);
	put(0x103c48, leaf);
}

static void ept_4k_page_translates(void **state)
{
	struct ref_cpu cpu = ept_cpu();

	(void)state;
	ept_tables(0xdeadb037);
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0xdeadbabc);
	assert_int_equal(result.level, 0);
	assert_int_equal(result.entry_hpa, 0x103c48);
	assert_int_equal(result.leaf.gpa, 0x123456789000);
	assert_int_equal(result.leaf.hpa, 0xdeadb000);
	assert_int_equal(result.leaf.size, 0x1000);
	assert_int_equal(result.leaf.group, 0x1000);
	assert_int_equal(result.leaf.type, REF_TYPE_WB);
	assert_false(result.leaf.ignore_pat);
	assert_true(result.leaf.permissions.read && result.leaf.permissions.write);
	assert_true(result.leaf.permissions.execute_kernel && result.leaf.permissions.execute_user);
	assert_int_equal(result.update_count, 0);
}

static void ept_absent_entries_tell_their_level(void **state)
{
	struct ref_cpu cpu = ept_cpu();

	(void)state;
	ept_tables(0xdeadb030); /* bits 2:0 clear: not present, whatever else is set */
	assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_TRANSLATION);
	assert_int_equal(result.level, 0);
	put(0x102598, 0);
	assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_TRANSLATION);
	assert_int_equal(result.level, 1);
	put(0x100120, 0);
	assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_TRANSLATION);
	assert_int_equal(result.level, 3);
	assert_int_equal(walk(&cpu, UINT64_C(1) << 48, &any), REF_FAULT_GPA_WIDTH);
	put(0x100120, 0x7000007);
	assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_BUS);
	assert_int_equal(result.level, 2);
	assert_int_equal(result.entry_hpa, 0x7000688);
}

static void ept_large_pages_translate(void **state)
{
	struct ref_cpu cpu = ept_cpu();

	(void)state;
	ept_tables(0);
	put(0x102598, 0x400000b1); /* read-only, WB, 2 MiB at 0x40000000 */
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0x40189abc);
	assert_int_equal(result.leaf.gpa, 0x123456600000);
	assert_int_equal(result.leaf.size, 0x200000);
	assert_int_equal(walk(&cpu, X86_GPA, &writes), REF_FAULT_PERMISSION);
	put(0x102598, 0x400010b1); /* bit 12 is reserved in a 2 MiB page */
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_RESERVED);
	put(0x102598, 0x401000b1);
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_RESERVED);

	put(0x101688, UINT64_C(0x1c00000c7)); /* RWX, UC, IPAT, 1 GiB at 0x1c0000000 */
	assert_int_equal(walk(&cpu, X86_GPA, &fetches), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0x1d6789abc);
	assert_int_equal(result.level, 2);
	assert_int_equal(result.leaf.size, 0x40000000);
	assert_int_equal(result.leaf.type, REF_TYPE_UC);
	assert_true(result.leaf.ignore_pat);
	cpu.page_1g = false;
	assert_int_equal(walk(&cpu, X86_GPA, &fetches), REF_FAULT_RESERVED);
	cpu.page_1g = true;
	put(0x101688, UINT64_C(0x1e00000c7));
	assert_int_equal(walk(&cpu, X86_GPA, &fetches), REF_FAULT_RESERVED);
	put(0x100120, 0x40000087); /* no 512 GiB pages */
	assert_int_equal(walk(&cpu, X86_GPA, &fetches), REF_FAULT_RESERVED);
	assert_int_equal(result.level, 3);
}

static void ept_misconfigurations(void **state)
{
	static const uint64_t bad[] = {
		0xdeadb032,                /* write without read */
		0xdeadb036,                /* write and execute without read */
		0xdeadb034,                /* execute-only, not on this CPU */
		0xdeadb017,                /* memory type 2 */
		0xdeadb01f,                /* 3 */
		0xdeadb03f,                /* 7 */
		UINT64_C(0x4000deadb037),  /* address bit 46 of a 46-bit CPU */
		UINT64_C(0x80000deadb037), /* address bit 51 */
	};
	struct ref_cpu cpu = ept_cpu();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ept_tables(bad[i]);
		/* before any permission: the access asks for nothing */
		assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_RESERVED);
		assert_int_equal(result.level, 0);
	}
	ept_tables(UINT64_C(0xfff00000deadb037)); /* 63:52 are ignored */
	assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_NONE);
	for (unsigned bit = 3; bit <= 7; bit++) { /* 7:3 of a table entry */
		ept_tables(0xdeadb037);
		put(0x102598, 0x103007 | (UINT64_C(1) << bit));
		assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_RESERVED);
	}
	put(0x102598, 0x103007 | (UINT64_C(0xf) << 8)); /* 11:8 are not */
	assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_NONE);
}

static void ept_execute_only_and_levels_combine(void **state)
{
	struct ref_cpu cpu = ept_cpu();

	(void)state;
	cpu.execute_only = true;
	ept_tables(0xdeadb034);
	assert_int_equal(walk(&cpu, X86_GPA, &fetches), REF_FAULT_NONE);
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_PERMISSION);
	ept_tables(0xdeadb037);
	put(0x100120, 0x101005); /* no write at the top */
	assert_int_equal(walk(&cpu, X86_GPA, &fetches), REF_FAULT_NONE);
	assert_int_equal(walk(&cpu, X86_GPA, &writes), REF_FAULT_PERMISSION);
	assert_int_equal(result.level, 0);
	assert_false(result.leaf.permissions.write);
}

static void ept_mode_based_execute(void **state)
{
	struct ref_cpu cpu = ept_cpu();

	(void)state;
	cpu.mode_based_execute = true;
	put(0x100120, 0x101407);
	put(0x101688, 0x102407);
	put(0x102598, 0x103407);
	put(0x103c48, 0xdeadb431); /* read, execute in user mode */
	assert_int_equal(walk(&cpu, X86_GPA, &user_fetches), REF_FAULT_NONE);
	assert_int_equal(walk(&cpu, X86_GPA, &fetches), REF_FAULT_PERMISSION);
	put(0x103c48, 0xdeadb035); /* read, execute in supervisor mode */
	assert_int_equal(walk(&cpu, X86_GPA, &user_fetches), REF_FAULT_PERMISSION);
	assert_int_equal(walk(&cpu, X86_GPA, &fetches), REF_FAULT_NONE);
	put(0x103c48, 0xdeadb430); /* bit 10 alone makes it present, and execute-only */
	assert_int_equal(walk(&cpu, X86_GPA, &user_fetches), REF_FAULT_RESERVED);
	cpu.execute_only = true;
	assert_int_equal(walk(&cpu, X86_GPA, &user_fetches), REF_FAULT_NONE);
	cpu.mode_based_execute = false; /* now bit 10 is ignored */
	assert_int_equal(walk(&cpu, X86_GPA, &user_fetches), REF_FAULT_TRANSLATION);
	put(0x103c48, 0xdeadb035);
	assert_int_equal(walk(&cpu, X86_GPA, &user_fetches), REF_FAULT_NONE);
}

static void ept_accessed_and_dirty(void **state)
{
	struct ref_cpu cpu = ept_cpu();

	(void)state;
	cpu.root = 0x10005e;
	assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_ROOT);
	assert_int_equal(result.root_error, REF_ROOT_CAPABILITY);
	cpu.accessed_dirty = true;
	ept_tables(0xdeadb037);
	put(0x101688, 0x102107);
	assert_int_equal(walk(&cpu, X86_GPA, &writes), REF_FAULT_NONE);
	assert_int_equal(result.update_count, 3);
	assert_int_equal(result.updates[0].entry_hpa, 0x100120);
	assert_int_equal(result.updates[0].bits, 0x100);
	assert_int_equal(result.updates[1].entry_hpa, 0x102598);
	assert_int_equal(result.updates[2].entry_hpa, 0x103c48);
	assert_int_equal(result.updates[2].bits, 0x300);
	assert_false(result.leaf.accessed);
	/* the guest's own table walk is a write once the flags are on */
	put(0x103c48, 0xdeadb135);
	assert_int_equal(walk(&cpu, X86_GPA, &table_walks), REF_FAULT_PERMISSION);
	assert_true(result.leaf.accessed);
	cpu.root = 0x10001e;
	assert_int_equal(walk(&cpu, X86_GPA, &table_walks), REF_FAULT_NONE);
	assert_int_equal(result.update_count, 0);
}

static void ept_five_levels(void **state)
{
	struct ref_cpu cpu = ept_cpu();

	(void)state;
	cpu.root = 0x104026; /* root 0x104000 above the 4-level tree */
	ept_tables(0xdeadb037);
	put(0x104078, 0x100007); /* index 0xf: GPA bits 51:48 */
	assert_int_equal(walk(&cpu, UINT64_C(0xf123456789abc), &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0xdeadbabc);
	assert_int_equal(walk(&cpu, UINT64_C(1) << 52, &reads), REF_FAULT_GPA_WIDTH);
	assert_int_equal(result.level, 4);
	cpu.levels = 4;
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_ROOT);
	assert_int_equal(result.root_error, REF_ROOT_LEVELS);
}

static void ept_pointers(void **state)
{
	struct ref_cpu cpu = ept_cpu();

	(void)state;
	assert_int_equal(root_of(cpu, 0x10001e), REF_ROOT_OK);
	assert_int_equal(root_of(cpu, 0x100018), REF_ROOT_OK); /* tables uncached */
	assert_int_equal(root_of(cpu, 0x10001c), REF_ROOT_MEMORY_TYPE);
	assert_int_equal(root_of(cpu, 0x100016), REF_ROOT_LEVELS); /* 3 levels */
	assert_int_equal(root_of(cpu, 0x100006), REF_ROOT_LEVELS);
	assert_int_equal(root_of(cpu, 0x10009e), REF_ROOT_RESERVED);
	assert_int_equal(root_of(cpu, 0x10081e), REF_ROOT_RESERVED);
	assert_int_equal(root_of(cpu, UINT64_C(0x40000010001e)), REF_ROOT_ADDRESS_WIDTH);
	assert_int_equal(root_of(cpu, UINT64_C(0x20000010001e)), REF_ROOT_OK);
	assert_int_equal(root_of(cpu, UINT64_C(0x800000000010001e)), REF_ROOT_ADDRESS_WIDTH);
	cpu.pa_bits = 0;
	assert_int_equal(root_of(cpu, 0x10001e), REF_ROOT_CPU);
}

/* ---- NPT ---- */

static struct ref_cpu npt_cpu(void)
{
	struct ref_cpu cpu = {
		.format = REF_NPT,
		.root = 0x100000,
		.levels = 4,
		.pa_bits = 48,
		.page_1g = true,
		.no_execute = true,
	};

	return cpu;
}

static void npt_4k_page_translates(void **state)
{
	struct ref_cpu cpu = npt_cpu();

	(void)state;
	ept_tables(0xdeadb007);
	assert_int_equal(walk(&cpu, X86_GPA, &writes), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0xdeadbabc);
	assert_int_equal(result.leaf.type, REF_TYPE_WB);
	assert_int_equal(result.update_count, 4);
	assert_int_equal(result.updates[0].bits, 0x20);
	assert_int_equal(result.updates[3].entry_hpa, 0x103c48);
	assert_int_equal(result.updates[3].bits, 0x60);
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.updates[3].bits, 0x20);
	assert_int_equal(walk(&cpu, UINT64_C(1) << 48, &reads), REF_FAULT_GPA_WIDTH);
}

static void npt_permissions(void **state)
{
	struct ref_cpu cpu = npt_cpu();

	(void)state;
	ept_tables(0xdeadb003); /* U/S clear: nested accesses are user accesses */
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_PERMISSION);
	ept_tables(0xdeadb007);
	put(0x101688, 0x102003);
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_PERMISSION);
	ept_tables(0xdeadb005);
	assert_int_equal(walk(&cpu, X86_GPA, &fetches), REF_FAULT_NONE);
	assert_int_equal(walk(&cpu, X86_GPA, &writes), REF_FAULT_PERMISSION);
	assert_int_equal(walk(&cpu, X86_GPA, &table_walks), REF_FAULT_PERMISSION);
	ept_tables(UINT64_C(0x80000000deadb007));
	assert_int_equal(walk(&cpu, X86_GPA, &writes), REF_FAULT_NONE);
	assert_int_equal(walk(&cpu, X86_GPA, &fetches), REF_FAULT_PERMISSION);
	cpu.no_execute = false;
	assert_int_equal(walk(&cpu, X86_GPA, &writes), REF_FAULT_RESERVED);
}

static void npt_reserved_bits(void **state)
{
	struct ref_cpu cpu = npt_cpu();

	(void)state;
	ept_tables(UINT64_C(0x1000000000007)); /* bit 48 of 48 */
	assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_RESERVED);
	ept_tables(UINT64_C(0x7ff0800000000f07)); /* available bits, PAT free */
	assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_NONE);
	put(0x100120, 0x101087);
	assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_RESERVED);
	put(0x100120, UINT64_C(0x8000000087)); /* no 512 GiB pages, aligned or not */
	assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_RESERVED);
	put(0x100120, 0x101107); /* bit 8 of a PML4E */
	assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_RESERVED);
	put(0x100120, 0x101047); /* D of a table is ignored */
	assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_NONE);
	put(0x101688, 0x102107); /* bit 8 of a PDPE: zero by the figure, ignored in fact */
	assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_RESERVED);
	cpu.lenient = true;
	assert_int_equal(walk(&cpu, X86_GPA, &any), REF_FAULT_NONE);
}

static void npt_large_pages_and_types(void **state)
{
	struct ref_cpu cpu = npt_cpu();

	(void)state;
	ept_tables(0);
	put(0x102598, 0x4000109f); /* 2 MiB, PAT PCD PWT all set: entry 7, UC */
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0x40189abc);
	assert_int_equal(result.leaf.type, REF_TYPE_UC);
	put(0x102598, 0x40000097); /* PCD: entry 2 */
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.type, REF_TYPE_UC_MINUS);
	put(0x102598, 0x40002087); /* bit 13 */
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_RESERVED);
	put(0x101688, UINT64_C(0x1c0000087));
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0x1d6789abc);
	cpu.page_1g = false;
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_RESERVED);

	ept_tables(0xdeadb067); /* A and D have no part in the type */
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.type, REF_TYPE_WB);
	assert_true(result.leaf.accessed && result.leaf.dirty);
	ept_tables(0xdeadb08f); /* 4 KiB: PAT is bit 7; entry 5 */
	cpu.pat = UINT64_C(0x0000010500000406);
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.type, REF_TYPE_WC);
	put(0x103c48, 0xdeadb067); /* entry 0, though A and D are set */
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.type, REF_TYPE_WB);
	put(0x103c48, 0xdeadb087); /* entry 4 */
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.type, REF_TYPE_WP);
	put(0x103c48, 0xdeadb00f); /* entry 1 */
	assert_int_equal(walk(&cpu, X86_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.type, REF_TYPE_WT);
}

static void npt_five_levels_and_roots(void **state)
{
	struct ref_cpu cpu = npt_cpu();

	(void)state;
	ept_tables(0xdeadb007);
	put(0x104078, 0x100007);
	cpu.root = 0x104000;
	cpu.levels = 5;
	assert_int_equal(walk(&cpu, UINT64_C(0xf123456789abc), &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0xdeadbabc);
	put(0x104078, 0x100107);
	assert_int_equal(walk(&cpu, UINT64_C(0xf123456789abc), &reads), REF_FAULT_RESERVED);
	assert_int_equal(root_of(cpu, 0x104018), REF_ROOT_OK); /* PWT and PCD */
	assert_int_equal(root_of(cpu, 0x104001), REF_ROOT_RESERVED);
	assert_int_equal(root_of(cpu, UINT64_C(0x1000000104000)), REF_ROOT_ADDRESS_WIDTH);
	cpu.levels = 3;
	assert_int_equal(root_of(cpu, 0x104000), REF_ROOT_LEVELS);
}

/* ---- Stage 2 ---- */

/* 40-bit IPA, 4K, start at Arm's level 1 with two concatenated tables, PS 48 bits. */
#define VTCR_40    UINT64_C(0x80053558)
#define STAGE2_GPA UINT64_C(0xabcdef1234) /* indices 0x2af, 0x6f, 0xf1 */

static struct ref_cpu stage2_cpu(void)
{
	struct ref_cpu cpu = {
		.format = REF_STAGE2,
		.root = UINT64_C(0x0005000000100000),
		.control = VTCR_40,
		.pa_bits = 48,
	};

	return cpu;
}

static void stage2_tables(uint64_t leaf)
{
	put(0x101578, 0x102003);
	put(0x102378, 0x103003);
	put(0x103788, leaf);
}

static void stage2_concatenated_root_translates(void **state)
{
	struct ref_cpu cpu = stage2_cpu();
	struct ref_root root;

	(void)state;
	assert_int_equal(ref_decode_root(&cpu, &root), REF_ROOT_OK);
	assert_int_equal(root.table, 0x100000);
	assert_int_equal(root.size, 0x2000);
	assert_int_equal(root.levels, 3);
	assert_int_equal(root.gpa_bits, 40);
	assert_int_equal(root.hpa_bits, 48);
	assert_int_equal(root.tag, 5);
	assert_int_equal(root.type, REF_TYPE_NORMAL_WB);
	assert_int_equal(root.shareability, REF_SHARE_INNER);

	stage2_tables(0x876547ff);
	assert_int_equal(walk(&cpu, STAGE2_GPA, &writes), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0x87654234);
	assert_int_equal(result.leaf.type, REF_TYPE_NORMAL_WB);
	assert_int_equal(result.leaf.shareability, REF_SHARE_INNER);
	assert_true(result.leaf.permissions.execute_user);
	assert_true(result.leaf.permissions.execute_kernel);
	cpu.lpa = true; /* with 4K bits 15:12 stay what they are */
	stage2_tables(0x8765f7ff);
	assert_int_equal(walk(&cpu, STAGE2_GPA, &writes), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0x8765f234);
	assert_int_equal(walk(&cpu, UINT64_C(1) << 40, &reads), REF_FAULT_GPA_WIDTH);
	assert_int_equal(result.level, 2);
}

static void stage2_permissions(void **state)
{
	struct ref_cpu cpu = stage2_cpu();

	(void)state;
	stage2_tables(0x8765477f); /* S2AP 01 */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(walk(&cpu, STAGE2_GPA, &writes), REF_FAULT_PERMISSION);
	stage2_tables(0x876547bf); /* S2AP 10 */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_PERMISSION);
	assert_int_equal(walk(&cpu, STAGE2_GPA, &writes), REF_FAULT_NONE);
	stage2_tables(0x8765473f); /* S2AP 00: execution is a matter of XN alone */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &fetches), REF_FAULT_NONE);
	stage2_tables(UINT64_C(0x00400000876547ff)); /* XN */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &writes), REF_FAULT_NONE);
	assert_int_equal(walk(&cpu, STAGE2_GPA, &fetches), REF_FAULT_PERMISSION);
	assert_int_equal(walk(&cpu, STAGE2_GPA, &user_fetches), REF_FAULT_PERMISSION);
	stage2_tables(UINT64_C(0x00200000876547ff)); /* bit 53 is RES0 without FEAT_XNX */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &fetches), REF_FAULT_RESERVED);
	cpu.xnx = true; /* 01: EL0 only */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &fetches), REF_FAULT_PERMISSION);
	assert_int_equal(walk(&cpu, STAGE2_GPA, &user_fetches), REF_FAULT_NONE);
	stage2_tables(UINT64_C(0x00600000876547ff)); /* 11: EL1 only */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &fetches), REF_FAULT_NONE);
	assert_int_equal(walk(&cpu, STAGE2_GPA, &user_fetches), REF_FAULT_PERMISSION);
	stage2_tables(UINT64_C(0x00400000876547ff)); /* 10: none */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &user_fetches), REF_FAULT_PERMISSION);
}

static void stage2_access_flag_and_dirty_state(void **state)
{
	struct ref_cpu cpu = stage2_cpu();

	(void)state;
	stage2_tables(0x8765433f); /* AF 0 and no permission: the flag goes first */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &writes), REF_FAULT_ACCESS_FLAG);
	cpu.control = VTCR_40 | 0x200000; /* HA */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &writes), REF_FAULT_ROOT);
	cpu.accessed_dirty = true;
	assert_int_equal(walk(&cpu, STAGE2_GPA, &writes), REF_FAULT_PERMISSION);
	stage2_tables(UINT64_C(0x000800008765437f)); /* DBM, read-only, AF 0 */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &writes), REF_FAULT_PERMISSION);
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.update_count, 1);
	assert_int_equal(result.updates[0].bits, 0x400);
	cpu.control = VTCR_40 | 0x600000; /* HA and HD */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &writes), REF_FAULT_NONE);
	assert_int_equal(result.update_count, 1);
	assert_int_equal(result.updates[0].entry_hpa, 0x103788);
	assert_int_equal(result.updates[0].bits, 0x480);
	cpu.control = VTCR_40 | 0x400000; /* HD without HA: nothing */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &writes), REF_FAULT_ACCESS_FLAG);
	cpu.control = VTCR_40;
	cpu.accessed_dirty = false;
	assert_int_equal(walk(&cpu, STAGE2_GPA, &writes), REF_FAULT_RESERVED); /* DBM */
}

static void stage2_blocks(void **state)
{
	struct ref_cpu cpu = stage2_cpu();

	(void)state;
	stage2_tables(0);
	put(0x102378, 0x402007fd); /* 2 MiB */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0x402f1234);
	assert_int_equal(result.leaf.gpa, 0xabcde00000);
	put(0x102378, 0x402017fd); /* bit 12 */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_RESERVED);
	put(0x102378, 0x402107fd); /* bit 16: nT */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_RESERVED);
	cpu.bbm = true;
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_NONE);
	put(0x101578, UINT64_C(0xc00007fd)); /* 1 GiB */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0xcdef1234);
	put(0x101578, 0x102003);
	put(0x102378, 0x103003);
	put(0x103788, 0x876547fd); /* 0b01 at the last level is no page */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_TRANSLATION);
	put(0x103788, 0x876547fe);
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_TRANSLATION);

	/* 48-bit IPA from Arm's level 0, where no block exists */
	cpu.control = UINT64_C(0x80053590);
	put(0x100000, 0x4007fd);
	assert_int_equal(walk(&cpu, 0, &reads), REF_FAULT_TRANSLATION);
	assert_int_equal(result.level, 3);
}

static void stage2_address_sizes(void **state)
{
	struct ref_cpu cpu = stage2_cpu();

	(void)state;
	cpu.control = UINT64_C(0x80023558);     /* PS 40 bits */
	stage2_tables(UINT64_C(0x100000007ff)); /* bit 40 */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_ADDRESS_SIZE);
	assert_int_equal(result.level, 0);
	put(0x102378, UINT64_C(0x10000103003));
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_ADDRESS_SIZE);
	assert_int_equal(result.level, 1);
	assert_int_equal(root_of(cpu, UINT64_C(0x10000100000)), REF_ROOT_ADDRESS_WIDTH);
	cpu.control = VTCR_40;
	cpu.pa_bits = 40; /* PS larger than implemented: the smaller counts */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_ADDRESS_SIZE);
	cpu.pa_bits = 48;
	stage2_tables(UINT64_C(0x10000000007ff));
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_RESERVED); /* bit 48 is RES0 */
}

static void stage2_types(void **state)
{
	static const struct {
		uint64_t leaf;
		enum ref_memory_type type;
		enum ref_shareability share;
	} cases[] = {
		{0x4c3, REF_TYPE_DEVICE_nGnRnE, REF_SHARE_OUTER},
		{0x4c7, REF_TYPE_DEVICE_nGnRE, REF_SHARE_OUTER},
		{0x4cb, REF_TYPE_DEVICE_nGRE, REF_SHARE_OUTER},
		{0x4cf, REF_TYPE_DEVICE_GRE, REF_SHARE_OUTER},
		{0x7d7, REF_TYPE_NORMAL_NC, REF_SHARE_OUTER},
		{0x6eb, REF_TYPE_NORMAL_WT, REF_SHARE_OUTER},
		{0x4ff, REF_TYPE_NORMAL_WB, REF_SHARE_NONE},
		{0x7f7, REF_TYPE_NORMAL_MIXED, REF_SHARE_INNER},
	};
	struct ref_cpu cpu = stage2_cpu();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		stage2_tables(cases[i].leaf);
		assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_NONE);
		assert_int_equal(result.leaf.type, cases[i].type);
		assert_int_equal(result.leaf.shareability, cases[i].share);
	}
	stage2_tables(0x7d3); /* MemAttr 0100 */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_RESERVED);
	stage2_tables(0x5ff); /* SH 01 */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_RESERVED);
	cpu.force_write_back = true;
	stage2_tables(0x7db); /* MemAttr 0110 */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.type, REF_TYPE_NORMAL_WB);
	stage2_tables(0x7ff); /* 1111 means nothing any more */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_RESERVED);
}

static void stage2_reserved_table_bits(void **state)
{
	struct ref_cpu cpu = stage2_cpu();

	(void)state;
	stage2_tables(0x876547ff);
	put(0x101578, UINT64_C(0x07f0000000102fff)); /* ignored: 58:52 and 11:2 */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_NONE);
	put(0x101578, UINT64_C(0x0800000000102003)); /* bit 59 */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_RESERVED);
	cpu.lenient = true;
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_NONE);
	cpu.lenient = false;
	put(0x101578, UINT64_C(0x0001000000102003)); /* bit 48 */
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_RESERVED);
}

static void stage2_registers(void **state)
{
	struct ref_cpu cpu = stage2_cpu();

	(void)state;
	assert_int_equal(control_of(cpu, VTCR_40, 0x101000), REF_ROOT_ALIGNMENT); /* 8 KiB root */
	assert_int_equal(control_of(cpu, UINT64_C(0x80053559), 0x101000),
			 REF_ROOT_OK);                                           /* 39 bits */
	assert_int_equal(control_of(cpu, 0x53558, 0x100000), REF_ROOT_RESERVED); /* RES1 bit 31 */
	assert_int_equal(control_of(cpu, VTCR_40 | 0x100000, 0x100000), REF_ROOT_RESERVED);
	assert_int_equal(control_of(cpu, VTCR_40 | 0x80000, 0x100000), REF_ROOT_RESERVED); /* VS */
	assert_int_equal(control_of(cpu, VTCR_40, UINT64_C(0x100000000100000)), REF_ROOT_RESERVED);
	assert_int_equal(control_of(cpu, VTCR_40, 0x100001), REF_ROOT_RESERVED); /* CnP */
	assert_int_equal(control_of(cpu, UINT64_C(0x80051558), 0x100000),
			 REF_ROOT_RESERVED); /* SH */
	assert_int_equal(control_of(cpu, UINT64_C(0x80073558), 0x100000), REF_ROOT_OUTPUT_SIZE);
	assert_int_equal(control_of(cpu, UINT64_C(0x8005f558), 0x100000), REF_ROOT_GRANULE);
	assert_int_equal(control_of(cpu, UINT64_C(0x80057558), 0x100000), REF_ROOT_GRANULE);
	/*
	 * start levels of 4K: 43 bits are the most for level 1, 31 the least; 34 and 25 for level 2
	 */
	assert_int_equal(control_of(cpu, UINT64_C(0x80053555), 0x110000), REF_ROOT_OK);
	assert_int_equal(control_of(cpu, UINT64_C(0x80053555), 0x108000), REF_ROOT_ALIGNMENT);
	assert_int_equal(control_of(cpu, UINT64_C(0x80053554), 0x110000), REF_ROOT_START_LEVEL);
	assert_int_equal(control_of(cpu, UINT64_C(0x80053561), 0x100010), REF_ROOT_OK);
	assert_int_equal(control_of(cpu, UINT64_C(0x80053561), 0x100008), REF_ROOT_ALIGNMENT);
	assert_int_equal(control_of(cpu, UINT64_C(0x80053562), 0x100000), REF_ROOT_START_LEVEL);
	assert_int_equal(control_of(cpu, UINT64_C(0x8005351e), 0x110000), REF_ROOT_OK);
	assert_int_equal(control_of(cpu, UINT64_C(0x8005351d), 0x110000), REF_ROOT_START_LEVEL);
	assert_int_equal(control_of(cpu, UINT64_C(0x80053527), 0x100000), REF_ROOT_OK);
	assert_int_equal(control_of(cpu, UINT64_C(0x80053528), 0x100000), REF_ROOT_INPUT_SIZE);
	/* level 0 start, level 3 start without FEAT_TTST, wider than the PA */
	assert_int_equal(control_of(cpu, UINT64_C(0x80053590), 0x100000), REF_ROOT_OK);
	assert_int_equal(control_of(cpu, UINT64_C(0x800535e8), 0x100000), REF_ROOT_INPUT_SIZE);
	assert_int_equal(control_of(cpu, UINT64_C(0x8005358f), 0x100000), REF_ROOT_INPUT_SIZE);
	cpu.small_tables = true;
	assert_int_equal(control_of(cpu, UINT64_C(0x800535eb), 0x100000),
			 REF_ROOT_OK); /* 21 bits */
	cpu.pa_bits = 40;
	assert_int_equal(control_of(cpu, UINT64_C(0x80023598), 0x100000), REF_ROOT_START_LEVEL);
	assert_int_equal(control_of(cpu, UINT64_C(0x80023557), 0x110000), REF_ROOT_INPUT_SIZE);
}

static void stage2_other_granules(void **state)
{
	struct ref_cpu cpu = stage2_cpu();

	(void)state;
	/* 16K, 36 bits from Arm's level 2: one root of 2^11 entries; blocks of 32 MiB */
	cpu.granule_16k = true;
	cpu.control = UINT64_C(0x8005b55c);
	put(0x100008, 0x108003); /* IPA 0x2000000 */
	put(0x108008, 0x200047ff);
	assert_int_equal(walk(&cpu, 0x2004321, &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0x20004321);
	assert_int_equal(result.leaf.size, 0x4000);
	put(0x108008, 0x200057ff); /* bits 13:12 */
	assert_int_equal(walk(&cpu, 0x2004321, &reads), REF_FAULT_RESERVED);
	put(0x100008, 0x240007fd + 0x2000000);
	assert_int_equal(walk(&cpu, 0x2004321, &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0x26004321);
	put(0x100008, 0x10a003); /* a table of 16K is aligned to 16K */
	assert_int_equal(walk(&cpu, 0x2004321, &reads), REF_FAULT_RESERVED);

	/* 64K, 40 bits from Arm's level 2: 2^11 entries of 512 MiB */
	cpu.granule_64k = true;
	cpu.control = UINT64_C(0x80057558);
	put(0x100008, 0x110003);
	put(0x110008, 0x200107ff);
	assert_int_equal(walk(&cpu, 0x2001abcd, &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0x2001abcd);
	assert_int_equal(result.leaf.size, 0x10000);
	/* 52 bits: bits 15:12 are address bits 51:48 */
	cpu.lpa = true;
	cpu.pa_bits = 52;
	cpu.control = UINT64_C(0x80067558);
	put(0x110008, 0x2001f7ff);
	assert_int_equal(walk(&cpu, 0x2001abcd, &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, UINT64_C(0xf00002001abcd));
}

static void stage2_52_bits_with_4k(void **state)
{
	struct ref_cpu cpu = stage2_cpu();
	struct ref_root root;

	(void)state;
	/* DS and SL2: 52-bit IPA from Arm's level -1, whose root has 16 entries */
	cpu.lpa2 = true;
	cpu.pa_bits = 52;
	cpu.control = UINT64_C(0x38006350c);
	cpu.root = 0x100080;
	assert_int_equal(ref_decode_root(&cpu, &root), REF_ROOT_OK);
	assert_int_equal(root.levels, 5);
	assert_int_equal(root.size, 128);
	put(0x1000f8, 0x101003);
	put(0x101000, UINT64_C(0x00030000000006fd) | (UINT64_C(1) << 39)); /* 512 GiB block */
	assert_int_equal(walk(&cpu, UINT64_C(0xf000000001234), &reads), REF_FAULT_NONE);
	assert_int_equal(result.level, 3);
	assert_int_equal(result.hpa,
			 UINT64_C(0xb008000001234)); /* 51:50 = 10, 49:48 = 11, bit 39 */
	assert_int_equal(result.leaf.shareability, REF_SHARE_INNER);
	/* VTTBR bits 5:2 are address bits 51:48 */
	assert_int_equal(root_of(cpu, 0x1000be), REF_ROOT_RESERVED);
	cpu.root = 0x1000bc;
	assert_int_equal(ref_decode_root(&cpu, &root), REF_ROOT_OK);
	assert_int_equal(root.table, UINT64_C(0xf000000100080));
	assert_int_equal(root_of(cpu, 0x1000c0), REF_ROOT_ALIGNMENT);
}

static void stage2_output_sizes(void **state)
{
	static const unsigned expected[] = {32, 36, 40, 42, 44, 48, 48};
	struct ref_cpu cpu = stage2_cpu();
	struct ref_root root;

	(void)state;
	cpu.pa_bits = 52;
	for (uint64_t ps = 0; ps < 7; ps++) { /* 52 bits need FEAT_LPA with 64K, or DS */
		cpu.control = UINT64_C(0x80003558) | ps << 16;
		assert_int_equal(ref_decode_root(&cpu, &root), REF_ROOT_OK);
		assert_int_equal(root.hpa_bits, expected[ps]);
	}
	cpu.granule_64k = true;
	cpu.lpa = true;
	cpu.root = 0x10003c; /* BADDR 5:2 are address bits 51:48 */
	cpu.control = UINT64_C(0x80067594);
	assert_int_equal(ref_decode_root(&cpu, &root), REF_ROOT_OK);
	assert_int_equal(root.hpa_bits, 52);
	assert_int_equal(root.table, UINT64_C(0xf000000100000));
}

static void stage2_start_levels_by_granule(void **state)
{
	struct ref_cpu cpu = stage2_cpu();

	(void)state;
	cpu.granule_16k = cpu.granule_64k = true;
	/* 4K, 44 bits from Arm's level 0 just fits a 44-bit PA */
	cpu.pa_bits = 44;
	assert_int_equal(control_of(cpu, UINT64_C(0x80053594), 0x100000), REF_ROOT_OK);
	/* 64K, 44 bits from level 1; SL0 3 is reserved */
	assert_int_equal(control_of(cpu, UINT64_C(0x80057594), 0x100000), REF_ROOT_OK);
	assert_int_equal(control_of(cpu, UINT64_C(0x800575d4), 0x100000), REF_ROOT_START_LEVEL);
	/* 16K: level 1 needs a 42-bit PA, level 0 needs DS and 52 bits */
	cpu.pa_bits = 42;
	assert_int_equal(control_of(cpu, UINT64_C(0x8005b596), 0x100000), REF_ROOT_OK);
	cpu.pa_bits = 40;
	assert_int_equal(control_of(cpu, UINT64_C(0x8005b598), 0x100000), REF_ROOT_START_LEVEL);
	cpu.pa_bits = 48;
	assert_int_equal(control_of(cpu, UINT64_C(0x8005b5d0), 0x100000), REF_ROOT_START_LEVEL);
	cpu.lpa2 = true;
	assert_int_equal(control_of(cpu, UINT64_C(0x18005b5d0), 0x100000), REF_ROOT_START_LEVEL);
	assert_int_equal(control_of(cpu, UINT64_C(0x380053510), 0x100000), REF_ROOT_START_LEVEL);
	cpu.pa_bits = 52;
	assert_int_equal(control_of(cpu, UINT64_C(0x18006b5cc), 0x100000), REF_ROOT_OK);
	assert_int_equal(control_of(cpu, UINT64_C(0x38006354c), 0x100000), REF_ROOT_START_LEVEL);
	/* DS means nothing with 64K, SL2 nothing without DS */
	assert_int_equal(control_of(cpu, UINT64_C(0x180057558), 0x100000), REF_ROOT_RESERVED);
	assert_int_equal(control_of(cpu, UINT64_C(0x280053558), 0x100000), REF_ROOT_RESERVED);
	cpu.lpa2 = false;
	assert_int_equal(control_of(cpu, UINT64_C(0x18006b5cc), 0x100000), REF_ROOT_RESERVED);
	/* FEAT_TTST: T0SZ up to 48, with 64K up to 47 */
	cpu.small_tables = true;
	assert_int_equal(control_of(cpu, UINT64_C(0x800535f0), 0x100000), REF_ROOT_OK);
	assert_int_equal(control_of(cpu, UINT64_C(0x800535f1), 0x100000), REF_ROOT_INPUT_SIZE);
	assert_int_equal(control_of(cpu, UINT64_C(0x8005752f), 0x100000), REF_ROOT_OK);
	assert_int_equal(control_of(cpu, UINT64_C(0x80057530), 0x100000), REF_ROOT_INPUT_SIZE);
}

static void stage2_vmids(void **state)
{
	struct ref_cpu cpu = stage2_cpu();
	struct ref_root root;

	(void)state;
	cpu.vmid16 = true;
	cpu.root = UINT64_C(0x1234000000100000);
	assert_int_equal(ref_decode_root(&cpu, NULL), REF_ROOT_RESERVED); /* VS 0: 8 bits */
	cpu.control = VTCR_40 | 0x80000;
	assert_int_equal(ref_decode_root(&cpu, &root), REF_ROOT_OK);
	assert_int_equal(root.tag, 0x1234);
	cpu.control = VTCR_40;
	cpu.root = 0x100001;
	cpu.cnp = true;
	assert_int_equal(ref_decode_root(&cpu, &root), REF_ROOT_OK);
	assert_int_equal(root.table, 0x100000);
}

static void stage2_largest_blocks(void **state)
{
	struct ref_cpu cpu = stage2_cpu();

	(void)state;
	cpu.granule_16k = cpu.granule_64k = true;
	/* 16K, 42 bits from Arm's level 1: 64 GiB blocks with DS only */
	put(0x100008, UINT64_C(0x30000004fd));
	cpu.control = UINT64_C(0x8005b596);
	assert_int_equal(walk(&cpu, UINT64_C(0x1000001234), &reads), REF_FAULT_TRANSLATION);
	cpu.lpa2 = true;
	cpu.pa_bits = 52;
	cpu.control = UINT64_C(0x18006b596);
	assert_int_equal(walk(&cpu, UINT64_C(0x1000001234), &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, UINT64_C(0x3000001234));
	assert_int_equal(result.leaf.size, UINT64_C(0x1000000000));
	put(0x100008, UINT64_C(0x00100030000004fd)); /* no contiguous bit at that level */
	assert_int_equal(walk(&cpu, UINT64_C(0x1000001234), &reads), REF_FAULT_RESERVED);
	cpu.lenient = true;
	assert_int_equal(walk(&cpu, UINT64_C(0x1000001234), &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.group, UINT64_C(0x1000000000));
	cpu.lenient = false;
	/* 64K, 44 bits from Arm's level 1: 4 TiB blocks with FEAT_LPA only */
	put(0x100008, UINT64_C(0x400000007fd));
	cpu.control = UINT64_C(0x80057594);
	assert_int_equal(walk(&cpu, UINT64_C(0x40000001234), &reads), REF_FAULT_TRANSLATION);
	cpu.lpa = true;
	cpu.control = UINT64_C(0x80067594);
	assert_int_equal(walk(&cpu, UINT64_C(0x40000001234), &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, UINT64_C(0x40000001234));
	put(0x100008, UINT64_C(0x00100400000007fd)); /* no contiguous bit there either */
	assert_int_equal(walk(&cpu, UINT64_C(0x40000001234), &reads), REF_FAULT_RESERVED);
	put(0x100008, UINT64_C(0x400000007fd));
	cpu.pa_bits = 48; /* FEAT_LPA in a CPU with less than 52 bits */
	assert_int_equal(walk(&cpu, UINT64_C(0x40000001234), &reads), REF_FAULT_TRANSLATION);
}

static void stage2_contiguous_sizes(void **state)
{
	struct ref_cpu cpu = stage2_cpu();

	(void)state;
	stage2_tables(UINT64_C(0x00100000876547ff));
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.group, 0x10000);
	put(0x102378, UINT64_C(0x00100000402007fd));
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.group, 0x2000000);
	put(0x101578, UINT64_C(0x00100000c00007fd));
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.group, UINT64_C(0x400000000));
	/* 16 GiB do not fit 32 bits of IPA */
	cpu.control = UINT64_C(0x80053560);
	put(0x100000, UINT64_C(0x00100000000007fd));
	assert_int_equal(walk(&cpu, 0, &reads), REF_FAULT_RESERVED);

	cpu.granule_16k = cpu.granule_64k = true;
	cpu.control = UINT64_C(0x8005b55c); /* 16K: 128 pages, 32 blocks */
	put(0x100008, 0x108003);
	put(0x108008, UINT64_C(0x00100000200047ff));
	assert_int_equal(walk(&cpu, 0x2004321, &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.group, 0x200000);
	put(0x100008, UINT64_C(0x00100000260007fd));
	assert_int_equal(walk(&cpu, 0x2004321, &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.group, 0x40000000);
	cpu.control = UINT64_C(0x80057558); /* 64K: 32 of both */
	put(0x100008, 0x110003);
	put(0x110008, UINT64_C(0x00100000200107ff));
	assert_int_equal(walk(&cpu, 0x2001abcd, &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.group, 0x200000);
	put(0x100008, UINT64_C(0x00100000200007fd));
	assert_int_equal(walk(&cpu, 0x2001abcd, &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.group, UINT64_C(0x400000000));
}

static void stage2_dirty_is_dbm_and_write(void **state)
{
	struct ref_cpu cpu = stage2_cpu();

	(void)state;
	cpu.accessed_dirty = true;
	stage2_tables(UINT64_C(0x00080000876547ff));
	assert_int_equal(walk(&cpu, STAGE2_GPA, &writes), REF_FAULT_NONE);
	assert_true(result.leaf.dirty);
	stage2_tables(UINT64_C(0x000800008765477f));
	assert_int_equal(walk(&cpu, STAGE2_GPA, &reads), REF_FAULT_NONE);
	assert_false(result.leaf.dirty);
	stage2_tables(0x876547ff);
	assert_int_equal(walk(&cpu, STAGE2_GPA, &writes), REF_FAULT_NONE);
	assert_false(result.leaf.dirty);
}

/* ---- G-stage ---- */

#define GSTAGE_GPA UINT64_C(0x1abcdef1234) /* indices 0x6af, 0x6f, 0xf1 */

static struct ref_cpu gstage_cpu(void)
{
	struct ref_cpu cpu = {
		.format = REF_GSTAGE,
		.root = UINT64_C(0x8000300000000100),
		.pa_bits = 56,
	};

	return cpu;
}

static void gstage_tables(uint64_t leaf)
{
	put(0x103578, 0x41001);
	put(0x104378, 0x41401);
	put(0x105788, leaf);
}

static void gstage_sv39x4_translates(void **state)
{
	struct ref_cpu cpu = gstage_cpu();
	struct ref_root root;

	(void)state;
	assert_int_equal(ref_decode_root(&cpu, &root), REF_ROOT_OK);
	assert_int_equal(root.tag, 3);
	assert_int_equal(root.size, 16384);
	assert_int_equal(root.gpa_bits, 41);
	gstage_tables(0x21d950df);
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &writes), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0x87654234);
	assert_int_equal(result.leaf.type, REF_TYPE_PMA);
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &fetches), REF_FAULT_NONE);
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &user_fetches), REF_FAULT_NONE);
	assert_int_equal(walk(&cpu, UINT64_C(1) << 41, &reads), REF_FAULT_GPA_WIDTH);
	assert_int_equal(walk(&cpu, GSTAGE_GPA | (UINT64_C(1) << 63), &reads), REF_FAULT_GPA_WIDTH);
}

static void gstage_permissions_and_flags(void **state)
{
	struct ref_cpu cpu = gstage_cpu();

	(void)state;
	gstage_tables(0x21d950cf); /* U 0 */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_PERMISSION);
	gstage_tables(0x21d950d3); /* read-only */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &writes), REF_FAULT_PERMISSION);
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &fetches), REF_FAULT_PERMISSION);
	gstage_tables(0x21d950d9); /* execute-only */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &fetches), REF_FAULT_NONE);
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_PERMISSION);
	cpu.mxr = true;
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_NONE);
	gstage_tables(0x21d9509f); /* A 0 */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_ACCESS_FLAG);
	gstage_tables(0x21d9505f); /* D 0 */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &writes), REF_FAULT_DIRTY_FLAG);
	gstage_tables(0x21d95013); /* permission before flags */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &writes), REF_FAULT_PERMISSION);
	cpu.accessed_dirty = true;
	gstage_tables(0x21d9501f);
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &writes), REF_FAULT_NONE);
	assert_int_equal(result.update_count, 1);
	assert_int_equal(result.updates[0].bits, 0xc0);
}

static void gstage_reserved(void **state)
{
	static const uint64_t bad_leaves[] = {
		0x21d950d5,                   /* W without R */
		0x21d950dd,                   /* W and X without R */
		UINT64_C(0x0040000021d950df), /* bit 54 */
		UINT64_C(0x1000000021d950df), /* bit 60 */
		UINT64_C(0x2000000021d950df), /* PBMT without Svpbmt */
		UINT64_C(0x8000000021d960df), /* N without Svnapot */
		0x21d950ff,                   /* G: software clears it */
	};
	struct ref_cpu cpu = gstage_cpu();

	(void)state;
	for (size_t i = 0; i < sizeof(bad_leaves) / sizeof(bad_leaves[0]); i++) {
		gstage_tables(bad_leaves[i]);
		assert_int_equal(walk(&cpu, GSTAGE_GPA, &any), REF_FAULT_RESERVED);
	}
	cpu.lenient = true;
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &any), REF_FAULT_NONE);
	cpu.lenient = false;
	gstage_tables(0x21d95001); /* a pointer at level 0 */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &any), REF_FAULT_TRANSLATION);
	gstage_tables(0x21d950de); /* V 0 */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &any), REF_FAULT_TRANSLATION);
	gstage_tables(0x21d950df);
	put(0x104378, 0x41441); /* A in a pointer */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &any), REF_FAULT_RESERVED);
	put(0x104378, 0x41411); /* U in a pointer */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &any), REF_FAULT_RESERVED);
	put(0x104378, 0x41701); /* RSW is software's */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &any), REF_FAULT_NONE);
	cpu.pa_bits = 32;
	gstage_tables(UINT64_C(0x400000df)); /* PA 2^32 */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &any), REF_FAULT_ADDRESS_SIZE);
	put(0x104378, UINT64_C(0x40000001));
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &any), REF_FAULT_ADDRESS_SIZE);
	assert_int_equal(result.level, 1);
}

static void gstage_superpages_types_and_napot(void **state)
{
	struct ref_cpu cpu = gstage_cpu();

	(void)state;
	gstage_tables(0);
	put(0x104378, 0x100800df); /* 2 MiB at 0x40200000 */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0x402f1234);
	assert_int_equal(result.leaf.size, 0x200000);
	put(0x104378, 0x100804df);
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_MISALIGNED);
	put(0x103578, 0x300000df); /* 1 GiB at 0xc0000000 */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0xcdef1234);
	put(0x103578, 0x300800df);
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_MISALIGNED);

	cpu.svpbmt = true;
	gstage_tables(UINT64_C(0x2000000021d950df));
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.type, REF_TYPE_NC);
	gstage_tables(UINT64_C(0x4000000021d950df));
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.leaf.type, REF_TYPE_IO);
	gstage_tables(UINT64_C(0x6000000021d950df));
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_RESERVED);
	gstage_tables(0x21d950df);
	put(0x104378, UINT64_C(0x2000000000041401)); /* PBMT in a pointer */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_RESERVED);

	cpu.svnapot = true;
	gstage_tables(UINT64_C(0x8000000021d960df)); /* ppn 0x87658: 64 KiB at 0x87650000 */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_NONE);
	assert_int_equal(result.hpa, 0x87651234); /* the GPA's page 1 of 16 */
	assert_int_equal(result.leaf.size, 0x1000);
	assert_int_equal(result.leaf.group, 0x10000);
	gstage_tables(UINT64_C(0x8000000021d950df)); /* ppn ends in 0100: reserved */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_RESERVED);
	gstage_tables(0);
	put(0x104378, UINT64_C(0x80000000100820df)); /* not above level 0 */
	assert_int_equal(walk(&cpu, GSTAGE_GPA, &reads), REF_FAULT_RESERVED);
}

static void gstage_registers(void **state)
{
	struct ref_cpu cpu = gstage_cpu();
	struct ref_root root;

	(void)state;
	assert_int_equal(root_of(cpu, UINT64_C(0x8000000000000101)), REF_ROOT_ALIGNMENT);
	assert_int_equal(root_of(cpu, UINT64_C(0x8000000000000102)), REF_ROOT_ALIGNMENT);
	assert_int_equal(root_of(cpu, UINT64_C(0x8000000000000104)), REF_ROOT_OK);
	assert_int_equal(root_of(cpu, 0x100), REF_ROOT_MODE); /* Bare */
	assert_int_equal(root_of(cpu, UINT64_C(0xb000000000000100)), REF_ROOT_MODE);
	assert_int_equal(root_of(cpu, UINT64_C(0x8400000000000100)), REF_ROOT_RESERVED);
	assert_int_equal(root_of(cpu, UINT64_C(0x8000080000000100)), REF_ROOT_OK);
	cpu.root = UINT64_C(0xa3fff00000000100);
	assert_int_equal(ref_decode_root(&cpu, &root), REF_ROOT_OK);
	assert_int_equal(root.levels, 5);
	assert_int_equal(root.gpa_bits, 59);
	assert_int_equal(root.tag, 0x3fff);
	cpu.levels = 4;
	assert_int_equal(root_of(cpu, UINT64_C(0xa000000000000100)), REF_ROOT_MODE);
	assert_int_equal(root_of(cpu, UINT64_C(0x9000000000000100)), REF_ROOT_OK);
	cpu.pa_bits = 40;
	assert_int_equal(root_of(cpu, UINT64_C(0x9000000010000000)), REF_ROOT_ADDRESS_WIDTH);
}

static void gstage_sv48x4_and_sv57x4_translate(void **state)
{
	struct ref_cpu cpu = gstage_cpu();

	(void)state;
	/* Sv48x4: bits 49:39 of 0x3f8000000000 are 0x7f; a 512 GiB leaf at the root */
	cpu.root = UINT64_C(0x9000000000000100);
	put(0x1003f8, UINT64_C(0x2000000000 | 0xdf)); /* PA 0x8000000000 */
	assert_int_equal(walk(&cpu, UINT64_C(0x3f8000001234), &writes), REF_FAULT_NONE);
	assert_int_equal(result.hpa, UINT64_C(0x8000001234));
	assert_int_equal(result.level, 3);
	assert_int_equal(walk(&cpu, UINT64_C(0x3ff8000000000), &reads), REF_FAULT_TRANSLATION);
	assert_int_equal(result.entry_hpa, 0x103ff8);
	assert_int_equal(walk(&cpu, UINT64_C(1) << 50, &reads), REF_FAULT_GPA_WIDTH);
	/* Sv57x4: the last of 2048 root entries is bits 58:48 all ones */
	cpu.root = UINT64_C(0xa000000000000100);
	assert_int_equal(walk(&cpu, UINT64_C(0x7ff000000000000), &reads), REF_FAULT_TRANSLATION);
	assert_int_equal(result.entry_hpa, 0x103ff8);
	assert_int_equal(result.level, 4);
}

/* ---- Scan ---- */

#define SEEN_MAX 64

static struct {
	struct ref_leaf leaves[SEEN_MAX];
	struct ref_table tables[SEEN_MAX];
	struct ref_problem problems[SEEN_MAX];
	size_t leaf_count;
	size_t table_count;
	size_t problem_count;
} seen;

static void see_leaf(void *context, const struct ref_leaf *leaf)
{
	(void)context;
	assert_true(seen.leaf_count < SEEN_MAX);
	if (seen.leaf_count)
		assert_true(seen.leaves[seen.leaf_count - 1].gpa < leaf->gpa);
	seen.leaves[seen.leaf_count++] = *leaf;
}

static void see_table(void *context, const struct ref_table *table)
{
	(void)context;
	assert_true(seen.table_count < SEEN_MAX);
	seen.tables[seen.table_count++] = *table;
}

static void see_problem(void *context, const struct ref_problem *problem)
{
	(void)context;
	assert_true(seen.problem_count < SEEN_MAX);
	seen.problems[seen.problem_count++] = *problem;
}

static const struct ref_visitor visitor = {
	.leaf = see_leaf,
	.table = see_table,
	.problem = see_problem,
};

static struct ref_summary summary;

static bool scan(const struct ref_cpu *cpu)
{
	memset(&seen, 0, sizeof(seen));
	return ref_scan(cpu, &memory, &visitor, &summary);
}

static void scan_good_tree_lists_everything(void **state)
{
	struct ref_cpu cpu = ept_cpu();

	(void)state;
	ept_tables(0xdeadb037);
	put(0x103c50, 0x200000031);          /* next page, read-only */
	put(0x102ff8, 0x40000000b7);         /* last 2 MiB of the GiB */
	put(0x101000, UINT64_C(0xc00000b7)); /* first GiB below the PML4E */
	put(0x100008, 0x8000000000000000);   /* not present, software's note */
	assert_true(scan(&cpu));
	assert_int_equal(summary.leaves, 4);
	assert_int_equal(summary.leaves_at[0], 2);
	assert_int_equal(summary.leaves_at[1], 1);
	assert_int_equal(summary.leaves_at[2], 1);
	assert_int_equal(summary.mapped, 0x40202000);
	assert_int_equal(summary.tables, 4);
	assert_int_equal(summary.table_bytes, 0x4000);
	assert_int_equal(summary.invalid_nonzero, 1);
	assert_int_equal(seen.leaves[0].gpa, 0x120000000000);
	assert_int_equal(seen.leaves[0].hpa, 0xc0000000);
	assert_int_equal(seen.leaves[0].size, 0x40000000);
	assert_int_equal(seen.leaves[1].gpa, 0x123456789000);
	assert_int_equal(seen.leaves[1].entry_hpa, 0x103c48);
	assert_int_equal(seen.leaves[2].gpa, 0x12345678a000);
	assert_false(seen.leaves[2].permissions.write);
	assert_int_equal(seen.leaves[3].gpa, 0x12347fe00000);
	assert_int_equal(seen.leaves[3].hpa, UINT64_C(0x4000000000));
	assert_int_equal(seen.tables[0].hpa, 0x100000);
	assert_int_equal(seen.tables[0].level, 3);
	assert_int_equal(seen.tables[3].hpa, 0x103000);
	assert_int_equal(seen.tables[3].gpa, 0x123456600000);
	assert_true(ref_scan(&cpu, &memory, NULL, NULL));
}

static void scan_finds_loops_and_sharing(void **state)
{
	struct ref_cpu cpu = ept_cpu();

	(void)state;
	ept_tables(0xdeadb037);
	put(0x102000, 0x103007); /* the same page table twice: first reached here */
	put(0x101ff8, 0x100007); /* back to the root */
	assert_false(scan(&cpu));
	assert_int_equal(summary.shared, 1);
	assert_int_equal(summary.loops, 1);
	assert_int_equal(summary.problems, 2);
	assert_int_equal(summary.tables, 4);
	assert_int_equal(summary.leaves, 1);
	assert_int_equal(seen.problems[0].kind, REF_PROBLEM_SHARED);
	assert_int_equal(seen.problems[0].hpa, 0x102598);
	assert_int_equal(seen.problems[1].kind, REF_PROBLEM_LOOP);
	assert_int_equal(seen.problems[1].hpa, 0x101ff8);
	assert_int_equal(seen.problems[1].level, 2);
}

static void scan_finds_empty_tables_bad_entries_and_bad_pointers(void **state)
{
	struct ref_cpu cpu = ept_cpu();

	(void)state;
	ept_tables(0x30); /* not present though not zero: the table is empty to hardware */
	put(0x102000, 0x104007);
	put(0x104000, 0x32);      /* write-only: malformed, but the table is not empty */
	put(0x100ff8, 0x7000007); /* no such memory */
	assert_false(scan(&cpu));
	assert_int_equal(summary.empty, 1);
	assert_int_equal(summary.malformed, 1);
	assert_int_equal(summary.bus, 1);
	assert_int_equal(summary.problems, 3);
	assert_int_equal(summary.invalid_nonzero, 1);
	assert_int_equal(seen.problems[0].kind, REF_PROBLEM_MALFORMED);
	assert_int_equal(seen.problems[0].fault, REF_FAULT_RESERVED);
	assert_int_equal(seen.problems[0].hpa, 0x104000);
	assert_int_equal(seen.problems[0].entry, 0x32);
	assert_int_equal(seen.problems[1].kind, REF_PROBLEM_EMPTY);
	assert_int_equal(seen.problems[1].hpa, 0x103000);
	assert_int_equal(seen.problems[1].level, 0);
	assert_int_equal(seen.problems[1].gpa, 0x123456600000);
	assert_int_equal(seen.problems[2].kind, REF_PROBLEM_BUS);
	assert_int_equal(seen.problems[2].hpa, 0x7000000);
	memset(words, 0, sizeof(words)); /* an empty root is fine */
	assert_true(scan(&cpu));
	cpu.root = 0;
	assert_false(scan(&cpu));
	assert_int_equal(summary.root_error, REF_ROOT_LEVELS); /* type 0 is uncacheable */
}

static void scan_finds_what_no_guest_reaches(void **state)
{
	struct ref_cpu cpu = npt_cpu();

	(void)state;
	ept_tables(0xdeadb007);
	cpu.root = 0x104000;
	cpu.levels = 5;
	put(0x104080, 0x100007); /* index 16: GPA 2^52 */
	assert_false(scan(&cpu));
	assert_int_equal(summary.unreachable,
			 3 + 2); /* each of the four entries below and itself */
	assert_int_equal(seen.problems[0].gpa, UINT64_C(1) << 52);
}

static void scan_takes_large_roots(void **state)
{
	struct ref_cpu cpu = gstage_cpu();

	(void)state;
	gstage_tables(0x21d950df);
	assert_true(scan(&cpu));
	assert_int_equal(summary.leaves, 1);
	assert_int_equal(summary.tables, 3);
	assert_int_equal(summary.table_bytes, 0x6000);
	assert_int_equal(seen.leaves[0].gpa, 0x1abcdef1000);
	assert_int_equal(seen.leaves[0].hpa, 0x87654000);
	put(0x104380, 0x40801); /* a table inside the root's third page */
	assert_false(scan(&cpu));
	assert_int_equal(summary.loops, 1);

	memset(words, 0, sizeof(words));
	cpu = stage2_cpu();
	stage2_tables(0x876547ff);
	assert_true(scan(&cpu));
	assert_int_equal(summary.table_bytes, 0x4000);
	assert_int_equal(seen.leaves[0].gpa, 0xabcdef1000);
}

static void scan_checks_napot_groups(void **state)
{
	struct ref_cpu cpu = gstage_cpu();

	(void)state;
	cpu.svnapot = true;
	gstage_tables(0);
	for (uint64_t i = 0; i < 16; i++) /* slots 0xf0 to 0xff */
		put(0x105780 + i * 8, UINT64_C(0x8000000021d960df));
	assert_true(scan(&cpu));
	assert_int_equal(summary.leaves, 16);
	assert_int_equal(seen.leaves[1].gpa, 0x1abcdef1000);
	assert_int_equal(seen.leaves[1].hpa, 0x87651000);
	put(0x105790, UINT64_C(0x8000000021d9631f)); /* A, D and RSW may differ */
	assert_true(scan(&cpu));
	put(0x105790, UINT64_C(0x8000000021d960d3)); /* permissions may not */
	assert_false(scan(&cpu));
	assert_int_equal(summary.groups, 2);
	assert_int_equal(seen.problems[0].hpa, 0x105790);
	assert_int_equal(seen.problems[1].hpa, 0x105798);
	put(0x105790, UINT64_C(0x8000000021d960df));
	put(0x1057f8, 0); /* one slot missing at the end */
	assert_false(scan(&cpu));
	assert_int_equal(summary.groups, 1);
	assert_int_equal(seen.problems[0].hpa, 0x1057f8);
}

static void scan_checks_contiguous_groups(void **state)
{
	struct ref_cpu cpu = stage2_cpu();

	(void)state;
	stage2_tables(0);
	for (uint64_t i = 0; i < 16; i++)
		put(0x103780 + i * 8, UINT64_C(0x00100000876507ff) + i * 0x1000);
	assert_true(scan(&cpu));
	assert_int_equal(summary.leaves, 16);
	assert_int_equal(seen.leaves[15].group, 0x10000);
	put(0x103788, UINT64_C(0x00100000876517bf)); /* permissions differ */
	assert_false(scan(&cpu));
	assert_int_equal(summary.groups, 2);
	put(0x103788, UINT64_C(0x00000000876517ff)); /* the bit is missing */
	assert_false(scan(&cpu));
	assert_int_equal(summary.groups, 2);
	for (uint64_t i = 0; i < 16; i++) /* not aligned to 64 KiB */
		put(0x103780 + i * 8, UINT64_C(0x00100000876517ff) + i * 0x1000);
	assert_false(scan(&cpu));
	assert_int_equal(summary.groups, 1);
	assert_int_equal(seen.problems[0].kind, REF_PROBLEM_GROUP);
}

/* What a scan lists, a walk to the same place has to find, and nothing may run away: on noise. */
static const struct ref_cpu *noisy_cpu;
static unsigned noisy_leaves;

static void compare_with_walk(void *context, const struct ref_leaf *leaf)
{
	(void)context;
	noisy_leaves++;
	if (ref_walk(noisy_cpu, &memory, leaf->gpa, &any, &result) == REF_FAULT_ACCESS_FLAG)
		assert_false(leaf->accessed);
	else if (result.fault == REF_FAULT_GPA_WIDTH)
		return;
	else
		assert_int_equal(result.fault, REF_FAULT_NONE);
	assert_int_equal(result.leaf.gpa, leaf->gpa);
	assert_int_equal(result.leaf.hpa, leaf->hpa);
	assert_int_equal(result.leaf.entry, leaf->entry);
	assert_int_equal(result.leaf.entry_hpa, leaf->entry_hpa);
	assert_int_equal(result.leaf.size, leaf->size);
	assert_int_equal(result.leaf.group, leaf->group);
	assert_memory_equal(&result.leaf.permissions, &leaf->permissions,
			    sizeof(leaf->permissions));
}

static uint64_t noise(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Mostly pointers to the tables at hand and leaves that are nearly right; at times a bit flips. */
static uint64_t noisy_entry(enum ref_format_id format, uint64_t *seed)
{
	static const uint64_t leaves[] = {0xb7, 0x87, 0x7fd, 0xdf};
	static const uint64_t tables[] = {0x7, 0x7, 0x3, 0x1};
	uint64_t kind = noise(seed) % 16;
	uint64_t page = 0x100 + noise(seed) % (SIZE / 4096);
	unsigned shift = format == REF_GSTAGE ? 10 : 12;
	uint64_t entry;

	if (kind < 8)
		return 0;
	if (kind < 11)
		entry = page << shift | tables[format];
	else if (kind < 13)
		entry = (noise(seed) & 0xfff) << (shift + 18) | leaves[format];
	else
		entry = page << shift | (leaves[format] | (format == REF_STAGE2 ? 2 : 0));
	if (noise(seed) % 16 == 0)
		entry ^= UINT64_C(1) << (noise(seed) % 64);
	return entry;
}

static void scan_and_walk_agree_on_noise(void **state)
{
	const struct ref_visitor compare = {.leaf = compare_with_walk};
	struct ref_cpu cpus[] = {ept_cpu(), npt_cpu(), stage2_cpu(), gstage_cpu()};
	uint64_t seed = 1;

	(void)state;
	cpus[3].svnapot = true;
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < 4; i++) {
			noisy_cpu = &cpus[i];
			noisy_leaves = 0;
			for (uint64_t hpa = BASE; hpa < BASE + SIZE; hpa += 8)
				put(hpa, noisy_entry(cpus[i].format, &seed));
			ref_scan(&cpus[i], &memory, &compare, &summary);
			assert_int_equal(noisy_leaves, summary.leaves);
			assert_true(noisy_leaves > 100);
			assert_true(summary.tables - summary.bus <= SIZE / 4096);
		}
	}
}

static void names_exist(void **state)
{
	(void)state;
	assert_string_equal(ref_fault_name(REF_FAULT_PERMISSION), "permission");
	assert_string_equal(ref_root_error_name(REF_ROOT_OUTPUT_SIZE), "output size");
	assert_string_equal(ref_problem_name(REF_PROBLEM_LIMIT), "scan cut short");
}

#define TEST(name) cmocka_unit_test_setup(name, clear)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(ept_4k_page_translates),
		TEST(ept_absent_entries_tell_their_level),
		TEST(ept_large_pages_translate),
		TEST(ept_misconfigurations),
		TEST(ept_execute_only_and_levels_combine),
		TEST(ept_mode_based_execute),
		TEST(ept_accessed_and_dirty),
		TEST(ept_five_levels),
		TEST(ept_pointers),
		TEST(npt_4k_page_translates),
		TEST(npt_permissions),
		TEST(npt_reserved_bits),
		TEST(npt_large_pages_and_types),
		TEST(npt_five_levels_and_roots),
		TEST(stage2_concatenated_root_translates),
		TEST(stage2_permissions),
		TEST(stage2_access_flag_and_dirty_state),
		TEST(stage2_blocks),
		TEST(stage2_address_sizes),
		TEST(stage2_types),
		TEST(stage2_reserved_table_bits),
		TEST(stage2_registers),
		TEST(stage2_other_granules),
		TEST(stage2_52_bits_with_4k),
		TEST(stage2_output_sizes),
		TEST(stage2_start_levels_by_granule),
		TEST(stage2_vmids),
		TEST(stage2_largest_blocks),
		TEST(stage2_contiguous_sizes),
		TEST(stage2_dirty_is_dbm_and_write),
		TEST(gstage_sv39x4_translates),
		TEST(gstage_permissions_and_flags),
		TEST(gstage_reserved),
		TEST(gstage_superpages_types_and_napot),
		TEST(gstage_registers),
		TEST(gstage_sv48x4_and_sv57x4_translate),
		TEST(scan_good_tree_lists_everything),
		TEST(scan_finds_loops_and_sharing),
		TEST(scan_finds_empty_tables_bad_entries_and_bad_pointers),
		TEST(scan_finds_what_no_guest_reaches),
		TEST(scan_takes_large_roots),
		TEST(scan_checks_napot_groups),
		TEST(scan_checks_contiguous_groups),
		TEST(scan_and_walk_agree_on_noise),
		TEST(names_exist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
