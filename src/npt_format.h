/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: a table format as data
 *
 * What the one walker needs to know of a second-stage table format. Everything that differs between
 * Intel, AMD, Arm and RISC-V is in a struct ax_npt_format, in arch/; no code in src/ asks which it is.
 *
 * Glossary
 *   entry     64 bits of a table. Zero: nothing there, and nobody is about to put something there.
 *   leaf      an entry that maps a page: a page (level 0) or a huge page (level 1 and up).
 *   table     an entry that leads to a table of the next lower level; also that table.
 *   level     0 holds pages. The manuals number otherwise; each format file says how.
 *   attr      the bits of an entry that are neither its address nor its type: permissions, memory
 *             type, accessed and dirty bits, the library's kind.
 *   kind      two bits that hardware ignores, by which a leaf says whose its memory is.
 *   state     two bits of an entry that hardware does not see, by which it says why.
 *   present   the bits of which any makes hardware see an entry. One valid bit on most formats, the
 *             permissions themselves on EPT.
 */
#ifndef AX_SRC_NPT_FORMAT_H
#define AX_SRC_NPT_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include <axvisor/npt.h>

#pragma GCC visibility push(hidden)

/**
 * enum ax_npt_kind - Whose memory a leaf maps.
 * @AX_NPT_FOREIGN: The caller's: linear regions, backends.
 * @AX_NPT_OWNED: A frame of the space's own; goes back to the port by itself.
 * @AX_NPT_BLOCK: A piece of a contiguous block of the space's own, which has the size and alignment of
 *	a level-1 page, in guest and host addresses. It goes back when its last piece went.
 * @AX_NPT_DEVICE: The caller's, and device memory: formats without a device type need to be told.
 */
enum ax_npt_kind {
	AX_NPT_FOREIGN,
	AX_NPT_OWNED,
	AX_NPT_BLOCK,
	AX_NPT_DEVICE,
};

/**
 * enum ax_npt_state - Why hardware does not see an entry that is not zero.
 * @AX_NPT_STAGED: It is about to be entered: not mapped yet.
 * @AX_NPT_BROKEN: Break-before-make is under way: software treats it as mapped.
 * @AX_NPT_DEAD: It is about to be freed: not mapped any more.
 */
enum ax_npt_state {
	AX_NPT_STAGED = 1,
	AX_NPT_BROKEN = 2,
	AX_NPT_DEAD = 3,
};

/* Bits 57 and 58 of an entry that hardware does not see are free in all four formats, and are no part
 * of what the library saves there (see hide_shift). */
#define AX_NPT_STATE_SHIFT 57u
#define AX_NPT_STATE_MASK  (UINT64_C(3) << AX_NPT_STATE_SHIFT)

