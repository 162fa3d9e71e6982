/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoders of fault registers, against what the manuals say as tables: rows of bits, of which the
 * first that matches tells the access. Nothing here knows how the decoders go about it.
 *
 * Sources: Arm ARM (DDI 0487) D24.2 "ESR_EL2", ISS encodings for Instruction Aborts and Data Aborts,
 * "HPFAR_EL2"; Intel SDM vol. 3C, "Exit Qualification for EPT Violations"; AMD APM vol. 2, 15.25.6
 * and 8.4.2; RISC-V privileged architecture, "Hypervisor Extension": "Trap Cause Codes", "Transformed
 * Instruction or Pseudoinstruction for mtinst or htinst", and the opcodes of the unprivileged one.
 */
#include <stdlib.h>

#include <axvisor/fault.h>

#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define R AX_READ
#define W AX_WRITE
#define X AX_EXECUTE
/* A fault that is none of the guest's memory: refused. */
#define REFUSED 0u

struct row {
	uint64_t mask;
	uint64_t value;
	ax_flags_t access;
};

/*
 * ESR_EL2: EC 31:26, for which 0x20 is an instruction and 0x24 a data abort from a lower level; FnV 10,
 * CM 8 (data), S1PTW 7, WnR 6 (data), xFSC 5:0 with 0b0001xx translation, 0b0010xx access flag,
 * 0b0011xx permission, each of level xx, and 0b101011 translation, level -1.
 */
static const struct row stage2_rows[] = {
	/* The walk of the guest's own tables: of either class, which bit 28 tells. */
	{0xec0000bc, 0x80000084, R},
	{0xec0000bf, 0x800000ab, R},
	{0xec0000bc, 0x80000088, R},
	{0xec0000bc, 0x8000008c, R | W},
	/* Instruction aborts. */
	{0xfc0000bc, 0x80000004, X},
	{0xfc0000bf, 0x8000002b, X},
	{0xfc0000bc, 0x80000008, X},
	{0xfc0000bc, 0x8000000c, X},
	/* Data aborts of cache maintenance, which has WnR set whatever it needs. */
	{0xfc0001bc, 0x90000104, R},
	{0xfc0001bf, 0x9000012b, R},
	{0xfc0001bc, 0x90000108, R},
	/* Data aborts of reads, then of writes. */
	{0xfc0000fc, 0x90000004, R},
	{0xfc0000ff, 0x9000002b, R},
	{0xfc0000fc, 0x90000008, R},
	{0xfc0000fc, 0x9000000c, R},
	{0xfc0000fc, 0x90000044, W},
	{0xfc0000ff, 0x9000006b, W},
	{0xfc0000fc, 0x90000048, W},
	{0xfc0000fc, 0x9000004c, W},
	{0, 0, REFUSED},
};

/* Exit qualification: bit 0 read, bit 1 write, bit 2 fetch, any of them together. */
static const struct row ept_rows[] = {
	{7, 0, REFUSED}, {7, 1, R},     {7, 2, W},     {7, 3, R | W},
	{7, 4, X},       {7, 5, R | X}, {7, 6, W | X}, {7, 7, R | W | X},
};

/* EXITINFO1: RSV 3, RMP 31; W 1; the guest's table, 33, is written; I/D 4. */
static const struct row npf_rows[] = {
	{0x8, 0x8, REFUSED}, {0x80000000, 0x80000000, REFUSED},
	{0x2, 0x2, W},       {0x200000000, 0x200000000, W},
	{0x10, 0x10, X},     {0, 0, R},
};

/* htinst of a walk of the guest's own tables: it alone tells what was done. */
static const struct row walk_rows[] = {
	{UINT64_MAX, 0x2000, R}, {UINT64_MAX, 0x2020, W}, {UINT64_MAX, 0x3000, R},
	{UINT64_MAX, 0x3020, W}, {0, 0, REFUSED},
};

