/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry of the guest, in flat 32-bit protected mode with paging off, and its exceptions. See the
 * hypervisor's start.S and vectors.S for the manual and what else the bits mean.
 */
#include "abi.h"
#include "platform.h"

#define CODE64		0x08
#define DATA		0x10

#define STACK_SIZE	0x4000		/* guest.lds.S has room for one for each vCPU */

#define CR4_PAE		(1 << 5)
#define EFER_LME_NXE	((1 << 8) | (1 << 11))	/* with NXE page faults tell a fetch */
#define CR0_PG_WP	((1 << 31) | (1 << 16))

#define MSR_EFER	0xc0000080
#define MSR_GS_BASE	0xc0000101

#define TABLE		0x63		/* present, writable, accessed, dirty */
#define PAGE		(TABLE | 0x80)	/* of 2 MiB */
#define UNCACHED	0x18

#define VECTOR_SIZE	16

/* Exceptions that push an error code: 8, 10 to 14, 17, 21. The others get a zero in its place. */
#define HAS_ERROR_CODE	0x00227d00

/* What each vCPU has by GS: arch.c knows it, too. */
#define VCPU_SIZE	32
#define VCPU_NUMBER	%gs:0
#define VCPU_RECOVERY	%gs:8
#define VCPU_STACK	%gs:16

	.data
	.balign	4096
table4:
	.quad	table3 + TABLE
	.zero	511 * 8
table3:						/* 4 GiB at their physical address */
	.quad	table2 + TABLE, table2 + 0x1000 + TABLE, table2 + 0x2000 + TABLE, table2 + 0x3000 + TABLE
	.quad	0, 0, 0, 0
	.quad	window_directory + TABLE	/* 8 GiB: the window */
	.zero	503 * 8
table2:						/* RAM is in the third GiB, devices are in the others */
	.set	page, 0
	.rept	2 * 512
	.quad	page + PAGE + UNCACHED
	.set	page, page + 0x200000
	.endr
	.rept	512
	.quad	page + PAGE
	.set	page, page + 0x200000
	.endr
	.rept	512
	.quad	page + PAGE + UNCACHED
	.set	page, page + 0x200000
	.endr

	.global	window_directory
window_directory:
	.zero	4096

gdt:
	.quad	0
	.quad	0x00af9b000000ffff
	.quad	0x00cf93000000ffff
gdt_end:
gdt_register:
	.word	gdt_end - gdt - 1
	.quad	gdt
idt_register:
	.word	GUEST_VECTORS * 16 - 1
	.quad	idt

	.balign	8
vcpus:
	.set	number, 0
	.rept	PLATFORM_CPUS
	.quad	number, 0, 0, 0
	.set	number, number + 1
	.endr

bss_is_clear:					/* by vCPU 0, which vCPU 1 waits for */
	.long	0

	.bss
	.balign	16
idt:
	.zero	GUEST_VECTORS * 16

	.global	calls_by
calls_by:
	.zero	4

/* EDI: the vCPU's number. ESI: GUEST_CALLS_BY_... */
	.section .text.start, "ax"
	.code32
	.global	_start
_start:
	cld
	lgdt	gdt_register
	mov	%cr4, %eax
	or	$CR4_PAE, %eax
	mov	%eax, %cr4
	mov	$table4, %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	rdmsr
	or	$EFER_LME_NXE, %eax
	wrmsr
	mov	%cr0, %eax
	or	$CR0_PG_WP, %eax
	mov	%eax, %cr0
	ljmp	$CODE64, $1f

	.code64
1:	mov	$DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%edi, %ebx			/* the number */
	imul	$VCPU_SIZE, %rbx, %rax
	lea	vcpus(%rip), %rdx
	add	%rdx, %rax
	mov	%rax, %rdx
	shr	$32, %rdx
	mov	$MSR_GS_BASE, %ecx
	wrmsr
	imul	$STACK_SIZE, %rbx, %rax
	lea	stacks_end(%rip), %rsp
	sub	%rax, %rsp
	test	%ebx, %ebx
	jnz	2f

	lea	bss_start(%rip), %rdi		/* page aligned, as is the end */
	lea	bss_end(%rip), %rcx
	sub	%rdi, %rcx
	shr	$3, %rcx
	xor	%eax, %eax
	rep stosq
	mov	%esi, calls_by(%rip)
	call	fill_idt
	movl	$1, bss_is_clear(%rip)		/* stores are seen in order */
2:	pause
	cmpl	$0, bss_is_clear(%rip)
	je	2b
	lidt	idt_register(%rip)
	mov	%ebx, %edi
	call	guest_main			/* does not return */

/* Interrupt gates: present, type 14. */
fill_idt:
	lea	idt(%rip), %rdi
	lea	vectors(%rip), %rax
	mov	$GUEST_VECTORS, %ecx
1:	mov	%rax, %rdx
	mov	%dx, (%rdi)
	movw	$CODE64, 2(%rdi)
	movw	$0x8e00, 4(%rdi)
	shr	$16, %rdx
	mov	%dx, 6(%rdi)
	shr	$16, %rdx
	mov	%edx, 8(%rdi)
	add	$VECTOR_SIZE, %rax
	add	$16, %rdi
	dec	%ecx
	jnz	1b
	ret

	.text
	.balign	VECTOR_SIZE
vectors:
	.set	vector, 0
	.rept	GUEST_VECTORS
	.balign	VECTOR_SIZE
	.set	has_error_code, 0
	.if	vector < 32
	.set	has_error_code, HAS_ERROR_CODE >> vector & 1
	.endif
	.if	!has_error_code
	push	$0
	.endif
	push	$vector
	jmp	common
	.set	vector, vector + 1
	.endr

/* Only what C code may change has to be kept. struct frame in arch.c is what lies on the stack. */
common:
	push	%rax
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	mov	%rsp, %rdi
	cld
	call	guest_vector
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$16, %rsp
	iretq

/*
 * The accesses that may abort. VCPU_RECOVERY tells the handler where to go on, and VCPU_STACK with which
 * stack; 0: the abort is a mistake.
 */
	.macro	recover_at label
	lea	\label(%rip), %rax
	mov	%rsp, VCPU_STACK
	mov	%rax, VCPU_RECOVERY
	.endm

	.macro	recover_nowhere
	movq	$0, VCPU_RECOVERY
	.endm

	.global	try_load			/* (address, value *) */
try_load:
	recover_at 1f
	mov	(%rdi), %rdx
	mov	%rdx, (%rsi)
	mov	$1, %eax
	jmp	2f
1:	xor	%eax, %eax
2:	recover_nowhere
	ret

	.global	try_store			/* (address, value) */
try_store:
	recover_at 1f
	mov	%rsi, (%rdi)
	mov	$1, %eax
	jmp	2f
1:	xor	%eax, %eax
2:	recover_nowhere
	ret

	.global	try_call			/* (address, result *) */
try_call:
	push	%rsi
	recover_at 1f
	call	*%rdi
	mov	(%rsp), %rsi
	mov	%rax, (%rsi)
	mov	$1, %eax
	jmp	2f
1:	xor	%eax, %eax
2:	recover_nowhere
	pop	%rsi
	ret
