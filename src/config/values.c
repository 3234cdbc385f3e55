/* SPDX-License-Identifier: MIT
 *
 * Text to value and back, for each type of key. Whole numbers only, every sum checked for overflow;
 * what a value prints as reads back as the same value. Nothing here depends on the locale.
 */
#include "config/config.h"

#include "config/name.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WHY_MAX 200

struct unit {
	char name[4];
	uint64_t scale;
};

/* From large to small: format takes the first that divides. */
static const struct unit size_units[] = {
        {"T", HK_GIB * 1024}, {"G", HK_GIB}, {"M", HK_MIB}, {"K", HK_KIB}, {"", 1}};
static const struct unit duration_units[] = {
        {"min", 60000000000U}, {"s", 1000000000U}, {"ms", 1000000U}, {"us", 1000U}, {"ns", 1}};

/* What one parse carries around. */
struct parse {
	const struct hk_key *key;
	enum hk_key_id id;
	char text[HK_VALUE_MAX]; /* trimmed */
	char *why;
	size_t why_size;
};

static int refuse(const struct parse *p, const char *format, ...) HK_PRINTF(2, 3);

static int refuse(const struct parse *p, const char *format, ...)
{
	va_list args;

	if (p->why == NULL || p->why_size == 0)
		return -EINVAL;
	va_start(args, format);
	(void) vsnprintf(p->why, p->why_size, format, args);
	va_end(args);
	(void) hk_text_clean(p->why);
	return -EINVAL;
}

static const char bool_words[2][4][6] = {{"off", "no", "false", "0"}, {"on", "yes", "true", "1"}};

HK_COLD static int refuse_bool(const struct parse *p)
{
	struct hk_near near = {.want = p->text};

	for (unsigned value = 0; value < 2; value++)
		for (size_t i = 0; i < HK_COUNT(bool_words[value]); i++)
			hk_near_offer(&near, bool_words[value][i]);
	return refuse(p, "%s must be on or off, not '%s'%s%s%s", p->key->name, p->text,
	              near.best != NULL ? ": did you mean '" : "", near.best != NULL ? near.best : "",
	              near.best != NULL ? "'?" : "");
}

static int parse_bool(const struct parse *p, struct hk_value *ret)
{
	for (unsigned value = 0; value < 2; value++)
		for (size_t i = 0; i < HK_COUNT(bool_words[value]); i++)
			if (hk_name_equal(p->text, bool_words[value][i])) {
				ret->num = value;
				return 0;
			}
	return refuse_bool(p);
}

/* The choice at *list, copied to word; moves *list to the next. False at the end. */
static bool next_choice(const char **list, char word[HK_NAME_MAX])
{
	size_t n = 0;

	while ((*list)[n] != '\0' && (*list)[n] != ' ')
		n++;
	if (n == 0 || n >= HK_NAME_MAX)
		return false;
	memcpy(word, *list, n);
	word[n] = '\0';
	*list += n;
	if (**list == ' ')
		(*list)++;
	return true;
}

HK_COLD static int refuse_enum(const struct parse *p)
{
	const char *list = p->key->choices;
	char word[HK_NAME_MAX], near_word[HK_NAME_MAX] = "", allowed[WHY_MAX / 2] = "";
	struct hk_near near = {.want = p->text};

	for (uint64_t i = 0; next_choice(&list, word); i++) {
		hk_near_offer(&near, word);
		if (near.best == word) {
			memcpy(near_word, word, sizeof(near_word));
			near.best = near_word; /* word is overwritten by the next choice */
		}
		if (i > 0)
			(void) hk_text_append(allowed, sizeof(allowed), *list == '\0' ? " or " : ", ");
		(void) hk_text_append(allowed, sizeof(allowed), word);
	}
	return refuse(p, "%s must be %s, not '%s'%s%s%s", p->key->name, allowed, p->text,
	              near.best != NULL ? ": did you mean '" : "", near_word, near.best != NULL ? "'?" : "");
}

static int parse_enum(const struct parse *p, struct hk_value *ret)
{
	const char *list = p->key->choices;
	char word[HK_NAME_MAX];

	for (uint64_t i = 0; next_choice(&list, word); i++)
		if (hk_name_equal(p->text, word)) {
			ret->num = i;
			return 0;
		}
	return refuse_enum(p);
}

/* "123" and what follows it, blanks skipped. 0, −EINVAL for no number, −ERANGE when it overflows. */
static int parse_number(const char *text, uint64_t *ret, const char **ret_rest)
{
	uint64_t n = 0;
	bool over = false;

	if (!hk_is_digit(*text))
		return -EINVAL;
	for (; hk_is_digit(*text); text++)
		over |= __builtin_mul_overflow(n, 10U, &n) ||
		        __builtin_add_overflow(n, (uint64_t) (*text - '0'), &n);
	while (hk_is_blank(*text))
		text++;
	*ret = n;
	*ret_rest = text;
	return over ? -ERANGE : 0;
}

