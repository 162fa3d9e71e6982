/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest: tables of tests, each about one thing that a guest sees of its second-stage tables.
 * vCPU 0 runs them; vCPU 1 does what they give it to do. It prints by the device that is passed
 * through to it where that is the UART, which is a test by itself.
 */
#include "test.h"

/* What vCPU 1 is to do: `given` and `done` count, each written by one side alone. */
static struct {
	uint64_t (*function)(uint64_t argument);
	uint64_t argument;
	uint64_t result;
	uint64_t given;
	uint64_t done;
} work;

void other_run(uint64_t (*function)(uint64_t argument), uint64_t argument)
{
	work.function = function;
	work.argument = argument;
	__atomic_store_n(&work.given, work.given + 1, __ATOMIC_RELEASE);
	hypercall(HC_WAKE, 1, 0, 0, 0);
}

uint64_t other_join(void)
{
	while (__atomic_load_n(&work.done, __ATOMIC_ACQUIRE) != work.given)
		ask(HC_WAIT);
	return work.result;
}

static _Noreturn void serve(void)
{
	for (;;) {
		while (__atomic_load_n(&work.given, __ATOMIC_ACQUIRE) == work.done)
			ask(HC_WAIT);
		work.result = work.function(work.argument);
		__atomic_store_n(&work.done, work.done + 1, __ATOMIC_RELEASE);
		hypercall(HC_WAKE, 0, 0, 0, 0);
	}
}

static _Noreturn void finish(uint64_t status)
{
	for (;;)
		hypercall(HC_EXIT, status, 0, 0, 0);
}

void guest_panic(uint64_t syndrome, uint64_t address, uint64_t pc)
{
	console_print("guest: vCPU %u: exception: syndrome 0x%lx, address 0x%lx, pc 0x%lx\n",
		      guest_vcpu(), syndrome, address, pc);
	finish(1);
}

static struct {
	unsigned passed;
	unsigned failed;
	unsigned skipped;
} verdicts;

static void run_tests(const struct guest_test *test, unsigned vcpus)
{
	for (; test->name; test++) {
		bool passed;

		if (vcpus < test->vcpus) {
			console_print("guest: skipped %s: it takes %u vCPUs\n", test->name,
				      test->vcpus);
			verdicts.skipped++;
			continue;
		}
		aborted = 0;
		passed = test->run() && !aborted;
		console_print("guest: %s %s\n", passed ? "ok    " : "FAILED", test->name);
		verdicts.passed += passed;
		verdicts.failed += !passed;
	}
}

void guest_main(unsigned vcpu)
{
	unsigned vcpus;

	interrupts_init();
	if (vcpu != 0)
		serve();
	vcpus = (unsigned)ask(HC_VCPUS);
	console_print("guest: up, %u vCPU%s\n", vcpus, vcpus == 1 ? "" : "s");
	run_tests(memory_tests, vcpus);
	run_tests(interrupt_tests, vcpus);
	run_tests(smp_tests, vcpus);
	run_tests(stale_tests, vcpus);
	run_tests(conformance_tests, vcpus);
	if (verdicts.failed)
		console_print("guest: %u of %u tests failed, %u skipped\n", verdicts.failed,
			      verdicts.failed + verdicts.passed, verdicts.skipped);
	else
		console_print("guest: %u tests, %u skipped, all passed\n", verdicts.passed,
			      verdicts.skipped);
	finish(verdicts.failed ? 1 : 0);
}
