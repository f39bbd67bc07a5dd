// SPDX-License-Identifier: Apache-2.0
// Triggers and the queue behind them.
#include <string.h>

#include "base/size.h"
#include "base/time.h"
#include "wire/workflow_draft.h"

enum { QUEUE_MAX_MOST = 1000000 };

/* One trigger while it is read. */
struct trigger_draft {
    struct trigger trigger;
    uint32_t kinds; /* how many of them it says: one is right */
};

const char *const TRIGGER_FORMATS[] = {"json", "text", NULL};

/* Each kind has its name as the source of its events. */
static void begin_kind(struct trigger_draft *draft, enum trigger_kind kind, const char *name) {
    draft->kinds++;
    draft->trigger.kind = kind;
    draft->trigger.source = slice_of(name);
}

static void read_stdin(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    struct trigger_draft *draft = target;
    const struct key format = {
        .name = key->name, .offset = offsetof(struct trigger, format), .words = TRIGGER_FORMATS};
    begin_kind(draft, TRIGGER_STDIN, key->name);
    keys_read_word(reading, &format, node, &draft->trigger);
}

static void read_path(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct trigger *trigger = target;
    keys_read_text(reading, key, node, trigger);
    if (node->kind == YAML_SCALAR && !yaml_is_null(node) && node->text.count == 0) {
        faults_add(reading->faults, node->place, "`path` is the folder to watch, not empty");
    }
}

static void read_glob(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct trigger *trigger = target;
    keys_read_text(reading, key, node, trigger);
    if (slice_find(trigger->glob, '/') < trigger->glob.count) {
        faults_add(reading->faults, node->place,
                   "`glob: %.*s`: it is matched against names in the folder, which have no /",
                   QUOTED(trigger->glob));
    }
}

static const char *const AFTER[] = {"keep", "delete", NULL};

static const struct key WATCH_KEYS[] = {
    {.name = "path",
     .state = KEY_REQUIRED,
     .read = read_path,
     .offset = offsetof(struct trigger, path),
     .help = "The folder to watch.",
     .form = FORM_TEXT},
    {.name = "glob",
     .read = read_glob,
     .offset = offsetof(struct trigger, glob),
     .help = "Which names in it are events, such as *.json; all.",
     .form = FORM_TEXT},
    {.name = "text",
     .read = keys_read_boolean,
     .offset = offsetof(struct trigger, text),
     .help = "Whether the file's text comes along as .event.text; false."},
    {.name = "after",
     .read = keys_read_word,
     .offset = offsetof(struct trigger, after),
     .words = AFTER,
     .help = "What becomes of the file after its run: keep or delete; keep."},
    {0}};

const struct key_table WATCH_TABLE = {
    .what = "`watch`", .example = "{ path: inbox }", .keys = WATCH_KEYS};

static void read_watch(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    struct trigger_draft *draft = target;
    begin_kind(draft, TRIGGER_WATCH, key->name);
    draft->trigger.glob = SLICE("*");
    (void)keys_read(reading, &WATCH_TABLE, node, &draft->trigger);
}

static void read_interval(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    struct trigger_draft *draft = target;
    const struct key span = {.name = key->name,
                             .offset = offsetof(struct trigger, interval_ms),
                             .least = INTERVAL_MS_LEAST,
                             .most = INT64_C(86400000) * INTERVAL_DAYS_MAX};
    begin_kind(draft, TRIGGER_INTERVAL, key->name);
    keys_read_span(reading, &span, node, &draft->trigger);
}

static void read_schedule(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    struct trigger *trigger = target;
    struct error err;
    const uint32_t before = reading->faults->error_count;
    keys_read_text(reading, key, node, trigger);
    if (reading->faults->error_count == before &&
        schedule_read(trigger->cron, &trigger->schedule, &err) != STATUS_OK) {
        faults_add(reading->faults, node->place, "`%s`: %s", key->name, err.text);
    }
}

/* The zone is opened again where it is used: tzdata may change while a workflow runs. */
static void read_time_zone(struct reading *reading, const struct key *key, const struct yaml *node,
                           void *target) {
    struct trigger *trigger = target;
    const struct zone *zone;
    struct error err;
    const uint32_t before = reading->faults->error_count;
    keys_read_text(reading, key, node, trigger);
    if (reading->faults->error_count > before) {
        return;
    }
    const status code = trigger->time_zone.count > 0
                            ? zone_open(draft_of(reading)->scratch, trigger->time_zone, &zone, &err)
                            : fail(&err, STATUS_INVALID, "it is a name such as Europe/Berlin");
    if (code == STATUS_NO_MEMORY) {
        reading->faults->no_memory = true;
    } else if (code != STATUS_OK) {
        faults_add(reading->faults, node->place, "`time_zone: %.*s`: %s",
                   QUOTED(trigger->time_zone), err.text);
    }
}

static const struct key CRON_KEYS[] = {{.name = "at",
                                        .state = KEY_REQUIRED,
                                        .read = read_schedule,
                                        .offset = offsetof(struct trigger, cron),
                                        .help = "Minute, hour, day, month and weekday, as in cron.",
                                        .form = FORM_TEXT},
                                       {.name = "time_zone",
                                        .read = read_time_zone,
                                        .offset = offsetof(struct trigger, time_zone),
                                        .help = "Whose clocks are meant, such as Europe/Berlin.",
                                        .form = FORM_TEXT},
                                       {0}};

const struct key_table CRON_TABLE = {
    .what = "`cron`", .example = "{ at: \"30 6 * * mon-fri\" }", .keys = CRON_KEYS};

static void read_cron(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct trigger_draft *draft = target;
    const struct key at = {.name = key->name, .offset = offsetof(struct trigger, cron)};
    begin_kind(draft, TRIGGER_CRON, key->name);
    if (node->kind == YAML_SCALAR) {
        read_schedule(reading, &at, node, &draft->trigger);
    } else {
        (void)keys_read(reading, &CRON_TABLE, node, &draft->trigger);
    }
}

static const struct key HTTP_KEYS[] = {
    {.name = "accept",
     .read = keys_read_word,
     .offset = offsetof(struct trigger, accept),
     .words = TRIGGER_FORMATS,
     .help = "What may be posted: json (.event.data) or text (.event.text); either."},
    {0}};

const struct key_table HTTP_TABLE = {
    .what = "`http`", .example = "{}, or `http: json`", .keys = HTTP_KEYS};

void trigger_read_http(struct reading *reading, const struct key *key, const struct yaml *node,
                       struct trigger *trigger) {
    const struct key accept = {
        .name = key->name, .offset = offsetof(struct trigger, accept), .words = TRIGGER_FORMATS};
    trigger->kind = TRIGGER_HTTP;
    trigger->accept = HTTP_EITHER;
    if (node->kind == YAML_SCALAR) {
        keys_read_word(reading, &accept, node, trigger);
    } else {
        (void)keys_read(reading, &HTTP_TABLE, node, trigger);
    }
}

static void read_http(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct trigger_draft *draft = target;
    begin_kind(draft, TRIGGER_HTTP, key->name);
    trigger_read_http(reading, key, node, &draft->trigger);
}

static void read_source(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    struct trigger_draft *draft = target;
    struct trigger *trigger = &draft->trigger;
    struct slice text;
    begin_kind(draft, TRIGGER_SOURCE, key->name);
    trigger->source = (struct slice){0}; /* the device's name for it */
    if (!keys_scalar(reading, key->name, "the name of a source of the device", node, &text)) {
        return;
    }
    if (draft_names_param(text, &text)) {
        trigger->param = arena_copy(reading->arena, text);
        reading->faults->no_memory |= trigger->param.bytes == NULL;
        return;
    }
    if (slice_starts(text, "${")) {
        faults_add(reading->faults, node->place,
                   "`%s` is a name, or ${ $params.NAME } of a parameter of type source", key->name);
        return;
    }
    const struct key name = {.name = key->name, .offset = offsetof(struct trigger, source)};
    keys_read_name(reading, &name, node, trigger);
}

static void read_queue_max(struct reading *reading, const struct key *key, const struct yaml *node,
                           void *target) {
    int64_t amount;
    const bool scalar = node->kind == YAML_SCALAR && !slice_is(node->text, "0");
    if (scalar && (time_read_span(node->text, &amount) || size_read(node->text, &amount))) {
        draft_refuse_value(reading, key->name, node->text, node->place);
        return;
    }
    keys_read_count(reading, key, node, target);
}

static void read_queue_full(struct reading *reading, const struct key *key, const struct yaml *node,
                            void *target) {
    if (node->kind == YAML_SCALAR && slice_is(node->text, "gap")) {
        draft_refuse_value(reading, key->name, node->text, node->place);
        return;
    }
    keys_read_word(reading, key, node, target);
}

static const char *const KEEP[] = {"latest", NULL};
static const char *const ORDER[] = {"key", NULL};

