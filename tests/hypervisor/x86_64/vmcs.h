/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel's virtual-machine control structure: its fields, and the bits of those that have some.
 *
 * Manual: Intel SDM vol. 3D, appendices B "Field Encoding in VMCS" and C "VMX Basic Exit Reasons"; vol.
 * 3C, chapter "Virtual Machine Control Structures".
 */
#ifndef HYPERVISOR_X86_64_VMCS_H
#define HYPERVISOR_X86_64_VMCS_H

#include "sysreg.h"

/* The eight segments are one after another: ES CS SS DS FS GS LDTR TR. */
enum field {
	VPID = 0x0000,
	GUEST_SELECTORS = 0x0800,
	HOST_ES = 0x0c00,
	HOST_CS = 0x0c02,
	HOST_SS = 0x0c04,
	HOST_DS = 0x0c06,
	HOST_FS = 0x0c08,
	HOST_GS = 0x0c0a,
	HOST_TR = 0x0c0c,
	IO_BITMAP_A = 0x2000,
	IO_BITMAP_B = 0x2002,
	MSR_BITMAP = 0x2004,
	EPT_POINTER = 0x201a,
	GUEST_PHYSICAL = 0x2400,
	GUEST_LINK_POINTER = 0x2800,
	GUEST_DEBUGCTL = 0x2802,
	GUEST_EFER = 0x2806,
	HOST_EFER = 0x2c02,
	PIN_CONTROLS = 0x4000,
	PROC_CONTROLS = 0x4002,
	EXCEPTION_BITMAP = 0x4004,
	PAGE_FAULT_MASK = 0x4006,
	PAGE_FAULT_MATCH = 0x4008,
	CR3_TARGET_COUNT = 0x400a,
	EXIT_CONTROLS = 0x400c,
	EXIT_MSR_STORE_COUNT = 0x400e,
	EXIT_MSR_LOAD_COUNT = 0x4010,
	ENTRY_CONTROLS = 0x4012,
	ENTRY_MSR_LOAD_COUNT = 0x4014,
	ENTRY_EVENT = 0x4016,
	ENTRY_ERROR_CODE = 0x4018,
	PROC_CONTROLS2 = 0x401e,
	INSTRUCTION_ERROR = 0x4400,
	EXIT_REASON = 0x4402,
	VECTORING_EVENT = 0x4408,
	VECTORING_ERROR_CODE = 0x440a,
	EXIT_INSTRUCTION_LENGTH = 0x440c,
	GUEST_LIMITS = 0x4800,
	GUEST_GDTR_LIMIT = 0x4810,
	GUEST_IDTR_LIMIT = 0x4812,
	GUEST_RIGHTS = 0x4814,
	GUEST_SHADOW = 0x4824, /* "interruptibility state" */
	GUEST_ACTIVITY = 0x4826,
	GUEST_SYSENTER_CS = 0x482a,
	PREEMPTION_TIMER = 0x482e,
	HOST_SYSENTER_CS = 0x4c00,
	CR0_MASK = 0x6000,
	CR4_MASK = 0x6002,
	CR0_SHADOW = 0x6004,
	CR4_SHADOW = 0x6006,
	EXIT_QUALIFICATION = 0x6400,
	GUEST_LINEAR = 0x640a,
	GUEST_CR0 = 0x6800,
	GUEST_CR3 = 0x6802,
	GUEST_CR4 = 0x6804,
	GUEST_BASES = 0x6806,
	GUEST_GDTR_BASE = 0x6816,
	GUEST_IDTR_BASE = 0x6818,
	GUEST_DR7 = 0x681a,
	GUEST_RSP = 0x681c,
	GUEST_RIP = 0x681e,
	GUEST_RFLAGS = 0x6820,
	GUEST_PENDING_DEBUG = 0x6822,
	GUEST_SYSENTER_ESP = 0x6824,
	GUEST_SYSENTER_EIP = 0x6826,
	HOST_CR0 = 0x6c00,
	HOST_CR3 = 0x6c02,
	HOST_CR4 = 0x6c04,
	HOST_FS_BASE = 0x6c06,
	HOST_GS_BASE = 0x6c08,
	HOST_TR_BASE = 0x6c0a,
	HOST_GDTR_BASE = 0x6c0c,
	HOST_IDTR_BASE = 0x6c0e,
	HOST_SYSENTER_ESP = 0x6c10,
	HOST_SYSENTER_EIP = 0x6c12,
	HOST_RIP = 0x6c16,
};

enum { ES, CS, SS, DS, FS, GS, LDTR, TR, SEGMENTS };

/*
 * "VM-Execution Control Fields", "VM-Exit Control Fields", "VM-Entry Control Fields".
 */
#define PIN_EXTERNAL_INTERRUPT (1u << 0)
#define PIN_PREEMPTION_TIMER   (1u << 6)
#define PIN_NMI                (1u << 3)
#define PROC_INTERRUPT_WINDOW  (1u << 2)
#define PROC_HLT               (1u << 7)
#define PROC_IO_BITMAPS        (1u << 25)
#define PROC_MSR_BITMAPS       (1u << 28)
#define PROC_SECONDARY         (1u << 31)
#define PROC2_EPT              (1u << 1)
#define PROC2_RDTSCP           (1u << 3)
#define PROC2_VPID             (1u << 5)
#define PROC2_UNRESTRICTED     (1u << 7) /* the guest may have its paging off */
#define PROC2_INVPCID          (1u << 12)
#define PROC2_XSAVES           (1u << 20)
#define EXIT_HOST_64           (1u << 9)
#define EXIT_SAVE_EFER         (1u << 20)
#define EXIT_LOAD_EFER         (1u << 21)
#define ENTRY_GUEST_64         (1u << 9)
#define ENTRY_LOAD_EFER        (1u << 15)

/* A segment's access rights: type[3:0], S[4], DPL[6:5], P[7], L[13], D/B[14], G[15], unusable[16]. */
#define RIGHTS_CODE32   0xc09bu
#define RIGHTS_DATA     0xc093u
#define RIGHTS_TSS      0x008bu
#define RIGHTS_L        (1u << 13)
#define RIGHTS_UNUSABLE (1u << 16)

#define DR7_RESET  0x400
#define SHADOW_STI 1u /* blocking by STI, by MOV SS */
#define SHADOW_SS  2u
#define NO_LINK    UINT64_MAX

#define REASON_NMI                  0 /* or an exception: none of those exits */
#define REASON_EXTERNAL_INTERRUPT   1
#define REASON_INTERRUPT_WINDOW     7
#define REASON_CPUID                10
#define REASON_HLT                  12
#define REASON_VMCALL               18
#define REASON_PORT                 30
#define REASON_RDMSR                31
#define REASON_WRMSR                32
#define REASON_PREEMPTION_TIMER     52
#define REASON_EPT_VIOLATION        48
#define REASON_EPT_MISCONFIGURATION 49
#define REASON_XSETBV               55

/* "Exit Qualification for I/O Instructions": the port is in [31:16], the size less one in [2:0]. */
#define PORT_IN     BIT(3)
#define PORT_STRING BIT(4)

/* #GP's vector (vol. 3A, table "Protected-Mode Exceptions and Interrupts"). */
#define GENERAL_PROTECTION 13u

/* "Exit Qualification for EPT Violations". */
#define VIOLATION_PERMITTED    (BIT(3) | BIT(4) | BIT(5)) /* what the tables allow */
#define VIOLATION_LINEAR_VALID BIT(7)
#define VIOLATION_FINAL        BIT(8) /* the access itself; else a walk of the guest's tables */

#endif /* HYPERVISOR_X86_64_VMCS_H */
