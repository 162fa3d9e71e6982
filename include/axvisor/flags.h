/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: permissions and memory types
 *
 * The numbers are those of the MappingFlags of AxVisor's configuration files.
 */
#ifndef AXVISOR_FLAGS_H
#define AXVISOR_FLAGS_H

#include <stdint.h>

/** typedef ax_flags_t - A set of the bits below. */
typedef uint32_t ax_flags_t;

/* Macros and not an enum: a C enumerator is an int, and `~AX_WRITE` would be negative. */

/** AX_READ - The guest may load. */
#define AX_READ 0x1u
/** AX_WRITE - The guest may store. */
#define AX_WRITE 0x2u
/** AX_EXECUTE - The guest may fetch instructions. */
#define AX_EXECUTE 0x4u
/**
 * AX_USER - For the guest's user mode.
 *
 * A guest-physical mapping is usable by all of the guest, with or without this bit. It counts only
 * in a space that asked for AX_NPT_FEATURE_XNX or AX_NPT_FEATURE_MODE_BASED_EXECUTE: there
 * AX_EXECUTE without AX_USER is execution by the guest's kernel alone.
 */
#define AX_USER 0x8u
/** AX_DEVICE - Device memory: uncached, and never touched by the guest memory functions. */
#define AX_DEVICE 0x10u
/** AX_UNCACHED - Ordinary memory, not cached. With AX_DEVICE it adds nothing. */
#define AX_UNCACHED 0x20u

/** AX_FLAGS_ALL - Every bit that has a meaning. */
#define AX_FLAGS_ALL 0x3fu
/** AX_FLAGS_ACCESS - The three permissions. */
#define AX_FLAGS_ACCESS 0x7u

#endif /* AXVISOR_FLAGS_H */
