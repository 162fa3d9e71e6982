/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RISC-V guest-page faults: a pure function, in every build.
 *
 * Sources: RISC-V privileged architecture, "Hypervisor Extension": "Trap Cause Codes", "Hypervisor
 * Trap Value (htval) Register", "Transformed Instruction or Pseudoinstruction for mtinst or
 * htinst".
 */
#include <stdbool.h>
#include <stddef.h>

#include <axvisor/fault.h>

#define CAUSE_INSTRUCTION UINT64_C(20)
#define CAUSE_LOAD        UINT64_C(21)
#define CAUSE_STORE       UINT64_C(23)

/* Pseudoinstructions: a read or a write of a VS-stage table with entries of 32 or 64 bits. Hardware
 * has to write one of the four for a fault of a walk whenever it tells the address. */
#define HTINST_WALK       UINT64_C(0x2000) /* a read of 32 bits; with these bits */
#define HTINST_WALK_WRITE UINT64_C(0x0020) /* a write */
#define HTINST_WALK_64    UINT64_C(0x1000) /* of 64 bits */

/* A transformed standard instruction keeps its opcode; SC is the one that only stores. */
#define OPCODE(inst) ((inst)&0x7f)
#define FUNCT5(inst) ((inst) >> 27 & 0x1f)
#define OPCODE_AMO   0x2fu
#define FUNCT5_SC    0x03u

#define HTVAL_SHIFT 2
#define HTVAL_MAX   (UINT64_MAX >> HTVAL_SHIFT)

static bool is_walk(uint64_t htinst)
{
	return (htinst & ~(HTINST_WALK_WRITE | HTINST_WALK_64)) == HTINST_WALK;
}

/* Of a walk the cause tells what it was for, not what it did. */
static ax_flags_t walk_access(uint64_t htinst)
{
	return htinst & HTINST_WALK_WRITE ? AX_WRITE : AX_READ;
}

/* AMO and SC fault as stores do; without htinst a store is all that is known. */
static ax_flags_t store_access(uint64_t htinst)
{
	if (OPCODE(htinst) == OPCODE_AMO && FUNCT5(htinst) != FUNCT5_SC)
		return AX_READ | AX_WRITE;
	return AX_WRITE;
}

static ax_flags_t cause_access(uint64_t scause, uint64_t htinst)
{
	switch (scause) {
	case CAUSE_INSTRUCTION:
		return AX_EXECUTE;
	case CAUSE_LOAD:
		return AX_READ;
	case CAUSE_STORE:
		return store_access(htinst);
	default:
		return 0;
	}
}

ax_error_t ax_npt_fault_from_gstage(uint64_t scause, uint64_t htval, uint64_t stval,
				    uint64_t htinst, struct ax_npt_fault *out)
{
	ax_flags_t access = cause_access(scause, htinst);
	bool walk = is_walk(htinst);

	if (!out)
		return AX_EINVAL;
	if (!access || htval > HTVAL_MAX)
		return AX_ENOENT;
	out->access = walk ? walk_access(htinst) : access;
	/* The two lowest bits are the virtual address's, and zero for the entries that a walk
	 * reads. */
	out->addr = ax_gpa(htval << HTVAL_SHIFT | (walk ? 0 : stval & 3));
	return AX_OK;
}
