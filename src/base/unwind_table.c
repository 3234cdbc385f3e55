/* SPDX-License-Identifier: MIT
 *
 * Reading call frame information: from an address to the rules that hold there. What compilers write for x86-64
 * is understood; at anything else the walk ends.
 */
#include "base/unwind_int.h"

#include <string.h>

#ifdef HK_UNWIND

#define HK_STATES 4U /* that a function may remember at once */

#define ENC_PCREL_SDATA4 0x1bU
#define ENC_UDATA4 0x03U
#define ENC_DATAREL_SDATA4 0x3bU
#define ENC_OMIT 0xffU

struct reader {
	const uint8_t *at, *end;
};

struct cie {
	uint64_t code_align;
	int64_t data_align;
	bool augmented, signal;
	struct reader program;
};

/* ---- words of the format ---- */

static uint64_t take(struct reader *in, size_t bytes)
{
	uint64_t value = 0;

	if ((size_t) (in->end - in->at) < bytes) {
		in->at = in->end;
		return 0;
	}
	memcpy(&value, in->at, bytes); /* little-endian */
	in->at += bytes;
	return value;
}

/* LEB128: seven bits a byte, the last one without the high bit. */
static uint64_t take_leb(struct reader *in, bool is_signed)
{
	uint64_t value = 0, byte;
	unsigned shift = 0;

	do {
		byte = take(in, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) != 0);
	if (is_signed && shift < 64 && (byte & 0x40) != 0)
		value |= ~(uint64_t) 0 << shift;
	return value;
}

static uint64_t take_uleb(struct reader *in)
{
	return take_leb(in, false);
}

static int64_t take_sleb(struct reader *in)
{
	return (int64_t) take_leb(in, true);
}

static void skip(struct reader *in, uint64_t bytes)
{
	in->at += bytes < (uint64_t) (in->end - in->at) ? bytes : (uint64_t) (in->end - in->at);
}

