/*
 * power_digest: what a store holds, as one number, and whether it can be true.
 *
 * Written against the tables and not against the store's own code, so that both must be wrong in
 * the same way for a fault to pass.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "base/id.h"
#include "platform/database.h"

/* A hash over every row of every table but what only counts. */
status power_digest(struct database *database, struct id *out_digest, struct error *err);

/* integrity_check, every lane contiguous from 1, every chain value right (I5), no key beyond what
 * its lane says, the view's ids those of wire/record (I2, I8, I9). */
status power_check(struct database *database, struct error *err);

/* The rows of all tables as text on standard error, for a failing seed. */
void power_dump(struct database *database);
