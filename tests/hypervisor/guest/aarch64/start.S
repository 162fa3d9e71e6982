/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry of the guest, at EL1 with MMU and caches off. The tables are part of the image, so that the
 * MMU is on before the first store: what is written with caches off and read with caches on needs
 * cache maintenance. See the hypervisor's start.S for the bits of a descriptor.
 */
#include "abi.h"

#define BLOCK		0x1
#define TABLE		0x3
#define ATTR_DEVICE	(0 << 2)
#define ATTR_NORMAL	(1 << 2)
#define INNER_SHAREABLE	(3 << 8)
#define ACCESSED	(1 << 10)
#define EXECUTE_NEVER	(1 << 53)	/* PXN: not at EL1; UXN[54] does not matter here */

	.data
	.balign	4096
table:						/* level 1, 1 GiB each */
	.quad	0x00000000 | BLOCK | ATTR_DEVICE | ACCESSED | EXECUTE_NEVER
	.quad	0
	.quad	0x80000000 | BLOCK | ATTR_NORMAL | INNER_SHAREABLE | ACCESSED
	.quad	0, 0, 0, 0, 0
	.quad	window_directory + TABLE	/* 8 GiB: the window */
	.zero	503 * 8

	.global	window_directory
window_directory:				/* level 2, 2 MiB each */
	.zero	4096

#define MAIR		0xff04

/*
 * TCR_EL1: IPS[34:32] as ID_AA64MMFR0_EL1.PARange, at most 5 for 48 bits, EPD1[23] no walks by TTBR1_EL1, SH0[13:12] = 3,
 * ORGN0[11:10] = IRGN0[9:8] = 1, T0SZ[5:0] = 64 - 39, so that the walk starts at level 1.
 */
#define TCR		((1 << 23) | (3 << 12) | (1 << 10) | (1 << 8) | 25)

/* SCTLR_EL1: RES1 bits, I[12], C[2], M[0]. */
#define SCTLR		(0x30d00800 | (1 << 12) | (1 << 2) | (1 << 0))

#define STACK_SIZE	0x4000		/* guest.lds.S has room for one for each vCPU */

	.data
bss_is_clear:					/* by vCPU 0, which vCPU 1 waits for */
	.word	0

/* x0: the vCPU's number, which TPIDR_EL1 keeps. */
	.section .text.start, "ax"
	.global	_start
_start:
	msr	tpidr_el1, x0
	adrp	x0, vectors
	add	x0, x0, :lo12:vectors
	msr	vbar_el1, x0
	adrp	x0, table
	msr	ttbr0_el1, x0
	ldr	x0, =MAIR
	msr	mair_el1, x0
	ldr	x0, =TCR
	mrs	x1, id_aa64mmfr0_el1
	and	x1, x1, #0xf
	mov	x2, #5
	cmp	x1, x2
	csel	x1, x1, x2, lo
	orr	x0, x0, x1, lsl #32
	msr	tcr_el1, x0
	tlbi	vmalle1
	dsb	nsh
	isb
	ldr	x0, =SCTLR
	msr	sctlr_el1, x0
	isb

	mrs	x0, tpidr_el1
	mov	x1, #STACK_SIZE
	adrp	x2, stack_top
	msub	x2, x0, x1, x2
	mov	sp, x2
	adrp	x3, bss_is_clear
	add	x3, x3, :lo12:bss_is_clear
	cbnz	x0, 3f
	adrp	x1, bss_start
	adrp	x2, bss_end
1:	cmp	x1, x2
	b.hs	2f
	stp	xzr, xzr, [x1], #16
	b	1b
2:	mov	w1, #1
	stlr	w1, [x3]
3:	ldar	w1, [x3]
	cbz	w1, 3b
	b	guest_main

/* Exceptions. Only what C code may change has to be kept. */
	.macro	exception handler
	.balign	0x80
	stp	x29, x30, [sp, #-176]!
	stp	x0, x1, [sp, #16]
	stp	x2, x3, [sp, #32]
	stp	x4, x5, [sp, #48]
	stp	x6, x7, [sp, #64]
	stp	x8, x9, [sp, #80]
	stp	x10, x11, [sp, #96]
	stp	x12, x13, [sp, #112]
	stp	x14, x15, [sp, #128]
	stp	x16, x17, [sp, #144]
	str	x18, [sp, #160]
	bl	\handler
	b	return
	.endm

	.text
return:
	ldp	x0, x1, [sp, #16]
	ldp	x2, x3, [sp, #32]
	ldp	x4, x5, [sp, #48]
	ldp	x6, x7, [sp, #64]
	ldp	x8, x9, [sp, #80]
	ldp	x10, x11, [sp, #96]
	ldp	x12, x13, [sp, #112]
	ldp	x14, x15, [sp, #128]
	ldp	x16, x17, [sp, #144]
	ldr	x18, [sp, #160]
	ldp	x29, x30, [sp], #176
	eret

	.balign	0x800
vectors:
	.rept	4				/* EL1 with SP_EL0: not used */
	exception guest_synchronous
	.endr
	exception guest_synchronous		/* EL1 with SP_EL1 */
	exception guest_irq
	.rept	10				/* FIQ, SError, and EL0: not used */
	exception guest_synchronous
	.endr

/*
 * The accesses that may abort. `recovery` of this vCPU tells the handler where to go on; 0: the abort
 * is a mistake.
 */
	.macro	set_recovery value
	adrp	x10, recovery
	add	x10, x10, :lo12:recovery
	mrs	x11, tpidr_el1
	str	\value, [x10, x11, lsl #3]
	.endm

	.macro	recover_at label
	adr	x9, \label
	set_recovery x9
	.endm

	.macro	recover_nowhere
	set_recovery xzr
	.endm

	.global	try_load			/* (address, value *) */
try_load:
	recover_at 1f
	ldr	x2, [x0]
	str	x2, [x1]
	mov	w0, #1
	b	2f
1:	mov	w0, #0
2:	recover_nowhere
	ret

	.global	try_store			/* (address, value) */
try_store:
	recover_at 1f
	str	x1, [x0]
	mov	w0, #1
	b	2f
1:	mov	w0, #0
2:	recover_nowhere
	ret

	.global	try_call			/* (address, result *) */
try_call:
	stp	x29, x30, [sp, #-32]!
	str	x1, [sp, #16]
	recover_at 1f
	blr	x0
	ldr	x1, [sp, #16]
	str	x0, [x1]
	mov	w0, #1
	b	2f
1:	mov	w0, #0
2:	recover_nowhere
	ldp	x29, x30, [sp], #32
	ret
