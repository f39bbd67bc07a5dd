// SPDX-License-Identifier: Apache-2.0
/* Whatever an agent writes under `protocol: messages`, line by line, each call that it has ends
 * once at most, with an object or an error, and no place is lost. */
#include <stdint.h>
#include <stdlib.h>

#include "agents/adapters/message_process.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { CALLS = 4, BYTES_MAX = 1 << 16, ARENA_BYTES_MAX = 64 << 20 };

struct watched {
    struct arena arena;
    struct agent_call calls[CALLS];
    int ended[CALLS];
    bool gone;
};

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void take_ending(void *owner, struct agent_call *call) {
    struct watched *watched = owner;
    const size_t index = (size_t)(call - watched->calls);
    need(index < CALLS);
    need(++watched->ended[index] == 1);
    need(call->error.code != STATUS_OK || call->out.kind == VALUE_OBJECT);
    need(call->keyed || call->state_out.kind == VALUE_NULL);
    need(!call->keyed || value_get(call->out, SLICE("state")) == NULL);
}

static void take_nothing(void *owner) {
    (void)owner;
}

static void take_failure(void *owner, const struct error *why, bool by_itself) {
    struct watched *watched = owner;
    (void)by_itself;
    need(why->code != STATUS_OK && why->text[0] != '\0');
    watched->gone = true;
}

static void take_until(void *owner, int64_t moment_ns) {
    (void)owner;
    (void)moment_ns;
}

static void count_places(const struct message_process *process) {
    uint32_t taken = 0;
    for (size_t i = 0; i < MESSAGE_REQUESTS_MAX; i++) {
        taken += process->requests[i].id != 0;
    }
    need(taken == process->under_way);
}

/* Requests 1 to CALLS are under way, the one after them was cancelled. */
static void begin(struct message_process *process, struct watched *watched, bool keyed) {
    for (int i = 0; i <= CALLS; i++) {
        struct agent_call *call = i < CALLS ? &watched->calls[i] : NULL;
        process->requests[i] = (struct message_request){.id = i + 1, .call = call, .until_ns = 1};
        if (call != NULL) {
            call->arena = &watched->arena;
            call->keyed = keyed;
        }
    }
    process->under_way = CALLS + 1;
}

static void feed(struct message_process *process, struct watched *watched, struct slice all) {
    while (all.count > 0 && !watched->gone) {
        const size_t end = slice_find(all, '\n');
        message_process_take(process, slice_part(all, 0, end));
        all = slice_part(all, end + 1, all.count);
        count_places(process);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static const struct line_process_events LINE_EVENTS = {
        .ready = take_nothing, .failed = take_failure, .until = take_until};
    static const struct message_process_events EVENTS = {
        .ended = take_ending, .freed = take_nothing, .until = take_until};
    static const struct field PARTS = {.name = {"parts", 5}, .type = FIELD_LIST, .optional = true};
    if (count < 1 || count > BYTES_MAX) {
        return 0;
    }
    log_set_level(LOG_ERROR);
    struct agent_manifest manifest = {.name = SLICE("fuzzed"), .output_bytes = BYTES_MAX};
    if ((bytes[0] & 1) != 0) {
        manifest.outputs = (struct field_set){.fields = &PARTS, .count = 1};
    } else {
        manifest.outputs.open = true;
    }
    struct log_budget budget = {0};
    struct message_tally tally = {0};
    struct watched watched = {0};
    struct line_process lines;
    struct message_process process;
    arena_init(&watched.arena, ARENA_BYTES_MAX);
    line_process_init(&lines, NULL, &manifest, &budget, &LINE_EVENTS, &watched);
    message_process_init(&process, &lines, &tally, &EVENTS, &watched);
    lines.state = (bytes[0] & 2) != 0 ? LINE_PROCESS_STARTING : LINE_PROCESS_IDLE;
    begin(&process, &watched, (bytes[0] & 4) != 0);
    feed(&process, &watched, (struct slice){.bytes = (const char *)bytes + 1, .count = count - 1});
    struct error why;
    (void)fail(&why, STATUS_CRASH, "it is gone");
    (void)message_process_lose(&process, &why); /* how many is what is looked at next */
    count_places(&process);
    for (int i = 0; i < CALLS; i++) {
        need(watched.ended[i] == 1);
    }
    agent_metrics_done(&tally.metrics);
    line_process_done(&lines);
    arena_done(&watched.arena);
    return 0;
}
