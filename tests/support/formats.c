/* SPDX-License-Identifier: Apache-2.0 */
#include "formats.h"

#include <string.h>

#include "mock_port.h"
#include "story.h"
#include "tlb_model.h"

#define F(feature) AX_NPT_FEATURE_##feature

/* clang-format off */
const struct format_case format_cases[] = {
	/* name                      format         levels gpa hpa  features            -> levels gpa leaves */
	{"EPT 4 levels",             AX_NPT_EPT,    4,  0,  0, 0,                             4, 48, 2},
	{"EPT 5 levels",             AX_NPT_EPT,    5,  0,  0, 0,                             5, 52, 2},
	{"EPT 4 levels 1G",          AX_NPT_EPT,    4,  0,  0, F(1G),                         4, 48, 3},
	{"EPT execute-only",         AX_NPT_EPT,    4,  0,  0, F(EXECUTE_ONLY),               4, 48, 2},
	{"EPT mode-based execute",   AX_NPT_EPT,    4,  0,  0, F(MODE_BASED_EXECUTE),         4, 48, 2},
	{"EPT accessed and dirty",   AX_NPT_EPT,    4,  0,  0, F(ACCESSED_DIRTY),             4, 48, 2},
	{"EPT 5 levels, everything", AX_NPT_EPT,    5,  0,  0, F(1G) | F(EXECUTE_ONLY) |
			F(MODE_BASED_EXECUTE) | F(ACCESSED_DIRTY),                            5, 52, 3},
	{"EPT 40-bit GPA and HPA",   AX_NPT_EPT,    4, 40, 40, F(1G),                         4, 40, 3},
	{"NPT 4 levels",             AX_NPT_AMD,    4,  0,  0, 0,                             4, 48, 2},
	{"NPT 5 levels",             AX_NPT_AMD,    5,  0,  0, 0,                             5, 52, 2},
	{"NPT 4 levels 1G",          AX_NPT_AMD,    4,  0,  0, F(1G),                         4, 48, 3},
	{"NPT 5 levels 1G",          AX_NPT_AMD,    5,  0,  0, F(1G),                         5, 52, 3},
	{"stage 2, 32 bits",         AX_NPT_STAGE2, 0, 32,  0, 0,                             2, 32, 2},
	{"stage 2, 36 bits",         AX_NPT_STAGE2, 0, 36,  0, 0,                             3, 36, 3},
	{"stage 2, 39 bits",         AX_NPT_STAGE2, 0, 39,  0, 0,                             3, 39, 3},
	{"stage 2, 40 bits",         AX_NPT_STAGE2, 0, 40,  0, 0,                             3, 40, 3},
	{"stage 2, 42 bits",         AX_NPT_STAGE2, 0, 42,  0, 0,                             3, 42, 3},
	{"stage 2, 43 bits",         AX_NPT_STAGE2, 0, 43,  0, 0,                             3, 43, 3},
	{"stage 2, 44 bits",         AX_NPT_STAGE2, 0, 44,  0, 0,                             4, 44, 3},
	{"stage 2, 47 bits",         AX_NPT_STAGE2, 0, 47,  0, 0,                             4, 47, 3},
	{"stage 2, 48 bits",         AX_NPT_STAGE2, 0, 48,  0, 0,                             4, 48, 3},
	{"stage 2, 3 levels",        AX_NPT_STAGE2, 3,  0,  0, 0,                             3, 39, 3},
	{"stage 2, 4 levels",        AX_NPT_STAGE2, 4,  0,  0, 0,                             4, 48, 3},
	{"stage 2, 3 levels of 32",  AX_NPT_STAGE2, 3, 32,  0, 0,                             3, 32, 3},
	{"stage 2, 3 levels of 40",  AX_NPT_STAGE2, 3, 40,  0, 0,                             3, 40, 3},
	{"stage 2, 4 levels of 40",  AX_NPT_STAGE2, 4, 40,  0, 0,                             4, 40, 3},
	{"stage 2, 40-bit PA",       AX_NPT_STAGE2, 0, 40, 40, 0,                             3, 40, 3},
	{"stage 2 XNX",              AX_NPT_STAGE2, 0, 40,  0, F(XNX),                        3, 40, 3},
	{"stage 2 HA and HD",        AX_NPT_STAGE2, 0, 40,  0, F(ACCESSED_DIRTY),             3, 40, 3},
	{"Sv39x4",                   AX_NPT_GSTAGE, 3,  0,  0, 0,                             3, 41, 3},
	{"Sv48x4",                   AX_NPT_GSTAGE, 4,  0,  0, 0,                             4, 50, 4},
	{"Sv57x4",                   AX_NPT_GSTAGE, 5,  0,  0, 0,                             5, 59, 5},
	{"Sv39x4 Svpbmt",            AX_NPT_GSTAGE, 3,  0,  0, F(SVPBMT),                     3, 41, 3},
	{"Sv48x4 Svvptc",            AX_NPT_GSTAGE, 4,  0,  0, F(SVVPTC),                     4, 50, 4},
	{"Sv39x4 Svadu",             AX_NPT_GSTAGE, 3,  0,  0, F(ACCESSED_DIRTY),             3, 41, 3},
};
/* clang-format on */

