#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Everything that is checked, one line a step, `N passed, N failed` at the end.
#
#	tests/check.sh [builds] [headers] [link] [unit] [instructions] [reference] [model] [mutants] [fuzz]
#		[spin] [stress] [readme] [run] [linux]
#
# Default: all.
#
# O: build directory. V=1: show what each step prints. UNIT: this unit test alone. A step that fails
# always shows what it printed. One that cannot be done here is skipped, and counted as that.
set -u
cd "$(dirname "$0")/.." || exit
unset MAKEFLAGS MAKELEVEL MFLAGS CC AR CFLAGS CPPFLAGS ARCH LLVM
O=${O:-build}
out=$O/check
jobs=$(nproc)
export LC_ALL=C

# Two runs in one directory would judge each other's files.
mkdir -p "$out"
exec 9>"$out/lock"
flock -n 9 || { echo "waiting for another run in $out"; flock 9; }

logs=$out/logs
rm -rf "$logs"
mkdir -p "$logs"

# How many tests a step's output speaks of: cmocka's summaries, `N passed, N failed`, or what a guest says;
# else the step itself is one.
count() { # log status
	awk -v status="$2" '
	/^\[  PASSED  \] [0-9]+ test/ { passed += $4; seen = 1 }
	/^\[  FAILED  \] [0-9]+ test/ { failed += $4; seen = 1 }
	/^[0-9]+ passed, [0-9]+ failed/ { passed += $1; failed += $3; seen = 1 }
	/^guest: [0-9]+ tests, .* all passed/ { passed += $2; seen = 1 }
	END {
		if (!seen && status == 0)
			passed = 1
		if (status != 0 && failed == 0)
			failed = 1
		print passed + 0, failed + 0
	}' "$1"
}

