/*
 * json_member: one member of a JSON object, found in its text without reading the rest into
 * memory.
 *
 * For text that was checked when it was taken in, where one value of each of millions is wanted;
 * what json_read reads as a value is found the same here. Text that is no JSON gives some part of
 * itself, or nothing: it is safe, and means nothing.
 *
 * Pure: any thread. Foreign bytes: yes; nothing is allocated but by json_member_text.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

enum json_member_kind {
    JSON_MEMBER_NONE, /* there is none of that name, or null */
    JSON_MEMBER_FALSE,
    JSON_MEMBER_TRUE,
    JSON_MEMBER_INTEGER,
    JSON_MEMBER_REAL,
    JSON_MEMBER_TEXT,
    JSON_MEMBER_LIST,
    JSON_MEMBER_OBJECT
};

struct json_member {
    enum json_member_kind kind;
    struct slice raw; /* the value as it stands there; of a text without its quotes */
    bool escaped;     /* of a text: it has escapes, and json_member_text reads them */
    int64_t integer;
    double real; /* of an integer too; what an int64 does not hold is one */
};

/* The member at the top; the last where there are several of that name. */
struct json_member json_member_find(struct slice object, struct slice name);

/* The next member, the first for *place 0; false: there is no more. `name` is as it stands. */
bool json_member_next(struct slice object, size_t *place, struct slice *out_name,
                      struct json_member *out_member);

/* Appends a text with its escapes read. */
void json_member_text(struct buffer *out, struct slice raw);
