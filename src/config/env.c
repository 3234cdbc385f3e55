/* SPDX-License-Identifier: MIT
 *
 * The HAKMEM_* variables. envp comes from the caller, since environ may not be there yet. Which of
 * them count (legacy_env) is decided when the files are read; here they are only parsed.
 */
#include "config/config.h"

#include "base/words.h"
#include "config/name.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PREFIX "HAKMEM_"

/* Names from the time before the table: "=1" switches the feature off. */
static const struct {
	char name[24];
	enum hk_key_id key;
} aliases[] = {
        {"HAKMEM_DISABLE_BIGCACHE", HK_KEY_BIGCACHE},
        {"HAKMEM_DISABLE_BATCH", HK_KEY_BATCH},
        {"HAKMEM_DISABLE_ELO", HK_KEY_ELO},
};

/* What one reading carries around. */
struct reading {
	struct hk_overlay *overlay;
	struct hk_identity *identity;
	struct hk_diags *diags;
	bool conf_seen;
};

static void read_mode(struct reading *r, const char *text)
{
	if (r->overlay->mode[0] != '\0')
		return;
	if (hk_name_valid(text))
		(void) hk_text_copy(r->overlay->mode, sizeof(r->overlay->mode), text);
	else
		hk_diag_add(r->diags, true, "HAKMEM_MODE: '%.80s' is no mode's name", text);
}

/* Made absolute, so that a reload finds the same file after a chdir, and hakmemctl finds it at all. */
static void read_conf(struct reading *r, const char *text)
{
	char *conf = r->identity->conf;
	char here[HK_PATH_MAX] = "";
	bool fits;

	if (r->conf_seen)
		return;
	r->conf_seen = true;
	/* The system call says "(unreachable)/..." of a folder outside of the root. */
	if (text[0] != '/' && (syscall(SYS_getcwd, here, sizeof(here)) <= 0 || here[0] != '/')) {
		hk_diag_add(r->diags, true,
		            "HAKMEM_CONF: '%.120s' is relative to a folder without a (short) name that can be reached", text);
		return;
	}
	(void) hk_text_copy(conf, HK_PATH_MAX, here);
	fits = (text[0] == '/' || hk_text_append(conf, HK_PATH_MAX, "/")) && hk_text_append(conf, HK_PATH_MAX, text);
	if (!fits) {
		conf[0] = '\0';
		hk_diag_add(r->diags, true, "HAKMEM_CONF: '%.80s...' is longer than %d bytes", text,
		            HK_PATH_MAX - 1);
	}
}

static void read_key(struct reading *r, enum hk_key_id key, const char *text)
{
	uint64_t bit = (uint64_t) 1 << key;
	struct hk_value value;
	char why[HK_DIAG_MAX];

	/* Twice in envp: the first counts, as for getenv; but the key's own variable outranks an alias. */
	if ((r->overlay->mask & bit) != 0 && (r->overlay->aliased & bit) == 0)
		return;
	if (hk_value_parse(key, text, &value, why, sizeof(why)) == 0) {
		hk_values_put(&r->overlay->values, key, &value);
		r->overlay->mask |= bit;
		r->overlay->aliased &= ~bit;
	} else {
		hk_diag_add(r->diags, true, "%s: %s", hk_keys[key].env, why);
	}
}

static void read_alias(struct reading *r, const char *name, enum hk_key_id key, const char *text)
{
	uint64_t bit = (uint64_t) 1 << key;
	struct hk_value yes;

	if (hk_value_parse(HK_KEY_CONTROL, text, &yes, NULL, 0) != 0) {
		hk_diag_add(r->diags, true, "%s must be 1 (or 0 for no effect), not '%.80s'", name, text);
	} else if (yes.num != 0 && (r->overlay->mask & bit) == 0) {
		r->overlay->values.num[key] = 0;
		r->overlay->mask |= bit;
		r->overlay->aliased |= bit;
	}
}

/* Not an error: the prefix may be somebody else's too. */
static void report_unknown(struct reading *r, const char *name)
{
	struct hk_near near = {.want = name};

	if (strcmp(name, "HAKMEM_LIB") == 0 || strcmp(name, "HAKMEM_UNIT_DIR") == 0)
		return; /* hakmemctl's */
	hk_near_offer(&near, "HAKMEM_MODE");
	hk_near_offer(&near, "HAKMEM_CONF");
	for (int k = 0; k < HK_KEY_COUNT; k++)
		hk_near_offer(&near, hk_keys[k].env);
	for (size_t i = 0; i < HK_COUNT(aliases); i++)
		hk_near_offer(&near, aliases[i].name);
	hk_diag_add(r->diags, false, "unknown variable %.80s%s%s%s", name,
	            near.best != NULL ? ": did you mean " : "", near.best != NULL ? near.best : "",
	            near.best != NULL ? "?" : "");
}

static void read_one(struct reading *r, const char *name, const char *text)
{
	bool empty = text[0] == '\0';

	if (strcmp(name, "HAKMEM_MODE") == 0) {
		if (!empty)
			read_mode(r, text);
		return;
	}
	if (strcmp(name, "HAKMEM_CONF") == 0) {
		if (!empty)
			read_conf(r, text);
		return;
	}
	for (int k = 0; k < HK_KEY_COUNT; k++) {
		if (strcmp(name, hk_keys[k].env) != 0)
			continue;
		/* An empty variable is an unset one, except where nothing is a value. */
		if (!empty || (hk_keys[k].type == HK_TYPE_TEXT && hk_keys[k].min == 0))
			read_key(r, (enum hk_key_id) k, text);
		return;
	}
	for (size_t i = 0; i < HK_COUNT(aliases); i++) {
		if (strcmp(name, aliases[i].name) == 0) {
			if (!empty)
				read_alias(r, name, aliases[i].key, text);
			return;
		}
	}
	report_unknown(r, name);
}

void hk_env_read(char *const *envp, struct hk_overlay *ret, struct hk_identity *identity,
                 struct hk_diags *diags)
{
	struct reading r = {.overlay = ret, .identity = identity, .diags = diags};
	int saved = errno;

	hk_words_clear(ret, sizeof(*ret));
	for (; envp != NULL && *envp != NULL; envp++) {
		const char *equals;
		char name[96];

		if (strncmp(*envp, PREFIX, strlen(PREFIX)) != 0)
			continue;
		equals = strchr(*envp, '=');
		if (equals == NULL)
			continue;
		(void) hk_text_copy(name, hk_min((size_t) (equals - *envp) + 1, sizeof(name)), *envp);
		read_one(&r, name, equals + 1);
	}
	errno = saved;
}
