/*
 * value: JSON in memory, an immutable tree; what events, inputs, outputs and results are made of.
 * Beside JSON it may hold blobs (base/blob), which are passed by reference.
 *
 * Plain data. A value and all that it points to lives in somebody's arena and is never changed
 * after it was made, so values share subtrees freely and move between threads with their run.
 * Parsing and writing are platform/json; nothing here allocates but the makers at the end.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

enum value_kind {
    VALUE_NULL = 0,
    VALUE_BOOLEAN,
    VALUE_INTEGER, /* fits an int64 */
    VALUE_REAL,    /* finite */
    VALUE_RAW,     /* a number that neither holds exactly: its JSON text, passed through as it is */
    VALUE_TEXT,    /* valid UTF-8 */
    VALUE_LIST,
    VALUE_OBJECT,
    VALUE_BLOB /* an expression sees an object of `type` and `bytes` */
};

enum { VALUE_DEPTH_MAX = 64 };

struct blob;
struct member;

struct value {
    enum value_kind kind;
    uint32_t count; /* bytes of TEXT and RAW, items of LIST, members of OBJECT; 0 for a BLOB */
    union {
        bool boolean;
        int64_t integer;
        double real;
        const char *text; /* not ended by a zero */
        const struct value *items;
        const struct member *members; /* in the order in which they were written */
        struct blob *blob;            /* shared by whatever owns the value's arena */
    };
};

struct member {
    struct slice name;
    struct value value;
};

/* "null", "boolean", "number", "string", "list", "object" or "blob": the words that users read. */
const char *value_kind_name(enum value_kind kind);

/* null and false are false, everything else is true, as in jq. */
bool value_truth(struct value value);

/* The number's value as a double; 0 for what is not a number. RAW is rounded, and what is beyond a
 * double is the largest one. */
double value_number(struct value value);
bool value_is_number(struct value value);

/* The text of TEXT or RAW, empty for anything else. */
struct slice value_text(struct value value);

/* The member of that name (the last one where a name stands twice), or NULL, also when the value
 * is no object. A blob has the members `type` and `bytes`. */
const struct value *value_get(struct value object, struct slice name);

/* Deep equality as in jq: 1 and 1.0 are equal, members in any order, the last of those that have
 * one name. Integers are compared exactly, also beyond 2^53. */
bool value_equal(struct value a, struct value b);

/* jq's order over all values: null, false, true, numbers, text, lists, objects; behind them
 * blobs, which are equal when they are the same or lie under the same hash. */
int value_compare(struct value a, struct value b);

/* Whether there is a blob anywhere in it. */
bool value_has_blob(struct value value);

/* 0 for what holds nothing, 1 for [] and {}, 2 for [[]]. */
uint32_t value_depth(struct value value);

struct value value_of_boolean(bool truth);
struct value value_of_integer(int64_t number);
struct value value_of_real(double number);     /* not finite: null */
struct value value_of_text(struct slice text); /* shares the bytes */

/* An object of `count` members for the caller to fill before anybody reads it; members is NULL
 * when the arena has no room. */
struct member *value_new_object(struct arena *arena, uint32_t count, struct value *out_object);
struct value *value_new_list(struct arena *arena, uint32_t count, struct value *out_list);

/* A deep copy that shares nothing with `value` but blobs. false: no room. */
bool value_copy(struct arena *arena, struct value value, struct value *out_copy);
