#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What linkers make of the binding: {gcc, clang} x {no LTO, LTO} x {GNU ld, lld} x layout x the ways in
# which a port can be linked, or not.
#
#	tests/link/run.sh                            all of it
#	tests/link/run.sh COMPILER LTO LAYOUT        one combination; LTO is lto or nolto
#
# x86_64-kernel is a library compiled with -mcmodel=kernel, x86_64-kernel-pie-library the one that `make`
# builds (without LTO: gcc takes the code model of an LTO link from the objects).
#
# Where Linux can run the image (x86_64, low or static PIE) it is run. Elsewhere the table of pointers
# in the linked image is read: each slot must hold the address of the port's function, or 0.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit
out=${O:-build}/check/link
layouts='x86_64-kernel x86_64-kernel-pie-library aarch64-high riscv64-high'
[ "$(uname -m)" != x86_64 ] || layouts="x86_64-low x86_64-pie $layouts"

if [ $# -eq 0 ]; then
	mkdir -p "$out"
	broken=0
	for combination in {gcc,clang}-{nolto,lto}; do
		for layout in $layouts; do
			echo "${combination/-/ } $layout"
		done
	done | grep -v ' lto x86_64-kernel-pie-library' | xargs -P "$(nproc)" -L 1 "$0" >"$out/results" || broken=1
	grep -v '^count ' "$out/results"
	awk -v broken=$broken '/^count / { p += $2; f += $3; s += $4 }
	END {
		# A combination that ended before it counted.
		if (broken && f == 0)
			f = 1
		printf "%d passed, %d failed, %d skipped\n", p, f, s
		exit f != 0 || p == 0
	}' "$out/results"
	exit
fi

compiler=$1 lto=$2 layout=$3 arch=${3%%-*}
dir=$out/$compiler-$lto-$layout
mkdir -p "$dir"
passed=0 failed=0 skipped=0
trap 'echo "count $passed $failed $skipped"' EXIT

# ---- what the layout asks of the compiler and the linker

full='' library_flags=''
case $layout in
x86_64-low)
	program_flags=-fno-pie
	ld_flags=-static driver_flags='-static -no-pie' full=1
	;;
x86_64-pie)
	program_flags='-fpie -DSTATIC_PIE'
	ld_flags='-static -pie --no-dynamic-linker -z text' driver_flags=-static-pie
	;;
x86_64-kernel)
	library_flags='-fno-pie -mcmodel=kernel' program_flags=$library_flags base=0xffffffff80000000
	;;
x86_64-kernel-pie-library)
	program_flags='-fno-pie -mcmodel=kernel' base=0xffffffff80000000
	;;
aarch64-high)
	program_flags=-fno-pie base=0xffff000040080000 full=1
	;;
riscv64-high)
	program_flags=-fno-pie base=0xffffffc080200000
	;;
esac
if [ -n "${base:-}" ]; then
	ld_flags="-static --defsym=BASE=$base -T tests/link/high.ld"
	driver_flags="-static -no-pie -Wl,--defsym=BASE=$base -Wl,-T,tests/link/high.ld"
fi
if [ $arch = riscv64 ]; then
	ld_flags="$ld_flags --no-relax"
	driver_flags="$driver_flags -march=rv64imac -mabi=lp64 -Wl,--no-relax"
fi
if [ $lto = lto ]; then
	library_flags="$library_flags -flto -g0"
	program_flags="$program_flags -flto"
	[ $layout = x86_64-low ] || full=
fi

prefix=
[ $arch = "$(uname -m)" ] || prefix=$arch-linux-gnu-
ar=${prefix}gcc-ar llvm=''
[ $compiler = gcc ] || ar=llvm-ar llvm=1

# The linker itself; with LTO the compiler's driver, which knows the plugin that GNU ld needs.
link_with_bfd="${prefix}ld.bfd $ld_flags" wrap_bfd=''
link_with_lld="ld.lld $ld_flags" wrap_lld=''
if [ $lto = lto ]; then
	driver="clang --target=$arch-linux-gnu"
	[ $compiler = clang ] || driver=${prefix}gcc
	link_with_bfd="$driver -fuse-ld=bfd -flto -nostdlib $driver_flags" wrap_bfd=-Wl,
fi

# ---- the library, then the programs, compiled as the library is (the flags file has the command)

