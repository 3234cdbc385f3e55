/* SPDX-License-Identifier: MIT
 *
 * The sandbox of a unit against what the library needs: its file to be seen and executable, the folder of the
 * socket to be writable, AF_UNIX, and system calls. Measured with systemd 252: tests/control/systemd.sh has
 * every case. Lines that would turn into a restriction of their own, should the unit one day lose its, are
 * written whole (RestrictAddressFamilies=) or not at all (SystemCallFilter=).
 */
#include "ctl/needs.h"
#include "ctl/program.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOOR_2 "no socket; hakmemctl takes the other way, through /proc (as root)"

/* "-/path", "+/path", "/path:options" → the bare path, /var/run as what it is a link to; its length, or 0 if
 * it is no path. */
static size_t bare(const char *word, const char **ret_path, bool destination)
{
	const char *colon;

	word += strspn(word, "-+");
	colon = strchr(word, ':');
	if (destination && colon != NULL && colon[1] == '/')
		word = colon + 1;
	if (strncmp(word, "/var/run/", 9) == 0)
		word += 4;
	*ret_path = word;
	return word[0] == '/' ? strcspn(word, ":") : 0;
}

/* How much of path the deepest entry of the list covers (1 for "/"), or 0; the entry's text is not kept. */
static size_t covers(const struct hk_unit *unit, const char *property, bool destination, const char *path)
{
	struct hk_words words = hk_unit_words(hk_unit_get(unit, property));
	size_t best = 0;

	for (unsigned i = 0; i < words.n; i++) {
		const char *entry;
		size_t n = bare(words.at[i], &entry, destination);
		while (n > 1 && entry[n - 1] == '/')
			n--;
		if (n > best && strncmp(entry, path, n) == 0 && (n == 1 || path[n] == '/' || path[n] == '\0'))
			best = n;
	}
	return best;
}

/* The key because of which path is not there for the unit; NULL if it is. */
static const char *hidden_by(const struct hk_unit *unit, const char *path)
{
	static const char *const homes[] = {"/home/", "/root/", "/run/user/"};
	const char *home = hk_unit_get(unit, "ProtectHome");
	size_t bind =
	        hk_max(covers(unit, "BindPaths", true, path), covers(unit, "BindReadOnlyPaths", true, path));

	if (covers(unit, "InaccessiblePaths", false, path) > 0)
		return "InaccessiblePaths";
	if (covers(unit, "TemporaryFileSystem", false, path) > bind)
		return "TemporaryFileSystem";
	if (hk_unit_is(unit, "PrivateTmp", "yes") && bind == 0 &&
	    (strncmp(path, "/tmp/", 5) == 0 || strncmp(path, "/var/tmp/", 9) == 0))
		return "PrivateTmp";
	for (size_t i = 0; i < HK_COUNT(homes) && bind == 0; i++)
		if ((strcmp(home, "yes") == 0 || strcmp(home, "tmpfs") == 0) &&
		    strncmp(path, homes[i], strlen(homes[i])) == 0)
			return "ProtectHome";
	return NULL;
}

static const char *where(const struct hk_unit *unit, const struct hk_needs *needs, const char *key)
{
	return hk_unit_where(unit, key, needs->dropin);
}

/* Our own file has this line already: what it does is in force, and cannot be told from the unit's own. */
static bool had_line(const struct hk_needs *needs, const char *key)
{
	return hk_unit_line(needs->dropin, key, NULL, 0) > 0;
}

static void add_line(struct hk_needs *needs, char *reason, const char *format, ...) HK_PRINTF(3, 4);
static void add_line(struct hk_needs *needs, char *reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (needs->nlines < HK_COUNT(needs->lines) &&
	    vasprintf(&needs->lines[needs->nlines], format, args) >= 0)
		needs->reasons[needs->nlines++] = reason;
	va_end(args);
}

static char *reason_of(const struct hk_unit *unit, const struct hk_needs *needs, const char *key)
{
	char *reason = NULL;

	if (asprintf(&reason, "%s= in %s", key, where(unit, needs, key)) < 0)
		return NULL;
	return reason;
}

