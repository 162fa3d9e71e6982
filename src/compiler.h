/* SPDX-License-Identifier: Apache-2.0 */
/* What the library asks of compilers beyond C. */
#ifndef AX_SRC_COMPILER_H
#define AX_SRC_COMPILER_H

/*
 * For what the usual way does not call, or calls last. Inlined into it, its needs would be the usual way's: each
 * value that is alive across a call costs a register, which is saved and restored whether the call is made or not.
 */
#define AX_OUT_OF_LINE __attribute__((noinline))

/* From here on the compiler knows nothing of where a value came from. */
#define AX_OPAQUE(value) __asm__("" : "+r"(value))

/* For what has arguments that are constants: inlined whatever compilers think of its size. */
#define AX_INLINE static inline __attribute__((always_inline))

/* The same for what is seldom done: compiled for size. */
#define AX_SELDOM __attribute__((noinline, cold))

#endif /* AX_SRC_COMPILER_H */
