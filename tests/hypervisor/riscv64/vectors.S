/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world switch, and the traps that are its way back (RISC-V privileged architecture,
 * "Hypervisor Extension", "Traps").
 *
 * To C it looks like a function: vcpu_enter() returns when the guest has left. While the guest
 * runs, the hypervisor's callee-saved registers lie on its stack, sscratch points to the vCPU, and
 * stvec to the way back.
 */
#include "vcpu_arch.h"

	.text

	.macro	callee_saved op
	\op	ra, 0(sp)
	\op	s0, 8(sp)
	\op	s1, 16(sp)
	\op	s2, 24(sp)
	\op	s3, 32(sp)
	\op	s4, 40(sp)
	\op	s5, 48(sp)
	\op	s6, 56(sp)
	\op	s7, 64(sp)
	\op	s8, 72(sp)
	\op	s9, 80(sp)
	\op	s10, 88(sp)
	\op	s11, 96(sp)
	\op	tp, 104(sp)
	.endm

/* All of the guest's registers but a0 (x10), which points to the vCPU. */
	.macro	guest_registers op
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20
	\op	x\n, VCPU_X(\n)(a0)
	.endr
	.irp	n, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\op	x\n, VCPU_X(\n)(a0)
	.endr
	.endm

/* void vcpu_enter(struct vcpu *vcpu) */
	.global	vcpu_enter
vcpu_enter:
	addi	sp, sp, -112
	callee_saved sd
	sd	sp, VCPU_HOST_SP(a0)
	csrw	sscratch, a0
	la	t0, vcpu_leave
	csrw	stvec, t0

	ld	t0, VCPU_PC(a0)
	csrw	sepc, t0
	ld	t0, VCPU_SSTATUS(a0)
	csrw	sstatus, t0
	ld	t0, VCPU_HSTATUS(a0)
	csrw	hstatus, t0
	guest_registers ld
	ld	a0, VCPU_X(10)(a0)
	sret

	.balign	4				/* stvec[1:0] = 0: all traps come here */
vcpu_leave:
	csrrw	a0, sscratch, a0
	guest_registers sd
	csrr	t0, sscratch
	sd	t0, VCPU_X(10)(a0)
	csrr	t0, sepc
	sd	t0, VCPU_PC(a0)
	csrr	t0, sstatus
	sd	t0, VCPU_SSTATUS(a0)
	csrr	t0, hstatus
	sd	t0, VCPU_HSTATUS(a0)

	la	t0, hypervisor_trap
	csrw	stvec, t0
	ld	sp, VCPU_HOST_SP(a0)
	callee_saved ld
	addi	sp, sp, 112
	ret

/* The hypervisor masks interrupts and has no traps of its own: one that comes is a mistake. */
	.balign	4
	.global	hypervisor_trap
hypervisor_trap:
	csrr	a0, scause
	csrr	a1, sepc
	csrr	a2, stval
	j	hypervisor_exception

/*
 * bool fetch_parcel(uint64_t address, uint16_t *parcel): 16 bits of the guest's code, with the
 * guest's rights to execute. False: it cannot be fetched (any more).
 *
 * HLVX.HU by its number, since not all assemblers know the extension ("Hypervisor Virtual-Machine
 * Load and Store Instructions"): opcode SYSTEM, funct3 4, funct7 0x32, rs2 3. Whether as VS or as
 * VU says hstatus.SPVP, which the guest's trap has set. A trap of it changes scause and its like,
 * sepc, sstatus and hstatus, but not SPVP.
 */
	.global	fetch_parcel
fetch_parcel:
	la	t0, 1f
	csrrw	t1, stvec, t0
	.insn	r 0x73, 4, 0x32, t2, a0, x3	/* hlvx.hu t2, (a0) */
	csrw	stvec, t1
	sh	t2, (a1)
	li	a0, 1
	ret
	.balign	4
1:	csrw	stvec, t1
	li	a0, 0
	ret
