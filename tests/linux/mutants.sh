#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Shows that a Linux guest whose memory moves notices wrong invalidations: boots it on the hypervisor as it
# is, which has to pass, and on one for each kind of mistake, of which none may.
#
#	tests/linux/mutants.sh MUTANT...	each a value of STALE
#
# A guest that uses a wrong translation may do anything: print what it found, panic, or hang. So each mutant
# has twice the time that the right one took, with the same seed; and when one was noticed by that alone,
# the right one has to pass once more in the same time, lest a busy machine is the reason.
#
# MAKE, and by its flags ARCH and what else is to be set: see tests/hypervisor/linux.mk. There are more
# changes and there is less to check than in a run that is to pass.
set -u
cd "$(dirname "$0")/../hypervisor" || exit
log=$(mktemp)
trap 'rm -f "$log"' EXIT

hypervisor() { # make-argument...
	${MAKE:-make} --no-print-directory GUEST=linux ROUNDS="${ROUNDS:-1}" PART="${PART:-25}" \
		RATE="${RATE:-4000}" "$@" >"$log" 2>&1
}

# What the guest, the hypervisor or the time limit had to say.
reason() {
	grep -aoE 'init: WRONG.*|Kernel panic.*|Unable to handle.*|BUG: .*|Oops.*|hyp: vCPU [0-9]*: .*|hyp: the guest restarted.*|hyp: .*FAILED|hypervisor: status 124' \
		"$log" | head -n 1 | sed 's/hypervisor: status 124/hung, or got nowhere/'
}

as_it_is() { # make-argument...
	SECONDS=0
	if ! hypervisor "$@" run; then
		cat "$log"
		echo "the hypervisor as it is fails" >&2
		exit 1
	fi
	echo "as it is: passed in $SECONDS s"
}

[ $# -gt 0 ] || exit 0

# What is to be fetched and built is not to count.
${MAKE:-make} --no-print-directory -C ../linux all measure >/dev/null || exit
for mutant in "" "$@"; do
	hypervisor STALE="$mutant" all || { cat "$log"; exit 1; }
done

as_it_is
limit=$((2 * SECONDS + 10))
failed=0 hung=0
for mutant; do
	SECONDS=0
	if hypervisor STALE="$mutant" TIMEOUT=$limit run; then
		echo "STALE=$mutant: NOT noticed"
		failed=1
	else
		echo "STALE=$mutant: noticed in $SECONDS s: $(reason)"
		! grep -aq 'hypervisor: status 124' "$log" || hung=1
	fi
done
[ $hung = 0 ] || as_it_is TIMEOUT=$limit
exit $failed
