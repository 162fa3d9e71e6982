/* SPDX-License-Identifier: Apache-2.0 */
/* Linker script of the guest, preprocessed: it runs where the hypervisor copies it to. */
#include "abi.h"

ENTRY(_start)

SECTIONS
{
	. = GUEST_RAM;
	.text : { *(.text.start) *(.text .text.*) }
	. = ALIGN(4096);
	.rodata : { *(.rodata .rodata.*) *(.srodata .srodata.*) }
	. = ALIGN(4096);
	.data : { *(.data .data.*) *(.sdata .sdata.*) }
	. = ALIGN(4096);
	bss_start = .;
	.bss : { *(.sbss .sbss.*) *(.bss .bss.*) *(COMMON) }
	. = ALIGN(4096);
	bss_end = .;
	. += 2 * 0x4000;		/* a stack for each vCPU */
	stack_top = .;

	/DISCARD/ : { *(.note.*) *(.comment) *(.eh_frame*) *(.riscv.attributes) }
}
