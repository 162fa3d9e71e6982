/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a vCPU keeps while it is not running, as far as AMD's and Intel's are alike: svm.c and vmx.c hold
 * the rest in the form that the hardware wants. The world switches know the offset of the registers.
 */
#ifndef HYPERVISOR_X86_64_VCPU_ARCH_H
#define HYPERVISOR_X86_64_VCPU_ARCH_H

/* Register numbers as instructions have them. */
#define RAX 0
#define RCX 1
#define RDX 2
#define RBX 3
#define RSP 4
#define RBP 5
#define RSI 6
#define RDI 7

#define VCPU_GPR(n) ((n)*8)

/* What vmx_enter() returns. */
#define VMX_FAILED 0
#define VMX_EXITED 1
#define VMX_KICKED 2

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <axvisor/addr.h>
#include <axvisor/npt.h>

#include "instruction.h"

/*
 * What is to be delivered at the next entry, as both vendors encode it: vector[7:0], type[10:8], bit 11
 * with an error code, valid[31] (AMD APM vol. 2, 15.20 "Event Injection"; Intel SDM vol. 3C,
 * "VM-Entry Controls for Event Injection").
 */
#define EVENT_VALID      UINT32_C(0x80000000)
#define EVENT_ERROR_CODE UINT32_C(0x800)
#define EVENT_TYPE       UINT32_C(0x700)
#define EVENT_INTERRUPT  UINT32_C(0x000)
#define EVENT_EXCEPTION  UINT32_C(0x300)
#define EVENT_VECTOR     UINT32_C(0xff)

struct vcpu {
	uint64_t gpr[16];
	uint64_t rip;
	uint64_t rflags;
	uint64_t cr0, cr3, efer; /* as of the last exit */
	uint64_t cr2;
	uint32_t shadow; /* interrupts wait for an instruction: not 0 */
	unsigned privilege;
	bool code64; /* CS is a 64-bit segment */

	uint32_t event;
	uint32_t event_error;
	bool window;         /* to exit once interrupts can be taken */
	uint64_t waiting[4]; /* interrupts, a bit for each vector */

	/* Of the last second-stage fault. */
	struct instruction instruction;
	uint32_t page_fault; /* error code of the guest's #PF, if it is told so */

	unsigned index;
	unsigned tag;  /* ASID or VPID */
	bool launched; /* VMX: since VMCLEAR */
	bool halted;   /* VMX: by HLT, until an interrupt comes */
	bool flush;    /* SVM: at the next entry */
	uint64_t npt_root;

	/* Interrupts and most ports are the guest's; of the last access to one that is not: */
	bool passes_through;
	struct {
		uint16_t port;
		unsigned size; /* in bytes; 0: there was none */
		bool in;
		uint64_t next; /* instruction */
	} io;
};

struct vcpu_exit;

/* Selectors that the guest starts with; it has no table of descriptors yet. */
#define CODE_SELECTOR 0x08
#define DATA_SELECTOR 0x10

/* What svm.c and vmx.c have to offer to vcpu.c. */
struct virtualisation {
	const char *name;
	unsigned guest_calls; /* GUEST_CALLS_BY_... */
	bool (*is_present)(void);
	void (*init_cpu)(void);
	void (*init)(struct vcpu *vcpu);
	void (*run)(struct vcpu *vcpu, struct vcpu_exit *exit);
	void (*flush)(struct vcpu *vcpu);
	/* After init(): the guest has ports, registers and interrupts to itself, but for these ports. */
	void (*pass_through)(const uint16_t *ports, size_t count);
	/* Exits that come with that. False: it is another. */
	bool (*emulate)(struct vcpu *vcpu, const struct vcpu_exit *exit);
	void (*kick)(unsigned cpu);
	void (*wait)(void); /* machine_wait() */
	void (*nmi)(
		uint64_t *rip); /* came where `rip` stood, which may be changed; NULL: none comes */
};

extern const struct virtualisation svm, vmx;

/* Called by them. A second-stage fault: of a walk of the guest's tables, or of the access itself. */
void vcpu_describe_fault(struct vcpu *vcpu, struct vcpu_exit *exit, bool walk, bool linear_is_told);

/* What the exit interrupted while it was being delivered, encoded as above. */
void vcpu_deliver_again(struct vcpu *vcpu, uint32_t event, uint32_t error);

/* An instruction that exits was emulated. */
void vcpu_skip(struct vcpu *vcpu, unsigned length);

/* Called by machine.c, the first once on each CPU. */
void vcpu_init_cpu(void);
const struct virtualisation *vcpu_technology(void);

#endif /* __ASSEMBLER__ */

#endif /* HYPERVISOR_X86_64_VCPU_ARCH_H */
