/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world switch of Intel's VMX (SDM vol. 3C, chapters "VM Entries" and "VM Exits"). To C it looks like a
 * function: vmx_enter() returns when the guest has left. All but the general registers, CR2 and some
 * MSRs is switched by the hardware.
 */
#include "vcpu_arch.h"

#define VMCS_HOST_RSP	0x6c14

	.text

/* unsigned vmx_enter(uint64_t *gpr, bool launched, const bool *kicked): returns VMX_... */
	.global	vmx_enter
vmx_enter:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi
	mov	$VMCS_HOST_RSP, %eax
	vmwrite	%rsp, %rax

	/*
	 * A kick that comes from here on and before the guest runs makes the handler go on at
	 * vmx_entry_given_up: no register but RSP is as it was then.
	 */
	.global	vmx_entry_first, vmx_entry_end, vmx_entry_given_up
vmx_entry_first:
	cmpb	$0, (%rdx)
	jne	vmx_entry_given_up
	test	%sil, %sil			/* the moves leave the flags alone */
	mov	VCPU_GPR(RAX)(%rdi), %rax
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
	jnz	1f
	vmlaunch
	jmp	failed
1:	vmresume
vmx_entry_end:
failed:
	pop	%rdi
	mov	$VMX_FAILED, %eax
	jmp	return
vmx_entry_given_up:
	pop	%rdi
	mov	$VMX_KICKED, %eax
	jmp	return

/* The host's RIP in the VMCS; RSP is as it was written above. */
	.global	vmx_exit
vmx_exit:
	xchg	%rdi, (%rsp)			/* the guest's RDI against the vCPU */
	mov	%rax, VCPU_GPR(RAX)(%rdi)
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
	mov	$VMX_EXITED, %eax
return:
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

/*
 * void vmx_wait(const bool *kicked): sleeps until an interrupt comes, or a kick that has not been seen yet.
 * One that comes here makes the handler go on at vmx_wait_over, unless the CPU sleeps already: then the
 * RIP is past the HLT. STI lets other interrupts in only after it.
 */
	.global	vmx_wait, vmx_wait_first, vmx_wait_end, vmx_wait_over
vmx_wait:
vmx_wait_first:
	cmpb	$0, (%rdi)
	jne	vmx_wait_over
	sti
	hlt
vmx_wait_end:
vmx_wait_over:
	cli
	ret
