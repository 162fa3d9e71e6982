/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMD's virtual machine control block, as far as it is used here, and the bits of its fields.
 *
 * Manual: AMD APM vol. 2, appendices B "Layout of VMCB" and C "SVM Intercept Exit Codes"; sections of
 * chapter 15 "Secure Virtual Machine" by their number.
 */
#ifndef HYPERVISOR_X86_64_VMCB_H
#define HYPERVISOR_X86_64_VMCB_H

#include <stddef.h>

#include "sysreg.h"

/* Intercepts at offset 0x00c. */
#define INTERCEPT_INTR     (1u << 0)
#define INTERCEPT_NMI      (1u << 1)
#define INTERCEPT_VINTR    (1u << 4)
#define INTERCEPT_INVLPGA  (1u << 26)
#define INTERCEPT_IOIO     (1u << 27) /* by the permission map */
#define INTERCEPT_MSR      (1u << 28) /* likewise */
#define INTERCEPT_SHUTDOWN (1u << 31)

/* At offset 0x010: VMRUN, which has to be, and VMMCALL; then what would reach past the guest's memory. */
#define INTERCEPT_VMRUN   (1u << 0)
#define INTERCEPT_VMMCALL (1u << 1)
#define INTERCEPT_VMLOAD  (1u << 2)
#define INTERCEPT_VMSAVE  (1u << 3)
#define INTERCEPT_STGI    (1u << 4)
#define INTERCEPT_CLGI    (1u << 5)
#define INTERCEPT_SKINIT  (1u << 6)
#define INTERCEPT_XSETBV  (1u << 13)

/* TLB_CONTROL, 15.16.1 "TLB Flush". */
#define TLB_KEEP       0
#define TLB_FLUSH_ALL  1
#define TLB_FLUSH_ASID 3

/* Offset 0x060, 15.21.1 and 15.21.4. */
#define V_IRQ          BIT(8)
#define V_IGN_TPR      BIT(20)
#define V_INTR_MASKING BIT(24)

#define NP_ENABLE BIT(0)
#define SHADOW    BIT(0) /* offset 0x068: INTERRUPT_SHADOW */

#define EXIT_INTR     UINT64_C(0x60)
#define EXIT_NMI      UINT64_C(0x61)
#define EXIT_VINTR    UINT64_C(0x64)
#define EXIT_IOIO     UINT64_C(0x7b)
#define EXIT_VMMCALL  UINT64_C(0x81)
#define EXIT_NPF      UINT64_C(0x400)
#define VMMCALL_BYTES 3

/* EXITINFO1 of EXIT_IOIO, 15.10.2 "IN and OUT Behavior": the port is in [31:16]. */
#define IOIO_IN         BIT(0)
#define IOIO_STRING     BIT(2)
#define IOIO_SIZE(info) ((unsigned)bits(info, 6, 4)) /* one of three bits, which say 1, 2, 4 */

/* EXITINFO1 of EXIT_NPF, 15.25.6. */
#define NPF_PRESENT BIT(0)
#define NPF_WALK    BIT(33) /* of the guest's tables */

/* A segment's attributes: type[3:0], S[4], DPL[6:5], P[7], L[9], D/B[10], G[11]. */
#define SEGMENT_CODE32 0xc9b
#define SEGMENT_DATA   0xc93
#define SEGMENT_LDT    0x082
#define SEGMENT_TSS    0x08b
#define SEGMENT_L      0x200

#define DR6_RESET UINT64_C(0xffff0ff0)
#define DR7_RESET UINT64_C(0x400)
#define PAT_RESET UINT64_C(0x0007040600070406)

struct segment {
	uint16_t selector;
	uint16_t attributes;
	uint32_t limit;
	uint64_t base;
};

struct __attribute__((aligned(4096))) vmcb {
	uint32_t intercept_cr, intercept_dr, intercept_exceptions;
	uint32_t intercept[2]; /* 0x00c */
	uint8_t reserved_014[0x040 - 0x014];
	uint64_t iopm_base; /* 0x040 */
	uint64_t msrpm_base;
	uint64_t tsc_offset;
	uint32_t asid; /* 0x058 */
	uint8_t tlb_control;
	uint8_t reserved_05d[3];
	uint64_t v_intr; /* 0x060 */
	uint64_t shadow;
	uint64_t exit_code; /* 0x070 */
	uint64_t exit_info1;
	uint64_t exit_info2;
	uint64_t exit_int_info;
	uint64_t np_enable; /* 0x090 */
	uint8_t reserved_098[0x0a8 - 0x098];
	uint64_t event; /* 0x0a8 */
	uint64_t n_cr3;
	uint8_t reserved_0b8[0x400 - 0x0b8];

	struct segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr; /* 0x400 */
	uint8_t reserved_4a0[0x4cb - 0x4a0];
	uint8_t cpl;
	uint32_t reserved_4cc;
	uint64_t efer; /* 0x4d0 */
	uint8_t reserved_4d8[0x548 - 0x4d8];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip; /* 0x548 */
	uint8_t reserved_580[0x5d8 - 0x580];
	uint64_t rsp; /* 0x5d8 */
	uint8_t reserved_5e0[0x5f8 - 0x5e0];
	uint64_t rax;
	uint8_t reserved_600[0x640 - 0x600];
	uint64_t cr2; /* 0x640 */
	uint8_t reserved_648[0x668 - 0x648];
	uint64_t pat; /* 0x668 */
	uint8_t reserved_670[0x1000 - 0x670];
};

_Static_assert(offsetof(struct vmcb, iopm_base) == 0x040, "appendix B");
_Static_assert(offsetof(struct vmcb, asid) == 0x058, "appendix B");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x070, "appendix B");
_Static_assert(offsetof(struct vmcb, event) == 0x0a8, "appendix B");
_Static_assert(offsetof(struct vmcb, es) == 0x400, "appendix B");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "appendix B");
_Static_assert(offsetof(struct vmcb, rip) == 0x578, "appendix B");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "appendix B");
_Static_assert(offsetof(struct vmcb, pat) == 0x668, "appendix B");
_Static_assert(sizeof(struct vmcb) == 4096, "appendix B");

#endif /* HYPERVISOR_X86_64_VMCB_H */
