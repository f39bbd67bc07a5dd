/*
 * media_type: what kind of bytes a file holds, as the media type that blobs carry.
 *
 * By the first bytes where they tell, else by the end of the name. A guess for agents and people,
 * never a promise: who opens the bytes looks for himself.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/slice.h"

enum { MEDIA_TYPE_START_BYTES = 16 }; /* so many first bytes are looked at */

/* "image/jpeg", "audio/wav" ...; "application/octet-stream" when nothing tells. Static text. */
const char *media_type_guess(struct slice start, struct slice name);

/* The end that a file of this type has in its name: ".jpg"; "" when there is none. Static text. */
const char *media_type_ending(struct slice type);
