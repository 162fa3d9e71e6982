/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reference walkers: what the hardware makes of a second-stage translation table.
 *
 * One walker for each table format, written from the architecture manuals and from nothing else, so
 * that it can judge tables built by code that it has never seen. It includes no header of the
 * library. It is slow, plain and without state: every call decodes the registers anew and reads the
 * entries through a callback.
 *
 * Manuals and how the comments name them:
 *   SDM   Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3C, chapter "VMX
 *         Support for Address Translation" (29 in recent editions, 28 in older ones)
 *   APM   AMD64 Architecture Programmer's Manual, volume 2, chapters 5 and 15.25
 *   ARM   Arm Architecture Reference Manual for A-profile (DDI 0487), chapter D8 and the registers
 *         VTCR_EL2 and VTTBR_EL2
 *   PRIV  The RISC-V Instruction Set Manual, volume II: Privileged Architecture, chapters
 *         "Supervisor-Level ISA" and "Hypervisor Extension"
 *
 * Levels are counted from the leaves: level 0 holds the smallest pages in every format. Arm's own
 * numbers are 3 minus this, RISC-V's are the same as this.
 *
 * Two kinds of rules exist: what the hardware checks, and what software must leave alone although
 * hardware looks away today (RES0, "should be cleared by software"). A judge of software enforces
 * both, and reports both as REF_FAULT_RESERVED. Set ref_cpu.lenient to see only the first kind.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

/** Most levels that any format has. */
#define REF_LEVELS_MAX 5

enum ref_format_id {
	REF_EPT,    /* Intel extended page tables; root = EPTP */
	REF_NPT,    /* AMD nested page tables in long mode; root = nCR3 */
	REF_STAGE2, /* Arm VMSAv8-64 stage 2; root = VTTBR_EL2, control = VTCR_EL2 */
	REF_GSTAGE, /* RISC-V G-stage, RV64; root = hgatp */
};

/**
 * struct ref_memory - Physical memory as the table walker sees it.
 * @read: Reads the 8 bytes at @hpa, which is a multiple of 8, in the host's byte order. Returns
 *        false where there is no memory: the walk then ends with REF_FAULT_BUS.
 * @context: Handed to @read.
 */
struct ref_memory {
	bool (*read)(void *context, uint64_t hpa, uint64_t *entry);
	void *context;
};

/**
 * struct ref_cpu - The CPU, its mode and its registers, that a walk is done for.
 * @format: Table format; selects the meaning of everything below.
 * @root: EPTP, nCR3, VTTBR_EL2 or hgatp, tag included.
 * @control: VTCR_EL2 for REF_STAGE2, else 0.
 * @levels: REF_NPT: 4 or 5, from the host's CR4.LA57. REF_EPT and REF_GSTAGE: the most levels that
 *          the CPU has, 0 for as many as there are. REF_STAGE2: not used.
 * @pa_bits: Physical address width: MAXPHYADDR, or Arm's PAMax (ID_AA64MMFR0_EL1.PARange).
 * @pat: REF_NPT: the host's IA32_PAT, by which nested tables select memory types; 0 stands for its
 *       reset value.
 * @lenient: Ignore what hardware ignores although the manual tells software to keep it clear.
 * @page_1g: REF_EPT, REF_NPT: 1 GiB pages.
 * @execute_only: REF_EPT: IA32_VMX_EPT_VPID_CAP bit 0.
 * @mode_based_execute: REF_EPT: the VM-execution control "mode-based execute control for EPT" is 1.
 * @no_execute: REF_NPT: host EFER.NXE is 1; without it bit 63 is reserved.
 * @accessed_dirty: REF_EPT: the CPU has the flags (EPTP bit 6 turns them on). REF_STAGE2:
 *                  FEAT_HAFDBS (VTCR_EL2.HA and HD turn them on). REF_GSTAGE: Svadu is active, so
 *                  that hardware sets A and D instead of faulting. REF_NPT always has them.
 * @xnx: REF_STAGE2: FEAT_XNX.
 * @force_write_back: REF_STAGE2: HCR_EL2.FWB is 1 (FEAT_S2FWB).
 * @lpa: REF_STAGE2: FEAT_LPA (52 bits with the 64K granule).
 * @lpa2: REF_STAGE2: FEAT_LPA2 for stage 2 (VTCR_EL2.DS).
 * @small_tables: REF_STAGE2: FEAT_TTST.
 * @vmid16: REF_STAGE2: FEAT_VMID16.
 * @cnp: REF_STAGE2: FEAT_TTCNP.
 * @bbm: REF_STAGE2: FEAT_BBM level 1 or more, which defines the nT bit of blocks.
 * @xs: REF_STAGE2: FEAT_XS, which defines the FnXS bit.
 * @granule_16k: REF_STAGE2: the granule can be used at stage 2.
 * @granule_64k: REF_STAGE2: the granule can be used at stage 2.
 * @svpbmt: REF_GSTAGE: Svpbmt is there and enabled (menvcfg.PBMTE).
 * @svnapot: REF_GSTAGE: Svnapot.
 * @mxr: REF_GSTAGE: HS-level sstatus.MXR is 1: what can be executed can be read.
 */
