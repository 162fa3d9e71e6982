# SPDX-License-Identifier: Apache-2.0
#
# `make help` lists what there is to make and to set.

AX_VERSION := 0.1.0

AX_DIR := .
include src/files.mk

# What to build for: aarch64, riscv64, x86_64, or host for the hosted build with all table formats.
ARCH ?= $(AX_MACHINE)
O ?= build
OUT := $(O)/$(ARCH)
LIB := $(OUT)/libaxaddrspace.a

ifeq ($(filter aarch64 riscv64 x86_64 host,$(ARCH)),)
$(error ARCH=$(ARCH): not one of aarch64, riscv64, x86_64, host)
endif

# ---- tools: gcc, or clang with LLVM=1; CC= and AR= have the last word

ifneq ($(LLVM),)
default_cc := clang$(if $(filter host,$(ARCH)),, --target=$(ARCH)-none-elf)
default_ar := llvm-ar
else
CROSS_COMPILE ?= $(if $(filter $(AX_MACHINE) host,$(ARCH)),,$(ARCH)-linux-gnu-)
default_cc := $(CROSS_COMPILE)gcc
default_ar := $(CROSS_COMPILE)gcc-ar
endif
ifeq ($(origin CC),default)
CC := $(default_cc)
endif
ifeq ($(origin AR),default)
AR := $(default_ar)
endif
INSTALL ?= install

# ---- flags: ours, then the target's, then the user's CPPFLAGS and CFLAGS, which win

warnings := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Wvla \
	-Wmissing-prototypes -Wstrict-prototypes -Wold-style-definition -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wimplicit-fallthrough $(if $(WERROR),-Werror)

# Position independent, so that one archive links low, in the high half and into a static PIE.
freestanding := -ffreestanding -fPIE -fno-stack-protector -fno-delete-null-pointer-checks \
	-fno-asynchronous-unwind-tables -fno-unwind-tables -ffunction-sections -fdata-sections

target_x86_64 := $(freestanding) -mno-red-zone -mgeneral-regs-only
target_aarch64 := $(freestanding) -march=armv8-a -mgeneral-regs-only -mno-outline-atomics -mstrict-align
target_riscv64 := $(freestanding) -march=rv64imac -mabi=lp64 -mcmodel=medany -mno-relax \
	-msmall-data-limit=0
target_host := -fno-delete-null-pointer-checks

ifeq ($(ARCH),host)
sources := $(AX_SRC_COMMON) $(AX_SRC_HOST)
else
sources := $(AX_SRC_COMMON) $(AX_SRC_ARCH_$(ARCH))
endif
cppflags := $(AX_CPPFLAGS)
objects := $(sources:$(AX_DIR)/%.c=$(OUT)/obj/%.o)
# Code is to be small where speed does not come from its size: the files of AX_SRC_SMALL by -Os (clang's -Os
# inlines nearly as -O2 does, and its -Oz is what gcc means by -Os). In the others no loop is padded to a
# multiple of 16 bytes and nothing is inlined that is not called inline (gcc), nothing is unrolled (clang).
# `make size` and tests/bench/README.md have what each brings.
ifneq ($(findstring clang,$(CC)),)
small := -Oz
fast := -O2 -fno-unroll-loops
else
small := -Os
fast := -O2 -fno-align-loops -fno-align-jumps -fno-inline-functions
endif
optimise = $(if $(filter $(AX_DIR)/$<,$(AX_SRC_SMALL)),$(small),$(fast))
compile = $(CC) -std=c11 $(optimise) -g $(warnings) $(target_$(ARCH)) $(cppflags) $(CPPFLAGS) $(CFLAGS)

Q := $(if $(V),,@)
say = @$(if $(V),:,echo "  $1")

# ---- the library

.PHONY: all host
all: $(LIB)

host:
	$(Q)$(MAKE) --no-print-directory ARCH=host all

# From nothing each time: an archive keeps members whose source is gone. `q`, not `r`: two members
# may have one name.
$(LIB): $(objects) $(OUT)/flags
	$(call say,AR      $@)
	$(Q)rm -f $@
	$(Q)$(AR) qcs $@ $(objects)