const size_t format_case_count = sizeof(format_cases) / sizeof(format_cases[0]);

const struct format_case *format_find(const char *name)
{
	for (size_t i = 0; i < format_case_count; i++) {
		if (strcmp(format_cases[i].name, name) == 0)
			return &format_cases[i];
	}
	FAIL("no case named %s", name);
	return NULL;
}

struct ax_addrspace_config format_config(const struct format_case *format)
{
	return (struct ax_addrspace_config){
		.format = format->format,
		.levels = format->config_levels,
		.gpa_bits = format->config_gpa_bits,
		.hpa_bits = format->config_hpa_bits,
		.features = format->features,
		.tag = 5,
		.cpus = 1,
	};
}

bool format_has(const struct format_case *format, uint64_t feature)
{
	return (format->features & feature) != 0;
}

bool format_restricts_user(const struct format_case *format)
{
	return format_has(format, F(MODE_BASED_EXECUTE) | F(XNX));
}

static enum ref_format_id reference_format(enum ax_npt_format_id format)
{
	switch (format) {
	case AX_NPT_EPT:
		return REF_EPT;
	case AX_NPT_AMD:
		return REF_NPT;
	case AX_NPT_STAGE2:
		return REF_STAGE2;
	default:
		return REF_GSTAGE;
	}
}

static bool read_entry(void *context, uint64_t hpa, uint64_t *entry)
{
	const uint64_t *slot = mock_held_ptr(hpa);

	(void)context;
	if (!slot)
		return false;
	*entry = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	return true;
}

const struct ref_memory reference_memory = {.read = read_entry};

struct ref_cpu space_load_cpu(const struct ax_addrspace *as, const struct format_case *format,
			      unsigned hpa_bits)
{
	struct ax_npt_registers registers;
	struct ax_npt_capabilities capabilities;

	ax_addrspace_registers(as, &registers);
	CHECK_OK(ax_npt_capabilities(format->format, &capabilities));
	return (struct ref_cpu){
		.format = reference_format(format->format),
		.root = registers.root,
		.control = registers.control,
		.levels = format->levels,
		/* On Arm what the tables may hold can be less than what the CPU has. */
		.pa_bits = hpa_bits && format->format != AX_NPT_STAGE2 ? hpa_bits
								       : capabilities.hpa_bits,
		.page_1g = format_has(format, F(1G)),
		.execute_only = format_has(format, F(EXECUTE_ONLY)),
		.mode_based_execute = format_has(format, F(MODE_BASED_EXECUTE)),
		.no_execute = true,
		.accessed_dirty = format_has(format, F(ACCESSED_DIRTY)),
		.xnx = format_has(format, F(XNX)),
		.vmid16 = true,
		.svpbmt = format_has(format, F(SVPBMT)),
	};
}

void space_make_config(struct test_space *s, const struct format_case *format,
		       const struct ax_addrspace_config *config)
{
	memset(s, 0xee, sizeof(*s));
	s->format = format;
	s->cpus = config->cpus;
	s->guarded = config->cpus > 1 && !config->serialized;
	s->held_before = mock_frames_held();
	s->foreign = 0;
	CHECK_OK(ax_addrspace_init(&s->as, config));
	s->base = ax_addrspace_base(&s->as).raw;
	s->size = ax_addrspace_size(&s->as);
	s->cpu = space_load_cpu(&s->as, format, config->hpa_bits);
	s->hpa_bits = config->hpa_bits ? config->hpa_bits : s->cpu.pa_bits;
	s->tag = config->tag;
}

void space_make(struct test_space *s, const struct format_case *format, unsigned cpus)
{
	struct ax_addrspace_config config = format_config(format);

	config.cpus = cpus;
	space_make_config(s, format, &config);
}

