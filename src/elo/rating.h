/* SPDX-License-Identifier: MIT
 *
 * ELO arithmetic, pure. Costs enter as base-2 logarithms, so that a ratio is a difference. The
 * small functions stand in for libm, which a preloaded library had better not drag in; they are
 * good to about 1e-4, far below the noise of any window.
 */
#ifndef HK_ELO_RATING_H
#define HK_ELO_RATING_H

#include "base/bits.h"

#define HK_RATING_START 1500.0F
/* Rating points that one unit of log2(cost) is worth: a strategy rates 95 points higher than one that is
   10 % dearer. */
#define HK_RATING_SLOPE 693.0F
/* The K that moves a rating by all of a small margin: 1 / (slope of the expected score between equals), 1600
 * / ln 10. */
#define HK_RATING_FULL 694.87F

float hk_rating_log2(float x); /* x > 0; smaller values count as the smallest normal number */
float hk_rating_exp2(float x); /* clamped to 2^±60 */
float hk_rating_sqrt(float x); /* 0 for x ≤ 0 */

/* Expected score of a player rated a against one rated b: 1 / (1 + 10^((b − a) / 400)), Elo 1978. */
float hk_rating_expected(float a, float b);
/* Score of a from the log2 costs of both: by the margin, 0.5 for equals. A game that ends with the expected
   margin moves nothing, which is what lets 32 noisy games settle 12 players; the far ends are flat, so
   a wild measurement counts little. */
float hk_rating_score(float cost_a, float cost_b);
/* The K that moves a rating by this share of a margin. */
float hk_rating_k(float share);
/* One player's new rating. */
float hk_rating_update(float rating, float k, float score, float expected);

#endif
