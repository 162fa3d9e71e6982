# SPDX-License-Identifier: Apache-2.0
#
# Linux as the guest, for the Makefile beside this: `make run GUEST=linux`.
#
#	ROUNDS=3 PART=70 RATE=200 SEED=1 AX_CACHE=directory	as in tests/linux/Makefile
#
# `make mutants GUEST=linux` shows that a hypervisor with wrong invalidations fails this test.
#
# The kernel is fetched and booted without a hypervisor first, once, to compare with.

linux_package := $(if $(filter /%,$(AX_CACHE)),,$(TOP)/)$(or $(AX_CACHE),.cache)/linux/$(ARCH)/package
linux_out := $(OUT)/linux/$(ARCH)
linux_make = $(MAKE) --no-print-directory -C ../linux ARCH=$(ARCH) O=$(abspath $(OUT)) SEED=$(SEED) \
	PAYLOAD=$(abspath $(out)/payload)

# How long until init ran, as it says itself.
up = $$(sed -n 's/.*init: up in \([0-9]*\) ms.*/\1/p' $1)

# All three have to be right: the emulator's status, init's own word, and no word of it to the contrary.
.PHONY: run-linux
run-linux: $(image)
	$(Q)$(linux_make) payload $(if $(linux_clock),,measure)
	$(Q){ timeout $(TIMEOUT) $(emulator) $(call load_payload,$(out)/payload) </dev/null; \
		echo $$? >$(out)/status; } 2>&1 | tee $(out)/log
	$(Q)status=$$(cat $(out)/status); \
	if [ $$status -ne $(status_passed) ]; then echo "hypervisor: status $$status" >&2; exit 1; fi; \
	if ! grep -q '^init: .* all right' $(out)/log || grep -q WRONG $(out)/log; then \
		echo "hypervisor: init did not say that all was right" >&2; exit 1; fi
	@echo "$$(cat $(linux_package)): init ran after $(call up,$(out)/log) ms," \
		"$(or $(linux_clock),without a hypervisor after $(call up,$(linux_out)/measure.log) ms)"

# Which mistakes this architecture can make and the emulator can show, and which it cannot: arch.mk.
.PHONY: mutants
mutants:
	@echo "$(linux_unseen)"
	$(Q)MAKE='$(MAKE)' ../linux/mutants.sh $(linux_mutants)
