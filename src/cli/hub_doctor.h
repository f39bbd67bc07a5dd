/*
 * hub_doctor: what is wrong with a hub, a sentence each, and a sentence with the remedy.
 *
 * Judges only, as cli/doctor does, whose findings these are: the hub's answers and the machine's
 * own numbers are handed in. cmd_hub_doctor.c asks and shows.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "cli/doctor.h"

enum {
    HUB_DOCTOR_BACKUP_DAYS = 8, /* a weekly backup that is late */
    HUB_DOCTOR_DISK_DAYS = 14,
    HUB_DOCTOR_DISK_DAYS_LEAST = 2,
    HUB_DOCTOR_AUTHORITY_DAYS = 180, /* as long as it takes to bring a new one to all devices */
    HUB_DOCTOR_COMMIT_MS = 100,
    HUB_DOCTOR_COMMIT_MS_MOST = 1000,
    HUB_DOCTOR_WAL_BYTES = 1 << 30
};

/* The hub could not be asked. */
void hub_doctor_judge_refusal(struct doctor *doctor, const struct error *why);

/* The answer of /v1/status: version, disk, database, devices, backup, destinations. */
void hub_doctor_judge_status(struct doctor *doctor, struct value answer, int64_t wall_ms);

/* The answers of /v1/health and /v1/status together: certificates, files, how long the disk lasts.
 * */
void hub_doctor_judge_health(struct doctor *doctor, struct value health, struct value answer,
                             int64_t wall_ms);

/* Of a hub that does not run: how large its WAL is. */
void hub_doctor_judge_wal(struct doctor *doctor, int64_t bytes);

/* How long a small file took to be on the disk, in the middle of some. */
void hub_doctor_judge_commit(struct doctor *doctor, double ms, const char *folder);

/* What others may do with a folder or a key; `mode` as stat has it. A key is for its owner alone, a
 * folder for nobody else to write in. */
void hub_doctor_judge_mode(struct doctor *doctor, const char *path, bool is_key, unsigned mode);

/* Whether somebody takes a connection at an address by which devices know the hub; OK: yes. */
void hub_doctor_judge_address(struct doctor *doctor, struct slice address, const struct error *why);
