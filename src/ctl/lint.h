/* SPDX-License-Identifier: MIT
 *
 * What is wrong with the configuration files, found without any process: for hakmemctl check, and for
 * hakmemd before it hands a changed file to the services.
 */
#ifndef HK_CTL_LINT_H
#define HK_CTL_LINT_H

#include <jansson.h>

struct hk_lint {
	json_t *files;    /* those that were read, in order */
	json_t *messages; /* all that was found: objects with level ("error", "warning") and message */
	unsigned errors, warnings;
};

/* Examine one file, or (conf "") the ones that hold on this host. */
void hk_lint_run(const char *conf, struct hk_lint *ret);
void hk_lint_drop(struct hk_lint *lint);

#endif
