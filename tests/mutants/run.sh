#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The library with mistakes in it, one at a time: each is a patch of this folder, and the program that it
# names has to fail on it.
#
#	tests/mutants/run.sh [NAME...]      default: all of them
#
# Head of a patch: what is wrong, `Run: PROGRAM [VARIABLE=VALUE...]`, and for a mistake that nothing can
# be seen of at the end, `Judge: the model of the TLB alone`: then the program passes without the model,
# and what fails with it is the model. A patch that does not apply any more is a failure.
#
# O: build directory.
set -u
cd "$(dirname "$0")/../.." || exit
O=${O:-build}
base=$O/mutants/base/host
unset MAKEFLAGS MAKELEVEL MFLAGS CC AR CFLAGS CPPFLAGS ARCH LLVM AX_FORMAT AX_TLB_MODEL AX_SEED AX_STEPS

mkdir -p "$O/mutants"
exec 9>"$O/mutants/lock"
flock 9
make --no-print-directory -s O="$O/mutants/base" ARCH=host programs >/dev/null || exit

if [ $# -eq 0 ]; then
	set -- tests/mutants/*.patch
	set -- "${@##*/}"
	set -- "${@%.patch}"
fi

head_line() { # patch key
	sed -n "/^---/q; s/^$2: //p" "$1"
}

run() { # program log variable=value...
	env "${@:3}" timeout 60 "$1" >"$2" 2>&1 </dev/null
}

# The changed files alone are compiled again; the linker takes them before those of the archive.
build() { # patch directory program
	local objects=() file
	rm -rf "$2"
	mkdir -p "$2"
	cp -r src arch "$2"
	patch -s -p1 --fuzz=0 --no-backup-if-mismatch -d "$2" <"$1" || return
	for file in $(sed -n 's,^+++ b/,,p' "$1"); do
		gcc -std=c11 -O1 -w -fno-delete-null-pointer-checks -DAX_HOST_HOOKS -Iinclude \
			-I"$2/src" -c -o "$2/$(basename "$file").o" "$2/$file" || return
		objects+=("$2/$(basename "$file").o")
	done
	gcc -o "$2/program" "$base/tests/$3.o" "${objects[@]}" "$base/tests/libsupport.a" \
		"$base/hooked/libaxaddrspace.a" "$base/tests/libsupport.a" -lcmocka -lpthread
}

# Prints by what it was noticed, or why not.
try() { # name patch
	local directory=$O/mutants/$1 words program log=$O/mutants/$1.log
	read -ra words <<<"$(head_line "$2" Run)"
	program=${words[0]}
	build "$2" "$directory" "$program" >"$log" 2>&1 ||
		{ echo "does not build:"; cat "$log"; return 1; }
	if [ -n "$(head_line "$2" Judge)" ] &&
		! run "$directory/program" "$log" "${words[@]:1}" AX_TLB_MODEL=off; then
		echo "fails without the model of the TLB:"
		cat "$log"
		return 1
	fi
	if run "$directory/program" "$log" "${words[@]:1}"; then
		echo "NOT NOTICED by $program"
		return 1
	fi
	rm -rf "$directory"
	if [ -n "$(head_line "$2" Judge)" ] && ! grep -qa 'support/tlb_[a-z]*\.c:' "$log"; then
		echo "not by the model of the TLB:"
		cat "$log"
		return 1
	fi
	# What was said first: of a test, of the port, or of the sanitizers.
	echo "by $program: $(grep -am1 -E '\.c:[0-9]+: |^mock port|the port:' "$log" | cut -c 1-160)"
}

# Without a mistake they all pass.
sound() {
	local patch words status=0
	for patch; do
		head_line "tests/mutants/$patch.patch" Run
	done | sort -u | while read -ra words; do
		run "$base/tests/${words[0]}" "$O/mutants/sound.log" "${words[@]:1}" || {
			echo "FAIL  without a mutant: ${words[*]}"
			cat "$O/mutants/sound.log"
			exit 1
		}
	done || status=1
	return $status
}

passed=0
failed=0
sound "$@" || failed=1
for name; do
	if result=$(try "$name" "tests/mutants/$name.patch"); then
		passed=$((passed + 1))
		printf 'ok    %-28s %s\n' "$name" "$result"
	else
		failed=$((failed + 1))
		printf 'FAIL  %-28s %s\n' "$name" "$result"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
