#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# clang-tidy and cppcheck over the library's sources, each file as the target that it is for.
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

for file; do
	while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
		wait -n || status=1
	done
	tidy "$file" &
done
for job in $(jobs -p); do
	wait "$job" || status=1
done

cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	--suppress=missingIncludeSystem -Iinclude -Isrc "$@" || status=1
exit $status
