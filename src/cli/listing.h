/*
 * listing: a list of objects that the daemon answered, as a table for people or as JSON lines for
 * programs.
 *
 * A command says which member stands in which column and how it reads; nothing else is known about
 * the objects here, so a newer daemon's further members do no harm.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "base/value.h"
#include "cli/call.h"

enum listing_kind {
    LISTING_TEXT,   /* as it is */
    LISTING_COUNT,  /* a number, to the right */
    LISTING_BYTES,  /* "4.0 KiB" */
    LISTING_MOMENT, /* "2026-11-23 10:00:00" */
    LISTING_SPAN,   /* milliseconds as "3 min 2 s" */
    LISTING_STATE   /* of a workflow, with what its "fault" says of it */
};

struct listing_column {
    const char *head;
    const char *member;
    enum listing_kind kind;
};

struct listing {
    const char *member; /* of the answer: the list */
    const struct listing_column *columns;
    size_t column_count;
    const char *nothing; /* what a person is told when the list is empty */
};

/* The items as a table; `nothing` is said on standard error when there are none. */
status listing_write(struct call *call, const struct listing *listing, const struct value *items,
                     uint32_t count, struct error *err);

/* The answer's member of the listing's name: as a table, or every item on a line of JSON under
 * --json. */
status listing_answer(struct call *call, const struct listing *listing, struct value answer,
                      struct error *err);

enum { LISTING_KEY_BYTES = 128 };

/* The key of the next page, where the daemon says `next`; false: it was the last. */
bool listing_next_key(struct value answer, char key[LISTING_KEY_BYTES]);

/* Appends a page's items to a list that grows in the call's arena. */
status listing_join(struct call *call, struct value **list, uint32_t *count,
                    const struct value *items, uint32_t item_count, struct error *err);

/* One object for people, "name  value" a line, in the object's own order; members whose value is a
 * list or an object as JSON. Under --json the object. */
status listing_object(struct call *call, struct value object, struct error *err);
