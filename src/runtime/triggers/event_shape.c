// SPDX-License-Identifier: Apache-2.0
#include "runtime/triggers/event_shape.h"

#include "base/time.h"
#include "platform/json.h"

enum { MS_PER_S = 1000 };

static const double SECONDS_MAX = 253402300800; /* the year 10000 */

/* What `event:` says of this event; empty and 0: nothing. */
struct shape {
    struct slice id, key;
    int64_t time_ms;
    struct value set;
};

static status check_schema(const struct trigger *trigger, struct event *event, struct error *err) {
    const struct value *data = value_get(event->value, SLICE("data"));
    const struct value came = data != NULL ? *data : (struct value){0};
    struct member whole = {.name = SLICE("data")};
    TRY(field_set_check(trigger->schema, &event->arena, came, &whole.value, err));
    return event_reseal(event, &whole, 1, err); /* with the defaults of what did not come */
}

/* Text, or a number or a truth in letters. */
static status render_text(const char *name, const struct template *template,
                          struct context *context, struct slice *out_text, struct error *err) {
    struct value value = {0};
    *out_text = (struct slice){0};
    if (template == NULL) {
        return STATUS_OK;
    }
    if (template_render(template, context, &value, err) != STATUS_OK) {
        return fail_while(err, "`event`: `%s`", name);
    }
    if (value.kind == VALUE_OBJECT || value.kind == VALUE_LIST) {
        return fail(err, STATUS_INVALID, "`event`: `%s` is %s, not text", name,
                    value.kind == VALUE_LIST ? "a list" : "an object");
    }
    if (value.kind != VALUE_TEXT && value.kind != VALUE_NULL) {
        CLEANUP(buffer_done) struct buffer json;
        buffer_init(&json, EVENT_ID_BYTES_MAX);
        json_write(&json, value);
        TRY(buffer_status(&json, err));
        value = value_of_text(arena_copy(context->arena, buffer_slice(&json)));
    }
    *out_text = value.kind == VALUE_TEXT ? value_text(value) : (struct slice){0};
    if (out_text->count > EVENT_ID_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "`event`: `%s` has at most %d bytes", name,
                    EVENT_ID_BYTES_MAX);
    }
    return STATUS_OK;
}

static status render_time(const struct template *template, struct context *context, int64_t *out_ms,
                          struct error *err) {
    struct value value = {0};
    *out_ms = 0;
    if (template == NULL) {
        return STATUS_OK;
    }
    if (template_render(template, context, &value, err) != STATUS_OK) {
        return fail_while(err, "`event`: `time`");
    }
    if (value.kind == VALUE_NULL) {
        return STATUS_OK; /* the time of its arrival */
    }
    if (value_is_number(value)) {
        const double seconds = value_number(value);
        if (seconds > 0 && seconds < SECONDS_MAX) {
            *out_ms = (int64_t)(seconds * MS_PER_S);
            return STATUS_OK;
        }
        return fail(err, STATUS_INVALID,
                    "`event`: `time` is %g: a number is seconds since 1970, not milliseconds",
                    seconds);
    }
    if (value.kind != VALUE_TEXT || !time_read(value_text(value), out_ms)) {
        return fail(err, STATUS_INVALID,
                    "`event`: `time` is no time such as 2026-11-23T10:00:00Z, nor seconds since "
                    "1970");
    }
    return STATUS_OK;
}

static status render(const struct trigger *trigger, struct context *context, struct shape *shape,
                     struct error *err) {
    const struct event_rule *rule = &trigger->event;
    TRY(render_text("id", rule->id, context, &shape->id, err));
    TRY(render_time(rule->time, context, &shape->time_ms, err));
    TRY(render_text("key", rule->key, context, &shape->key, err));
    if (rule->set != NULL && template_render(rule->set, context, &shape->set, err) != STATUS_OK) {
        return fail_while(err, "`event`: `set`");
    }
    return STATUS_OK;
}

static status shape(const struct trigger *trigger, const struct shape_scope *scope,
                    struct event *event, struct error *err) {
    struct shape made = {0};
    if (trigger->schema != NULL) {
        TRY(check_schema(trigger, event, err));
    }
    struct context context = {.arena = &event->arena,
                              .decoded = event->value,
                              .params = scope->params,
                              .device = scope->device};
    TRY(render(trigger, &context, &made, err));
    if (trigger->event.id != NULL) {
        event->id = made.id;
        event->seen_hash = event_hash(event);
    }
    event->key = made.key;
    if (made.time_ms != 0) {
        event->time.wall_ms = made.time_ms;
        event->time.quality = event->time.quality == CLOCK_BAD ? CLOCK_BAD : CLOCK_UNSURE;
    }
    return event_reseal(event, made.set.members, made.set.count, err);
}

status event_shape(const struct trigger *trigger, const struct shape_scope *scope,
                   struct event *event, struct error *err) {
    const struct event_rule *rule = &trigger->event;
    if (trigger->schema == NULL && rule->id == NULL && rule->time == NULL && rule->key == NULL &&
        rule->set == NULL) {
        return STATUS_OK;
    }
    const struct value came = event->value;
    const status shaped = shape(trigger, scope, event, err);
    if (shaped != STATUS_OK) {
        event->value = came;
    }
    return shaped;
}
