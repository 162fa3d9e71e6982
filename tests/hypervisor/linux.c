/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An unmodified Linux kernel as the guest, whose memory is moved, write-protected and taken away while
 * it boots and works: what a hypervisor does in the course of days, in seconds.
 *
 * vCPU N runs on CPU N. The last CPU has no vCPU but changes the guest's memory, so many times a
 * second; where there is no CPU left for it, vCPU 0 does it between two runs.
 */
#include "linux.h"

#include <axvisor/time.h>

#include "console.h"
#include "frames.h"
#include "string.h"

extern const char image_end[]; /* from the linker script */

static bool begin_vcpu(struct vm_vcpu *vcpu, const struct ax_npt_registers *npt);
static bool answer_exit(struct vm_vcpu *vcpu, const struct vcpu_exit *exit);
static bool answer_fault(struct vm_vcpu *vcpu, const struct vcpu_exit *exit,
			 enum ax_fault_result reason);

static struct {
	struct vm vm;
	struct linux_payload payload;

	struct linux_start {
		bool begun; /* atomic: set once, after the others */
		ax_gpa_t entry;
		uint64_t argument;
	} starts[PLATFORM_CPUS];

	ax_ticks_t next_change; /* of who makes the changes */
	bool running; /* atomic: the CPU that makes the changes is to begin, and has not ended */
} self = {
	.vm.guest = &(const struct vm_guest){.begin = begin_vcpu,
					     .exit = answer_exit,
					     .fault = answer_fault},
};

/* --- what the emulator loaded */

static const char *find_line(const char *key)
{
	const char *text = (const char *)(uintptr_t)PLATFORM_PAYLOAD;
	size_t length = 0;

	while (key[length])
		length++;
	for (size_t i = 0; i < 4096 && text[i]; i++) {
		if ((i == 0 || text[i - 1] == '\n') && memcmp(&text[i], key, length) == 0)
			return &text[i + length];
	}
	console_print("hyp: the payload has no line \"%s\"\n", key);
	machine_fail("payload", PLATFORM_PAYLOAD);
}

static uint64_t take_number(const char **text)
{
	uint64_t value = 0;

	while (**text == ' ')
		(*text)++;
	while (**text >= '0' && **text <= '9')
		value = value * 10 + (uint64_t)(*(*text)++ - '0');
	return value;
}

static uint64_t find_number(const char *key)
{
	const char *line = find_line(key);

	return take_number(&line);
}

static const void *take_part(const char *key, size_t *size)
{
	const char *line = find_line(key);
	uint64_t offset = take_number(&line);

	*size = take_number(&line);
	return (const char *)(uintptr_t)PLATFORM_PAYLOAD + offset;
}

static void read_payload(struct linux_payload *payload)
{
	const char *line = find_line("command ");
	size_t length = 0;

	payload->kernel = take_part("kernel ", &payload->kernel_size);
	payload->initrd = take_part("initrd ", &payload->initrd_size);
	payload->rate = find_number("rate ");
	payload->seed = find_number("seed ");
	while (line[length] != '\n' && length < sizeof(payload->command) - 1)
		length++;
	memcpy(payload->command, line, length);
}

/* --- vCPUs */

static bool has_stopped(const struct vm *vm)
{
	return __atomic_load_n(&vm->stopped, __ATOMIC_ACQUIRE);
}

bool linux_start_vcpu(struct vm *vm, uint64_t index, ax_gpa_t entry, uint64_t argument)
{
	struct linux_start *start;

	if (index >= vm->vcpu_count)
		return false;
	start = &self.starts[index];
	if (__atomic_load_n(&start->begun, __ATOMIC_RELAXED))
		return false;
	start->entry = entry;
	start->argument = argument;
	__atomic_store_n(&start->begun, true, __ATOMIC_RELEASE);
	return true;
}

bool linux_has_begun(uint64_t index)
{
	return __atomic_load_n(&self.starts[index].begun, __ATOMIC_RELAXED);
}

/* All but the first wait until the guest starts them. */
static bool begin_vcpu(struct vm_vcpu *vcpu, const struct ax_npt_registers *npt)
{
	const struct linux_start *start = &self.starts[vcpu->index];

	while (!__atomic_load_n(&start->begun, __ATOMIC_ACQUIRE)) {
		if (has_stopped(vcpu->vm))
			return false;
		machine_relax();
	}
	linux_arch_begin(vcpu, npt, start->entry, start->argument);
	return true;
}

/*
 * First it ends, then its memory goes: a vCPU that is in the guest and takes no notice of a kick has
 * no instruction left to run, and comes out with a fault.
 */
