/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's interrupt controller. The hart has one line for external interrupts of its guest,
 * VSEIP in hvip; which interrupts they are, the guest has to ask. It does so as on this board's
 * real hardware: by the claim/complete register of its PLIC context, whose page is never mapped, so
 * that each access comes here.
 *
 * Of the PLIC's registers this is the one that a guest cannot do without. All interrupts are
 * enabled here and have one priority, above the threshold.
 *
 * Manual: RISC-V Platform-Level Interrupt Controller Specification, "Interrupt Claim Process",
 * "Interrupt Completion".
 */
#include "plic.h"

#include "csr.h"
#include "machine.h"

#define INTERRUPTS 1024 /* 0 means none */

/* Pending in the vCPU of a CPU: a bit for each interrupt. Only that CPU touches its own. */
static uint64_t pending[PLATFORM_CPUS][INTERRUPTS / 64];

/* At equal priority the lowest goes first ("Interrupt Priorities"). */
static uint32_t first_pending(void)
{
	const uint64_t *words = pending[machine_cpu()];

	for (uint32_t i = 0; i < INTERRUPTS; i++) {
		if (words[i / 64] & BIT(i % 64))
			return i;
	}
	return 0;
}

/* The line is up while anything is pending. */
static void set_line(void)
{
	if (first_pending())
		set_csr(hvip, INTERRUPT_VS_EXTERNAL);
	else
		clear_csr(hvip, INTERRUPT_VS_EXTERNAL);
}

static uint32_t claim(void)
{
	uint32_t interrupt = first_pending();

	pending[machine_cpu()][interrupt / 64] &= ~BIT(interrupt % 64);
	set_line();
	return interrupt;
}

/* There are no others than those from 1 to 1023 here: what is no interrupt is left out. */
void machine_inject_interrupt(uint32_t vector)
{
	if (vector == GUEST_IPI)
		set_csr(hvip, INTERRUPT_VS_SOFTWARE);
	if (vector == 0 || vector >= INTERRUPTS)
		return;
	pending[machine_cpu()][vector / 64] |= BIT(vector % 64);
	set_line();
}

/*
 * A store completes an interrupt. That lets the gateway send the next of its source, which for the
 * edges that are sent here it does at any time: nothing is left to do.
 */
bool plic_access(struct vcpu *vcpu, const struct vcpu_exit *exit)
{
	if (exit->fault.addr.raw != PLATFORM_PLIC_CONTEXT(vcpu->index) + PLIC_CLAIM ||
	    exit->access.width != AX_ACCESS_DWORD)
		return false;
	if (exit->access.store)
		vcpu_store(vcpu, exit);
	else
		vcpu_load(vcpu, exit, claim());
	return true;
}