struct ref_cpu {
	enum ref_format_id format;
	uint64_t root;
	uint64_t control;
	unsigned levels;
	unsigned pa_bits;
	uint64_t pat;
	bool lenient;
	bool page_1g;
	bool execute_only;
	bool mode_based_execute;
	bool no_execute;
	bool accessed_dirty;
	bool xnx;
	bool force_write_back;
	bool lpa;
	bool lpa2;
	bool small_tables;
	bool vmid16;
	bool cnp;
	bool bbm;
	bool xs;
	bool granule_16k;
	bool granule_64k;
	bool svpbmt;
	bool svnapot;
	bool mxr;
};

enum ref_memory_type {
	/* x86: SDM "EPT and memory typing", APM 15.25.8 and 7.8 */
	REF_TYPE_UC,
	REF_TYPE_WC,
	REF_TYPE_WT,
	REF_TYPE_WP,
	REF_TYPE_WB,
	REF_TYPE_UC_MINUS, /* NPT only, by PAT */
	/* Arm: ARM D8.6 */
	REF_TYPE_DEVICE_nGnRnE,
	REF_TYPE_DEVICE_nGnRE,
	REF_TYPE_DEVICE_nGRE,
	REF_TYPE_DEVICE_GRE,
	REF_TYPE_NORMAL_NC,
	REF_TYPE_NORMAL_WT,
	REF_TYPE_NORMAL_WB,
	REF_TYPE_NORMAL_MIXED,  /* inner and outer cacheability differ */
	REF_TYPE_NORMAL_STAGE1, /* HCR_EL2.FWB: whatever stage 1 says */
	/* RISC-V: PRIV "Svpbmt" */
	REF_TYPE_PMA,
	REF_TYPE_NC,
	REF_TYPE_IO,
};

/** Shareability; REF_SHARE_NONE in the formats that have no such thing. */
enum ref_shareability {
	REF_SHARE_NONE,
	REF_SHARE_OUTER,
	REF_SHARE_INNER,
};

/** What is wrong with the registers. */
enum ref_root_error {
	REF_ROOT_OK,
	REF_ROOT_CPU,           /* the description of the CPU makes no sense */
	REF_ROOT_RESERVED,      /* a reserved bit or encoding */
	REF_ROOT_ALIGNMENT,     /* the root table is not aligned to its size */
	REF_ROOT_ADDRESS_WIDTH, /* the root table is beyond the physical address width */
	REF_ROOT_MODE,          /* hgatp.MODE: Bare, reserved, or not on this CPU */
	REF_ROOT_LEVELS,        /* EPTP walk length, or levels that the CPU has not */
	REF_ROOT_MEMORY_TYPE,   /* EPTP memory type */
	REF_ROOT_CAPABILITY,    /* asks for what the CPU has not */
	REF_ROOT_GRANULE,       /* VTCR_EL2.TG0 reserved or not on this CPU */
	REF_ROOT_INPUT_SIZE,    /* VTCR_EL2.T0SZ out of range */
	REF_ROOT_START_LEVEL,   /* VTCR_EL2.SL0/SL2 reserved, or not consistent with T0SZ */
	REF_ROOT_OUTPUT_SIZE,   /* VTCR_EL2.PS reserved */
};

/**
 * struct ref_root - What the registers say.
 * @table: Host physical address of the root table.
 * @size: Its bytes, all concatenated tables together.
 * @levels: Levels to walk, root included.
 * @gpa_bits: Width of the guest physical addresses that can be translated at all.
 * @hpa_bits: Width of the host physical addresses that entries may hold.
 * @page_shift: log2 of the smallest page: 12, 14 or 16.
 * @stride: Address bits that one level resolves, the root excepted: 9, 11 or 13.
 * @tag: VMID (stage 2, G-stage), else 0.
 * @type: Memory type of the walker's own accesses, where the registers say it.
 * @shareability: Of the walker's own accesses (stage 2).
 * @hardware_accessed: The walker sets accessed flags.
 * @hardware_dirty: The walker sets dirty flags.
 * @wide: Stage 2: VTCR_EL2.DS is in effect, descriptors hold address bits 51:50 in their bits 9:8.
 */
struct ref_root {
	uint64_t table;
	uint64_t size;
	unsigned levels;
	unsigned gpa_bits;
	unsigned hpa_bits;
	unsigned page_shift;
	unsigned stride;
	unsigned tag;
	enum ref_memory_type type;
	enum ref_shareability shareability;
	bool hardware_accessed;
	bool hardware_dirty;
	bool wide;
};

