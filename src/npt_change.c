/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing live leaves: protect, and what break-before-make leaves to be made. npt_split.c has the other change
 * of what is live.
 *
 * In the model, tests/spin/guard.pml, protect_leaf() is rewrite() and ax_npt_reveal() is reveal(): what
 * break-before-make leaves broken stays mapped for software (BREAK_BROKEN_IS_NOT_MAPPED), and is made
 * after the flush (BREAK_MAKE_BEFORE_FLUSH).
 */
#include "npt.h"

#include "npt_entry.h"

/*
 * What a leaf becomes under new attributes. The kind of memory that the space owns stays, and so do
 * the bits that hardware sets.
 */
static uint64_t reprotected(const struct ax_npt *npt, uint64_t entry, unsigned level, uint64_t attr)
{
	uint64_t keep = npt->format->address_mask | npt->format->hardware_sets;

	if (ax_npt_is_owned(npt, entry))
		keep |= npt->format->kind_mask;
	return (entry & keep) | attr | npt->format->leaf[level != 0];
}

/* Whether a live leaf's memory type is not that of @flags. */
static bool type_changes(const struct ax_npt *npt, uint64_t entry, ax_flags_t flags)
{
	ax_flags_t had = npt->format->decode(npt->features, entry);

	/* AX_DEVICE says all: AX_UNCACHED beside it adds nothing. */
	if ((had | flags) & AX_DEVICE)
		return ((had ^ flags) & AX_DEVICE) != 0;
	return ((had ^ flags) & AX_UNCACHED) != 0;
}

/*
 * What a protect does to a leaf depends on what the leaf holds beside its address, which neighbours have in
 * common: found out once for each run of leaves that are alike, and then it is one exclusive-or for each.
 * A protect of 1 GiB in 4K pages took 5.5 times a loop of load, change and store when each leaf was taken
 * apart by itself, and takes 1.4 times now.
 */
struct protection {
	const struct ax_npt *npt;
	uint64_t attr;
	ax_flags_t flags; /* what attr is the encoding of */
	bool racing;      /* hardware sets accessed and dirty bits meanwhile */
	bool broken;      /* some leaf was left broken */
	struct ax_tlb_gather *gather;
};

/*
 * The bits to flip in @entry, none of its address. A change of permissions alone needs no break; one of
 * the memory type does (Arm ARM D8.16.1), and is left broken for the flush.
 */
static uint64_t change_of(const struct ax_npt *npt, uint64_t entry, unsigned level,
			  struct protection *protection)
{
	uint64_t next = reprotected(npt, entry, level, protection->attr);

	if (npt->format->break_before_make && type_changes(npt, entry, protection->flags)) {
		next = ax_npt_hide(npt, next, AX_NPT_BROKEN);
		protection->broken = true;
	}
	return entry ^ next;
}

/*
 * Flip @change in the leaves from @slot on that are like the first, at most @count. Where nobody else
 * writes to entries that are not zero, plain stores will do. By fours, which takes three quarters of the time
 * and does not depend on where the loop happens to lie.
 *
 * Return: how many.
 */
static size_t change_alike(const struct ax_npt *npt, uint64_t *slot, size_t count, uint64_t change)
{
	const uint64_t not_address = ~npt->format->address_mask;
	const uint64_t first = ax_npt_load(slot);
	size_t i = 0;

	while (count - i >= 4) {
		uint64_t a = ax_npt_load(&slot[i]);
		uint64_t b = ax_npt_load(&slot[i + 1]);
		uint64_t c = ax_npt_load(&slot[i + 2]);
		uint64_t d = ax_npt_load(&slot[i + 3]);

		if ((((a ^ first) | (b ^ first) | (c ^ first) | (d ^ first)) & not_address) != 0)
			break;
		ax_npt_store(&slot[i++], a ^ change);
		ax_npt_store(&slot[i++], b ^ change);
		ax_npt_store(&slot[i++], c ^ change);
		ax_npt_store(&slot[i++], d ^ change);
	}
	for (; i < count; i++) {
		uint64_t entry = ax_npt_load(&slot[i]);

		if (((entry ^ first) & not_address) != 0)
			break;
		ax_npt_store(&slot[i], entry ^ change);
	}
	return i;
}

/* The same for one leaf that hardware may write to at any time. Return: the bits that were flipped. */
static uint64_t change_racing(const struct ax_npt *npt, uint64_t *slot, uint64_t entry,
			      unsigned level, struct protection *protection)
{
	uint64_t change;

	do {
		change = change_of(npt, entry, level, protection);
	} while (!ax_npt_replace(slot, &entry, entry ^ change));
	return change;
}

/* Rewrite the leaves of one run. */
static size_t protect_run(const struct ax_npt_run *run, void *context)
{
	struct protection *protection = context;
	const struct ax_npt *npt = protection->npt;
	unsigned shift = ax_npt_shift(npt, run->level);
	size_t i = 0;

	while (i < run->count) {
		uint64_t entry = ax_npt_load(&run->slot[i]);
		uint64_t gpa = run->gpa + ((uint64_t)i << shift);
		size_t changed = 1;
		uint64_t change;

		if (entry == 0) {
			i++;
			continue;
		}
		if (ax_npt_leads(npt, entry, run->level))
			break;
		if (protection->racing) {
			change = change_racing(npt, &run->slot[i], entry, run->level, protection);
		} else {
			change = change_of(npt, entry, run->level, protection);
			changed = change_alike(npt, &run->slot[i], run->count - i, change);
		}
		/* What hardware does not see, whose memory it is, and what stays: nothing to flush. */
		if ((change & ~npt->format->kind_mask) != 0)
			ax_tlb_gather_add(protection->gather, gpa,
					  gpa + (((uint64_t)changed << shift) - 1), shift);
		i += changed;
	}
	return i;
}

bool ax_npt_protect(struct ax_npt *npt, uint64_t first, uint64_t last, ax_flags_t flags,
		    uint64_t attr, struct ax_tlb_gather *gather)
{
	struct protection protection = {
		.npt = npt,
		.attr = attr,
		.flags = flags,
		.racing = (npt->features & AX_NPT_FEATURE_ACCESSED_DIRTY) != 0,
		.gather = gather,
	};

	ax_npt_each_run(npt, first, last, protect_run, &protection);
	return protection.broken;
}

/* Let hardware see what of one run it does not see. */
static size_t reveal_run(const struct ax_npt_run *run, void *context)
{
	const struct ax_npt *npt = context;
	size_t i = 0;

	while (i < run->count) {
		uint64_t entry = ax_npt_load(&run->slot[i]);

		if (ax_npt_leads(npt, entry, run->level))
			break;
		if (entry == 0 || ax_npt_present(npt, entry))
			i++;
		else
			i += change_alike(npt, run->slot + i, run->count - i,
					  entry ^ ax_npt_show(npt, entry));
	}
	return i;
}

void ax_npt_reveal(const struct ax_npt *npt, uint64_t first, uint64_t last)
{
	ax_npt_each_run(npt, first, last, reveal_run, (void *)(uintptr_t)npt);
}
