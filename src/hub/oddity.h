/*
 * oddity: what is odd about what a device says of its stream, in a word for programs and a sentence
 * for people: a line of the log, and an alarm that `ebb hub` shows.
 *
 * Thread: oddity_raise the writing one, in its open transaction; oddity_log any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "base/id.h"
#include "hub/lanes.h"

enum oddity {
    ODDITY_NONE,
    ODDITY_ROLLBACK, /* the hub holds less than it once said: no alarm, since all devices say so */
    ODDITY_FORK,     /* STREAM_FORK */
    ODDITY_CLONE,    /* CLONE_SUSPECTED */
    ODDITY_STRANGER, /* STREAM_OF_ANOTHER */
    ODDITY_POISON    /* RECORDS_SET_ASIDE */
};

/* What a verdict about a stream says; `contested`: two machines answer for the device. */
enum oddity oddity_of(enum verdict verdict, bool contested);

/* Makes a row of it. */
status oddity_raise(enum oddity oddity, struct lanes *lanes, struct id device, struct id stream,
                    struct error *err);
void oddity_log(enum oddity oddity, struct id device, struct id stream);
