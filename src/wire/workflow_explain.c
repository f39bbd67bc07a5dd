// SPDX-License-Identifier: Apache-2.0
// What `ebb check --explain` prints. Which values were written and which are defaults is not kept
// in the workflow: the page reads the file's text once more.
#include <stdarg.h>
#include <stdio.h>

#include "base/time.h"
#include "platform/clock.h"
#include "platform/json.h"
#include "wire/workflow.h"

enum { SCRATCH_BYTES_MAX = 48 << 20, VALUE_BYTES_MAX = 512, NEXT_TIMES = 5 };

struct page {
    struct buffer *out;
    struct arena *scratch;
    const struct yaml *root;
};

/* One value: "  timeout      30s (default)". */
__attribute__((format(printf, 4, 5))) static void row(struct page *page, const char *name,
                                                      bool given, const char *format, ...) {
    char value[VALUE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    buffer_print(page->out, "  %-12s %s%s\n", name, value, given ? "" : " (default)");
}

static bool has(const struct yaml *node, const char *key) {
    return node != NULL && yaml_get(node, key) != NULL;
}

static void span_row(struct page *page, const char *name, const struct yaml *node, int64_t ms,
                     const char *none) {
    char text[TIME_TEXT_BYTES];
    time_write_span(ms, text);
    row(page, name, has(node, name), "%s", ms == 0 && none != NULL ? none : text);
}

/* "    native at 12:9: .event.text". */
static void expression_row(void *owner, const struct expression *expression) {
    const struct page *page = owner;
    const struct place place = expression_place(expression);
    const struct slice text = slice_trim(expression_text(expression));
    buffer_print(page->out, "    %s at %d:%d: ", expression_is_native(expression) ? "native" : "jq",
                 place.line, place.column);
    for (size_t i = 0; i < text.count; i++) {
        buffer_add_byte(page->out, (uint8_t)(text.bytes[i] == '\n' ? ' ' : text.bytes[i]));
    }
    buffer_add_byte(page->out, '\n');
}

static void condition_rows(struct page *page, const struct expression *when) {
    if (when == NULL) {
        row(page, "when", false, "always");
        return;
    }
    buffer_add_text(page->out, "  when\n");
    expression_row(page, when);
}

/* What was written, scalars as they stand, lists and maps as JSON; then the expressions in it. */
static void template_rows(struct page *page, const char *name, const struct yaml *node,
                          const struct template *template) {
    if (template == NULL || node == NULL) {
        row(page, name, false, "nothing");
        return;
    }
    const uint32_t count = node->kind == YAML_MAP ? node->count : 1;
    buffer_print(page->out, "  %s\n", name);
    for (uint32_t i = 0; i < count; i++) {
        const struct yaml *value = node->kind == YAML_MAP ? &node->pairs[i].value : node;
        struct value json;
        buffer_add_text(page->out, "    ");
        if (node->kind == YAML_MAP) {
            buffer_add(page->out, node->pairs[i].key);
            buffer_add_text(page->out, ": ");
        }
        if (value->kind == YAML_SCALAR && !value->quoted) {
            buffer_add(page->out, value->text);
        } else if (yaml_value(page->scratch, value, &json)) {
            json_write(page->out, json);
        }
        buffer_add_byte(page->out, '\n');
    }
    template_visit(template, expression_row, page);
}

static void durability_row(struct page *page, const struct yaml *node, const char *name,
                           struct durability level) {
    char text[TIME_TEXT_BYTES];
    time_write_span(level.interval_ms, text);
    row(page, name, has(node, name), "%s",
        level.mode == DURABILITY_NONE   ? "none"
        : level.mode == DURABILITY_EACH ? "each"
                                        : text);
}

static bool keeps_state(const struct workflow *workflow) {
    bool any = false;
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        any = any || workflow->steps[i].state.by != NULL;
    }
    return any;
}

