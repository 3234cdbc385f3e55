/* SPDX-License-Identifier: MIT
 *
 * Configuration: text (files, environment, socket) becomes one validated set of values with their
 * origins. All of it is plain data that may live in shared memory: no pointers, no allocation, no
 * streams, so that it runs inside malloc's process before and after main. Nothing here is
 * thread-safe by itself; callers own the structs they pass.
 */
#ifndef HK_CONFIG_CONFIG_H
#define HK_CONFIG_CONFIG_H

#include "base/bits.h"

enum hk_key_id {
#define HK_KEY(id, ...) HK_KEY_##id,
#include "config/keys.def"
#undef HK_KEY
	HK_KEY_COUNT
};
#define HK_KEYS_MASK (((uint64_t) 1 << HK_KEY_COUNT) - 1)

enum hk_key_type {
	HK_TYPE_BOOL,
	HK_TYPE_ENUM,
	HK_TYPE_SIZE,
	HK_TYPE_DURATION,
	HK_TYPE_INT,
	HK_TYPE_PERCENT,
	HK_TYPE_TEXT
};
enum hk_key_context { HK_CONTEXT_LIVE, HK_CONTEXT_STARTUP };

/* In rising priority: the later one wins (hakmem(7), What wins). */
enum hk_origin {
	HK_ORIGIN_PRESET,  /* built-in preset of the mode */
	HK_ORIGIN_MODE,    /* the mode's section in the file */
	HK_ORIGIN_GLOBAL,  /* [hakmem] */
	HK_ORIGIN_PROGRAM, /* [program:] */
	HK_ORIGIN_UNIT,    /* [unit:] */
	HK_ORIGIN_ENV,     /* the key's own variable */
	HK_ORIGIN_LEARNED, /* the ELO engine */
	HK_ORIGIN_SET,     /* hakmemctl set */
	HK_ORIGIN_COUNT
};

enum hk_mode { HK_MODE_MINIMAL, HK_MODE_FAST, HK_MODE_BALANCED, HK_MODE_LEARNING, HK_MODE_RESEARCH, HK_MODE_COUNT };

/* Values of the enum keys, in the order of their choices in keys.def. */
enum { HK_EVO_OFF, HK_EVO_FROZEN, HK_EVO_LEARN, HK_EVO_LEARN_FROZEN };
enum { HK_FREE_BATCH, HK_FREE_KEEP, HK_FREE_ADAPTIVE };
enum { HK_THP_OFF, HK_THP_AUTO, HK_THP_ON };
enum { HK_DEBUG_OFF, HK_DEBUG_MINIMAL, HK_DEBUG_VERBOSE };
enum { HK_OBJECTIVE_SPEED, HK_OBJECTIVE_BALANCED, HK_OBJECTIVE_MEMORY };
enum { HK_RELOAD_MANUAL, HK_RELOAD_AUTO };
enum { HK_SECURITY_OFF, HK_SECURITY_BASIC, HK_SECURITY_SAMPLED, HK_SECURITY_FULL };
enum { HK_LEGACY_ACCEPT, HK_LEGACY_WARN, HK_LEGACY_IGNORE };

#define HK_NAME_MAX 48   /* a mode or key name, with its NUL */
#define HK_TEXT_MAX 104  /* a TEXT value, with its NUL */
#define HK_PATH_MAX 256  /* a configuration path, with its NUL */
#define HK_VALUE_MAX 112 /* any value as text, with its NUL */
#define HK_DIAG_MAX 224  /* one message, with its NUL */
#define HK_DIAGS 12      /* messages kept, from skip on; all are counted */

/* Without pointers, which the dynamic linker would have to relocate at each start; keys.c checks the lengths. */
struct hk_key {
	uint64_t min, max;              /* in the stored unit; TEXT: length */
	uint8_t type, context;          /* enum hk_key_type, enum hk_key_context */
	bool tuned;
	char name[21];                  /* "purge_delay" */
	char env[28];                   /* "HAKMEM_PURGE_DELAY" */
	char choices[32];               /* ENUM: values separated by one space */
	char preset[HK_MODE_COUNT][14];
	char doc[116];
};
extern const struct hk_key hk_keys[HK_KEY_COUNT];
extern const char hk_mode_names[HK_MODE_COUNT][9];
extern const char hk_origin_names[HK_ORIGIN_COUNT][13]; /* "preset", "mode section", "[hakmem]", … */

