/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What arch/riscv64 executes: fences with their operands, and the probing of registers, during which the
 * hart must at no moment be able to remember a translation that is not a guest's. See machine.h.
 *
 * Sources: RISC-V privileged architecture, "Hypervisor Extension": "Hypervisor Guest Address Translation
 * and Protection Register (hgatp)", "Hypervisor Memory-Management Fence Instructions"; unprivileged
 * architecture, "Zicsr".
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

#define SSTATUS_SIE   UINT64_C(2)
#define HENVCFG_ADUE  (UINT64_C(1) << 61)
#define HENVCFG_PBMTE (UINT64_C(1) << 62)
#define VMID_SHIFT    44
#define MODE_SHIFT    60

/* ---- the hart */

/** enum keeps - What a write of an unsupported mode to hgatp makes of it: the field is WARL. */
enum keeps { THE_OLD_MODE, BARE, SV39X4 };

/**
 * struct hart - Its registers, and what they can hold.
 * @modes: Bit n: mode n of hgatp is there, as Bare always is.
 * @keeps: See there.
 * @vmid_bits: VMIDLEN.
 * @henvcfg_bits: The bits of henvcfg that can be written.
 * @stale: A hgatp that is not the guest's has been active since the last fence.
 */
static struct hart {
	uint64_t sstatus, vsatp, henvcfg, hgatp;
	unsigned modes;
	enum keeps keeps;
	unsigned vmid_bits;
	uint64_t henvcfg_bits;
	bool stale;
} hart;

/* Sv48x4, VMID 5; a guest with Sv39 and all that henvcfg has; interrupts on. */
static const struct hart usual = {
	.sstatus = 0x8000000200006002,
	.vsatp = 0x8000000000087654,
	.henvcfg = HENVCFG_PBMTE,
	.hgatp = 0x9000500000081234,
	.modes = 1u << 8 | 1u << 9 | 1u << 10,
	.vmid_bits = 14,
	.henvcfg_bits = HENVCFG_PBMTE | HENVCFG_ADUE,
};

/* As it was before it was asked anything: it has a guest's registers. */
static struct hart loaded;

static uint64_t legal_hgatp(uint64_t value)
{
	uint64_t mode = value >> MODE_SHIFT;
	uint64_t vmid = value >> VMID_SHIFT & ((1u << hart.vmid_bits) - 1);

	if (mode != 0 && !(hart.modes >> mode & 1)) {
		if (hart.keeps == SV39X4)
			mode = 8;
		else
			mode = hart.keeps == BARE ? 0 : hart.hgatp >> MODE_SHIFT;
	}
	if (mode == 0)
		return 0;
	return mode << MODE_SHIFT | vmid << VMID_SHIFT | (value & 0xffffffffffc);
}

/* Where nothing may be remembered of what the hart may do with a value that is being tried. */
static void check_secluded(void)
{
	assert_int_equal(hart.sstatus & SSTATUS_SIE, 0);
	assert_int_equal(hart.vsatp, 0);
}

static void write_csr(const char *csr, uint64_t value)
{
	if (strcmp(csr, "0x100") == 0) {
		/* An interrupt's handler is to see no trace of all this. */
		if (value & SSTATUS_SIE)
			assert_false(hart.stale || hart.vsatp != loaded.vsatp);
		hart.sstatus = value;
	} else if (strcmp(csr, "0x280") == 0) {
		if (value != 0)
			assert_false(hart.stale || hart.hgatp != loaded.hgatp);
		hart.vsatp = value;
	} else if (strcmp(csr, "0x60a") == 0) {
		check_secluded();
		hart.henvcfg = value & hart.henvcfg_bits;
	} else {
		assert_string_equal(csr, "0x680");
		check_secluded();
		hart.hgatp = legal_hgatp(value);
		hart.stale = true;
	}
}

static uint64_t read_csr(const char *csr)
{
	if (strcmp(csr, "0x100") == 0)
		return hart.sstatus;
	if (strcmp(csr, "0x280") == 0)
		return hart.vsatp;
	if (strcmp(csr, "0x60a") == 0)
		return hart.henvcfg;
	assert_string_equal(csr, "0x680");
	return hart.hgatp;
}

