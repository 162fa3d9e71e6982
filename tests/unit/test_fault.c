/* SPDX-License-Identifier: Apache-2.0 */
/* Fault decoders, on register values by the manuals and as emulated machines were seen to report
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <axvisor/fault.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a decoder must not touch when it refuses. */
static const struct ax_npt_fault untouched = {0xa5a5a5a5u, {UINT64_C(0x5a5a5a5a5a5a5a5a)}};

static void check_fault(ax_error_t error, const struct ax_npt_fault *fault, ax_flags_t access,
			uint64_t addr)
{
	assert_int_equal(error, AX_OK);
	assert_int_equal(fault->access, access);
	assert_int_equal(fault->addr.raw, addr);
}

static void check_refused(ax_error_t error, const struct ax_npt_fault *fault)
{
	assert_int_equal(error, AX_ENOENT);
	assert_int_equal(fault->access, untouched.access);
	assert_int_equal(fault->addr.raw, untouched.addr.raw);
}

/* ---- AArch64: IPA 0x40001000 is HPFAR_EL2 0x400010 */

#define HPFAR UINT64_C(0x400010)
#define FAR   UINT64_C(0xffff000012345678)

static void check_stage2(uint64_t esr, ax_flags_t access, uint64_t addr)
{
	struct ax_npt_fault fault = untouched;

	check_fault(ax_npt_fault_from_stage2(esr, HPFAR, FAR, &fault), &fault, access, addr);
}

static void stage2_access_decodes(void **state)
{
	(void)state;
	check_stage2(0x92000007, AX_READ, 0x40001678);    /* translation, level 3 */
	check_stage2(0x92000005, AX_READ, 0x40001678);    /* level 1 */
	check_stage2(0x92000004, AX_READ, 0x40001678);    /* level 0 */
	check_stage2(0x9200002b, AX_READ, 0x40001678);    /* level -1 */
	check_stage2(0x92000047, AX_WRITE, 0x40001678);   /* WnR */
	check_stage2(0x93c08047, AX_WRITE, 0x40001678);   /* with a valid instruction syndrome */
	check_stage2(0x92000009, AX_READ, 0x40001678);    /* access flag, level 1 */
	check_stage2(0x9200000b, AX_READ, 0x40001678);    /* access flag, level 3 */
	check_stage2(0x9200004b, AX_WRITE, 0x40001678);   /* access flag, by a write */
	check_stage2(0x9200004f, AX_WRITE, 0x40001678);   /* permission, page */
	check_stage2(0x9200004e, AX_WRITE, 0x40001678);   /* permission, 2 MiB block */
	check_stage2(0x9200000f, AX_READ, 0x40001678);    /* permission, write-only page */
	check_stage2(0x82000007, AX_EXECUTE, 0x40001678); /* fetch, translation */
	check_stage2(0x8200000f, AX_EXECUTE, 0x40001678); /* fetch, execute-never */
	check_stage2(0x8200000b, AX_EXECUTE, 0x40001678); /* fetch, access flag */
}

/* What the walk was for does not matter, and FAR_EL2 is not of the address of the table. */
static void stage2_walk_is_of_the_table(void **state)
{
	(void)state;
	check_stage2(0x92000086, AX_READ, 0x40001000); /* for a read */
	check_stage2(0x920000c6, AX_READ, 0x40001000); /* for a write */
	check_stage2(0x82000086, AX_READ, 0x40001000); /* for a fetch */
	check_stage2(0x9200008b, AX_READ, 0x40001000); /* access flag */
	/* The table may not be written, and hardware was to set a flag in it. */
	check_stage2(0x9200008f, AX_READ | AX_WRITE, 0x40001000);
	check_stage2(0x820000cf, AX_READ | AX_WRITE, 0x40001000);
}

/* WnR is always set for them; a clean of a read-only page only wants it to be there. */
static void stage2_cache_maintenance_is_no_write(void **state)
{
	(void)state;
	check_stage2(0x92000147, AX_READ, 0x40001678);
	check_stage2(0x9200014b, AX_READ, 0x40001678);
	check_stage2(0x9200014f, AX_WRITE, 0x40001678); /* DC IVAC without write permission */
}

