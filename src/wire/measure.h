/*
 * measure: a field of a result that is a number with a unit: { value: 1, unit: Cel, digits: 2 }.
 *
 * The result holds the plain number, rounded to its digits; the unit is the same for all results of
 * a rule and is said beside them, as `units`.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/value.h"
#include "platform/yaml.h"

enum { MEASURE_UNIT_BYTES_MAX = 32, MEASURE_DIGITS_NONE = -1 };

struct measure {
    uint32_t field; /* its index in `from` */
    struct slice name;
    struct slice unit; /* empty: none */
    int digits;        /* behind the point; MEASURE_DIGITS_NONE: as it comes */
};

/* In ASCII and without blanks, as UCUM's codes are, and not too long. */
bool measure_is_unit(struct slice text);

/* A field that is written so: a map of `value`, and of `unit` or `digits`. */
bool measure_is(const struct yaml *field);

/* Rounds the fields of a rendered `from`, in a copy of it. INVALID for what is neither a number nor
 * null. */
status measures_round(const struct measure *measures, uint32_t count, struct arena *arena,
                      struct value *result, struct error *err);

/* Appends {"t":"Cel"}, a member for each field that has a unit, by itself or by the fields of the
 * result's schema (NULL: there are none); nothing when none has. */
void measure_write_units(struct buffer *out, const struct yaml *from, const struct yaml *schema);

/* The same for the result of that name in the text of a workflow that was checked before; nothing
 * when the text is none. */
void measure_read_units(struct slice workflow, struct slice result, struct buffer *out);
