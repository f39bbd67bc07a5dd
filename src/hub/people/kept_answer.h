/*
 * kept_answer: what a program was told under its Idempotency-Key, so that it can ask again when it
 * heard nothing, and nothing is done twice.
 *
 * Written in the transaction that does the thing. Kept for KEPT_ANSWER_MS. An answer with a secret
 * (a new token) is not kept, only that there was one.
 *
 * Thread: the writing one. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/hub_call.h"

enum { KEPT_ANSWER_MS = 24 * 60 * 60 * 1000, KEPT_ANSWER_KEY_BYTES_MAX = 255 };

/* Whether the call was made before: then the answer is there. CONFLICT: its key was used for
 * another request, or the answer had a secret. INVALID: it is no key. */
status kept_answer_find(struct hub_call *call, struct slice path, struct database *database,
                        bool *out_found, struct error *err);
status kept_answer_put(const struct hub_call *call, struct slice path, struct database *database,
                       struct error *err);
