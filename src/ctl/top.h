/* SPDX-License-Identifier: MIT
 *
 * What the files of top share: one row for each service (top_rows.c fills them, top_screen.c shows them,
 * top.c runs the rounds and obeys the keyboard). Main thread only.
 */
#ifndef HK_CTL_TOP_H
#define HK_CTL_TOP_H

#include "ctl/ctl.h"

#define HK_TOP_HISTORY 60 /* samples that a sparkline can show */

enum hk_top_column {
	HK_TOP_PID, HK_TOP_PROGRAM, HK_TOP_PHASE, HK_TOP_PROCS, HK_TOP_RSS, HK_TOP_LIVE, HK_TOP_CACHED, HK_TOP_ALLOCS,
	HK_TOP_FAULTS, HK_TOP_COLUMNS
};

struct hk_top_row {
	uint64_t key[2]; /* the same for one service from round to round */
	pid_t pid;
	char name[64], unit[128], mode[64], phase[64];
	char why[192]; /* it did not answer, or "" */
	int door;
	unsigned processes;
	uint64_t rss, live, cached;
	double allocs, faults; /* per second; < 0: not known yet */
	bool answered; /* at least once */
	/* Of the sample before. */
	uint64_t allocs_before, faults_before, before_ns;
	double rss_history[HK_TOP_HISTORY], rate_history[HK_TOP_HISTORY]; /* oldest first */
	unsigned nhistory;
	/* Patience with who does not answer. */
	unsigned silent; /* rounds that it is still left alone, … */
	unsigned pause;  /* … the next time for so many */
	unsigned past_door1; /* rounds for which its socket is not tried */
	bool present; /* in the services of the last look */
};

struct hk_top {
	struct hk_ctl *ctl;
	struct hk_services services; /* as last looked for */
	uint64_t looked_ns;
	struct hk_top_row **rows;
	unsigned nrows, room;
	/* A round under way: who is asked, and what of it is in the rows already. */
	struct hk_services asked;
	struct hk_answer *answers;
	bool *taken;
	char message[256];
};

/* ---- top_rows.c ---- */

/* Look for services if that is due, and ask them; rows are up to date as answers come in, at the latest on return. Runs
   the loop. */
void hk_top_round(struct hk_top *top);
/* Put the answers that have come in so far into the rows. Returns whether there were any. */
bool hk_top_absorb(struct hk_top *top);
/* The service of a row, or NULL once it has ended. */
struct hk_service *hk_top_find(const struct hk_top *top, const uint64_t *key);
/* Order by column, the largest first or (names) the smallest; reverse turns it round. */
void hk_top_sort(struct hk_top_row **rows, unsigned n, enum hk_top_column column, bool reverse);
/* Does the row's program, unit, mode, phase or pid hold the text? */
bool hk_top_matches(const struct hk_top_row *row, const char *filter);
/* "1.2k", "34M": powers of 1000; "-" for what is not known. A static buffer of eight. */
const char *hk_top_count(double n);

/* ---- top_once.c ---- */

/* Two rounds, interval_ms apart, and the rows. Returns an exit status. */
int hk_top_once(struct hk_top *top, unsigned interval_ms, enum hk_top_column sort);

/* ---- top_screen.c ---- */

struct hk_top_view {
	enum hk_top_column sort;
	bool reverse, rates; /* rates: the sparkline shows allocations, not RSS */
	bool paused, help, typing;
	char filter[64];
	char question[128]; /* waits for y */
	uint64_t selected[2];
	unsigned first; /* row at the top of the screen */
	struct hk_top_row **shown;
	unsigned nshown, cursor;
	unsigned interval_ms;
};

/* 0, or an exit status, having said why there can be no screen. */
int hk_top_screen_open(void);
void hk_top_screen_close(void);
/* The terminal has another size. */
void hk_top_screen_resize(void);
/* Choose, order and draw. */
void hk_top_screen_draw(const struct hk_top *top, struct hk_top_view *view);
/* A key as curses numbers them, or −1. */
int hk_top_screen_key(void);
/* Lines for rows. */
unsigned hk_top_screen_lines(void);

#endif
