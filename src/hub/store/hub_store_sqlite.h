/*
 * hub_store_sqlite: the hub's store in one file of SQLite, DIR/hub.db.
 *
 * A record is one row at the end of its table; the runs of records of a lane are rows of
 * `delivery`, by which a place in it is found. A run goes on, also in later commits, until there is
 * a hole or a gap or other lanes have put too many rows in between, so that a record is found by
 * looking at few rows; those who send one record at a time need no row of the index each.
 *
 * Thread: one at a time for each session. Survives: power cuts, after commit (WAL, synced).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/store/hub_store.h"
#include "platform/database.h"

/* Opens or makes the file; CORRUPT, INVALID as in hub_db_open. The one writing session. */
status hub_store_sqlite_open(const char *path, struct hub_session **out_session, struct error *err);

/* The connection, for those who have tables of their own in the same file. */
struct database *hub_store_sqlite_database(struct hub_session *session);
