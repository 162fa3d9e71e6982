/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry of the guest, in VS-mode with translation off: the vCPU's number in a0, which tp keeps, and
 * in a1 how many levels its own tables are to have, 3, 4 or 5.
 *
 * Manual: RISC-V privileged architecture, "Sv39: Page-Based 39-bit Virtual-Memory System", and what
 * the sections on Sv48 and Sv57 add to it.
 */
#include "abi.h"

#define VALID		(1 << 0)
#define READ		(1 << 1)
#define WRITE		(1 << 2)
#define EXECUTE		(1 << 3)
#define ACCESSED	(1 << 6)
#define DIRTY		(1 << 7)
#define DEVICE		(VALID | READ | WRITE | ACCESSED | DIRTY)
#define RAM		(VALID | READ | WRITE | EXECUTE | ACCESSED | DIRTY)

#define SATP_MODE_SHIFT	60		/* satp: MODE[63:60], PPN[43:0] */
#define SATP_SV39	8		/* of three levels; each level more is one more */
#define STACK_SIZE	0x4000		/* guest.lds.S has room for one for each vCPU */

/* 1 GiB each: the root of three levels. An entry has the address's bits 55:12 in its bits 53:10. */
	.data
	.balign	4096
table:
	.quad	0x00000000 >> 2 | DEVICE
	.quad	0
	.quad	0x80000000 >> 2 | RAM
	.zero	509 * 8
	.set	window_entry_offset, 8 * 8	/* 8 GiB: the window */

	.global	window_directory
window_directory:				/* 2 MiB each */
	.zero	4096

upper_tables:					/* above `table`: only the first entry of each is used */
	.zero	2 * 4096

bss_is_clear:					/* by vCPU 0, which vCPU 1 waits for */
	.word	0

/* The entry at \at leads to \table, whose register is kept. */
	.macro	link_table table at
	srli	t5, \table, 2
	ori	t5, t5, VALID
	sd	t5, (\at)
	.endm

	.section .text.start, "ax"
	.global	_start
_start:
	mv	tp, a0
	la	t0, vectors
	csrw	stvec, t0
	csrw	sscratch, zero			/* an abort is a mistake */

	/* Both vCPUs write the same tables. */
	la	t0, window_directory
	la	t1, table
	addi	t2, t1, window_entry_offset
	link_table t0, t2
	la	t2, upper_tables
	li	t3, 4096
	addi	t4, a1, -3
1:	beqz	t4, 2f
	link_table t1, t2
	mv	t1, t2				/* the root now */
	add	t2, t2, t3
	addi	t4, t4, -1
	j	1b
2:	addi	t0, a1, SATP_SV39 - 3
	slli	t0, t0, SATP_MODE_SHIFT
	srli	t1, t1, 12
	or	t0, t0, t1
	csrw	satp, t0
	sfence.vma

	la	sp, stack_top
	li	t0, STACK_SIZE
	mul	t0, t0, tp
	sub	sp, sp, t0
	la	t2, bss_is_clear
	bnez	tp, 3f
	la	t0, bss_start
	la	t1, bss_end
1:	bgeu	t0, t1, 2f
	sd	zero, (t0)
	addi	t0, t0, 8
	j	1b
2:	li	t0, 1
	fence	rw, w
	sw	t0, (t2)
3:	lw	t0, (t2)
	beqz	t0, 3b
	fence	r, rw
	mv	a0, tp
	tail	guest_main

/* Exceptions and interrupts. Only what C code may change has to be kept. */
	.macro	caller_saved op
	\op	ra, 0(sp)
	\op	t0, 8(sp)
	\op	t1, 16(sp)
	\op	t2, 24(sp)
	\op	t3, 32(sp)
	\op	t4, 40(sp)
	\op	t5, 48(sp)
	\op	t6, 56(sp)
	\op	a0, 64(sp)
	\op	a1, 72(sp)
	\op	a2, 80(sp)
	\op	a3, 88(sp)
	\op	a4, 96(sp)
	\op	a5, 104(sp)
	\op	a6, 112(sp)
	\op	a7, 120(sp)
	.endm

	.text
	.balign	4				/* stvec[1:0] = 0: all traps come here */
vectors:
	addi	sp, sp, -128
	caller_saved sd
	call	guest_trap
	caller_saved ld
	addi	sp, sp, 128
	sret

/*
 * The accesses that may abort. sscratch tells the handler where to go on; 0: the abort is a
 * mistake.
 */
	.macro	recover_at label
	la	t0, \label
	csrw	sscratch, t0
	.endm

	.macro	recover_nowhere
	csrw	sscratch, zero
	.endm

	.global	try_load			/* (address, value *) */
try_load:
	recover_at 1f
	ld	t1, (a0)
	sd	t1, (a1)
	li	a0, 1
	j	2f
1:	li	a0, 0
2:	recover_nowhere
	ret

	.global	try_store			/* (address, value) */
try_store:
	recover_at 1f
	sd	a1, (a0)
	li	a0, 1
	j	2f
1:	li	a0, 0
2:	recover_nowhere
	ret

/* FENCE.I: the code may be new, written by another hart or by the hypervisor. */
	.global	try_call			/* (address, result *) */
try_call:
	fence.i
	addi	sp, sp, -16
	sd	ra, 0(sp)
	sd	a1, 8(sp)
	recover_at 1f
	jalr	a0
	ld	a1, 8(sp)
	sd	a0, (a1)
	li	a0, 1
	j	2f
1:	li	a0, 0
2:	recover_nowhere
	ld	ra, 0(sp)
	addi	sp, sp, 16
	ret
