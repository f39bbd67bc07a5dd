/*
 * sim_record: records whose whole body follows from their number, so that what arrives can be held
 * against what was made.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "wire/record.h"

/* What a record is, besides its body. */
enum sim_kind {
    SIM_RESULT,
    SIM_STRANGER, /* of a kind that no release knows */
    SIM_POISON    /* of a known kind, and cannot be read */
};

struct sim_draft {
    uint64_t number; /* from 1; names the record in the whole world */
    size_t fill_bytes;
    enum sim_kind kind;
    struct moment time;
    struct id boot;
};

/* The body alone, JSON, in the arena. */
struct slice sim_record_body(struct arena *arena, const struct sim_draft *draft);

/* The record's bytes in the arena. */
struct slice sim_record_make(struct arena *arena, const struct sim_draft *draft);

/* The number that a record's bytes say; 0: none. */
uint64_t sim_record_number(struct slice bytes);

/* Whether the bytes end with exactly the body of this number. */
bool sim_record_is_whole(struct slice bytes, uint64_t number, size_t fill_bytes);