/* The keys of type TEXT, counted by themselves. */
enum hk_text_id {
#define HK_KEY(id, name, type, ...) HK_TEXT_IF_##type(id)
#define HK_TEXT_IF_BOOL(id)
#define HK_TEXT_IF_ENUM(id)
#define HK_TEXT_IF_SIZE(id)
#define HK_TEXT_IF_DURATION(id)
#define HK_TEXT_IF_INT(id)
#define HK_TEXT_IF_PERCENT(id)
#define HK_TEXT_IF_TEXT(id) HK_TEXT_##id,
#include "config/keys.def"
#undef HK_KEY
	HK_TEXT_COUNT
};

/* One value: num for every type but TEXT. */
struct hk_value {
	uint64_t num;
	char text[HK_TEXT_MAX];
};

/* A value of each key. Few keys are texts, and every process has some of these sets: so no text for each. */
struct hk_values {
	uint64_t num[HK_KEY_COUNT];
	char text[HK_TEXT_COUNT][HK_TEXT_MAX];
};

/* Some keys with values: the environment's word, or what hakmemctl set, or what was learned. */
struct hk_overlay {
	uint64_t mask; /* bit k: the value of key k is present */
	uint64_t aliased; /* of the environment's: it comes from the older name, HAKMEM_DISABLE_<KEY> */
	char mode[HK_NAME_MAX]; /* HAKMEM_MODE, or "" */
	struct hk_values values;
};

/* Messages for the operator, each complete: place, what is wrong, remedy. */
struct hk_diags {
	uint32_t skip;   /* so many are counted, but not kept: who wants all asks page by page */
	uint32_t count;  /* all, also those not kept */
	uint32_t errors; /* of these, the ones that refuse a reload */
	char text[HK_DIAGS][HK_DIAG_MAX];
	uint8_t is_error[HK_DIAGS];
};

/* The resolved set. */
struct hk_config {
	char mode[HK_NAME_MAX];        /* the chosen mode, maybe the user's own */
	uint8_t mode_origin;           /* enum hk_origin: ENV, UNIT, PROGRAM, GLOBAL or PRESET (= built-in default) */
	uint8_t base_mode;             /* enum hk_mode at the end of its chain of inherits */
	uint8_t mode_file;             /* for a mode_origin in a file: its index in files[] … */
	uint16_t mode_line;            /* … and its line, else 0 */
	uint8_t control_elsewhere;     /* 1: some section for programs or units turns control on, if not for this one */
	uint8_t origin[HK_KEY_COUNT];  /* enum hk_origin */
	uint16_t line[HK_KEY_COUNT];   /* for origins in a file: its line, else 0 */
	uint8_t file[HK_KEY_COUNT];    /* … and its index in files[] */
	struct hk_values values;
	uint8_t nfiles;
	char files[8][HK_PATH_MAX];    /* files read, in order (the 8th and later share the last index) */
};

/* Whose configuration is asked for. */
struct hk_identity {
	char program[64];        /* executable name without directory */
	char unit[128];          /* systemd unit, or "" */
	char conf[HK_PATH_MAX];  /* HAKMEM_CONF, or "" for /etc/hakmem.ini and /etc/hakmem.d */
	char root[64];           /* prefix of every path, e.g. "/proc/123/root"; "" inside the process */
};

/* ---- values (values.c) ---- */

/* Text → value with the key's type, range and units. 0, or −EINVAL with a sentence in why (why_size bytes)
   that names what is allowed; it has no place prefix. */
