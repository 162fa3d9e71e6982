/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: the virtual machine manager
 *
 * What components ask the hypervisor about its VMs and vCPUs. The port defines what it has of the
 * module; the helpers at the end are the library's.
 */
#ifndef AXVISOR_VMM_H
#define AXVISOR_VMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <axvisor/api.h>
#include <axvisor/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** typedef ax_vm_id_t - A VM's number. */
typedef size_t ax_vm_id_t;

/** typedef ax_vcpu_id_t - A vCPU's number within its VM. */
typedef size_t ax_vcpu_id_t;

/** typedef ax_interrupt_vector_t - An interrupt's number: an x86 vector, a GIC INTID, a PLIC source. */
typedef uint32_t ax_interrupt_vector_t;

/**
 * ax_vmm_current_vm_id() - The VM that this CPU runs.
 *
 * Context: any.
 * Return: its number; outside a VM a number that no VM has, such as SIZE_MAX.
 */
ax_vm_id_t ax_vmm_current_vm_id(void);

/**
 * ax_vmm_current_vcpu_id() - The vCPU that this CPU runs.
 *
 * Context: on a CPU that serves a vCPU; elsewhere the result means nothing.
 * Return: its number within its VM.
 */
ax_vcpu_id_t ax_vmm_current_vcpu_id(void);

/**
 * ax_vmm_vcpu_num() - How many vCPUs a VM has.
 * @vm: Any number.
 * @count: Filled when there is such a VM, else untouched.
 *
 * Context: any.
 * Return: false: no such VM.
 */
bool ax_vmm_vcpu_num(ax_vm_id_t vm, size_t *count);

/**
 * ax_vmm_active_vcpus() - Which vCPUs of a VM run.
 * @vm: Any number.
 * @mask: Filled when there is such a VM, else untouched. Bit N: vCPU N runs.
 *
 * Context: any. The answer may be old when it arrives.
 * Return: false: no such VM.
 */
bool ax_vmm_active_vcpus(ax_vm_id_t vm, uint64_t *mask);

/**
 * ax_vmm_inject_interrupt() - Make an interrupt pending in a vCPU.
 * @vm: A VM.
 * @vcpu: A vCPU of it, running or not.
 * @vector: The interrupt.
 *
 * Context: any CPU.
 */
void ax_vmm_inject_interrupt(ax_vm_id_t vm, ax_vcpu_id_t vcpu, ax_interrupt_vector_t vector);

/**
 * ax_vmm_notify_vcpu_timer_expired() - Tell the VMM that a vCPU's timer went off.
 * @vm: A VM.
 * @vcpu: A vCPU of it, running or not.
 *
 * Context: any CPU, the callback of a timer among them.
 */
void ax_vmm_notify_vcpu_timer_expired(ax_vm_id_t vm, ax_vcpu_id_t vcpu);

/** AX_VMM_VERSION - Changes with the meaning of a function above. */
#define AX_VMM_VERSION 1

/** AX_VMM_API() - The list of the module's functions, for the macros of <axvisor/api.h>. */
#define AX_VMM_API(FN)               \
	FN(ax_vmm, current_vm_id)    \
	FN(ax_vmm, current_vcpu_id)  \
	FN(ax_vmm, vcpu_num)         \
	FN(ax_vmm, active_vcpus)     \
	FN(ax_vmm, inject_interrupt) \
	FN(ax_vmm, notify_vcpu_timer_expired)

/* ax_vmm_missing(), ax_vmm_require(), ax_vmm_index_current_vm_id, ... */
AX_API_DECLARE(ax_vmm, AX_VMM_VERSION, AX_VMM_API);

/**
 * ax_vmm_current_vm_vcpu_num() - How many vCPUs the VM of this CPU has.
 * @count: Filled on AX_OK, else untouched.
 *
 * Context: any.
 * Return: AX_OK; AX_EINVAL when @count is NULL; AX_ENOENT outside a VM; AX_EUNBOUND when the port
 * lacks ax_vmm_current_vm_id() or ax_vmm_vcpu_num().
 */
AX_MUST_CHECK ax_error_t ax_vmm_current_vm_vcpu_num(size_t *count);

/**
 * ax_vmm_current_vm_active_vcpus() - Which vCPUs of the VM of this CPU run.
 * @mask: Filled on AX_OK, else untouched. Bit N: vCPU N runs.
 *
 * Context: any.
 * Return: AX_OK; AX_EINVAL when @mask is NULL; AX_ENOENT outside a VM; AX_EUNBOUND when the port
 * lacks ax_vmm_current_vm_id() or ax_vmm_active_vcpus().
 */
AX_MUST_CHECK ax_error_t ax_vmm_current_vm_active_vcpus(uint64_t *mask);

#ifdef __cplusplus
}
#endif

#endif /* AXVISOR_VMM_H */
