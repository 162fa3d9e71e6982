/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this RISC-V hart can. There are no registers that tell: fields are written and read back,
 * and then are what they were. Needs the hypervisor extension and HS-mode with mstatus.TVM clear.
 *
 * Sources: RISC-V privileged architecture, "Hypervisor Extension": hgatp (MODE and VMIDLEN),
 * henvcfg, "Memory-Management Fences"; "Machine Environment Configuration Register (menvcfg)".
 */
#include "npt_format.h"

#define SSTATUS_SIE UINT64_C(2)

#define HGATP_MODE_SHIFT  60
#define HGATP_MODE_SV39X4 UINT64_C(8) /* of three levels; each level more is one more */
#define HGATP_VMID_SHIFT  44
#define HGATP_VMID        (UINT64_C(0x3fff) << HGATP_VMID_SHIFT)

#define HENVCFG_ADUE  (UINT64_C(1) << 61)
#define HENVCFG_PBMTE (UINT64_C(1) << 62)

/*
 * CSR instructions by their number (opcode SYSTEM; funct3 1 writes, 2 sets, 3 clears), since
 * assemblers ask for Zicsr in -march, which not all toolchains know, and for the hypervisor's
 * register names.
 */
#define CSR_SSTATUS "0x100"
#define CSR_VSATP   "0x280"
#define CSR_HENVCFG "0x60a"
#define CSR_HGATP   "0x680"

/* clang-format off */
#define READ_CSR(csr, value) \
	__asm__ volatile(".insn i 0x73, 2, %0, x0, " csr : "=r"(value) : : "memory")
#define WRITE_CSR(csr, value) \
	__asm__ volatile(".insn i 0x73, 1, x0, %0, " csr : : "r"(value) : "memory")
#define SET_CSR(csr, bits) \
	__asm__ volatile(".insn i 0x73, 2, x0, %0, " csr : : "r"(bits) : "memory")
#define CLEAR_CSR(csr, old, bits) \
	__asm__ volatile(".insn i 0x73, 3, %0, %1, " csr : "=r"(old) : "r"(bits) : "memory")
/* clang-format on */

struct probe {
	unsigned levels; /* bit n: a mode with n levels */
	unsigned vmid_bits;
	uint64_t features;
};

static uint64_t try_hgatp(uint64_t value)
{
	WRITE_CSR(CSR_HGATP, value);
	READ_CSR(CSR_HGATP, value);
	return value;
}

/* A MODE that is not supported does not make the write void, as in satp: the field is WARL. */
static unsigned probe_levels(void)
{
	unsigned found = 0;

	for (unsigned levels = ax_npt_format_gstage.levels_min;
	     levels <= ax_npt_format_gstage.levels_max; levels++) {
		uint64_t mode = HGATP_MODE_SV39X4 + levels - 3u;

		if (try_hgatp(mode << HGATP_MODE_SHIFT) >> HGATP_MODE_SHIFT == mode)
			found |= 1u << levels;
	}
	return found;
}

/* VMIDLEN: the bits that stay set, from the lowest on; there may be none. With MODE Bare the field
 * must be zero, so it takes a mode to try. */
static unsigned probe_vmid(unsigned levels)
{
	uint64_t mode = HGATP_MODE_SV39X4;
	uint64_t vmid;
	unsigned bits = 0;

	while (!(levels & 1u << 3)) {
		levels >>= 1;
		mode++;
	}
	vmid = (try_hgatp(mode << HGATP_MODE_SHIFT | HGATP_VMID) & HGATP_VMID) >> HGATP_VMID_SHIFT;
	while (vmid >> bits & 1)
		bits++;
	return bits;
}

/*
 * Whether Svpbmt and hardware updates of A and D are on for the G-stage is said by menvcfg, which
 * is machine mode's. But a field of henvcfg is read-only zero where the same field of menvcfg is
 * zero.
 *
 * So a zero rules the feature out. A one is what an emulator (QEMU 7.2) has without the feature as
 * well, and a leaf with a type that the hardware does not know is a fault for ever.
 */