/* htinst of a store that trapped: opcode AMO 0x2f, of which funct5 3 is SC and the others read too. */
static const struct row store_rows[] = {
	{0xf800007f, 0x1800002f, W},
	{0x0000007f, 0x0000002f, R | W},
	{0, 0, W},
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static ax_flags_t look_up(const struct row *rows, uint64_t bits)
{
	while ((bits & rows->mask) != rows->value)
		rows++;
	return rows->access;
}

static const struct ax_npt_fault untouched = {0xa5a5a5a5, {0x5a5a5a5a5a5a5a5a}};

static void judge(ax_error_t error, const struct ax_npt_fault *fault, ax_flags_t access,
		  uint64_t addr)
{
	if (access == REFUSED) {
		require(error == AX_ENOENT);
		require(fault->access == untouched.access && fault->addr.raw == untouched.addr.raw);
		return;
	}
	require(error == AX_OK);
	require(fault->access == access);
	require(fault->addr.raw == addr);
}

/* A register: any value, or one of the few bits that matter set. */
static uint64_t choose_register(void)
{
	switch (input_choose(4)) {
	case 0:
		return input_choose(0);
	case 1:
		return input_choose(0x10000);
	case 2:
		return UINT64_C(1) << input_choose(64);
	default:
		return ~input_choose(0x10000);
	}
}

static void try_stage2(void)
{
	struct ax_npt_fault fault = untouched;
	uint64_t esr = choose_register();
	uint64_t hpfar = choose_register();
	uint64_t far = choose_register();
	uint64_t addr;

	if (input_choose(4))
		esr = (esr & ~UINT64_C(0xfc000000)) | UINT64_C(0x80000000) |
		      input_choose(2) * UINT64_C(0x10000000);
	/* FIPA, 47:4, is IPA[55:12]; the rest is the virtual address's, but not for a walk or FnV. */
	addr = (hpfar >> 4 & UINT64_C(0xfffffffffff)) << 12;
	if (!(esr & 0x80) && !(esr & 0x400))
		addr += far % 4096;
	judge(ax_npt_fault_from_stage2(esr, hpfar, far, &fault), &fault, look_up(stage2_rows, esr),
	      addr);
	require(ax_npt_fault_from_stage2(esr, hpfar, far, NULL) == AX_EINVAL);
}

static void try_ept(void)
{
	struct ax_npt_fault fault = untouched;
	uint64_t qualification = choose_register();
	uint64_t addr = choose_register();

	judge(ax_npt_fault_from_ept(qualification, addr, &fault), &fault,
	      look_up(ept_rows, qualification), addr);
	require(ax_npt_fault_from_ept(qualification, addr, NULL) == AX_EINVAL);
}

static void try_npf(void)
{
	struct ax_npt_fault fault = untouched;
	uint64_t info = choose_register();
	uint64_t addr = choose_register();

	judge(ax_npt_fault_from_npf(info, addr, &fault), &fault, look_up(npf_rows, info), addr);
	require(ax_npt_fault_from_npf(info, addr, NULL) == AX_EINVAL);
}

static ax_flags_t gstage_access(uint64_t scause, uint64_t htinst)
{
	ax_flags_t walk = look_up(walk_rows, htinst);

	if (scause != 20 && scause != 21 && scause != 23)
		return REFUSED;
	if (walk)
		return walk;
	if (scause == 23)
		return look_up(store_rows, htinst);
	return scause == 20 ? X : R;
}

static void try_gstage(void)
{
	struct ax_npt_fault fault = untouched;
	uint64_t scause = input_choose(4) ? 20 + input_choose(4) : choose_register();
	uint64_t htval = choose_register();
	uint64_t stval = choose_register();
	uint64_t htinst = input_choose(2) ? walk_rows[input_choose(4)].value : choose_register();
	ax_flags_t access = gstage_access(scause, htinst);
	uint64_t addr = htval * 4;

	/* htval has the address without its two low bits: more than 62 bits are no address. */
	if (htval >> 62)
		access = REFUSED;
	if (!look_up(walk_rows, htinst))
		addr += stval % 4;
	judge(ax_npt_fault_from_gstage(scause, htval, stval, htinst, &fault), &fault, access, addr);
	require(ax_npt_fault_from_gstage(scause, htval, stval, htinst, NULL) == AX_EINVAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(void) = {try_stage2, try_ept, try_npf, try_gstage};

	input_begin(data, size);
	while (input_left())
		tries[input_choose(4)]();
	return 0;
}
