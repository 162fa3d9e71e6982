/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: device accesses
 *
 * What an emulated device and the code that routes an exit to it say to each other: how wide an
 * access is, and which addresses a device answers to. A device in guest memory answers to a struct
 * ax_gpa_range of <axvisor/addr.h>, which is half-open; ports and system registers have inclusive
 * ranges, so that one can reach the last of them. struct ax_npt_fault of <axvisor/fault.h> is the
 * access to guest memory that ended a guest's run.
 */
#ifndef AXVISOR_DEVICE_H
#define AXVISOR_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <axvisor/addr.h>
#include <axvisor/error.h>
#include <axvisor/fault.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * enum ax_access_width - How wide an access is.
 * @AX_ACCESS_BYTE: 8 bits.
 * @AX_ACCESS_WORD: 16 bits.
 * @AX_ACCESS_DWORD: 32 bits.
 * @AX_ACCESS_QWORD: 64 bits.
 */
enum ax_access_width {
	AX_ACCESS_BYTE,
	AX_ACCESS_WORD,
	AX_ACCESS_DWORD,
	AX_ACCESS_QWORD,
};

/**
 * struct ax_bit_range - Bits @start to @end of a register, @end exclusive.
 */
struct ax_bit_range {
	unsigned start;
	unsigned end;
};

/**
 * ax_access_width_from_size() - The width of an access of so many bytes.
 * @size: 1, 2, 4 or 8.
 * @out: Filled on AX_OK, else untouched.
 *
 * Context: any.
 * Return: AX_OK; AX_EINVAL for another size, or when @out is NULL.
 */
AX_MUST_CHECK ax_error_t ax_access_width_from_size(size_t size, enum ax_access_width *out);

/**
 * ax_access_width_size() - Bytes of an access.
 * @width: One of the four.
 *
 * Context: any.
 * Return: 1, 2, 4 or 8; 0 when @width is none of the four.
 */
size_t ax_access_width_size(enum ax_access_width width);

/**
 * ax_access_width_bits() - The bits of a register that an access reaches.
 * @width: One of the four.
 *
 * Context: any.
 * Return: from 0 to 8, 16, 32 or 64; to 0 when @width is none of the four.
 */
struct ax_bit_range ax_access_width_bits(enum ax_access_width width);

/** typedef ax_port_t - An x86 I/O port. */
typedef struct {
	uint16_t raw;
} ax_port_t;

/** typedef ax_sysreg_t - A system register's address, in the encoding that the exit reports. */
typedef struct {
	uint64_t raw;
} ax_sysreg_t;

/**
 * ax_port() - A port.
 * @raw: Its number.
 *
 * Context: any.
 */
ax_port_t ax_port(uint16_t raw);

/**
 * ax_sysreg() - A system register.
 * @raw: Its address.
 *
 * Context: any.
 */
ax_sysreg_t ax_sysreg(uint64_t raw);

/**
 * struct ax_port_range - Ports from @first to @last, both included. None when @last < @first.
 */
struct ax_port_range {
	ax_port_t first;
	ax_port_t last;
};

/**
 * struct ax_sysreg_range - System registers from @first to @last, both included. None when
 *	@last < @first.
 */
struct ax_sysreg_range {
	ax_sysreg_t first;
	ax_sysreg_t last;
};

/**
 * ax_port_range_contains() - Whether a device answers to a port.
 * @range: Any range.
 * @port: Any port.
 *
 * Context: any.
 */
bool ax_port_range_contains(struct ax_port_range range, ax_port_t port);

/**
 * ax_sysreg_range_contains() - Whether a device answers to a system register.
 * @range: Any range.
 * @sysreg: Any register.
 *
 * Context: any.
 */
bool ax_sysreg_range_contains(struct ax_sysreg_range range, ax_sysreg_t sysreg);

#ifdef __cplusplus
}
#endif

#endif /* AXVISOR_DEVICE_H */
