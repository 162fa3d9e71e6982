#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Counts instructions under callgrind, where valgrind is, then measures times and prints both.
#
#	O=directory [FILTER=text] [QUICK=1] tests/bench/run.sh
#
# Of a case's run, those instructions count that were executed in the library's public functions and
# what they call, and not the loop around them.
set -u
dir=$O/tests/bench
filter=(${FILTER:+--filter "$FILTER"})

count() {
	rm -f "$dir"/callgrind.out*
	valgrind --tool=callgrind --instr-atstart=no --callgrind-out-file="$dir/callgrind.out" \
		"$dir/bench" --count "${filter[@]}" >"$dir/valgrind.log" 2>&1 || return
	for dump in "$dir"/callgrind.out.*; do
		awk '
		/^desc: Trigger: Client Request: / { sub(/^desc: Trigger: Client Request: /, ""); name = $0 }
		/^c?fn=/ {
			split($0, part, "=")
			if (match(part[2], /^\([0-9]+\) /)) {
				id = substr(part[2], 1, RLENGTH - 1)
				names[id] = substr(part[2], RLENGTH + 1)
			} else
				id = part[2]
			if (part[1] == "fn")
				caller = names[id]
			else
				callee = names[id]
		}
		/^calls=/ { getline; if (caller ~ /^run_/ && callee ~ /^ax_/) total += $2 }
		END { if (total) print name "|" total }' "$dump"
	done
	rm -f "$dir"/callgrind.out*
}

: >"$dir/counts"
if command -v valgrind >/dev/null; then
	count >"$dir/counts" || echo "valgrind failed, see $dir/valgrind.log: instructions are not counted"
else
	echo "no valgrind here: instructions are not counted"
fi
"$dir/bench" ${QUICK:+--quick} "${filter[@]}" --counts "$dir/counts" --csv "$O/bench.csv" || exit
echo "in $O/bench.csv as well"
