/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of the error codes. */
#include <axvisor/error.h>

const char *ax_strerror(ax_error_t error)
{
	switch (error) {
	case AX_OK:
		return "success";
	case AX_EINVAL:
		return "invalid argument";
	case AX_EALIGN:
		return "address or size not aligned";
	case AX_ERANGE:
		return "address out of range";
	case AX_EEXIST:
		return "range overlaps a region";
	case AX_ENOENT:
		return "not mapped";
	case AX_EACCES:
		return "access not permitted";
	case AX_ENOMEM:
		return "out of memory";
	case AX_ENOTSUP:
		return "not supported by this table format or CPU";
	case AX_EUNBOUND:
		return "host API function not bound";
	case AX_ENOSPC:
		return "array too small";
	case AX_ESTATE:
		return "wrong state";
	default:
		return "unknown error";
	}
}
