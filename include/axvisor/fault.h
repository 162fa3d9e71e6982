/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: second-stage fault decoders
 *
 * Pure functions from the registers that the hardware fills at a second-stage fault to what
 * ax_addrspace_handle_page_fault() takes. Every target has all of them, so that they can be tested
 * anywhere; a port calls the one of its CPU.
 *
 * In a space that restricts the guest's user mode (AX_NPT_FEATURE_XNX, _MODE_BASED_EXECUTE) the port
 * adds AX_USER to the access of a fault that was taken from user mode, which the registers here do
 * not tell.
 */
#ifndef AXVISOR_FAULT_H
#define AXVISOR_FAULT_H

#include <stdint.h>

#include <axvisor/addr.h>
#include <axvisor/error.h>
#include <axvisor/flags.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct ax_npt_fault - What the guest wanted, and where.
 * @access: AX_READ, AX_WRITE or AX_EXECUTE; both AX_READ and AX_WRITE for an atomic that is known to
 *	be one.
 * @addr: Guest physical address. Exact to the byte where the hardware tells it, else the page's
 *	first byte (each decoder says).
 */
struct ax_npt_fault {
	ax_flags_t access;
	ax_gpa_t addr;
};

/**
 * ax_npt_fault_from_stage2() - Decode an AArch64 stage 2 abort.
 * @esr: ESR_EL2 at the exception.
 * @hpfar: HPFAR_EL2.
 * @far: FAR_EL2.
 * @out: Filled on AX_OK, else untouched.
 *
 * Takes translation, permission and access flag faults, of data and of instruction fetches from a
 * lower exception level. A walk of the guest's own stage 1 tables (S1PTW) is a read of the table,
 * or a read and a write when the hardware was to update a flag in it, and is exact to the page only.
 *
 * HPFAR_EL2 is architecturally valid for translation and access flag faults, and for any fault on
 * a stage 1 walk. For a permission fault of the access itself it is UNKNOWN: then the port finds
 * the address with AT S1E1R and PAR_EL1, and passes the result in the form of HPFAR_EL2.
 *
 * Context: any.
 * Return: AX_OK; AX_EINVAL when @out is NULL; AX_ENOENT when @esr is no stage 2 fault of this kind
 * (another class, an external abort, an address size fault).
 * Source: Arm ARM (DDI 0487) D24.2 "ESR_EL2", ISS encodings for Data Abort and Instruction Abort;
 * "HPFAR_EL2"; "FAR_EL2".
 */
AX_MUST_CHECK ax_error_t ax_npt_fault_from_stage2(uint64_t esr, uint64_t hpfar, uint64_t far,
						  struct ax_npt_fault *out);

/**
 * ax_npt_fault_from_ept() - Decode an Intel EPT violation.
 * @qualification: Exit qualification of VM exit reason 48.
 * @guest_physical: The guest-physical address field of the VMCS. Exact to the byte, unless the
 *	access was to the guest's own paging structures.
 * @out: Filled on AX_OK, else untouched.
 *
 * An EPT misconfiguration (reason 49) has no qualification: it is never the guest's doing.
 *
 * Context: any.
 * Return: AX_OK; AX_EINVAL when @out is NULL; AX_ENOENT when the qualification names no access.
 * Source: Intel SDM vol. 3C, "Exit Qualification for EPT Violations".
 */
AX_MUST_CHECK ax_error_t ax_npt_fault_from_ept(uint64_t qualification, uint64_t guest_physical,
					       struct ax_npt_fault *out);

/**
 * ax_npt_fault_from_npf() - Decode an AMD nested page fault.
 * @exitinfo1: EXITINFO1 of #VMEXIT(NPF), exit code 0x400: a page-fault error code, with bit 32 or 33
 *	set for the final address or a guest table.
 * @exitinfo2: EXITINFO2: the guest physical address, exact to the byte.
 * @out: Filled on AX_OK, else untouched.
 *
 * Context: any.
 * Return: AX_OK; AX_EINVAL when @out is NULL; AX_ENOENT when the error code says a reserved bit was
 * set in a nested table entry: that is damage, and nothing to serve.
 * Source: AMD APM vol. 2, 15.25.6 "Nested versus Guest Page Faults, Fault Ordering".
 */
AX_MUST_CHECK ax_error_t ax_npt_fault_from_npf(uint64_t exitinfo1, uint64_t exitinfo2,
					       struct ax_npt_fault *out);

/**
 * ax_npt_fault_from_gstage() - Decode a RISC-V guest-page fault.
 * @scause: scause (or vscause's hypervisor-level value) of the trap: 20, 21 or 23.
 * @htval: htval: guest physical address >> 2. Hardware that does not tell it leaves 0, which is not told
 *	apart from address 0.
 * @stval: stval: its two low bits complete @htval when the fault was the access itself.
 * @htinst: htinst: the pseudoinstructions 0x2000/0x2020 and 0x3000/0x3020 tell a fault of the
 *	guest's own (VS-stage) table walk, read or write.
 * @out: Filled on AX_OK, else untouched.
 *
 * Context: any.
 * Return: AX_OK; AX_EINVAL when @out is NULL; AX_ENOENT when @scause is no guest-page fault.
 * Source: RISC-V privileged architecture, "Hypervisor Extension", 18.4 Traps.
 */
AX_MUST_CHECK ax_error_t ax_npt_fault_from_gstage(uint64_t scause, uint64_t htval, uint64_t stval,
						  uint64_t htinst, struct ax_npt_fault *out);

#ifdef __cplusplus
}
#endif

#endif /* AXVISOR_FAULT_H */
