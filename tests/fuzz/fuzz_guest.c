/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies, accesses and faults at addresses and of sizes that a guest made up, in a space that has one of
 * everything: neighbours that may be read, written, executed, all or nothing of it, devices, holes,
 * lazy, owned and foreign memory, up to the last byte. Whatever the numbers are, exactly the bytes
 * change that the model says.
 */
#include "fuzz_space.h"

#include "check.h"
#include "input.h"
#include "mock_port.h"
#include "space_model.h"
#include "story.h"

#define VM_RAM     0x40000000ull
#define HOST       MOCK_RAM_BASE
#define MOST_STEPS 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void map(struct test_space *s, uint64_t gpa, uint64_t size, ax_flags_t flags,
		enum expect_kind kind)
{
	struct expect e = {gpa, size, flags, kind, HOST + (gpa & (G1 - 1)), NULL};

	if (format_expressible(s->format, flags) == AX_OK && gpa >= s->base &&
	    gpa + size <= s->base + s->size)
		space_model_map(s, e);
}

static void map_one_of_everything(struct test_space *s)
{
	uint64_t end = s->base + s->size;

	map(s, VM_RAM, 4 * K4, RAM, EXPECT_BACKEND);
	map(s, VM_RAM + 4 * K4, 4 * K4, RW, EXPECT_LINEAR);
	map(s, VM_RAM + 8 * K4, 3 * K4, AX_READ, EXPECT_LAZY);
	map(s, VM_RAM + 11 * K4, K4, RW | AX_DEVICE, EXPECT_LINEAR);
	map(s, VM_RAM + 12 * K4, 2 * K4, AX_WRITE, EXPECT_OWNED);
	map(s, VM_RAM + 14 * K4, 2 * K4, AX_EXECUTE, EXPECT_LAZY);
	map(s, VM_RAM + 16 * K4, M2 - 16 * K4, RAM, EXPECT_LAZY);
	map(s, VM_RAM + M2, M2, RW, EXPECT_LINEAR);
	map(s, VM_RAM + 3 * M2, 2 * K4, RW, EXPECT_OWNED);
	map(s, end - 2 * M2, M2, RAM, EXPECT_LAZY);
	map(s, end - 2 * K4, 2 * K4, RW, EXPECT_LAZY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum ax_npt_format_id formats[] = {AX_NPT_EPT, AX_NPT_AMD, AX_NPT_STAGE2,
							AX_NPT_GSTAGE};
	static struct test_space space;

	input_begin(data, size);
	fuzz_space_begin(&space, formats[input_choose(4)]);
	space_model_begin(input_choose, 512);
	map_one_of_everything(&space);
	for (unsigned step = 0; step < MOST_STEPS && input_left(); step++)
		space_model_guest_step(&space);
	space_model_end(&space);
	fuzz_space_end(&space);
	return 0;
}