/**
 * ref_decode_root() - Check and decode the registers of a CPU.
 * @cpu: CPU with its registers.
 * @out: What they say; complete only when the result is REF_ROOT_OK. May be NULL.
 *
 * Checks alignment, width, mode, levels, start level against input size, memory type, reserved bits
 * and capabilities: whatever would make VM entry fail, be ignored or be misread by the hardware.
 *
 * Return: REF_ROOT_OK or the first thing found wrong.
 */
enum ref_root_error ref_decode_root(const struct ref_cpu *cpu, struct ref_root *out);

/**
 * struct ref_access - An access that needs translation.
 * @read: Data read.
 * @write: Data write.
 * @execute: Instruction fetch.
 * @user: Made in the guest's user mode (CPL 3, EL0, VU); matters for mode-based execute and XNX
 *        only.
 * @table_walk: Made by the walker for the guest's own tables. NPT treats it as a write, EPT too
 *              when accessed and dirty flags are on; the others take it as what @read and @write
 *              say.
 *
 * Several kinds at once must all be allowed; none at all asks only whether a valid leaf is there.
 */
struct ref_access {
	bool read;
	bool write;
	bool execute;
	bool user;
	bool table_walk;
};

enum ref_fault {
	REF_FAULT_NONE,
	REF_FAULT_ROOT,         /* the registers are wrong: see ref_result.root_error */
	REF_FAULT_GPA_WIDTH,    /* the GPA is wider than the tables translate */
	REF_FAULT_BUS,          /* an entry could not be read: a bad pointer or a bad root */
	REF_FAULT_TRANSLATION,  /* not present, or a descriptor type that the level does not have */
	REF_FAULT_RESERVED,     /* reserved bit or encoding; EPT misconfiguration; RSV of an #NPF */
	REF_FAULT_MISALIGNED,   /* RISC-V misaligned superpage */
	REF_FAULT_ADDRESS_SIZE, /* Arm: beyond the output size; RISC-V: an access fault */
	REF_FAULT_ACCESS_FLAG,  /* A or AF is 0 and hardware does not set it */
	REF_FAULT_DIRTY_FLAG, /* RISC-V: D is 0, the access is a write, hardware does not set it */
	REF_FAULT_PERMISSION,
};

/** Effective permissions: those of all levels together. */
struct ref_permissions {
	bool read;
	bool write;
	bool execute_kernel;
	bool execute_user;
};

/**
 * struct ref_leaf - A leaf entry.
 * @gpa: First guest byte that this one entry translates.
 * @hpa: Host byte behind it.
 * @size: Bytes that this one entry translates.
 * @group: Bytes of the block that a TLB may make one entry of because of Arm's contiguous bit or
 *         RISC-V's NAPOT bit; equal to @size without them. The block is aligned to its size.
 * @entry: The raw entry.
 * @entry_hpa: Where it is.
 * @level: 0 for the smallest page.
 * @permissions: Effective, all levels together.
 * @type: Memory type that this stage asks for.
 * @ignore_pat: EPT: the type is not combined with the guest's PAT.
 * @shareability: Stage 2. Device and Non-cacheable memory is outer shareable whatever the entry
 *                says.
 * @accessed: The accessed flag is set in the entry.
 * @dirty: The dirty flag is set in the entry (Arm: DBM and S2AP[1] are both 1).
 */
struct ref_leaf {
	uint64_t gpa;
	uint64_t hpa;
	uint64_t size;
	uint64_t group;
	uint64_t entry;
	uint64_t entry_hpa;
	unsigned level;
	struct ref_permissions permissions;
	enum ref_memory_type type;
	bool ignore_pat;
	enum ref_shareability shareability;
	bool accessed;
	bool dirty;
};

/** Bits that hardware sets in an entry when the access is made. */
struct ref_update {
	uint64_t entry_hpa;
	uint64_t bits;
};

/**
 * struct ref_result - Outcome of a walk.
 * @fault: REF_FAULT_NONE: translated.
 * @root_error: Reason for REF_FAULT_ROOT.
 * @level: Level of the leaf or of the fault; the root's for REF_FAULT_GPA_WIDTH.
 * @entry: Last entry read.
 * @entry_hpa: Where it is, or where reading failed.
 * @hpa: The host address of the very byte asked for. Valid without a fault.
 * @leaf: The leaf. Valid without a fault and for the faults ACCESS_FLAG, DIRTY_FLAG, PERMISSION.
 * @updates: Accessed and dirty flags that the access sets, root first. The walk itself writes
 *           nothing. Empty after a fault, although hardware may then have set accessed flags on its
 *           way.
 * @update_count: How many.
 */
