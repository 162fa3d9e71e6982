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

/* How the second-stage walk ended, as far as the hardware tells. */
struct vcpu_walk {
	enum { VCPU_WALK_UNTOLD, VCPU_WALK_ABSENT, VCPU_WALK_DENIED } end;
	int level; /* where, counted as the library does, 0 for pages; -1: untold */
};

struct vcpu_exit {
	enum vcpu_exit_kind kind;
	struct ax_npt_fault fault;
	struct vcpu_walk walk; /* of `fault` */
	struct vcpu_access access;
	uint64_t syndrome;
	uint64_t guest_address; /* the virtual address that the guest used */
};

/*
 * vCPU number `index` starts at `entry`, its own MMU off (on x86: flat 32-bit protected mode), its number
 * in the first argument register of the architecture's C calls (on x86: EDI), on the second-stage
 * tables in `npt`. Called on the CPU that is to run it.
 */
void vcpu_init(struct vcpu *vcpu, unsigned index, ax_gpa_t entry,
	       const struct ax_npt_registers *npt);

/*
 * What this CPU remembers of the second-stage tables is not used by the vCPU's next run. Needed where
 * the library cannot reach this CPU by itself: tlb_shootdown.c.
 */
void vcpu_flush(struct vcpu *vcpu);

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
