/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: the host
 *
 * What the port tells about the machine as a whole.
 */
#ifndef AXVISOR_HOST_H
#define AXVISOR_HOST_H

#include <stddef.h>
#include <stdint.h>

#include <axvisor/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ax_host_get_cpu_num() - How many CPUs the host has.
 *
 * Context: any. The answer never changes.
 * Return: at least 1. An address space that names no number of CPUs takes this one.
 */
size_t ax_host_get_cpu_num(void);

/** AX_HOST_VERSION - Changes with the meaning of a function above. */
#define AX_HOST_VERSION 1

/** AX_HOST_API() - The list of the module's functions, for the macros of <axvisor/api.h>. */
#define AX_HOST_API(FN) FN(ax_host, get_cpu_num)

/* ax_host_missing(), ax_host_require(), ax_host_index_get_cpu_num */
AX_API_DECLARE(ax_host, AX_HOST_VERSION, AX_HOST_API);

#ifdef __cplusplus
}
#endif

#endif /* AXVISOR_HOST_H */
