#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Puts what a hypervisor needs for a Linux guest into one file, on standard output: 4096 bytes of
# text, padded with zeroes, that say what follows and where, each part at a multiple of 4096.
#
#	tests/linux/payload.sh KERNEL INITRD RATE SEED COMMAND-LINE
#
#	kernel OFFSET SIZE
#	initrd OFFSET SIZE
#	rate N			changes of the guest's memory in a second
#	seed N			of the random numbers that choose them
#	command ...		the kernel's command line, to the end of the line
set -eu

size_of() {
	wc -c <"$1" | tr -d ' '
}
pad() {
	dd bs=4096 conv=sync iflag=fullblock status=none "$@"
}

kernel=$(size_of "$1")
initrd=$(size_of "$2")
printf 'kernel 4096 %d\ninitrd %d %d\nrate %d\nseed %d\ncommand %s\n' \
	"$kernel" $((4096 + (kernel + 4095) / 4096 * 4096)) "$initrd" "$3" "$4" "$5" | pad
pad if="$1"
pad if="$2"
