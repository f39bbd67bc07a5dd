// SPDX-License-Identifier: Apache-2.0
#include "hub/audit.h"

#include "base/log.h"
#include "base/memory.h"
#include "hub/store/hub_check.h"

enum { STEP_PAUSE_MS = 20, AGAIN_MS = 24 * 3600 * 1000, LATER_MS = 60 * 1000, FAULTS_MAX = 16 };

struct audit {
    struct reader_errand errand; /* first */
    struct reader *reader;       /* not owned */
    struct timer *timer;
    struct hub_check check;
    struct audit_counters counters;
    int faults; /* of this walk: a file that is damaged all over need not be walked through */
};

static status look(struct reader_errand *errand, struct database *database, struct error *err) {
    struct audit *audit = (struct audit *)errand;
    return hub_check_step(&audit->check, database, err);
}

static void end_walk(struct audit *audit) {
    audit->counters.walks++;
    audit->counters.lanes = audit->check.lanes;
    audit->check = (struct hub_check){.inside = false};
    audit->faults = 0;
}

/* The walk goes on behind the lane. */
static bool goes_on(struct audit *audit, const struct error *err) {
    log_line(LOG_ERROR, "hub", "what is held does not add up: %s", err->text);
    audit->counters.faults++;
    audit->check.inside = false;
    if (++audit->faults < FAULTS_MAX) {
        return true;
    }
    end_walk(audit);
    return false;
}

static void done(struct reader_errand *errand) {
    struct audit *audit = (struct audit *)errand;
    int64_t wait_ms = STEP_PAUSE_MS;
    switch (errand->error.code) {
    case STATUS_OK:
    case STATUS_TIMEOUT: /* it goes on where it was */
        break;
    case STATUS_NOT_FOUND:
        end_walk(audit);
        wait_ms = AGAIN_MS;
        break;
    case STATUS_CORRUPT:
        wait_ms = goes_on(audit, &errand->error) ? STEP_PAUSE_MS : AGAIN_MS;
        break;
    default:
        log_line(LOG_WARN, "hub", "look whether what is held adds up: %s", errand->error.text);
        wait_ms = LATER_MS;
    }
    timer_set(audit->timer, wait_ms);
}

static void step(void *owner) {
    struct audit *audit = owner;
    audit->errand.look = look;
    audit->errand.done = done;
    reader_run(audit->reader, &audit->errand);
}

status audit_create(struct loop *loop, struct reader *reader, int64_t first_ms,
                    struct audit **out_audit, struct error *err) {
    struct audit *audit = memory_new(1, sizeof(*audit));
    if (audit == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the audit");
    }
    audit->reader = reader;
    const status opened = timer_open(loop, step, audit, &audit->timer, err);
    if (opened != STATUS_OK) {
        memory_free(audit);
        return opened;
    }
    timer_set(audit->timer, first_ms);
    *out_audit = audit;
    return STATUS_OK;
}

void audit_destroy(struct audit *audit) {
    if (audit != NULL) {
        timer_close(audit->timer);
        memory_free(audit);
    }
}

void audit_counters(const struct audit *audit, struct audit_counters *out_counters) {
    *out_counters = audit->counters;
}