/* .insn i OPCODE, FUNCT3, RD, RS1, CSR */
static void execute_csr(const struct machine_operand *operand)
{
	const char *csr = operand[4].text;
	uint64_t source = operand[3].reg ? *operand[3].reg : 0;
	uint64_t old = read_csr(csr);

	assert_true(operand[3].reg || strcmp(operand[3].text, "x0") == 0);
	switch (strtoul(operand[1].text, NULL, 0)) {
	case 1: /* CSRRW */
		write_csr(csr, source);
		break;
	case 2: /* CSRRS, which with x0 does not write */
		if (operand[3].reg)
			write_csr(csr, old | source);
		break;
	case 3: /* CSRRC */
		write_csr(csr, old & ~source);
		break;
	default:
		fail_msg("funct3 %s", operand[1].text);
	}
	if (operand[2].reg)
		*operand[2].reg = old;
	else
		assert_string_equal(operand[2].text, "x0");
}

/* .insn r OPCODE, FUNCT3, FUNCT7, RD, RS1, RS2 */
static void execute_hfence_gvma(const struct machine_operand *operand)
{
	char address[32] = "x0", vmid[32] = "x0";

	assert_string_equal(operand[1].text, "0");
	assert_string_equal(operand[2].text, "0x31");
	assert_string_equal(operand[3].text, "x0");
	if (operand[4].reg)
		snprintf(address, sizeof(address), "%#llx", (unsigned long long)*operand[4].reg);
	else
		assert_string_equal(operand[4].text, "x0");
	if (operand[5].reg)
		snprintf(vmid, sizeof(vmid), "%#llx", (unsigned long long)*operand[5].reg);
	else
		assert_string_equal(operand[5].text, "x0");
	if (!operand[4].reg && !operand[5].reg && hart.hgatp == loaded.hgatp)
		hart.stale = false;
	machine_trace("hfence.gvma %s, %s", address, vmid);
}

void machine_execute(const struct machine_instruction *instruction)
{
	if (machine_is(instruction, ".insn", "i 0x73"))
		execute_csr(instruction->operand);
	else if (machine_is(instruction, ".insn", "r 0x73"))
		execute_hfence_gvma(instruction->operand);
	else if (instruction->operands == 2)
		machine_trace("%s %s, %s", instruction->name, instruction->operand[0].text,
			      instruction->operand[1].text);
	else
		machine_trace("%s %s", instruction->name, instruction->operand[0].text);
}

/* ---- invalidation */

#define FENCE "fence w, ow\n"
#define ALL   FENCE "hfence.gvma x0, 0x5\n"

static void flush(uint64_t start, uint64_t size, bool tables, unsigned page_shift)
{
	const struct ax_npt_registers registers = {.root = 0};
	const struct ax_tlb_request request = {
		.format = AX_NPT_GSTAGE,
		.tag = 5,
		.start = {start},
		.size = size,
		.tables = tables,
	};

	ax_cpu_tlb_flush(&registers, &request, page_shift);
}

static void page_goes_by_its_address_and_vmid(void **state)
{
	(void)state;
	machine_trace_begin();
	flush(0x80003000, 0x1000, false, 12);
	machine_trace_check(FENCE "hfence.gvma 0x20000c00, 0x5\n");
	flush((UINT64_C(1) << 59) - 0x1000, 0x1000, false, 12);
	machine_trace_check(FENCE "hfence.gvma 0x1fffffffffffc00, 0x5\n");
}

static void leaf_goes_once_whatever_its_size(void **state)
{
	(void)state;
	machine_trace_begin();
	flush(0x40000000, 0x600000, false, 21);
	machine_trace_check(FENCE "hfence.gvma 0x10000000, 0x5\nhfence.gvma 0x10080000, 0x5\n"
				  "hfence.gvma 0x10100000, 0x5\n");
	/* From the middle of one to the begin of the next. */
	flush(0x401ff000, 0x2000, false, 21);
	machine_trace_check(FENCE "hfence.gvma 0x10000000, 0x5\nhfence.gvma 0x10080000, 0x5\n");
	flush(0x40000000, 0x40000000, false, 30);
	machine_trace_check(FENCE "hfence.gvma 0x10000000, 0x5\n");
}