/* ---- the library ---- */

static void find_user(const struct hk_unit *unit, struct hk_needs *needs, struct hk_findings *all)
{
	const char *name = hk_unit_get(unit, "User");
	const struct passwd *user = name[0] != '\0' ? getpwnam(name) : NULL;

	needs->user = 0;
	if (hk_unit_is(unit, "DynamicUser", "yes"))
		needs->user = 65534;
	else if (name[0] != '\0' && strspn(name, "0123456789") == strlen(name))
		needs->user = (uid_t) strtoul(name, NULL, 10);
	else if (user != NULL)
		needs->user = user->pw_uid;
	else if (name[0] != '\0') {
		needs->user = HK_RUNNER_ANYBODY;
		hk_found(all, HK_NOTE, "unit", "its user '%s' is not known here (%s)", name,
		         where(unit, needs, "User"));
	}
}

/* NoExecPaths=: nothing may be executed, a library neither, but what ExecPaths= says. */
static void library_executable(const struct hk_unit *unit, struct hk_needs *needs, struct hk_findings *all)
{
	char real[PATH_MAX];
	size_t closed, open;

	if (hk_library_noexec(needs->library)) {
		hk_found(all, HK_PROBLEM, "library", "%s is on a file system that is mounted noexec",
		         needs->library);
		hk_remedy(all, "install it on another one, or mount that one with exec");
	}
	if (realpath(needs->library, real) == NULL)
		return;
	closed = covers(unit, "NoExecPaths", false, real);
	open = covers(unit, "ExecPaths", false, real);
	if (closed > 0 && (closed >= open || had_line(needs, "ExecPaths")))
		add_line(needs, reason_of(unit, needs, "NoExecPaths"), "ExecPaths=%s", needs->library);
}

static void library_visible(const struct hk_unit *unit, struct hk_needs *needs, struct hk_findings *all)
{
	const char *root = hk_unit_get(unit, "RootDirectory"), *image = hk_unit_get(unit, "RootImage"), *key;
	char inside[2 * PATH_MAX], *why;

	if (image[0] != '\0') {
		hk_found(all, HK_PROBLEM, "library",
		         "RootImage=%s (%s): only what is in the image can be loaded", image,
		         where(unit, needs, "RootImage"));
		hk_remedy(all,
		          "BindReadOnlyPaths=%s in a drop-in of yours and the path as mount point in the "
		          "image; then "
		          "Environment=LD_PRELOAD=%s there",
		          needs->library, needs->library);
		return;
	}
	snprintf(inside, sizeof inside, "%s%s", root, needs->library);
	key = hidden_by(unit, needs->library);
	if (key != NULL) {
		hk_found(all, HK_PROBLEM, "library", "%s is hidden from the unit by %s= (%s)", needs->library,
		         key, where(unit, needs, key));
		hk_remedy(all, "BindReadOnlyPaths=%s in a drop-in of yours, or install the library elsewhere",
		          needs->library);
	} else if (root[0] != '\0' && access(inside, R_OK) != 0 &&
	           covers(unit, "BindReadOnlyPaths", true, needs->library) == 0) {
		hk_found(all, HK_PROBLEM, "library", "RootDirectory=%s (%s) has no %s", root,
		         where(unit, needs, "RootDirectory"), needs->library);
		hk_remedy(all, "BindReadOnlyPaths=%s in a drop-in of yours, or a copy there", needs->library);
	} else if (!hk_library_readable(needs->library, needs->user, &why)) {
		hk_found(all, HK_PROBLEM, "library", "%s cannot be read by the unit (User=%s, %s): %s",
		         needs->library, hk_unit_get(unit, "User"), where(unit, needs, "User"), why);
		hk_remedy(all, "install it where everybody can read it (make install: to %s)", HK_LIBDIR);
	} else {
		library_executable(unit, needs, all);
		if (!hk_found_any(all, HK_PROBLEM, "library"))
			hk_found(all, HK_FINE, "library", "%s can be loaded from within the unit",
			         needs->library);
	}
}

