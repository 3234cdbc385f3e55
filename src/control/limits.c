/* SPDX-License-Identifier: MIT
 *
 * Limits that lie below what the processes of a service have in use already: they are put in force, but the
 * operator has to know what that does.
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

static void report(struct hk_call *call, enum hk_key_id key, const char *then)
{
	uint64_t limit = hk_config_num(&call->values->config, key);
	char text[HK_DIAG_MAX], value[HK_VALUE_MAX], who[64] = "";
	struct above above;

	if (limit == 0)
		return;
	look(call->request, limit, &above);
	if (above.processes == 0)
		return;
	if (above.all > 1)
		(void) snprintf(who, sizeof(who), "; %u of %u processes are above it", above.processes, above.all);
	(void) snprintf(text, sizeof(text), "%s = %s is below what is in use: pid %u has %llu.%llu MiB%s: %s",
	                hk_keys[key].name, hk_values_format(&call->values->config.values, key, value), above.pid,
	                (unsigned long long) (above.most >> 20), (unsigned long long) ((above.most >> 10 & 1023) * 10 / 1024),
	                who, then);
	hk_json_text(&call->json, NULL, text);
}

void hk_report_limits(struct hk_call *call, uint64_t keys)
{
	if ((keys >> HK_KEY_HARD_LIMIT & 1) != 0)
		report(call, HK_KEY_HARD_LIMIT, "new memory is refused (ENOMEM) until enough is freed, raise it");
	if ((keys >> HK_KEY_SOFT_LIMIT & 1) != 0)
		report(call, HK_KEY_SOFT_LIMIT, "trimming cannot get below that, and goes on while the heap grows, raise it");
}
