/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's own side of RISC-V.
 */
#include "guest.h"

#include "csr.h"
#include "platform.h"

static struct guest_abort aborts[PLATFORM_CPUS];

void guest_trap(void);

unsigned guest_vcpu(void)
{
	uint64_t number;

	__asm__("mv %0, tp" : "=r"(number)); /* start.S */
	return (unsigned)number;
}

void guest_relax(void)
{
	__asm__ volatile(".4byte 0x0100000f" : : : "memory"); /* PAUSE, of Zihintpause */
}

struct guest_abort last_abort(void)
{
	return aborts[guest_vcpu()];
}

/* Of the guest's own translation, a page fault; of what lies behind, an access fault. */
static bool describe_abort(uint64_t cause, struct guest_abort *abort)
{
	switch (cause) {
	case CAUSE_FETCH_ACCESS:
	case CAUSE_FETCH_PAGE:
		abort->fetch = true;
		return true;
	case CAUSE_STORE_ACCESS:
	case CAUSE_STORE_PAGE:
		abort->write = true;
		return true;
	case CAUSE_LOAD_ACCESS:
	case CAUSE_LOAD_PAGE:
		return true;
	default:
		return false;
	}
}

static void take_abort(uint64_t cause)
{
	uint64_t recovery = read_csr(sscratch);
	struct guest_abort abort = {.address = read_csr(stval)};

	if (!recovery || !describe_abort(cause, &abort))
		guest_panic(cause, abort.address, read_csr(sepc));
	aborts[guest_vcpu()] = abort;
	write_csr(sepc, recovery);
}

/* The claim/complete register of this hart's PLIC context: 0 when none is pending. */
static void take_interrupts(void)
{
	uint64_t at = PLATFORM_PLIC_CONTEXT(guest_vcpu()) + PLIC_CLAIM;

	for (;;) {
		uint64_t interrupt = device_load(at, 4);

		if (interrupt == 0)
			return;
		guest_interrupt((uint32_t)interrupt);
		device_store(at, 4, interrupt);
	}
}

void guest_trap(void)
{
	uint64_t cause = read_csr(scause);

	if (cause == (CAUSE_INTERRUPT | 9)) /* supervisor external */
		take_interrupts();
	else
		take_abort(cause);
}

uint64_t hypercall(enum hypercall call, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	register uint64_t a0 __asm__("a0") = (uint64_t)call;
	register uint64_t a1 __asm__("a1") = a;
	register uint64_t a2 __asm__("a2") = b;
	register uint64_t a3 __asm__("a3") = c;
	register uint64_t a4 __asm__("a4") = d;

	__asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
	return a0;
}

/*
 * In assembly: which instruction it is, and of how many bits, is part of what is tested. a0 and a1
 * are among the registers that 16-bit ones reach.
 */
uint64_t device_load(uint64_t address, unsigned bytes)
{
	register uint64_t at __asm__("a0") = address;
	uint64_t value = 0;

	switch (bytes) {
	case 1:
		__asm__ volatile("lbu %0, (%1)" : "=r"(value) : "r"(at) : "memory");
		break;
	case 2:
		__asm__ volatile("lhu %0, (%1)" : "=r"(value) : "r"(at) : "memory");
		break;
	case 4:
		__asm__ volatile("lwu %0, (%1)" : "=r"(value) : "r"(at) : "memory");
		break;
	case 8:
		__asm__ volatile("c.ld %0, (%0)" : "+r"(at) : : "memory");
		value = at;
		break;
	}
	return value;
}

int64_t device_load_signed(uint64_t address, unsigned bytes)
{
	register int64_t at __asm__("a0") = (int64_t)address;
	int64_t value = 0;

	switch (bytes) {
	case 1:
		__asm__ volatile("lb %0, (%1)" : "=r"(value) : "r"(at) : "memory");
		break;
	case 2:
		__asm__ volatile("lh %0, (%1)" : "=r"(value) : "r"(at) : "memory");
		break;
	case 4:
		__asm__ volatile("c.lw %0, (%0)" : "+r"(at) : : "memory");
		value = at;
		break;
	case 8:
		__asm__ volatile(".option push\n\t"
				 ".option norvc\n\t"
				 "ld %0, (%1)\n\t"
				 ".option pop"
				 : "=r"(value)
				 : "r"(at)
				 : "memory");
		break;
	}
	return value;
}

void device_store(uint64_t address, unsigned bytes, uint64_t value)
{
	register uint64_t at __asm__("a0") = address;
	register uint64_t what __asm__("a1") = value;

	switch (bytes) {
	case 1:
		__asm__ volatile("sb %0, (%1)" : : "r"(what), "r"(at) : "memory");
		break;
	case 2:
		__asm__ volatile("sh %0, (%1)" : : "r"(what), "r"(at) : "memory");
		break;
	case 4:
		__asm__ volatile("c.sw %0, (%1)" : : "r"(what), "r"(at) : "memory");
		break;
	case 8:
		if (value == 0)
			__asm__ volatile("sd zero, (%0)" : : "r"(at) : "memory");
		else
			__asm__ volatile("c.sd %0, (%1)" : : "r"(what), "r"(at) : "memory");
		break;
	}
}

/*
 * What tells an NS16550A from its forefathers: bits 7:6 of the interrupt identification register
 * are set while the FIFOs are enabled, by bit 0 of the FIFO control register (PC16550D data sheet).
 */
bool device_is_present(void)
{
	device_store(PLATFORM_DEVICE + 2, 1, 1);
	return (device_load(PLATFORM_DEVICE + 2, 1) & 0xc0) == 0xc0;
}

/* New instructions: this hart's fetches see what it has stored before (FENCE.I). */
void code_write(uint64_t address)
{
	volatile uint32_t *code = (volatile uint32_t *)(uintptr_t)address;

	code[0] = CODE_RESULT << 20 | 10 << 7 | 0x13; /* addi a0, zero, CODE_RESULT */
	code[1] = 0x00008067;                         /* jalr zero, 0(ra) */
	__asm__ volatile("fence.i" : : : "memory");
}

#define WINDOW UINT64_C(0x200000000)
#define TABLE  UINT64_C(0x01) /* V */
#define PAGE   UINT64_C(0xcf) /* D[7], A[6], X[3], W[2], R[1], V[0] */

extern uint64_t window_directory[512]; /* start.S */

uint64_t window_address(unsigned slot, unsigned page)
{
	return WINDOW + slot * UINT64_C(0x200000) + page * UINT64_C(0x1000);
}

/* PPN[53:10] are the address's bits 55:12. */
uint64_t window_entry(uint64_t page)
{
	return page >> 2 | PAGE;
}

/* SFENCE.VMA: also an entry that was not valid may have been cached. */
void window_install(unsigned slot, uint64_t table)
{
	*(volatile uint64_t *)&window_directory[slot] = table >> 2 | TABLE;
	window_flush();
}

void window_flush(void)
{
	__asm__ volatile("sfence.vma" : : : "memory");
}

void interrupts_init(void)
{
	write_csr(sie, INTERRUPT_EXTERNAL);
}

/* WFI also ends for an interrupt that is masked, so that none is missed before it. */
void interrupts_wait(void)
{
	__asm__ volatile("wfi\n\t"
			 "csrsi sstatus, 2\n\t" /* SIE */
			 "csrci sstatus, 2"
			 :
			 :
			 : "memory");
}
