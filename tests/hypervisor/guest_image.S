/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's image, as data of the hypervisor. GUEST_IMAGE is its file, from the Makefile. */
	.section .rodata
	.balign	16
	.global	guest_image, guest_image_end
guest_image:
	.incbin	GUEST_IMAGE
guest_image_end:
