/*
 * doctor: what is wrong on this box, a sentence each, and a sentence with the remedy.
 *
 * Judges only: the box's own numbers and the daemon's answers are handed in, so that each judgement
 * can be tried without the illness. What is a fault needs somebody to act; a warning is good to
 * know and alone makes no box ill. cmd_doctor.c asks and shows.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/value.h"
#include "platform/clock.h"

enum {
    DOCTOR_FINDINGS_MAX = 200, /* what is beyond is counted, not kept */
    DOCTOR_PATIENCE_MS = 24 * 3600 * 1000,
    /* Less than is left at a renewal of the shortest certificates that hubs give. */
    DOCTOR_CERTIFICATE_MS = 2 * 24 * 3600 * 1000
};

struct finding {
    const char *what;    /* "daemon", "disk": static text */
    status code;         /* its class; OK: a warning, or all is well */
    bool is_good;        /* nothing is wrong there: said of what was looked at */
    struct slice text;   /* what is wrong */
    struct slice remedy; /* what to do; empty where all is well */
};

struct doctor {
    struct arena *arena; /* not owned; the sentences are in it */
    struct finding findings[DOCTOR_FINDINGS_MAX];
    uint32_t count;
    uint32_t more; /* that were not kept */
};

/* Room on a file system; all_files is 0 where it has no bound of files. */
struct doctor_room {
    int64_t free_bytes, all_bytes, free_files, all_files;
};

/* Adds a finding; the remedy is static text, the sentence made by a printf format. */
void doctor_find(struct doctor *doctor, const char *what, status code, const char *remedy,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Adds what is well. */
void doctor_praise(struct doctor *doctor, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* How many findings are faults or warnings. */
uint32_t doctor_count_bad(const struct doctor *doctor);

/* /v1/status could not be asked: why, and what makes it answer. `group` owns the socket, or "". */
void doctor_judge_refusal(struct doctor *doctor, const struct error *why, const char *group);

/* The answer of /v1/status: store, workflows, agents, the daemon's version and clock. */
void doctor_judge_status(struct doctor *doctor, struct value answer);

/* The answer of /v1/runs?parked=1. */
void doctor_judge_runs(struct doctor *doctor, struct value answer);

/* The answer of /v1/queue/LANE: what its gaps stand for. That a newer result of a key took the
 * place of an older one is what was asked for, and nothing to tell. */
void doctor_judge_gaps(struct doctor *doctor, struct slice lane, struct value answer);

/* The answer of /v1/runs: workflows of whose last runs half or more failed, the newest too. */
void doctor_judge_ended(struct doctor *doctor, struct value answer);

/* The answer of /v1/destinations. One that is down is a fault when results have waited for it for
 * DOCTOR_PATIENCE_MS: shorter outages are what ebb is for. */
void doctor_judge_destinations(struct doctor *doctor, struct value answer, int64_t wall_ms);

/* The answer of /v1/sync: a hub that refuses the device is a fault, one that is not reached and a
 * certificate that ends within DOCTOR_CERTIFICATE_MS, or has ended, are warnings. */
void doctor_judge_hub(struct doctor *doctor, struct value answer, int64_t wall_ms);

/* The answer of /v1/events: how many events are kept aside, and went. */
void doctor_judge_events(struct doctor *doctor, struct value answer);

/* The file system of the data folder: a device's, or a hub's. */
void doctor_judge_room(struct doctor *doctor, const char *folder, const struct doctor_room *room);
void doctor_judge_hub_room(struct doctor *doctor, const char *folder,
                           const struct doctor_room *room);

/* The clock as a daemon that started now would see it. */
void doctor_judge_clock(struct doctor *doctor, struct moment now);

/* The class of the first fault; OK when there is none. */
status doctor_worst(const struct doctor *doctor);
