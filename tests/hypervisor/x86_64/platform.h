/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are on a PC, with 1 GiB of RAM: QEMU's "pc" machine and Bochs. A hypervisor for more
 * than these reads it from the firmware's memory map and the ACPI tables.
 */
#ifndef HYPERVISOR_X86_64_PLATFORM_H
#define HYPERVISOR_X86_64_PLATFORM_H

#define PLATFORM_CPUS     2
#define PLATFORM_RAM_BASE 0x0u
#define PLATFORM_RAM_SIZE 0x40000000u

/* With Linux as the guest: where the emulator puts what it boots from, and the RAM that it has. */
#define PLATFORM_PAYLOAD     0x3c000000
#define PLATFORM_PAYLOAD_MAX 0x2000000
#define LINUX_RAM            UINT64_C(0)
#define LINUX_RAM_SIZE       UINT64_C(0x10000000)

/* The local APIC of the CPU that looks (Intel SDM vol. 3A, "Local APIC Status and Location"). */
#define PLATFORM_APIC 0xfee00000

/* The I/O APIC, which the guest gets for its own. */
#define PLATFORM_DEVICE      0xfec00000
#define PLATFORM_DEVICE_SIZE 0x1000

/*
 * What the library's table is to have beyond what it has by itself, where the CPU can: the processor
 * records accesses and writes in it, so that its own writes meet the library's.
 */
#define PLATFORM_NPT_FEATURES AX_NPT_FEATURE_ACCESSED_DIRTY

/* An invalidation of translations reaches no other CPU by itself. */
#define PLATFORM_TLB_BROADCAST 0

/* Each byte written here is shown by the emulator: QEMU -debugcon, Bochs port_e9_hack. */
#define PLATFORM_CONSOLE 0xe9

/* A page below 1 MiB, where a CPU that is started begins in real mode. */
#define PLATFORM_TRAMPOLINE 0x8000

/* Vectors of the hypervisor's own IDT. */
#define PLATFORM_TIMER_INTERRUPT 0x20
#define PLATFORM_KICK_INTERRUPT  0x21
#define PLATFORM_SPURIOUS        0x2f /* on old processors the low four bits are ones */
#define PLATFORM_VECTORS         0x30

/*
 * Virtual interrupts: that of the guest's timer, and the first of GUEST_INTERRUPTS that its tests
 * use.
 */
#define GUEST_TIMER      0x40
#define GUEST_INTERRUPT  0x50
#define GUEST_INTERRUPTS 6
#define GUEST_VECTORS    0x60 /* of the guest's IDT */

/*
 * How the guest calls: what it starts with in ESI, because the two vendors have an instruction
 * each and one image runs on both.
 */
#define GUEST_CALLS_BY_VMCALL  0
#define GUEST_CALLS_BY_VMMCALL 1

#endif /* HYPERVISOR_X86_64_PLATFORM_H */
