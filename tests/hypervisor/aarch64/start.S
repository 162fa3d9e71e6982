/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry of the hypervisor. QEMU loads the ELF file and starts the boot CPU at _start, at EL2, with
 * MMU and caches off and all interrupts masked.
 *
 * Manual: Arm ARM (DDI 0487), chapter D8 "The AArch64 Virtual Memory System Architecture";
 * registers under their names in chapter D24.
 */

/*
 * EL2 stage 1 translation, one table: 4 KiB granule, 32-bit addresses, so that the walk starts at
 * level 1 with four entries of 1 GiB. Everything lies at its physical address.
 *
 * It has to be on before C code runs: exclusive and atomic instructions are only guaranteed to work
 * on normal cacheable memory, and with the MMU off all memory is Device ("The effects of
 * disabling an address translation stage"). The library uses them wherever CPUs could meet.
 */
#define BLOCK		0x1		/* descriptor[1:0] = 0b01 */
#define ATTR_DEVICE	(0 << 2)	/* AttrIndx: which byte of MAIR_EL2 */
#define ATTR_NORMAL	(1 << 2)
#define AP_RES1		(1 << 6)	/* AP[1], RES1 where EL0 has no part; AP[2] = 0: writable */
#define INNER_SHAREABLE	(3 << 8)
#define ACCESSED	(1 << 10)	/* AF: no access flag fault */
#define EXECUTE_NEVER	(1 << 54)

	.section .rodata.table, "a"
	.balign 4096
table:
	.quad	0x00000000 | BLOCK | ATTR_DEVICE | AP_RES1 | ACCESSED | EXECUTE_NEVER
	.quad	0x40000000 | BLOCK | ATTR_NORMAL | AP_RES1 | INNER_SHAREABLE | ACCESSED
	.quad	0, 0

/* MAIR_EL2: attribute 0 Device-nGnRE (0x04), attribute 1 Normal write-back (0xff). */
#define MAIR		0xff04

/*
 * TCR_EL2 with HCR_EL2.E2H = 0: bits 31 and 23 RES1, PS[18:16] = 0 for 32-bit physical addresses,
 * TG0[15:14] = 0 for 4 KiB, SH0[13:12] = 3 inner shareable, ORGN0[11:10] = IRGN0[9:8] = 1
 * write-back tables, T0SZ[5:0] = 64 - 32.
 */
#define TCR		((1 << 31) | (1 << 23) | (3 << 12) | (1 << 10) | (1 << 8) | 32)

/* SCTLR_EL2: RES1 bits, and I[12] instruction cache, C[2] data cache, M[0] MMU. */
#define SCTLR		(0x30c50830 | (1 << 12) | (1 << 2) | (1 << 0))

#define STACK_SIZE	0x10000		/* hyp.ld has room for one for each CPU */

	.section .text.start, "ax"
	.global	_start
_start:
	mrs	x0, CurrentEL			/* EL in bits [3:2] */
	cmp	x0, #2 << 2
	b.ne	not_el2
	bl	init_cpu

	adrp	x0, bss_start			/* page aligned, as is the end */
	adrp	x1, bss_end
1:	cmp	x0, x1
	b.hs	2f
	stp	xzr, xzr, [x0], #16
	b	1b
2:	bl	hypervisor_main

/* Another CPU, by PSCI CPU_ON: as the first one, but for the memory that both use. */
	.global	secondary_start
secondary_start:
	bl	init_cpu
	bl	hypervisor_secondary

/* Vectors, MMU, caches, and a stack by the CPU's number. */
init_cpu:
	adrp	x0, vectors
	add	x0, x0, :lo12:vectors
	msr	vbar_el2, x0

	adrp	x0, table
	msr	ttbr0_el2, x0
	ldr	x0, =MAIR
	msr	mair_el2, x0
	ldr	x0, =TCR
	msr	tcr_el2, x0
	tlbi	alle2				/* what was cached before reset is unknown */
	tlbi	alle1				/* also of guests */
	ic	iallu
	dsb	sy
	isb
	ldr	x0, =SCTLR
	msr	sctlr_el2, x0
	isb

	mrs	x0, mpidr_el1			/* Aff0: machine_cpu() */
	and	x0, x0, #0xff
	mov	x1, #STACK_SIZE
	adrp	x2, stack_top			/* page aligned */
	msub	x2, x0, x1, x2
	mov	sp, x2
	ret

not_el2:
	wfi
	b	not_el2
