/*
 * state_text: a state as the text that is kept of it: JSON, with the bytes of blobs inside.
 *
 * A blob of a state (a tensor, say) stands in it as {"type":"...","$base64":"..."}, so that the
 * row of a state is all there is to it: no file, nobody to count who holds it.
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"

/* The text in the arena; INVALID when it would have more than `bytes_max`. */
status state_text_write(struct arena *arena, struct value state, size_t bytes_max,
                        struct slice *out_text, struct error *err);

/* The state again, in the arena. */
status state_text_read(struct arena *arena, struct slice text, struct value *out_state,
                       struct error *err);
