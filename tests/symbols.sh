#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What an archive may ask of the program it is linked into, and bring into it.
#
#	tests/symbols.sh ARCH LIBRARY
set -eu
cd "$(dirname "$0")/.."
arch=$1 lib=$2 failed=0

complain() { # what names...
	[ -n "$2" ] || return 0
	printf '%s: %s:\n%s\n' "$lib" "$1" "$2"
	failed=1
}

# member name type
symbols=$(nm -g -A -P "$lib" | awk '{ sub(/.*\[/, "", $1); sub(/\]:$/, "", $1); print $1, $2, $3 }')
select_names() { # awk condition on $1 member, $2 name, $3 type
	awk "$1 { print \$2 }" <<<"$symbols" | sort -u
}

modules='memory vmm time host tlb'
[ "$arch" != aarch64 ] || modules="$modules arch"
host_functions=$(for m in $modules; do
	sed -n 's/.*FN(\(ax_[a-z]*\), \([a-z_]*\)).*/\1_\2/p' include/axvisor/"$m".h
done | sort -u)
# What the host build has besides: src/host_relax.c.
host_build=
[ "$arch" != host ] || host_build=sched_yield
# What gcc and clang may call by themselves in freestanding code.
compiler_functions=$(printf '%s\n' memcmp memcpy memmove memset)

defined=$(select_names '$3 ~ /[A-TX-Z]/ && $3 != "U"')
undefined=$(comm -23 <(select_names '$3 ~ /[Uwv]/') <(echo "$defined"))

complain 'undefined, and neither host API nor memcpy and the like' \
	"$(comm -23 <(echo "$undefined") <(sort -u <<<"$host_functions
$compiler_functions
$host_build"))"
complain 'host API function that no file refers to' \
	"$(comm -13 <(echo "$undefined") <(echo "$host_functions"))"
complain 'strong reference to a host API function outside *_require.o' \
	"$(comm -12 <(select_names '$3 == "U" && $1 !~ /_require\.o$/') <(echo "$host_functions"))"
complain 'weak definition' "$(select_names '$3 ~ /[WVuC]/')"
complain 'global name without ax_' "$(grep -v '^ax_' <<<"$defined" || true)"
complain 'writable static data' "$(readelf -SW "$lib" |
	sed -n 's/^ *\[ *[0-9]*\] //p' |
	awk '$7 ~ /W/ && $5 !~ /^0+$/ && $1 !~ /^\.data\.rel\.ro/ { print $1, $5 }')"
exit $failed
