/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux on x86: how it is started, and the ports that it does not have to itself.
 *
 * The guest has the PC's interrupt controller, its timer and its UART to itself: ports pass through, and
 * interrupts come to it without an exit. There is no firmware, and no ACPI. The few ports that exit
 * are forwarded; one is where the guest ends an interrupt, so that the hypervisor is heard from time to
 * time, and one is where it restarts the machine.
 *
 * Sources: Linux, Documentation/x86/boot.rst ("The Real-Mode Kernel Header", "32-bit Boot Protocol")
 * and zero-page.rst; Intel 8259A and 8042 as in a PC.
 */
#include "linux.h"

#include "console.h"
#include "machine.h"
#include "string.h"
#include "sysreg.h"
#include "vcpu_arch.h"

/* Where things go in the guest. */
#define ZERO_PAGE 0x10000u
#define COMMAND   0x20000u
#define KERNEL    0x100000u
#define INITRD    0xf000000u

/* The zero page, and the file's first sectors, which have the same layout from SETUP_SECTS on. */
#define E820_ENTRIES   0x1e8
#define SETUP_SECTS    0x1f1
#define HEADER_JUMP    0x201 /* the jump's distance, from the byte after it, is the header's end */
#define TYPE_OF_LOADER 0x210
#define RAMDISK_IMAGE  0x218
#define RAMDISK_SIZE   0x21c
#define CMD_LINE_PTR   0x228
#define E820_TABLE     0x2d0
#define LOADER_UNKNOWN 0xff

#define SECTOR 512u

#define E820_RAM 1u
#define LOW_END  0x9f000u

#define PORT_PIC_COMMAND      0x20
#define PORT_KEYBOARD_COMMAND 0x64
#define KEYBOARD_RESET        0xfe

/* Local APIC, LVT LINT0: delivery mode 7, the interrupt controller outside tells the vector. */
#define APIC_LINT0  0x350
#define LVT_EXT_INT 0x700u

static void put(uint8_t *page, size_t offset, uint64_t value, size_t size)
{
	memcpy(&page[offset], &value, size); /* little-endian, as we are */
}

static void add_memory(uint8_t *page, uint64_t start, uint64_t end)
{
	size_t entry = E820_TABLE + page[E820_ENTRIES]++ * 20u;

	put(page, entry, start, 8);
	put(page, entry + 8, end - start, 8);
	put(page, entry + 16, E820_RAM, 4);
}

static void load_zero_page(struct vm *vm, const struct linux_payload *payload)
{
	static uint8_t page[4096];
	const uint8_t *file = payload->kernel;

	memcpy(&page[SETUP_SECTS], &file[SETUP_SECTS],
	       HEADER_JUMP + 1u + file[HEADER_JUMP] - SETUP_SECTS);
	page[TYPE_OF_LOADER] = LOADER_UNKNOWN;
	put(page, RAMDISK_IMAGE, INITRD, 4);
	put(page, RAMDISK_SIZE, payload->initrd_size, 4);
	put(page, CMD_LINE_PTR, COMMAND, 4);
	add_memory(page, 0, LOW_END);
	add_memory(page, KERNEL, LINUX_RAM_SIZE);
	vm_load(vm, ax_gpa(ZERO_PAGE), page, sizeof(page));
}

/* What a PC has between 640 KiB and 1 MiB is memory here that Linux is not told of, and finds empty. */
void linux_arch_create(struct vm *vm, const struct linux_payload *payload)
{
	const uint8_t *file = payload->kernel;
	size_t setup = (file[SETUP_SECTS] + 1u) * SECTOR;

	linux_map_ram(vm, ax_gpa(LINUX_RAM), LINUX_RAM_SIZE);
	load_zero_page(vm, payload);
	vm_load(vm, ax_gpa(COMMAND), payload->command, sizeof(payload->command));
	vm_load(vm, ax_gpa(KERNEL), &file[setup], payload->kernel_size - setup);
	vm_load(vm, ax_gpa(INITRD), payload->initrd, payload->initrd_size);
	console_print("hyp: kernel of %zu bytes at 0x%x, initrd of %zu at 0x%x\n",
		      payload->kernel_size - setup, KERNEL, payload->initrd_size, INITRD);
	linux_start_vcpu(vm, 0, ax_gpa(KERNEL), ZERO_PAGE);
}

/* ESI is the zero page's address, EBX, EDI and EBP are 0; vcpu_init() has set the rest. */
void linux_arch_begin(struct vm_vcpu *vcpu, const struct ax_npt_registers *npt, ax_gpa_t entry,
		      uint64_t argument)
{
	static const uint16_t ports[] = {PORT_PIC_COMMAND, PORT_KEYBOARD_COMMAND};

	vcpu_init(&vcpu->vcpu, vcpu->index, entry, npt);
	vcpu->vcpu.gpr[RSI] = argument;
	vcpu->vcpu.gpr[RDI] = 0;
	vcpu->vcpu.passes_through = true;
	vcpu_technology()->pass_through(ports, sizeof(ports) / sizeof(ports[0]));
	*(volatile uint32_t *)(uintptr_t)(PLATFORM_APIC + APIC_LINT0) = LVT_EXT_INT;
}

/* There is one vCPU, and who calls this is not in the guest. */
void linux_arch_wake(unsigned cpu)
{
	(void)cpu;
}

/* Only bytes go to these ports. */
static void forward(struct vcpu *vcpu)
{
	uint64_t *rax = &vcpu->gpr[RAX];

	if (vcpu->io.in)
		*rax = (*rax & ~UINT64_C(0xff)) | in8(vcpu->io.port);
	else
		out8(vcpu->io.port, (uint8_t)*rax);
}

/* init ends the machine by a restart, as there is nothing to power it off; so does a kernel that panics. */
bool linux_arch_exit(struct vm_vcpu *vcpu, const struct vcpu_exit *exit)
{
	struct vcpu *cpu = &vcpu->vcpu;

	if (exit->kind != VCPU_EXIT_UNEXPECTED || cpu->io.size != 1)
		return vcpu_technology()->emulate(cpu, exit);
	cpu->rip = cpu->io.next;
	if (cpu->io.port == PORT_KEYBOARD_COMMAND && !cpu->io.in &&
	    (cpu->gpr[RAX] & 0xff) == KEYBOARD_RESET)
		linux_power_off(vcpu->vm);
	else
		forward(cpu);
	return true;
}