# A library as it is shipped is there already, from the step that builds it. Layouts share the others.
tree=${O:-build}/check/$compiler
[ -z "$library_flags" ] || tree=$out/library-$compiler${library_flags// /}
mkdir -p "$tree"
if ! flock "$tree/$arch.lock" make -s O="$tree" ARCH=$arch LLVM=$llvm WERROR=1 CFLAGS="$library_flags" \
	>"$dir/make.log" 2>&1; then
	cat "$dir/make.log"
	failed=1
	exit 1
fi
library=$tree/$arch/libaxaddrspace.a
compile="$(sed 's/ | .*//' "$tree/$arch/flags") $program_flags"

object() { # name source flags...
	$compile "${@:3}" -c -o "$dir/$1.o" "tests/link/$2.c" || failed=1
}
object start start -fno-lto
object main main
object main-require main -DREQUIRE
object port port
object port-partial port -DPARTIAL
object log log
object log_require log_require
if [ -n "$full" ]; then
	object main-implement main -DIMPLEMENT
	object port-implement port -DIMPLEMENT

	# The same header with another meaning of one function: another version, another link name.
	mkdir -p "$dir/v2/axvisor"
	sed -e 's/^#define AX_MEMORY_VERSION 1/#define AX_MEMORY_VERSION 2/' \
		-e 's/^ax_hpa_t ax_memory_alloc_frame(void)/& __asm__("ax_memory_alloc_frame_v2")/' \
		include/axvisor/memory.h >"$dir/v2/axvisor/memory.h"
	compile="${compile/ -I/ -I$dir/v2 -I}"
	object port-v2 port
	object port-v2-implement port -DIMPLEMENT
fi
[ $failed -eq 0 ] || exit 1

rm -f "$dir"/*.a
$ar rcs "$dir/libport.a" "$dir/port.o"
$ar rcs "$dir/liblog.a" "$dir/log.o" "$dir/log_require.o"

# ---- one case: link, and remember what is to come of it

names=() expectations=()

# Names stand for objects and archives of this directory; `lib` is the library and the log component.
check() { # name expected arguments...
	local image=$dir/$linker-$1 args=() word
	names+=("$linker-$1") expectations+=("$2")
	for word in "${@:3}"; do
		case $word in
		lib) args+=("$library" "$dir/liblog.a") ;;
		-*) args+=("$wrap$word") ;;
		*) args+=("$dir/$word") ;;
		esac
	done
	$link -o "$image" "$dir/start.o" "${args[@]}" >"$image.log" 2>&1
}

rm -f "$dir"/{bfd,lld}-*
for linker in bfd lld; do
	link=link_with_$linker wrap=wrap_$linker
	link=${!link} wrap=${!wrap}
	if [ $compiler-$lto-$linker = gcc-lto-lld ]; then
		echo "skipped: $layout: lld cannot read gcc's LTO objects"
		skipped=$((skipped + 1))
		continue
	fi
	bound='bound bound'
	none='ax_memory_alloc_frame my_log_write'
	part='ax_memory_phys_to_virt my_log_flush'

	# A port as objects binds by itself.
	check objects "$bound" main.o port.o lib
	check objects-require "$bound" main-require.o port.o lib
	# A weak reference extracts nothing: a port in an archive needs a word, and its lack is told.
	check archive-first-require "$bound" main-require.o --start-group libport.a lib --end-group
	check archive-last-require "$bound" main-require.o lib libport.a
	check archive-first "$none" main.o libport.a lib
	check archive-last "$none" main.o lib libport.a
	check no-port "$none" main.o lib
	# A part of a port: told at run time, or by the linker to who asks for all of it.
	check partial "$part" main.o port-partial.o lib
	check partial-require "error:$part" main-require.o port-partial.o lib

	# The rest is the same in all layouts.
	[ -n "$full" ] || continue
	check objects-last "$bound" main.o lib port.o
	check objects-implement "$bound" main.o port-implement.o lib
	check archive-first-implement "$bound" main-implement.o libport.a lib
	check archive-last-implement "$bound" main-implement.o lib libport.a
	check objects-gc "$bound" --gc-sections main-require.o port-implement.o lib
	check no-port-gc "$none" --gc-sections main.o lib
	check partial-implement "error:$part" main-implement.o port-partial.o lib
	check partial-undefined "error:$part" --undefined=ax_memory_require --undefined=my_log_require \
		main.o port-partial.o lib
	check partial-require-gc "error:$part" --gc-sections main-require.o port-partial.o lib
	# A port of another version: its function is not called, and a word makes it a link error.
	check version "ax_memory_alloc_frame bound" main.o port-v2.o lib
	check version-implement "error:ax_memory_api_v2" main.o port-v2-implement.o lib
	check version-implement-gc "error:ax_memory_api_v2" --gc-sections main.o port-v2-implement.o lib
	check version-require "error:ax_memory_alloc_frame" main-require.o port-v2.o lib
done

# ---- what the images say, all at once: processes are what takes the time here

# The functions of the two modules, in the order of their lists.
functions=$(sed -n 's/.*FN(\(my_log\), write) FN.*/\1_write \1_flush/p
	s/^.*\tFN(\([a-z_]*\), \([a-z_]*\)).*/\1_\2/p' include/axvisor/memory.h tests/link/log.h | xargs)

images=()
for name in "${names[@]}"; do
	[ ! -e "$dir/$name" ] || images+=("$dir/$name")
done
declare -A said=()
if [ -n "${base:-}" ]; then
	while IFS=' ' read -r image text; do
		said[$image]=$text
	done < <({
		nm -P "${images[@]}"
		objdump -s -j .rodata -j .data "${images[@]}"
	} | awk -v functions="$functions" -f tests/link/tables.awk)
else
	for image in "${images[@]}"; do
		said[$image]=$(timeout 10 "$image" 2>&1)
	done
fi

for i in "${!names[@]}"; do
	image=$dir/${names[i]} expected=${expectations[i]} good=1
	if [ -e "$image" ]; then
		got=${said[$image]:-nothing}
		[ "$got" = "$expected" ] || good=
	else
		got=$(<"$image.log")
		for word in ${expected#error:}; do
			[[ $expected = error:* && $got =~ undefined[^$'\n']*[^a-z_]$word([^a-z0-9_]|$) ]] || good=
		done
	fi
	if [ -n "$good" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf '%s %s: expected "%s", got "%s"\n' "${dir##*/}" "${names[i]}" "$expected" "$got"
	fi
done
[ $failed -eq 0 ]