static int parse_scaled(const char *text, const struct unit *units, size_t n_units, struct hk_value *ret)
{
	const char *rest;
	uint64_t n;
	int r = parse_number(text, &n, &rest);

	if (r != 0)
		return r;
	for (size_t i = 0; i < n_units; i++)
		if (hk_name_equal(rest, units[i].name))
			return __builtin_mul_overflow(n, units[i].scale, &ret->num) ? -ERANGE : 0;
	if (n == 0 && *rest == '\0')
		ret->num = 0;
	else
		r = *rest == '\0' ? -ENODATA : -EINVAL;
	return r;
}

static int parse_plain(const struct parse *p, struct hk_value *ret)
{
	const char *rest;
	int r = parse_number(p->text, &ret->num, &rest);

	if (r != -EINVAL && p->key->type == HK_TYPE_PERCENT && *rest == '%')
		rest++;
	return r == -EINVAL || *rest != '\0' ? -EINVAL : r;
}

/* r: why the text was no number; 0 when it was one, but out of range. */
HK_COLD static int refuse_counted(const struct parse *p, int r)
{
	static const char *const what[] = {
	        [HK_TYPE_SIZE] = "a size such as 4096, 64K, 512M or 2G (whole, powers of 1024)",
	        [HK_TYPE_DURATION] = "a time such as 500us, 20ms, 1s or 2min (whole)",
	        [HK_TYPE_INT] = "a whole number",
	        [HK_TYPE_PERCENT] = "a whole percentage",
	};
	struct hk_value low = {.num = p->key->min}, high = {.num = p->key->max};
	char low_text[HK_VALUE_MAX], high_text[HK_VALUE_MAX];
	const char *name = p->key->name;

	if (r == -ENODATA)
		return refuse(p, "%s needs a unit: %.20sus, %.20sms, %.20ss or %.20smin?", name, p->text,
		              p->text, p->text, p->text);
	return refuse(p, "%s must be %s from %s to %s, not '%.60s'", name, what[p->key->type],
	              hk_value_format(p->id, &low, low_text), hk_value_format(p->id, &high, high_text),
	              p->text);
}

static int parse_counted(const struct parse *p, struct hk_value *ret)
{
	int r;

	if (p->key->type == HK_TYPE_SIZE)
		r = parse_scaled(p->text, size_units, HK_COUNT(size_units), ret);
	else if (p->key->type == HK_TYPE_DURATION)
		r = parse_scaled(p->text, duration_units, HK_COUNT(duration_units), ret);
	else
		r = parse_plain(p, ret);
	if (r == 0 && ret->num >= p->key->min && ret->num <= p->key->max)
		return 0;
	return refuse_counted(p, r);
}

static bool has_any(const char *text, const char *of)
{
	for (; *text != '\0'; text++)
		if (strchr(of, *text) != NULL)
			return true;
	return false;
}

/* What only one key asks of its text; NULL if it is content. */
static const char *text_fault(enum hk_key_id id, const char *text)
{
	if (id == HK_KEY_CONTROL_DIR && text[0] != '/')
		return "an absolute path";
	if (id == HK_KEY_LOG && text[0] != '/' && !hk_name_equal(text, "stderr") &&
	    !hk_name_equal(text, "none"))
		return "stderr, none or an absolute path";
	if ((id == HK_KEY_CONTROL_GROUP || id == HK_KEY_CONTROL_READ_GROUP) && has_any(text, " \t:/,"))
		return "the name or number of one group";
	return NULL;
}

/* What a file could not carry back unharmed (comment, quote, control byte, broken UTF-8) is refused
 * everywhere. */
static int parse_text(const struct parse *p, struct hk_value *ret)
{
	const char *fault, *name = p->key->name;
	size_t n = strlen(p->text);

	if (n < p->key->min)
		return refuse(p, "%s must not be empty", name);
	if (n > p->key->max)
		return refuse(p, "%s must be at most %u bytes long, not %zu", name, (unsigned) p->key->max,
		              n);
	(void) hk_text_copy(ret->text, sizeof(ret->text), p->text);
	if (has_any(p->text, ";\"") || hk_text_clean(ret->text))
		return refuse(p, "%s must be printable UTF-8 without ';' and '\"', not '%s'", name, p->text);
	fault = text_fault(p->id, p->text);
	if (fault != NULL)
		return refuse(p, "%s must be %s, not '%s'", name, fault, p->text);
	/* The two words of log are names like any other: kept in one spelling. */
	if (p->id == HK_KEY_LOG && p->text[0] != '/')
		(void) hk_text_copy(ret->text, sizeof(ret->text),
		                    hk_name_equal(p->text, "none") ? "none" : "stderr");
	return 0;
}

