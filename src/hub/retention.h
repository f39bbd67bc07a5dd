/*
 * retention: keeps what the hub has within what its file allows, a little at a time, in the
 * transactions of the ingest; and with it mends the times of records that turn out later
 * (hub_boots).
 *
 * Thread: loop; the work is the writing thread's. Survives: what was removed, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/ingest.h"
#include "hub/store/hub_retention.h"

struct retention;

/* The rules and the ingest stay the caller's. */
status retention_create(struct ingest *ingest, const struct hub_retention_rules *rules,
                        struct retention **out_retention, struct error *err);

/* Goes on until there is nothing to do; does nothing while that is under way. */
void retention_begin(struct retention *retention);

/* Begins nothing more. */
void retention_stop(struct retention *retention);
void retention_destroy(struct retention *retention); /* after ingest; NULL is fine */
