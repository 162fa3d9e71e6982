/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What arch/x86_64 executes: INVEPT; and what it makes of CPUID and the VMX capability MSRs. See machine.h.
 *
 * Sources: Intel SDM vol. 3C, INVEPT, vol. 3D appendix A, vol. 2A CPUID; AMD APM vol. 3 appendix E.
 */
#include "machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cpu.h"
#include "npt_format.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define RFLAGS_CF 1u

/* ---- the CPU */

/**
 * struct cpu - What its registers say.
 * @cr4: CR4.
 * @leaf_max: Highest CPUID leaf.
 * @extended_max: Highest extended leaf; less than the first: this CPU has none.
 * @ecx_1: Of leaf 1.
 * @ecx_ext: Of leaf 0x80000001, as @edx_ext.
 * @eax_sizes: Of leaf 0x80000008.
 * @ebx_svm: Of leaf 0x8000000a, as @edx_svm.
 * @procbased: VMX capability MSRs: those that are 0 are not there.
 * @invept: Bit n: type n of INVEPT is there.
 */
static struct cpu {
	uint64_t cr4;
	uint32_t leaf_max, extended_max;
	uint32_t ecx_1;
	uint32_t ecx_ext, edx_ext;
	uint32_t eax_sizes;
	uint32_t ebx_svm, edx_svm;
	uint64_t procbased, procbased2, ept_vpid;
	unsigned invept;
} cpu;

/* A leaf beyond the highest answers with what the highest basic one has: here, all ones. */
static void execute_cpuid(const struct machine_instruction *i)
{
	uint32_t leaf = (uint32_t)*i->rax;
	bool there = leaf >> 31 ? leaf <= cpu.extended_max : leaf <= cpu.leaf_max;

	assert_int_equal((uint32_t)*i->rcx, 0);
	*i->rax = *i->rbx = *i->rcx = *i->rdx = there ? 0 : UINT32_MAX;
	if (leaf == 0)
		*i->rax = cpu.leaf_max;
	else if (leaf == 0x80000000)
		*i->rax = cpu.extended_max;
	if (!there)
		return;
	if (leaf == 1)
		*i->rcx = cpu.ecx_1;
	if (leaf == 0x80000001) {
		*i->rcx = cpu.ecx_ext;
		*i->rdx = cpu.edx_ext;
	}
	if (leaf == 0x80000008)
		*i->rax = cpu.eax_sizes;
	if (leaf == 0x8000000a) {
		*i->rbx = cpu.ebx_svm;
		*i->rdx = cpu.edx_svm;
	}
}

/* An MSR that is not there is a general protection fault. */
static void execute_rdmsr(const struct machine_instruction *i)
{
	uint64_t value = 0;

	switch ((uint32_t)*i->rcx) {
	case 0x482:
		value = cpu.procbased;
		break;
	case 0x48b:
		value = cpu.procbased2;
		break;
	case 0x48c:
		value = cpu.ept_vpid;
		break;
	}
	if (value == 0)
		fail_msg("#GP: RDMSR %#x", (unsigned)*i->rcx);
	*i->rax = (uint32_t)value;
	*i->rdx = value >> 32;
}

static void execute_invept(const struct machine_instruction *i)
{
	uint64_t type = *i->operand[1].reg;

	assert_true(cpu.cr4 & 1u << 13); /* else, or without VMXON, an invalid opcode */
	assert_int_equal(i->operand[0].memory[1], 0);
	machine_trace("invept %llu, %#llx", (unsigned long long)type,
		      (unsigned long long)i->operand[0].memory[0]);
	/* VMfail is CF or ZF. */
	*i->flags &= ~UINT64_C(0x8d5);
	if (!(cpu.invept >> type & 1))
		*i->flags |= RFLAGS_CF;
}

void machine_execute(const struct machine_instruction *instruction)
{
	if (machine_is(instruction, "cpuid", NULL))
		execute_cpuid(instruction);
	else if (machine_is(instruction, "rdmsr", NULL))
		execute_rdmsr(instruction);
	else if (machine_is(instruction, "invept", NULL))
		execute_invept(instruction);
	else if (machine_is(instruction, "mov", "%cr4"))
		*instruction->operand[1].reg = cpu.cr4;
	else
		machine_trace("%s", instruction->name);
}

