/* SPDX-License-Identifier: MIT
 *
 * The knobs before and after the configuration is known. Until hk_knobs_apply runs (malloc is called
 * before any constructor), the values here hold: those of the balanced mode.
 */
#include "core/knobs.h"

#include "core/large.h"
#include "core/pageheap.h"
#include "core/sample.h"
#include "core/sizeclass.h"

static _Atomic uint64_t no_pulse[2];

struct hk_knobs hk_knobs = {
	.epoch = 1,
	.tinypool = 1,
	.bigcache = 1,
	.batch = 1,
	.security = HK_SECURITY_BASIC,
	.free_policy = HK_FREE_ADAPTIVE,
	.thp = HK_THP_AUTO,
	.batch_max = 64,
	.sample_rate = 10000,
	.purge_delay_ns = 1000000000U,
	.bigcache_limit = 4 * HK_GIB,
	.bigcache_max_block = HK_GIB,
	.tinypool_limit = HK_MIB,
};

struct hk_hooks hk_hooks = {.pulse = no_pulse};

/* Does any value change that thread caches have copied? */
static bool caches_concerned(const struct hk_config *config)
{
	return HK_KNOB(tinypool) != hk_config_num(config, HK_KEY_TINYPOOL) ||
	       HK_KNOB(security) != hk_config_num(config, HK_KEY_SECURITY) ||
	       HK_KNOB(tinypool_limit) != hk_config_num(config, HK_KEY_TINYPOOL_LIMIT) ||
	       HK_KNOB(sample_rate) != hk_config_num(config, HK_KEY_SAMPLE_RATE);
}

static void follow_sampling(unsigned security)
{
	if (security == HK_SECURITY_SAMPLED)
		hk_sample_begin();
	else if (HK_KNOB(security) == HK_SECURITY_SAMPLED)
		hk_sample_end();
}

void hk_knobs_apply(const struct hk_config *config)
{
	bool concerned = caches_concerned(config);
	uint8_t thp = (uint8_t) hk_config_num(config, HK_KEY_THP);

	/* Arenas that exist, too. Under auto each extent gets its own advice; what on gave to all is taken back. */
	if (thp != HK_KNOB(thp) && (thp != HK_THP_AUTO || HK_KNOB(thp) == HK_THP_ON))
		hk_pageheap_huge(thp == HK_THP_ON);

	HK_KNOB_SET(tinypool, (uint8_t) hk_config_num(config, HK_KEY_TINYPOOL));
	HK_KNOB_SET(bigcache, (uint8_t) hk_config_num(config, HK_KEY_BIGCACHE));
	HK_KNOB_SET(batch, (uint8_t) hk_config_num(config, HK_KEY_BATCH));
	follow_sampling((unsigned) hk_config_num(config, HK_KEY_SECURITY));
	HK_KNOB_SET(sample_rate, (uint32_t) hk_config_num(config, HK_KEY_SAMPLE_RATE));
	HK_KNOB_SET(security, (uint8_t) hk_config_num(config, HK_KEY_SECURITY));
	if (HK_KNOB(security) == HK_SECURITY_FULL)
		hk_sizeclass_distrust(); /* a block's seal knows its size better than its class does */
	HK_KNOB_SET(free_policy, (uint8_t) hk_config_num(config, HK_KEY_FREE_POLICY));
	HK_KNOB_SET(thp, thp);
	HK_KNOB_SET(batch_max, (uint16_t) hk_config_num(config, HK_KEY_BATCH_MAX));
	HK_KNOB_SET(purge_delay_ns, hk_config_num(config, HK_KEY_PURGE_DELAY));
	HK_KNOB_SET(bigcache_limit, hk_config_num(config, HK_KEY_BIGCACHE_LIMIT));
	HK_KNOB_SET(bigcache_max_block, hk_config_num(config, HK_KEY_BIGCACHE_MAX_BLOCK));
	HK_KNOB_SET(tinypool_limit, hk_config_num(config, HK_KEY_TINYPOOL_LIMIT));
	HK_KNOB_SET(soft_limit, hk_config_num(config, HK_KEY_SOFT_LIMIT));
	HK_KNOB_SET(hard_limit, hk_config_num(config, HK_KEY_HARD_LIMIT));
	hk_bigcache_fit();
	if (concerned)
		atomic_fetch_add_explicit(&hk_knobs.epoch, 1, memory_order_release);
}
