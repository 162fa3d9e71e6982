/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How Linux boots on AArch64 and RISC-V: a kernel in the Image format, and a device tree that says
 * what machine there is and where the initrd lies.
 *
 * Sources: Linux, Documentation/arm64/booting.rst and Documentation/riscv/boot-image-header.rst (the
 * header), Documentation/devicetree/usage-model.rst and the Devicetree Specification 3.5 "/memory node",
 * 3.6 "/chosen node".
 */
#include "linux.h"

#include "console.h"
#include "machine.h"

/* The header, alike in both: 64-bit little-endian numbers. */
#define HEADER_TEXT_OFFSET 1 /* of the load address from a multiple of 2 MiB */
#define HEADER_IMAGE_SIZE  2 /* what it occupies when it runs */

#define BLOCK    (UINT64_C(2) << 20)
#define FDT_SIZE 8192

static uint64_t align_up(uint64_t value)
{
	return (value + BLOCK - 1) & ~(BLOCK - 1);
}

static void add_chosen(struct fdt *fdt, const struct linux_payload *payload, ax_gpa_t initrd)
{
	fdt_begin_node(fdt, "chosen");
	fdt_string(fdt, "bootargs", payload->command);
	fdt_u64(fdt, "linux,initrd-start", initrd.raw);
	fdt_u64(fdt, "linux,initrd-end", initrd.raw + payload->initrd_size);
	fdt_string(fdt, "stdout-path", "/serial");
	fdt_end_node(fdt);
}

static void add_memory(struct fdt *fdt)
{
	fdt_begin_node(fdt, "memory");
	fdt_string(fdt, "device_type", "memory");
	FDT_CELLS(fdt, "reg", FDT_PAIR(LINUX_RAM), FDT_PAIR(LINUX_RAM_SIZE));
	fdt_end_node(fdt);
}

void linux_boot_image(struct vm *vm, const struct linux_payload *payload,
		      void (*add_machine)(struct fdt *fdt, const struct vm *vm))
{
	static _Alignas(8) unsigned char blob[FDT_SIZE];
	static struct fdt fdt;
	const uint64_t *header = payload->kernel;
	ax_gpa_t kernel = ax_gpa(LINUX_RAM + header[HEADER_TEXT_OFFSET]);
	ax_gpa_t initrd = ax_gpa(align_up(kernel.raw + header[HEADER_IMAGE_SIZE]));
	ax_gpa_t tree = ax_gpa(align_up(initrd.raw + payload->initrd_size));
	size_t size;

	fdt_begin(&fdt, blob, sizeof(blob));
	fdt_begin_node(&fdt, "");
	FDT_CELLS(&fdt, "#address-cells", 2);
	FDT_CELLS(&fdt, "#size-cells", 2);
	add_machine(&fdt, vm);
	add_chosen(&fdt, payload, initrd);
	add_memory(&fdt);
	fdt_end_node(&fdt);
	size = fdt_end(&fdt);

	vm_load(vm, kernel, payload->kernel, payload->kernel_size);
	vm_load(vm, initrd, payload->initrd, payload->initrd_size);
	vm_load(vm, tree, blob, size);
	console_print(
		"hyp: kernel of %zu bytes at 0x%lx, initrd of %zu at 0x%lx, device tree of %zu "
		"at 0x%lx\n",
		payload->kernel_size, kernel.raw, payload->initrd_size, initrd.raw, size, tree.raw);
	linux_start_vcpu(vm, 0, kernel, tree.raw);
}
