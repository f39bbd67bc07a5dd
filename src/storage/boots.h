/*
 * boots: which start of the machine a record was made in, and how far its wall clock was believed.
 *
 * A row for each boot id and quality of time; a record names its row, so its bytes can be written
 * again from the tables. What a batch adds is taken back with it.
 *
 * Thread: database. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "base/id.h"
#include "platform/clock.h"
#include "platform/database.h"

enum { BOOTS_IN_MEMORY_MAX = 64 };

struct boot {
    uint32_t number;
    struct id id;
    enum clock_quality quality;
    bool used;  /* by a record since the store was opened */
    bool going; /* its row is deleted by this batch */
};

struct boots {
    struct boot boots[BOOTS_IN_MEMORY_MAX]; /* the newest rows, in the order of numbers */
    int count;
    int kept; /* of them committed */
    uint32_t next_number, kept_next_number;
};

/* What is in use stays so. */
status boots_load(struct boots *boots, struct database *database, struct error *err);

/* The number of this boot and quality; a row is written when there is none. */
status boots_keep(struct boots *boots, struct database *database, struct id id,
                  const struct moment *time, uint32_t *out_number, struct error *err);

bool boots_is_used(const struct boots *boots, uint32_t number);

/* Its row is deleted in this batch. */
void boots_forget(struct boots *boots, uint32_t number);

/* After a commit, after a rollback. */
void boots_settle(struct boots *boots);
void boots_take_back(struct boots *boots);
