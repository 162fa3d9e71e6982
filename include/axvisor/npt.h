/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: nested page tables
 *
 * The second-stage page table by itself: what its format is, what it maps, how it looks. It is made
 * and changed through <axvisor/addrspace.h> alone.
 *
 * Level 0 is the level of pages on every architecture here; the root is at level `levels` - 1.
 * (Intel and AMD number their tables from 1 = pages, Arm counts from the root down to 3 = pages,
 * RISC-V from 0 = pages.)
 */
#ifndef AXVISOR_NPT_H
#define AXVISOR_NPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <axvisor/addr.h>
#include <axvisor/error.h>
#include <axvisor/flags.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * enum ax_npt_format_id - The table formats.
 * @AX_NPT_DEFAULT: What this CPU has. In the host build there is none: name one.
 * @AX_NPT_EPT: Intel extended page tables.
 * @AX_NPT_AMD: AMD nested page tables.
 * @AX_NPT_STAGE2: AArch64 stage 2 translation, VMSAv8-64, 4 KiB granule.
 * @AX_NPT_GSTAGE: RISC-V G-stage translation, Sv39x4, Sv48x4 and Sv57x4.
 */
enum ax_npt_format_id {
	AX_NPT_DEFAULT,
	AX_NPT_EPT,
	AX_NPT_AMD,
	AX_NPT_STAGE2,
	AX_NPT_GSTAGE,
};

/** AX_NPT_LEVELS_MAX - Levels of the deepest table of any format. */
#define AX_NPT_LEVELS_MAX 5u

/*
 * Features of a format. Those marked (asked) change what flags mean or how entries look at rest, or
 * cannot be found out: they are on only when the configuration names them. The others are on by
 * default where the CPU has them.
 */

/** AX_NPT_FEATURE_1G - x86: pages of 1 GiB. The other formats always have them. */
#define AX_NPT_FEATURE_1G 0x1ull
/** AX_NPT_FEATURE_EXECUTE_ONLY - EPT: execute without read can be expressed. */
#define AX_NPT_FEATURE_EXECUTE_ONLY 0x2ull
/** AX_NPT_FEATURE_MODE_BASED_EXECUTE - EPT (asked): execute for kernel and user apart. */
#define AX_NPT_FEATURE_MODE_BASED_EXECUTE 0x4ull
/**
 * AX_NPT_FEATURE_ACCESSED_DIRTY - (asked) Entries start clean, and the hardware records accesses and
 * writes in them: EPTP bit 6, VTCR_EL2.HA and .HD, Svadu. Without it entries start as accessed and
 * dirty wherever the format has such bits, so that hardware never needs to write. A protect keeps what
 * hardware set, but for the dirty state of stage 2, which is a permission there and starts anew.
 */
#define AX_NPT_FEATURE_ACCESSED_DIRTY 0x8ull
/** AX_NPT_FEATURE_XNX - Stage 2 (asked): execute for EL1 and EL0 apart, FEAT_XNX. */
#define AX_NPT_FEATURE_XNX 0x10ull
/** AX_NPT_FEATURE_CONTIGUOUS - Stage 2: contiguous hint. No release uses it so far: refused. */
#define AX_NPT_FEATURE_CONTIGUOUS 0x20ull
/**
 * AX_NPT_FEATURE_SVPBMT - G-stage (asked): page-based memory types. No register tells for sure that the
 * hart has them; the port may know. Refused where the hart is known not to.
 */
#define AX_NPT_FEATURE_SVPBMT 0x40ull
/** AX_NPT_FEATURE_SVNAPOT - G-stage: NAPOT pages. No release uses it so far: refused. */
#define AX_NPT_FEATURE_SVNAPOT 0x80ull
/**
 * AX_NPT_FEATURE_SVVPTC - G-stage (asked): invalid entries are not cached for ever, so that a new
 * mapping needs no fence. Nothing tells that the hart has it; the port may know.
 */
#define AX_NPT_FEATURE_SVVPTC 0x100ull

/** ax_npt_features_all() - Every feature bit above, for bindings. */
uint64_t ax_npt_features_all(void);

/**
 * struct ax_npt_registers - The values that make a CPU walk a table.
 * @root: EPTP | nCR3 | VTTBR_EL2 | hgatp, tag included where the register has one.
 * @control: VTCR_EL2; 0 on the other formats.
 */
struct ax_npt_registers {
	uint64_t root;
	uint64_t control;
};

/**
 * struct ax_npt_capabilities - What a format can on this CPU; in the host build, what the format can.
 * @format: The format that this is about.
 * @levels_min: Fewest levels.
 * @levels_max: Most levels.
 * @levels_default: What a configuration with neither levels nor gpa_bits gets.
 * @gpa_bits: Widest guest physical address, for @levels_max.
 * @hpa_bits: Widest host physical address.
 * @tag_bits: Width of the VMID, ASID or VPID.
 * @broadcast: Invalidations reach every CPU by themselves.
 * @features: What a configuration may ask for.
 * @features_default: What a configuration with no features gets.
 */
struct ax_npt_capabilities {
	enum ax_npt_format_id format;
	unsigned levels_min;
	unsigned levels_max;
	unsigned levels_default;
	unsigned gpa_bits;
	unsigned hpa_bits;
	unsigned tag_bits;
	bool broadcast;
	uint64_t features;
	uint64_t features_default;
};

