/*
 * face: what a workflow looks like to who draws it and asks for its results: its steps, what each
 * needs, and the fields and units of its results, as JSON.
 *
 *   {"workflow","summary","trigger":"watch","triggers":["watch"],
 *    "steps":[{"id","agent","needs":["id"],"when":true}],
 *    "results":[{"name","priority","when":true,"steps":["id"],
 *      "fields":[{"name","type","unit","attachment":true}]}]}
 *
 * Types are those of wire/field; of a field of which nothing is declared it is `any`. No expression
 * and no value of one, no parameter, no path is said, and no private field.
 *
 * Thread: any. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "wire/workflow.h"

/* FULL: it does not fit the buffer, which has what it had. */
status face_write(const struct workflow *workflow, struct buffer *out, struct error *err);
