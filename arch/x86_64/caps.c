/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this x86 CPU can: EPT or nested page tables, found at run time.
 *
 * Sources: Intel SDM vol. 3D appendix A "VMX Capability Reporting Facility" (A.3.3 secondary
 * processor-based controls, A.10 VPID and EPT capabilities), vol. 2A CPUID; AMD APM vol. 3 appendix
 * E (Fn8000_0001, Fn8000_0008, Fn8000_000A), vol. 2 15.25.
 */
#include "npt_format.h"

#define CPUID_FEATURES            0x1u
#define CPUID_EXTENDED_MAX        0x80000000u
#define CPUID_EXTENDED_FEATURES   0x80000001u
#define CPUID_ADDRESS_SIZES       0x80000008u
#define CPUID_SVM                 0x8000000au
#define CPUID_FEATURES_ECX_VMX    (1u << 5)
#define CPUID_EXTENDED_ECX_SVM    (1u << 2)
#define CPUID_EXTENDED_EDX_PAGE1G (1u << 26)
#define CPUID_SVM_EDX_NP          (1u << 0)

/* The high half of a control MSR says what may be set. */
#define MSR_VMX_PROCBASED_CTLS  0x482u
#define MSR_VMX_PROCBASED_CTLS2 0x48bu
#define MSR_VMX_EPT_VPID_CAP    0x48cu
#define PROCBASED_SECONDARY     (UINT64_C(1) << (32 + 31))
#define PROCBASED2_EPT          (UINT64_C(1) << (32 + 1))
#define PROCBASED2_MODE_EXECUTE (UINT64_C(1) << (32 + 22))

#define EPT_CAP_EXECUTE_ONLY   (UINT64_C(1) << 0)
#define EPT_CAP_LEVELS_4       (UINT64_C(1) << 6)
#define EPT_CAP_LEVELS_5       (UINT64_C(1) << 7)
#define EPT_CAP_UC             (UINT64_C(1) << 8)
#define EPT_CAP_WB             (UINT64_C(1) << 14)
#define EPT_CAP_2M             (UINT64_C(1) << 16)
#define EPT_CAP_1G             (UINT64_C(1) << 17)
#define EPT_CAP_INVEPT         (UINT64_C(1) << 20)
#define EPT_CAP_ACCESSED_DIRTY (UINT64_C(1) << 21)

/* What the format and the invalidation are built on. */
#define EPT_CAP_NEEDED (EPT_CAP_LEVELS_4 | EPT_CAP_UC | EPT_CAP_WB | EPT_CAP_2M | EPT_CAP_INVEPT)

#define CR4_LA57 (UINT64_C(1) << 12)

/* Where the leaf that tells is missing; CPUs without it had no more. */
#define PHYSICAL_BITS_UNKNOWN 36u

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

/* Zeros for a leaf that the CPU does not have: it would answer with another one's. */
static struct cpuid cpuid(uint32_t leaf)
{
	struct cpuid max = {0}, out = {0};

	__asm__ volatile("cpuid"
			 : "=a"(max.eax), "=b"(max.ebx), "=c"(max.ecx), "=d"(max.edx)
			 : "a"(leaf & CPUID_EXTENDED_MAX), "c"(0));
	if (max.eax < leaf)
		return out;
	__asm__ volatile("cpuid"
			 : "=a"(out.eax), "=b"(out.ebx), "=c"(out.ecx), "=d"(out.edx)
			 : "a"(leaf), "c"(0));
	return out;
}

static uint64_t read_msr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static uint64_t read_cr4(void)
{
	uint64_t cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	return cr4;
}

static unsigned at_most(unsigned bits, unsigned limit)
{
	return bits < limit ? bits : limit;
}

static unsigned physical_bits(void)
{
	unsigned bits = cpuid(CPUID_ADDRESS_SIZES).eax & 0xff;

	return bits != 0 ? bits : PHYSICAL_BITS_UNKNOWN;
}

