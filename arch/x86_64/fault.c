/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Second-stage faults of Intel and AMD: pure functions, in every build.
 *
 * Sources: Intel SDM vol. 3C, table "Exit Qualification for EPT Violations" in the chapter on VM
 * exits, and "EPT Violations"; AMD APM vol. 2, 15.25.6 "Nested versus Guest Page Faults, Fault
 * Ordering", with the page-fault error code of 8.4.2.
 */
#include <stddef.h>

#include <axvisor/fault.h>

#define EPT_VIOLATION_READ    (UINT64_C(1) << 0)
#define EPT_VIOLATION_WRITE   (UINT64_C(1) << 1)
#define EPT_VIOLATION_EXECUTE (UINT64_C(1) << 2)

#define NPF_WRITE       (UINT64_C(1) << 1)
#define NPF_RESERVED    (UINT64_C(1) << 3)
#define NPF_EXECUTE     (UINT64_C(1) << 4)
#define NPF_RMP         (UINT64_C(1) << 31) /* SEV-SNP: the reverse map forbids it, no table does */
#define NPF_GUEST_TABLE (UINT64_C(1) << 33)

/*
 * More than one bit may be set. A read-modify-write sets write and perhaps read; with accessed and
 * dirty flags in use the walk of a guest table counts as a write, and sets both. Each bit is a
 * permission that the page has to have before the guest gets further.
 */
ax_error_t ax_npt_fault_from_ept(uint64_t qualification, uint64_t guest_physical,
				 struct ax_npt_fault *out)
{
	ax_flags_t access = 0;

	if (!out)
		return AX_EINVAL;
	if (qualification & EPT_VIOLATION_READ)
		access |= AX_READ;
	if (qualification & EPT_VIOLATION_WRITE)
		access |= AX_WRITE;
	if (qualification & EPT_VIOLATION_EXECUTE)
		access |= AX_EXECUTE;
	if (!access)
		return AX_ENOENT;
	out->access = access;
	out->addr = ax_gpa(guest_physical);
	return AX_OK;
}

/*
 * The nested table sees a walk of the guest's tables as a user write, always, since it may have to
 * set an accessed bit there; whether the walk was for an instruction fetch does not matter then.
 */
static ax_flags_t npf_access(uint64_t exitinfo1)
{
	if (exitinfo1 & (NPF_WRITE | NPF_GUEST_TABLE))
		return AX_WRITE;
	return exitinfo1 & NPF_EXECUTE ? AX_EXECUTE : AX_READ;
}

ax_error_t ax_npt_fault_from_npf(uint64_t exitinfo1, uint64_t exitinfo2, struct ax_npt_fault *out)
{
	if (!out)
		return AX_EINVAL;
	if (exitinfo1 & (NPF_RESERVED | NPF_RMP))
		return AX_ENOENT;
	out->access = npf_access(exitinfo1);
	out->addr = ax_gpa(exitinfo2);
	return AX_OK;
}