struct ref_result {
	enum ref_fault fault;
	enum ref_root_error root_error;
	unsigned level;
	uint64_t entry;
	uint64_t entry_hpa;
	uint64_t hpa;
	struct ref_leaf leaf;
	struct ref_update updates[REF_LEVELS_MAX];
	unsigned update_count;
};

/**
 * ref_walk() - Translate one guest physical address as the hardware does.
 * @cpu: CPU with its registers.
 * @memory: Where the tables are.
 * @gpa: Any byte address.
 * @access: What is to be done there.
 * @out: The outcome, always filled.
 *
 * Every entry on the way is checked for everything that the manual reserves. Reads at most
 * REF_LEVELS_MAX entries, each once.
 *
 * Return: out->fault.
 */
enum ref_fault ref_walk(const struct ref_cpu *cpu, const struct ref_memory *memory, uint64_t gpa,
			const struct ref_access *access, struct ref_result *out);

/** A table that ref_scan() entered; @gpa is the first guest byte below it. */
struct ref_table {
	uint64_t hpa;
	uint64_t size;
	uint64_t gpa;
	unsigned level;
};

enum ref_problem_kind {
	REF_PROBLEM_MALFORMED,   /* an entry that faults whatever the access: see @fault */
	REF_PROBLEM_BUS,         /* a table cannot be read; the rest of it is skipped */
	REF_PROBLEM_SHARED,      /* a table that was reached before; not entered again */
	REF_PROBLEM_LOOP,        /* a table that is above itself; not entered again */
	REF_PROBLEM_EMPTY,       /* a table, not the root, without any present entry */
	REF_PROBLEM_GROUP,       /* a contiguous or NAPOT block whose entries do not agree */
	REF_PROBLEM_UNREACHABLE, /* present, but for addresses that no guest can have */
	REF_PROBLEM_LIMIT,       /* too many tables or no memory: the scan was cut short */
};

/**
 * struct ref_problem - Something wrong in the tree.
 * @kind: What.
 * @fault: What an access would get, for MALFORMED; else REF_FAULT_NONE.
 * @hpa: The entry's own address; for EMPTY the address of the table.
 * @entry: The raw entry; 0 for EMPTY, BUS and LIMIT.
 * @gpa: First guest address concerned.
 * @level: Level of the entry; for EMPTY that of the table.
 */
struct ref_problem {
	enum ref_problem_kind kind;
	enum ref_fault fault;
	uint64_t hpa;
	uint64_t entry;
	uint64_t gpa;
	unsigned level;
};

/** Callbacks of a scan, each of which may be NULL. What they are handed ends with the call. */
struct ref_visitor {
	void (*leaf)(void *context, const struct ref_leaf *leaf);
	void (*table)(void *context, const struct ref_table *table);
	void (*problem)(void *context, const struct ref_problem *problem);
	void *context;
};

/**
 * struct ref_summary - Counts of a scan.
 * @root_error: Not REF_ROOT_OK: nothing was scanned.
 * @leaves: Leaf entries, each slot of a contiguous or NAPOT block by itself.
 * @leaves_at: The same by level.
 * @mapped: Bytes mapped.
 * @tables: Tables, root and unreadable ones included (a concatenated root counts once).
 * @table_bytes: Their bytes.
 * @invalid_nonzero: Entries not present to hardware yet not zero: allowed, software's own use.
 * @malformed: As REF_PROBLEM_MALFORMED, and so on.
 * @problems: All problems together.
 */
struct ref_summary {
	enum ref_root_error root_error;
	uint64_t leaves;
	uint64_t leaves_at[REF_LEVELS_MAX];
	uint64_t mapped;
	uint64_t tables;
	uint64_t table_bytes;
	uint64_t invalid_nonzero;
	uint64_t malformed;
	uint64_t bus;
	uint64_t shared;
	uint64_t loops;
	uint64_t empty;
	uint64_t groups;
	uint64_t unreachable;
	uint64_t limits;
	uint64_t problems;
};

/**
 * ref_scan() - Enumerate a whole tree.
 * @cpu: CPU with its registers.
 * @memory: Where the tables are.
 * @visitor: What to tell, may be NULL.
 * @out: Counts, may be NULL.
 *
 * Leaves come in ascending order of GPA; a table comes before what is in it. Every entry of every
 * table is decoded once, no table is entered twice, so it ends whatever the memory holds.
 *
 * Return: true when the registers are right and no problem was found.
 */
bool ref_scan(const struct ref_cpu *cpu, const struct ref_memory *memory,
	      const struct ref_visitor *visitor, struct ref_summary *out);

/** Names for messages; never NULL. */
const char *ref_fault_name(enum ref_fault fault);
const char *ref_root_error_name(enum ref_root_error error);
const char *ref_problem_name(enum ref_problem_kind kind);

#endif