/**
 * ax_npt_capabilities() - What this CPU can.
 * @format: A format, or AX_NPT_DEFAULT for this CPU's own.
 * @out: Filled on AX_OK, else untouched.
 *
 * Context: any; on a target, at the hypervisor's privilege (it reads ID registers).
 * Return: AX_OK; AX_EINVAL for a @format that is none, or no @out; AX_ENOTSUP when this CPU does not
 * have the format, or in the host build for AX_NPT_DEFAULT.
 */
AX_MUST_CHECK ax_error_t ax_npt_capabilities(enum ax_npt_format_id format,
					     struct ax_npt_capabilities *out);

/**
 * ax_npt_format_name() - "EPT", "NPT", "stage 2", "G-stage", or "?".
 * @format: Any value.
 *
 * Context: any.
 */
const char *ax_npt_format_name(enum ax_npt_format_id format);

/**
 * struct ax_npt_mapping - A leaf entry, decoded, or a run of leaf entries that continue one another.
 * @gpa: First guest byte.
 * @hpa: First host byte.
 * @size: Bytes.
 * @page_size: Bytes of the leaf entries that map it.
 * @level: Their level.
 * @flags: What the entries let the guest do, and the memory type. AX_USER is set where the guest's
 *	user mode may use them, which is everywhere but in tables with a feature that restricts it.
 * @owned: The frames go back to the port when the mapping goes.
 */
struct ax_npt_mapping {
	ax_gpa_t gpa;
	ax_hpa_t hpa;
	uint64_t size;
	uint64_t page_size;
	unsigned level;
	ax_flags_t flags;
	bool owned;
};

struct ax_npt_format;

/**
 * struct ax_npt - A second-stage page table.
 *
 * The caller's memory as part of a struct ax_addrspace. Every member is private.
 */
struct ax_npt {
	/* private: */
	const struct ax_npt_format *format;
	uint64_t *root;
	uint64_t root_hpa;
	uint64_t table;   /* bits of an entry that leads to a table */
	uint64_t present; /* hardware sees an entry that has any of these */
	uint64_t features;
	uint64_t address_mask;  /* the format's */
	uint64_t unfit;         /* bits that the address of a page cannot have */
	uint64_t direct_offset; /* virtual minus physical, with direct_map */
	uint64_t generation;    /* counts invalidations */
	uint64_t table_frames;  /* less what faults of a space with a guard changed */
	uint64_t owned_frames;  /* likewise */
	uint64_t splits;
	uint64_t flushes;
	uint32_t tag;
	uint8_t levels;
	uint8_t leaf_level_max;
	uint8_t gpa_bits;
	uint8_t hpa_bits;
	uint8_t root_bits;     /* index bits of the root */
	uint8_t reach_levels;  /* levels, where src/npt_descend.h can; else 0 */
	uint8_t address_shift; /* the format's */
	uint8_t lead;          /* low byte of an entry that leads to a table, and of no other */
	bool direct_map;
	bool fence; /* new entries need more than a barrier: hardware may remember them as invalid */
	bool remote;    /* flushes have to be carried to other CPUs by the port */
	uint64_t below; /* with direct_map: where a table is, less the entry that leads there */
};

/**
 * ax_npt_query() - The leaf entry that maps a guest address, or the hole that it is in.
 * @npt: Table of a live address space.
 * @gpa: Any value.
 * @out: On AX_OK the whole leaf: @out->gpa is its first byte, not @gpa. On AX_ENOENT for an address
 *	that the table reaches, the hole: all that the entry where the walk ends would map, with its
 *	level; @out->hpa is 0, @out->flags too, @out->owned false. Else untouched.
 *
 * The level of a hole is the one that the hardware reports for a fault there.
 *
 * Takes no guard: it may run beside faults, but not beside a call that unmaps
 * (ax_addrspace_query() may).
 *
 * Context: any, see above.
 * Return: AX_OK; AX_ENOENT when not mapped; AX_EINVAL for a null pointer.
 */
AX_MUST_CHECK ax_error_t ax_npt_query(const struct ax_npt *npt, ax_gpa_t gpa,
				      struct ax_npt_mapping *out);

/**
 * ax_npt_next() - The first leaf entry that maps a byte at or above an address.
 * @npt: Table of a live address space.
 * @from: Any value.
 * @out: The whole leaf on AX_OK, else untouched. It may begin below @from.
 *
 * Context: as ax_npt_query(). Its cost is that of a walk and does not grow with what lies between.
 * Return: AX_OK; AX_ENOENT when nothing is mapped there or above; AX_EINVAL for a null pointer.
 */
AX_MUST_CHECK ax_error_t ax_npt_next(const struct ax_npt *npt, ax_gpa_t from,
				     struct ax_npt_mapping *out);

/**
 * typedef ax_print_t - Where a dump goes.
 * @context: What the caller of the dump gave.
 * @text: A piece of a line, NUL terminated; "\n" ends a line. Valid during the call.
 *
 * It must not change the address space that is being dumped.
 */
typedef void (*ax_print_t)(void *context, const char *text);

/**
 * ax_npt_dump() - Print what a table maps.
 * @npt: Table of a live address space.
 * @print: Gets the text.
 * @context: Handed to @print.
 *
 * One line for each run of leaf entries of one size, permission and memory type; the host address
 * stands there when the run is contiguous in host memory. A null @npt or @print prints nothing.
 *
 * Context: as ax_npt_query().
 */
void ax_npt_dump(const struct ax_npt *npt, ax_print_t print, void *context);

#ifdef __cplusplus
}
#endif

#endif /* AXVISOR_NPT_H */
