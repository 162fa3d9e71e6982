/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are on QEMU's "virt" machine (QEMU, hw/arm/virt.c, base_memmap), with 1 GiB of RAM.
 * A hypervisor for more than one board reads this from the device tree.
 */
#ifndef HYPERVISOR_AARCH64_PLATFORM_H
#define HYPERVISOR_AARCH64_PLATFORM_H

#define PLATFORM_CPUS      3 /* at most */
#define PLATFORM_RAM_BASE  0x40000000u
#define PLATFORM_RAM_SIZE  0x40000000u
#define PLATFORM_GICD      0x08000000 /* GIC distributor */
#define PLATFORM_GICD_SIZE 0x10000
#define PLATFORM_GICR      0x080a0000 /* GIC redistributors, one after the other in the CPUs' order */
#define PLATFORM_GICR_SIZE 0x20000
#define PLATFORM_UART      0x09000000 /* PL011 */

/* The device that is passed through to the guest. */
#define PLATFORM_DEVICE      PLATFORM_UART
#define PLATFORM_DEVICE_SIZE 0x1000

/*
 * With Linux as the guest: where the emulator puts what it boots from, and where it has its RAM: at
 * addresses at which the machine has nothing.
 */
#define PLATFORM_PAYLOAD 0x7c000000u
#define LINUX_RAM        UINT64_C(0x80000000)
#define LINUX_RAM_SIZE   UINT64_C(0x10000000)

/* What the library's table is to have beyond what it has by itself, where the CPU can: nothing. */
#define PLATFORM_NPT_FEATURES UINT64_C(0)

/* An invalidation of translations reaches the other CPUs by itself. */
#define PLATFORM_TLB_BROADCAST 1

/*
 * Private interrupts: a software-generated one by which one CPU kicks another, and, as the Server
 * Base System Architecture has them, the GIC's own, about list registers, and the EL2 physical
 * timer's.
 */
#define PLATFORM_KICK_INTERRUPT  0
#define PLATFORM_GIC_INTERRUPT   25
#define PLATFORM_TIMER_INTERRUPT 26

/*
 * Virtual interrupts: that of the guest's timer, and the first of GUEST_INTERRUPTS that its tests
 * use. They are above 255: a vector is 32 bits wide all the way, where an older API cut it to 8.
 */
#define GUEST_TIMER      27
#define GUEST_INTERRUPT  300
#define GUEST_INTERRUPTS 6

#endif /* HYPERVISOR_AARCH64_PLATFORM_H */
