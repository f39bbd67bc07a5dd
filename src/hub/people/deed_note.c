// SPDX-License-Identifier: Apache-2.0
#include "hub/people/deed_note.h"

#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "hub/people/deed_rows.h"
#include "hub/store/hub_store_sqlite.h"
#include "platform/clock.h"

enum { WHAT_BYTES = 256 };

struct note {
    struct ingest_job job; /* first */
    struct caller caller;
    int64_t now_ms;
    char what[WHAT_BYTES];
    char details[DEED_DETAILS_BYTES_MAX + 1];
};

static status write(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    const struct note *note = (const struct note *)job;
    const struct deed deed = {
        .wall_ms = note->now_ms, .what = slice_of(note->what), .details = slice_of(note->details)};
    return deed_rows_put(hub_store_sqlite_database(lanes_session(lanes)), &note->caller, &deed,
                         err);
}

static void written(struct ingest_job *job) {
    if (job->error.code != STATUS_OK && job->error.code != STATUS_OFFLINE) {
        log_line(LOG_WARN, "hub", "note who did what: %s", job->error.text);
    }
    memory_free(job);
}

void deed_note(struct ingest *ingest, const struct caller *caller,
               const struct http_request *request) {
    struct note *note = memory_new(1, sizeof(*note));
    if (note == NULL) {
        log_line(LOG_WARN, "hub", "note who did what: out of memory");
        return;
    }
    *note = (struct note){
        .job = {.work = write, .done = written}, .caller = *caller, .now_ms = clock_wall_ms()};
    (void)snprintf(note->what, sizeof(note->what), "%.*s %.*s", SLICE_ARGS(request->method),
                   SLICE_ARGS(text_cut(request->path, WHAT_BYTES / 2)));
    (void)snprintf(note->details, sizeof(note->details), "%.*s",
                   SLICE_ARGS(text_cut(request->body, DEED_DETAILS_BYTES_MAX)));
    ingest_run(ingest, &note->job);
}
