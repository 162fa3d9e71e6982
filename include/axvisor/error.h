/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: error codes
 *
 * Every fallible function returns an ax_error_t: AX_OK or one negative code. A call that fails has
 * changed nothing that a guest, a query or the count of frames can see, unless its own contract
 * says otherwise.
 */
#ifndef AXVISOR_ERROR_H
#define AXVISOR_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/** AX_MUST_CHECK - The compiler warns when a caller drops the result. */
#define AX_MUST_CHECK __attribute__((warn_unused_result))

/** typedef ax_error_t - AX_OK or one of the negative codes below. */
typedef int ax_error_t;

/**
 * enum ax_error - What can go wrong.
 * @AX_OK: Nothing did.
 * @AX_EINVAL: An argument is wrong by itself: null, empty, an unknown flag, no permission at all.
 * @AX_EALIGN: An address or size is not a multiple of what it must be.
 * @AX_ERANGE: Outside the space, wider than the tables or an entry's field, or start + size
 *	overflows.
 * @AX_EEXIST: The range overlaps a region.
 * @AX_ENOENT: Not mapped, or no such thing.
 * @AX_EACCES: The permissions forbid it, or it is device memory.
 * @AX_ENOMEM: The port has no frame left. A retry after memory returned works.
 * @AX_ENOTSUP: This table format or this CPU cannot do it.
 * @AX_EUNBOUND: The port does not define a host API function that this needs.
 * @AX_ENOSPC: The caller's array is too small.
 * @AX_ESTATE: The object is not in the state the call needs, or is damaged.
 */
enum ax_error {
	AX_OK = 0,
	AX_EINVAL = -1,
	AX_EALIGN = -2,
	AX_ERANGE = -3,
	AX_EEXIST = -4,
	AX_ENOENT = -5,
	AX_EACCES = -6,
	AX_ENOMEM = -7,
	AX_ENOTSUP = -8,
	AX_EUNBOUND = -9,
	AX_ENOSPC = -10,
	AX_ESTATE = -11,
};

/**
 * ax_strerror() - The text of an error code.
 * @error: Any value.
 *
 * Context: any.
 * Return: a constant English phrase, never NULL.
 */
const char *ax_strerror(ax_error_t error);

#ifdef __cplusplus
}
#endif

#endif /* AXVISOR_ERROR_H */
