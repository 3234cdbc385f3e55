/* SPDX-License-Identifier: MIT
 *
 * The screen of top, drawn anew each time: curses finds out what is different. Terminals without UTF-8 get
 * plain ASCII. The narrower the screen, the shorter names and sparklines.
 */
#include "ctl/output.h"
#include "ctl/top.h"

#include <limits.h>
#include <locale.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#define ROWS_ABOVE 2 /* the title, the head of the table */
#define ROWS_BELOW 2 /* a message, the keys */
#define LINE_MAX_BYTES 1024
#define UNIT_FROM 120 /* columns from which on there is room for the unit */

static SCREEN *screen;
static bool unicode;

static const struct {
	const char *head;
	int width; /* PROGRAM: at least */
	bool right;
} columns[HK_TOP_COLUMNS] = {
        [HK_TOP_PID] = {"PID", 7, true},        [HK_TOP_PROGRAM] = {"PROGRAM", 12, false},
        [HK_TOP_PHASE] = {"PHASE", 6, false},   [HK_TOP_PROCS] = {"PROC", 5, true},
        [HK_TOP_RSS] = {"RSS", 6, true},        [HK_TOP_LIVE] = {"LIVE", 6, true},
        [HK_TOP_CACHED] = {"CACHE", 6, true},  [HK_TOP_ALLOCS] = {"ALLOC/s", 8, true},
        [HK_TOP_FAULTS] = {"FAULT/s", 8, true},
};

int hk_top_screen_open(void)
{
	const char *term = getenv("TERM");

	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
		return hk_ctl_fail(HK_EXIT_USAGE,
		                   "top draws on a terminal, and this is none: --once prints one round, "
		                   "--json the same for programs");
	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C");
	unicode = hk_out_unicode();
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL)
		return hk_ctl_fail(HK_EXIT_FAILED,
		                   "the terminal type '%s' is not known here: set TERM to what it is like "
		                   "(xterm, vt100), "
		                   "or use --once",
		                   term != NULL ? hk_out_safe(term) : "");
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	return 0;
}

void hk_top_screen_close(void)
{
	if (screen != NULL)
		endwin();
	screen = NULL;
}

void hk_top_screen_resize(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		resizeterm(size.ws_row, size.ws_col);
	clearok(curscr, TRUE);
}

int hk_top_screen_key(void)
{
	int key = getch();

	return key == ERR ? -1 : key;
}

unsigned hk_top_screen_lines(void)
{
	return LINES > ROWS_ABOVE + ROWS_BELOW ? (unsigned) (LINES - ROWS_ABOVE - ROWS_BELOW) : 0;
}

/* ---- text of a width ---- */

/* Append text to line, cut or padded to width columns of the terminal. */
static void put(char *line, const char *text, int width, bool right)
{
	size_t used = strlen(line), n = 0;
	mbstate_t state = {0};
	int taken = 0;
	wchar_t c;

	while (text[n] != '\0') {
		size_t step = mbrtowc(&c, text + n, strlen(text + n), &state);
		int cells = step == 0 || step > MB_LEN_MAX ? -1 : wcwidth(c);
		if (cells < 0 || taken + cells > width)
			break;
		taken += cells;
		n += step;
	}
	if (used + n + (size_t) (width - taken) + 2 > LINE_MAX_BYTES)
		return;
	snprintf(line + used, LINE_MAX_BYTES - used, "%*s%.*s%*s ", right ? width - taken : 0, "", (int) n,
	         text, right ? 0 : width - taken, "");
}

/* The last samples between their smallest and their largest, with a range of a tenth at least: noise stays
 * flat. */
static void put_history(char *line, const double *history, unsigned n, int width)
{
	static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
	                                     "\u2585", "\u2586", "\u2587", "\u2588"};
	static const char *const plain[] = {"_", ".", "-", "=", "+", "*", "%", "#"};
	unsigned from = n > (unsigned) width ? n - (unsigned) width : 0;
	double low = n > 0 ? history[from] : 0, high = low;

	for (unsigned i = from; i < n; i++) {
		low = history[i] < low ? history[i] : low;
		high = history[i] > high ? history[i] : high;
	}
	if (high - low < high / 10)
		high = low + high / 10;
	for (unsigned i = from; i < n && strlen(line) + 4 < LINE_MAX_BYTES; i++) {
		unsigned level = high > low ? (unsigned) ((history[i] - low) / (high - low) * 7.99) : 0;
		strcat(line, (unicode ? blocks : plain)[hk_min(level, 7)]);
	}
}