/* ---- the socket ---- */

static const char *root_key(const struct hk_unit *unit)
{
	if (hk_unit_get(unit, "RootImage")[0] != '\0')
		return "RootImage";
	return hk_unit_get(unit, "RootDirectory")[0] != '\0' ? "RootDirectory" : NULL;
}

/* Where the folder is read-only for the unit: the key, and how deep. */
static size_t read_only_by(const struct hk_unit *unit, const char *dir, const char **ret_key)
{
	size_t depth = covers(unit, "ReadOnlyPaths", false, dir);
	const bool dynamic = hk_unit_is(unit, "DynamicUser", "yes");

	*ret_key = "ReadOnlyPaths";
	if (depth == 0 && (dynamic || hk_unit_is(unit, "ProtectSystem", "strict"))) {
		*ret_key = dynamic ? "DynamicUser" : "ProtectSystem";
		depth = 1;
	}
	return depth;
}

static bool socket_folder(const struct hk_unit *unit, struct hk_needs *needs, struct hk_findings *all)
{
	const char *dir = needs->control_dir, *key = hidden_by(unit, dir);
	size_t closed, open = hk_max(covers(unit, "ReadWritePaths", false, dir),
	                             covers(unit, "BindPaths", true, dir));

	if (key == NULL)
		key = root_key(unit);
	if (key != NULL && covers(unit, "BindPaths", true, dir) == 0) {
		hk_found(all, HK_NOTE, "socket", "%s is out of its reach by %s= (%s): " DOOR_2, dir, key,
		         where(unit, needs, key));
		return false;
	}
	closed = read_only_by(unit, dir, &key);
	if (closed >= strlen(dir)) {
		hk_found(all, HK_NOTE, "socket", "%s is read-only by %s= (%s): " DOOR_2, dir, key,
		         where(unit, needs, key));
		return false;
	}
	if (closed > 0 && (open <= closed || had_line(needs, "ReadWritePaths")))
		add_line(needs, reason_of(unit, needs, key), "ReadWritePaths=-%s", dir);
	return true;
}

/*
 * AF_UNIX where families are restricted. The whole list is written and not the one name: should the unit lose
 * its list with an update, the one name would become a list that forbids all others.
 */
static void socket_family(const struct hk_unit *unit, struct hk_needs *needs)
{
	const char *value = hk_unit_get(unit, "RestrictAddressFamilies");
	struct hk_words words = hk_unit_words(value + (value[0] == '~'));
	const bool denies = value[0] == '~', had = had_line(needs, "RestrictAddressFamilies");
	char rest[1024] = "";
	bool unix_named = false;

	if (hk_unit_next(unit, "RestrictAddressFamilies", NULL) == NULL)
		return; /* a systemd that does not tell */
	for (unsigned i = 0; i < words.n; i++) {
		if (strcmp(words.at[i], "AF_UNIX") == 0) {
			unix_named = true;
			continue;
		}
		if (strlen(rest) + strlen(words.at[i]) + 2 >= sizeof rest)
			return;
		strcat(strcat(rest, rest[0] != '\0' ? " " : ""), words.at[i]);
	}
	if (denies && unix_named) {
		add_line(needs, reason_of(unit, needs, "RestrictAddressFamilies"),
		         "RestrictAddressFamilies=");
		if (rest[0] != '\0')
			add_line(needs, NULL, "RestrictAddressFamilies=~%s", rest);
	} else if (!denies && (!unix_named || had)) {
		add_line(needs, reason_of(unit, needs, "RestrictAddressFamilies"),
		         "RestrictAddressFamilies=%s%sAF_UNIX", rest, rest[0] != '\0' ? " " : "");
	} else if (denies && had) {
		add_line(needs, reason_of(unit, needs, "RestrictAddressFamilies"),
		         "RestrictAddressFamilies=");
		add_line(needs, NULL, "RestrictAddressFamilies=~%s", rest);
	}
}

/* ---- system calls ---- */

