/* SPDX-License-Identifier: MIT
 *
 * What each number of stats means: one line each, for stats itself, its help, and hakmemctl(1).
 */
#ifndef HK_CTL_COUNTER_DOCS_H
#define HK_CTL_COUNTER_DOCS_H

struct hk_counter_doc {
	const char *name; /* as in the reply; "" heads a group */
	const char *doc;
};
extern const struct hk_counter_doc hk_counter_docs[]; /* ends with name == NULL */

/* The line for name, or "". */
const char *hk_counter_doc(const char *name);

#endif
