/* SPDX-License-Identifier: MIT
 *
 * Variables by which other allocators are tuned. hakmem-migration(7) has for each of them the key to set in its place.
 */
#include "ctl/tuning.h"

#include "ctl/output.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const names[] = {
        "MALLOC_CONF", /* jemalloc; the others are glibc's, but the last, which is gperftools' */
        "MALLOC_ARENA_MAX",
        "MALLOC_ARENA_TEST",
        "MALLOC_CHECK_",
        "MALLOC_MMAP_MAX_",
        "MALLOC_MMAP_THRESHOLD_",
        "MALLOC_PERTURB_",
        "MALLOC_TOP_PAD_",
        "MALLOC_TRIM_THRESHOLD_",
        "HEAPPROFILE",
};

static bool known(const char *assignment, size_t n)
{
	for (size_t i = 0; i < HK_COUNT(names); i++)
		if (strlen(names[i]) == n && strncmp(assignment, names[i], n) == 0)
			return true;
	if (strncmp(assignment, "GLIBC_TUNABLES=", 15) == 0)
		return strstr(assignment, "glibc.malloc.") != NULL;
	/* mimalloc reads its own in lower case, too. */
	return strncasecmp(assignment, "MIMALLOC_", 9) == 0 || strncmp(assignment, "TCMALLOC_", 9) == 0;
}

void hk_tuning_note(const char *assignment, char *found, size_t size)
{
	size_t n = strcspn(assignment, "="), used = strlen(found);

	if (known(assignment, n) && used + n + 3 <= size)
		snprintf(found + used, size - used, "%s%.*s", used > 0 ? ", " : "", (int) n, assignment);
}

void hk_tuning_judge(const char *found, const char *place, struct hk_findings *all)
{
	if (*found == '\0')
		return;
	hk_found(all, HK_NOTE, "variables", "%s in %s: no effect under hakmem", hk_out_safe(found), place);
	hk_remedy(all, "hakmem-migration(7) tells what to set instead");
}
