#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The README's example, compiled out of the page itself: each ```c block is the file that its first
# line names. The port and the VM are linked for every target, the test is run on this machine.
set -eu
cd "$(dirname "$0")/../.."
O=${O:-build}
out=$O/check/readme
rm -rf "$out"
mkdir -p "$out"

awk -v out="$out" '
/^```c$/ { in_block = 1; file = ""; next }
/^```$/ { in_block = 0; next }
in_block {
	if (file == "") {
		file = $2
		sub(/:.*/, "", file)
	}
	print > (out "/" file)
}' README.md

for file in port.c vm.c test.c; do
	[ -s "$out/$file" ] || { echo "README.md: no block for $file"; exit 1; }
done

strict="-std=c11 -O2 -Wall -Wextra -Wconversion -Wshadow -Werror -Iinclude"

# Without the prototypes warning: a reader's file has no header of its own.
for arch in x86_64 aarch64 riscv64; do
	# Where check.sh has built it already.
	make --no-print-directory O="$O/check/clang" ARCH=$arch LLVM=1 WERROR=1
	objects=()
	for file in "$out/port.c" "$out/vm.c" tests/hypervisor/string.c; do
		object=$out/$arch-$(basename "$file" .c).o
		flags=
		[ $arch != riscv64 ] || flags="-march=rv64imac -mabi=lp64 -mcmodel=medany -mno-relax"
		clang --target=$arch-none-elf $flags -ffreestanding -fno-builtin $strict \
			-Itests/hypervisor -c -o "$object" "$file"
		objects+=("$object")
	done
	ld.lld -e vm_create -o "$out/$arch.elf" "${objects[@]}" \
		"$O/check/clang/$arch/libaxaddrspace.a"
done

make --no-print-directory O="$O/check/gcc" ARCH=host LLVM= WERROR=1
for compiler in gcc clang; do
	$compiler $strict -o "$out/test" "$out/test.c" "$out/port.c" "$O/check/gcc/host/libaxaddrspace.a"
	"$out/test" | grep -q '8K *4K pages *rw' || { echo "the dump shows no pages"; exit 1; }
done
echo "4 passed, 0 failed"
