// SPDX-License-Identifier: Apache-2.0
#include "runtime/face.h"

#include "platform/json.h"

enum { ARENA_BYTES_MAX = 4 << 20, SUMMARY_BYTES_MAX = 1024 };

static const char *trigger_name(enum trigger_kind kind) {
    static const char *const NAMES[] = {
        [TRIGGER_STDIN] = "stdin", [TRIGGER_WATCH] = "watch", [TRIGGER_INTERVAL] = "interval",
        [TRIGGER_CRON] = "cron",   [TRIGGER_HTTP] = "http",   [TRIGGER_SOURCE] = "source"};
    return NAMES[kind];
}

static void write_member(struct buffer *out, const char *name, struct slice text) {
    buffer_print(out, ",\"%s\":", name);
    json_write_text(out, text);
}

/* --- steps ----------------------------------------------------------------------------------- */

static void write_step(struct buffer *out, const struct workflow *workflow,
                       const struct step *step) {
    buffer_add_text(out, "{\"id\":");
    json_write_text(out, step->id);
    write_member(out, "agent", step->agent);
    buffer_add_text(out, ",\"needs\":[");
    for (uint32_t i = 0; i < step->need_count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        json_write_text(out, workflow->steps[step->needs[i]].id);
    }
    buffer_print(out, "],\"when\":%s}", step->when != NULL ? "true" : "false");
}

/* --- which steps a result reads -------------------------------------------------------------- */

struct reads {
    const struct workflow *workflow;
    bool steps[WORKFLOW_STEPS_MAX];
    bool lets[WORKFLOW_LETS_MAX];
};

static void note_expression(void *owner, const struct expression *expression);

static void note_let(struct reads *reads, struct slice name) {
    const struct workflow *workflow = reads->workflow;
    for (uint32_t i = 0; i < workflow->let_count && i < WORKFLOW_LETS_MAX; i++) {
        if (slice_equal(workflow->lets[i].name, name) && !reads->lets[i]) {
            reads->lets[i] = true; /* once: a checked workflow has no circle */
            template_visit(workflow->lets[i].template, note_expression, reads);
        }
    }
}

static void note_path(void *owner, const struct path *path) {
    struct reads *reads = owner;
    const struct workflow *workflow = reads->workflow;
    if (slice_starts(path->root, "$")) {
        note_let(reads, slice_part(path->root, 1, path->root.count));
    }
    for (uint32_t i = 0; i < workflow->step_count && i < WORKFLOW_STEPS_MAX; i++) {
        if (slice_is(path->root, "steps") && path->name_count > 0 &&
            slice_equal(path->names[0], workflow->steps[i].id)) {
            reads->steps[i] = true;
        }
    }
}

static void note_expression(void *owner, const struct expression *expression) {
    expression_visit(expression, note_path, owner);
}

static void write_reads(struct buffer *out, const struct workflow *workflow,
                        const struct result_rule *rule) {
    struct reads reads = {.workflow = workflow};
    const char *between = "";
    template_visit(rule->from, note_expression, &reads);
    for (uint32_t i = 0; i < rule->attachment_count; i++) {
        template_visit(rule->attachments[i].from, note_expression, &reads);
    }
    if (rule->when != NULL) {
        note_expression(&reads, rule->when);
    }
    buffer_add_text(out, ",\"steps\":[");
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        if (reads.steps[i]) {
            buffer_add_text(out, between);
            json_write_text(out, workflow->steps[i].id);
            between = ",";
        }
    }
    buffer_add_byte(out, ']');
}

/* --- fields ---------------------------------------------------------------------------------- */

static bool is_private(const struct result_rule *rule, struct slice name) {
    for (uint32_t i = 0; i < rule->private_count; i++) {
        if (slice_equal(rule->privates[i], name)) {
            return true;
        }
    }
    return false;
}

static struct slice unit_of(const struct result_rule *rule, struct slice name) {
    for (uint32_t i = 0; i < rule->measure_count; i++) {
        if (slice_equal(rule->measures[i].name, name)) {
            return rule->measures[i].unit;
        }
    }
    return SLICE("");
}

static bool is_measure(const struct result_rule *rule, struct slice name) {
    bool found = false;
    for (uint32_t i = 0; i < rule->measure_count; i++) {
        found = found || slice_equal(rule->measures[i].name, name);
    }
    return found;
}

static enum field_type type_of_kind(enum value_kind kind) {
    switch (kind) {
    case VALUE_BOOLEAN:
        return FIELD_BOOLEAN;
    case VALUE_INTEGER:
        return FIELD_INTEGER;
    case VALUE_REAL:
    case VALUE_RAW:
        return FIELD_NUMBER;
    case VALUE_TEXT:
        return FIELD_STRING;
    case VALUE_LIST:
        return FIELD_LIST;
    case VALUE_OBJECT:
        return FIELD_OBJECT;
    case VALUE_NULL:
    case VALUE_BLOB:
        break;
    }
    return FIELD_ANY;
}

