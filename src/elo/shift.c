/* SPDX-License-Identifier: MIT
 *
 * Profiles are compared by their total variation, the largest difference that two distributions can show for any
 * set of sizes. 256 draws from one distribution over 16 bands stay within 0.2 of it nearly always.
 */
#include "elo/shift.h"

#include <string.h>

#define SETTLE 4       /* looks that make the first profile */
#define DIFFERENT 0.4F /* total variation */
#define PATIENCE 8     /* strange looks in a row: 2,048 allocations */
#define FOLLOW 0.0625F /* share of a look in the profile that it is like: slow changes are no shift */

static float distance(const struct hk_profile *a, const struct hk_profile *b)
{
	float sum = 0;

	for (size_t i = 0; i < HK_SIZE_BANDS; i++)
		sum += a->share[i] > b->share[i] ? a->share[i] - b->share[i] : 0;
	return sum;
}

static void blend(struct hk_profile *into, const struct hk_profile *look, float weight)
{
	for (size_t i = 0; i < HK_SIZE_BANDS; i++)
		into->share[i] += weight * (look->share[i] - into->share[i]);
}

static bool profile_of(const uint64_t *counts, struct hk_profile *ret)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < HK_SIZE_BANDS; i++)
		sum += counts[i];
	for (size_t i = 0; i < HK_SIZE_BANDS && sum > 0; i++)
		ret->share[i] = (float) counts[i] / (float) sum;
	return sum > 0;
}

static struct hk_profile *nearest(struct hk_shift *shift, const struct hk_profile *look, float *ret_distance)
{
	struct hk_profile *best = &shift->known[0];

	*ret_distance = distance(best, look);
	for (uint32_t i = 1; i < shift->nknown; i++) {
		float d = distance(&shift->known[i], look);

		if (d < *ret_distance) {
			*ret_distance = d;
			best = &shift->known[i];
		}
	}
	return best;
}

static void settle(struct hk_shift *shift, const struct hk_profile *look)
{
	shift->settled++;
	blend(&shift->known[0], look, 1.0F / (float) shift->settled);
	if (shift->settled == SETTLE)
		shift->nknown = shift->next = 1;
}

/* The strange profile becomes a known one, in the place of the oldest. */
static void learn(struct hk_shift *shift)
{
	shift->known[shift->next % HK_SHIFT_PROFILES] = shift->strange;
	shift->next = (shift->next + 1) % HK_SHIFT_PROFILES;
	shift->nknown += shift->nknown < HK_SHIFT_PROFILES;
	shift->nstrange = 0;
}

bool hk_shift_look(struct hk_shift *shift, const uint64_t *counts)
{
	struct hk_profile look, *like;
	float d;

	if (!profile_of(counts, &look))
		return false;
	if (shift->nknown == 0) {
		settle(shift, &look);
		return false;
	}
	like = nearest(shift, &look, &d);
	if (d < DIFFERENT) {
		blend(like, &look, FOLLOW);
		shift->nstrange = 0;
		return false;
	}
	if (shift->nstrange == 0)
		memset(&shift->strange, 0, sizeof(shift->strange));
	shift->nstrange++;
	blend(&shift->strange, &look, 1.0F / (float) shift->nstrange);
	if (shift->nstrange < PATIENCE)
		return false;
	learn(shift);
	return true;
}
