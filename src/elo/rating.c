/* SPDX-License-Identifier: MIT
 *
 * ELO arithmetic, pure: expected score, score by margin, update by K.
 */
#include "elo/rating.h"

#include <string.h>

#define LIMIT 60.0F /* of exponents: keeps every result finite */

float hk_rating_log2(float x)
{
	uint32_t bits;
	if (!(x > 1.2e-38F))
		x = 1.2e-38F;
	memcpy(&bits, &x, sizeof bits);
	int exponent = (int) (bits >> 23) - 127;
	bits = (bits & 0x007fffffU) | 0x3f800000U;
	float m;
	memcpy(&m, &bits, sizeof m);
	/* log2(m) on [1, 2) by the series of atanh((m − 1) / (m + 1)). */
	float t = (m - 1.0F) / (m + 1.0F);
	float t2 = t * t;
	float series = 1.0F + t2 * (1.0F / 3 + t2 * (1.0F / 5 + t2 * (1.0F / 7 + t2 * (1.0F / 9))));
	return (float) exponent + 2.8853900F * t * series;
}

float hk_rating_exp2(float x)
{
	if (x > LIMIT)
		x = LIMIT;
	if (!(x > -LIMIT))
		x = -LIMIT;
	int whole = (int) x - (x < 0);
	float y = (x - (float) whole) * 0.69314718F; /* in [0, ln 2] */
	float e =
	        1.0F + y * (1.0F + y / 2 * (1.0F + y / 3 * (1.0F + y / 4 * (1.0F + y / 5 * (1.0F + y / 6)))));
	uint32_t bits = (uint32_t) (whole + 127) << 23;
	float scale;
	memcpy(&scale, &bits, sizeof scale);
	return e * scale;
}

float hk_rating_sqrt(float x)
{
	if (!(x > 0))
		return 0;
	float y = hk_rating_exp2(hk_rating_log2(x) / 2);
	return (y + x / y) / 2;
}

float hk_rating_expected(float a, float b)
{
	return 1.0F / (1.0F + hk_rating_exp2((b - a) * (3.3219281F / 400))); /* log2(10) */
}

float hk_rating_score(float cost_a, float cost_b)
{
	return hk_rating_expected((cost_b - cost_a) * HK_RATING_SLOPE, 0);
}

float hk_rating_k(float share)
{
	return HK_RATING_FULL * share;
}

float hk_rating_update(float rating, float k, float score, float expected)
{
	return rating + k * (score - expected);
}