/* ---- lines ---- */

static int name_width(void)
{
	int spare = COLS - 80;

	return columns[HK_TOP_PROGRAM].width + (spare > 0 ? (int) hk_min((unsigned) spare / 3, 16U) : 0);
}

static int unit_width(void)
{
	return COLS >= UNIT_FROM ? 24 : 0;
}

static void draw_title(const struct hk_top *top, const struct hk_top_view *view)
{
	char line[LINE_MAX_BYTES] = "", text[400], clock[16];
	uint64_t rss = 0;
	time_t now = time(NULL);
	struct tm tm;

	for (unsigned i = 0; i < view->nshown; i++)
		rss += view->shown[i]->rss;
	strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&now, &tm));
	snprintf(text, sizeof text, "hakmemctl top  %s  %u service%s, RSS %s, every %g s%s%s%s%s", clock,
	         view->nshown, view->nshown == 1 ? "" : "s", hk_out_bytes(rss), view->interval_ms / 1000.0,
	         view->filter[0] != '\0' ? "  filter: " : "", view->filter,
	         view->nshown < top->nrows ? " (others hidden)" : "", view->paused ? "  PAUSED" : "");
	put(line, text, COLS, false);
	attron(A_BOLD);
	mvaddnstr(0, 0, line, (int) strlen(line) - 1);
	attroff(A_BOLD);
}

static void draw_head(const struct hk_top_view *view)
{
	char line[LINE_MAX_BYTES] = "", text[32];

	for (unsigned c = 0; c < HK_TOP_COLUMNS; c++) {
		/* The mark of the order stands where there is room. */
		const char *mark = c != view->sort ? "" : view->reverse ? "^" : "v";
		bool right = columns[c].right;
		snprintf(text, sizeof text, "%s%s", right ? mark : columns[c].head, right ? columns[c].head : mark);
		put(line, text, c == HK_TOP_PROGRAM ? name_width() : columns[c].width, right);
		if (c == HK_TOP_PROGRAM && unit_width() > 0)
			put(line, "UNIT", unit_width(), false);
	}
	put(line, view->rates ? "ALLOC/s so far" : "RSS so far", hk_max(COLS - (int) strlen(line), 1), false);
	attron(A_REVERSE);
	mvaddnstr(1, 0, line, (int) hk_min(strlen(line), (size_t) COLS));
	attroff(A_REVERSE);
}

static void put_figures(char *line, const struct hk_top_row *row)
{
	char procs[16];

	snprintf(procs, sizeof procs, "%u", row->processes);
	put(line, row->phase, columns[HK_TOP_PHASE].width, false);
	put(line, procs, columns[HK_TOP_PROCS].width, true);
	put(line, hk_out_bytes(row->rss), columns[HK_TOP_RSS].width, true);
	put(line, hk_out_bytes(row->live), columns[HK_TOP_LIVE].width, true);
	put(line, hk_out_bytes(row->cached), columns[HK_TOP_CACHED].width, true);
	put(line, hk_top_count(row->allocs), columns[HK_TOP_ALLOCS].width, true);
	put(line, hk_top_count(row->faults), columns[HK_TOP_FAULTS].width, true);
}

static void draw_row(const struct hk_top_row *row, const struct hk_top_view *view, int y, bool selected)
{
	char line[LINE_MAX_BYTES] = "", whole[LINE_MAX_BYTES] = "", pid[16];
	int left;

	snprintf(pid, sizeof pid, "%d", (int) row->pid);
	put(line, pid, columns[HK_TOP_PID].width, true);
	put(line, row->name, name_width(), false);
	if (unit_width() > 0)
		put(line, row->unit, unit_width(), false);
	if (row->why[0] == '\0' && row->answered)
		put_figures(line, row);
	left = COLS - (int) hk_out_width(line);
	left = left > 0 ? left : 0;
	if (row->why[0] != '\0') {
		char text[256];
		snprintf(text, sizeof text, "no answer: %s", row->why);
		put(line, text, left, false);
	} else if (row->answered) {
		put_history(line, view->rates ? row->rate_history : row->rss_history, row->nhistory, left);
	} else {
		put(line, "...", left, false);
	}
	put(whole, line, COLS, false); /* and no cell of the line below */
	attrset(selected ? A_REVERSE : row->why[0] != '\0' ? A_DIM : A_NORMAL);
	mvaddnstr(y, 0, whole, (int) strlen(whole) - 1);
	attrset(A_NORMAL);
}

