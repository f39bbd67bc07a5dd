/*
 * hub_chains: whether records are still what they were when they came. Each chain value covers the
 * one before it and the record's bytes, so that a bit that turned over on a disk shows.
 *
 * It shows for every record that stands right behind another of its lane, or is the first. What
 * stands behind a gap, a hole or what was removed has nothing before it to be checked against.
 *
 * Thread: any; reads all there is. Foreign bytes: a file may come from outside.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "platform/database.h"

/* CORRUPT names the first record that is not. */
status hub_chains_check(struct database *database, struct error *err);
