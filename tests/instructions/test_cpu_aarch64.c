/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What arch/aarch64 executes: invalidations with their operands and barriers, in order; and what it makes
 * of the identification registers. See machine.h.
 *
 * Sources: Arm ARM (DDI 0487) C5.5 for the operands of each TLBI, D8.17 "TLB maintenance", D24.2 for the
 * registers.
 */
#include "machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu.h"
#include "npt_format.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- the CPU */

static struct sysreg {
	const char *name;
	uint64_t value;
} sysregs[] = {
	{"vttbr_el2", 0},        {"vtcr_el2", 0},         {"hcr_el2", 0},          {"daif", 0},
	{"id_aa64isar0_el1", 0}, {"id_aa64mmfr0_el1", 0}, {"id_aa64mmfr1_el1", 0},
};

static uint64_t *sysreg(const char *name)
{
	for (size_t i = 0; i < COUNT(sysregs); i++)
		if (strcmp(sysregs[i].name, name) == 0)
			return &sysregs[i].value;
	fail_msg("no register %s", name);
	return NULL;
}

/* Reads of identification registers have no effect, and are not traced. */
static void execute_mrs(const struct machine_operand *operand)
{
	*operand[0].reg = *sysreg(operand[1].text);
	if (strncmp(operand[1].text, "id_", 3) != 0)
		machine_trace("mrs %s", operand[1].text);
}

static void execute_msr(const struct machine_operand *operand)
{
	if (operand[1].reg) {
		*sysreg(operand[0].text) = *operand[1].reg;
		machine_trace("msr %s, %#llx", operand[0].text,
			      (unsigned long long)*operand[1].reg);
		return;
	}
	/* MSR (immediate): D, A, I and F are bits 9:6 of DAIF. */
	assert_string_equal(operand[0].text, "daifset");
	assert_string_equal(operand[1].text, "#0xf");
	*sysreg("daif") |= 0x3c0;
	machine_trace("msr daifset, #0xf");
}

void machine_execute(const struct machine_instruction *instruction)
{
	const struct machine_operand *operand = instruction->operand;

	if (machine_is(instruction, "mrs", NULL)) {
		execute_mrs(operand);
	} else if (machine_is(instruction, "msr", NULL)) {
		execute_msr(operand);
	} else if (machine_is(instruction, "tlbi", "ipas2e1is")) {
		machine_trace("tlbi ipas2e1is, %#llx", (unsigned long long)*operand[1].reg);
	} else if (machine_is(instruction, "sys", "#4")) {
		/* op1 4, CRn 8, CRm 0, op2 2 */
		assert_string_equal(operand[1].text, "c8");
		assert_string_equal(operand[2].text, "c0");
		assert_string_equal(operand[3].text, "#2");
		machine_trace("tlbi ripas2e1is, %#llx", (unsigned long long)*operand[4].reg);
	} else if (instruction->operands == 0) {
		machine_trace("%s", instruction->name);
	} else {
		assert_int_equal(instruction->operands, 1);
		machine_trace("%s %s", instruction->name, operand[0].text);
	}
}

/* ---- invalidation */

#define ROOT    UINT64_C(0x0007000080123000) /* VMID 7 */
#define CONTROL UINT64_C(0x80023558)
#define HCR     UINT64_C(0x80000001) /* RW, VM */
#define HCR_E2H (UINT64_C(1) << 34)
#define HCR_TGE (UINT64_C(1) << 27)
#define DAIF    UINT64_C(0x80) /* IRQs masked by the caller */
#define RANGES  (UINT64_C(2) << 56)

/* The CPU is in the guest's context, so that nothing is switched. */
static int in_context(void **state)
{
	(void)state;
	machine_trace_begin();
	*sysreg("vttbr_el2") = ROOT;
	*sysreg("vtcr_el2") = CONTROL;
	*sysreg("hcr_el2") = HCR;
	*sysreg("daif") = DAIF;
	*sysreg("id_aa64isar0_el1") = 0;
	return 0;
}

static int with_ranges(void **state)
{
	in_context(state);
	*sysreg("id_aa64isar0_el1") = RANGES;
	return 0;
}