int hk_value_parse(enum hk_key_id key, const char *text, struct hk_value *ret, char *why, size_t why_size);
/* Value → the shortest exact text ("512M", "500ms", "on"); buf of HK_VALUE_MAX. Returns buf. */
char *hk_value_format(enum hk_key_id key, const struct hk_value *value, char *buf);
bool hk_value_equal(enum hk_key_id key, const struct hk_value *a, const struct hk_value *b);
/* The value of one key, taken out of a set, put into one, or laid over another's. */
void hk_values_get(const struct hk_values *values, enum hk_key_id key, struct hk_value *ret);
void hk_values_put(struct hk_values *values, enum hk_key_id key, const struct hk_value *value);
void hk_values_lay(struct hk_values *values, enum hk_key_id key, const struct hk_values *from);
char *hk_values_format(const struct hk_values *values, enum hk_key_id key, char *buf);
bool hk_values_equal(const struct hk_values *a, const struct hk_values *b, enum hk_key_id key);
/* Does going from one value of the key to the other need a restart? So for start-up keys, but security moves between basic
   and sampled while the process runs. */
bool hk_values_need_restart(const struct hk_values *from, const struct hk_values *to, enum hk_key_id key);

/* ---- keys (keys.c) ---- */

/* Key by name, any case; −ENOENT, with the nearest name in *ret_near (or NULL if none is near). */
int hk_key_find(const char *name, enum hk_key_id *ret, const char **ret_near);

/* ---- what comes from shared memory (valid.c) ---- */

/* Would the value have been accepted as text? */
bool hk_value_valid(enum hk_key_id key, const struct hk_value *value);
/* All that decides anything: the mode, every value, indices, the mask. Texts that are only shown are made harmless. */
bool hk_overlay_valid(const struct hk_overlay *overlay);
bool hk_config_valid(struct hk_config *config);
void hk_diags_tame(struct hk_diags *diags);
/* One line that ends within size and is fit for terminals, logs and JSON. */
void hk_text_tame(char *text, size_t size);

/* ---- messages (diag.c) ---- */

void hk_diag_add(struct hk_diags *diags, bool is_error, const char *format, ...) HK_PRINTF(3, 4);

/* ---- environment (env.c) ---- */

/* Read the HAKMEM_* variables of envp (NULL-terminated; may be NULL): HAKMEM_MODE, HAKMEM_CONF and each
   key's own, with the legacy aliases. Bad ones become diags and cost only themselves. Unknown
   HAKMEM_* names are reported. Not to be called in a secure-execution process. */
void hk_env_read(char *const *envp, struct hk_overlay *ret, struct hk_identity *identity, struct hk_diags *diags);

/* ---- who it is (identity.c) ---- */

/* Program name and unit of the process behind proc, e.g. "/proc/123"; "" where unknown. */
void hk_identity_read(const char *proc, struct hk_identity *identity);
/* Program name and unit of this process (/proc/self/exe, /proc/self/cgroup); conf and root are left alone. */
void hk_identity_self(struct hk_identity *identity);

/* ---- the whole (resolve.c) ---- */

/*
 * Read the files for identity and lay everything over everything by the contract's priority.
 * learned and set may be NULL. Errors in the files are diags, each costing only its own line;
 * *ret is always complete. Missing files are silent. Returns diags->errors of this call.
 * A set->mode, unlike a learned one, chooses the mode over all others. Scratch, if there is any file, is a mapping of
 * its own for the time of the call, so that calls need no lock; −ENOMEM (and balanced's presets in *ret)
 * if there is none. Takes some 8 KiB of stack.
 */
int hk_config_resolve(const struct hk_identity *identity, const struct hk_overlay *env,
                      const struct hk_overlay *learned, const struct hk_overlay *set, struct hk_config *ret,
                      struct hk_diags *diags);
/* The same with no files and no overlays: what holds before start-up is through. */
void hk_config_defaults(enum hk_mode mode, struct hk_config *ret);
/* Combinations that make no sense become warnings (evo_policy = learn with elo = off, …). */
void hk_config_warn(const struct hk_config *config, struct hk_diags *diags);

HK_INLINE uint64_t hk_config_num(const struct hk_config *config, enum hk_key_id key)
{
	return config->values.num[key];
}

#endif