/* Of the EPT capabilities: 4 levels, UC, WB, 2 MiB pages, INVEPT. */
#define EPT_LEAST (1ull << 6 | 1ull << 8 | 1ull << 14 | 1ull << 16 | 1ull << 20)

/* A CPU of 2013: 4 levels, 1 GiB pages, execute-only, accessed and dirty, both types of INVEPT. */
static const struct cpu intel = {
	.cr4 = 1u << 13,
	.leaf_max = 13,
	.extended_max = 0x80000008,
	.ecx_1 = 1u << 5,
	.eax_sizes = 0x3027, /* 39 bits of physical addresses, 48 of linear ones */
	.procbased = UINT64_C(0xfff9fffe0401e172),
	.procbased2 = UINT64_C(0x00007cff00000000),
	.ept_vpid = UINT64_C(0x00000f0106334141),
	.invept = 6,
};

static const struct cpu amd = {
	.leaf_max = 13,
	.extended_max = 0x8000001f,
	.ecx_ext = 1u << 2,
	.edx_ext = 1u << 26,
	.eax_sizes = 0x3030, /* 48 bits of both */
	.ebx_svm = 0x8000,
	.edx_svm = 1u << 0,
};

/* ---- invalidation */

static void flush(enum ax_npt_format_id format, uint64_t size)
{
	const struct ax_npt_registers registers = {.root = UINT64_C(0x12345601e)};
	const struct ax_tlb_request request = {.format = format, .tag = 7, .size = size};

	ax_cpu_tlb_flush(&registers, &request, 12);
}

static void ept_goes_by_its_pointer(void **state)
{
	(void)state;
	machine_trace_begin();
	cpu = intel;
	flush(AX_NPT_EPT, 0x1000);
	machine_trace_check("invept 1, 0x12345601e\n");
	flush(AX_NPT_EPT, 0);
	machine_trace_check("invept 1, 0x12345601e\n");
}

static void ept_goes_with_all_others_where_that_is_all_the_cpu_has(void **state)
{
	(void)state;
	machine_trace_begin();
	cpu = intel;
	cpu.invept = 4;
	flush(AX_NPT_EPT, 0x1000);
	machine_trace_check("invept 1, 0x12345601e\ninvept 2, 0\n");
}

static void ept_needs_nothing_outside_vmx(void **state)
{
	(void)state;
	machine_trace_begin();
	cpu = intel;
	cpu.cr4 = ~(UINT64_C(1) << 13);
	flush(AX_NPT_EPT, 0x1000);
	machine_trace_check("");
}

static void npt_goes_at_the_next_vmrun(void **state)
{
	(void)state;
	machine_trace_begin();
	cpu = amd;
	cpu.cr4 = 1u << 13;
	flush(AX_NPT_AMD, 0x1000);
	machine_trace_check("");
}

static void barriers_are_for_the_compiler_alone(void **state)
{
	(void)state;
	machine_trace_begin();
	ax_cpu_tlb_publish();
	ax_cpu_tlb_fence(&(struct ax_npt){.tag = 5}, 0x80003000, true);
	ax_cpu_fence_after_rmw();
	machine_trace_check("");
	ax_cpu_relax();
	machine_trace_check("pause\n");
}

/* ---- capabilities */

static void intel_has_ept(void **state)
{
	struct ax_npt_capabilities caps;

	(void)state;
	cpu = intel;
	assert_int_equal(ax_npt_capabilities(AX_NPT_DEFAULT, &caps), AX_OK);
	assert_int_equal(caps.format, AX_NPT_EPT);
	assert_int_equal(caps.levels_min, 4);
	assert_int_equal(caps.levels_max, 4);
	assert_int_equal(caps.levels_default, 4);
	assert_int_equal(caps.gpa_bits, 48);
	assert_int_equal(caps.hpa_bits, 39);
	assert_int_equal(caps.tag_bits, 16);
	assert_false(caps.broadcast);
	assert_int_equal(caps.features, AX_NPT_FEATURE_1G | AX_NPT_FEATURE_EXECUTE_ONLY |
						AX_NPT_FEATURE_ACCESSED_DIRTY);
	assert_int_equal(caps.features_default, AX_NPT_FEATURE_1G | AX_NPT_FEATURE_EXECUTE_ONLY);
	assert_int_equal(ax_npt_capabilities(AX_NPT_EPT, &caps), AX_OK);
	assert_int_equal(ax_npt_capabilities(AX_NPT_AMD, &caps), AX_ENOTSUP);
}

