/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the hypervisor and its guest agree on: the guest's memory map, the trapped device and the
 * hypercalls. Included by C, by assembly and by the guest's linker script.
 *
 * The addresses are guest-physical. None of the RAM lies at its host-physical address, so a
 * translation that is left out anywhere shows at once.
 */
#ifndef HYPERVISOR_ABI_H
#define HYPERVISOR_ABI_H

/* RAM, first half: backed when the space is made. 2 MiB aligned, so that it lies in huge pages. */
#define GUEST_RAM      0x80000000
#define GUEST_RAM_SIZE 0x800000

/* RAM, second half: backed page by page as the guest touches it. */
#define GUEST_LAZY      0x80800000
#define GUEST_LAZY_SIZE 0x800000

/* A "boot ROM", one huge page: readable and executable; the memory stays the hypervisor's. */
#define GUEST_ROM      0x90000000
#define GUEST_ROM_SIZE 0x200000

/* Memory for data only: readable and writable, never executable. */
#define GUEST_DATA      0x90200000
#define GUEST_DATA_SIZE 0x10000

/* Nothing is mapped here and nothing is emulated: touching it is a violation. */
#define GUEST_NOTHING 0xa0000000

/*
 * The trapped device. Its page is never mapped, so each access exits and the hypervisor answers.
 * The registers are little-endian and may be accessed in 1, 2, 4 or 8 aligned bytes.
 */
#define GUEST_MMIO    0x0a000000
#define MMIO_ID       0x00 /* read only: MMIO_ID_VALUE */
#define MMIO_SCRATCH  0x08 /* keeps what is stored */
#define MMIO_LOADS    0x10 /* read only: loads so far, this one not included */
#define MMIO_STORES   0x18 /* read only: stores so far */
#define MMIO_END      0x20
#define MMIO_ID_VALUE 0x8048584180485841

/* Word N of the boot ROM. */
#define ROM_WORD(n) (0x524f4d00u + (n))

#ifndef __ASSEMBLER__

#include <stdint.h>

/*
 * Hypercalls. A call returns an ax_error_t, or where it asks for a number, that number. The changes
 * of the memory map stand for what a VMM would decide by itself: ballooning, page migration, dirty
 * logging. They go to the library as they are, so that a wrong one is answered by its error.
 */
enum hypercall {
	HC_EXIT,             /* (status): ends the run */
	HC_VCPUS,            /* (): how many vCPUs there are */
	HC_EXITS,            /* (vCPU): how often it has left the guest so far */
	HC_WAIT,             /* (): sleeps until HC_WAKE for this vCPU, or shorter */
	HC_WAKE,             /* (vCPU) */
	HC_MAP,              /* (address, size, flags, populate) */
	HC_UNMAP,            /* (address, size) */
	HC_PROTECT,          /* (address, size, flags) */
	HC_REPLACE,          /* (address, model): a new frame at address, with model's contents */
	HC_LEND,             /* (address, flags): a zeroed frame of the hypervisor's own there */
	HC_FAULTS,           /* (): faults served so far */
	HC_BACKED,           /* (): faults so far that backed a page */
	HC_OWNED_FRAMES,     /* (): frames that back pages now */
	HC_SPLITS,           /* (): huge pages split so far */
	HC_VIOLATIONS,       /* (): violations reported so far, to any vCPU */
	HC_VIOLATION_ADDR,   /* (): guest-physical address of the last one of this vCPU */
	HC_VIOLATION_ACCESS, /* (): AX_READ, AX_WRITE or AX_EXECUTE of that one */
	HC_VIOLATION_REASON, /* (): enum ax_fault_result of that one */
	HC_PAGE_SIZE,        /* (address): of the page that maps it; 0: none does */
	HC_CONFORMANCE,      /* (batch): the one before is done, fills the next; 0: no more */
	HC_DISAGREEMENTS,    /* (): of them so far */
	HC_INTERRUPT,        /* (vector, vCPU): as if a device had raised it there */
	HC_TIME,             /* (): nanoseconds */
	HC_TIMER,            /* (nanoseconds from now): then GUEST_TIMER is raised on this vCPU */
};

/*
 * Conformance: the accesses that the guest is to make by its window, each alone. The hypervisor fills
 * in what, the guest what came of it. No larger than a page.
 */
#define PROBES_MAX 96

struct probe_batch {
	uint64_t count;
	uint64_t again;   /* the same addresses as in the batch before: the window is right */
	uint64_t current; /* the probe that the guest is at; PROBES_MAX or more: none */
	struct probe {
		uint64_t address; /* guest-physical: of 8 aligned bytes, or of a function */
		uint64_t access;  /* AX_READ, AX_WRITE or AX_EXECUTE; 0: none */
		uint64_t value;   /* to store; or what was loaded, or returned */
		uint64_t outcome; /* enum probe_outcome */
	} probes[PROBES_MAX];
};

enum probe_outcome {
	PROBE_NOT_MADE,
	PROBE_WORKED,
	PROBE_FAILED,      /* and the guest was told of it as it should be */
	PROBE_MISREPORTED, /* it failed, and the guest was told of another access */
};

#endif /* __ASSEMBLER__ */

#endif /* HYPERVISOR_ABI_H */
