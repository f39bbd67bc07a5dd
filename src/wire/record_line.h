/*
 * record_line: a result as the one line of JSON that programs outside read: what `ebb run` prints,
 * what a file gets appended, what a webhook is sent.
 *
 * {"id","workflow","name","run","priority","created_at","result"}, and "units" where there are any.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "wire/record.h"

/* Appends the object, without a line end; `id` is its public id, `units` the JSON of its
 * fields' units or empty (wire/measure). */
void record_line_write(struct buffer *out, const struct record *record, struct slice units,
                       struct id id);
