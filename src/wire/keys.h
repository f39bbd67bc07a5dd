/*
 * keys: what may stand in one place of a file, as a table, and the walk that reads a map by it.
 *
 * A row is a key: built (with the reader that fills its field), required, or reserved, which is
 * known and refused by name. `x-` keys are ignored, any other key is a fault with the nearest known
 * one. Workflow and agent manifest are read by such tables; what `ebb check` says is the same in
 * both. A reader reports into reading->faults and goes on; a target is filled by what was right.
 *
 * Thread: any, one reading at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "platform/yaml.h"
#include "wire/fault.h"

enum { KEYS_MAX = 64 }; /* rows of one table */

enum key_state {
    KEY_BUILT,
    KEY_REQUIRED,
    KEY_RESERVED /* "`window` is not in this version of ebb" */
};

/* What stands behind a key, for who completes and explains keys (wire/schema); the reader alone
 * judges. */
enum key_form {
    FORM_OF_READER, /* what keys_read_text and its like take; words where there are any */
    FORM_ANYTHING,
    FORM_VERSION,    /* the number 1, and the key is required */
    FORM_TEXT,       /* a scalar */
    FORM_FIELD_NAME, /* text_is_field */
    FORM_BOOLEAN,
    FORM_TEXTS,        /* a list of scalars */
    FORM_TEXT_MAP,     /* a map of scalars */
    FORM_VALUES,       /* a map of anything, and no expression */
    FORM_MAP,          /* a map of anything, or an expression that makes one */
    FORM_WORDS,        /* a list of the words */
    FORM_SPAN,         /* a span, or a word */
    FORM_NUMBER,       /* a whole number, or a word */
    FORM_KEYS,         /* a map by `table` */
    FORM_WORD_OR_KEYS, /* a word (any text where there are no words), or a map by `table` */
    FORM_MAPS,         /* a list of maps by `table` */
    FORM_TEXT_OR_MAPS, /* a scalar, or such a list */
    FORM_MAP_OR_MAPS,  /* one such map, or a list of them */
    FORM_NAMED_MAPS,   /* a map of names to maps by `table` */
    FORM_FIELDS,       /* a map of names to words or maps by `table`; nothing, or a word */
    FORM_FIELDS_FILE   /* such a map, or the name of a file that holds one */
};

/* What every reader is handed. */
struct reading {
    struct arena *arena;   /* what is kept goes here; not owned */
    struct faults *faults; /* not owned */
    void *owner;           /* whose file it is; readers of that file know */
};

struct key;
struct key_table;

/* Fills its part of `target` from the node, or says what is wrong with it. */
typedef void key_reader(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target);

struct key {
    const char *name;
    enum key_state state;
    key_reader *read;    /* NULL: reserved, or read by somebody else before or after */
    size_t offset;       /* of the field in the target */
    int64_t least, most; /* of keys_read_count, _span, _size; both 0: no bounds but the type's. Of
                            words: `most` are built; 0: all */
    const char *const *words;      /* of keys_read_word, ended by NULL */
    const char *help;              /* what it is for, in a sentence that editors show */
    enum key_form form;            /* for editors too */
    const struct key_table *table; /* of the forms that name one */
};

/* The keys of one place. */
struct key_table {
    const char *what;       /* "a step" */
    const struct key *keys; /* ended by a row without a name */
    const char *example;    /* "{ id: a, agent: b }", for who writes no map at all; or NULL */
    const struct key_table *const *others; /* ended by NULL: where a key that is unknown here may
                                              belong; NULL: nowhere */
};

/* Reads every pair of the map by its row, says what is unknown, reserved, missing. false when the
 * node is no map, which is a fault. `target` is handed to the readers. */
bool keys_read(struct reading *reading, const struct key_table *table, const struct yaml *map,
               void *target);

/* The row of that name, or NULL. */
const struct key *keys_find(const struct key_table *table, struct slice name);

/* Readers for one field of the target each. Text is copied into reading->arena. */
void keys_read_text(struct reading *reading, const struct key *key, const struct yaml *node,
                    void *target); /* struct slice: any scalar */
void keys_read_name(struct reading *reading, const struct key *key, const struct yaml *node,
                    void *target); /* struct slice: text_is_name */
void keys_read_boolean(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target); /* bool */
void keys_read_count(struct reading *reading, const struct key *key, const struct yaml *node,
                     void *target); /* uint32_t or int: a whole number within least and most */
void keys_read_span(struct reading *reading, const struct key *key, const struct yaml *node,
                    void *target); /* int64_t, milliseconds */
void keys_read_size(struct reading *reading, const struct key *key, const struct yaml *node,
                    void *target); /* int64_t, bytes */
void keys_read_word(struct reading *reading, const struct key *key, const struct yaml *node,
                    void *target); /* an enum: the index in key->words */

/* The scalar's text, or a fault that says what `name` wants ("a name", "a span such as 30s"). */
bool keys_scalar(struct reading *reading, const char *name, const char *wanted,
                 const struct yaml *node, struct slice *out_text);

/* The index of the text in `words`, or a fault at `place` with the nearest word; -1 then. */
int keys_word(struct reading *reading, const char *name, const char *const words[],
              struct slice text, struct place place);

/* A name that the text was perhaps meant to be: small letters, and `joint` ('-' or '_') in place of
 * blanks, - and _. false: nothing better is known. */
enum { KEYS_NAME_BYTES = 64 };
bool keys_suggest_name(struct slice text, char joint, char out_name[KEYS_NAME_BYTES]);

/* Says that the text is no name, and what would be: a name of letters a-z, digits and - when
 * `joint` is '-', else what may stand behind a dot or a $ in an expression. */
void keys_say_name(struct reading *reading, const char *what, char joint, struct slice text,
                   struct place place);

/* "a list", "a map", "text", "a number" ...: what a node is, for sentences. */
const char *yaml_what(const struct yaml *node);

/* The plain (not quoted) scalar `null`, `~` or nothing at all. */
bool yaml_is_null(const struct yaml *node);
