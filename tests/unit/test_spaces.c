/* SPDX-License-Identifier: Apache-2.0 */
/* Several spaces side by side, the life of a whole VM, and hosts whose memory lies in odd places. */
#include <string.h>

#include <axvisor/guest.h>
#include <axvisor/memory.h>

#include "check.h"
#include "mock_port.h"
#include "story.h"
#include "tlb_model.h"

#define VM_RAM  0x40000000ull
#define DEVICES 0xa0000000ull
#define HOST    MOCK_RAM_BASE
#define DEVICE  (AX_DEVICE | RW | AX_USER)

/* Boot, run, balloon, share, shut down: what a hypervisor does with one VM. */

static void boot(struct test_space *s)
{
	struct ax_guest_segment segments[16];
	size_t count = 0;

	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM), 2 * M2, RAM, true));
	CHECK_OK(ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + 2 * M2), 14 * M2, RAM, false));
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(DEVICES), ax_hpa(0x9000000), 4 * K4,
					 DEVICE));
	/* The kernel's image goes in through the segments. */
	CHECK_OK(ax_guest_segments(&s->as, ax_gpa(VM_RAM + 0x8000), 3 * K4 + 0x123, AX_WRITE,
				   segments, 16, &count));
	for (size_t i = 0; i < count; i++)
		memset(segments[i].ptr, 0x90, segments[i].size);
	check_bytes(s, VM_RAM + 0x8000, 3 * K4 + 0x123, 0x90);
	check_bytes(s, VM_RAM, 0x8000, 0);
}

static void run(struct test_space *s)
{
	uint32_t index = 0x11223344;

	for (uint64_t i = 0; i < 20; i++)
		CHECK(ax_addrspace_handle_page_fault(
			&s->as, ax_gpa(VM_RAM + 2 * M2 + i * 3 * K4 + i), AX_WRITE));
	CHECK(!ax_addrspace_handle_page_fault(&s->as, ax_gpa(0xb0000000), AX_READ));
	/* A ring of a virtio device. */
	CHECK_OK(ax_guest_write_volatile(&s->as, ax_gpa(VM_RAM + 5 * M2 + 4), &index, 4));
	index = 0;
	CHECK_OK(ax_guest_read_volatile(&s->as, ax_gpa(VM_RAM + 5 * M2 + 4), &index, 4));
	CHECK_EQUAL(index, 0x11223344);
	/* The kernel seals its code. */
	CHECK_OK(ax_addrspace_protect(&s->as, ax_gpa(VM_RAM + 0x8000), 4 * K4,
				      AX_READ | AX_EXECUTE | AX_USER));
	CHECK(!reference_allows(s, VM_RAM + 0x8000, AX_WRITE));
}

static void share_and_balloon(struct test_space *s)
{
	/* A page of another VM's, then the balloon takes pages away, out of a block too. */
	CHECK_OK(ax_addrspace_map_linear(&s->as, ax_gpa(0xc0000000), ax_hpa(HOST), K4, RW));
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + M2 + 16 * K4), 32 * K4));
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM + 3 * M2), M2));
	CHECK_OK(
		ax_addrspace_map_alloc(&s->as, ax_gpa(VM_RAM + M2 + 16 * K4), 16 * K4, RAM, false));
	CHECK(ax_addrspace_handle_page_fault(&s->as, ax_gpa(VM_RAM + M2 + 17 * K4), AX_WRITE));
	check_bytes(s, VM_RAM + M2 + 17 * K4, K4, 0);
}

static void check_vm(struct test_space *s)
{
	const ax_flags_t code = AX_READ | AX_EXECUTE | AX_USER;

	CHECK_SPACE(s, OWNED(VM_RAM, 0x8000, RAM), OWNED(VM_RAM + 0x8000, 4 * K4, code),
		    OWNED(VM_RAM + 0x8000 + 4 * K4, M2 - 4 * K4 - 0x8000 + 16 * K4, RAM),
		    PARTLY(VM_RAM + M2 + 16 * K4, 16 * K4, RAM),
		    OWNED(VM_RAM + M2 + 48 * K4, M2 - 48 * K4, RAM),
		    PARTLY(VM_RAM + 2 * M2, M2, RAM), PARTLY(VM_RAM + 4 * M2, 12 * M2, RAM),
		    LINEAR(DEVICES, 4 * K4, 0x9000000, DEVICE), LINEAR(0xc0000000, K4, HOST, RW));
}

