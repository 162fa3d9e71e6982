/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are on QEMU's "virt" machine (QEMU, hw/riscv/virt.c, virt_memmap), with 2 GiB of
 * RAM. A hypervisor for more than one board reads this from the device tree.
 */
#ifndef HYPERVISOR_RISCV64_PLATFORM_H
#define HYPERVISOR_RISCV64_PLATFORM_H

#define PLATFORM_CPUS 3 /* at most */

/*
 * The upper half of the RAM. In the lower one the firmware has its code and the device tree, and
 * there the guest's RAM would lie at its host-physical address.
 */
#define PLATFORM_RAM_BASE 0xc0000000ul
#define PLATFORM_RAM_SIZE 0x40000000ul

#define PLATFORM_TEST 0x00100000 /* SiFive's test finisher: the way out */
#define PLATFORM_UART 0x10000000 /* NS16550A */

/* The device that is passed through to the guest. */
#define PLATFORM_DEVICE      PLATFORM_UART
#define PLATFORM_DEVICE_SIZE 0x1000

/* What the library's table is to have beyond what it has by itself, where the CPU can: nothing. */
#define PLATFORM_NPT_FEATURES UINT64_C(0)

/* An invalidation of translations stays on its CPU: tlb_shootdown.c. */
#define PLATFORM_TLB_BROADCAST 0

/* The device tree's /cpus/timebase-frequency. */
#define PLATFORM_TIMEBASE 10000000

/*
 * The guest's interrupt controller, where the board has its own: the page of context N, with the
 * claim/complete register (plic.c).
 */
#define PLATFORM_PLIC_CONTEXT(n) (0x0c200000u + (n)*0x1000u)
#define PLIC_CLAIM               0x4

/*
 * With Linux as the guest: where the emulator puts what it boots from, and where it has its RAM: at
 * addresses at which the machine has nothing.
 */
#define PLATFORM_PAYLOAD 0xfc000000ul
#define LINUX_RAM        UINT64_C(0x100000000)
#define LINUX_RAM_SIZE   UINT64_C(0x10000000)

/* The guest's software interrupt, which is no interrupt of the PLIC. */
#define GUEST_IPI 0

/* Virtual interrupts: that of the guest's timer, and the first of GUEST_INTERRUPTS of its tests. */
#define GUEST_TIMER      5
#define GUEST_INTERRUPT  300
#define GUEST_INTERRUPTS 6

#endif /* HYPERVISOR_RISCV64_PLATFORM_H */
