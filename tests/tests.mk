# SPDX-License-Identifier: Apache-2.0
#
# The tests' part of the Makefile. tests/check.sh says what is run; this file builds the programs.

.PHONY: check format format-check lint programs
check:
	@O=$(O) V=$(V) tests/check.sh

# A part of it alone, `make check-unit`; UNIT=test_frame for one program.
check-%:
	@O=$(O) V=$(V) UNIT=$(UNIT) tests/check.sh $*

# ---- test programs: `make ARCH=host programs`
#
# Each test_NAME.c of tests/unit, tests/reference and tests/model is a cmocka program over the library
# of the host build, built once more with the hooks of src/host_hooks.h. All other C files of
# tests/support and tests/reference are in one archive: a program that calls the mock port gets the mock
# port, one that does not may be a port of its own.

test_dirs := tests/unit tests/reference tests/model $(if $(filter x86_64,$(AX_MACHINE)),tests/instructions)
test_sources := $(wildcard $(addsuffix /test_*.c,$(test_dirs)))
support_sources := $(filter-out $(test_sources),$(wildcard tests/support/*.c tests/reference/*.c))

test_objects := $(test_sources:%.c=$(OUT)/%.o)
support_objects := $(support_sources:%.c=$(OUT)/%.o)
test_programs := $(test_objects:.o=)
test_support := $(OUT)/tests/libsupport.a
hooked_objects := $(sources:$(AX_DIR)/%.c=$(OUT)/hooked/%.o)
hooked_lib := $(OUT)/hooked/libaxaddrspace.a

test_compile = $(CC) -std=gnu11 -O1 -g -Wall -Wextra $(if $(WERROR),-Werror) $(cppflags) \
	-Itests/support -Itests/reference $(CPPFLAGS) $(CFLAGS)

programs: $(test_programs)

# The library's hooks are defined in the archive before it, hence twice.
$(test_programs): %: %.o $(test_support) $(hooked_lib)
	$(call say,LD      $@)
	$(Q)$(CC) $(CFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(test_support) -lcmocka -lpthread

# Those of tests/instructions test what arch/ has for the targets' builds alone, its instructions made into
# calls: see tests/instructions/machine.h.
instruction_tests := $(filter $(OUT)/tests/instructions/%,$(test_programs))
$(instruction_tests): $(OUT)/tests/instructions/test_cpu_%: $(OUT)/tests/instructions/machine.o \
	$(addprefix $(OUT)/instructions/arch/%/,caps.o cpu.o relax.o tlb.o)

$(OUT)/instructions/%.o: %.c tests/instructions/trap.awk $(OUT)/flags
	$(call say,CC      $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(compile) $(if $(findstring clang,$(CC)),-fno-integrated-as) -g0 -mno-red-zone \
		-mgeneral-regs-only -MMD -MP -MT $@ -S -o $(@:.o=.S) $<
	$(Q)awk -f tests/instructions/trap.awk $(@:.o=.S) >$(@:.o=.s)
	$(Q)$(CC) -c -o $@ $(@:.o=.s)

$(hooked_lib): $(hooked_objects) $(OUT)/flags
	$(call say,AR      $@)
	$(Q)rm -f $@
	$(Q)$(AR) qcs $@ $(hooked_objects)

$(OUT)/hooked/%.o: %.c $(OUT)/flags
	$(call say,CC      $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(compile) -DAX_HOST_HOOKS $(HOOKED_CFLAGS) -MMD -MP -c -o $@ $<

$(test_support): $(support_objects)
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)$(AR) qcs $@ $^

$(OUT)/tests/%.o: tests/%.c $(OUT)/flags
	$(call say,CC      $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(test_compile) -MMD -MP -c -o $@ $<

.SECONDARY: $(test_objects) $(support_objects)
-include $(test_objects:.o=.d) $(support_objects:.o=.d) $(hooked_objects:.o=.d) \
	$(wildcard $(OUT)/instructions/arch/*/*.d) $(OUT)/tests/instructions/machine.d

# ---- many threads: `make stress SECONDS=60`, `make bench-faults`
#
# Programs with a port of their own over the host build; they are for ARCH=host, as those above.

stress_objects := $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/stress/*.c))
stress_program := $(OUT)/tests/stress/stress
scaling_program := $(OUT)/tests/bench/fault_scaling

.PHONY: stress bench-faults stress-program scaling-program
stress:
	$(Q)$(MAKE) --no-print-directory ARCH=host stress-program
	$(Q)$(O)/host/tests/stress/stress $(or $(SECONDS),10) $(THREADS) $(SEED)

bench-faults:
	$(Q)$(MAKE) --no-print-directory ARCH=host scaling-program
	$(Q)$(O)/host/tests/bench/fault_scaling

stress-program: $(stress_program)
scaling-program: $(scaling_program)

# Over the library with the hooks, which let it hold threads.
$(stress_program): $(stress_objects) $(hooked_lib) $(test_support)
$(scaling_program): $(scaling_program).o $(LIB)
$(stress_program) $(scaling_program):
	$(call say,LD      $@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^ -lpthread

-include $(stress_objects:.o=.d) $(scaling_program).d

# ---- the benchmark: `make bench`, with clang `make bench LLVM=1`; FILTER=lazy for some cases, QUICK=1
#
# Linked with a library of its own, whose zeroing of guest memory can be switched off; see unzeroed.h.

bench_sources := $(filter-out tests/bench/fault_scaling.c,$(wildcard tests/bench/*.c))
bench_objects := $(bench_sources:%.c=$(OUT)/%.o)
bench_library := $(OUT)/tests/bench/libaxaddrspace.a
bench_library_objects := $(sources:$(AX_DIR)/%.c=$(OUT)/tests/bench/obj/%.o)
bench_program := $(OUT)/tests/bench/bench

# Valgrind 3.19 cannot read what clang makes of DWARF 5.
bench_debug := $(if $(findstring clang,$(CC)),-gdwarf-4)

.PHONY: bench bench-program size
bench:
	$(Q)$(MAKE) --no-print-directory ARCH=host O=$(O)/bench-$(if $(LLVM),clang,gcc) bench-program
	$(Q)O=$(O)/bench-$(if $(LLVM),clang,gcc)/host FILTER='$(FILTER)' QUICK=$(QUICK) tests/bench/run.sh

bench-program: $(bench_program)

$(bench_program): $(bench_objects) $(bench_library)
	$(call say,LD      $@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^

$(bench_library): $(bench_library_objects)
	$(Q)rm -f $@
	$(Q)$(AR) qcs $@ $^

$(OUT)/tests/bench/obj/%.o: %.c $(OUT)/flags
	$(Q)mkdir -p $(@D)
	$(Q)$(compile) $(bench_debug) -include tests/bench/unzeroed.h -MMD -MP -c -o $@ $<

$(bench_objects): test_compile += -O2 $(bench_debug)

-include $(bench_objects:.o=.d) $(bench_library_objects:.o=.d)

# Bytes of code and data for each architecture.
size:
	$(Q)O=$(O) tests/bench/size.sh

# ---- fuzzers: `make ARCH=host LLVM=1 fuzzers` with the flags that tests/fuzz/run.sh knows; HOOKED_CFLAGS
# are for the library alone, whose coverage is what counts

fuzzer_shared := tests/fuzz/fuzz_space.c tests/fuzz/input.c
fuzzer_sources := $(filter-out $(fuzzer_shared),$(wildcard tests/fuzz/*.c))
fuzzers := $(fuzzer_sources:%.c=$(OUT)/%)
fuzzer_objects := $(fuzzers:=.o) $(fuzzer_shared:%.c=$(OUT)/%.o)

.PHONY: fuzz fuzzers
fuzz:
	@tests/setup.sh fuzz
	@O=$(O) tests/fuzz/run.sh $(or $(SECONDS),60) $(FUZZ)

fuzzers: $(fuzzers)

$(fuzzers): %: %.o $(fuzzer_shared:%.c=$(OUT)/%.o) $(test_support) $(hooked_lib)
	$(call say,LD      $@)
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer -o $@ $^ $(test_support) -lcmocka -lpthread

.SECONDARY: $(fuzzer_objects)
-include $(fuzzer_objects:.o=.d)

# ---- what the tests are worth, and what needs none

.PHONY: coverage mutation stack
coverage:
	@tests/setup.sh coverage
	@O=$(O) tests/coverage/run.sh

# Each mutant meets the programs that execute its line, so that is measured first. All: hours.
mutation:
	@tests/setup.sh coverage
	@O=$(O) tests/coverage/measure.sh
	@tests/mutation/run.py --out $(O)/mutation $(if $(AGAIN),--again) $(if $(SLOW),--slow) $(FILE)

stack:
	@tests/setup.sh stack
	@O=$(O) tests/stack/run.sh

# ---- style

c_files = $(shell find include src arch tests -name '*.[ch]' -o -name '*.cc')

format:
	$(Q)clang-format -i $(c_files)

format-check:
	$(Q)clang-format --dry-run --Werror $(c_files)

# The host build sees every file but those of privileged instructions; each of those is seen as its own
# target.
lint:
	@tests/setup.sh lint
	@tests/lint.sh
	@O=$(O) tests/stack/run.sh