static void read_queue_keep(struct reading *reading, const struct key *key, const struct yaml *node,
                            void *target) {
    struct slice text;
    struct queue_policy *queue = target;
    if (keys_scalar(reading, key->name, "`latest`", node, &text)) {
        queue->keep_latest = keys_word(reading, key->name, KEEP, text, node->place) == 0;
    }
}

static void read_queue_order(struct reading *reading, const struct key *key,
                             const struct yaml *node, void *target) {
    struct slice text;
    struct queue_policy *queue = target;
    draft_of(reading)->queue_order = node;
    if (keys_scalar(reading, key->name, "`key`", node, &text)) {
        queue->by_key = keys_word(reading, key->name, ORDER, text, node->place) == 0;
    }
}

static const char *const FULL[] = {"block", "drop_oldest", "drop_newest", NULL};

static const struct key QUEUE_KEYS[] = {
    {.name = "max",
     .read = read_queue_max,
     .offset = offsetof(struct queue_policy, max),
     .least = 1,
     .most = QUEUE_MAX_MOST,
     .help = "How many events may wait; 100.",
     .form = FORM_NUMBER},
    {.name = "full",
     .read = read_queue_full,
     .offset = offsetof(struct queue_policy, full),
     .words = FULL,
     .help = "What happens when they are so many: block the source, drop_oldest or drop_newest."},
    {.name = "keep",
     .read = read_queue_keep,
     .help = "latest: only the newest event waits.",
     .words = KEEP},
    {.name = "order",
     .read = read_queue_order,
     .help = "key: one event of a key at a time.",
     .words = ORDER},
    {0}};

const struct key_table QUEUE_TABLE = {
    .what = "`queue`", .example = "{ max: 100, full: block }", .keys = QUEUE_KEYS};

static void read_queue(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    (void)key;
    (void)target;
    struct workflow_draft *draft = draft_of(reading);
    if (draft->queue_given) {
        faults_add(reading->faults, node->place,
                   "a workflow has one `queue` in this version of ebb: say it at one trigger");
        return;
    }
    draft->queue_given = true;
    (void)keys_read(reading, &QUEUE_TABLE, node, &draft->workflow->queue);
}

/* The keys about events are of the trigger alone. */
static void read_event_rule(struct reading *reading, const struct key *key, const struct yaml *node,
                            void *target) {
    event_rule_read(reading, key, node, &((struct trigger_draft *)target)->trigger);
}

static void read_schema(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    event_schema_read(reading, key, node, &((struct trigger_draft *)target)->trigger);
}

static void read_unfit(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    event_unfit_read(reading, key, node, &((struct trigger_draft *)target)->trigger);
}

static const struct key TRIGGER_KEYS[] = {
    {.name = "stdin",
     .read = read_stdin,
     .help = "A line of standard input is an event: json or text.",
     .words = TRIGGER_FORMATS},
    {.name = "watch",
     .read = read_watch,
     .help = "A file in a folder is an event.",
     .form = FORM_KEYS,
     .table = &WATCH_TABLE},
    {.name = "interval",
     .read = read_interval,
     .help = "An event each time this span has passed.",
     .form = FORM_SPAN},
    {.name = "cron",
     .read = read_cron,
     .help = "An event at each moment of a schedule of five fields.",
     .form = FORM_WORD_OR_KEYS,
     .table = &CRON_TABLE},
    {.name = "http",
     .read = read_http,
     .help = "What is posted to the local API is an event: json, text, or {} for either.",
     .form = FORM_WORD_OR_KEYS,
     .words = TRIGGER_FORMATS,
     .table = &HTTP_TABLE},
    {.name = "source",
     .read = read_source,
     .help = "A source that the device's file names; ${ $params.NAME } for a parameter.",
     .form = FORM_TEXT},
    {.name = "queue",
     .read = read_queue,
     .help = "How many events wait, and what happens when there are more.",
     .form = FORM_KEYS,
     .table = &QUEUE_TABLE},
    {.name = "event",
     .read = read_event_rule,
     .help = "The event's id, time and key, and more members, by what came.",
     .form = FORM_KEYS,
     .table = &EVENT_TABLE},
    {.name = "schema",
     .read = read_schema,
     .help = "The fields of .event.data: types, units, ranges; or the name of a file of them, "
             "NAME.schema.yaml or NAME.schema.json.",
     .form = FORM_FIELDS_FILE,
     .words = FIELD_TYPE_WORDS,
     .table = &FIELD_TABLE},
    {.name = "invalid",
     .read = read_unfit,
     .help = "What becomes of a message that does not fit: quarantine (kept aside), drop or fail.",
     .words = EVENT_UNFIT_WORDS},
    {.name = "mqtt", .state = KEY_RESERVED},
    {.name = "camera", .state = KEY_RESERVED},
    {.name = "microphone", .state = KEY_RESERVED},
    {.name = "segment", .state = KEY_RESERVED},
    {.name = "document", .state = KEY_RESERVED},
    {.name = "result", .state = KEY_RESERVED},
    {.name = "silent", .state = KEY_RESERVED},
    {.name = "window", .state = KEY_RESERVED},
    {.name = "rate", .state = KEY_RESERVED},
    {.name = "frame", .state = KEY_RESERVED},
    {.name = "topic", .state = KEY_RESERVED},
    {.name = "qos", .state = KEY_RESERVED},
    {.name = "decode", .state = KEY_RESERVED},
    {0}};

