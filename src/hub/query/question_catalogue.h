/*
 * question_catalogue: the views that questions look at: those that every hub has, and one for each
 * result of each workflow, with a column for each of its fields.
 *
 * A field's type and unit are what the workflow says of it (`workflow_face`); where it says
 * nothing, types are those seen in its newest results. Fields that are called as one of the columns
 * that all of these views have get `result_` before their name.
 *
 * Thread: that of the connection. Survives nothing. Foreign bytes: names, from devices; they are
 * bounded and written as names.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "platform/database.h"

enum {
    CATALOGUE_VIEWS_MAX = 4000,
    CATALOGUE_FIELDS_MAX = 256, /* of a view */
    CATALOGUE_WORKFLOWS_MAX = 5000,
    CATALOGUE_NAME_BYTES_MAX = 255,
    CATALOGUE_LOOKED_AT = 2000 /* newest results of a workflow */
};

struct catalogue_column {
    struct slice name;
    struct slice expression; /* of SQL; empty: the member of that name in the result */
    struct slice member;     /* of the result */
    struct slice type, unit; /* the words of wire/field; no unit: empty */
};

struct catalogue_view {
    struct slice name;
    struct slice alias; /* a shorter one, or empty */
    struct slice help;  /* one sentence */
    struct slice from;  /* of SQL: FROM and WHERE */
    struct catalogue_column *columns;
    uint32_t count;
};

struct catalogue {
    struct arena *arena; /* not owned; all that is here lives in it */
    struct catalogue_view *views;
    uint32_t count, room;
};

/* All views, or those of the workflows that `sql` could mean and those that every hub has. */
status catalogue_load(struct catalogue *catalogue, struct arena *arena, struct database *database,
                      const struct slice *sql, struct error *err);

/* Whether texts in columns of this type are JSON, whatever a device has sent in their place. */
bool catalogue_is_json(struct slice type);

/* --- for its two files ------------------------------------------------------------------------ */

/* The views that every hub has. */
status catalogue_add_own(struct catalogue *catalogue, struct error *err);

/* A field of a view of a workflow, as it is declared or was seen. */
struct catalogue_field {
    struct slice name, type, unit;
};

/* A view of the results of that name. `alone`: the workflow has no others. All is copied. */
status catalogue_add_result(struct catalogue *catalogue, struct slice workflow, struct slice name,
                            const struct catalogue_field *fields, uint32_t count, bool alone,
                            struct error *err);