static void stage2_address_is_of_fipa(void **state)
{
	struct ax_npt_fault fault = untouched;

	(void)state;
	/* NS and what is reserved are no address. */
	check_fault(ax_npt_fault_from_stage2(0x92000007, UINT64_C(0xffff00000040001f), 0, &fault),
		    &fault, AX_READ, 0x40001000);
	check_fault(ax_npt_fault_from_stage2(0x92000007, UINT64_C(0x00000ffffffffff0), UINT64_MAX,
					     &fault),
		    &fault, AX_READ, UINT64_C(0x000fffffffffffff));
	check_fault(ax_npt_fault_from_stage2(0x92000007, UINT64_MAX, UINT64_MAX, &fault), &fault,
		    AX_READ, UINT64_C(0x00ffffffffffffff));
	check_fault(ax_npt_fault_from_stage2(0x92000007, 0, 0, &fault), &fault, AX_READ, 0);
	/* FAR_EL2 not valid. */
	check_fault(ax_npt_fault_from_stage2(0x92000407, HPFAR, FAR, &fault), &fault, AX_READ,
		    0x40001000);
	/* ISS2 is above bit 31. */
	check_fault(ax_npt_fault_from_stage2(UINT64_C(0xff92000047), HPFAR, FAR, &fault), &fault,
		    AX_WRITE, 0x40001678);
}

static void stage2_other_exceptions_are_refused(void **state)
{
	static const uint64_t esrs[] = {
		0x00000000, 0x02000000, /* unknown */
		0x5a000000,             /* HVC64 */
		0x62300001,             /* MSR */
		0x86000007,             /* instruction abort without a change of exception level */
		0x96000007, 0x96000047, /* data abort of the hypervisor's own */
		0x92000000, 0x92000001, 0x92000002, 0x92000003, /* address size */
		0x92000029,                                     /* address size, level -1 */
		0x92000010, 0x92000214, 0x92000017,             /* external */
		0x92000018, 0x9200001f,                         /* parity */
		0x92000021,                                     /* alignment */
		0x92000023, 0x92000024, 0x92000028,             /* granule protection */
		0x92000030, 0x92000031, 0x92000034, 0x92000035, /* TLB conflict, atomics */
		0x82000010, 0x82000001, 0x82000020,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(esrs); i++) {
		struct ax_npt_fault fault = untouched;

		check_refused(ax_npt_fault_from_stage2(esrs[i], HPFAR, FAR, &fault), &fault);
	}
}

/* ---- Intel */

static void check_ept(uint64_t qualification, ax_flags_t access)
{
	struct ax_npt_fault fault = untouched;

	check_fault(ax_npt_fault_from_ept(qualification, 0xfee00123, &fault), &fault, access,
		    0xfee00123);
}

static void ept_violation_decodes(void **state)
{
	(void)state;
	check_ept(0x181, AX_READ);
	check_ept(0x182, AX_WRITE);
	check_ept(0x184, AX_EXECUTE);
	check_ept(0x007, AX_READ | AX_WRITE | AX_EXECUTE);
	check_ept(0x18a, AX_WRITE);   /* of a read-only page */
	check_ept(0x19c, AX_EXECUTE); /* of a page with read and write */
	check_ept(0x1a1, AX_READ);    /* of an execute-only page */
	check_ept(0x1aa, AX_WRITE);
	check_ept(0x183, AX_READ | AX_WRITE); /* read-modify-write */
	check_ept(0x081, AX_READ);            /* a guest table */
	check_ept(0x083, AX_READ | AX_WRITE); /* a guest table, with accessed and dirty flags */
	check_ept(0x001, AX_READ);            /* PDPTEs by MOV to CR3 */
	check_ept(UINT64_C(0xffffffffffffff82), AX_WRITE);
}