static void flush(uint64_t start, uint64_t size, bool tables, unsigned page_shift)
{
	const struct ax_npt_registers registers = {.root = ROOT, .control = CONTROL};
	const struct ax_tlb_request request = {
		.format = AX_NPT_STAGE2,
		.tag = 7,
		.start = {start},
		.size = size,
		.tables = tables,
	};

	ax_cpu_tlb_flush(&registers, &request, page_shift);
	/* The caller finds its registers as they were, interrupts included. */
	assert_int_equal(*sysreg("daif"), DAIF);
}

#define ENTER "dsb ishst\nmrs daif\nmsr daifset, #0xf\nmrs vttbr_el2\nmrs vtcr_el2\nmrs hcr_el2\n"
#define LEAVE "msr daif, 0x80\n"
/* What follows invalidations by address, see tlb.c. */
#define STAGE1 "dsb ish\ntlbi vmalle1is\ndsb ish\nisb\n"
#define ALL    "tlbi vmalls12e1is\ndsb ish\nisb\n"

static void page_goes_by_its_address_and_then_what_combines_both_stages(void **state)
{
	(void)state;
	flush(0x40003000, 0x1000, false, 12);
	machine_trace_check(ENTER "tlbi ipas2e1is, 0x40003\n" STAGE1 LEAVE);
	/* The last page of 48 bits. */
	flush(UINT64_C(0xfffffffff000), 0x1000, false, 12);
	machine_trace_check(ENTER "tlbi ipas2e1is, 0xfffffffff\n" STAGE1 LEAVE);
}

static void leaf_goes_once_whatever_its_size(void **state)
{
	(void)state;
	flush(0x40000000, 0x600000, false, 21);
	machine_trace_check(ENTER "tlbi ipas2e1is, 0x40000\ntlbi ipas2e1is, 0x40200\n"
				  "tlbi ipas2e1is, 0x40400\n" STAGE1 LEAVE);
	flush(0x40000000, 0x40000000, false, 30);
	machine_trace_check(ENTER "tlbi ipas2e1is, 0x40000\n" STAGE1 LEAVE);
	/* From the middle of one to the begin of the next. */
	flush(0x401ff000, 0x2000, false, 21);
	machine_trace_check(ENTER
			    "tlbi ipas2e1is, 0x40000\ntlbi ipas2e1is, 0x40200\n" STAGE1 LEAVE);
}

static void everything_goes_at_once(void **state)
{
	(void)state;
	/* All of the VMID. */
	flush(0, 0, false, 12);
	machine_trace_check(ENTER ALL LEAVE);
	/* Where a table went, by whatever address its entry is cached. */
	flush(0x40000000, 0x1000, true, 12);
	machine_trace_check(ENTER ALL LEAVE);
}

/* The size says so, whatever the address and however the CPU could go through a range. */
static void everything_goes_at_once_with_ranges_too(void **state)
{
	(void)state;
	flush(0, 0, false, 12);
	machine_trace_check(ENTER ALL LEAVE);
	flush(0x40000000, 0, false, 12);
	machine_trace_check(ENTER ALL LEAVE);
}

static void many_leaves_go_all_at_once(void **state)
{
	(void)state;
	flush(0x40000000, 64 * 0x1000, false, 12);
	assert_string_equal(machine_trace_line(6), "tlbi ipas2e1is, 0x40000");
	assert_string_equal(machine_trace_line(6 + 63), "tlbi ipas2e1is, 0x4003f");
	assert_string_equal(machine_trace_line(6 + 64), "dsb ish");
	machine_trace_begin();
	flush(0x40000000, 65 * 0x1000, false, 12);
	machine_trace_check(ENTER ALL LEAVE);
	/* 65 leaves are in part of the range. */
	flush(0x401ff000, UINT64_C(64) << 21, false, 21);
	machine_trace_check(ENTER ALL LEAVE);
}

