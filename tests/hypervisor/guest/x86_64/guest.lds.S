/* SPDX-License-Identifier: Apache-2.0 */
/* Linker script of the guest, preprocessed: it runs where the hypervisor copies it to. */
#include "abi.h"

ENTRY(_start)

SECTIONS
{
	. = GUEST_RAM;
	.text : { *(.text.start) *(.text .text.*) }
	. = ALIGN(4096);
	.rodata : { *(.rodata .rodata.*) }
	. = ALIGN(4096);
	.data : { *(.data .data.*) }
	. = ALIGN(4096);
	bss_start = .;
	.bss : { *(.bss .bss.*) *(COMMON) }
	. = ALIGN(4096);
	bss_end = .;
	. += 0x8000;				/* a stack for each of two vCPUs: see start.S */
	stacks_end = .;

	/DISCARD/ : { *(.note.*) *(.comment) *(.eh_frame*) }
}
