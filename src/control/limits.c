/* SPDX-License-Identifier: MIT
 *
 * Limits that lie below what the processes of a service have in use already: the operator has to know what that does,
 * and set puts such a hard_limit in force only when told twice.
 */
#include "control/call.h"

#include "control/slots.h"

#include <stdio.h>

/* Who is above a limit. */
struct above {
	unsigned processes, all;
	uint32_t pid; /* the one that has most … */
	uint64_t most; /* … bytes */
};

/* What hard_limit counts, as far as counters tell: whole slabs, and large blocks. */
static uint64_t used_bytes(const struct hk_slot *slot)
{
	struct hk_summary summary;

	hk_stats_summarise(&slot->counters, &summary);
	return summary.slab_bytes + summary.large_live_bytes;
}

static void look(const struct hk_request *request, uint64_t limit, struct above *ret)
{
	const struct hk_block *block = request->block;

	*ret = (struct above){.all = 0};
	for (unsigned i = 0, n = hk_slot_count(block); i < n; i++) {
		const struct hk_slot *slot = hk_slot_live(block, request->root, i);
		uint64_t bytes;

		if (slot == NULL)
			continue;
		bytes = used_bytes(slot);
		ret->all++;
		ret->processes += bytes > limit;
		if (bytes > ret->most) {
			ret->most = bytes;
			ret->pid = atomic_load_explicit(&slot->pid, memory_order_relaxed);
		}
	}
}

/* "hard_limit = 1M is below what is in use: pid 7 has 12.3M"; false if it is not. */
static bool is_below(const struct hk_call *call, enum hk_key_id key, char *text, size_t size)
{
	uint64_t limit = hk_config_num(&call->values->config, key);
	char value[HK_VALUE_MAX], who[64] = "";
	struct above above;

	if (limit == 0)
		return false;
	look(call->request, limit, &above);
	if (above.processes == 0)
		return false;
	if (above.all > 1)
		(void) snprintf(who, sizeof(who), "; %u of %u processes are above it", above.processes, above.all);
	(void) snprintf(text, size, "%s = %s is below what is in use: pid %u has %llu.%lluM%s", hk_keys[key].name,
	                hk_values_format(&call->values->config.values, key, value), above.pid,
	                (unsigned long long) (above.most >> 20), (unsigned long long) ((above.most >> 10 & 1023) * 10 / 1024), who);
	return true;
}

static void report(struct hk_call *call, enum hk_key_id key, const char *then)
{
	char text[HK_DIAG_MAX], sentence[HK_DIAG_MAX];

	if (!is_below(call, key, text, sizeof(text)))
		return;
	(void) snprintf(sentence, sizeof(sentence), "%.*s: %s", HK_DIAG_MAX / 2, text, then);
	hk_json_text(&call->json, NULL, sentence);
}

int hk_limits_refuse(struct hk_call *call)
{
	char text[HK_DIAG_MAX];

	if (!is_below(call, HK_KEY_HARD_LIMIT, text, sizeof(text)))
		return 0;
	return hk_call_refuse(call, "%.*s: new memory would be refused (ENOMEM) until enough is freed. Nothing was changed; "
	                      "set --force does it all the same", HK_DIAG_MAX / 2, text);
}

void hk_report_limits(struct hk_call *call, uint64_t keys)
{
	if ((keys >> HK_KEY_HARD_LIMIT & 1) != 0)
		report(call, HK_KEY_HARD_LIMIT, "new memory is refused (ENOMEM) until enough is freed, raise it");
	if ((keys >> HK_KEY_SOFT_LIMIT & 1) != 0)
		report(call, HK_KEY_SOFT_LIMIT, "trimming cannot get below that, and goes on while the heap grows, raise it");
}