static void shut_down(struct test_space *s)
{
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(DEVICES), 4 * K4));
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(0xc0000000), K4));
	CHECK_OK(ax_addrspace_unmap(&s->as, ax_gpa(VM_RAM), 16 * M2));
	check_empty(s);
	CHECK_OK(ax_addrspace_clear(&s->as));
}

static void live(struct test_space *s)
{
	boot(s);
	run(s);
	share_and_balloon(s);
	check_vm(s);
	shut_down(s);
}

static void a_vm_lives_and_leaves_nothing(struct test_space *s)
{
	live(s);
	live(s);
}

/* Hosts */

static void live_on_hosts(const struct mock_options *options, uint64_t beyond)
{
	static struct test_space space;

	for (size_t i = 0; i < format_case_count; i++) {
		const struct format_case *format = &format_cases[i];

		if (format->config_hpa_bits && beyond)
			continue;
		story_note("%s", format->name);
		mock_start(options);
		space_make(&space, format, i % 2 ? 1 : 4);
		tlb_model_begin(&space);
		live(&space);
		space_destroy(&space);
		tlb_model_drop();
		mock_stop();
	}
	story_note(NULL);
	mock_start(NULL);
}

static void a_vm_lives_where_memory_begins_at_address_0(void)
{
	struct mock_options options = {.at_zero = true};
	struct ax_addrspace_config config = {.format = AX_NPT_AMD, .levels = 4, .cpus = 1};
	struct ax_addrspace as;

	live_on_hosts(&options, 0);
	/* The root itself is the frame at 0. */
	mock_start(&options);
	CHECK_OK(ax_addrspace_init(&as, &config));
	CHECK_EQUAL(ax_addrspace_page_table_root(&as).raw, 0);
	CHECK_OK(ax_addrspace_map_alloc(&as, ax_gpa(VM_RAM), K4, RAM, true));
	CHECK_OK(ax_addrspace_clear(&as));
	ax_addrspace_destroy(&as);
	CHECK_EQUAL(mock_frames_held(), 0);
}

static uint64_t lowest_table, lowest_leaf;

static void see_table(void *context, const struct ref_table *table)
{
	(void)context;
	if (table->hpa < lowest_table)
		lowest_table = table->hpa;
}

static void see_leaf(void *context, const struct ref_leaf *leaf)
{
	(void)context;
	if (leaf->hpa < lowest_leaf)
		lowest_leaf = leaf->hpa;
}

static void look(const struct test_space *s)
{
	struct ref_visitor visitor = {.leaf = see_leaf, .table = see_table};

	lowest_table = lowest_leaf = UINT64_MAX;
	CHECK(ref_scan(&s->cpu, &reference_memory, &visitor, NULL));
}

/* A root of four frames comes from elsewhere while the test holds frame 0. */
static void frame_0_is_a_page_and_a_table_like_any_other(void)
{
	struct mock_options options = {.at_zero = true};
	static struct test_space space;
	ax_hpa_t zero;

	mock_start(&options);
	zero = ax_memory_alloc_frame();
	CHECK_EQUAL(zero.raw, 0);
	space_make(&space, format_find("Sv39x4"), 1);
	space.held_before = 0;
	/* The region set and the other tables are there already: what is missing is one page. */
	CHECK_OK(ax_addrspace_map_alloc(&space.as, ax_gpa(VM_RAM), K4, RAM, true));
	mock_take_all();
	ax_memory_dealloc_frame(zero);
	CHECK_OK(ax_addrspace_map_alloc(&space.as, ax_gpa(VM_RAM + K4), K4, RAM, true));
	look(&space);
	CHECK_EQUAL(lowest_leaf, 0);
	check_bytes(&space, VM_RAM + K4, K4, 0);
	CHECK_OK(ax_addrspace_unmap(&space.as, ax_gpa(VM_RAM + K4), K4));
	/* And now a table. */
	CHECK_OK(ax_addrspace_map_linear(&space.as, ax_gpa(VM_RAM + M2), ax_hpa(HOST), K4, RAM));
	look(&space);
	CHECK_EQUAL(lowest_table, 0);
	CHECK_EQUAL(*reference_ptr(&space, VM_RAM + M2 + 5), *(unsigned char *)mock_ptr(HOST + 5));
	CHECK_OK(ax_addrspace_unmap(&space.as, ax_gpa(VM_RAM + M2), K4));
	CHECK(!mock_is_held(0));
	mock_give_all();
	space_destroy(&space);
}