static int32_t read_s32(const uint8_t *at)
{
	int32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* An entry's contents, without its length. */
static bool open_entry(const uint8_t *at, struct reader *ret)
{
	uint32_t length = (uint32_t) read_s32(at);

	if (length < 4 || length >= 0xfffffff0U)
		return false;
	*ret = (struct reader){at + 4, at + 4 + length};
	return true;
}

/* ---- from an address to its entry ---- */

static const uint8_t *search(const uint8_t *header, uintptr_t pc)
{
	const uint8_t *table = header + 12;
	size_t low = 0, high;

	if (header[0] != 1 || header[2] != ENC_UDATA4 || header[3] != ENC_DATAREL_SDATA4 || header[1] != ENC_PCREL_SDATA4)
		return NULL;
	high = (uint32_t) read_s32(header + 8);
	while (low < high) { /* the last that begins at or before pc is low − 1 */
		size_t middle = (low + high) / 2;

		if ((uintptr_t) header + (uintptr_t) (intptr_t) read_s32(table + 8 * middle) <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? NULL : header + read_s32(table + 8 * (low - 1) + 4);
}

static bool read_augmentation(struct reader *in, const char *letters, struct cie *ret)
{
	uint64_t length = take_uleb(in);
	const uint8_t *end = in->at + length;

	ret->augmented = true;
	for (; *letters != '\0'; letters++) {
		uint64_t encoding;

		switch (*letters) {
		case 'R':
			if (take(in, 1) != ENC_PCREL_SDATA4)
				return false;
			break;
		case 'L':
			(void) take(in, 1);
			break;
		case 'P':
			encoding = take(in, 1);
			skip(in, encoding == ENC_OMIT ? 0 : (encoding & 7) == 3 ? 4 : 8); /* udata4, sdata4, or eight bytes */
			break;
		case 'S':
			ret->signal = true;
			break;
		default:
			return false;
		}
	}
	in->at = end <= in->end ? end : in->end;
	return true;
}

static bool read_cie(const uint8_t *at, struct cie *ret)
{
	struct reader in;
	const char *letters;
	unsigned version;

	memset(ret, 0, sizeof(*ret));
	if (!open_entry(at, &in) || take(&in, 4) != 0)
		return false;
	version = (unsigned) take(&in, 1);
	letters = (const char *) in.at;
	skip(&in, strnlen(letters, (size_t) (in.end - in.at)) + 1);
	if ((version != 1 && version != 3) || in.at >= in.end)
		return false;
	ret->code_align = take_uleb(&in);
	ret->data_align = take_sleb(&in);
	if ((version == 1 ? take(&in, 1) : take_uleb(&in)) != HK_REG_RA)
		return false;
	if (letters[0] == 'z' ? !read_augmentation(&in, letters + 1, ret) : letters[0] != '\0')
		return false;
	ret->program = in;
	return letters[0] == 'z';
}

/* ---- the program that makes the rules ---- */

struct machine {
	const struct cie *cie;
	uintptr_t location, pc;
	struct hk_frame_rules *now, initial, kept[HK_STATES];
	unsigned nkept;
};

static bool save(struct machine *m, uint64_t reg, int64_t factored)
{
	if (reg >= HK_REGS)
		return true; /* of the vector registers: nobody asks */
	m->now->saved[reg] = true;
	m->now->offset[reg] = (int32_t) (factored * m->cie->data_align);
	return true;
}

static bool restore(struct machine *m, uint64_t reg)
{
	if (reg >= HK_REGS)
		return true;
	m->now->saved[reg] = m->initial.saved[reg];
	m->now->offset[reg] = m->initial.offset[reg];
	return true;
}

static bool unsave(struct machine *m, uint64_t reg)
{
	if (reg < HK_REGS)
		m->now->saved[reg] = false;
	return true;
}

static bool define_cfa(struct machine *m, uint64_t reg, int64_t offset)
{
	m->now->cfa_reg = reg < HK_REGS ? (unsigned) reg : 0;
	m->now->cfa_offset = (intptr_t) offset;
	m->now->cfa_memory = false;
	return reg < HK_REGS;
}

/* "The word at register + offset": what functions do that align their stack. */
static bool define_cfa_expression(struct machine *m, struct reader *in)
{
	uint64_t length = take_uleb(in);
	struct reader expression = {in->at, in->at + length};
	uint64_t op;

	skip(in, length);
	if (expression.end > in->end)
		return false;
	op = take(&expression, 1);
	if (op < 0x70 || op > 0x70 + HK_REGS - 1) /* DW_OP_breg0 … */
		return false;
	if (!define_cfa(m, op - 0x70, take_sleb(&expression)))
		return false;
	m->now->cfa_memory = true;
	return take(&expression, 1) == 0x06 && expression.at == expression.end; /* DW_OP_deref */
}

static bool remember(struct machine *m)
{
	if (m->nkept == HK_STATES)
		return false;
	m->kept[m->nkept++] = *m->now;
	return true;
}

static bool recall(struct machine *m)
{
	if (m->nkept == 0)
		return false;
	*m->now = m->kept[--m->nkept];
	return true;
}

/* The value is somewhere that is not followed: only the caller's frame may need it. */
static bool skip_expression(struct machine *m, struct reader *in)
{
	uint64_t reg = take_uleb(in);

	skip(in, take_uleb(in));
	return reg == HK_REG_RA ? false : unsave(m, reg);
}

/* The instructions that have a byte of their own, but for those that move on. */
static bool execute_extended(struct machine *m, unsigned op, struct reader *in)
{
	uint64_t reg;

	switch (op) {
	case 0x00: /* DW_CFA_nop */
		return true;
	case 0x05: /* offset_extended */
		reg = take_uleb(in);
		return save(m, reg, (int64_t) take_uleb(in));
	case 0x06: /* restore_extended */
		return restore(m, take_uleb(in));
	case 0x07: /* undefined */
	case 0x08: /* same_value */
		return unsave(m, take_uleb(in));
	case 0x0a:
		return remember(m);
	case 0x0b:
		return recall(m);
	case 0x0c: /* def_cfa */
		reg = take_uleb(in);
		return define_cfa(m, reg, (int64_t) take_uleb(in));
	case 0x0d: /* def_cfa_register */
		return define_cfa(m, take_uleb(in), m->now->cfa_offset);
	case 0x0e: /* def_cfa_offset */
		return define_cfa(m, m->now->cfa_reg, (int64_t) take_uleb(in));
	case 0x0f: /* def_cfa_expression */
		return define_cfa_expression(m, in);
	case 0x10: /* expression */
	case 0x16: /* val_expression */
		return skip_expression(m, in);
	case 0x11: /* offset_extended_sf */
		reg = take_uleb(in);
		return save(m, reg, take_sleb(in));
	case 0x12: /* def_cfa_sf */
		reg = take_uleb(in);
		return define_cfa(m, reg, take_sleb(in) * m->cie->data_align);
	case 0x13: /* def_cfa_offset_sf */
		return define_cfa(m, m->now->cfa_reg, take_sleb(in) * m->cie->data_align);
	case 0x2e: /* GNU_args_size */
		(void) take_uleb(in);
		return true;
	default:
		return false;
	}
}

static uint64_t advance_of(unsigned op, struct reader *in)
{
	switch (op) {
	case 0x02:
		return take(in, 1);
	case 0x03:
		return take(in, 2);
	case 0x04:
		return take(in, 4);
	default:
		return op & 0x3f; /* DW_CFA_advance_loc */
	}
}

/* Up to the instruction at pc. */
static bool execute(struct machine *m, struct reader in)
{
	while (in.at < in.end) {
		unsigned op = (unsigned) take(&in, 1);
		bool good = true;

		if (op >> 6 == 1 || (op >= 0x02 && op <= 0x04)) {
			m->location += advance_of(op, &in) * m->cie->code_align;
			if (m->location > m->pc)
				return true;
		} else if (op >> 6 == 2) {
			good = save(m, op & 0x3f, (int64_t) take_uleb(&in));
		} else if (op >> 6 == 3) {
			good = restore(m, op & 0x3f);
		} else {
			good = execute_extended(m, op, &in);
		}
		if (!good)
			return false;
	}
	return true;
}

bool hk_frame_rules(uintptr_t pc, struct hk_frame_rules *ret)
{
	struct dl_find_object object;
	struct machine m = {.now = ret, .pc = pc};
	const uint8_t *entry, *begin;
	struct reader in;
	struct cie cie;

	if (_dl_find_object((void *) pc, &object) != 0 || object.dlfo_eh_frame == NULL)
		return false;
	entry = search(object.dlfo_eh_frame, pc);
	if (entry == NULL || !open_entry(entry, &in) || read_s32(in.at) == 0 || !read_cie(in.at - read_s32(in.at), &cie))
		return false;
	begin = in.at + 4;
	m.location = (uintptr_t) begin + (uintptr_t) (intptr_t) read_s32(begin);
	if (pc < m.location || pc - m.location >= (uint32_t) read_s32(begin + 4))
		return false;
	skip(&in, 12);
	skip(&in, take_uleb(&in));
	memset(ret, 0, sizeof(*ret));
	ret->signal = cie.signal;
	if (cie.signal)
		return true; /* expressions: the kernel's frame is known without */
	m.cie = &cie;
	m.pc = UINTPTR_MAX; /* the common part: all of it */
	if (!execute(&m, cie.program))
		return false;
	m.initial = *ret;
	m.pc = pc;
	return execute(&m, in);
}
#endif