static void ept_without_access_is_refused(void **state)
{
	struct ax_npt_fault fault = untouched;

	(void)state;
	check_refused(ax_npt_fault_from_ept(0, 0x1000, &fault), &fault);
	check_refused(ax_npt_fault_from_ept(0x180, 0x1000, &fault), &fault);
	check_refused(ax_npt_fault_from_ept(UINT64_C(0xfffffffffffffff8), 0, &fault), &fault);
}

/* ---- AMD */

static void check_npf(uint64_t exitinfo1, ax_flags_t access)
{
	struct ax_npt_fault fault = untouched;

	check_fault(ax_npt_fault_from_npf(exitinfo1, UINT64_C(0xfffffffff123), &fault), &fault,
		    access, UINT64_C(0xfffffffff123));
}

static void npf_decodes(void **state)
{
	(void)state;
	check_npf(UINT64_C(0x100000004), AX_READ);
	check_npf(UINT64_C(0x100000005), AX_READ);
	check_npf(UINT64_C(0x100000006), AX_WRITE);
	check_npf(UINT64_C(0x100000007), AX_WRITE); /* of a read-only page */
	check_npf(UINT64_C(0x100000014), AX_EXECUTE);
	check_npf(UINT64_C(0x100000015), AX_EXECUTE); /* of a page with NX */
	check_npf(UINT64_C(0x000000006), AX_WRITE);   /* neither of the two bits */
}

static void npf_walk_of_guest_tables_is_a_write(void **state)
{
	(void)state;
	check_npf(UINT64_C(0x200000006), AX_WRITE);
	check_npf(UINT64_C(0x200000007), AX_WRITE);
	check_npf(UINT64_C(0x200000004), AX_WRITE);
	check_npf(UINT64_C(0x200000016), AX_WRITE); /* for a fetch */
}

static void npf_damage_is_refused(void **state)
{
	struct ax_npt_fault fault = untouched;

	(void)state;
	check_refused(ax_npt_fault_from_npf(UINT64_C(0x10000000d), 0, &fault), &fault);
	check_refused(ax_npt_fault_from_npf(UINT64_C(0x10000000c), 0, &fault), &fault);
	check_refused(ax_npt_fault_from_npf(UINT64_C(0x20000000f), 0, &fault), &fault);
	check_refused(ax_npt_fault_from_npf(UINT64_C(0x180000007), 0, &fault), &fault); /* RMP */
}

/* ---- RISC-V: guest physical 0x80201000 is htval 0x20080400 */

#define HTVAL UINT64_C(0x20080400)
#define STVAL UINT64_C(0xffffffff80000123)

static void check_gstage(uint64_t scause, uint64_t htinst, ax_flags_t access, uint64_t addr)
{
	struct ax_npt_fault fault = untouched;

	check_fault(ax_npt_fault_from_gstage(scause, HTVAL, STVAL, htinst, &fault), &fault, access,
		    addr);
}

static void gstage_access_decodes(void **state)
{
	(void)state;
	check_gstage(20, 0, AX_EXECUTE, 0x80201003);
	check_gstage(21, 0, AX_READ, 0x80201003);
	check_gstage(23, 0, AX_WRITE, 0x80201003);
	check_gstage(21, 0x00003503, AX_READ, 0x80201003);  /* LD, transformed */
	check_gstage(23, 0x00b53023, AX_WRITE, 0x80201003); /* SD */
}

static void gstage_atomics_read_and_write(void **state)
{
	(void)state;
	check_gstage(23, 0x00b5352f, AX_READ | AX_WRITE, 0x80201003); /* AMOADD.D */
	check_gstage(23, 0x08b5352f, AX_READ | AX_WRITE, 0x80201003); /* AMOSWAP.D */
	check_gstage(23, 0x18b5352f, AX_WRITE, 0x80201003);           /* SC.D */
	check_gstage(21, 0x1005352f, AX_READ, 0x80201003);            /* LR.D */
}

