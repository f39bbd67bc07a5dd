// SPDX-License-Identifier: Apache-2.0
#include "runtime/history.h"

#include <string.h>

#include "base/memory.h"

static const char *put(char **room, struct slice text) {
    char *start = *room;
    if (text.count > 0) {
        (void)memcpy(start, text.bytes, text.count);
    }
    start[text.count] = '\0';
    *room = start + text.count + 1;
    return start;
}

void history_add(struct history *history, const struct run *run) {
    const struct slice workflow = run->version->workflow->name;
    const struct slice event_id = slice_part(run->event->id, 0, 300);
    const struct slice error = slice_part(run->error, 0, 300);
    struct ended_run *ended =
        memory_new(1, sizeof(*ended) + workflow.count + event_id.count + error.count + 3);
    if (ended == NULL) {
        return;
    }
    char *room = (char *)(ended + 1);
    *ended = (struct ended_run){
        .id = run->id,
        .outcome = run->outcome,
        .took_ns = clock_boot_ns() - run->began_ns,
        .ended_wall_ms = clock_wall_ms(),
    };
    ended->began_wall_ms = ended->ended_wall_ms - ended->took_ns / 1000000;
    ended->workflow = put(&room, workflow);
    ended->event_id = put(&room, event_id);
    ended->error = put(&room, error);
    struct ended_run **place = &history->runs[history->count++ % HISTORY_RUNS_MAX];
    memory_free(*place);
    *place = ended;
}

const struct ended_run *history_at(const struct history *history, uint32_t index) {
    if (index >= HISTORY_RUNS_MAX || index >= history->count) {
        return NULL;
    }
    return history->runs[(history->count - 1 - index) % HISTORY_RUNS_MAX];
}

void history_done(struct history *history) {
    for (uint32_t i = 0; i < HISTORY_RUNS_MAX; i++) {
        memory_free(history->runs[i]);
    }
    *history = (struct history){0};
}
