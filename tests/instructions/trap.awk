# SPDX-License-Identifier: Apache-2.0
#
# Makes a program of what a compiler wrote (gcc -S) that any x86-64 machine executes: each line of inline
# assembly, whatever machine's it is, becomes a call of machine_trap() with its text behind the call. The
# compiler chose the registers and looked no further. See machine.h.
#
# Inline assembly stands between #APP and #NO_APP; other lines that begin with # are comments.

/^[ \t]*#/ {
	if (/#APP/)
		inside = 1
	if (/#NO_APP/)
		inside = 0
	print
	next
}

inside && NF {
	sub(/^[ \t]+/, "")
	printf "\tcall machine_trap\n\t.asciz \"%s\"\n", $0
	next
}

{ print }
