// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/human.h"
#include "cli/listing.h"

/* The numbers that add up over lanes; the oldest moment is the least of them. */
static status add_up(struct call *call, const struct value *lanes, uint32_t count,
                     struct value *out_sum, struct error *err) {
    static const char *const SUMS[] = {"waiting", "bytes", "gaps"};
    enum { SUM_COUNT = sizeof(SUMS) / sizeof(SUMS[0]) };
    struct member *members = value_new_object(&call->arena, SUM_COUNT + 2, out_sum);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    members[0] = (struct member){SLICE("lanes"), value_of_integer(count)};
    for (size_t i = 0; i < SUM_COUNT; i++) {
        int64_t sum = 0;
        for (uint32_t j = 0; j < count; j++) {
            sum += human_number(lanes[j], SUMS[i]);
        }
        members[i + 1] = (struct member){slice_of(SUMS[i]), value_of_integer(sum)};
    }
    struct slice oldest = {0};
    for (uint32_t i = 0; i < count; i++) {
        const struct value *at = value_get(lanes[i], SLICE("oldest_at"));
        const struct slice text = at != NULL ? value_text(*at) : SLICE("");
        if (text.count > 0 && (oldest.count == 0 || slice_compare(text, oldest) < 0)) {
            oldest = text;
        }
    }
    members[SUM_COUNT + 1] = (struct member){
        SLICE("oldest_at"), oldest.count > 0 ? value_of_text(oldest) : (struct value){0}};
    return STATUS_OK;
}

static status run(struct call *call, struct error *err) {
    const char *wanted = call_argument(call, 0);
    if (wanted != NULL) {
        TRY(daemon_check_lane(wanted, err));
    }
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/queue"));
    uint32_t count = 0;
    const struct value *lanes = human_items(answer, "lanes", &count);
    for (uint32_t i = 0; wanted != NULL && i < count; i++) {
        const struct value *name = value_get(lanes[i], SLICE("lane"));
        if (name != NULL && slice_is(value_text(*name), wanted)) {
            return listing_object(call, lanes[i], err);
        }
    }
    if (wanted != NULL) {
        return fail(err, STATUS_NOT_FOUND, "the daemon has no lane '%s'", wanted);
    }
    struct value sum = {.kind = VALUE_NULL};
    TRY(add_up(call, lanes, count, &sum, err));
    return listing_object(call, sum, err);
}

const struct command cmd_queue_stat = {.noun = "queue",
                                       .verb = "stat",
                                       .arguments = "[LANE]",
                                       .most = 1,
                                       .summary =
                                           "Show the numbers of one lane, or of all together",
                                       .example = "ebb queue stat\n"
                                                  "ebb queue stat urgent --json",
                                       .asks_daemon = true,
                                       .run = run};
