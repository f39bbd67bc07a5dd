// SPDX-License-Identifier: Apache-2.0
#include "runtime/alarm_record.h"

#include "base/log.h"
#include "base/memory.h"

struct alarm_job {
    struct store_job job; /* first */
    struct record_draft draft;
    struct buffer body;
};

static void destroy(struct alarm_job *alarm) {
    buffer_done(&alarm->body);
    memory_free(alarm);
}

static void written(struct store_job *job) {
    if (job->error.code != STATUS_OK) {
        log_line(LOG_ERROR, "runtime", "keep an alarm: %s", job->error.text);
    }
    destroy((struct alarm_job *)job);
}

void alarm_record_put(struct store *store, const struct alarm_record *record) {
    struct alarm_job *alarm = memory_new(1, sizeof(*alarm));
    if (alarm == NULL) {
        return; /* the log has what it is about */
    }
    buffer_init(&alarm->body, RECORD_BYTES_MAX);
    buffer_add(&alarm->body, record->body);
    if (alarm->body.failed != STATUS_OK) {
        destroy(alarm);
        return;
    }
    alarm->draft = (struct record_draft){.record = {.kind = RECORD_ALARM,
                                                    .priority = PRIORITY_MAX,
                                                    .time = clock_now(),
                                                    .run = record->run,
                                                    .name = slice_of(record->name),
                                                    .body = buffer_slice(&alarm->body)},
                                         .lane = LANE_CONTROL};
    alarm->job = (struct store_job){.kind = STORE_RUN_END,
                                    .done = written,
                                    .workflow = record->workflow,
                                    .records = &alarm->draft,
                                    .record_count = 1};
    store_submit(store, &alarm->job);
}