static void ept_has_the_features_that_its_registers_tell(void **state)
{
	static const struct {
		uint64_t ept_vpid, procbased2;
		uint64_t features;
	} cpus[] = {
		{0, 0, 0},
		{1ull << 0, 0, AX_NPT_FEATURE_EXECUTE_ONLY},
		{1ull << 17, 0, AX_NPT_FEATURE_1G},
		{1ull << 21, 0, AX_NPT_FEATURE_ACCESSED_DIRTY},
		{0, 1ull << 54, AX_NPT_FEATURE_MODE_BASED_EXECUTE},
		{~0ull, ~0ull,
		 AX_NPT_FEATURE_1G | AX_NPT_FEATURE_EXECUTE_ONLY | AX_NPT_FEATURE_ACCESSED_DIRTY |
			 AX_NPT_FEATURE_MODE_BASED_EXECUTE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cpus); i++) {
		struct ax_npt_capabilities caps;

		cpu = intel;
		cpu.ept_vpid = EPT_LEAST | cpus[i].ept_vpid;
		cpu.procbased2 = 1ull << 33 | cpus[i].procbased2;
		assert_int_equal(ax_npt_capabilities(AX_NPT_EPT, &caps), AX_OK);
		assert_int_equal(caps.features, cpus[i].features);
		assert_int_equal(caps.features_default,
				 cpus[i].features &
					 (AX_NPT_FEATURE_1G | AX_NPT_FEATURE_EXECUTE_ONLY));
	}
}

static void ept_has_five_levels_where_the_cpu_has(void **state)
{
	struct ax_npt_capabilities caps;

	(void)state;
	cpu = intel;
	cpu.ept_vpid |= 1u << 7;
	cpu.eax_sizes = 0x3934; /* 52 bits */
	assert_int_equal(ax_npt_capabilities(AX_NPT_EPT, &caps), AX_OK);
	assert_int_equal(caps.levels_min, 4);
	assert_int_equal(caps.levels_max, 5);
	assert_int_equal(caps.levels_default, 4);
	assert_int_equal(caps.gpa_bits, 52);
	assert_int_equal(caps.hpa_bits, 52);
}

static void ept_that_lacks_what_is_built_on_is_none(void **state)
{
	struct ax_npt_capabilities caps;

	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		ax_error_t want = EPT_LEAST >> bit & 1 ? AX_ENOTSUP : AX_OK;

		cpu = intel;
		cpu.ept_vpid = ~(UINT64_C(1) << bit);
		assert_int_equal(ax_npt_capabilities(AX_NPT_EPT, &caps), want);
	}
	/* No secondary controls, and then no register for them; no EPT among them. */
	cpu = intel;
	cpu.procbased &= ~(UINT64_C(1) << 63);
	cpu.procbased2 = cpu.ept_vpid = 0;
	assert_int_equal(ax_npt_capabilities(AX_NPT_DEFAULT, &caps), AX_ENOTSUP);
	cpu = intel;
	cpu.procbased2 &= ~(UINT64_C(1) << 33);
	cpu.ept_vpid = 0;
	assert_int_equal(ax_npt_capabilities(AX_NPT_DEFAULT, &caps), AX_ENOTSUP);
}

