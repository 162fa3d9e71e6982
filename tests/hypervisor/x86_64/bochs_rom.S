/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ROM image that does for Bochs what a boot loader does: it ends at 4 GiB, has the hypervisor's file in
 * it, and copies that to where its Multiboot header says. There is no firmware.
 *
 * Manual: Intel SDM vol. 3A, "Processor Management and Initialization", "First Instruction Executed".
 */
#include "platform.h"

#define ROM_SIZE	0x80000		/* arch.mk links it to 4 GiB less this */
#define STUB		(ROM_SIZE - 0x1000)

#define CODE		0x08
#define DATA		0x10

#define LOADER_MAGIC	0x2badb002
#define LOAD_ADDRESS	16		/* offsets in the Multiboot header, which the file begins with */
#define ENTRY_ADDRESS	28

	.section .text, "ax"
rom:
	.incbin	PAYLOAD
	.balign	4
payload_end:

	.org	STUB
	.code16
stub:
	cli
	lgdtl	%cs:(gdt_register - rom - (ROM_SIZE - 0x10000))
	mov	$0x11, %eax		/* CR0: PE, ET; the caches, which are off after a reset, on */
	mov	%eax, %cr0
	ljmpl	$CODE, $1f

	.code32
1:	mov	$DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	/*
	 * Bochs 2.7 loads an "optramimage" into its own memory as a whole, but gives that to the machine
	 * in blocks of 128 KiB, each as it is touched first: so here they are touched in order, before
	 * anything else is.
	 */
	mov	$PLATFORM_PAYLOAD, %eax
	mov	$PLATFORM_PAYLOAD_MAX >> 17, %ecx
2:	mov	(%eax), %edx
	add	$0x20000, %eax
	loop	2b

	cld
	mov	$rom, %esi
	mov	LOAD_ADDRESS(%esi), %edi
	mov	$payload_end - rom, %ecx
	shr	$2, %ecx
	mov	%edi, %ebx
	rep movsl
	mov	$LOADER_MAGIC, %eax
	jmp	*ENTRY_ADDRESS(%ebx)

	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff
	.quad	0x00cf93000000ffff
gdt_end:
gdt_register:
	.word	gdt_end - gdt - 1
	.long	gdt

	.org	ROM_SIZE - 16
	.code16
	jmp	stub
	.org	ROM_SIZE
