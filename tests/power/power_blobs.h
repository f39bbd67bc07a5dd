/*
 * power_blobs: a few blobs that are kept again and again, and which of their files are there.
 *
 * Their files are real ones, beside the disk that is cut: of them only the order is judged, that a
 * file is there before a row names it and goes after the row went. That a file is whole when it is
 * there is platform/file's, and tests/scenario/kills.py's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "storage/blobs.h"

enum { POWER_BLOBS = 8, POWER_BLOB_KEEP_MS = 7 * 24 * 3600 * 1000 };

struct power_blobs {
    struct blobs *blobs; /* owned */
    char folder[64];
    struct id ids[POWER_BLOBS];
};

bool power_blobs_open(struct power_blobs *blobs);

/* Takes the folder away. */
bool power_blobs_close(struct power_blobs *blobs);

/* Writes the file and pins it; false: it could not. */
bool power_blobs_keep(struct power_blobs *blobs, int index);

/* Holds what the caller says of the blob. */
struct blob_hold power_blobs_hold(const struct power_blobs *blobs, int index, int holders,
                                  int64_t keep_ms);

/* The blob that a kept JSON names as {"b":"HASH"}; -1: none. */
int power_blobs_named(const struct power_blobs *blobs, struct slice json);

/* A bit for each file that is there. */
uint32_t power_blobs_files(const struct power_blobs *blobs);

/* A file for each row, as it was when the power went out: others' lives went on from there. */
status power_blobs_restore(struct power_blobs *blobs, struct database *database, struct error *err);

/* Whether each row's file was there, and its holders are the kept outputs that name it, and what
 * results attach has a row. */
status power_blobs_check(const struct power_blobs *blobs, struct database *database, uint32_t files,
                         struct error *err);

/* A bug: a file goes whose row is still there. */
void power_blobs_lose(const struct power_blobs *blobs, struct database *database);