static void everything_of_the_vmid_goes_at_once(void **state)
{
	(void)state;
	machine_trace_begin();
	flush(0, 0, false, 12);
	machine_trace_check(ALL);
	/* Where a table went: an address is for leaves alone. */
	flush(0x40000000, 0x1000, true, 12);
	machine_trace_check(ALL);
}

/* Of an entry that went from zero to valid: on this hart, so with no FENCE for the others. */
static void fault_goes_by_its_page_or_all_of_the_vmid(void **state)
{
	const struct ax_npt npt = {.tag = 5};

	(void)state;
	machine_trace_begin();
	ax_cpu_tlb_fence(&npt, 0x80003000, false);
	machine_trace_check("hfence.gvma 0x20000c00, 0x5\n");
	/* A table was missing too: an address is for leaves alone. */
	ax_cpu_tlb_fence(&npt, 0x80003000, true);
	machine_trace_check("hfence.gvma x0, 0x5\n");
}

static void many_leaves_go_all_at_once(void **state)
{
	(void)state;
	machine_trace_begin();
	flush(0x40000000, 64 * 0x1000, false, 12);
	assert_string_equal(machine_trace_line(1), "hfence.gvma 0x10000000, 0x5");
	assert_string_equal(machine_trace_line(64), "hfence.gvma 0x1000fc00, 0x5");
	assert_string_equal(machine_trace_line(65), "");
	machine_trace_begin();
	flush(0x40000000, 65 * 0x1000, false, 12);
	machine_trace_check(ALL);
	/* 65 leaves are in part of the range. */
	flush(0x401ff000, UINT64_C(64) << 21, false, 21);
	machine_trace_check(ALL);
}

static void barriers_are_those_of_the_manual(void **state)
{
	(void)state;
	machine_trace_begin();
	ax_cpu_tlb_publish();
	machine_trace_check("");
	ax_cpu_fence_after_rmw();
	machine_trace_check("fence rw, rw\n");
	ax_cpu_relax();
	machine_trace_check(".4byte 0x0100000f\n");
}

/* ---- capabilities */

/* Ask; the hart is as it was afterwards, and remembers nothing. */
static ax_error_t ask(enum ax_npt_format_id format, struct ax_npt_capabilities *out)
{
	ax_error_t error;

	loaded = hart;
	error = ax_npt_capabilities(format, out);
	assert_false(hart.stale);
	assert_int_equal(hart.sstatus, loaded.sstatus);
	assert_int_equal(hart.vsatp, loaded.vsatp);
	assert_int_equal(hart.henvcfg, loaded.henvcfg);
	assert_int_equal(hart.hgatp, loaded.hgatp);
	return error;
}

static void levels_are_those_that_hgatp_keeps(void **state)
{
	static const struct {
		unsigned modes;
		unsigned min, max, gpa_bits;
	} harts[] = {
		{1u << 8, 3, 3, 41},
		{1u << 9, 4, 4, 50},
		{1u << 10, 5, 5, 59},
		{1u << 8 | 1u << 9, 3, 4, 50},
		{1u << 9 | 1u << 10, 4, 5, 59},
		{1u << 8 | 1u << 9 | 1u << 10, 3, 5, 59},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(harts); i++) {
		for (enum keeps keeps = THE_OLD_MODE; keeps <= SV39X4; keeps++) {
			struct ax_npt_capabilities caps;

			if (keeps == SV39X4 && !(harts[i].modes & 1u << 8))
				continue;
			hart = usual;
			hart.hgatp = 0; /* of a hart that runs no guest yet */
			hart.modes = harts[i].modes;
			hart.keeps = keeps;
			assert_int_equal(ask(AX_NPT_DEFAULT, &caps), AX_OK);
			assert_int_equal(caps.format, AX_NPT_GSTAGE);
			assert_int_equal(caps.levels_min, harts[i].min);
			assert_int_equal(caps.levels_max, harts[i].max);
			assert_int_equal(caps.levels_default, harts[i].min);
			assert_int_equal(caps.gpa_bits, harts[i].gpa_bits);
			assert_int_equal(caps.hpa_bits, 56);
			assert_int_equal(caps.tag_bits, 14);
			assert_false(caps.broadcast);
		}
	}
}

