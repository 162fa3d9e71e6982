#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The deepest stack of each public function, for each architecture, from what gcc says of every function:
# its frame and whom it calls. See depth.py.
#
#	tests/stack/run.sh
set -eu
cd "$(dirname "$0")/../.."
unset MAKEFLAGS MAKELEVEL MFLAGS CC AR CFLAGS CPPFLAGS ARCH LLVM
O=${O:-build}
for arch in aarch64 riscv64 x86_64; do
	make --no-print-directory -s O="$O/stack" ARCH=$arch CFLAGS=-fcallgraph-info=su,da >/dev/null
done
tests/stack/depth.py "$O"/stack
