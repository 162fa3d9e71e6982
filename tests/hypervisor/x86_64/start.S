/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry of the hypervisor, in 32-bit protected mode with paging off, as the Multiboot Specification
 * 0.6.96, 3.2 "Machine state" says: QEMU starts it so, and bochs_rom.S does too. The other CPUs
 * come in by the trampoline, in real mode.
 *
 * Manual: Intel SDM vol. 3A, "Initializing IA-32e Mode", "Descriptor Tables and Segments", chapter
 * "Paging"; registers as in sysreg.h.
 */
#include "platform.h"

#define MULTIBOOT_MAGIC	0x1badb002
#define MULTIBOOT_FLAGS	(1 << 16)	/* the address fields below say how to load */

#define STACK_SIZE	0x10000

#define CODE64		0x08
#define DATA		0x10
#define CODE32		0x18

/*
 * LME[8]: 64-bit mode once paging is on. NXE[11]: nested page tables obey their no-execute bit only
 * with the host's (AMD APM vol. 2, 15.25.5 "Nested Table Walk").
 */
#define EFER		((1 << 8) | (1 << 11))

/* PG[31]; WP[16] read-only is so for the kernel too; NE[5] and PE[0], which VMXON wants; ET[4], MP[1]. */
#define CR0		((1 << 31) | (1 << 16) | (1 << 5) | (1 << 4) | (1 << 1) | (1 << 0))

/*
 * PAE[5]. LA57[12]: five levels, which a nested table then has too, since AMD's is walked as the host's
 * own (APM vol. 2, 15.25.3 "Enabling Nested Paging").
 */
#if CONFIG_LEVELS == 5
#define CR4		((1 << 5) | (1 << 12))
#define root_table	table5
#else
#define CR4		(1 << 5)
#define root_table	table4
#endif

	.section .text.start, "ax"
multiboot_header:
	.long	MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)
	.long	multiboot_header, image_start
	.long	0, 0			/* all of the file; we clear .bss ourselves */
	.long	_start

	.code32
	.global	_start
_start:
	cli
	cld
	lgdt	gdt_register
	mov	$DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$bss_start, %edi	/* page aligned, as is the end */
	mov	$bss_end, %ecx
	sub	%edi, %ecx
	shr	$2, %ecx
	xor	%eax, %eax
	rep stosl
	mov	$start64, %ebx

/* To %ebx in 64-bit mode; DS, ES and SS are flat. */
enter_long_mode:
	mov	$CR4, %eax
	mov	%eax, %cr4
	mov	$root_table, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx	/* EFER */
	rdmsr
	or	$EFER, %eax
	wrmsr
	mov	$CR0, %eax
	mov	%eax, %cr0
	ljmp	$CODE64, $1f
	.code64
1:	jmp	*%rbx

start64:
	lea	stacks_end(%rip), %rsp
	call	hypervisor_main

secondary64:
	mov	$1, %eax		/* CPUID: EBX[31:24] is the number of the local APIC */
	cpuid
	shr	$24, %ebx
	cmp	$PLATFORM_CPUS, %ebx
	jae	1f
	imul	$STACK_SIZE, %rbx, %rax
	lea	stacks_end(%rip), %rsp
	sub	%rax, %rsp
	mov	%ebx, %edi
	call	secondary_main
1:	hlt
	jmp	1b

/*
 * The trampoline, copied to PLATFORM_TRAMPOLINE: a start-up interrupt begins at offset 0 of its page with
 * CS = page / 16 (Intel SDM vol. 3A, "Multiple-Processor (MP) Initialization").
 */
	.code16
	.global	trampoline, trampoline_end
trampoline:
	cli
	mov	%cs, %ax
	mov	%ax, %ds
	lgdtl	trampoline_gdt_register - trampoline
	mov	$1, %eax		/* CR0.PE */
	mov	%eax, %cr0
	ljmpl	$CODE32, $secondary32
trampoline_gdt_register:
	.word	gdt_end - gdt - 1
	.long	gdt
trampoline_end:

	.code32
secondary32:
	cld
	mov	$DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$secondary64, %ebx
	jmp	enter_long_mode

/*
 * Segments: present, DPL 0, accessed; code 64-bit (L) and 32-bit (D), data flat. Then a task segment
 * for each CPU, two slots wide, that machine.c fills in.
 */
	.data
	.balign	8
	.global	gdt, gdt_end
gdt:
	.quad	0
	.quad	0x00af9b000000ffff
	.quad	0x00cf93000000ffff
	.quad	0x00cf9b000000ffff
	.zero	PLATFORM_CPUS * 16
gdt_end:
gdt_register:
	.word	gdt_end - gdt - 1
	.quad	gdt

/*
 * The hypervisor's own map: 4 GiB by pages of 2 MiB, everything at its physical address. PCD[4] and PWT[3]
 * make the last GiB uncached, for the devices are there.
 */
#define TABLE		0x63		/* present, writable, accessed, dirty */
#define PAGE		(TABLE | 0x80)	/* PS: a page of 2 MiB */
#define UNCACHED	0x18

	.balign	4096
table5:
	.quad	table4 + TABLE
	.zero	511 * 8
table4:
	.quad	table3 + TABLE
	.zero	511 * 8
table3:
	.quad	table2 + TABLE, table2 + 0x1000 + TABLE, table2 + 0x2000 + TABLE, table2 + 0x3000 + TABLE
	.zero	508 * 8
table2:
	.set	page, 0
	.rept	3 * 512
	.quad	page + PAGE
	.set	page, page + 0x200000
	.endr
	.rept	512
	.quad	page + PAGE + UNCACHED
	.set	page, page + 0x200000
	.endr