static void tlbi_runs_under_the_guests_vmid(void **state)
{
	static const struct sysreg others[] = {
		{"vttbr_el2", UINT64_C(0x0008000080456000)},
		{"vtcr_el2", CONTROL | 1u << 19},
		{"hcr_el2", HCR | HCR_E2H | HCR_TGE},
		/* A host at EL2 that runs no guest. */
		{"hcr_el2", HCR_E2H | HCR_TGE},
	};

	for (size_t i = 0; i < COUNT(others); i++) {
		char want[512];
		unsigned long long vttbr, vtcr, hcr;

		in_context(state);
		*sysreg(others[i].name) = others[i].value;
		vttbr = *sysreg("vttbr_el2");
		vtcr = *sysreg("vtcr_el2");
		hcr = *sysreg("hcr_el2");
		flush(0x1000, 0x1000, false, 12);
		assert_int_equal(*sysreg("vttbr_el2"), vttbr);
		assert_int_equal(*sysreg("vtcr_el2"), vtcr);
		assert_int_equal(*sysreg("hcr_el2"), hcr);
		snprintf(want, sizeof(want),
			 ENTER
			 "msr vtcr_el2, %#llx\nmsr vttbr_el2, %#llx\nmsr hcr_el2, %#llx\nisb\n"
			 "tlbi ipas2e1is, 0x1\n" STAGE1 "msr vtcr_el2, %#llx\nmsr vttbr_el2, "
			 "%#llx\nmsr hcr_el2, %#llx\nisb\n" LEAVE,
			 (unsigned long long)CONTROL, (unsigned long long)ROOT,
			 hcr & ~(unsigned long long)HCR_TGE, vtcr, vttbr, hcr);
		machine_trace_check(want);
	}
}

/* The manual's formula: from BaseADDR on, (NUM + 1) << (5 * SCALE + 1) pages. */
static void decode_range(uint64_t operand, uint64_t *first, uint64_t *pages)
{
	uint64_t num = operand >> 39 & 0x1f, scale = operand >> 44 & 3;

	assert_int_equal(operand >> 46 & 3, 1); /* TG: 4 KiB */
	assert_int_equal(operand >> 37 & 3, 0); /* TTL: any level */
	assert_int_equal(operand >> 48, 0);     /* RES0 */
	*first = operand & ((UINT64_C(1) << 37) - 1);
	*pages = (num + 1) << (5 * scale + 1);
}

/* Pages that the invalidations by address cover, which follow each other without a gap. */
static uint64_t covered_from(uint64_t page, unsigned *operations)
{
	static const char single[] = "tlbi ipas2e1is, ", range[] = "tlbi ripas2e1is, ";
	uint64_t next = page, first, pages;
	unsigned line = 6;

	for (;; line++) {
		const char *text = machine_trace_line(line);

		if (strncmp(text, range, strlen(range)) == 0) {
			decode_range(strtoull(text + strlen(range), NULL, 0), &first, &pages);
		} else if (strncmp(text, single, strlen(single)) == 0) {
			first = strtoull(text + strlen(single), NULL, 0);
			pages = 1;
		} else {
			break;
		}
		assert_int_equal(first, next);
		next += pages;
	}
	*operations = line - 6;
	return next - page;
}

static void range_is_covered_exactly(void **state)
{
	static const uint64_t sizes[] = {
		1,       2,       3,       31,      62,      63,       64,      65,   66,
		127,     511,     512,     513,     1023,    2047,     2048,    2049, 0x10000,
		0x10001, 0x3ffff, 0x40000, 0x7fffe, 0xfffff, 0x1fffff, 0x200000};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		unsigned operations;

		machine_trace_begin();
		flush(0x40003000, sizes[i] << 12, false, 12);
		assert_int_equal(covered_from(0x40003, &operations), sizes[i]);
		assert_in_range(operations, 1, 5);
	}
}

static void range_is_of_pages_whatever_the_leaves_are(void **state)
{
	(void)state;
	/* NUM 15 and SCALE 1: 16 units of 64 pages. */
	flush(0x40000000, 0x400000, false, 21);
	machine_trace_check(ENTER "tlbi ripas2e1is, 0x578000040000\n" STAGE1 LEAVE);
	flush(0, 0x3000, false, 12);
	machine_trace_check(ENTER
			    "tlbi ripas2e1is, 0x400000000000\ntlbi ipas2e1is, 0x2\n" STAGE1 LEAVE);
}