static void explain_head(struct page *page, const struct workflow *workflow) {
    const struct yaml *durability = yaml_get(page->root, "durability");
    char digest[ID_HEX_BYTES + 1];
    id_write_hex(workflow->digest, digest);
    buffer_print(page->out, "workflow %.*s (%.*s)\n", SLICE_ARGS(workflow->name),
                 SLICE_ARGS(workflow->file));
    if (workflow->summary.count > 0) {
        row(page, "summary", true, "%.*s", SLICE_ARGS(workflow->summary));
    }
    row(page, "digest", true, "%s", digest);
    row(page, "concurrency", has(page->root, "concurrency"), "%u", (unsigned)workflow->concurrency);
    span_row(page, "deadline", page->root, workflow->deadline_ms, "none");
    buffer_add_text(page->out, "\ndurability\n");
    durability_row(page, durability, "runs", workflow->runs);
    durability_row(page, durability, "results", workflow->results_durability);
    if (keeps_state(workflow)) {
        durability_row(page, durability, "state", workflow->state_durability);
    }
}

static void explain_params(struct page *page, const struct workflow *workflow) {
    for (uint32_t i = 0; i < workflow->param_count; i++) {
        const struct param *param = &workflow->params[i];
        char range[PARAM_RANGE_BYTES];
        param_range(param, range);
        buffer_print(page->out, "\nparam %.*s, line %d\n", SLICE_ARGS(param->field.name),
                     param->place.line);
        row(page, "type", true, "%s%s%.*s%s%s", param_type_name(param),
            param->field.unit.count > 0 ? ", in " : "", SLICE_ARGS(param->field.unit),
            range[0] != '\0' ? ", " : "", range);
        if (param->origin.count == 0) {
            row(page, "value", true, "none yet: the device says it");
            continue;
        }
        buffer_add_text(page->out, "  value        ");
        json_write(page->out, param->value);
        buffer_print(page->out, " (%.*s)\n", SLICE_ARGS(param->origin));
    }
}

/* The one `queue:` of the file, or NULL. */
static const struct yaml *find_queue(const struct yaml *root) {
    const struct yaml *trigger = yaml_get(root, "trigger");
    if (trigger == NULL || trigger->kind == YAML_MAP) {
        return trigger != NULL ? yaml_get(trigger, "queue") : NULL;
    }
    for (uint32_t i = 0; i < trigger->count; i++) {
        const struct yaml *queue = yaml_get(&trigger->items[i], "queue");
        if (queue != NULL) {
            return queue;
        }
    }
    return NULL;
}

static void explain_queue(struct page *page, const struct queue_policy *queue,
                          const struct template *order_by) {
    static const char *const FULL[] = {"block", "drop_oldest", "drop_newest"};
    const struct yaml *node = find_queue(page->root);
    buffer_add_text(page->out, "\nqueue\n");
    row(page, "max", has(node, "max"), "%u", (unsigned)queue->max);
    row(page, "full", has(node, "full"), "%s", FULL[queue->full]);
    row(page, "keep", has(node, "keep"), "%s", queue->keep_latest ? "latest" : "all");
    row(page, "order", has(node, "order"), "%s",
        order_by != NULL ? "one event of a key at a time" : "as they came");
}

static void explain_watch(struct page *page, const struct trigger *trigger,
                          const struct yaml *watch) {
    row(page, "path", true, "%.*s", SLICE_ARGS(trigger->path));
    row(page, "glob", has(watch, "glob"), "%.*s", SLICE_ARGS(trigger->glob));
    row(page, "text", has(watch, "text"), "%s", trigger->text ? "true" : "false");
    row(page, "after", has(watch, "after"), "%s",
        trigger->after == WATCH_DELETE ? "delete" : "keep");
}

static void explain_interval(struct page *page, const struct trigger *trigger) {
    char span[TIME_TEXT_BYTES];
    time_write_span(trigger->interval_ms, span);
    row(page, "every", true, "%s, the first one after the workflow's start", span);
}