static const struct key_table *const OTHERS[] = {
    &WATCH_TABLE,    &CRON_TABLE, &HTTP_TABLE,   &QUEUE_TABLE,
    &WORKFLOW_TABLE, &STEP_TABLE, &RESULT_TABLE, NULL};

const struct key_table TRIGGER_TABLE = {
    .what = "a trigger", .example = "{ stdin: json }", .keys = TRIGGER_KEYS, .others = OTHERS};

/* A trigger of a kind that is known but not built has its fault already. */
static bool has_other_kind(const struct yaml *node) {
    static const char *const KINDS[] = {"mqtt",   "camera", "segment",    "document",
                                        "result", "window", "microphone", NULL};
    for (size_t i = 0; KINDS[i] != NULL; i++) {
        if (yaml_get(node, KINDS[i]) != NULL) {
            return true;
        }
    }
    return false;
}

#define KINDS_TEXT "`stdin`, `watch`, `interval`, `cron`, `http` and `source`"

/* Two of a kind could not be told apart by whoever sends. */
static void check_single(struct workflow_draft *draft, const struct trigger *trigger) {
    const bool is_http = trigger->kind == TRIGGER_HTTP;
    for (uint32_t i = 0; i < draft->trigger_count; i++) {
        if (draft->triggers[i].kind == trigger->kind) {
            faults_add(draft->reading.faults, trigger->place, "%s",
                       is_http ? "events are posted to a workflow by its name: one `http`"
                               : "there is one standard input: one `stdin`");
        }
    }
}

static void read_trigger(struct workflow_draft *draft, const struct yaml *node) {
    struct faults *faults = draft->reading.faults;
    const uint32_t before = faults->error_count;
    struct trigger_draft one = {.trigger = {.place = node->place}};
    if (keys_read(&draft->reading, &TRIGGER_TABLE, node, &one)) {
        if (one.kinds > 1) {
            faults_add(faults, node->place,
                       "a trigger is one of " KINDS_TEXT ": make `trigger` a list of %u",
                       (unsigned)one.kinds);
        } else if (one.kinds == 0 && !has_other_kind(node)) {
            faults_add(faults, node->place, "a trigger needs one of " KINDS_TEXT);
        }
    }
    if (one.kinds > 0 && (one.trigger.kind == TRIGGER_STDIN || one.trigger.kind == TRIGGER_HTTP)) {
        check_single(draft, &one.trigger);
    }
    if (one.kinds == 1 && one.trigger.kind != TRIGGER_SOURCE) { /* that waits until it is bound */
        event_rule_check(draft, &one.trigger, node);
    }
    draft->triggers_unsure = draft->triggers_unsure || faults->error_count != before;
    if (one.kinds > 0) {
        draft->trigger_nodes[draft->trigger_count] = node;
        draft->triggers[draft->trigger_count++] = one.trigger;
    }
}

void triggers_read(struct reading *reading, const struct key *key, const struct yaml *node,
                   void *target) {
    (void)key;
    (void)target;
    struct workflow_draft *draft = draft_of(reading);
    const uint32_t count = node->kind == YAML_LIST ? node->count : 1;
    if (count == 0) {
        faults_add(reading->faults, node->place, "`trigger` is a trigger or a list of them");
        return;
    }
    if (count > WORKFLOW_TRIGGERS_MAX) {
        faults_add(reading->faults, node->place, "%u triggers: at most %d", (unsigned)count,
                   WORKFLOW_TRIGGERS_MAX);
        return;
    }
    draft->triggers = arena_get(reading->arena, count, sizeof(*draft->triggers));
    if (draft->triggers == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        read_trigger(draft, node->kind == YAML_LIST ? &node->items[i] : node);
    }
}
