/* SPDX-License-Identifier: Apache-2.0 */
/* Any operations on a space of the RISC-V G-stage format. */
#include "fuzz_space.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_operations(AX_NPT_GSTAGE, data, size);
	return 0;
}
