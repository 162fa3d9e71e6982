#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Each public header by itself, twice, in C11 and C++17, for this machine and for AArch64 (which has a
# module more), with inline functions and without; then a C++ port that uses them all.
#
#	tests/headers/run.sh gcc|clang
set -u
cd "$(dirname "$0")/../.." || exit
compiler=$1
out=${O:-build}/check/headers/$compiler
mkdir -p "$out"
passed=0 failed=0

expect_success() {
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'failed: %s\n' "$*"
	fi
}

strict='-Wall -Wextra -Wpedantic -Wundef -Wconversion -Werror -Iinclude'
c='-std=c11 -ffreestanding -Wshadow -Wstrict-prototypes -Wmissing-prototypes'
cxx=-std=c++17
if [ "$compiler" = gcc ]; then
	c_compilers=(gcc aarch64-linux-gnu-gcc)
	cxx_compilers=(g++)
	llvm=
else
	c_compilers=(clang 'clang --target=aarch64-none-elf')
	cxx_compilers=(clang++ 'clang++ --target=aarch64-none-elf -ffreestanding')
	llvm=1
fi

for header in include/axvisor/*.h; do
	name=axvisor/${header##*/}
	printf '#include <%s>\n#include <%s>\nextern int not_empty;\n' "$name" "$name" >"$out/one.c"
	cp "$out/one.c" "$out/one.cc"
	echo "#include <$name>"
	for define in AX_INLINE AX_NO_INLINE; do
		for command in "${c_compilers[@]}"; do
			expect_success $command $c $strict -D$define -fsyntax-only "$out/one.c" >&2
		done
		for command in "${cxx_compilers[@]}"; do
			expect_success $command $cxx $strict -D$define -fsyntax-only "$out/one.cc" >&2
		done
	done
done >"$out/all.h"

library=${O:-build}/check/$compiler
expect_success make -s O="$library" ARCH=host LLVM=$llvm WERROR=1
expect_success "${cxx_compilers[0]}" $cxx $strict -include "$out/all.h" -o "$out/port" \
	tests/headers/port.cc "$library/host/libaxaddrspace.a"
expect_success "$out/port"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