static void gstage_walk_is_of_the_table(void **state)
{
	(void)state;
	for (uint64_t cause = 20; cause <= 23; cause++) {
		if (cause == 22)
			continue;
		check_gstage(cause, 0x3000, AX_READ, 0x80201000);
		check_gstage(cause, 0x3020, AX_WRITE, 0x80201000);
		check_gstage(cause, 0x2000, AX_READ, 0x80201000);
		check_gstage(cause, 0x2020, AX_WRITE, 0x80201000);
	}
}

static void gstage_other_causes_are_refused(void **state)
{
	static const uint64_t causes[] = {
		0, 2, 8, 10, 12, 13, 15, 19, 22, 24, 63, UINT64_C(0x8000000000000014), UINT64_MAX,
	};
	struct ax_npt_fault fault = untouched;

	(void)state;
	for (size_t i = 0; i < COUNT(causes); i++)
		check_refused(ax_npt_fault_from_gstage(causes[i], HTVAL, STVAL, 0, &fault), &fault);
	/* No guest physical address is as wide. */
	check_refused(ax_npt_fault_from_gstage(21, UINT64_C(1) << 62, 0, 0, &fault), &fault);
	check_fault(ax_npt_fault_from_gstage(21, UINT64_MAX >> 2, 3, 0, &fault), &fault, AX_READ,
		    UINT64_MAX);
}

/* ---- all */

static void null_out_is_refused(void **state)
{
	(void)state;
	assert_int_equal(ax_npt_fault_from_stage2(0x92000007, HPFAR, FAR, NULL), AX_EINVAL);
	assert_int_equal(ax_npt_fault_from_ept(0x181, 0, NULL), AX_EINVAL);
	assert_int_equal(ax_npt_fault_from_npf(4, 0, NULL), AX_EINVAL);
	assert_int_equal(ax_npt_fault_from_gstage(21, HTVAL, STVAL, 0, NULL), AX_EINVAL);
}

/* Any values: an answer with an access, or a refusal that touches nothing. */
static void check_any(ax_error_t error, const struct ax_npt_fault *fault)
{
	if (error != AX_OK) {
		check_refused(error, fault);
		return;
	}
	assert_int_not_equal(fault->access, 0);
	assert_int_equal(fault->access & ~AX_FLAGS_ACCESS, 0);
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void hostile_values_are_answered_or_refused(void **state)
{
	uint64_t seed = 88172645463325252u;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t a = next_random(&seed) >> (i & 63), b = next_random(&seed);
		uint64_t c = next_random(&seed), d = next_random(&seed) >> (i & 63);
		struct ax_npt_fault fault = untouched;
		uint64_t abort = (a & 0x3ffffff) | (i & 1 ? 0x90000000 : 0x80000000);

		check_any(ax_npt_fault_from_stage2(a, b, c, &fault), &fault);
		fault = untouched;
		check_any(ax_npt_fault_from_stage2(abort, b, c, &fault), &fault);
		fault = untouched;
		check_any(ax_npt_fault_from_ept(a, b, &fault), &fault);
		fault = untouched;
		check_any(ax_npt_fault_from_npf(a, b, &fault), &fault);
		fault = untouched;
		check_any(ax_npt_fault_from_gstage(i % 25, b >> (i & 31), c, d, &fault), &fault);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stage2_access_decodes),
		cmocka_unit_test(stage2_walk_is_of_the_table),
		cmocka_unit_test(stage2_cache_maintenance_is_no_write),
		cmocka_unit_test(stage2_address_is_of_fipa),
		cmocka_unit_test(stage2_other_exceptions_are_refused),
		cmocka_unit_test(ept_violation_decodes),
		cmocka_unit_test(ept_without_access_is_refused),
		cmocka_unit_test(npf_decodes),
		cmocka_unit_test(npf_walk_of_guest_tables_is_a_write),
		cmocka_unit_test(npf_damage_is_refused),
		cmocka_unit_test(gstage_access_decodes),
		cmocka_unit_test(gstage_atomics_read_and_write),
		cmocka_unit_test(gstage_walk_is_of_the_table),
		cmocka_unit_test(gstage_other_causes_are_refused),
		cmocka_unit_test(null_out_is_refused),
		cmocka_unit_test(hostile_values_are_answered_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