static void set_levels(struct ax_npt_capabilities *out, unsigned min, unsigned max)
{
	out->levels_min = min;
	out->levels_max = max;
	out->levels_default = min;
	out->gpa_bits = max == 5 ? 52 : 48;
}

/* Only with CPUID's word for VMX there are these registers to read. */
static bool has_ept(void)
{
	if (!(cpuid(CPUID_FEATURES).ecx & CPUID_FEATURES_ECX_VMX))
		return false;
	if (!(read_msr(MSR_VMX_PROCBASED_CTLS) & PROCBASED_SECONDARY) ||
	    !(read_msr(MSR_VMX_PROCBASED_CTLS2) & PROCBASED2_EPT))
		return false;
	return (read_msr(MSR_VMX_EPT_VPID_CAP) & EPT_CAP_NEEDED) == EPT_CAP_NEEDED;
}

static void ept_capabilities(struct ax_npt_capabilities *out)
{
	uint64_t cap = read_msr(MSR_VMX_EPT_VPID_CAP);
	uint64_t features = 0;

	ax_npt_format_capabilities(&ax_npt_format_ept, out);
	if (cap & EPT_CAP_1G)
		features |= AX_NPT_FEATURE_1G;
	if (cap & EPT_CAP_EXECUTE_ONLY)
		features |= AX_NPT_FEATURE_EXECUTE_ONLY;
	if (cap & EPT_CAP_ACCESSED_DIRTY)
		features |= AX_NPT_FEATURE_ACCESSED_DIRTY;
	if (read_msr(MSR_VMX_PROCBASED_CTLS2) & PROCBASED2_MODE_EXECUTE)
		features |= AX_NPT_FEATURE_MODE_BASED_EXECUTE;
	out->features &= features;
	out->features_default &= features;
	set_levels(out, 4, cap & EPT_CAP_LEVELS_5 ? 5 : 4);
	out->hpa_bits = at_most(physical_bits(), out->hpa_bits);
}

static bool has_npt(void)
{
	return (cpuid(CPUID_EXTENDED_FEATURES).ecx & CPUID_EXTENDED_ECX_SVM) &&
	       (cpuid(CPUID_SVM).edx & CPUID_SVM_EDX_NP);
}

/* Bits of the largest power of two that is no more than the number of ASIDs, 0 included. */
static unsigned asid_bits(void)
{
	uint32_t count = cpuid(CPUID_SVM).ebx;
	unsigned bits = 0;

	while (count >>= 1)
		bits++;
	return bits;
}

/* Hardware walks as many levels as the host's own paging has: nothing to choose. */
static void npt_capabilities(struct ax_npt_capabilities *out)
{
	unsigned levels = read_cr4() & CR4_LA57 ? 5 : 4;

	ax_npt_format_capabilities(&ax_npt_format_amd, out);
	if (!(cpuid(CPUID_EXTENDED_FEATURES).edx & CPUID_EXTENDED_EDX_PAGE1G)) {
		out->features &= ~AX_NPT_FEATURE_1G;
		out->features_default &= ~AX_NPT_FEATURE_1G;
	}
	set_levels(out, levels, levels);
	out->hpa_bits = at_most(physical_bits(), out->hpa_bits);
	out->tag_bits = asid_bits();
}

const struct ax_npt_format *ax_npt_format_find(enum ax_npt_format_id id)
{
	if (id == AX_NPT_EPT)
		return &ax_npt_format_ept;
	return id == AX_NPT_AMD ? &ax_npt_format_amd : NULL;
}

ax_error_t ax_npt_capabilities(enum ax_npt_format_id format, struct ax_npt_capabilities *out)
{
	if (!out || (unsigned)format > AX_NPT_GSTAGE)
		return AX_EINVAL;
	if ((format == AX_NPT_EPT || format == AX_NPT_DEFAULT) && has_ept())
		ept_capabilities(out);
	else if ((format == AX_NPT_AMD || format == AX_NPT_DEFAULT) && has_npt())
		npt_capabilities(out);
	else
		return AX_ENOTSUP;
	return AX_OK;
}
