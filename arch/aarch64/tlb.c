/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invalidation on AArch64, which the hardware carries to every CPU of the Inner Shareable domain.
 *
 * Sources: Arm ARM (DDI 0487) D8.16 "Translation Lookaside Buffers" and D8.17 "TLB maintenance",
 * C5.5 for each TLBI, D24.2 for HCR_EL2 and ID_AA64ISAR0_EL1.
 *
 * What is cached of stage 2, and what drops it:
 *
 *   1. Entries by IPA, of leaves and of tables: TLBI IPAS2E1IS.
 *   2. Entries by VA that combine both stages. IPAS2E1IS need not touch them, since nobody could
 *      find them by IPA; TLBI VMALLE1IS drops all of the VMID. It comes second, and after a DSB,
 *      because as long as an entry of the first kind lives, one of the second can be made from it.
 *   3. What a stage 1 walk had read through stage 2 when it went through the guest's tables: a part
 *      of stage 1 entries, so VMALLE1IS as well.
 *
 * VMALLS12E1IS is all three at once.
 */
#include <stdbool.h>

#include "cpu.h"

#define HCR_TGE         (UINT64_C(1) << 27)
#define ISAR0_TLB_SHIFT 56
#define ISAR0_TLB_RANGE 2u

#define PAGE_SHIFT 12

/*
 * An operand holds the address of a page, shifted; of the at most 48 bits that one has here none is left
 * over.
 *
 * IPAS2E1IS: IPA[51:12] in 39:0. TTL, 47:44, is 0, "any level"; NS, 63, is for the Secure state.
 *
 * RIPAS2E1IS: IPA[48:12] in 36:0; TTL, 38:37, is 0, "any level"; NUM in 43:39, SCALE in 45:44; TG,
 * 47:46, is 1, 4 KiB. It covers (NUM + 1) << (5 * SCALE + 1) pages.
 */
#define RANGE_NUM_SHIFT   39
#define RANGE_SCALE_SHIFT 44
#define RANGE_TG_4K       (UINT64_C(1) << 46)
#define RANGE_SCALE_MAX   3u

/* What all of the VMID's entries cost to make again is worth about so many single invalidations,
 * each a broadcast. With ranges a call takes at most five, whatever the size, up to what NUM and
 * SCALE can say. */
#define SINGLES_MAX     UINT64_C(64)
#define RANGE_PAGES_MAX (UINT64_C(1) << (5 * RANGE_SCALE_MAX + 6))

struct context {
	uint64_t vttbr;
	uint64_t vtcr;
	uint64_t hcr;
	uint64_t daif;
	bool switched;
};

static void isb(void)
{
	__asm__ volatile("isb" ::: "memory");
}

static void dsb_ish(void)
{
	__asm__ volatile("dsb ish" ::: "memory");
}

static void write_context(uint64_t vttbr, uint64_t vtcr, uint64_t hcr)
{
	__asm__ volatile("msr vtcr_el2, %0\n\t"
			 "msr vttbr_el2, %1\n\t"
			 "msr hcr_el2, %2\n\t"
			 "isb"
			 :
			 : "r"(vtcr), "r"(vttbr), "r"(hcr)
			 : "memory");
}

/*
 * TLBI takes the VMID from VTTBR_EL2, with as many bits of it as VTCR_EL2.VS says. And with
 * HCR_EL2.E2H and TGE set, in which a hypervisor in its own EL2&0 regime runs, VMALLE1IS is about
 * that regime and not about the guest's: TGE has to be clear.
 *
 * Interrupts are masked from before these registers are read until they are what they were: a
 * handler would run with another guest's, or might switch guests and leave the TLBI to the wrong
 * VMID.
 *
 * Nothing of the wrong guest is cached meanwhile: at EL2 no walk of the EL1&0 regime is made, not
 * even speculatively, but for an AT instruction (out of context; some CPUs have errata about this).
 */
static void enter_context(const struct ax_npt_registers *registers, struct context *saved)
{
	__asm__ volatile("mrs %0, daif\n\tmsr daifset, #0xf" : "=r"(saved->daif)::"memory");
	__asm__ volatile("mrs %0, vttbr_el2" : "=r"(saved->vttbr));
	__asm__ volatile("mrs %0, vtcr_el2" : "=r"(saved->vtcr));
	__asm__ volatile("mrs %0, hcr_el2" : "=r"(saved->hcr));
	saved->switched = saved->vttbr != registers->root || saved->vtcr != registers->control ||
			  (saved->hcr & HCR_TGE);
	if (saved->switched)
		write_context(registers->root, registers->control, saved->hcr & ~HCR_TGE);
}

