# SPDX-License-Identifier: Apache-2.0
#
# The sources of libaxaddrspace.a, for the library's own Makefile and for the makefile of any project
# that builds them into itself:
#
#	AX_DIR := third_party/axaddrspace
#	include $(AX_DIR)/src/files.mk
#	objects += $(AX_SRC_COMMON:.c=.o) $(AX_SRC_ARCH_aarch64:.c=.o)
#	CPPFLAGS += $(AX_CPPFLAGS)
#
# AX_SRC_COMMON and one AX_SRC_ARCH_<arch> make a library for that target. AX_SRC_COMMON and
# AX_SRC_HOST make the one for tests on a developer's machine. C11 (or gnu11), gcc or clang; no flag is
# needed beyond those of the target.

AX_DIR ?= .

# What every build has: the engine, the binding, the decoders of fault registers.
AX_SRC_COMMON := $(addprefix $(AX_DIR)/, \
	src/addr.c \
	src/addrspace.c \
	src/addrspace_dump.c \
	src/addrspace_fault.c \
	src/addrspace_query.c \
	src/api_host.c \
	src/api_host_require.c \
	src/api_memory.c \
	src/api_memory_require.c \
	src/api_time.c \
	src/api_time_require.c \
	src/api_tlb.c \
	src/api_tlb_require.c \
	src/api_vmm.c \
	src/api_vmm_require.c \
	src/backend.c \
	src/device.c \
	src/error.c \
	src/frame.c \
	src/guard.c \
	src/guest.c \
	src/guest_window.c \
	src/npt.c \
	src/npt_change.c \
	src/npt_dump.c \
	src/npt_format.c \
	src/npt_free.c \
	src/npt_link.c \
	src/npt_map.c \
	src/npt_populate.c \
	src/npt_split.c \
	src/npt_walk.c \
	src/pool.c \
	src/region.c \
	src/region_tree.c \
	src/text.c \
	src/time.c \
	src/tlb.c \
	src/vmm.c \
	arch/aarch64/fault.c \
	arch/riscv64/fault.c \
	arch/x86_64/fault.c)

# The table formats of an architecture: data and pure functions, the same on any machine.
AX_SRC_FORMAT_aarch64 := $(addprefix $(AX_DIR)/arch/aarch64/, stage2.c)
AX_SRC_FORMAT_riscv64 := $(addprefix $(AX_DIR)/arch/riscv64/, gstage.c)
AX_SRC_FORMAT_x86_64 := $(addprefix $(AX_DIR)/arch/x86_64/, ept.c npt.c)

# What is for its programs alone and needs no privilege.
AX_SRC_CPU_aarch64 := $(addprefix $(AX_DIR)/arch/aarch64/, api_arch.c api_arch_require.c cpu.c)
AX_SRC_CPU_riscv64 := $(AX_DIR)/arch/riscv64/cpu.c
AX_SRC_CPU_x86_64 := $(AX_DIR)/arch/x86_64/cpu.c

# With them what reads and writes privileged registers, and what waits as a CPU does.
ax_src_arch = $(AX_SRC_FORMAT_$1) $(AX_SRC_CPU_$1) $(addprefix $(AX_DIR)/arch/$1/, caps.c relax.c tlb.c)
AX_SRC_ARCH_aarch64 := $(call ax_src_arch,aarch64)
AX_SRC_ARCH_riscv64 := $(call ax_src_arch,riscv64)
AX_SRC_ARCH_x86_64 := $(call ax_src_arch,x86_64)

# All formats, and what stands in for the privileged files.
AX_MACHINE ?= $(subst arm64,aarch64,$(subst amd64,x86_64,$(shell uname -m)))
AX_SRC_HOST := $(AX_SRC_FORMAT_aarch64) $(AX_SRC_FORMAT_riscv64) $(AX_SRC_FORMAT_x86_64) \
	$(AX_SRC_CPU_$(AX_MACHINE)) \
	$(AX_DIR)/src/host_caps.c $(AX_DIR)/src/host_relax.c $(AX_DIR)/src/host_tlb.c

# What our own Makefile compiles for size (-Os), all else for speed: files without a loop over entries and without a
# part of a fault, a translate or a search, whose calls are few and cost by what they call. A build that
# gives all files one -O2 has 3 to 6 KB more.
AX_SRC_SMALL := $(addprefix $(AX_DIR)/, \
	src/addr.c \
	src/addrspace.c \
	src/addrspace_dump.c \
	src/backend.c \
	src/device.c \
	src/error.c \
	src/frame.c \
	src/npt.c \
	src/npt_dump.c \
	src/npt_format.c \
	src/npt_map.c \
	src/npt_split.c \
	src/pool.c \
	src/region.c \
	src/text.c \
	src/time.c \
	src/vmm.c \
	$(foreach arch,aarch64 riscv64 x86_64, \
		arch/$(arch)/caps.c arch/$(arch)/fault.c))

AX_CPPFLAGS := -I$(AX_DIR)/include -I$(AX_DIR)/src