static void end(struct vm *vm, int status)
{
	vm_stop(vm, status);
	linux_unmap_ram(vm);
	for (unsigned cpu = 0; cpu < vm->vcpu_count; cpu++) {
		if (cpu != machine_cpu())
			linux_arch_wake(cpu);
	}
}

void linux_power_off(struct vm *vm)
{
	end(vm, 0);
}

void linux_restart(struct vm *vm)
{
	console_print("hyp: the guest restarted the machine\n");
	end(vm, 1);
}

/* --- changes of the guest's memory */

static bool has_spare_cpu(void)
{
	return machine_cpus() > self.vm.vcpu_count;
}

/* Whoever is late does not catch up: the guest is to get on as well. */
static void set_next_change(void)
{
	self.next_change = machine_ticks() + machine_frequency() / self.payload.rate;
}

static void change_when_due(struct vm *vm)
{
	if (has_spare_cpu() || self.payload.rate == 0)
		return;
	if (machine_ticks() >= self.next_change && !has_stopped(vm)) {
		linux_change_memory(vm);
		set_next_change();
	}
}

static void change_until_stopped(struct vm *vm)
{
	while (!has_stopped(vm)) {
		machine_sleep(self.next_change);
		linux_change_memory(vm);
		set_next_change();
	}
}

_Noreturn void hypervisor_secondary(void)
{
	machine_init();
	if (machine_cpu() < machine_cpus() - 1)
		vm_serve();
	for (;;) {
		if (!__atomic_load_n(&self.running, __ATOMIC_ACQUIRE)) {
			machine_sleep(machine_ticks() + machine_frequency() / 100);
			continue;
		}
		change_until_stopped(&self.vm);
		__atomic_store_n(&self.running, false, __ATOMIC_RELEASE);
	}
}

/* --- exits */

static bool answer_exit(struct vm_vcpu *vcpu, const struct vcpu_exit *exit)
{
	if (vcpu->index == 0)
		change_when_due(vcpu->vm);
	return linux_arch_exit(vcpu, exit);
}

static bool answer_fault(struct vm_vcpu *vcpu, const struct vcpu_exit *exit,
			 enum ax_fault_result reason)
{
	if (vcpu->index == 0)
		change_when_due(vcpu->vm);
	if (linux_memory_fault(vcpu->vm, &exit->fault) || has_stopped(vcpu->vm))
		return true;
	console_print("hyp: vCPU %u: access 0x%x to 0x%lx: %s\n", vcpu->index, exit->fault.access,
		      exit->fault.addr.raw,
		      reason == AX_FAULT_DENIED ? "not permitted" : "nothing there");
	return false;
}

/* --- the run */

void linux_pass_through(struct vm *vm, uint64_t start, uint64_t size)
{
	must(ax_addrspace_map_linear(&vm->space, ax_gpa(start), ax_hpa(start), size,
				     AX_READ | AX_WRITE | AX_DEVICE | AX_USER),
	     "map a device");
}

static void run(struct vm *vm)
{
	ax_ticks_t start = machine_ticks();
	uint64_t milliseconds;

	console_print("hyp: %lu changes of its memory in a second, SEED=%lu\n", self.payload.rate,
		      self.payload.seed);
	self.next_change = start;
	__atomic_store_n(&self.running, has_spare_cpu() && self.payload.rate, __ATOMIC_RELEASE);
	vm_run(vm);
	linux_unmap_ram(vm); /* it has its memory still where it did not come to a proper end */
	while (__atomic_load_n(&self.running, __ATOMIC_ACQUIRE))
		machine_relax();
	milliseconds = ax_time_ticks_to_nanos(machine_ticks() - start) / 1000000;
	console_print("hyp: the guest ran for %lu.%03lu s\n", milliseconds / 1000,
		      milliseconds % 1000);
}

_Noreturn void hypervisor_main(void)
{
	struct vm *vm = &self.vm;
	bool passed;

	console_print("hyp: libaxaddrspace reference hypervisor, Linux as its guest\n");
	machine_init();
	machine_describe();
	read_payload(&self.payload);
	linux_seed_changes(self.payload.seed);
	for (unsigned cpu = 1; cpu < machine_cpus(); cpu++)
		machine_start_cpu(cpu);
	frames_init((uintptr_t)image_end, PLATFORM_PAYLOAD);

	vm_init(vm, machine_cpus() > 1 ? machine_cpus() - 1 : 1);
	linux_arch_create(vm, &self.payload);
	run(vm);
	linux_report_memory(vm);
	vm_destroy(vm);

	passed = vm->status == 0 && frames_used() == 0;
	console_print("hyp: guest status %d, %zu frames leaked: %s\n", vm->status, frames_used(),
		      passed ? "PASSED" : "FAILED");
	machine_exit(passed ? 0 : 1);
}
