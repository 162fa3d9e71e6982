/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a program for Linux starts, and how it calls the kernel, on the three architectures.
 *
 * Manual: syscall(2), section "Architecture calling conventions"; the numbers are those of the kernel's
 * table for each architecture, where AArch64 and RISC-V share one.
 */
#ifndef TESTS_LINUX_SYSCALL_H
#define TESTS_LINUX_SYSCALL_H

#if defined(__x86_64__)

enum {
	SYS_READ = 0,
	SYS_WRITE = 1,
	SYS_CLOSE = 3,
	SYS_MMAP = 9,
	SYS_MUNMAP = 11,
	SYS_IOCTL = 16,
	SYS_CLONE = 56,
	SYS_EXECVE = 59,
	SYS_EXIT = 60,
	SYS_WAIT4 = 61,
	SYS_SYSINFO = 99,
	SYS_REBOOT = 169,
	SYS_SCHED_GETAFFINITY = 204,
	SYS_CLOCK_GETTIME = 228,
	SYS_PIPE2 = 293,
};

/* The stack pointer at the start points to argc; a call wants it to be a multiple of 16. */
__asm__(".text\n"
	".global _start\n"
	"_start:\n"
	"	xor	%ebp, %ebp\n"
	"	mov	%rsp, %rdi\n"
	"	and	$-16, %rsp\n"
	"	call	start\n");

static inline long system_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#elif defined(__aarch64__) || defined(__riscv)

enum {
	SYS_IOCTL = 29,
	SYS_CLOSE = 57,
	SYS_PIPE2 = 59,
	SYS_READ = 63,
	SYS_WRITE = 64,
	SYS_EXIT = 93,
	SYS_CLOCK_GETTIME = 113,
	SYS_SCHED_GETAFFINITY = 123,
	SYS_REBOOT = 142,
	SYS_SYSINFO = 179,
	SYS_MUNMAP = 215,
	SYS_CLONE = 220,
	SYS_EXECVE = 221,
	SYS_MMAP = 222,
	SYS_WAIT4 = 260,
};

#if defined(__aarch64__)
#define ARGUMENT(n)      "x" #n
#define NUMBER           "x8"
#define CALL_INSTRUCTION "svc #0"
__asm__(".text\n"
	".global _start\n"
	"_start:\n"
	"	mov	x29, xzr\n"
	"	mov	x0, sp\n"
	"	bl	start\n");
#else
#define ARGUMENT(n)      "a" #n
#define NUMBER           "a7"
#define CALL_INSTRUCTION "ecall"
__asm__(".text\n"
	".global _start\n"
	"_start:\n"
	"	mv	s0, zero\n"
	"	mv	a0, sp\n"
	"	call	start\n");
#endif

static inline long system_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long nr __asm__(NUMBER) = number;
	register long a0 __asm__(ARGUMENT(0)) = a;
	register long a1 __asm__(ARGUMENT(1)) = b;
	register long a2 __asm__(ARGUMENT(2)) = c;
	register long a3 __asm__(ARGUMENT(3)) = d;
	register long a4 __asm__(ARGUMENT(4)) = e;
	register long a5 __asm__(ARGUMENT(5)) = f;

	__asm__ volatile(CALL_INSTRUCTION
			 : "+r"(a0)
			 : "r"(nr), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
			 : "memory");
	return a0;
}

#else
#error "unknown architecture"
#endif

#endif /* TESTS_LINUX_SYSCALL_H */
