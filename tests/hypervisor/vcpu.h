/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtual CPU, as the portable part sees it: run it until it exits, look at why, answer.
 * "vcpu_arch.h" of the architecture's folder defines struct vcpu.
 */
#ifndef HYPERVISOR_VCPU_H
#define HYPERVISOR_VCPU_H

#include <stdbool.h>
#include <stdint.h>

#include <axvisor/addr.h>
#include <axvisor/addrspace.h>
#include <axvisor/device.h>
#include <axvisor/fault.h>

#include "vcpu_arch.h"

enum vcpu_exit_kind {
	VCPU_EXIT_HYPERCALL,  /* vcpu_argument() has number and arguments; then vcpu_return() */
	VCPU_EXIT_FAULT,      /* second-stage fault; the guest stands at the faulting instruction */
	VCPU_EXIT_INTERRUPT,  /* a physical interrupt waits for the host */
	VCPU_EXIT_RETRY,      /* nothing to do but to run it again */
	VCPU_EXIT_UNEXPECTED, /* `syndrome` is what the hardware said */
};

/* The load or store behind a fault, as far as the hardware describes it. */
struct vcpu_access {
	bool described; /* false: one has to decode the instruction oneself, the rest is not set */
	bool store;
	enum ax_access_width width;
	bool sign_extend; /* of a load... */
	bool narrow;      /* ...into a register's lower half, the upper half cleared */
	unsigned reg;
};

struct vcpu_exit {
	enum vcpu_exit_kind kind;
	struct ax_npt_fault fault;
	struct vcpu_access access;
	uint64_t syndrome;
	uint64_t guest_address; /* the virtual address that the guest used */
};

/* The guest starts at `entry`, its own MMU off, on the second-stage tables in `npt`. */
void vcpu_init(struct vcpu *vcpu, ax_gpa_t entry, const struct ax_npt_registers *npt);

/* Runs the guest on this CPU until it exits. */
void vcpu_run(struct vcpu *vcpu, struct vcpu_exit *exit);

/* Hypercalls: argument 0 is the call's number. */
uint64_t vcpu_argument(const struct vcpu *vcpu, unsigned index);
void vcpu_return(struct vcpu *vcpu, uint64_t value);

/*
 * Emulated access: what the guest stores; what it is to load; both then step over the
 * instruction.
 */
uint64_t vcpu_store(struct vcpu *vcpu, const struct vcpu_exit *exit);
void vcpu_load(struct vcpu *vcpu, const struct vcpu_exit *exit, uint64_t value);

/* Tells the guest that its access went nowhere, as a bus would. */
void vcpu_inject_fault(struct vcpu *vcpu, const struct vcpu_exit *exit);

void vcpu_print(const struct vcpu *vcpu);

#endif /* HYPERVISOR_VCPU_H */
