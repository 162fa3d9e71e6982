/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: the architecture
 *
 * On AArch64: the host's interrupt controller, as components need it to virtualise one. On other
 * targets this header declares nothing and there is no module.
 */
#ifndef AXVISOR_ARCH_H
#define AXVISOR_ARCH_H

#ifdef __aarch64__

#include <stdint.h>

#include <axvisor/addr.h>
#include <axvisor/api.h>
#include <axvisor/vmm.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ax_arch_hardware_inject_virtual_interrupt() - Inject through the GIC's virtual interface.
 * @vector: INTID to make pending in the vCPU that this CPU runs.
 *
 * Context: on the CPU that runs the vCPU.
 * Source: GIC architecture (IHI 0069), "Virtual interrupt handling and prioritization".
 */
void ax_arch_hardware_inject_virtual_interrupt(ax_interrupt_vector_t vector);

/**
 * ax_arch_read_vgicd_typer() - GICD_TYPER for a virtual distributor.
 *
 * Context: any.
 * Return: the register's value.
 */
uint32_t ax_arch_read_vgicd_typer(void);

/**
 * ax_arch_read_vgicd_iidr() - GICD_IIDR for a virtual distributor.
 *
 * Context: any.
 * Return: the register's value.
 */
uint32_t ax_arch_read_vgicd_iidr(void);

/**
 * ax_arch_get_host_gicd_base() - Where the host's GIC distributor is.
 *
 * Context: any.
 * Return: its physical address.
 */
ax_hpa_t ax_arch_get_host_gicd_base(void);

/**
 * ax_arch_get_host_gicr_base() - Where the host's GIC redistributors are.
 *
 * Context: any. GICv3 or later.
 * Return: the physical address of the first.
 */
ax_hpa_t ax_arch_get_host_gicr_base(void);

/**
 * ax_arch_fetch_irq() - Acknowledge the pending physical interrupt.
 *
 * Context: on the CPU that the interrupt came to.
 * Return: what the interrupt acknowledge register holds.
 */
uint64_t ax_arch_fetch_irq(void);

/**
 * ax_arch_handle_irq() - Run the host's handler for the pending physical interrupt.
 *
 * Context: on the CPU that the interrupt came to, after it left a guest.
 */
void ax_arch_handle_irq(void);

/** AX_ARCH_VERSION - Changes with the meaning of a function above. */
#define AX_ARCH_VERSION 1

/** AX_ARCH_API() - The list of the module's functions, for the macros of <axvisor/api.h>. */
#define AX_ARCH_API(FN)                                \
	FN(ax_arch, hardware_inject_virtual_interrupt) \
	FN(ax_arch, read_vgicd_typer)                  \
	FN(ax_arch, read_vgicd_iidr)                   \
	FN(ax_arch, get_host_gicd_base)                \
	FN(ax_arch, get_host_gicr_base)                \
	FN(ax_arch, fetch_irq)                         \
	FN(ax_arch, handle_irq)

/* ax_arch_missing(), ax_arch_require(), ax_arch_index_read_vgicd_typer, ... */
AX_API_DECLARE(ax_arch, AX_ARCH_VERSION, AX_ARCH_API);

#ifdef __cplusplus
}
#endif

#endif /* __aarch64__ */

#endif /* AXVISOR_ARCH_H */
