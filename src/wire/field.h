/*
 * field: the type of one named input, output or piece of event data, as manifests write it.
 *
 * { type: number, unit: Cel, min: -60, max: 60, default: 0, optional: true } and `label: string`
 * for short. Shared by agent manifests and the workflow checker. Plain data in the arena of whoever
 * read it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"
#include "wire/keys.h"

enum {
    FIELDS_MAX = 256,   /* of one set */
    FIELD_DEPTH_MAX = 8 /* sets within sets */
};

enum field_type {
    FIELD_ANY,
    FIELD_STRING,
    FIELD_NUMBER,
    FIELD_INTEGER,
    FIELD_BOOLEAN,
    FIELD_OBJECT,
    FIELD_LIST,
    FIELD_TIME,  /* a string in RFC 3339 */
    FIELD_BOX,   /* a list of four numbers */
    FIELD_IMAGE, /* the blobs: what bytes they hold is for the agent to say */
    FIELD_AUDIO,
    FIELD_FILE,
    FIELD_SCHEMA /* a field description itself */
};

struct field_set {
    const struct field *fields;
    uint32_t count;
    bool open; /* nothing is known about the names: any is fine */
};

struct field {
    struct slice name; /* ended by a zero */
    enum field_type type;
    bool optional;
    bool has_default, has_min, has_max;
    struct value default_value;
    double min, max;                  /* of a number */
    int64_t count_max;                /* bytes of a string or object, items of a list; 0: none */
    struct slice unit;                /* empty: none */
    uint32_t rate, channels, samples; /* of audio, for its agent to check; 0: any */
    struct field_set of;     /* members of an OBJECT or of the items of a LIST of objects */
    enum field_type of_type; /* of the items of a LIST */
};

/* NULL when there is none. */
const struct field *field_find(const struct field_set *set, struct slice name);

/* The known name nearest to this one, or NULL. */
const char *field_nearest(const struct field_set *set, struct slice name);

/* Whether one of them is a blob, or holds one. */
bool field_set_has_blobs(const struct field_set *set);

const char *field_type_name(enum field_type type);

/* The type of a word; *out_built says whether this version has it. false: no such type. */
bool field_type_read(struct slice word, enum field_type *out_type, bool *out_built);

/* The value fits the field: type, range, bounds. INVALID says "field 'score' is a number, not a
 * string". */
status field_check(const struct field *field, struct value value, struct error *err);

/* Every field that is not optional is there (defaults are put in) and fits; names beyond the set
 * are INVALID with the nearest known. The result shares what it can with `object`. */
status field_set_check(const struct field_set *set, struct arena *arena, struct value object,
                       struct value *out_object, struct error *err);

/* Reads a map of names to types, `{ type: number, min: 0 }` or `number` for short; what is wrong
 * with it is said in reading->faults, and the set holds what was right. */
void field_set_read(struct reading *reading, const struct yaml *node, struct field_set *out_set);

/* One field while it is read: its nodes are noted first and judged together, since `max` depends on
 * the type. For tables of other files too, whose rows are a field's and more: field_note is their
 * reader, at offsets in here. */
struct field_draft {
    struct field field;
    const struct yaml *type, *of, *min, *max, *default_node, *unit, *rate, *channels, *samples;
    int depth; /* of sets within sets */
};
key_reader field_note;
void field_judge(struct reading *reading, struct field_draft *draft);

/* Names beyond the set are fine from now on, in sets within it, too. */
void field_set_open(struct field_set *set);

/* The keys of one field and the words for its type, for tables of files that hold fields. */
extern const struct key_table FIELD_TABLE;
extern const char *const FIELD_TYPE_WORDS[];
