/* SPDX-License-Identifier: MIT
 *
 * top: rounds on a timer, and the keyboard meanwhile. Rounds run libuv's loop, so keys, sizes and answers
 * are handled while a target keeps us waiting; what a key orders is carried out between rounds.
 */
#include "ctl/top.h"
#include "base/sys.h"
#include "ctl/output.h"

#include <ncurses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define THREADS "32"
#define ABSORB_MS 100 /* how soon answers of a round show while others are awaited */
#define DEAF_MAX 50   /* wake-ups by a terminal that has no key for us: it is gone */
#define INTERVAL_MIN_MS 100
#define INTERVAL_MAX_MS 60000

#undef timeout /* a macro of curses */

static struct {
	struct hk_top top;
	struct hk_top_view view;
	const char *verb;      /* asked for: freeze, learn, trim; carried out once it is confirmed … */
	uint64_t target[2];    /* … on this service */
	bool confirmed, again; /* again: the next round is due */
	unsigned deaf;
	uv_poll_t keyboard;
	uv_timer_t next, absorb;
	uv_signal_t signals[4];
} ui;

static void draw(void)
{
	hk_top_screen_draw(&ui.top, &ui.view);
}

/* Threads may still be in the kernel: no waiting for them. */
static _Noreturn void leave(int status)
{
	hk_top_screen_close();
	_exit(status);
}

/* ---- keys ---- */

static void order_verb(const char *verb)
{
	const struct hk_top_row *row = ui.view.cursor < ui.view.nshown ? ui.view.shown[ui.view.cursor] : NULL;

	if (row == NULL)
		return;
	if (ui.confirmed) { /* it would take the yes that was said to the one before */
		snprintf(ui.top.message, sizeof ui.top.message, "%s is about to be done: then %s again", ui.verb, verb);
		return;
	}
	ui.verb = verb;
	memcpy(ui.target, row->key, sizeof ui.target);
	snprintf(ui.view.question, sizeof ui.view.question, "%s %s[%d]? y: yes, any other key: no", verb,
	         row->name, (int) row->pid);
}

static void answer_question(int key)
{
	ui.confirmed = key == 'y' || key == 'Y';
	ui.again |= ui.confirmed;
	if (!ui.confirmed) {
		snprintf(ui.top.message, sizeof ui.top.message, "%s: not done", ui.verb);
		ui.verb = NULL;
	}
	ui.view.question[0] = '\0';
}

static void type_filter(int key)
{
	char *filter = ui.view.filter;
	size_t n = strlen(filter);

	if (key == '\r' || key == '\n' || key == KEY_ENTER)
		ui.view.typing = false;
	else if (key == 27)
		filter[0] = '\0', ui.view.typing = false;
	else if (key == KEY_BACKSPACE || key == 127 || key == 8)
		filter[n > 0 ? n - 1 : 0] = '\0';
	else if (key >= ' ' && key < 127 && n + 1 < sizeof ui.view.filter)
		filter[n] = (char) key, filter[n + 1] = '\0';
}

static void select_row(long row)
{
	long last = (long) ui.view.nshown - 1;

	if (last < 0)
		return;
	row = row < 0 ? 0 : row > last ? last : row;
	memcpy(ui.view.selected, ui.view.shown[row]->key, sizeof ui.view.selected);
}

static bool move_cursor(int key)
{
	long at = ui.view.cursor, page = (long) hk_max(hk_top_screen_lines(), 1);

	switch (key) {
	case KEY_UP:
	case 'k':
		select_row(at - 1);
		return true;
	case KEY_DOWN:
	case 'j':
		select_row(at + 1);
		return true;
	case KEY_PPAGE:
		select_row(at - page);
		return true;
	case KEY_NPAGE:
		select_row(at + page);
		return true;
	case KEY_HOME:
		select_row(0);
		return true;
	case KEY_END:
		select_row((long) ui.view.nshown - 1);
		return true;
	default:
		return false;
	}
}

static void sort_by(unsigned step)
{
	ui.view.sort = (enum hk_top_column)((ui.view.sort + step) % HK_TOP_COLUMNS);
	ui.view.reverse = false;
}

static void change_interval(bool longer)
{
	unsigned ms = longer ? ui.view.interval_ms * 2 : ui.view.interval_ms / 2;

	ui.view.interval_ms = hk_min(hk_max(ms, INTERVAL_MIN_MS), INTERVAL_MAX_MS);
}

/* What is seen, and how. True if key does any of that. */
static bool change_view(int key)
{
	switch (key) {
	case '<':
	case KEY_LEFT:
		sort_by(HK_TOP_COLUMNS - 1);
		return true;
	case '>':
	case KEY_RIGHT:
		sort_by(1);
		return true;
	case 'r':
		ui.view.reverse = !ui.view.reverse;
		return true;
	case '/':
		ui.view.typing = true;
		return true;
	case 27:
		ui.view.filter[0] = '\0';
		return true;
	case 'g':
		ui.view.rates = !ui.view.rates;
		return true;
	case '?':
	case 'h':
		ui.view.help = true;
		return true;
	default:
		return move_cursor(key);
	}
}

static void command(int key)
{
	switch (key) {
	case 'q':
	case 'Q':
		leave(HK_EXIT_DONE);
	case 'f':
		order_verb("freeze");
		break;
	case 'l':
		order_verb("learn");
		break;
	case 't':
		order_verb("trim");
		break;
	case 'p':
	case ' ':
		ui.view.paused = !ui.view.paused;
		ui.again |= !ui.view.paused;
		break;
	case '+':
		change_interval(true);
		break;
	case '-':
		change_interval(false);
		break;
	default:
		(void) change_view(key);
	}
}