/* The next moments, by the clock of who asks; of a zone that is not said, the system's. */
static void explain_cron(struct page *page, const struct trigger *trigger) {
    const struct zone *zone;
    int64_t at_ms = clock_wall_ms();
    row(page, "at", true, "%.*s", SLICE_ARGS(trigger->cron));
    row(page, "time_zone", trigger->time_zone.count > 0, "%.*s",
        SLICE_ARGS(trigger->time_zone.count > 0 ? trigger->time_zone
                                                : SLICE("the device's, else the system's")));
    if (zone_open(page->scratch, trigger->time_zone, &zone, NULL) != STATUS_OK) {
        return; /* the file's was opened before: it is the system's that cannot be read */
    }
    for (int i = 0; i < NEXT_TIMES && schedule_next(&trigger->schedule, zone, at_ms, &at_ms); i++) {
        char local[TIME_TEXT_BYTES];
        zone_write_local(zone, at_ms, local);
        row(page, i == 0 ? "next" : "", true, "%s", local);
    }
}

static void explain_http(struct page *page, const struct trigger *trigger) {
    static const char *const ACCEPT[] = {"json", "text", "json and text"};
    row(page, "accept", trigger->accept != HTTP_EITHER, "%s", ACCEPT[trigger->accept]);
}

static void explain_schema(struct page *page, const struct field_set *schema) {
    CLEANUP(buffer_done) struct buffer fields;
    buffer_init(&fields, WORKFLOW_BYTES_MAX);
    for (uint32_t i = 0; i < schema->count; i++) {
        const struct field *field = &schema->fields[i];
        buffer_print(&fields, "%s%.*s: %s", i > 0 ? ", " : "", SLICE_ARGS(field->name),
                     field_type_name(field->type));
        if (field->unit.count > 0) {
            buffer_print(&fields, " in %.*s", SLICE_ARGS(field->unit));
        }
        buffer_add_text(&fields, field->optional ? " or nothing" : "");
    }
    row(page, "schema", true, "%.*s", SLICE_ARGS(buffer_slice(&fields)));
}

static void explain_events(struct page *page, const struct trigger *trigger,
                           const struct yaml *node) {
    const struct yaml *event = node != NULL ? yaml_get(node, "event") : NULL;
    const struct event_rule *rule = &trigger->event;
    const struct template *const templates[] = {rule->id, rule->time, rule->key, rule->set};
    static const char *const NAMES[] = {"id", "time", "key", "set"};
    static const char *const UNFIT[] = {"", "quarantine", "drop", "fail"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (templates[i] != NULL && event != NULL) {
            template_rows(page, NAMES[i], yaml_get(event, NAMES[i]), templates[i]);
        }
    }
    if (trigger->schema != NULL) {
        explain_schema(page, trigger->schema);
    }
    if (trigger->unfit != UNFIT_REFUSE) {
        row(page, "invalid", node != NULL && has(node, "invalid"), "%s", UNFIT[trigger->unfit]);
    }
}

static void explain_triggers(struct page *page, const struct workflow *workflow) {
    const struct yaml *list = yaml_get(page->root, "trigger");
    for (uint32_t i = 0; i < workflow->trigger_count; i++) {
        const struct trigger *trigger = &workflow->triggers[i];
        const struct yaml *node = list != NULL && list->kind == YAML_LIST ? &list->items[i] : list;
        buffer_print(page->out, "\ntrigger %.*s, line %d\n", SLICE_ARGS(trigger->source),
                     trigger->place.line);
        if (trigger->bound.count > 0) {
            row(page, "bound to", true, "%.*s", SLICE_ARGS(trigger->bound));
            continue;
        }
        switch (trigger->kind) {
        case TRIGGER_SOURCE:
            row(page, "bound to", true, "what the device's file says");
            break;
        case TRIGGER_STDIN:
            row(page, "format", true, "%s", trigger->format == STDIN_JSON ? "json" : "text");
            break;
        case TRIGGER_WATCH:
            explain_watch(page, trigger, node != NULL ? yaml_get(node, "watch") : NULL);
            break;
        case TRIGGER_INTERVAL:
            explain_interval(page, trigger);
            break;
        case TRIGGER_CRON:
            explain_cron(page, trigger);
            break;
        case TRIGGER_HTTP:
            explain_http(page, trigger);
            break;
        }
        explain_events(page, trigger, node);
    }
}

