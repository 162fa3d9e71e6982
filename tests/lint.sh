#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# clang-tidy, cppcheck and gcc's analyzer over the library's sources, each file as the target that it is
# for. What is left out, and why, is in .clang-tidy; where the code suppresses a finding it says why.
#
#	tests/lint.sh [FILE...]
set -u
cd "$(dirname "$0")/.." || exit
[ $# -gt 0 ] || set -- src/*.c arch/*/*.c
status=0

flags() { # file
	case $1 in
	arch/*) echo "--target=$(cut -d / -f 2 <<<"$1")-none-elf -ffreestanding" ;;
	src/host_*) ;;
	*) echo "-ffreestanding" ;;
	esac
}

tidy() { # file
	local output
	# shellcheck disable=SC2046 # words
	output=$(clang-tidy --quiet "$1" -- -std=c11 -Iinclude -Isrc $(flags "$1") 2>/dev/null) && return
	echo "$output"
	return 1
}

# gcc follows calls through one file at a time, as compilers do.
analyze() { # file
	local compiler=gcc
	case $1 in
	arch/*/fault.c) ;;
	arch/*) compiler=$(cut -d / -f 2 <<<"$1")-linux-gnu-gcc ;;
	esac
	$compiler -std=c11 -O2 -ffreestanding -fanalyzer -Wall -Wextra -Werror -Iinclude -Isrc \
		-c -o /dev/null "$1"
}

check() { # file
	tidy "$1"
	local found=$?
	analyze "$1" && return $found
}

for file; do
	while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
		wait -n || status=1
	done
	check "$file" &
done
for job in $(jobs -p); do
	wait "$job" || status=1
done

cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	--suppress=missingIncludeSystem -Iinclude -Isrc "$@" || status=1
exit $status