run_step() { # name command...
	local name=$1 log=$logs/${1//[ \/]/-} status=0 passed failed start=$SECONDS
	shift
	"$@" >"$log" 2>&1 </dev/null 9>&- || status=$?
	read -r passed failed < <(count "$log" $status)
	if [ $status -eq 77 ] && grep -q '^skipped: ' "$log"; then
		echo "0 0 1" >"$log.count"
		printf 'SKIP  %s: %s\n' "$name" "$(cat "$log")"
		return
	fi
	echo "$passed $failed 0" >"$log.count"
	if [ "$failed" -ne 0 ]; then
		printf 'FAIL  %s (status %s): %s\n%s\n' "$name" $status "$*" "$(cat "$log")"
	else
		printf 'ok    %-40s %5d  %3d s%s\n' "$name" "$passed" $((SECONDS - start)) \
			"$(sed -n 's/^hyp: conformance: .*changes, \(.*disagreed\).*/  \1/p' "$log")"
		[ -z "${V:-}" ] || cat "$log"
	fi
}

# Starts a step as soon as a core is free; `settle` waits for all of them.
step() {
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
		wait -n
	done
	run_step "$@" &
}
settle() {
	wait
}

# make for one architecture with one compiler, under a directory of its own.
build() { # directory arch gcc|clang goal...
	local llvm=
	[ "$3" = gcc ] || llvm=1
	make --no-print-directory O="$out/$1" ARCH="$2" LLVM=$llvm WERROR=1 "${@:4}"
}

build_library() { # arch compiler
	build "$2" "$1" "$2" && tests/symbols.sh "$1" "$out/$2/$1/libaxaddrspace.a"
}

group_builds() {
	for arch in x86_64 aarch64 riscv64 host; do
		for compiler in gcc clang; do
			step "build $arch $compiler" build_library $arch $compiler
		done
	done
}

group_headers() {
	settle
	step "headers gcc" env O="$O" tests/headers/run.sh gcc
	step "headers clang" env O="$O" tests/headers/run.sh clang
}

group_link() {
	settle
	step "link" env O="$O" tests/link/run.sh
}

sanitize='-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer'

group_programs() { # directory under tests
	settle
	for compiler in gcc clang; do
		step "build $1 tests $compiler" \
			build $compiler-sanitized host $compiler CFLAGS="$sanitize" programs
	done
	settle
	for compiler in gcc clang; do
		for source in tests/"$1"/test_*.c; do
			name=$(basename "$source" .c)
			[ "${UNIT:-$name}" = "$name" ] || continue
			step "$1 $name $compiler" "$out/$compiler-sanitized/host/tests/$1/$name"
		done
	done
}

group_unit() {
	group_programs unit
}

# Made of x86-64 code.
group_instructions() {
	[ "$(uname -m)" != x86_64 ] || group_programs instructions
}

group_reference() {
	group_programs reference
}

group_model() {
	group_programs model
}

group_mutants() {
	settle
	step "mutants" env O="$out" tests/mutants/run.sh
}

# Replay, and a moment more; the same choices each time. `make fuzz` is for the rest.
group_fuzz() {
	settle
	step "fuzz" env O="$out" SEED=1 tests/fuzz/run.sh 4
}

group_spin() {
	settle
	step "spin" env O="$O" tests/spin/run.sh
	settle
}

# With threads that are watched, by either compiler's ThreadSanitizer, and as they are. gcc says that it
# cannot see fences, which nothing stands on there: tests/spin is their witness.
group_stress() {
	settle
	step "build stress" build gcc host gcc stress-program
	step "build stress tsan gcc" build gcc-tsan host gcc \
		CFLAGS='-fsanitize=thread -Wno-tsan' stress-program
	step "build stress tsan clang" build clang-tsan host clang \
		CFLAGS=-fsanitize=thread stress-program
	settle
	step "stress" "$out/gcc/host/tests/stress/stress" 2
	settle
	for compiler in gcc clang; do
		step "stress tsan $compiler" env TSAN_OPTIONS=halt_on_error=1 \
			"$out/$compiler-tsan/host/tests/stress/stress" 4
		settle
	done
}

group_readme() {
	settle
	step "readme" env O="$O" tests/readme/run.sh
}

# The hypervisor: every table format under an emulated processor's own walker, on two CPUs. A run ends with
# status 0 when all tests of its guest passed and the hardware agreed with the library; a run with
# invalidations left out has to be noticed.
hypervisors='aarch64
aarch64 CPU=cortex-a53
riscv64 LEVELS=3
riscv64 LEVELS=4
riscv64 LEVELS=5
x86_64
x86_64 LEVELS=5
x86_64 NPT=ept'
stale='aarch64 STALE=1
aarch64 STALE=remote
riscv64 STALE=1
x86_64 STALE=1
x86_64 STALE=1 NPT=ept'

hypervisor() { # goal arch variable...
	make --no-print-directory -C tests/hypervisor O="$(realpath "$out")/gcc" ARCH="$2" WERROR=1 "${@:3}" "$1"
}

# All that are made of one library, one after another: make itself keeps two cores busy.
hypervisor_builds() { # arch list
	local arch rest
	while read -r arch rest; do
		[ "$arch" != "$1" ] || hypervisor all "$arch" $rest || return
	done <<<"$2"
}

group_run() {
	local arch rest
	settle
	for arch in aarch64 riscv64 x86_64; do
		step "build hypervisor $arch" hypervisor_builds $arch "$hypervisors"$'\n'"$stale"
	done
	settle
	while read -r arch rest; do
		step "run $arch $rest" hypervisor run "$arch" $rest
	done <<<"$hypervisors"
	while read -r arch rest; do
		step "stale $arch $rest" hypervisor stale "$arch" $rest
	done <<<"$stale"
}

# Linux as the guest: a kernel for each architecture, one boot on each kind of table, with less to check than
# `make run GUEST=linux` has. The kernels are fetched once; where there is neither a kernel nor an archive
# to be reached, that is said.
linux='aarch64 GUEST=linux
riscv64 GUEST=linux
x86_64 GUEST=linux
x86_64 GUEST=linux NPT=ept'

linux_builds() { # arch
	local status=0
	tests/linux/fetch.sh "$1" || status=$?
	[ $status -ne 77 ] || echo "skipped: there is no kernel to boot"
	[ $status -eq 0 ] || return $status
	make --no-print-directory -C tests/linux O="$(realpath "$out")/gcc" ARCH="$1" WERROR=1 all measure &&
		hypervisor_builds "$1" "$linux"
}

group_linux() {
	local arch rest
	settle
	for arch in aarch64 riscv64 x86_64; do
		step "build linux $arch" linux_builds $arch
	done
	settle
	while read -r arch rest; do
		grep -qs ' 0 0$' "$logs/build-linux-$arch.count" || continue
		step "linux $arch ${rest#GUEST=linux}" hypervisor run "$arch" $rest ROUNDS=1 PART=25
	done <<<"$linux"
}

[ $# -gt 0 ] || set -- builds headers link unit instructions reference model mutants fuzz spin stress readme run linux

if ! tests/setup.sh check; then
	echo "0 passed, 1 failed"
	exit 1
fi
for group; do
	"group_$group"
done
settle

cat "$logs"/*.count | awk '
{ passed += $1; failed += $2; skipped += $3 }
END {
	printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
	exit failed != 0 || passed == 0
}'
