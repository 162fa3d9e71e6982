# SPDX-License-Identifier: Apache-2.0
#
# x86_64, for the Makefile one folder up.
#
#	NPT=npt		the default: AMD's SVM and nested paging, in QEMU
#	NPT=ept		Intel's VMX and EPT, in Bochs: the very same hyp.bin, in a ROM image

# Position independent: the guest lies above the 2 GiB that other small code has to lie in.
cflags_arch := -fpie -mno-red-zone -mgeneral-regs-only -fcf-protection=none
ld_emulation := elf_x86_64
sources_arch := start.S vectors.S vcpu.c svm.c svm_switch.S vmx.c vmx_switch.S instruction.c \
	machine.c apic.c debugcon.c
sources_portable := tlb_shootdown.c
guest_sources_arch := guest/x86_64/start.S guest/x86_64/arch.c x86_64/debugcon.c

# The second CPU makes the changes. In Bochs the two would share what is executed, so there vCPU 0 does.
linux_cpus := $(if $(filter ept,$(NPT)),1,2)
linux_timeout := $(if $(filter ept,$(NPT)),600,300)
linux_mutants := $(if $(filter ept,$(NPT)),,1 remote late)
linux_unseen_npt := x86_64: QEMU drops all nested translations when a guest is entered, so it does not show a \
	missing TLB_CONTROL. What is invalidated is always everything (STALE=address, wrong).
linux_unseen_ept := x86_64, NPT=ept: Bochs drops all nested translations when a guest is entered, and here the \
	CPU that runs the only vCPU makes the changes: no invalidation is seen to be missing.
linux_unseen := $(linux_unseen_$(or $(NPT),npt))
ifneq ($(NPT),ept)
load_payload = -device loader,file=$1,addr=0x3c000000,force-raw=on
CPU ?= max,phys-bits=52
image = $(out)/hyp.bin
# isa-debug-exit: see machine_exit().
status_passed := 33
# Linux writes to the UART; both show on the same output.
consoles := $(if $(filter linux,$(GUEST)),-chardev stdio$(comma)id=out$(comma)mux=on -device \
	isa-debugcon$(comma)iobase=0xe9$(comma)chardev=out -serial chardev:out,-debugcon stdio)
emulator = qemu-system-x86_64 -M pc -accel tcg -cpu $(CPU) -smp $(CPUS) -m 1G -display none \
	-nodefaults $(consoles) -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4 \
	-kernel $(image)
else
CPU ?= corei7_skylake_x
CONFORMANCE ?= 1000
TIMEOUT ?= $(if $(filter linux,$(GUEST)),$(linux_timeout),400)
# What Bochs executes in a second by the clocks of the machine. It interprets each instruction, about so
# many in a second of ours; the fewer, the more a guest that has a timer has to do for it.
bochs_ips := $(if $(filter linux,$(GUEST)),50000000,100000000)
linux_clock := by a clock that ticks a second in $(bochs_ips) instructions of Bochs
image = $(out)/bochs.rom
emulator = bochs-bin -q -f $(out)/bochsrc -rc $(out)/bochs.debug 2>$(out)/bochs.stderr
endif

$(out)/hyp.bin: $(out)/hyp.elf
	$(Q)$(OBJCOPY) -O binary $< $@

# Bochs wants absolute names. Its debugger is told to run, and to quit when it has stopped.
$(out)/bochs.rom: x86_64/bochs_rom.S x86_64/bochsrc.in $(out)/hyp.bin FORCE
	$(call say,LD      $@)
	$(Q)$(CC) -Ix86_64 -DPAYLOAD='"$(out)/hyp.bin"' -c -o $(out)/bochs_rom.o $<
	$(Q)$(LD) -Ttext=0xfff80000 -e 0xfff80000 --oformat=binary -o $@ $(out)/bochs_rom.o
	$(Q)head -c 512 /dev/zero >$(out)/vga.rom
	$(Q)sed -e 's|@ROM@|$(abspath $@)|; s|@VGA_ROM@|$(abspath $(out)/vga.rom)|; s|@LOG@|$(abspath $(out)/bochs.log)|' \
		-e 's|@CPU@|$(CPU)|; s|@IPS@|$(bochs_ips)|; s|@CPUS@|$(CPUS)|' x86_64/bochsrc.in >$(out)/bochsrc
	$(Q)if [ $(GUEST) = linux ]; then printf '%s\n' 'com1: enabled=1, mode=file, dev=/dev/stdout' \
		'optramimage1: file=$(abspath $(out)/payload), address=0x3c000000' >>$(out)/bochsrc; fi
	$(Q)printf 'continue\nquit\n' >$(out)/bochs.debug
