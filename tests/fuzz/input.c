/* SPDX-License-Identifier: Apache-2.0 */
#include "input.h"

static const uint8_t *next;
static size_t left;

void input_begin(const uint8_t *data, size_t size)
{
	next = data;
	left = size;
}

bool input_left(void)
{
	return left != 0;
}

static uint64_t take_byte(void)
{
	if (!left)
		return 0;
	left--;
	return *next++;
}

uint64_t input_choose(uint64_t n)
{
	uint64_t number = 0;

	if (n == 1)
		return 0;
	for (uint64_t reach = n - 1;; reach >>= 8) {
		number = number << 8 | take_byte();
		if (reach < 256)
			break;
	}
	return n ? number % n : number;
}