static void draw_bottom(const struct hk_top *top, const struct hk_top_view *view)
{
	static const char keys[] =
	        "q quit  < > sort  r reverse  / filter  f freeze  l learn  t trim  g graph  p pause  ? help";
	char line[LINE_MAX_BYTES] = "", text[400];

	if (view->typing)
		snprintf(text, sizeof text, "filter: %s_   (Enter keeps it, Esc takes it away)",
		         view->filter);
	else
		snprintf(text, sizeof text, "%s", view->question[0] != '\0' ? view->question : top->message);
	put(line, text, COLS, false);
	attron(A_BOLD);
	mvaddnstr(LINES - 2, 0, line, (int) strlen(line) - 1);
	attroff(A_BOLD);
	line[0] = '\0';
	put(line, keys, COLS, false);
	attron(A_REVERSE);
	/* Not into the last cell: some terminals scroll. */
	mvaddnstr(LINES - 1, 0, line, (int) hk_min(strlen(line), (size_t) COLS) - 1);
	attroff(A_REVERSE);
}

static void draw_help(void)
{
	static const char *const lines[] = {
	        "Up Down PgUp PgDn Home End   choose a service",
	        "< >  or  Left Right          order by the column to the left or right",
	        "r                            turn the order round",
	        "/                            show only what has this text in name, unit, mode, phase or pid",
	        "f  l  t                      freeze, learn, trim the chosen service (asks first)",
	        "g                            the graph shows RSS, or allocations per second",
	        "p  or  Space                 stand still, and go on",
	        "+ -                          longer, shorter rounds",
	        "q  or  Ctrl-C                end",
	        "",
	        "RSS: resident, all processes of the service. LIVE: allocated, touched or not.",
	        "CACHE: free and warm. ALLOC/s as threads report them, in lots. FAULT/s: page faults.",
	        "hakmemctl explain PID tells where the RSS is.   Any key goes back.",
	};

	for (size_t i = 0; i < HK_COUNT(lines) && (int) i + ROWS_ABOVE < LINES - ROWS_BELOW; i++)
		mvaddnstr((int) i + ROWS_ABOVE, 0, lines[i], COLS);
}

/* ---- all of it ---- */

/* Which rows are shown, in which order, and which is chosen: the same service as before, wherever it is now.
 */
static void arrange(const struct hk_top *top, struct hk_top_view *view)
{
	unsigned lines = hk_top_screen_lines();

	view->shown = realloc(view->shown, (top->nrows + 1) * sizeof(*view->shown));
	view->nshown = 0;
	if (view->shown == NULL)
		return;
	for (unsigned i = 0; i < top->nrows; i++)
		if (hk_top_matches(top->rows[i], view->filter))
			view->shown[view->nshown++] = top->rows[i];
	hk_top_sort(view->shown, view->nshown, view->sort, view->reverse);
	for (unsigned i = 0; i < view->nshown; i++)
		if (memcmp(view->shown[i]->key, view->selected, sizeof view->selected) == 0)
			view->cursor = i;
	if (view->cursor >= view->nshown)
		view->cursor = view->nshown > 0 ? view->nshown - 1 : 0;
	if (view->nshown > 0)
		memcpy(view->selected, view->shown[view->cursor]->key, sizeof view->selected);
	if (view->cursor < view->first)
		view->first = view->cursor;
	if (lines > 0 && view->cursor >= view->first + lines)
		view->first = view->cursor - lines + 1;
}

void hk_top_screen_draw(const struct hk_top *top, struct hk_top_view *view)
{
	unsigned lines = hk_top_screen_lines();

	if (screen == NULL)
		return;
	arrange(top, view);
	erase();
	if (LINES > ROWS_ABOVE + ROWS_BELOW) {
		draw_title(top, view);
		draw_head(view);
		draw_bottom(top, view);
	}
	if (view->help)
		draw_help();
	for (unsigned i = 0; !view->help && i < lines && view->first + i < view->nshown; i++)
		draw_row(view->shown[view->first + i], view, (int) i + ROWS_ABOVE,
		         view->first + i == view->cursor);
	if (view->nshown == 0 && !view->help && lines > 0)
		mvaddnstr(ROWS_ABOVE, 0,
		          top->nrows > 0 ? "nothing matches the filter"
		                         : "no process with hakmem is running (yet)",
		          COLS);
	refresh();
}