static void a_vm_lives_on_scattered_frames(void)
{
	struct mock_options options = {.scattered = true};

	live_on_hosts(&options, 0);
}

static void a_vm_lives_on_frames_near_the_top_of_48_bits(void)
{
	struct mock_options options = {.base = MOCK_POOL_BASE_TOP, .scattered = true};

	live_on_hosts(&options, 1);
}

/* Side by side */

static void spaces_share_nothing(void)
{
	static struct test_space spaces[8];
	static const char *const names[8] = {
		"EPT 4 levels",     "EPT 5 levels", "NPT 4 levels 1G", "stage 2, 32 bits",
		"stage 2, 40 bits", "Sv39x4",       "Sv57x4",          "stage 2, 48 bits"};
	struct snapshot before;

	for (uint64_t i = 0; i < 8; i++) {
		struct ax_addrspace_config config = format_config(format_find(names[i]));

		config.tag = (unsigned)(10 + i);
		config.cpus = i % 2 ? 1 : 4;
		space_make_config(&spaces[i], format_find(names[i]), &config);
		CHECK_OK(ax_addrspace_map_alloc(&spaces[i].as, ax_gpa(VM_RAM), M2 + K4, RAM, true));
		fill_bytes(&spaces[i], VM_RAM, M2 + K4, (unsigned char)i);
	}
	snapshot_take(&before, &spaces[3]);
	mock_tlb_forget();
	CHECK_OK(ax_addrspace_unmap(&spaces[2].as, ax_gpa(VM_RAM), K4));
	CHECK_OK(ax_addrspace_protect(&spaces[4].as, ax_gpa(VM_RAM), K4, AX_READ));
	for (unsigned long i = 0; i < mock_counts().tlb; i++)
		CHECK(mock_tlb_request(i).tag == 12 || mock_tlb_request(i).tag == 14);
	for (size_t i = 0; i < 8; i++)
		check_bytes(&spaces[i], VM_RAM + K4, M2, (unsigned char)i);
	CHECK_OK(ax_addrspace_clear(&spaces[5].as));
	ax_addrspace_destroy(&spaces[5].as);
	before.held = mock_frames_held();
	snapshot_compare(&before, &spaces[3]);
	snapshot_free(&before);
	for (size_t i = 8; i-- > 0;)
		ax_addrspace_destroy(&spaces[i].as);
	CHECK_EQUAL(mock_frames_held(), 0);
}

static void two_vms_share_a_page(void)
{
	static struct test_space one, two;
	const char text[] = "from one VM to the other";
	char seen[sizeof(text)] = {0};

	space_make(&one, format_find("EPT 4 levels"), 1);
	space_make(&two, format_find("stage 2, 40 bits"), 4);
	CHECK_OK(ax_addrspace_map_linear(&one.as, ax_gpa(0x1000), ax_hpa(HOST), K4, RW));
	CHECK_OK(ax_addrspace_map_linear(&two.as, ax_gpa(0x7000), ax_hpa(HOST), K4, AX_READ));
	CHECK_OK(ax_guest_write(&one.as, ax_gpa(0x1080), text, sizeof(text)));
	CHECK_OK(ax_guest_read(&two.as, ax_gpa(0x7080), seen, sizeof(seen)));
	CHECK(memcmp(text, seen, sizeof(text)) == 0);
	CHECK_ERROR(ax_guest_write(&two.as, ax_gpa(0x7080), text, 1), AX_EACCES);
	ax_addrspace_destroy(&two.as);
	space_destroy(&one);
}

int main(void)
{
	static const struct story stories[] = {
		STORY(a_vm_lives_and_leaves_nothing),
		STORY_PLAIN(a_vm_lives_where_memory_begins_at_address_0),
		STORY_PLAIN(frame_0_is_a_page_and_a_table_like_any_other),
		STORY_PLAIN(a_vm_lives_on_scattered_frames),
		STORY_PLAIN(a_vm_lives_on_frames_near_the_top_of_48_bits),
		STORY_PLAIN(spaces_share_nothing),
		STORY_PLAIN(two_vms_share_a_page),
	};

	return STORIES_RUN("spaces", stories);
}