static void hart_without_a_mode_is_refused(void **state)
{
	struct ax_npt_capabilities caps;

	(void)state;
	hart = usual;
	hart.hgatp = 0;
	hart.modes = 0;
	hart.keeps = BARE;
	assert_int_equal(ask(AX_NPT_GSTAGE, &caps), AX_ENOTSUP);
}

static void tag_has_as_many_bits_as_the_vmid(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits <= 14; bits++) {
		struct ax_npt_capabilities caps;

		hart = usual;
		hart.hgatp &= ~(UINT64_C(0x3fff) << VMID_SHIFT);
		hart.modes = 1u << 9;
		hart.vmid_bits = bits;
		assert_int_equal(ask(AX_NPT_GSTAGE, &caps), AX_OK);
		assert_int_equal(caps.tag_bits, bits);
	}
}

static void features_are_those_that_henvcfg_keeps(void **state)
{
	static const struct {
		uint64_t bits;
		uint64_t features;
	} harts[] = {
		{0, 0},
		{HENVCFG_PBMTE, AX_NPT_FEATURE_SVPBMT},
		{HENVCFG_ADUE, AX_NPT_FEATURE_ACCESSED_DIRTY},
		{HENVCFG_PBMTE | HENVCFG_ADUE | 1,
		 AX_NPT_FEATURE_SVPBMT | AX_NPT_FEATURE_ACCESSED_DIRTY},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(harts); i++) {
		struct ax_npt_capabilities caps;

		hart = usual;
		hart.henvcfg_bits = harts[i].bits;
		hart.henvcfg = harts[i].bits & 1;
		assert_int_equal(ask(AX_NPT_GSTAGE, &caps), AX_OK);
		/* Nobody can tell, so the port may say so. */
		assert_int_equal(caps.features, harts[i].features | AX_NPT_FEATURE_SVVPTC);
		assert_int_equal(caps.features_default, 0);
	}
}

static void guest_that_is_loaded_stays_loaded(void **state)
{
	struct ax_npt_capabilities caps;

	(void)state;
	machine_trace_begin();
	hart = usual;
	assert_int_equal(ask(AX_NPT_DEFAULT, &caps), AX_OK);
	machine_trace_check("hfence.gvma x0, x0\n");
	/* Interrupts that were off stay off. */
	hart.sstatus &= ~SSTATUS_SIE;
	assert_int_equal(ask(AX_NPT_DEFAULT, &caps), AX_OK);
	machine_trace_check("hfence.gvma x0, x0\n");
}

static void other_formats_are_refused(void **state)
{
	struct ax_npt_capabilities caps;

	(void)state;
	hart = usual;
	assert_int_equal(ask(AX_NPT_GSTAGE, &caps), AX_OK);
	assert_int_equal(ask(AX_NPT_EPT, &caps), AX_ENOTSUP);
	assert_int_equal(ask(AX_NPT_STAGE2, &caps), AX_ENOTSUP);
	assert_int_equal(ask(AX_NPT_GSTAGE + 1, &caps), AX_EINVAL);
	assert_int_equal(ask(AX_NPT_GSTAGE, NULL), AX_EINVAL);
	assert_ptr_equal(ax_npt_format_find(AX_NPT_GSTAGE), &ax_npt_format_gstage);
	assert_null(ax_npt_format_find(AX_NPT_EPT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_goes_by_its_address_and_vmid),
		cmocka_unit_test(leaf_goes_once_whatever_its_size),
		cmocka_unit_test(everything_of_the_vmid_goes_at_once),
		cmocka_unit_test(fault_goes_by_its_page_or_all_of_the_vmid),
		cmocka_unit_test(many_leaves_go_all_at_once),
		cmocka_unit_test(barriers_are_those_of_the_manual),
		cmocka_unit_test(levels_are_those_that_hgatp_keeps),
		cmocka_unit_test(hart_without_a_mode_is_refused),
		cmocka_unit_test(tag_has_as_many_bits_as_the_vmid),
		cmocka_unit_test(features_are_those_that_henvcfg_keeps),
		cmocka_unit_test(guest_that_is_loaded_stays_loaded),
		cmocka_unit_test(other_formats_are_refused),
	};

	return cmocka_run_group_tests_name("cpu_riscv64", tests, NULL, NULL);
}