void space_destroy(struct test_space *s)
{
	ax_addrspace_destroy(&s->as);
	CHECK_EQUAL(mock_frames_held(), s->held_before + s->foreign);
}

void space_remake(struct test_space *s, const struct ax_addrspace_config *config)
{
	struct ax_addrspace_config wanted = *config;

	wanted.cpus = s->cpus;
	tlb_model_drop();
	space_destroy(s);
	space_make_config(s, s->format, &wanted);
	tlb_model_begin(s);
}

void space_use_direct_map(struct test_space *s)
{
	struct ax_addrspace_config config = format_config(s->format);

	config.direct_map = true;
	config.direct_map_offset = (uint64_t)(uintptr_t)mock_ptr(MOCK_POOL_BASE) - MOCK_POOL_BASE;
	space_remake(s, &config);
}

static bool gstage_expresses(const struct format_case *format, ax_flags_t flags)
{
	if (format_has(format, F(SVPBMT)))
		return true;
	return (flags & AX_DEVICE) || !(flags & AX_UNCACHED);
}

ax_error_t format_expressible(const struct format_case *format, ax_flags_t flags)
{
	bool r = flags & AX_READ;
	bool w = flags & AX_WRITE;
	bool x = flags & AX_EXECUTE;

	if ((flags & ~AX_FLAGS_ALL) || !(r || w || x))
		return AX_EINVAL;
	switch (format->format) {
	case AX_NPT_EPT:
		if (w && !r)
			return AX_ENOTSUP;
		return x && !r && !format_has(format, F(EXECUTE_ONLY)) ? AX_ENOTSUP : AX_OK;
	case AX_NPT_AMD:
		return r ? AX_OK : AX_ENOTSUP;
	case AX_NPT_STAGE2:
		return AX_OK;
	default:
		if (w && !r)
			return AX_ENOTSUP;
		return gstage_expresses(format, flags) ? AX_OK : AX_ENOTSUP;
	}
}

static bool type_matches(const struct format_case *format, const struct ref_leaf *leaf,
			 ax_flags_t flags)
{
	bool device = flags & AX_DEVICE;
	bool plain = !(flags & (AX_DEVICE | AX_UNCACHED));

	switch (format->format) {
	case AX_NPT_EPT:
	case AX_NPT_AMD:
		if (plain)
			return leaf->type == REF_TYPE_WB;
		if (leaf->type == REF_TYPE_WC)
			return !device;
		return leaf->type == REF_TYPE_UC || leaf->type == REF_TYPE_UC_MINUS;
	case AX_NPT_STAGE2:
		if (plain)
			return leaf->type == REF_TYPE_NORMAL_WB &&
			       leaf->shareability == REF_SHARE_INNER;
		if (device)
			return leaf->type == REF_TYPE_DEVICE_nGnRnE ||
			       leaf->type == REF_TYPE_DEVICE_nGnRE;
		return leaf->type == REF_TYPE_NORMAL_NC;
	default:
		if (plain || !format_has(format, F(SVPBMT)))
			return leaf->type == REF_TYPE_PMA;
		return leaf->type == (device ? REF_TYPE_IO : REF_TYPE_NC);
	}
}

bool format_leaf_matches(const struct format_case *format, const struct ref_leaf *leaf,
			 ax_flags_t flags)
{
	const struct ref_permissions *p = &leaf->permissions;
	bool x = flags & AX_EXECUTE;
	bool user = !format_restricts_user(format) || (flags & AX_USER);

	return p->read == !!(flags & AX_READ) && p->write == !!(flags & AX_WRITE) &&
	       p->execute_kernel == x && p->execute_user == (x && user) &&
	       type_matches(format, leaf, flags);
}

ax_flags_t format_visible_flags(const struct format_case *format, ax_flags_t flags)
{
	ax_flags_t visible = flags & AX_FLAGS_ACCESS;

	/* Only execution can be restricted, so only there the bit says something. */
	if (!format_restricts_user(format))
		visible |= AX_USER;
	else if (flags & AX_EXECUTE)
		visible |= flags & AX_USER;
	/* Of a type that hardware does not need to be told, software is: see G-stage without Svpbmt. */
	if (flags & AX_DEVICE)
		return visible | AX_DEVICE;
	return visible | (flags & AX_UNCACHED);
}

bool format_flags_alike(const struct format_case *format, ax_flags_t a, ax_flags_t b)
{
	return format_visible_flags(format, a) == format_visible_flags(format, b);
}

uint64_t format_page_size(unsigned level)
{
	return 1ull << (12u + 9u * level);
}
