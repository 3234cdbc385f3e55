/* SPDX-License-Identifier: MIT
 *
 * The section [hakmemd]. The files are read as a service reads them, with a taker for the lines that
 * services pass over. A key that two files set is the later one's, as for every other section.
 */
#include "ctl/settings.h"
#include "config/doc.h"
#include "config/name.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum key {
#define HK_DAEMON_KEY(id, ...) KEY_##id,
#include "config/daemon.def"
#undef HK_DAEMON_KEY
	KEY_COUNT
};

static const struct {
	const char *name, *fallback;
} keys[] = {
#define HK_DAEMON_KEY(id, name, fallback, doc) {#name, fallback},
#include "config/daemon.def"
#undef HK_DAEMON_KEY
};

struct taker {
	struct hk_settings *settings;
	struct hk_diags *diags;
	unsigned file;
	uint32_t line[KEY_COUNT]; /* where file gives it, 0: not yet */
};

/* ---- addresses ---- */

static int complain(char *why, size_t size, const char *text, const char *what)
{
	snprintf(why, size, "metrics_listen = '%.60s': %s (127.0.0.1:9477, [::1]:9477, /run/hakmemd/metrics.sock or off)",
	         text, what);
	return -EINVAL;
}

static bool parse_port(const char *text, in_port_t *ret)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (!hk_is_digit(text[0]) || *end != '\0' || port == 0 || port > 65535)
		return false;
	*ret = htons((in_port_t) port);
	return true;
}

static int parse_path(const char *text, struct sockaddr_storage *ret, socklen_t *ret_size, char *why, size_t why_size)
{
	struct sockaddr_un *address = (struct sockaddr_un *) ret;

	if (strlen(text) >= sizeof address->sun_path)
		return complain(why, why_size, text, "the path is too long for a socket");
	address->sun_family = AF_UNIX;
	strcpy(address->sun_path, text);
	*ret_size = sizeof *address;
	return 0;
}

int hk_settings_address(const char *text, struct sockaddr_storage *ret, socklen_t *ret_size, char *why, size_t why_size)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *) ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) ret;
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2];
	size_t n = colon != NULL ? (size_t) (colon - text) : 0;
	bool brackets = n > 2 && text[0] == '[' && text[n - 1] == ']';

	memset(ret, 0, sizeof *ret);
	if (text[0] == '/')
		return parse_path(text, ret, ret_size, why, why_size);
	if (n == 0 || n >= sizeof host)
		return complain(why, why_size, text, "neither ADDRESS:PORT nor a path");
	snprintf(host, sizeof host, "%.*s", (int) (brackets ? n - 2 : n), text + brackets);
	if (!parse_port(colon + 1, brackets ? &v6->sin6_port : &v4->sin_port))
		return complain(why, why_size, text, "the port is not a number from 1 to 65535");
	if (brackets ? inet_pton(AF_INET6, host, &v6->sin6_addr) != 1 : inet_pton(AF_INET, host, &v4->sin_addr) != 1)
		return complain(why, why_size, text, "the address must be numeric");
	ret->ss_family = brackets ? AF_INET6 : AF_INET;
	*ret_size = brackets ? sizeof *v6 : sizeof *v4;
	return 0;
}

/* ---- lines ---- */

static bool is_off(const char *value)
{
	return value[0] == '\0' || hk_name_equal(value, "off") || hk_name_equal(value, "no");
}

/* Returns false with a sentence in why. */
static bool take_value(struct hk_settings *settings, enum key key, const char *value, char *why, size_t why_size)
{
	struct sockaddr_storage address;
	socklen_t size;

	if (key == KEY_METRICS_LISTEN) {
		if (!is_off(value) && hk_settings_address(value, &address, &size, why, why_size) != 0)
			return false;
		snprintf(settings->listen, sizeof settings->listen, "%s", is_off(value) ? "" : value);
		return true;
	}
	settings->reload = hk_name_equal(value, "auto");
	if (settings->reload || hk_name_equal(value, "manual"))
		return true;
	snprintf(why, why_size, "reload = '%.60s': in [hakmemd] it is auto or manual", value);
	return false;
}

static int find_key(const char *name, const char **ret_near)
{
	struct hk_near near = {.want = name};

	for (int k = 0; k < KEY_COUNT; k++) {
		if (hk_name_equal(name, keys[k].name))
			return k;
		hk_near_offer(&near, keys[k].name);
	}
	*ret_near = near.best;
	return -1;
}

static void take_line(struct hk_doc *doc, unsigned file, uint32_t line, const char *name, const char *value)
{
	struct taker *taker = doc->daemon_data;
	struct hk_settings next = *taker->settings;
	struct hk_diags *others = doc->diags;
	const char *near = NULL;
	char why[HK_DIAG_MAX];
	int k = find_key(name, &near);

	if (taker->file != file)
		memset(taker->line, 0, sizeof taker->line);
	taker->file = file;
	doc->diags = taker->diags;
	if (k < 0)
		hk_doc_error(doc, file, line, "unknown key '%.60s' in [hakmemd]%s%s%s", name,
		             near != NULL ? ": did you mean '" : "", near != NULL ? near : "", near != NULL ? "'?" : "");
	else if (taker->line[k] != 0)
		hk_doc_error(doc, file, line, "duplicate '%s': this section has it in line %u already", keys[k].name,
		             (unsigned) taker->line[k]);
	else if (!take_value(&next, (enum key) k, value, why, sizeof why))
		hk_doc_error(doc, file, line, "%s", why);
	else
		*taker->settings = next;
	if (k >= 0 && taker->line[k] == 0)
		taker->line[k] = line;
	doc->diags = others;
}

void hk_settings_read(const struct hk_identity *identity, struct hk_settings *ret, struct hk_diags *diags)
{
	struct hk_diags ignored = {.count = 0};
	struct taker taker = {.settings = ret, .diags = diags};
	struct hk_doc doc = {.identity = identity, .diags = &ignored, .daemon = take_line, .daemon_data = &taker};
	char why[HK_DIAG_MAX];

	memset(ret, 0, sizeof *ret);
	for (int k = 0; k < KEY_COUNT; k++)
		(void) take_value(ret, (enum key) k, keys[k].fallback, why, sizeof why);
	(void) hk_doc_read(&doc);
	hk_doc_drop(&doc);
}
