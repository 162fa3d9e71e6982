# SPDX-License-Identifier: Apache-2.0
#
# AArch64, for the Makefile one folder up.

cflags_arch := -march=armv8-a -mgeneral-regs-only -mno-outline-atomics -mstrict-align
ld_emulation := aarch64elf
sources_arch := start.S vectors.S vcpu.c gic.c machine.c pl011.c
guest_sources_arch := guest/aarch64/start.S guest/aarch64/arch.c aarch64/pl011.c

# its=off: no guest of this hypervisor uses message-signalled interrupts.
# Linux would use SVE and SME, which the hypervisor does not switch on; pauth-impdef is a cheap algorithm
# instead of the architecture's own, which takes most of the time of an emulated kernel.
CPU ?= $(if $(filter linux,$(GUEST)),max$(comma)pauth-impdef=on$(comma)sve=off$(comma)sme=off,max)

# The hardware reaches the other CPUs by itself: for STALE=remote it is asked not to.
stale_remote_sources := aarch64/local_invalidation.c
stale_remote_functions := ax_cpu_tlb_flush
stale_address_sources := aarch64/address_invalidation.c
stale_address_functions := ax_cpu_tlb_flush
stale_late_functions := ax_cpu_tlb_flush
linux_mutants := 1 remote address wrong late
emulator = qemu-system-aarch64 -M virt,virtualization=on,gic-version=3,its=off -cpu $(CPU) -m 1G \
	-smp $(CPUS) -nic none -nographic -monitor none -serial stdio -semihosting -no-reboot -kernel $(image)
linux_cpus := 3
linux_timeout := 300
linux_unseen := aarch64: QEMU shows neither a missing DSB nor an entry changed without being broken first.
linux_sources_arch := linux_boot.c fdt.c
load_payload = -device loader,file=$1,addr=0x7c000000,force-raw=on
