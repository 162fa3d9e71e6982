#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Shows that a Linux guest whose memory moves notices wrong invalidations: boots it on the hypervisor as it
# is, which has to pass, and on one for each kind of mistake, of which none may. A mutant that hangs has as
# much time as three runs of the right one.
#
#	tests/linux/mutants.sh MUTANT...	each a value of STALE
#
# MAKE, and by its flags ARCH and what else is to be set: see tests/hypervisor/linux.mk.
set -u
cd "$(dirname "$0")/../hypervisor" || exit
log=$(mktemp)
trap 'rm -f "$log"' EXIT

boot() { # make-argument...
	${MAKE:-make} --no-print-directory GUEST=linux "$@" run >"$log" 2>&1
}

# What the guest, the hypervisor or the time limit had to say.
reason() {
	grep -aoE 'init: WRONG.*|Kernel panic.*|Unable to handle.*|BUG: .*|Oops.*|hyp: .*: not permitted|hyp: the guest restarted.*|hyp: .*FAILED|hypervisor: status 124' \
		"$log" | head -n 1 | sed 's/hypervisor: status 124/hung, or got nowhere/'
}

SECONDS=0
if ! boot; then
	cat "$log"
	echo "the hypervisor as it is fails" >&2
	exit 1
fi
limit=$((3 * SECONDS + 10))
echo "as it is: passed in $SECONDS s"

failed=0
for mutant; do
	SECONDS=0
	if boot STALE="$mutant" TIMEOUT=$limit; then
		echo "STALE=$mutant: NOT noticed"
		failed=1
	else
		echo "STALE=$mutant: noticed in $SECONDS s: $(reason)"
	fi
done
exit $failed
