/* SPDX-License-Identifier: MIT
 *
 * What the configuration files say, read once and kept until the set is resolved; for the
 * configuration, and for hakmemctl and hakmemd, which also look at files without a process. Owned by the
 * caller for the time of one resolve. What was read is in a mapping of its own, made for the first file;
 * pages that a short file does not reach are never touched.
 */
#ifndef HK_CONFIG_DOC_H
#define HK_CONFIG_DOC_H

#include "config/config.h"

/* What may stand left of '=': every key, and two words that are no keys. */
enum { HK_SETTING_MODE = HK_KEY_COUNT, HK_SETTING_INHERITS, HK_SETTING_COUNT };

#define HK_DOC_FILES 64
#define HK_DOC_SECTIONS 256
#define HK_DOC_SETTINGS 2048
#define HK_SECTION_NAME_MAX 136 /* the longest unit name or glob, with its NUL */
#define HK_NO_SECTION (-1)

enum hk_section_kind { HK_SECTION_GLOBAL, HK_SECTION_MODE, HK_SECTION_PROGRAM, HK_SECTION_UNIT, HK_SECTION_DAEMON };

struct hk_section {
	uint8_t kind;
	bool applies;   /* [hakmem], or the glob matches the identity; modes are chosen later */
	bool selected;  /* a mode: some 'mode =' or 'inherits =' names it */
	bool inherits;  /* a mode: a valid 'inherits =' is there */
	uint8_t base;   /* a mode without parent: the built-in mode it stands on */
	int16_t parent; /* a mode: the section it builds on, or HK_NO_SECTION */
	uint8_t file;   /* where the section was seen first … */
	uint16_t first_line;
	uint8_t lines_file; /* the file that line[] is about: duplicates are a matter of one file */
	uint16_t line[HK_SETTING_COUNT]; /* where it gives the setting, 0 = not yet */
	char name[HK_SECTION_NAME_MAX];  /* mode in lower case, or glob */
};

/* One good line. In the order of reading, so that the later one wins by being applied later. */
struct hk_setting {
	int16_t section;
	uint8_t what; /* key, or HK_SETTING_MODE, or HK_SETTING_INHERITS */
	uint8_t file;
	uint16_t line;
	struct hk_value value; /* the two words: a mode's name in text; "" once found to be wrong */
};

struct hk_pages {
	struct hk_setting setting[HK_DOC_SETTINGS];
	struct hk_section section[HK_DOC_SECTIONS];
	char file[HK_DOC_FILES][HK_PATH_MAX];
};

struct hk_doc {
	const struct hk_identity *identity;
	struct hk_diags *diags;
	uint32_t n_files, n_sections, n_settings;
	bool full, crowded; /* said that there is no more room for settings, for sections */
	bool keep_all; /* wanted: the settings of every section, whether it applies or not */
	bool control_elsewhere; /* control = on in some section for programs or units, whether it applies or not */
	struct hk_pages *pages; /* NULL: there is no file, and these are NULL too */
	struct hk_setting *setting;
	struct hk_section *section;
	char (*file)[HK_PATH_MAX]; /* as the process sees them, without identity->root */
	/* What is given the lines of [hakmemd], the host daemon's; NULL in services, which pass over them. */
	void (*daemon)(struct hk_doc *doc, unsigned file, uint32_t line, const char *name, const char *value);
	void *daemon_data;
};

/* files.c: read every file that holds for doc->identity into the (zeroed) doc. 0, or −ENOMEM without memory for it. */
int hk_doc_read(struct hk_doc *doc);
void hk_doc_drop(struct hk_doc *doc);
/* parse.c: one open file, which becomes doc->file[file]. */
void hk_doc_parse(struct hk_doc *doc, unsigned file, int fd);
/* section.c: the section of a header line "[…]", made if new; HK_NO_SECTION with an error if it is none. */
int hk_doc_enter(struct hk_doc *doc, unsigned file, uint32_t line, char *header);
/* link.c: check the modes that are named, tie each to its parent, break cycles. After all files. */
void hk_doc_link(struct hk_doc *doc);

/* resolve.c: the section of a mode by name, or HK_NO_SECTION. */
int hk_doc_find_mode(const struct hk_doc *doc, const char *name);
/* link.c: does the mode exist, built-in or own? If not, the nearest name in *ret_near, or NULL. */
bool hk_doc_mode_exists(const struct hk_doc *doc, const char *name, const char **ret_near);
/* resolve.c: a built-in mode by name. */
bool hk_mode_find(const char *name, enum hk_mode *ret);

/* diag.c: an error at a place, "FILE:LINE: …"; line 0 means the whole file. */
void hk_doc_error(struct hk_doc *doc, unsigned file, uint32_t line, const char *format, ...) HK_PRINTF(4, 5);

#endif
