#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the fuzzers, one after the other: first the inputs of tests/fuzz/corpus/NAME, then what libFuzzer
# makes of them.
#
#	tests/fuzz/run.sh SECONDS [NAME...]      NAME: ept, amd, stage2, gstage, guest, fault; default: all
#
# O: build directory. What is found on the way stays in O/fuzz/corpus/NAME for the next run; an input
# that fails is in O/fuzz/found. SEED: begin with nothing but tests/fuzz/corpus, and choose alike.
set -eu
cd "$(dirname "$0")/../.."
seconds=$1
shift
[ $# -gt 0 ] || set -- ept amd stage2 gstage guest fault
O=${O:-build}

unset MAKEFLAGS MAKELEVEL MFLAGS CC AR CFLAGS CPPFLAGS ARCH LLVM
sanitize='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'
make --no-print-directory -s O="$O/fuzz" ARCH=host LLVM=1 WERROR=1 CFLAGS="$sanitize" \
	HOOKED_CFLAGS=-fsanitize=fuzzer-no-link fuzzers >/dev/null

mkdir -p "$O/fuzz/found"
passed=0
failed=0
for name; do
	seeds=tests/fuzz/corpus/$name
	[ -z "${SEED:-}" ] || rm -rf "$O/fuzz/corpus/$name"
	mkdir -p "$O/fuzz/corpus/$name"
	log=$O/fuzz/$name.log
	# No input is worth 20 seconds, and no run a GiB.
	if timeout $((seconds + 120)) "$O/fuzz/host/tests/fuzz/fuzz_$name" \
		-max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 -max_len=512 -len_control=0 -print_funcs=0 \
		${SEED:+-seed=$SEED} -print_final_stats=1 -artifact_prefix="$O/fuzz/found/$name-" \
		"$O/fuzz/corpus/$name" "$seeds" >"$log" 2>&1; then
		awk -v name="$name" '
		/INITED|DONE/ { cover = $4; features = $6 }
		/number_of_executed_units/ { runs = $2 }
		/average_exec_per_sec/ { rate = $2 }
		END {
			printf "%-8s %9d runs, %7d a second, %5d edges, %6d features\n", \
				name, runs, rate, cover, features
		}' "$log"
		passed=$((passed + 1))
	else
		tail -n 60 "$log"
		echo "$name: failed, see $log and $O/fuzz/found"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
