#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Each public header by itself, twice, in C11 and C++17, for this machine and for AArch64 (which has a
# module more), with inline functions and without; then a C++ port that uses them all.
set -u
cd "$(dirname "$0")/../.."
out=${O:-build}/check/headers
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

strict='-Wall -Wextra -Wpedantic -Wundef -Wconversion -Werror'
c="-std=c11 -ffreestanding -Wshadow -Wstrict-prototypes -Wmissing-prototypes"
cxx="-std=c++17"

for header in include/axvisor/*.h; do
	name=axvisor/${header##*/}
	printf '#include <%s>\n#include <%s>\nextern int not_empty;\n' "$name" "$name" >"$out/one.c"
	cp "$out/one.c" "$out/one.cc"
	for define in AX_INLINE AX_NO_INLINE; do
		flags="-Iinclude -fsyntax-only -D$define $strict"
		for compiler in gcc clang aarch64-linux-gnu-gcc "clang --target=aarch64-none-elf"; do
			expect_success $compiler $c $flags "$out/one.c"
		done
		for compiler in g++ clang++ "clang++ --target=aarch64-none-elf -ffreestanding"; do
			expect_success $compiler $cxx $flags "$out/one.cc"
		done
	done
done

for header in include/axvisor/*.h; do
	echo "#include <axvisor/${header##*/}>"
done >"$out/all.h"
for compiler in gcc clang; do
	library=${O:-build}/check/$compiler
	expect_success make -s O="$library" ARCH=host LLVM="$([ $compiler = gcc ] || echo 1)"
	expect_success ${compiler/gcc/g}++ $cxx $strict -Iinclude -include "$out/all.h" \
		-o "$out/port-$compiler" tests/headers/port.cc "$library/host/libaxaddrspace.a"
	expect_success "$out/port-$compiler"
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