static void obey(int key)
{
	if (key == KEY_RESIZE)
		return;
	if (ui.view.help)
		ui.view.help = false;
	else if (ui.view.question[0] != '\0')
		answer_question(key);
	else if (ui.view.typing && !move_cursor(key < ' ' || key >= 256 ? key : 0))
		type_filter(key);
	else if (!ui.view.typing)
		command(key);
}

static void on_keyboard(uv_poll_t *poll, int status, int events)
{
	int key = hk_top_screen_key();

	(void) poll;
	(void) events;
	ui.deaf = key < 0 ? ui.deaf + 1 : 0;
	if (status < 0 || ui.deaf > DEAF_MAX)
		leave(HK_EXIT_FAILED);
	if (key >= 0)
		draw(); /* what is shown may have ended since, and its row is gone: a round frees it long before its end */
	for (; key >= 0; key = hk_top_screen_key()) {
		obey(key);
		draw(); /* so that the next key finds the order that its user sees */
	}
}

/* ---- what else happens ---- */

static void on_signal(uv_signal_t *handle, int number)
{
	(void) handle;
	if (number != SIGWINCH)
		leave(number == SIGINT ? HK_EXIT_DONE : HK_EXIT_FAILED);
	hk_top_screen_resize();
	draw();
}

static void on_next(uv_timer_t *timer)
{
	(void) timer;
	ui.again = true;
}

static void on_absorb(uv_timer_t *timer)
{
	(void) timer;
	if (hk_top_absorb(&ui.top) && !ui.view.paused)
		draw();
}

/* The verb on one service, now. What came of it is the message. */
static void carry_out(void)
{
	struct hk_ask ask = {.line = ui.verb,
	                     .changes = true,
	                     .door = ui.top.ctl->door,
	                     .timeout_ms = ui.top.ctl->timeout_ms};
	struct hk_services one = {.n = 1};
	struct hk_answer answer;
	const char *what = ui.verb;
	unsigned applied, all;

	ui.verb = NULL;
	ui.confirmed = false;
	one.at = hk_top_find(&ui.top, ui.target);
	if (one.at == NULL) {
		snprintf(ui.top.message, sizeof ui.top.message, "%s: the service has ended", what);
		return;
	}
	(void) hk_ask(&ask, &one, &answer);
	applied = (unsigned) hk_out_uint(answer.reply, "applied");
	all = (unsigned) hk_out_uint(answer.reply, "processes");
	if (answer.error[0] != '\0')
		snprintf(ui.top.message, sizeof ui.top.message, "%s: %s: %.150s", hk_ctl_label(one.at), what,
		         hk_out_safe(answer.error));
	else if (strcmp(what, "trim") == 0 && applied > 0)
		snprintf(ui.top.message, sizeof ui.top.message,
		         "%s: trim: %s given back by %u of %u process%s", hk_ctl_label(one.at),
		         hk_out_bytes(hk_out_uint(answer.reply, "trimmed_bytes")), applied, all, all == 1 ? "" : "es");
	else if (json_object_get(answer.reply, "processes") == NULL)
		snprintf(ui.top.message, sizeof ui.top.message, "%s: %s requested", hk_ctl_label(one.at), what);
	else
		snprintf(ui.top.message, sizeof ui.top.message, "%s: %s %s, applied by %u of %u process%s%s",
		         hk_ctl_label(one.at), what, applied < all ? "requested" : "done", applied, all,
		         all == 1 ? "" : "es", applied < all ? ", the rest when they next allocate" : "");
	hk_answers_drop(&answer, 1);
}

static void start_listening(void)
{
	static const int numbers[] = {SIGWINCH, SIGINT, SIGTERM, SIGHUP};
	uv_loop_t *loop = uv_default_loop();

	uv_poll_init(loop, &ui.keyboard, STDIN_FILENO);
	uv_poll_start(&ui.keyboard, UV_READABLE, on_keyboard);
	for (size_t i = 0; i < HK_COUNT(numbers); i++) {
		uv_signal_init(loop, &ui.signals[i]);
		uv_signal_start(&ui.signals[i], on_signal, numbers[i]);
	}
	uv_timer_init(loop, &ui.next);
	uv_timer_init(loop, &ui.absorb);
	uv_timer_start(&ui.absorb, on_absorb, ABSORB_MS, ABSORB_MS);
}

static int live(void)
{
	int status = hk_top_screen_open();

	if (status != 0)
		return status;
	start_listening();
	for (;;) {
		ui.again = false;
		uv_timer_start(&ui.next, on_next, ui.view.interval_ms, 0);
		if (ui.verb != NULL && ui.confirmed)
			carry_out();
		if (!ui.view.paused)
			hk_top_round(&ui.top);
		draw();
		while (!ui.again)
			uv_run(uv_default_loop(), UV_RUN_ONCE);
	}
}

int hk_do_top(struct hk_ctl *ctl)
{
	setenv("UV_THREADPOOL_SIZE", THREADS, 0);
	signal(SIGPIPE, SIG_IGN);
	ui.top.ctl = ctl;
	ui.view.sort = HK_TOP_RSS;
	ui.view.interval_ms = ctl->interval_ms == 0 ? 1000 : ctl->interval_ms;
	return ctl->once || ctl->json ? hk_top_once(&ui.top, ui.view.interval_ms, ui.view.sort) : live();
}
