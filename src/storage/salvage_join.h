/*
 * salvage_join: makes lanes of the records that a salvage found, and begins a new stream.
 *
 * What is missing between two records becomes a gap of reason `damaged`. The chain value before the
 * record behind a hole is not known, so the gap takes that record's place too and ends with its
 * value, which goes on to be true for all behind it; the record itself, unless the hub has it, goes
 * on in the new stream under the id that it had. So nothing that was read is lost, and no chain is
 * broken.
 *
 * Thread: database, on the new file. Survives: power cuts, as part of a salvage.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "platform/database.h"

struct salvage_sums {
    uint64_t records; /* that are there */
    uint64_t damaged; /* that were there and are lost */
};

/* In one transaction. */
status salvage_join(struct database *database, struct salvage_sums *out_sums, struct error *err);