#ifdef __x86_64__
#define UNLINK "unlink"
#else
#define UNLINK "unlinkat"
#endif

/* The first of the calls that the filter forbids, or NULL. */
static const char *forbidden(const struct hk_unit *unit, const char *const *calls)
{
	const char *value = hk_unit_next(unit, "SystemCallFilter", NULL);
	const bool denies = value != NULL && value[0] == '~';
	struct hk_words words;

	if (value == NULL)
		return NULL;
	words = hk_unit_words(value + denies);
	for (; *calls != NULL; calls++) {
		bool named = false;
		size_t n = strlen(*calls);
		for (unsigned i = 0; i < words.n && !named; i++)
			named = strncmp(words.at[i], *calls, n) == 0 &&
			        (words.at[i][n] == '\0' || words.at[i][n] == ':');
		if (named == denies)
			return *calls;
	}
	return NULL;
}

/* Of the control thread. */
static const char *const thread_calls[] = {"socket", "bind",   "listen",   "accept4", "connect", "getsockopt",
                                           "sendto", "recvfrom", "poll",   "prctl",   "close_range", "pidfd_open",
                                           "fchmod", "chmod",  UNLINK,     NULL};

/* What is forbidden ends the process; otherwise it fails. */
static bool filter_kills(const struct hk_unit *unit)
{
	const char *error = hk_unit_get(unit, "SystemCallErrorNumber");

	return error[0] == '\0' || strlen(error) > 4 || strcmp(error, "0") == 0; /* an errno has up to four digits */
}

const char *hk_needs_deadly_call(const struct hk_unit *unit)
{
	return filter_kills(unit) ? forbidden(unit, thread_calls) : NULL;
}

static void system_calls(const struct hk_unit *unit, struct hk_needs *needs, struct hk_findings *all)
{
	/* Besides those that systemd always permits and no program starts without. */
	static const char *const always[] = {"madvise", "mremap", NULL};
	static const char *const batches[] = {"process_madvise", NULL}; /* under a filter the library does not try */
	const char *call = forbidden(unit, always);
	const bool kills = filter_kills(unit);

	if (call != NULL && kills) {
		hk_found(all, HK_PROBLEM, "filter",
		         "SystemCallFilter= (%s) forbids %s, which the library calls: the kernel would end "
		         "the service",
		         where(unit, needs, "SystemCallFilter"), call);
		hk_remedy(all, "SystemCallFilter=madvise mremap in a drop-in of yours, or "
		               "SystemCallErrorNumber=EPERM");
	} else if (call != NULL) {
		hk_found(all, HK_NOTE, "filter",
		         "SystemCallFilter= (%s) forbids %s: less memory is given back",
		         where(unit, needs, "SystemCallFilter"), call);
	}
	call = forbidden(unit, batches);
	if (call != NULL)
		hk_found(all, HK_NOTE, "filter", "SystemCallFilter= (%s) forbids %s: free memory goes back a block a call",
		         where(unit, needs, "SystemCallFilter"), call);
	call = forbidden(unit, thread_calls);
	if (call == NULL)
		return;
	hk_found(all, kills && needs->control ? HK_PROBLEM : HK_NOTE, "filter",
	         "SystemCallFilter= (%s) forbids %s: with "
	         "control = on %s",
	         where(unit, needs, "SystemCallFilter"), call,
	         kills ? "the kernel would end the service" : "there is no socket");
	hk_remedy(all, kills && needs->control
	                       ? "control = off for this unit, or " HK_FILTER_REMEDY " in a drop-in of yours"
	                       : "none is needed: hakmemctl takes the other way, through /proc (as root)");
}

void hk_needs_find(const struct hk_unit *unit, struct hk_needs *needs, struct hk_findings *all)
{
	find_user(unit, needs, all);
	hk_needs_launch(unit, needs, all);
	library_visible(unit, needs, all);
	if (!needs->no_socket && socket_folder(unit, needs, all))
		socket_family(unit, needs);
	system_calls(unit, needs, all);
}