/**
 * struct ax_npt_format - One table format.
 * @name: For dumps.
 * @id: Its public number.
 * @page_shift: log2 of the page size; a table other than the root is a page.
 * @index_bits: log2 of the entries of a table other than the root.
 * @levels_min: Fewest levels.
 * @levels_max: Most levels.
 * @levels_default: Levels of a configuration that names neither levels nor gpa_bits.
 * @leaf_level_max: Highest level that can hold a leaf (without feature_1g, below).
 * @gpa_bits_min: Narrowest guest physical address that the registers can say.
 * @gpa_bits_max: Widest.
 * @hpa_bits_max: Widest host physical address of an entry.
 * @tag_bits: Width of the tag.
 * @root_extra_bits: Index bits that the root always has beyond index_bits (RISC-V x4: 2).
 * @root_concat_bits: Index bits that the root may have beyond index_bits, by concatenation (Arm: 4).
 * @gpa_bits_sets_root: The root is indexed by exactly gpa_bits (Arm); else by all its bits, and a
 *	narrower gpa_bits only limits the space.
 * @break_before_make: A live entry must not be replaced by another live one when its output address,
 *	size or memory type changes.
 * @caches_invalid: Hardware may remember that an entry was invalid (RISC-V without Svvptc).
 * @broadcast: Invalidation instructions reach every CPU.
 * @features: Features that the format has.
 * @features_asked: Those that are on only when asked for.
 * @feature_1g: Without this feature leaf_level_max is 1 less; 0: no such feature.
 * @feature_present: With this feature @present_extra counts in @present and in @table.
 * @address_mask: The bits of an entry that hold its address.
 * @address_shift: Entry bits = address >> this.
 * @present: Any of these makes hardware see an entry.
 * @present_extra: See feature_present.
 * @type_mask: On level 1 and up (entry & type_mask) == type_table says table.
 * @type_table: See type_mask.
 * @table: Bits of an entry that leads to a table, beside its address: all of them, since what hardware could
 *	set there is set from the start. The low byte is that of no leaf above level 0 and of no entry that
 *	hardware does not see.
 * @leaf: Type bits of a leaf, [0] on level 0 and [1] above; no part of an attr.
 * @hardware_sets: Bits that hardware may set in a live leaf (accessed, dirty), kept by protect.
 * @hide_shift: (entry & present) << this are bits that are free in an entry hardware does not see.
 * @kind_mask: The two bits of the kind.
 * @kind: Their values, by enum ax_npt_kind; [AX_NPT_FOREIGN] is 0.
 * @encode: Flags to attr. Gets valid flags with a permission; refuses with AX_ENOTSUP what the format
 *	or the features cannot express. Sets the kind for AX_DEVICE, and no other.
 * @decode: Entry of a leaf to flags; exact for all that encode makes. AX_USER wherever the guest's
 *	user mode may use the page.
 * @registers: What to load for a table. Pure.
 */
struct ax_npt_format {
	const char *name;
	enum ax_npt_format_id id;

	uint8_t page_shift;
	uint8_t index_bits;
	uint8_t levels_min;
	uint8_t levels_max;
	uint8_t levels_default;
	uint8_t leaf_level_max;
	uint8_t gpa_bits_min;
	uint8_t gpa_bits_max;
	uint8_t hpa_bits_max;
	uint8_t tag_bits;
	uint8_t root_extra_bits;
	uint8_t root_concat_bits;
	bool gpa_bits_sets_root;
	bool break_before_make;
	bool caches_invalid;
	bool broadcast;

	uint64_t features;
	uint64_t features_asked;
	uint64_t feature_1g;
	uint64_t feature_present;

	uint64_t address_mask;
	unsigned address_shift;
	uint64_t present;
	uint64_t present_extra;
	uint64_t type_mask;
	uint64_t type_table;
	uint64_t table;
	uint64_t leaf[2];
	uint64_t hardware_sets;
	unsigned hide_shift;
	uint64_t kind_mask;
	uint64_t kind[4];

	ax_error_t (*encode)(uint64_t features, ax_flags_t flags, uint64_t *attr);
	ax_flags_t (*decode)(uint64_t features, uint64_t entry);
	void (*registers)(const struct ax_npt *npt, struct ax_npt_registers *out);
};

/* The formats of arch/. A target build holds those of its own architecture, the host build all. */
extern const struct ax_npt_format ax_npt_format_ept;
extern const struct ax_npt_format ax_npt_format_amd;
extern const struct ax_npt_format ax_npt_format_stage2;
extern const struct ax_npt_format ax_npt_format_gstage;

/**
 * ax_npt_format_find() - The format of a number, when this build has it.
 * @id: Any value but AX_NPT_DEFAULT.
 *
 * Return: the format or NULL. Defined by each architecture's caps.c, and by host_caps.c.
 */
const struct ax_npt_format *ax_npt_format_find(enum ax_npt_format_id id);

/**
 * ax_npt_format_capabilities() - What a format can by itself, on a CPU that has all of it.
 * @format: The format.
 * @out: Filled; features_default is what need not be asked for.
 */
void ax_npt_format_capabilities(const struct ax_npt_format *format,
				struct ax_npt_capabilities *out);

#pragma GCC visibility pop

#endif /* AX_SRC_NPT_FORMAT_H */
