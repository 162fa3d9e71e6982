#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Sees to it that the tools are there, on Debian 12 or alike: silent when they are, installs what is
# missing when it may, else says what to install.
#
#	tests/setup.sh check|fuzz|coverage|stack|lint
#	ARCH=aarch64 NPT= LLVM= GUEST= tests/setup.sh run
set -u

missing=()

# A file that is looked for, and the package that has it.
need() { # command-or-path package...
	case $1 in
	*/*) compgen -G "$1" >/dev/null ;;
	*) command -v "$1" >/dev/null ;;
	esac || missing+=("${@:2}")
}

need_emulator() { # arch [ept]
	case $1-${2:-} in
	aarch64-*) need qemu-system-aarch64 qemu-system-arm ;;
	riscv64-*) need qemu-system-riscv64 qemu-system-misc ;;
	x86_64-ept) need bochs-bin bochs ;;
	x86_64-*) need qemu-system-x86_64 qemu-system-x86 ;;
	esac
}

need_linux() {
	need cpio cpio
	need /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
}

case ${1:-check} in
check)
	need gcc gcc
	need g++ g++
	need make make
	need readelf binutils
	need clang clang
	need ld.lld lld
	need llvm-ar llvm
	need '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.asan-*.a' libclang-rt-14-dev
	need '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a' libclang-rt-14-dev
	need patch patch
	for arch in aarch64 riscv64 x86_64; do
		need $arch-linux-gnu-gcc "gcc-${arch/_/-}-linux-gnu"
	done
	need /usr/include/cmocka.h libcmocka-dev
	need spin spin
	for arch in aarch64 riscv64 x86_64; do
		need_emulator $arch
	done
	need_emulator x86_64 ept
	need_linux
	;;
fuzz)
	need make make
	need clang clang
	need llvm-ar llvm
	need '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a' libclang-rt-14-dev
	need /usr/include/cmocka.h libcmocka-dev
	;;
run)
	arch=${ARCH:-aarch64}
	need make make
	if [ -n "${LLVM:-}" ]; then
		need clang clang
		need ld.lld lld
		need llvm-ar llvm
	elif [ "$arch" = "$(uname -m)" ]; then
		need gcc gcc
	else
		need "${CROSS_COMPILE:-$arch-linux-gnu-}gcc" "gcc-${arch/_/-}-linux-gnu"
	fi
	need_emulator "$arch" "${NPT:-}"
	[ "${GUEST:-}" != linux ] || need_linux
	;;
coverage)
	need make make
	need clang-19 clang-19
	need ld.lld lld
	need llvm-cov-19 llvm-19
	need '/usr/lib/llvm-19/lib/clang/*/lib/linux/libclang_rt.profile-*.a' libclang-rt-19-dev
	need python3 python3
	need /usr/include/cmocka.h libcmocka-dev
	;;
stack)
	need make make
	need python3 python3
	for arch in aarch64 riscv64 x86_64; do
		need $arch-linux-gnu-gcc "gcc-${arch/_/-}-linux-gnu"
	done
	;;
lint)
	need clang-tidy clang-tidy
	need clang-format clang-format
	need cppcheck cppcheck
	for arch in aarch64 riscv64 x86_64; do
		need $arch-linux-gnu-gcc "gcc-${arch/_/-}-linux-gnu"
	done
	;;
esac
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ]; then
	sudo=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
	sudo="sudo -n"
else
	sudo=none
fi
if [ "$sudo" = none ] || ! command -v apt-get >/dev/null; then
	echo "please install: ${missing[*]}" >&2
	exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "installing: ${missing[*]}"
apt() {
	DEBIAN_FRONTEND=noninteractive $sudo apt-get -q -y -o Dpkg::Use-Pty=0 "$@" </dev/null >>"$log" 2>&1
}
if ! { apt update && apt install --no-install-recommends "${missing[@]}"; }; then
	cat "$log" >&2
	echo "could not install: ${missing[*]}" >&2
	exit 1
fi
