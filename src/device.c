/* SPDX-License-Identifier: Apache-2.0 */
/* Widths and ranges of device accesses. */
#include <axvisor/device.h>

ax_error_t ax_access_width_from_size(size_t size, enum ax_access_width *out)
{
	if (!out)
		return AX_EINVAL;
	switch (size) {
	case 1:
		*out = AX_ACCESS_BYTE;
		return AX_OK;
	case 2:
		*out = AX_ACCESS_WORD;
		return AX_OK;
	case 4:
		*out = AX_ACCESS_DWORD;
		return AX_OK;
	case 8:
		*out = AX_ACCESS_QWORD;
		return AX_OK;
	default:
		return AX_EINVAL;
	}
}

size_t ax_access_width_size(enum ax_access_width width)
{
	switch (width) {
	case AX_ACCESS_BYTE:
		return 1;
	case AX_ACCESS_WORD:
		return 2;
	case AX_ACCESS_DWORD:
		return 4;
	case AX_ACCESS_QWORD:
		return 8;
	}
	return 0;
}

struct ax_bit_range ax_access_width_bits(enum ax_access_width width)
{
	struct ax_bit_range bits = {0, 8u * (unsigned)ax_access_width_size(width)};

	return bits;
}

ax_port_t ax_port(uint16_t raw)
{
	ax_port_t port = {raw};

	return port;
}

ax_sysreg_t ax_sysreg(uint64_t raw)
{
	ax_sysreg_t sysreg = {raw};

	return sysreg;
}

bool ax_port_range_contains(struct ax_port_range range, ax_port_t port)
{
	return port.raw >= range.first.raw && port.raw <= range.last.raw;
}

bool ax_sysreg_range_contains(struct ax_sysreg_range range, ax_sysreg_t sysreg)
{
	return sysreg.raw >= range.first.raw && sysreg.raw <= range.last.raw;
}