static void range_too_long_for_its_fields_goes_all_at_once(void **state)
{
	(void)state;
	flush(0, UINT64_C(0x200000) << 12, false, 30);
	machine_trace_check(ENTER "tlbi ripas2e1is, 0x7f8000000000\n" STAGE1 LEAVE);
	flush(0, UINT64_C(0x200001) << 12, false, 30);
	machine_trace_check(ENTER ALL LEAVE);
}

static void ranges_are_used_where_the_cpu_has_them(void **state)
{
	in_context(state);
	*sysreg("id_aa64isar0_el1") = UINT64_C(1) << 56; /* TLBI by outer shareability alone */
	flush(0, 0x2000, false, 12);
	machine_trace_check(ENTER "tlbi ipas2e1is, 0\ntlbi ipas2e1is, 0x1\n" STAGE1 LEAVE);
	*sysreg("id_aa64isar0_el1") = UINT64_C(0xf3ffffffffffffff); /* later ones have no less */
	flush(0, 0x2000, false, 12);
	machine_trace_check(ENTER "tlbi ripas2e1is, 0x400000000000\n" STAGE1 LEAVE);
}

static void barriers_are_those_of_the_manual(void **state)
{
	(void)state;
	ax_cpu_tlb_publish();
	machine_trace_check("dsb ishst\n");
	ax_cpu_tlb_fence(&(struct ax_npt){.tag = 5}, 0x80003000, true);
	machine_trace_check("");
	ax_cpu_fence_after_rmw();
	machine_trace_check("dmb ish\n");
	ax_cpu_relax();
	machine_trace_check("yield\n");
}

/* ---- capabilities */

#define MMFR0(tgran4_2, tgran4, parange) \
	((uint64_t)(tgran4_2) << 40 | (uint64_t)(tgran4) << 28 | (uint64_t)(parange))
#define MMFR1(xnx, vmidbits, hafdbs) \
	((uint64_t)(xnx) << 28 | (uint64_t)(vmidbits) << 4 | (uint64_t)(hafdbs))

static ax_error_t ask(uint64_t mmfr0, uint64_t mmfr1, struct ax_npt_capabilities *out)
{
	*sysreg("id_aa64mmfr0_el1") = mmfr0;
	*sysreg("id_aa64mmfr1_el1") = mmfr1;
	return ax_npt_capabilities(AX_NPT_DEFAULT, out);
}

static void addresses_are_as_wide_as_the_cpu_says(void **state)
{
	/* 52 bits take a format that this one is not. */
	static const unsigned bits[] = {32, 36, 40, 42, 44, 48, 48, 48, 48};

	(void)state;
	for (unsigned parange = 0; parange < COUNT(bits); parange++) {
		struct ax_npt_capabilities caps;

		assert_int_equal(ask(MMFR0(0, 0, parange), 0, &caps), AX_OK);
		assert_int_equal(caps.format, AX_NPT_STAGE2);
		assert_int_equal(caps.gpa_bits, bits[parange]);
		assert_int_equal(caps.hpa_bits, bits[parange]);
		assert_int_equal(caps.levels_min, 2);
		assert_int_equal(caps.levels_max, bits[parange] < 44 ? 3 : 4);
		assert_int_equal(caps.levels_default, caps.levels_max);
		assert_true(caps.broadcast);
	}
}

static void granule_of_4k_is_needed(void **state)
{
	static const struct {
		unsigned tgran4_2, tgran4;
		ax_error_t want;
	} cpus[] = {
		{0, 0, AX_OK},        /* as stage 1, which has it */
		{0, 1, AX_OK},        /* and with 52 bits */
		{0, 0xf, AX_ENOTSUP}, /* as stage 1, which has it not */
		{1, 0, AX_ENOTSUP},   /* not at stage 2 */
		{2, 0xf, AX_OK},      /* at stage 2 alone */
		{3, 1, AX_OK},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cpus); i++) {
		struct ax_npt_capabilities caps;

		assert_int_equal(ask(MMFR0(cpus[i].tgran4_2, cpus[i].tgran4, 5), 0, &caps),
				 cpus[i].want);
		/* With all that the register has beside these fields. */
		assert_int_equal(
			ask(~MMFR0(0xf, 0xf, 0xf) | MMFR0(cpus[i].tgran4_2, cpus[i].tgran4, 5), 0,
			    &caps),
			cpus[i].want);
	}
}