$(OUT)/obj/%.o: %.c $(OUT)/flags
	$(call say,CC      $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(compile) -MMD -MP -c -o $@ $<

# Holds how everything under OUT is made; touched when that changes.
$(OUT)/flags: export flags_now = $(compile) | $(AR) | $(objects) | $(AX_SRC_SMALL)
$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$flags_now" | cmp -s - $@ || printf '%s\n' "$$flags_now" >$@
.PHONY: FORCE
FORCE:

-include $(objects:.o=.d)

# ---- install

PREFIX ?= /usr/local
INCLUDEDIR ?= $(PREFIX)/include
LIBDIR ?= $(PREFIX)/lib

define pkgconfig
Name: axaddrspace
Description: Guest physical address spaces for hypervisors ($(ARCH))
Version: $(AX_VERSION)
Cflags: -I$(INCLUDEDIR)
Libs: -L$(LIBDIR) -laxaddrspace
endef

.PHONY: install
install: export pkgconfig := $(pkgconfig)
install: $(LIB)
	$(Q)$(INSTALL) -d '$(DESTDIR)$(INCLUDEDIR)/axvisor' '$(DESTDIR)$(LIBDIR)/pkgconfig'
	$(Q)$(INSTALL) -m 644 include/axvisor/*.h '$(DESTDIR)$(INCLUDEDIR)/axvisor'
	$(Q)$(INSTALL) -m 644 $(LIB) '$(DESTDIR)$(LIBDIR)'
	$(Q)printf '%s\n' "$$pkgconfig" >$(OUT)/axaddrspace.pc
	$(Q)$(INSTALL) -m 644 $(OUT)/axaddrspace.pc '$(DESTDIR)$(LIBDIR)/pkgconfig'

# ---- everything else

.PHONY: run clean help
run: export ARCH := $(if $(filter file,$(origin ARCH)),aarch64,$(ARCH))
run:
	@NPT=$(NPT) GUEST=$(GUEST) LLVM=$(LLVM) CROSS_COMPILE=$(CROSS_COMPILE) tests/setup.sh run
	$(Q)$(MAKE) --no-print-directory -C tests/hypervisor run ARCH=$(ARCH)

clean:
	$(Q)rm -rf $(O)

include tests/tests.mk

help:
	@sed -n 's/^#: \{0,1\}//p' Makefile

#: make                 the library for ARCH (default: this machine's), build/ARCH/libaxaddrspace.a
#: make host            the library with all table formats for tests on this machine, build/host/
#: make check           set-up, all builds and all tests; ends with `N passed, N failed`
#: make run             the reference hypervisor in an emulator: ARCH=aarch64 (the default), riscv64 (LEVELS=3|4|5),
#:                      x86_64 (AMD's nested paging; NPT=ept: Intel's);
#:                      GUEST=linux: with a Debian kernel as its guest
#: make install         headers, archive and pkg-config file to DESTDIR, PREFIX, INCLUDEDIR, LIBDIR
#: make bench           times beside the least work possible; LLVM=1, FILTER=lazy, QUICK=1
#: make size            bytes of code and data for each architecture, gcc and clang
#: make format          clang-format over the tree; format-check only looks
#: make lint            clang-tidy, cppcheck, gcc -fanalyzer, and `make stack`
#: make stack           the deepest stack of each public function, for each architecture
#: make coverage        line, branch and MC/DC coverage by the tests; report in build/coverage/html
#: make mutation        small faults put into the library, one by one; FILE=src/pool.c: into one file
#: make fuzz            the fuzzers, SECONDS=N (60) each; FUZZ=name: one of them
#: make stress          many threads on each table format; SECONDS=10 of each, THREADS= SEED=
#: make bench-faults    page faults a second by number of threads, next to a mutex
#: make clean           remove O
#: Parts of check: check-builds check-headers check-link check-unit check-instructions check-reference
#:                 check-model check-mutants check-fuzz check-spin check-stress check-readme check-run check-linux
#:
#: ARCH=aarch64|riscv64|x86_64|host   LLVM=1 (clang)   CROSS_COMPILE=prefix-   CC= AR= CPPFLAGS= CFLAGS=
#: O=directory (build)   WERROR=1 (warnings are errors)   V=1 (show commands)