/* The item of the list that stands at the place. */
static const struct yaml *find_item(const struct yaml *list, struct place place) {
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        const struct yaml *item = &list->items[i];
        if (item->place.line == place.line && item->place.column == place.column) {
            return item;
        }
    }
    return NULL;
}

static void explain_retry(struct page *page, const struct yaml *node, const struct step *step) {
    const struct yaml *retry = node != NULL ? yaml_get(node, "retry") : NULL;
    char backoff[TIME_TEXT_BYTES];
    char classes[128] = "";
    size_t used = 0;
    if (step->attempts == 1) {
        row(page, "retry", retry != NULL, "one attempt");
        return;
    }
    for (unsigned bit = CLASS_TIMEOUT; bit <= CLASS_FULL; bit <<= 1) {
        if ((step->retry_on & bit) != 0) {
            used += (size_t)snprintf(classes + used, sizeof(classes) - used, " %s",
                                     error_class_name(bit));
        }
    }
    time_write_span(step->backoff_ms, backoff);
    row(page, "retry", true, "%d attempts, backoff %s%s, on%s%s", step->attempts, backoff,
        has(retry, "backoff") ? "" : " (default)", classes, has(retry, "on") ? "" : " (default)");
}

static void explain_on_error(struct page *page, const struct workflow *workflow,
                             const struct step *step) {
    static const char *const WORDS[] = {"fail", "skip the step", "skip the run", "use", "step"};
    if (step->on_error == ON_ERROR_USE) {
        buffer_add_text(page->out, "  on_error     use ");
        json_write(page->out, step->use);
        buffer_add_byte(page->out, '\n');
    } else if (step->on_error == ON_ERROR_STEP) {
        row(page, "on_error", true, "step %.*s stands in",
            SLICE_ARGS(workflow->steps[step->other_step].id));
    } else {
        row(page, "on_error", step->on_error_given, "%s", WORDS[step->on_error]);
    }
}

static void explain_state(struct page *page, const struct yaml *node,
                          const struct keyed_state *state) {
    char ttl[TIME_TEXT_BYTES];
    time_write_span(state->ttl_ms, ttl);
    template_rows(page, "state by", yaml_get(node, "by"), state->by);
    row(page, "state ttl", has(node, "ttl"), "%s", state->ttl_ms > 0 ? ttl : "for ever");
    row(page, "state keys", has(node, "max_keys"), "at most %u", (unsigned)state->max_keys);
    row(page, "state keep", has(node, "keep"), "%s", state->in_memory ? "memory" : "on disk");
}

