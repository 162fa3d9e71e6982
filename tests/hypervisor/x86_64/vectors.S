/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypervisor's exceptions and interrupts (Intel SDM vol. 3A, "64-Bit Mode Stack Frame"). The world
 * switches are in svm_switch.S and vmx_switch.S.
 */
#include "platform.h"

#define VECTOR_SIZE	16		/* machine.c knows it */

/* Exceptions that push an error code: 8, 10 to 14, 17, 21. The others get a zero in its place. */
#define HAS_ERROR_CODE	0x00227d00

	.text
	.balign	VECTOR_SIZE
	.global	vectors
vectors:
	.set	vector, 0
	.rept	PLATFORM_VECTORS
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

/* Only what C code may change has to be kept. With the frame it is 16 words, so the stack stays aligned. */
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
	lea	72(%rsp), %rdi		/* struct trap, machine.c */
	cld
	call	hypervisor_vector
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
