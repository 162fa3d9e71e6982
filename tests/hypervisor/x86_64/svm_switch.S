/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world switch of AMD's SVM (APM vol. 2, 15.5 "VMRUN Instruction"). To C it looks like a function:
 * svm_enter() returns true when the guest has left, or false when it was not entered.
 *
 * VMRUN switches what a hypervisor could not do without; RAX and RSP are part of it. VMLOAD and VMSAVE
 * do FS, GS, TR, LDTR and the system call registers. The other registers are left to us.
 */
#include "vcpu_arch.h"

	.text

/* bool svm_enter(uint64_t *gpr, uint64_t vmcb, uint64_t host_vmcb, const bool *kicked): physical addresses */
	.global	svm_enter
svm_enter:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdx
	push	%rdi

	/*
	 * With V_INTR_MASKING the host's interrupt flag says whether a physical interrupt makes the
	 * guest exit (15.21.1). CLGI holds back those that come before it runs, and NMIs (15.17
	 * "Global Interrupt Flag"): a kick by one either has been here already, or makes it exit.
	 */
	clgi
	sti
	cmpb	$0, (%rcx)
	jne	kicked
	mov	%rsi, %rax
	vmload	%rax
	mov	VCPU_GPR(RCX)(%rdi), %rcx
	mov	VCPU_GPR(RDX)(%rdi), %rdx
	mov	VCPU_GPR(RBX)(%rdi), %rbx
	mov	VCPU_GPR(RBP)(%rdi), %rbp
	mov	VCPU_GPR(RSI)(%rdi), %rsi
	mov	VCPU_GPR(8)(%rdi), %r8
	mov	VCPU_GPR(9)(%rdi), %r9
	mov	VCPU_GPR(10)(%rdi), %r10
	mov	VCPU_GPR(11)(%rdi), %r11
	mov	VCPU_GPR(12)(%rdi), %r12
	mov	VCPU_GPR(13)(%rdi), %r13
	mov	VCPU_GPR(14)(%rdi), %r14
	mov	VCPU_GPR(15)(%rdi), %r15
	mov	VCPU_GPR(RDI)(%rdi), %rdi
	vmrun	%rax				/* RAX is the VMCB's address again after it */
	vmsave	%rax

	xchg	%rdi, (%rsp)			/* the guest's RDI against the vCPU */
	mov	%rcx, VCPU_GPR(RCX)(%rdi)
	mov	%rdx, VCPU_GPR(RDX)(%rdi)
	mov	%rbx, VCPU_GPR(RBX)(%rdi)
	mov	%rbp, VCPU_GPR(RBP)(%rdi)
	mov	%rsi, VCPU_GPR(RSI)(%rdi)
	mov	%r8, VCPU_GPR(8)(%rdi)
	mov	%r9, VCPU_GPR(9)(%rdi)
	mov	%r10, VCPU_GPR(10)(%rdi)
	mov	%r11, VCPU_GPR(11)(%rdi)
	mov	%r12, VCPU_GPR(12)(%rdi)
	mov	%r13, VCPU_GPR(13)(%rdi)
	mov	%r14, VCPU_GPR(14)(%rdi)
	mov	%r15, VCPU_GPR(15)(%rdi)
	pop	VCPU_GPR(RDI)(%rdi)

	pop	%rax				/* the host's */
	vmload	%rax
	mov	$1, %eax
left:
	cli
	stgi
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

kicked:
	add	$16, %rsp
	xor	%eax, %eax
	jmp	left
