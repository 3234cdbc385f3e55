/* SPDX-License-Identifier: MIT
 *
 * trees: cells of two pointers and a tag, as an interpreter without a compacting collector has them. Each
 * iteration builds a tree top down, maps it to a second one, conses some leaves of that onto a list and
 * drops both trees. The lists survive for 64 iterations, one cell here and there among what is free.
 */
#include "hkbench.h"
#include "scenarios.h"

#include <stdlib.h>

#define LISTS 64

struct cell {
	struct cell *car, *cdr;
	uint32_t tag;
};

static struct cell *cons(struct cell *car, struct cell *cdr, uint32_t tag)
{
	struct cell *cell = must(malloc(sizeof *cell));
	cell->car = car;
	cell->cdr = cdr;
	cell->tag = tag;
	return cell;
}

/* Lopsided: one branch in eight ends early. */
static struct cell *build(uint64_t *seed, unsigned depth)
{
	struct cell *cell = cons(NULL, NULL, (uint32_t) random_next(seed));
	if (depth != 0 && cell->tag % 8 != 0) {
		cell->car = build(seed, depth - 1);
		cell->cdr = build(seed, depth - 1);
	}
	return cell;
}

/* Bottom up, the children before their parent. */
static struct cell *map(const struct cell *tree)
{
	if (tree == NULL)
		return NULL;
	struct cell *car = map(tree->car);
	return cons(car, map(tree->cdr), tree->tag * 2654435761U);
}

static struct cell *leaves(const struct cell *tree, struct cell *list)
{
	if (tree == NULL)
		return list;
	if (tree->car == NULL)
		return tree->tag % 16 == 0 ? cons(NULL, list, tree->tag) : list;
	return leaves(tree->cdr, leaves(tree->car, list));
}

static void drop(struct cell *tree)
{
	while (tree != NULL) {
		struct cell *next = tree->cdr;
		drop(tree->car);
		free(tree);
		tree = next;
	}
}

void scenario_trees(uint64_t n)
{
	static struct cell *list[LISTS];
	uint64_t seed = 35;
	for (uint64_t i = 0; i < n; i++) {
		struct cell *tree = build(&seed, 8 + random_below(&seed, 9));
		struct cell *image = map(tree);
		struct cell **at = &list[i % LISTS];
		drop(tree);
		drop(*at);
		*at = leaves(image, NULL);
		drop(image);
		lap(1);
	}
	for (unsigned i = 0; i < LISTS; i++) {
		drop(list[i]);
		list[i] = NULL;
	}
}