/* As far as it is known before anything runs. */
static enum field_type type_of(const struct result_rule *rule, const struct member *member) {
    enum value_kind kind = member->value.kind;
    if (is_measure(rule, member->name)) {
        return FIELD_NUMBER;
    }
    if (template_member_is_marked(rule->from, member->name) &&
        !template_member_kind(rule->from, member->name, &kind)) {
        return FIELD_ANY;
    }
    return type_of_kind(kind);
}

/* A list that is being written. */
struct fields {
    struct buffer *out;
    const struct result_rule *rule;
    const char *between;
};

static void add_field(struct fields *fields, struct slice name, const char *type, struct slice unit,
                      bool attached) {
    if (is_private(fields->rule, name)) {
        return;
    }
    buffer_print(fields->out, "%s{\"name\":", fields->between);
    json_write_text(fields->out, name);
    buffer_print(fields->out, ",\"type\":\"%s\"", type);
    if (unit.count > 0) {
        write_member(fields->out, "unit", unit);
    }
    buffer_add_text(fields->out, attached ? ",\"attachment\":true}" : "}");
    fields->between = ",";
}

static void add_declared(struct fields *fields, const struct field_set *schema) {
    for (uint32_t i = 0; i < schema->count; i++) {
        const struct field *field = &schema->fields[i];
        const struct slice unit =
            field->unit.count > 0 ? field->unit : unit_of(fields->rule, field->name);
        add_field(fields, field->name, field_type_name(field->type), unit, false);
    }
}

static status add_made(struct fields *fields, struct error *err) {
    const struct result_rule *rule = fields->rule;
    struct value shape = {.kind = VALUE_NULL};
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    if (!template_shape(rule->from, &arena, &shape)) {
        return fail(err, STATUS_FULL, "the fields of result '%.*s' find no room",
                    SLICE_ARGS(rule->name));
    }
    for (uint32_t i = 0; shape.kind == VALUE_OBJECT && i < shape.count; i++) {
        const struct member *member = &shape.members[i];
        add_field(fields, member->name, field_type_name(type_of(rule, member)),
                  unit_of(rule, member->name), false);
    }
    return STATUS_OK;
}

static const char *attachment_type(const struct attachment *attachment) {
    return field_type_name(slice_starts(attachment->as, "image/")   ? FIELD_IMAGE
                           : slice_starts(attachment->as, "audio/") ? FIELD_AUDIO
                                                                    : FIELD_FILE);
}

static status write_fields(struct buffer *out, const struct result_rule *rule, struct error *err) {
    struct fields fields = {.out = out, .rule = rule, .between = ""};
    buffer_add_text(out, ",\"fields\":[");
    if (rule->schema != NULL) {
        add_declared(&fields, rule->schema);
    } else {
        TRY(add_made(&fields, err));
    }
    for (uint32_t i = 0; i < rule->attachment_count; i++) {
        add_field(&fields, rule->attachments[i].name, attachment_type(&rule->attachments[i]),
                  SLICE(""), true);
    }
    buffer_add_byte(out, ']');
    return STATUS_OK;
}

/* --- all of it ------------------------------------------------------------------------------- */

static status write_result(struct buffer *out, const struct workflow *workflow,
                           const struct result_rule *rule, struct error *err) {
    buffer_add_text(out, "{\"name\":");
    json_write_text(out, rule->name);
    buffer_print(out, ",\"priority\":%d,\"when\":%s", rule->priority,
                 rule->when != NULL ? "true" : "false");
    write_reads(out, workflow, rule);
    TRY(write_fields(out, rule, err));
    buffer_add_byte(out, '}');
    return STATUS_OK;
}

static status write_all(const struct workflow *workflow, struct buffer *out, struct error *err) {
    buffer_add_text(out, "{\"workflow\":");
    json_write_text(out, workflow->name);
    write_member(out, "summary", slice_part(workflow->summary, 0, SUMMARY_BYTES_MAX));
    if (workflow->trigger_count > 0) {
        buffer_print(out, ",\"trigger\":\"%s\"", trigger_name(workflow->triggers[0].kind));
    }
    buffer_add_text(out, ",\"triggers\":[");
    for (uint32_t i = 0; i < workflow->trigger_count; i++) {
        buffer_print(out, "%s\"%s\"", i > 0 ? "," : "", trigger_name(workflow->triggers[i].kind));
    }
    buffer_add_text(out, "],\"steps\":[");
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        write_step(out, workflow, &workflow->steps[i]);
    }
    buffer_add_text(out, "],\"results\":[");
    for (uint32_t i = 0; i < workflow->result_count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        TRY(write_result(out, workflow, &workflow->results[i], err));
    }
    buffer_add_text(out, "]}");
    return buffer_status(out, err);
}

status face_write(const struct workflow *workflow, struct buffer *out, struct error *err) {
    const size_t before = out->count;
    const status written = write_all(workflow, out, err);
    if (written != STATUS_OK) {
        out->count = before;
        out->failed = STATUS_OK;
        return fail_while(err, "show workflow '%.*s'", SLICE_ARGS(workflow->name));
    }
    return STATUS_OK;
}
