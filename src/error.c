/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of the error codes. */
#include <axvisor/error.h>

const char *ax_strerror(ax_error_t error)
{
	static const char *const text[] = {
		[-AX_OK] = "success",
		[-AX_EINVAL] = "invalid argument",
		[-AX_EALIGN] = "address or size not aligned",
		[-AX_ERANGE] = "address out of range",
		[-AX_EEXIST] = "range overlaps a region",
		[-AX_ENOENT] = "not mapped",
		[-AX_EACCES] = "access not permitted",
		[-AX_ENOMEM] = "out of memory",
		[-AX_ENOTSUP] = "not supported by this table format or CPU",
		[-AX_EUNBOUND] = "host API function not bound",
		[-AX_ENOSPC] = "array too small",
		[-AX_ESTATE] = "wrong state",
	};
	/* Positive codes come out larger than all. */
	unsigned index = 0u - (unsigned)error;

	return index < sizeof(text) / sizeof(*text) ? text[index] : "unknown error";
}
