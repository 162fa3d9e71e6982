#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the test programs with clang's source-based coverage and runs each: what they executed is in
# O/coverage/profiles/NAME.profdata, one file a program.
#
#	tests/coverage/measure.sh
#
# Without optimisation, so that every condition is there as it was written; and the library with counters
# that threads do not lose: how often something was false is the difference of two of them.
set -eu
cd "$(dirname "$0")/../.."
unset MAKEFLAGS MAKELEVEL MFLAGS CC AR CFLAGS CPPFLAGS ARCH LLVM
O=${O:-build}
out=$O/coverage
export LC_ALL=C

mkdir -p "$out"
make --no-print-directory O="$out/build" ARCH=host CC=clang-19 AR=llvm-ar-19 \
	CFLAGS="-O0 -fprofile-instr-generate -fcoverage-mapping -fcoverage-mcdc" \
	HOOKED_CFLAGS=-fprofile-update=atomic \
	programs >"$out/build.log" 2>&1 || { cat "$out/build.log"; exit 1; }

rm -rf "$out/profiles"
mkdir -p "$out/profiles"
for program in "$out"/build/host/tests/*/test_*.o; do
	program=${program%.o}
	name=$(basename "$program")
	LLVM_PROFILE_FILE=$out/profiles/$name.profraw timeout 600 "$program" \
		>"$out/profiles/$name.log" 2>&1 || { cat "$out/profiles/$name.log"; exit 1; }
	llvm-profdata-19 merge -sparse -o "$out/profiles/$name.profdata" \
		"$out/profiles/$name.profraw"
	rm "$out/profiles/$name.profraw"
done