static void explain_step(struct page *page, const struct workflow *workflow,
                         const struct step *step) {
    const struct yaml *node = find_item(yaml_get(page->root, "steps"), step->place);
    buffer_print(page->out, "\nstep %.*s, line %d%s\n", SLICE_ARGS(step->id), step->place.line,
                 step->only_on_error ? ": runs only in place of another" : "");
    row(page, "agent", true, "%.*s%s%.*s", SLICE_ARGS(step->agent),
        step->agent_range.count > 0 ? "@" : "", SLICE_ARGS(step->agent_range));
    if (step->need_count > 0) {
        buffer_add_text(page->out, "  needs       ");
        for (uint32_t i = 0; i < step->need_count; i++) {
            buffer_print(page->out, " %.*s", SLICE_ARGS(workflow->steps[step->needs[i]].id));
        }
        buffer_add_byte(page->out, '\n');
    } else {
        row(page, "needs", has(node, "needs"), "nothing");
    }
    condition_rows(page, step->when);
    if (step->each != NULL) {
        template_rows(page, "each", node != NULL ? yaml_get(node, "each") : NULL, step->each);
        row(page, "max", has(node, "max"), "%u items", step->each_max);
        row(page, "concurrency", has(node, "concurrency"), "%u", step->each_concurrency);
    }
    template_rows(page, "with", node != NULL ? yaml_get(node, "with") : NULL, step->with);
    span_row(page, "timeout", node, step->timeout_ms, NULL);
    explain_retry(page, node, step);
    explain_on_error(page, workflow, step);
    row(page, "repeat", has(node, "repeat"), "%s", step->repeat_never ? "never" : "safe");
    span_row(page, "expires", node, step->expires_ms, "never");
    if (step->state.by != NULL) {
        explain_state(page, yaml_get(node, "state"), &step->state);
    }
}

/* Of what type it may be is known when it must be of one. */
static void explain_egress(struct page *page, const struct yaml *node,
                           const struct workflow *workflow, const struct attachment *attachment) {
    const bool any = attachment->as.count == 0 && !attachment->stays && workflow->stay != 0;
    if (any) {
        row(page, "egress", true, "allowed, but never%s%s%s (`privacy`)",
            (workflow->stay & BLOB_IMAGE) != 0 ? " image" : "",
            (workflow->stay & BLOB_AUDIO) != 0 ? " audio" : "",
            (workflow->stay & BLOB_FILE) != 0 ? " file" : "");
    } else if (workflow_blob_stays(workflow, attachment, attachment->as)) {
        row(page, "egress", true, "never%s", attachment->stays ? "" : " (`privacy`)");
    } else {
        row(page, "egress", has(node, "egress"), "allowed");
    }
}

static void explain_attachment(struct page *page, const struct yaml *node,
                               const struct workflow *workflow,
                               const struct attachment *attachment) {
    buffer_print(page->out, "  attach %.*s, line %d\n", SLICE_ARGS(attachment->name),
                 attachment->place.line);
    template_rows(page, "from", yaml_get(node, "from"), attachment->from);
    row(page, "as", has(node, "as"), "%.*s",
        SLICE_ARGS(attachment->as.count > 0 ? attachment->as : SLICE("any type")));
    row(page, "max", has(node, "max"), "%lld bytes", (long long)attachment->bytes_max);
    span_row(page, "keep", node, attachment->keep_ms, "as long as the result");
    explain_egress(page, node, workflow, attachment);
}

static void explain_to(struct page *page, const struct yaml *node, const struct result_rule *rule) {
    const bool hub = rule->lane != LANE_LOCAL;
    char names[VALUE_BYTES_MAX] = "";
    size_t used = (size_t)snprintf(names, sizeof(names), "%s", hub ? "hub" : "");
    for (uint32_t i = 0; i < rule->to_count && used < sizeof(names); i++) {
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%.*s", used > 0 ? ", " : "",
                                 SLICE_ARGS(rule->to[i]));
    }
    row(page, "to", has(node, "to"), "%s", used > 0 ? names : "nowhere: it stays on the device");
}

static void explain_limit(struct page *page, const struct yaml *node, const struct limit *limit) {
    static const char *const OVERS[] = {[OVER_COUNT] = "count, as `held` of the next one",
                                        [OVER_DROP] = "drop",
                                        [OVER_LAST] =
                                            "last: it comes when there is room, and says `held`"};
    char span[TIME_TEXT_BYTES];
    time_write_span(limit->span_ms, span);
    row(page, "limit rate", true, "%u in %s", (unsigned)limit->count, span);
    if (limit->by != NULL) {
        template_rows(page, "limit by", yaml_get(node, "by"), limit->by);
    }
    row(page, "limit over", has(node, "over"), "%s", OVERS[limit->over]);
}

