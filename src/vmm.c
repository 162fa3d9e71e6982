/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers over the vmm module. */
#include <axvisor/vmm.h>

#include "bind.h"

ax_error_t ax_vmm_current_vm_vcpu_num(size_t *count)
{
	const struct ax_vmm_api *vmm = ax_vmm_api();

	if (!count)
		return AX_EINVAL;
	if (!vmm->current_vm_id || !vmm->vcpu_num)
		return AX_EUNBOUND;
	return vmm->vcpu_num(vmm->current_vm_id(), count) ? AX_OK : AX_ENOENT;
}

ax_error_t ax_vmm_current_vm_active_vcpus(uint64_t *mask)
{
	const struct ax_vmm_api *vmm = ax_vmm_api();

	if (!mask)
		return AX_EINVAL;
	if (!vmm->current_vm_id || !vmm->active_vcpus)
		return AX_EUNBOUND;
	return vmm->active_vcpus(vmm->current_vm_id(), mask) ? AX_OK : AX_ENOENT;
}