static void amd_has_nested_paging(void **state)
{
	struct ax_npt_capabilities caps;

	(void)state;
	cpu = amd;
	assert_int_equal(ax_npt_capabilities(AX_NPT_DEFAULT, &caps), AX_OK);
	assert_int_equal(caps.format, AX_NPT_AMD);
	assert_int_equal(caps.levels_min, 4);
	assert_int_equal(caps.levels_max, 4);
	assert_int_equal(caps.levels_default, 4);
	assert_int_equal(caps.gpa_bits, 48);
	assert_int_equal(caps.hpa_bits, 48);
	assert_int_equal(caps.tag_bits, 15);
	assert_int_equal(caps.features, AX_NPT_FEATURE_1G | AX_NPT_FEATURE_ACCESSED_DIRTY);
	assert_int_equal(caps.features_default, AX_NPT_FEATURE_1G);
	assert_int_equal(ax_npt_capabilities(AX_NPT_AMD, &caps), AX_OK);
	assert_int_equal(ax_npt_capabilities(AX_NPT_EPT, &caps), AX_ENOTSUP);
}

static void npt_has_as_many_levels_as_the_hosts_own_paging(void **state)
{
	struct ax_npt_capabilities caps;

	(void)state;
	cpu = amd;
	cpu.cr4 = 1u << 12;
	cpu.eax_sizes = 0x3934;
	assert_int_equal(ax_npt_capabilities(AX_NPT_AMD, &caps), AX_OK);
	assert_int_equal(caps.levels_min, 5);
	assert_int_equal(caps.levels_max, 5);
	assert_int_equal(caps.levels_default, 5);
	assert_int_equal(caps.gpa_bits, 52);
	assert_int_equal(caps.hpa_bits, 52);
}

static void npt_without_large_pages_says_so(void **state)
{
	struct ax_npt_capabilities caps;

	(void)state;
	cpu = amd;
	cpu.edx_ext = ~(1u << 26);
	assert_int_equal(ax_npt_capabilities(AX_NPT_AMD, &caps), AX_OK);
	assert_int_equal(caps.features, AX_NPT_FEATURE_ACCESSED_DIRTY);
	assert_int_equal(caps.features_default, 0);
}

/* A tag is an ASID below the number that there are. */
static void npt_has_as_many_tags_as_the_cpu_has_asids(void **state)
{
	static const struct {
		uint32_t asids;
		unsigned bits;
	} cpus[] = {{0, 0}, {1, 0}, {2, 1}, {64, 6}, {509, 8}, {0x8000, 15}, {UINT32_MAX, 31}};

	(void)state;
	for (size_t i = 0; i < COUNT(cpus); i++) {
		struct ax_npt_capabilities caps;

		cpu = amd;
		cpu.ebx_svm = cpus[i].asids;
		assert_int_equal(ax_npt_capabilities(AX_NPT_AMD, &caps), AX_OK);
		assert_int_equal(caps.tag_bits, cpus[i].bits);
	}
}

static void npt_needs_svm_and_nested_paging(void **state)
{
	struct ax_npt_capabilities caps;

	(void)state;
	cpu = amd;
	cpu.ecx_ext = ~(1u << 2);
	assert_int_equal(ax_npt_capabilities(AX_NPT_DEFAULT, &caps), AX_ENOTSUP);
	cpu = amd;
	cpu.edx_svm = ~(1u << 0);
	assert_int_equal(ax_npt_capabilities(AX_NPT_AMD, &caps), AX_ENOTSUP);
}

static void leaves_that_the_cpu_lacks_tell_nothing(void **state)
{
	struct ax_npt_capabilities caps;

	(void)state;
	/* SVM's own leaf, then the one that tells of SVM, then all of them. */
	cpu = amd;
	cpu.extended_max = 0x80000009;
	assert_int_equal(ax_npt_capabilities(AX_NPT_AMD, &caps), AX_ENOTSUP);
	cpu.extended_max = 0x80000000;
	assert_int_equal(ax_npt_capabilities(AX_NPT_AMD, &caps), AX_ENOTSUP);
	cpu.leaf_max = 0;
	assert_int_equal(ax_npt_capabilities(AX_NPT_DEFAULT, &caps), AX_ENOTSUP);
	/* Without the leaf that tells, physical addresses have 36 bits. */
	cpu = intel;
	cpu.extended_max = 0x80000007;
	assert_int_equal(ax_npt_capabilities(AX_NPT_EPT, &caps), AX_OK);
	assert_int_equal(caps.hpa_bits, 36);
	cpu.extended_max = 7;
	assert_int_equal(ax_npt_capabilities(AX_NPT_EPT, &caps), AX_OK);
	assert_int_equal(caps.hpa_bits, 36);
}