static void explain_measure(struct page *page, const struct measure *measure) {
    char digits[32] = "";
    if (measure->digits != MEASURE_DIGITS_NONE) {
        (void)snprintf(digits, sizeof(digits), ", rounded to %d digits", measure->digits);
    }
    row(page, "field", true, "%.*s: a number%s%.*s%s", SLICE_ARGS(measure->name),
        measure->unit.count > 0 ? " in " : "", SLICE_ARGS(measure->unit), digits);
}

static void explain_result(struct page *page, const struct workflow *workflow,
                           const struct result_rule *rule) {
    const struct yaml *node = find_item(yaml_get(page->root, "results"), rule->place);
    buffer_print(page->out, "\nresult %.*s, line %d\n", SLICE_ARGS(rule->name), rule->place.line);
    condition_rows(page, rule->when);
    template_rows(page, "from", node != NULL ? yaml_get(node, "from") : NULL, rule->from);
    for (uint32_t i = 0; i < rule->measure_count; i++) {
        explain_measure(page, &rule->measures[i]);
    }
    if (rule->schema != NULL) {
        explain_schema(page, rule->schema);
    }
    for (uint32_t i = 0; i < rule->private_count; i++) {
        row(page, "private", true, "%.*s: it never leaves the device",
            SLICE_ARGS(rule->privates[i]));
    }
    row(page, "priority", has(node, "priority"), "%d, lane %s", rule->priority,
        lane_name(lane_of_priority(rule->priority)));
    explain_to(page, node, rule);
    if (rule->key != NULL) {
        template_rows(page, "key", node != NULL ? yaml_get(node, "key") : NULL, rule->key);
    } else {
        row(page, "key", false, "none");
    }
    span_row(page, "keep", node, rule->keep_ms, NULL);
    span_row(page, "expires", node, rule->expires_ms, "never");
    if (rule->limit.count > 0) {
        explain_limit(page, yaml_get(node, "limit"), &rule->limit);
    }
    const struct yaml *attach = node != NULL ? yaml_get(node, "attach") : NULL;
    for (uint32_t i = 0; i < rule->attachment_count && attach != NULL; i++) {
        explain_attachment(page, &attach->pairs[i].value, workflow, &rule->attachments[i]);
    }
}

void workflow_explain(const struct workflow *workflow, struct buffer *out) {
    CLEANUP(arena_done) struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    const struct yaml_document *documents;
    uint32_t count = 0;
    struct place place;
    if (yaml_read(&scratch, workflow->text, &documents, &count, &place, NULL) != STATUS_OK ||
        count == 0) {
        out->failed = STATUS_NO_MEMORY; /* it was read before */
        return;
    }
    struct page page = {.out = out, .scratch = &scratch, .root = &documents[0].root};
    const struct yaml *lets = yaml_get(page.root, "let");
    explain_head(&page, workflow);
    explain_params(&page, workflow);
    explain_queue(&page, &workflow->queue, workflow->order_by);
    explain_triggers(&page, workflow);
    for (uint32_t i = 0; i < workflow->let_count; i++) {
        const struct let *let = &workflow->lets[i];
        buffer_print(out, "\nlet %.*s, line %d\n", SLICE_ARGS(let->name), let->place.line);
        template_rows(&page, "value", lets != NULL ? yaml_get(lets, let->name.bytes) : NULL,
                      let->template);
    }
    if (workflow->step_count > 1) {
        buffer_add_text(out, "\nsteps, in the order in which they run\n");
    }
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        explain_step(&page, workflow, &workflow->steps[i]);
    }
    for (uint32_t i = 0; i < workflow->result_count; i++) {
        explain_result(&page, workflow, &workflow->results[i]);
    }
}