static uint64_t probe_features(void)
{
	uint64_t features = 0;
	uint64_t old, now;

	READ_CSR(CSR_HENVCFG, old);
	WRITE_CSR(CSR_HENVCFG, old | HENVCFG_PBMTE | HENVCFG_ADUE);
	READ_CSR(CSR_HENVCFG, now);
	WRITE_CSR(CSR_HENVCFG, old);
	if (now & HENVCFG_PBMTE)
		features |= AX_NPT_FEATURE_SVPBMT;
	if (now & HENVCFG_ADUE)
		features |= AX_NPT_FEATURE_ACCESSED_DIRTY;
	return features;
}

/* HFENCE.GVMA x0, x0 */
static void fence_all(void)
{
	__asm__ volatile(".insn r 0x73, 0, 0x31, x0, x0, x0" ::: "memory");
}

/*
 * hgatp is active while this runs, so hardware may translate ahead with every value that it is
 * given. With vsatp zero nothing of the current guest's own tables gets cached under a VMID that is
 * not its (HFENCE.GVMA need not drop that), nor with another meaning of henvcfg; the order of the
 * steps is that of a switch of worlds in "Memory-Management Fences". What was cached of the
 * G-stage, the fence drops.
 *
 * No interrupt in between: its handler would see these values.
 */
static struct probe probe(void)
{
	struct probe found = {0};
	uint64_t sstatus, vsatp, hgatp;

	CLEAR_CSR(CSR_SSTATUS, sstatus, SSTATUS_SIE);
	READ_CSR(CSR_VSATP, vsatp);
	WRITE_CSR(CSR_VSATP, UINT64_C(0));
	READ_CSR(CSR_HGATP, hgatp);

	found.levels = probe_levels();
	if (found.levels != 0)
		found.vmid_bits = probe_vmid(found.levels);
	found.features = probe_features();

	WRITE_CSR(CSR_HGATP, hgatp);
	fence_all();
	WRITE_CSR(CSR_VSATP, vsatp);
	if (sstatus & SSTATUS_SIE)
		SET_CSR(CSR_SSTATUS, SSTATUS_SIE);
	return found;
}

const struct ax_npt_format *ax_npt_format_find(enum ax_npt_format_id id)
{
	return id == AX_NPT_GSTAGE ? &ax_npt_format_gstage : NULL;
}

static void set_levels(struct ax_npt_capabilities *out, unsigned levels)
{
	const struct ax_npt_format *format = &ax_npt_format_gstage;

	while (!(levels & 1u << out->levels_min))
		out->levels_min++;
	while (!(levels & 1u << out->levels_max))
		out->levels_max--;
	out->levels_default = out->levels_min;
	out->gpa_bits =
		format->page_shift + format->index_bits * out->levels_max + format->root_extra_bits;
}

ax_error_t ax_npt_capabilities(enum ax_npt_format_id format, struct ax_npt_capabilities *out)
{
	struct probe found;

	if (!out || (unsigned)format > AX_NPT_GSTAGE)
		return AX_EINVAL;
	if (format != AX_NPT_GSTAGE && format != AX_NPT_DEFAULT)
		return AX_ENOTSUP;
	found = probe();
	if (found.levels == 0)
		return AX_ENOTSUP;

	ax_npt_format_capabilities(&ax_npt_format_gstage, out);
	set_levels(out, found.levels);
	out->tag_bits = found.vmid_bits;
	/* Nothing tells whether there is Svvptc, and nothing for sure whether there is Svpbmt: a
	 * port that knows from the device tree asks for them. All works without: device memory is
	 * what the PMAs say. */
	out->features &= found.features | AX_NPT_FEATURE_SVVPTC;
	out->features_default &= out->features;
	return AX_OK;
}
