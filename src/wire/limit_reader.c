// SPDX-License-Identifier: Apache-2.0
// How often a result may come: the keys of `limit:`.
#include <stdio.h>

#include "base/rate.h"
#include "wire/workflow_draft.h"

static const int64_t SPAN_MS_MAX = INT64_C(366) * 24 * 3600 * 1000;

static void read_rate(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct limit *limit = target;
    struct slice text;
    uint32_t count;
    int64_t span_ms;
    if (!keys_scalar(reading, key->name, "a rate such as 1/15m", node, &text)) {
        return;
    }
    if (!rate_read(text, &count, &span_ms) || span_ms > SPAN_MS_MAX) {
        faults_add(reading->faults, node->place,
                   "`rate: %.*s`: a rate is so many in a span of at most 366d, such as 1/15m, "
                   "6/min or 30/h",
                   QUOTED(text));
        return;
    }
    limit->count = count;
    limit->span_ms = span_ms;
}

static void read_by(struct reading *reading, const struct key *key, const struct yaml *node,
                    void *target) {
    struct slice text;
    if (keys_scalar(reading, key->name, "a value such as ${ .event.key }", node, &text)) {
        draft_read_template(reading, key, node, target);
    }
}

static const char *const OVERS[] = {
    [OVER_COUNT] = "count", [OVER_DROP] = "drop", [OVER_LAST] = "last", NULL};

static const struct key LIMIT_KEYS[] = {
    {.name = "rate",
     .state = KEY_REQUIRED,
     .read = read_rate,
     .help = "How many there may be in a span: 1/15m, 6/min, 30/h.",
     .form = FORM_TEXT},
    {.name = "by",
     .read = read_by,
     .offset = offsetof(struct limit, by),
     .help = "A value such as ${ .event.key }: each has a limit of its own. One for all.",
     .form = FORM_TEXT},
    {.name = "over",
     .read = keys_read_word,
     .offset = offsetof(struct limit, over),
     .help = "What becomes of those beyond: count, the next result says how many as `held`; last, "
             "the last one comes as soon as there is room; drop.",
     .words = OVERS},
    {0}};

const struct key_table LIMIT_TABLE = {
    .what = "`limit`", .example = "{ rate: 1/15m, by: \"${ .event.key }\" }", .keys = LIMIT_KEYS};

void limit_read(struct reading *reading, const struct key *key, const struct yaml *node,
                void *target) {
    (void)key;
    struct result_draft *draft = target;
    draft->limit = node;
    (void)keys_read(reading, &LIMIT_TABLE, node, &draft->rule.limit);
}

void limit_check(struct workflow_draft *draft, struct result_draft *result) {
    struct limit *limit = &result->rule.limit;
    const struct yaml *from = yaml_get(result->node, "from");
    if (result->limit == NULL) {
        return;
    }
    if (limit->over != OVER_DROP && from != NULL && from->kind != YAML_MAP) {
        faults_add(draft->reading.faults, result->limit->place,
                   "how many were held back is said in a field `held` of the next result: `from` "
                   "is no map, so say `over: drop`");
    } else if (limit->over != OVER_DROP && from != NULL && yaml_get(from, "held") != NULL) {
        faults_add(draft->reading.faults, yaml_get(from, "held")->place,
                   "`held` is how many the limit held back: name this field otherwise, or say "
                   "`over: drop`");
    }
    char name[sizeof("limit:") + KEYS_NAME_BYTES];
    (void)snprintf(name, sizeof(name), "limit:%.*s", SLICE_ARGS(result->rule.name));
    limit->state = arena_copy(draft->reading.arena, slice_of(name));
    draft->reading.faults->no_memory |= limit->state.bytes == NULL;
}
