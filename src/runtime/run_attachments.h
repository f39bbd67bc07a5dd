/*
 * run_attachments: what a result attaches: blobs in the form that it wants, kept, and named by
 * fields of the result.
 *
 * Thread: a worker's; blocks. Survives: with the run's end (runtime/run_blobs).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "runtime/run.h"

/* Puts a field for each attachment of the rule behind those of `value`. What is too large, or finds
 * no room on the disk, is left out, and its field says so: the result is worth having without it.
 * INVALID when it is of another type than `as`. */
status run_attachments_add(struct run *run, const struct result_rule *rule, struct value *value,
                           struct error *err);