static void leave_context(const struct context *saved)
{
	if (saved->switched)
		write_context(saved->vttbr, saved->vtcr, saved->hcr);
	__asm__ volatile("msr daif, %0" ::"r"(saved->daif) : "memory");
}

static void invalidate_ipa(uint64_t ipa)
{
	__asm__ volatile("tlbi ipas2e1is, %0" ::"r"(ipa >> PAGE_SHIFT) : "memory");
}

/* TLBI RIPAS2E1IS by its encoding (C5.5): assemblers know the name from Armv8.4 on only. */
static void invalidate_range(uint64_t ipa, uint64_t num, uint64_t scale)
{
	uint64_t operand = ipa >> PAGE_SHIFT | num << RANGE_NUM_SHIFT | scale << RANGE_SCALE_SHIFT |
			   RANGE_TG_4K;

	__asm__ volatile("sys #4, c8, c0, #2, %0" ::"r"(operand) : "memory");
}

static bool has_ranges(void)
{
	uint64_t isar0;

	__asm__ volatile("mrs %0, id_aa64isar0_el1" : "=r"(isar0));
	return (isar0 >> ISAR0_TLB_SHIFT & 0xf) >= ISAR0_TLB_RANGE;
}

/* Exactly @pages, at most RANGE_PAGES_MAX: the largest units first, each scale once; ranges are of
 * an even number of pages, and what is left is one page. */
static void invalidate_pages(uint64_t ipa, uint64_t pages)
{
	for (unsigned scale = RANGE_SCALE_MAX + 1; scale-- > 0;) {
		unsigned shift = 5 * scale + 1;
		uint64_t units = pages >> shift;

		if (units == 0)
			continue;
		invalidate_range(ipa, units - 1, scale);
		ipa += units << shift << PAGE_SHIFT;
		pages -= units << shift;
	}
	if (pages != 0)
		invalidate_ipa(ipa);
}

/* One operation for each leaf, of which any address will do. */
static void invalidate_leaves(uint64_t first, uint64_t last, unsigned page_shift)
{
	uint64_t size = UINT64_C(1) << page_shift;
	uint64_t ipa = first & ~(size - 1);

	for (;; ipa += size) {
		invalidate_ipa(ipa);
		if (last - ipa < size)
			break;
	}
}

/* False: too much to go by address. */
static bool invalidate_stage2(uint64_t first, uint64_t last, unsigned page_shift)
{
	uint64_t pages = (last >> PAGE_SHIFT) - (first >> PAGE_SHIFT) + 1;

	if (has_ranges()) {
		if (pages > RANGE_PAGES_MAX)
			return false;
		invalidate_pages(first, pages);
		return true;
	}
	if ((last >> page_shift) - (first >> page_shift) >= SINGLES_MAX)
		return false;
	invalidate_leaves(first, last, page_shift);
	return true;
}

void ax_cpu_tlb_publish(void)
{
	__asm__ volatile("dsb ishst" ::: "memory");
}

/* "TLB maintenance": what gives a translation fault is not cached. */
void ax_cpu_tlb_fence(const struct ax_npt *npt, uint64_t gpa, bool tables)
{
	(void)npt;
	(void)gpa;
	(void)tables;
}

void ax_cpu_tlb_flush(const struct ax_npt_registers *registers,
		      const struct ax_tlb_request *request, unsigned page_shift)
{
	uint64_t first = request->start.raw;
	uint64_t last = first + (request->size - 1);
	struct context saved;

	/* The changed entries are visible to the walks of all CPUs before anything is dropped, or a
	 * walk puts the old one back. */
	__asm__ volatile("dsb ishst" ::: "memory");
	enter_context(registers, &saved);
	/* Where a table went, its entry is what walks have cached, once for the whole of its span;
	 * all of the VMID is cheaper than to go through that. */
	if (request->tables || request->size == 0 || !invalidate_stage2(first, last, page_shift)) {
		__asm__ volatile("tlbi vmalls12e1is" ::: "memory");
	} else {
		dsb_ish();
		__asm__ volatile("tlbi vmalle1is" ::: "memory");
	}
	/* Complete on every CPU, and then for what this one does next. */
	dsb_ish();
	isb();
	leave_context(&saved);
}
