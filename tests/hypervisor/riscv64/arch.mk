# SPDX-License-Identifier: Apache-2.0
#
# riscv64, for the Makefile one folder up.

# GNU as wants the CSR and FENCE.I instructions named beside the base, clang 14 knows no such names.
cflags_arch := -march=rv64imac$(if $(LLVM),,_zicsr_zifencei) -mabi=lp64 -mcmodel=medany \
	-mno-relax -msmall-data-limit=0
ld_emulation := elf64lriscv
sources_arch := start.S vectors.S vcpu.c instruction.c plic.c machine.c ns16550.c
sources_portable := tlb_shootdown.c
guest_sources_arch := guest/riscv64/start.S guest/riscv64/arch.c riscv64/ns16550.c

# The firmware, in M-mode, is QEMU's own: OpenSBI. It starts the hypervisor in HS-mode.
#
# QEMU drops a hart's translations whenever it enters or leaves the guest. What STALE= leaves out is
# therefore noticed only by a guest that stays inside, in guest/stale.c, and not by the conformance run.
CPU ?= rv64,h=true
emulator = qemu-system-riscv64 -M virt -cpu $(CPU) -m 2G -smp $(CPUS) -nic none -nographic \
	-monitor none -serial stdio -no-reboot -kernel $(image)
linux_cpus := 3
linux_timeout := 300
linux_mutants := 1 remote late
linux_unseen := riscv64: QEMU drops all translations of a hart that leaves the guest, so it shows neither which of \
	them a fence names (STALE=address, wrong), nor a fence that the hart of the change owes itself.
linux_sources_arch := linux_boot.c fdt.c
load_payload = -device loader,file=$1,addr=0xfc000000,force-raw=on
