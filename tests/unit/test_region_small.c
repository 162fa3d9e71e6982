/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The region set with nodes of four entries: a picture of sixteen pages is a tree of up to three
 * levels, and twenty thousand regions are one of eight and more.
 */
#define AX_REGION_NODE_CAPACITY 4

#include "../../src/region_tree.c"
#include "../../src/region.c"

#include "test_region.c"
