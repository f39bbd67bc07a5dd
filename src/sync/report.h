/*
 * report: what a device says of itself beside its records, and what its hub would like to have of
 * it.
 *
 *   PUT /v1/report                      a JSON object -> {"want":{"workflows":[],"blobs":[]}}
 *   PUT /v1/faces/DIGEST                a JSON object: what the workflow looks like
 *   PUT /v1/blobs/HASH?bytes=N&from=M   a part of it, perhaps empty -> {"have":M,"here":false}
 *   PUT /v1/blobs/HASH?gone=WORD        it will not come: gone, kept, large
 *
 * A report, a face and a part have each at most REPORT_BYTES_MAX, so none of them keeps a record
 * waiting for longer than one frame would. Unknown members are ignored. What stands in a report and
 * a face is written by runtime/device_report and runtime/face; a hub believes no more of it than
 * its names and digests, and keeps the text as it came.
 *
 * Pure: any thread. Foreign bytes: yes, bounded before anything is allocated.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/id.h"

enum {
    REPORT_BYTES_MAX = 64 << 10,
    REPORT_ARENA_BYTES_MAX = 4 << 20, /* that reading the largest one needs */
    REPORT_WORKFLOWS_MAX = 256,
    REPORT_NAME_BYTES_MAX = 128, /* of a workflow */
    WANT_FACES_MAX = 32,
    WANT_BLOBS_MAX = 8,
    BLOB_SENT_BYTES_MAX = 16 << 20 /* of one blob, where the hub says nothing else */
};

#define REPORT_PATH "/v1/report"

/* --- what device and hub both know a report by ----------------------------------------------- */

/* A hash of the text but for the numbers in it: two reports that differ in counts and times alone
 * have the same. The text is JSON that was written by ebb or read before. */
struct id report_shape(struct slice text);

struct report_workflow {
    struct slice name;
    struct id digest; /* zero: it has none at the moment */
};

/* INVALID names what is wrong: more than REPORT_BYTES_MAX, no JSON object, names and digests that
 * are none, more than REPORT_WORKFLOWS_MAX workflows. They live in the arena. */
status report_read(struct arena *arena, struct slice text, struct report_workflow **out_workflows,
                   int *out_count, struct error *err);

/* What of a report decides whether somebody is needed; what is missing or no such thing is well. */
struct report_summary {
    bool clock_is_bad, is_full; /* its clock, its store */
    bool is_behind;             /* a lane has more than it should */
    int64_t waiting;            /* records, of all lanes */
};

/* Of a text that report_read has taken. */
status report_summarise(struct arena *arena, struct slice text, struct report_summary *out_summary,
                        struct error *err);

/* INVALID as for a report; *out_workflow is whose face it is. */
status face_read(struct arena *arena, struct slice text, struct slice *out_workflow,
                 struct error *err);

/* --- what the hub wants ---------------------------------------------------------------------- */

struct want {
    struct id workflows[WANT_FACES_MAX], blobs[WANT_BLOBS_MAX];
    int workflow_count, blob_count;
};

void want_write(const struct want *want, struct buffer *out);

/* What is beyond the bounds is left for the next time. INVALID: it makes no sense; *out_want wants
 * nothing then. */
status want_read(struct arena *arena, struct slice text, struct want *out_want, struct error *err);

/* How far a blob has come to the hub. */
struct blob_progress {
    int64_t have; /* bytes */
    bool here;    /* all of it, and it was held against its hash */
};

void blob_progress_write(struct blob_progress progress, struct buffer *out);
status blob_progress_read(struct arena *arena, struct slice text,
                          struct blob_progress *out_progress, struct error *err);

/* Why a blob does not come. */
enum blob_gone {
    BLOB_GONE,      /* the device has it no more */
    BLOB_KEPT,      /* it may not leave the device, or nothing said that it may */
    BLOB_TOO_LARGE, /* for what is sent */
    BLOB_GONE_COUNT
};

/* "gone", "kept", "large"; false: no such word. */
const char *blob_gone_name(enum blob_gone gone);
bool blob_gone_read(struct slice word, enum blob_gone *out_gone);

/* --- paths ----------------------------------------------------------------------------------- */

void face_path_write(struct buffer *out, struct id digest);
void blob_path_write(struct buffer *out, struct id hash, int64_t bytes, int64_t from);
void blob_gone_path_write(struct buffer *out, struct id hash, enum blob_gone gone);

/* Of a path without its query; false for another. */
bool face_path_read(struct slice path, struct id *out_digest);
bool blob_path_read(struct slice path, struct id *out_hash);
