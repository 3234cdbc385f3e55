/* SPDX-License-Identifier: MIT
 *
 * run: a command with the library preloaded. The command takes our place (exec), so that signals,
 * terminal and exit status are its own. Variables that are set already pass through.
 */
#include "config/doc.h"
#include "ctl/ctl.h"
#include "ctl/needs.h"
#include "ctl/output.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_NOT_EXECUTABLE 126 /* as shells have it */
#define EXIT_NOT_FOUND 127

static int preload(void)
{
	const char *before = getenv("LD_PRELOAD");
	char library[PATH_MAX];
	char *list;
	int r = 0;

	if (!hk_library_find(library, sizeof library, true))
		return HK_EXIT_FAILED;
	if (before != NULL && before[0] != '\0') {
		if (strstr(before, HK_LIBRARY_NAME) != NULL)
			return 0;
		r = asprintf(&list, "%s:%s", library, before);
	} else {
		list = library;
	}
	if (r < 0 || setenv("LD_PRELOAD", list, 1) != 0)
		return hk_ctl_fail(HK_EXIT_FAILED, "%s", strerror(errno));
	return 0;
}

static int check_mode(const struct hk_ctl *ctl, const char *mode)
{
	const char *near = NULL;

	if (hk_doc_mode_exists(hk_ctl_sections(&ctl->identity), mode, &near))
		return 0;
	return hk_ctl_fail(HK_EXIT_USAGE, "unknown mode '%s'%s%s%s", mode, near != NULL ? ": did you mean '" : "",
	                   near != NULL ? near : "", near != NULL ? "'?" : "");
}

int hk_ctl_setting(const struct hk_ctl *ctl, char *word, const char *hint, const char **ret_name, const char **ret_value)
{
	char *equals = strchr(word, '='), why[HK_DIAG_MAX];
	const char *near = NULL;
	struct hk_value value;
	enum hk_key_id key;

	if (equals == NULL || equals == word)
		return hk_ctl_usage(ctl, "'%s' is not KEY=VALUE, without blanks%s", word, hint);
	*equals = '\0';
	*ret_value = equals + 1;
	*ret_name = "HAKMEM_MODE";
	if (strcasecmp(word, "mode") == 0)
		return check_mode(ctl, equals + 1);
	if (hk_key_find(word, &key, &near) < 0)
		return hk_ctl_fail(HK_EXIT_USAGE, "unknown key '%s'%s%s%s", word, near != NULL ? ": did you mean '" : "",
		                   near != NULL ? near : "", near != NULL ? "'?" : "");
	if (hk_value_parse(key, equals + 1, &value, why, sizeof why) < 0)
		return hk_ctl_fail(HK_EXIT_USAGE, "%s", why);
	*ret_name = hk_keys[key].env;
	return 0;
}

/* One KEY=VALUE, checked, into the environment. */
static int set_variable(const struct hk_ctl *ctl, char *word)
{
	const char *name, *value;
	int status = hk_ctl_setting(ctl, word, " (the command goes behind --)", &name, &value);

	if (status == 0 && setenv(name, value, 1) != 0)
		return hk_ctl_fail(HK_EXIT_FAILED, "%s", strerror(errno));
	return status;
}

/* The service will go on without what is wrong, and tell it in `status`; whoever starts it by hand is told now. */
static void warn_of_variables(void)
{
	struct hk_overlay overlay = {0};
	struct hk_identity identity = {0};
	struct hk_diags diags = {0};
	static struct hk_config config;

	hk_env_read(environ, &overlay, &identity, &diags);
	hk_config_resolve(&identity, &overlay, NULL, NULL, &config, &diags);
	for (uint32_t i = 0; i < hk_min(diags.count, HK_DIAGS); i++)
		fprintf(stderr, "hakmemctl: warning: %s\n", hk_out_safe(diags.text[i]));
	if (diags.count > HK_DIAGS)
		fprintf(stderr, "hakmemctl: warning: %u more: hakmemctl check shows those of the files\n", (unsigned) (diags.count - HK_DIAGS));
}

int hk_do_exec(struct hk_ctl *ctl)
{
	int status = 0, error;

	for (int i = 0; status == 0 && i < ctl->nargs; i++)
		status = set_variable(ctl, ctl->args[i]);
	if (status == 0 && ctl->nrest == 0)
		return hk_ctl_usage(ctl, "there is no COMMAND behind --");
	if (status == 0)
		status = preload();
	if (status != 0)
		return status;
	unsetenv("HAKMEM_LIB"); /* ours alone: the library would report an unknown variable */
	warn_of_variables();
	execvp(ctl->rest[0], ctl->rest);
	error = errno;
	hk_ctl_fail(0, "%s: %s", ctl->rest[0], strerror(error));
	return error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}
