/* SPDX-License-Identifier: MIT
 *
 * Shared by the unit tests of the configuration: a temporary root folder for real files, and one
 * struct with everything that a resolve takes and gives.
 */
#ifndef HK_TEST_CONFIG_H
#define HK_TEST_CONFIG_H

#include "config/config.h"

#include <check.h>

struct world {
	char root[64];
	struct hk_identity identity;
	struct hk_overlay env, learned, set;
	struct hk_config config;
	struct hk_diags diags;
};
extern struct world w;

/* Check fixture: a fresh world, with an empty root and program "prog" in unit "svc.service". */
void world_begin(void);
void world_end(void);

/* Write bytes to root/path, making its folders. */
void put_bytes(const char *path, const void *bytes, size_t n);
/* The same for text, to the main file. */
void put_main(const char *text);
void put_drop_in(const char *name, const char *text);
/* Resolve with the overlays of the world; returns the number of errors. */
int resolve(void);
/* Main file of this text → number of errors. */
int resolve_text(const char *text);
/* The key's value as text. */
const char *value_of(enum hk_key_id key);
/* Is there a message that contains all of text? */
bool told(const char *text);
void expect_told(const char *text);
/* Put a value into an overlay. */
void overlay_put(struct hk_overlay *overlay, enum hk_key_id key, const char *text);
/* Calls of the malloc family since the last call of this. */
unsigned long allocations(void);

#define MAIN_PATH HK_SYSCONFDIR "/hakmem.ini"

Suite *values_suite(void);
Suite *files_suite(void);
Suite *odd_suite(void);
Suite *env_suite(void);

#endif
