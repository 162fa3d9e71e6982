/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are on QEMU's "virt" machine (QEMU, hw/arm/virt.c, base_memmap), with 1 GiB of RAM.
 * A hypervisor for more than one board reads this from the device tree.
 */
#ifndef HYPERVISOR_AARCH64_PLATFORM_H
#define HYPERVISOR_AARCH64_PLATFORM_H

#define PLATFORM_RAM_BASE  0x40000000u
#define PLATFORM_RAM_SIZE  0x40000000u
#define PLATFORM_GICD      0x08000000 /* GIC distributor */
#define PLATFORM_GICR      0x080a0000 /* GIC redistributors, the first is the boot CPU's */
#define PLATFORM_UART      0x09000000 /* PL011 */
#define PLATFORM_UART_SIZE 0x1000

/*
 * Private interrupts, as the Server Base System Architecture has them: the GIC's own, about list
 * registers, and the EL2 physical timer's.
 */
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
