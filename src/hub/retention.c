// SPDX-License-Identifier: Apache-2.0
#include "hub/retention.h"

#include "base/log.h"
#include "base/memory.h"
#include "hub/store/hub_store_sqlite.h"
#include "platform/clock.h"

struct retention {
    struct ingest_job job; /* first */
    struct ingest *ingest; /* not owned, as are the rules */
    const struct hub_retention_rules *rules;
    struct hub_retention_place place, next; /* committed, and of the step under way */
    struct hub_boots_place boots, boots_next;
    bool under_way, more, stopped;
};

/* On the writing thread. */
static status work(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    struct retention *retention = (struct retention *)job;
    struct hub_session *session = lanes_session(lanes);
    bool more = false;
    retention->boots_next = retention->boots;
    TRY(session->kind->mend_times(session, clock_wall_ms(), &retention->boots_next, &more, err));
    retention->next = retention->place;
    TRY(hub_retention_step(hub_store_sqlite_database(session), retention->rules, clock_wall_ms(),
                           &retention->next, &retention->more, err));
    retention->more = retention->more || more;
    return STATUS_OK;
}

static void submit(struct retention *retention);

static void done(struct ingest_job *job) {
    struct retention *retention = (struct retention *)job;
    retention->under_way = false;
    if (job->error.code != STATUS_OK) {
        if (job->error.code != STATUS_OFFLINE) {
            log_line(LOG_WARN, "hub", "remove what is too old, and mend times: %s",
                     job->error.text);
        }
        return;
    }
    retention->place = retention->next;
    retention->boots = retention->boots_next;
    if (retention->more) {
        submit(retention);
    }
}

static void submit(struct retention *retention) {
    if (!retention->stopped) {
        retention->under_way = true;
        retention->job = (struct ingest_job){.work = work, .done = done};
        ingest_run(retention->ingest, &retention->job);
    }
}

void retention_begin(struct retention *retention) {
    if (!retention->under_way) {
        submit(retention);
    }
}

void retention_stop(struct retention *retention) {
    retention->stopped = true;
}

status retention_create(struct ingest *ingest, const struct hub_retention_rules *rules,
                        struct retention **out_retention, struct error *err) {
    struct retention *retention = memory_new(1, sizeof(*retention));
    if (retention == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for retention");
    }
    retention->ingest = ingest;
    retention->rules = rules;
    *out_retention = retention;
    return STATUS_OK;
}

void retention_destroy(struct retention *retention) {
    memory_free(retention);
}