/* Under a hypervisor that shows both, as some emulators do. */
static void cpu_with_both_has_ept_unless_asked(void **state)
{
	struct ax_npt_capabilities caps;

	(void)state;
	cpu = intel;
	cpu.extended_max = amd.extended_max;
	cpu.ecx_ext = amd.ecx_ext;
	cpu.edx_svm = amd.edx_svm;
	assert_int_equal(ax_npt_capabilities(AX_NPT_DEFAULT, &caps), AX_OK);
	assert_int_equal(caps.format, AX_NPT_EPT);
	assert_int_equal(ax_npt_capabilities(AX_NPT_AMD, &caps), AX_OK);
	assert_int_equal(caps.format, AX_NPT_AMD);
}

static void addresses_are_never_wider_than_an_entry(void **state)
{
	struct ax_npt_capabilities caps;

	(void)state;
	cpu = intel;
	cpu.eax_sizes = 0x4140;
	assert_int_equal(ax_npt_capabilities(AX_NPT_EPT, &caps), AX_OK);
	assert_int_equal(caps.hpa_bits, 52);
	cpu = amd;
	cpu.eax_sizes = 0x4140;
	assert_int_equal(ax_npt_capabilities(AX_NPT_AMD, &caps), AX_OK);
	assert_int_equal(caps.hpa_bits, 52);
}

static void other_formats_are_refused(void **state)
{
	struct ax_npt_capabilities caps;

	(void)state;
	cpu = intel;
	assert_int_equal(ax_npt_capabilities(AX_NPT_STAGE2, &caps), AX_ENOTSUP);
	assert_int_equal(ax_npt_capabilities(AX_NPT_GSTAGE, &caps), AX_ENOTSUP);
	assert_int_equal(ax_npt_capabilities(AX_NPT_GSTAGE + 1, &caps), AX_EINVAL);
	assert_int_equal(ax_npt_capabilities(AX_NPT_EPT, NULL), AX_EINVAL);
	assert_ptr_equal(ax_npt_format_find(AX_NPT_EPT), &ax_npt_format_ept);
	assert_ptr_equal(ax_npt_format_find(AX_NPT_AMD), &ax_npt_format_amd);
	assert_null(ax_npt_format_find(AX_NPT_STAGE2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ept_goes_by_its_pointer),
		cmocka_unit_test(ept_goes_with_all_others_where_that_is_all_the_cpu_has),
		cmocka_unit_test(ept_needs_nothing_outside_vmx),
		cmocka_unit_test(npt_goes_at_the_next_vmrun),
		cmocka_unit_test(barriers_are_for_the_compiler_alone),
		cmocka_unit_test(intel_has_ept),
		cmocka_unit_test(ept_has_the_features_that_its_registers_tell),
		cmocka_unit_test(ept_has_five_levels_where_the_cpu_has),
		cmocka_unit_test(ept_that_lacks_what_is_built_on_is_none),
		cmocka_unit_test(amd_has_nested_paging),
		cmocka_unit_test(npt_has_as_many_levels_as_the_hosts_own_paging),
		cmocka_unit_test(npt_without_large_pages_says_so),
		cmocka_unit_test(npt_has_as_many_tags_as_the_cpu_has_asids),
		cmocka_unit_test(npt_needs_svm_and_nested_paging),
		cmocka_unit_test(leaves_that_the_cpu_lacks_tell_nothing),
		cmocka_unit_test(cpu_with_both_has_ept_unless_asked),
		cmocka_unit_test(addresses_are_never_wider_than_an_entry),
		cmocka_unit_test(other_formats_are_refused),
	};

	return cmocka_run_group_tests_name("cpu_x86_64", tests, NULL, NULL);
}
