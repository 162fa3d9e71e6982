#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Checks the model of the protocol between readers, the writer and hardware, completely, at several
# sizes; then that the checker rejects each of the mistakes that could be made in it.
#
#	tests/spin/run.sh [full]
#
# full: larger sizes besides, which take minutes and some GiB. O: build directory.
set -u
cd "$(dirname "$0")" || exit
out=$(realpath -m "${O:-../../build}")/spin
model=$out/guard.pml
passed=0 failed=0
# A copy, for spin writes files beside what it reads.
mkdir -p "$out" && cp guard.pml "$model" && cd "$out" || exit

verdict() { # ok|FAILED name text
	printf '%-6s %-44s %s\n' "$1" "$2" "$3"
	if [ "$1" = ok ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		cat log
	fi
}

# A search that ended before it had seen everything is none.
search() { # megabytes compiler-flags pan-flags model-flags...
	local memory=$1 compile=$2 flags=$3
	shift 3
	rm -f pan pan.* log
	# shellcheck disable=SC2086 # words
	spin "$@" -a "$model" >log 2>&1 &&
		gcc -w $compile -DCOLLAPSE -DMEMLIM="$memory" -o pan pan.c >>log 2>&1 &&
		timeout 600 ./pan -n $flags >>log 2>&1 &&
		! grep -q -e 'max search depth' -e 'out of memory' -e 'aborting' log
}

errors() {
	sed -n 's/.*errors: \([0-9]*\)$/\1/p' log
}

states() {
	sed -n 's/^ *\([0-9]*\) states, stored.*/\1 states/p' log
}

safety='-DSAFETY -DNOFAIR'
progress='-DNP -DNFAIR=4'

holds() { # name megabytes safety|progress model-flags...
	local name=$1 memory=$2 flags=$safety pan=-m2000000
	[ "$3" = safety ] || flags=$progress pan="$pan -l -f"
	shift 3
	if search "$memory" "-O2 $flags" "$pan" "$@" && [ "$(errors)" = 0 ]; then
		verdict ok "$name" "$(states)"
	else
		verdict FAILED "$name" "does not hold, or was not searched through"
	fi
}

# The search stops at the first error, which comes soon: compiling takes longer.
rejected() { # mistake expected-error safety|progress model-flags...
	local name=$1 what=$2 flags=$safety pan='-m400000 -w18'
	[ "$3" = safety ] || flags=$progress pan="$pan -l -f"
	shift 3
	if search 1500 "-O0 $flags" "$pan" "-DBREAK_$name" "$@" && [ "$(errors)" = 1 ] &&
		grep -q "^pan:1: .*$what" log; then
		verdict ok "rejects $name" "at depth $(sed -n 's/^pan:1:.*at depth \([0-9]*\).*/\1/p' log)"
	else
		verdict FAILED "rejects $name" "was not found"
	fi
}

holds 'two CPUs, two pages, a writer' 1500 safety -DCPUS=2 -DHARDWARE=0 -DPAGE_BY_PAGE
holds 'a CPU, two pages, a writer, hardware' 1500 safety -DCPUS=1
holds 'two CPUs, a page, protect, hardware' 1500 safety -DCPUS=2 -DFRAMES=3 -DPROTECT -DONE_PAGE
holds 'a CPU that remembers its table, hardware' 1500 safety -DCPUS=1 -DREMEMBER
holds 'two CPUs that do, a page' 1500 safety -DCPUS=2 -DREMEMBER -DONE_PAGE -DHARDWARE=0
holds 'a device, two pages, protect' 1500 safety -DCPUS=0 -DDEVICES=1 -DPROTECT -DHARDWARE=0
holds 'two CPUs, a writer: it gets on' 1500 progress -DCPUS=2 -DONE_PAGE -DHARDWARE=0

if [ "${1:-}" = full ]; then
	holds 'two CPUs, two pages, a writer that takes both' 12000 safety -DCPUS=2 -DHARDWARE=0
	holds 'two CPUs, two pages, a writer, hardware' 12000 safety -DCPUS=2
	holds 'a CPU, two pages, protect, hardware' 12000 safety -DCPUS=1 -DPROTECT
	holds 'a CPU, a device, two pages, hardware' 12000 safety -DCPUS=1 -DDEVICES=1
	holds 'two CPUs, protect: the writer gets on' 12000 progress -DCPUS=2 -DONE_PAGE -DPROTECT
fi

seen='violated' # by more than one assertion
touch='backed\['
freed='use\[.*==2'
account='root==(32'
rejected FENCE 'changing!=copy' safety -DCPUS=1 -DDEVICES=1 -DHARDWARE=0
rejected WRITER_FENCE "$seen" safety -DCPUS=1
rejected ONE_COPY 'changing!=copy' safety -DCPUS=1
rejected NO_WAIT_1 "$seen" safety -DCPUS=1
rejected NO_WAIT_2 "$freed" safety -DCPUS=1
rejected NO_FLUSH "$touch" safety -DCPUS=1
rejected FLUSH_LEAVES_ONLY "$seen" safety -DCPUS=1
rejected FREE_BEFORE_FLUSH "$seen" safety -DCPUS=1
rejected NEED_BY_ENTRIES "$seen" safety -DCPUS=1
rejected LINK_BY_STORE "$account" safety -DCPUS=1
rejected GRAFT_BY_STORE "$account" safety -DCPUS=1
rejected FAULT_BY_STORE "$touch" safety -DCPUS=2 -DHARDWARE=0
rejected SPARE_IS_LOST "$account" safety -DCPUS=2 -DHARDWARE=0
rejected BROKEN_IS_NOT_MAPPED 'violated 0' safety -DCPUS=1 -DPROTECT -DONE_PAGE
rejected MAKE_BEFORE_FLUSH 'tlb_page' safety -DCPUS=1 -DPROTECT -DONE_PAGE
rejected NUMBER_FIRST "$touch" safety -DCPUS=0 -DDEVICES=1 -DPROTECT -DHARDWARE=0
rejected NO_SECTION "$touch" safety -DCPUS=0 -DDEVICES=1 -DPROTECT -DHARDWARE=0
rejected HIT_OUTLIVES_VERSION "$freed" safety -DCPUS=1 -DREMEMBER
rejected WAIT_FOR_EVEN 'non-progress' progress -DCPUS=1 -DONE_PAGE -DHARDWARE=0

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