int hk_value_parse(enum hk_key_id key, const char *text, struct hk_value *ret, char *why, size_t why_size)
{
	struct parse p = {.key = &hk_keys[key], .id = key, .why = why, .why_size = why_size};
	struct hk_value value = {0};
	size_t n;
	int r;

	while (hk_is_blank(*text))
		text++;
	for (n = strlen(text); n > 0 && hk_is_blank(text[n - 1]);)
		n--;
	if (n >= sizeof(p.text))
		return refuse(&p, "%s: the value is too long (%zu bytes)", p.key->name, n);
	memcpy(p.text, text, n);
	switch (p.key->type) {
	case HK_TYPE_BOOL:
		r = parse_bool(&p, &value);
		break;
	case HK_TYPE_ENUM:
		r = parse_enum(&p, &value);
		break;
	case HK_TYPE_TEXT:
		r = parse_text(&p, &value);
		break;
	default:
		r = parse_counted(&p, &value);
	}
	if (r == 0)
		*ret = value;
	return r;
}

static void format_scaled(uint64_t num, const struct unit *units, char *buf)
{
	if (num == 0)
		units = &size_units[HK_COUNT(size_units) - 1];
	while (num % units->scale != 0)
		units++;
	(void) hk_text_append_number(buf, HK_VALUE_MAX, num / units->scale);
	(void) hk_text_append(buf, HK_VALUE_MAX, units->name);
}

char *hk_value_format(enum hk_key_id key, const struct hk_value *value, char *buf)
{
	const char *list = hk_keys[key].choices;

	buf[0] = '\0';
	switch (hk_keys[key].type) {
	case HK_TYPE_BOOL:
		(void) hk_text_copy(buf, HK_VALUE_MAX, value->num != 0 ? "on" : "off");
		break;
	case HK_TYPE_ENUM:
		for (uint64_t i = 0; i <= value->num; i++)
			if (!next_choice(&list, buf))
				return memcpy(buf, "?", 2);
		break;
	case HK_TYPE_SIZE:
		format_scaled(value->num, size_units, buf);
		break;
	case HK_TYPE_DURATION:
		format_scaled(value->num, duration_units, buf);
		break;
	case HK_TYPE_TEXT:
		(void) snprintf(buf, HK_VALUE_MAX, "%.*s", HK_TEXT_MAX - 1, value->text);
		break;
	default:
		(void) hk_text_append_number(buf, HK_VALUE_MAX, value->num);
	}
	return buf;
}

bool hk_value_equal(enum hk_key_id key, const struct hk_value *a, const struct hk_value *b)
{
	if (hk_keys[key].type == HK_TYPE_TEXT)
		return strncmp(a->text, b->text, HK_TEXT_MAX) == 0;
	return a->num == b->num;
}

/* ---- sets ---- */

/* Where a set has the key's text, or HK_TEXT_COUNT. */
static enum hk_text_id text_of(enum hk_key_id key)
{
	switch (key) {
#undef HK_TEXT_IF_TEXT
#define HK_TEXT_IF_TEXT(id)                                                                                          \
	case HK_KEY_##id:                                                                                            \
		return HK_TEXT_##id;
#define HK_KEY(id, name, type, ...) HK_TEXT_IF_##type(id)
#include "config/keys.def"
#undef HK_KEY
	default:
		return HK_TEXT_COUNT;
	}
}

void hk_values_get(const struct hk_values *values, enum hk_key_id key, struct hk_value *ret)
{
	enum hk_text_id text = text_of(key);

	ret->num = values->num[key];
	if (text < HK_TEXT_COUNT)
		memcpy(ret->text, values->text[text], HK_TEXT_MAX);
	else
		ret->text[0] = '\0';
}

void hk_values_put(struct hk_values *values, enum hk_key_id key, const struct hk_value *value)
{
	enum hk_text_id text = text_of(key);

	values->num[key] = value->num;
	if (text < HK_TEXT_COUNT)
		memcpy(values->text[text], value->text, HK_TEXT_MAX);
}

void hk_values_lay(struct hk_values *values, enum hk_key_id key, const struct hk_values *from)
{
	enum hk_text_id text = text_of(key);

	values->num[key] = from->num[key];
	if (text < HK_TEXT_COUNT)
		memcpy(values->text[text], from->text[text], HK_TEXT_MAX);
}

char *hk_values_format(const struct hk_values *values, enum hk_key_id key, char *buf)
{
	struct hk_value value;

	hk_values_get(values, key, &value);
	return hk_value_format(key, &value, buf);
}

bool hk_values_equal(const struct hk_values *a, const struct hk_values *b, enum hk_key_id key)
{
	struct hk_value x, y;

	hk_values_get(a, key, &x);
	hk_values_get(b, key, &y);
	return hk_value_equal(key, &x, &y);
}

/* What both have in common: the fast paths are the same, and so are the slabs. */
static bool may_sample(const struct hk_values *values)
{
	uint64_t level = values->num[HK_KEY_SECURITY];

	return level == HK_SECURITY_BASIC || level == HK_SECURITY_SAMPLED;
}

bool hk_values_need_restart(const struct hk_values *from, const struct hk_values *to, enum hk_key_id key)
{
	if (hk_keys[key].context == HK_CONTEXT_LIVE || hk_values_equal(from, to, key))
		return false;
	return key != HK_KEY_SECURITY || !may_sample(from) || !may_sample(to);
}
