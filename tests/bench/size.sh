#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Bytes of the whole library for each architecture: code, which is to have no more than 32 KiB, constant
# data, and data that can be written. Fails when there is any of that. A program that is linked with
# --gc-sections has less: only what it uses.
set -u
cd "$(dirname "$0")/../.." || exit
O=${O:-build}
unset MAKEFLAGS MAKELEVEL MFLAGS CC AR CFLAGS CPPFLAGS ARCH LLVM
status=0

printf '%-10s %-8s %8s %8s %8s\n' '' '' code constant written
for arch in aarch64 riscv64 x86_64; do
	for compiler in gcc clang; do
		llvm=
		[ $compiler = gcc ] || llvm=1
		make --no-print-directory O="$O/size-$compiler" ARCH=$arch LLVM=$llvm >/dev/null || exit
		archive=$O/size-$compiler/$arch/libaxaddrspace.a
		# Pointers to functions in constants are relocated at link time: .data.rel.ro is constant.
		size -A -d "$archive" | awk -v arch=$arch -v compiler=$compiler '
		$1 ~ /^\.(text|init)/ { code += $2 }
		$1 ~ /^\.(rodata|srodata|data\.rel\.ro)/ { constant += $2 }
		$1 ~ /^\.(bss|sbss|tbss|sdata|tdata|data)/ && $1 !~ /^\.data\.rel\.ro/ { written += $2 }
		END {
			printf "%-10s %-8s %8d %8d %8d %s\n", arch, compiler, code, constant, written,
				(code > 32768 ? "MISS" : "ok")
			exit written > 0 || code == 0
		}' || status=1
	done
done
exit $status