static void features_are_those_of_the_cpu(void **state)
{
	static const struct {
		uint64_t mmfr1;
		unsigned tag_bits;
		uint64_t features;
	} cpus[] = {
		{MMFR1(0, 0, 0), 8, 0},
		{MMFR1(1, 0, 0), 8, AX_NPT_FEATURE_XNX},
		{MMFR1(0, 2, 0), 16, 0},
		{MMFR1(0, 0, 1), 8, 0}, /* the access flag alone */
		{MMFR1(0, 0, 2), 8, AX_NPT_FEATURE_ACCESSED_DIRTY},
		{MMFR1(1, 2, 4), 16, AX_NPT_FEATURE_XNX | AX_NPT_FEATURE_ACCESSED_DIRTY},
		/* All that the register has beside these fields. */
		{~MMFR1(0xf, 0xf, 0xf), 8, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cpus); i++) {
		struct ax_npt_capabilities caps;

		assert_int_equal(ask(MMFR0(0, 0, 5), cpus[i].mmfr1, &caps), AX_OK);
		assert_int_equal(caps.tag_bits, cpus[i].tag_bits);
		assert_int_equal(caps.features, cpus[i].features);
		assert_int_equal(caps.features_default, 0);
	}
}

static void other_formats_are_refused(void **state)
{
	struct ax_npt_capabilities caps;

	(void)state;
	assert_int_equal(ask(MMFR0(0, 0, 5), 0, &caps), AX_OK);
	assert_int_equal(ax_npt_capabilities(AX_NPT_STAGE2, &caps), AX_OK);
	assert_int_equal(ax_npt_capabilities(AX_NPT_EPT, &caps), AX_ENOTSUP);
	assert_int_equal(ax_npt_capabilities(AX_NPT_AMD, &caps), AX_ENOTSUP);
	assert_int_equal(ax_npt_capabilities(AX_NPT_GSTAGE, &caps), AX_ENOTSUP);
	assert_int_equal(ax_npt_capabilities(AX_NPT_GSTAGE + 1, &caps), AX_EINVAL);
	assert_int_equal(ax_npt_capabilities(AX_NPT_STAGE2, NULL), AX_EINVAL);
	assert_ptr_equal(ax_npt_format_find(AX_NPT_STAGE2), &ax_npt_format_stage2);
	assert_null(ax_npt_format_find(AX_NPT_EPT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(page_goes_by_its_address_and_then_what_combines_both_stages,
				       in_context),
		cmocka_unit_test_setup(leaf_goes_once_whatever_its_size, in_context),
		cmocka_unit_test_setup(everything_goes_at_once, in_context),
		cmocka_unit_test_setup(everything_goes_at_once_with_ranges_too, with_ranges),
		cmocka_unit_test_setup(many_leaves_go_all_at_once, in_context),
		cmocka_unit_test_setup(tlbi_runs_under_the_guests_vmid, in_context),
		cmocka_unit_test_setup(range_is_covered_exactly, with_ranges),
		cmocka_unit_test_setup(range_is_of_pages_whatever_the_leaves_are, with_ranges),
		cmocka_unit_test_setup(range_too_long_for_its_fields_goes_all_at_once, with_ranges),
		cmocka_unit_test_setup(ranges_are_used_where_the_cpu_has_them, with_ranges),
		cmocka_unit_test_setup(barriers_are_those_of_the_manual, in_context),
		cmocka_unit_test(addresses_are_as_wide_as_the_cpu_says),
		cmocka_unit_test(granule_of_4k_is_needed),
		cmocka_unit_test(features_are_those_of_the_cpu),
		cmocka_unit_test(other_formats_are_refused),
	};

	return cmocka_run_group_tests_name("cpu_aarch64", tests, NULL, NULL);
}
