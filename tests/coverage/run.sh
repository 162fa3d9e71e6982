#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Line, branch and MC/DC coverage of the library by its tests: a summary, what is missing, and a report
# in O/coverage/html. Fails when a gap is not in the file exceptions, or an exception is none.
#
#	tests/coverage/run.sh
set -eu
cd "$(dirname "$0")/../.."
O=${O:-build}
out=$O/coverage

tests/coverage/measure.sh
# A decision that the compiler cannot take apart would count as none.
if grep -E '^(src|arch|include)/.*unsupported MC/DC' "$out/build.log"; then
	exit 1
fi

objects=()
for program in "$out"/build/host/tests/*/test_*.o; do
	objects+=(-object "${program%.o}")
done
llvm-profdata-19 merge -sparse -o "$out/all.profdata" "$out"/profiles/*.profdata

# Of functions that each program has its own, as main(), but one can be shown: a warning that is none.
quietly() {
	"$@" 2>"$out/warnings" || { cat "$out/warnings" >&2; return 1; }
}
cov() { # command option...
	quietly llvm-cov-19 "$1" "${objects[@]}" -instr-profile="$out/all.profdata" "${@:2}"
}
rm -rf "$out/html"
cov show -format=html -output-dir="$out/html" -show-branches=count -show-mcdc \
	-ignore-filename-regex=/tests/
cov export >"$out/export.json"
cov export -format=lcov >"$out/lines.lcov"
tests/coverage/judge.py "$out/export.json" "$out/lines.lcov" tests/coverage/exceptions
echo "report: $out/html/index.html"
