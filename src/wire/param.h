/*
 * param: what a device may set about a workflow: a name, a type with its bounds, and the value that
 * it has here.
 *
 * One workflow file serves many boxes: the file declares, a device says. A parameter is a field
 * (wire/field) or the name of a source or a destination of the device. Where its value comes from
 * is decided by the workflow's binding (wire/binding), once, when the file is read.
 *
 * Plain data in the arena of its workflow; any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "wire/field.h"

enum { PARAMS_MAX = 64 }; /* of one workflow */

enum param_role { PARAM_VALUE, PARAM_SOURCE, PARAM_DESTINATION };

struct param {
    struct field field; /* name, type, unit, bounds, default; a STRING where it names something */
    enum param_role role;
    struct slice kind; /* of a source: which kind it must be; empty: any */
    struct slice help;
    struct place place;
    struct value value; /* null: nobody has said one */
    struct slice
        origin; /* of the value: "--set", a variable, "FILE:LINE:COLUMN", "default"; or "" */
};

/* NULL when there is none. */
const struct param *param_find(const struct param *params, uint32_t count, struct slice name);

/* The known name nearest to this one, or NULL. */
const char *param_nearest(const struct param *params, uint32_t count, struct slice name);

/* "number", "source" ... */
const char *param_type_name(const struct param *param);

/* The value is of the type and within the bounds, or INVALID says what it is and what is wanted. */
status param_check(const struct param *param, struct value value, struct error *err);

/* The value that a text of the command line or of the environment means: of a text parameter the
 * text, otherwise what it would be in a YAML file. */
status param_read(const struct param *param, struct arena *arena, struct slice text,
                  struct value *out_value, struct error *err);

/* A list of objects {name, type, kind, value, default, unit, range, origin, help}; what there is
 * not is left out. For `ebb param show` and the local API. */
void params_write(const struct param *params, uint32_t count, struct buffer *out);

/* "from -40 to 10", "at least 3", "at most 200 items", or "" where nothing bounds it. */
enum { PARAM_RANGE_BYTES = 80 };
void param_range(const struct param *param, char out_text[PARAM_RANGE_BYTES]);
