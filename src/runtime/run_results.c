// SPDX-License-Identifier: Apache-2.0
/* The end of a run: its results rendered, or the failure that stands in their place. */
#include <string.h>

#include "base/memory.h"
#include "platform/json.h"
#include "runtime/agent_runner.h"
#include "runtime/run_attachments.h"
#include "runtime/run_limits.h"
#include "runtime/run_states.h"

/* The body is JSON text in the run's arena, as it will lie on disk. */
static status write_body(struct run *run, struct value value, struct slice *out_body,
                         struct error *err) {
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, RECORD_BYTES_MAX);
    json_write(&json, value);
    TRY(buffer_status(&json, err));
    *out_body = arena_copy(&run->arena, buffer_slice(&json));
    return out_body->bytes != NULL ? STATUS_OK : fail(err, STATUS_FULL, "the run is too large");
}

static void draft(struct run *run, enum record_kind kind, const struct result_rule *rule,
                  struct slice name, struct slice body) {
    struct record_draft *out = &run->records[run->record_count++];
    *out = (struct record_draft){
        .record = {.kind = kind,
                   .version = 1,
                   .priority = rule != NULL ? rule->priority : 1,
                   .time = clock_now(),
                   .boot = clock_boot_id(),
                   .run = run->id,
                   .workflow = run->version->workflow->name,
                   .name = name,
                   .body = body},
        .lane = rule != NULL ? rule->lane : LANE_NORMAL,
        .keep_ms = rule != NULL ? rule->keep_ms : 0,
        .expires_ms = rule != NULL && kind == RECORD_RESULT ? rule->expires_ms : 0,
    };
}

static struct member text_member(const char *name, struct slice text) {
    return (struct member){.name = slice_of(name), .value = value_of_text(text)};
}

static bool is_private(const struct result_rule *rule, struct slice name) {
    for (uint32_t i = 0; i < rule->private_count; i++) {
        if (slice_equal(rule->privates[i], name)) {
            return true;
        }
    }
    return false;
}

static bool leaves(const struct result_rule *rule) {
    return rule->lane != LANE_LOCAL || rule->to_count > 0;
}

/* Takes the private fields out of what leaves; null where there are none. */
static status part(struct run *run, const struct result_rule *rule, struct value *value,
                   struct value *out_private, struct error *err) {
    *out_private = (struct value){.kind = VALUE_NULL};
    if (rule->private_count == 0 || !leaves(rule)) {
        return STATUS_OK;
    }
    struct value leaving;
    struct member *stay = value_new_object(&run->arena, rule->private_count, out_private);
    struct member *go = value_new_object(&run->arena, value->count - rule->private_count, &leaving);
    if (stay == NULL || go == NULL) {
        return fail(err, STATUS_FULL, "the run is too large");
    }
    for (uint32_t i = 0; i < value->count; i++) {
        const struct member *member = &value->members[i];
        struct member **to = is_private(rule, member->name) ? &stay : &go;
        *(*to)++ = *member;
    }
    *value = leaving;
    return STATUS_OK;
}

/* What stays here of the result before it: a record of its own, which no sender sees. */
static status draft_aside(struct run *run, const struct result_rule *rule, struct value private,
                          struct error *err) {
    struct slice body;
    TRY(write_body(run, private, &body, err));
    draft(run, RECORD_RESULT, rule, rule->name, body);
    struct record_draft *aside = &run->records[run->record_count - 1];
    aside->lane = LANE_LOCAL;
    aside->expires_ms = 0;
    aside->aside = true;
    return STATUS_OK;
}

static status render_rule(struct run *run, const struct result_rule *rule, struct error *err) {
    bool holds = true;
    if (rule->when != NULL) {
        TRY(expression_holds(rule->when, &run->context, &holds, err));
    }
    if (!holds) {
        return STATUS_OK;
    }
    struct value value, private;
    struct slice body;
    TRY(template_render(rule->from, &run->context, &value, err));
    TRY(measures_round(rule->measures, rule->measure_count, &run->arena, &value, err));
    if (rule->schema != NULL) {
        TRY(field_set_check(rule->schema, &run->arena, value, &value, err));
    }
    TRY(run_attachments_add(run, rule, &value, err));
    TRY(part(run, rule, &value, &private, err));
    TRY(write_body(run, value, &body, err));
    struct slice key = {0};
    if (rule->key != NULL) {
        TRY(template_render(rule->key, &run->context, &value, err));
        if (value.kind == VALUE_TEXT) {
            key = value_text(value);
        } else if (value.kind != VALUE_NULL) {
            TRY(write_body(run, value, &key, err));
        }
    }
    draft(run, RECORD_RESULT, rule, rule->name, body);
    struct record_draft *drafted = &run->records[run->record_count - 1];
    drafted->key = key;
    drafted->destinations =
        run->runner != NULL ? destinations_bits(run->runner->destinations, rule->to, rule->to_count)
                            : 0;
    TRY(run_limits_note(run, rule, err));
    return private.kind == VALUE_OBJECT ? draft_aside(run, rule, private, err) : STATUS_OK;
}

/* Results are all or nothing: a rule that fails takes back those before it. */
static status render_results(struct run *run, struct error *err) {
    const struct workflow *workflow = run->version->workflow;
    run->ask_deadline_ns = 0;
    for (uint32_t i = 0; i < workflow->result_count; i++) {
        const struct result_rule *rule = &workflow->results[i];
        if (render_rule(run, rule, err) != STATUS_OK) {
            run->record_count = 0;
            run->limited_count = 0;
            run_blobs_detach(&run->blobs);
            return fail_while(err, "result '%.*s'", SLICE_ARGS(rule->name));
        }
    }
    return STATUS_OK;
}

static const char *class_of(status code, bool expired) {
    return expired ? "expired" : error_class_name(error_class_of(code));
}

static void draft_failure(struct run *run, struct slice step, const char *class,
                          struct slice text) {
    const struct workflow *workflow = run->version->workflow;
    const struct result_rule *rule = workflow->result_count > 0 ? &workflow->results[0] : NULL;
    struct value value;
    struct member *members = value_new_object(&run->arena, 5, &value);
    struct slice body = SLICE("{\"text\":\"out of memory for the failure's own record\"}");
    if (members != NULL) {
        members[0] = text_member("workflow", workflow->name);
        members[1] = text_member("step", step);
        members[2] = text_member("class", slice_of(class));
        members[3] = text_member("text", text);
        members[4] = text_member("event_id", run->event->id);
        (void)write_body(run, value, &body, NULL); /* on failure the sentence above stands */
    }
    draft(run, RECORD_FAILURE, rule, SLICE("failure"), body);
}

/* What must not act late, or again after a crash, is reported even where its on_error lets the run
 * go on. */
static void report_steps(struct run *run, bool failed) {
    const struct workflow *workflow = run->version->workflow;
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        const struct run_step *step = &run->steps[i];
        const bool told = failed && slice_equal(run->failed_step, workflow->steps[i].id);
        if (step->reported && !told) {
            draft_failure(run, workflow->steps[i].id, class_of(step->code, step->expired),
                          step->error);
        }
    }
}

void run_conclude(struct run *run) {
    run->need = NEED_END;
    run->record_count = 0;
    run->limited_count = 0;
    struct error err;
    if (run->outcome == OUTCOME_DONE && render_results(run, &err) != STATUS_OK) {
        run->outcome = OUTCOME_FAILED;
        run->code = err.code;
        run->error = run_keep_text(run, err.text);
    }
    if (run->outcome == OUTCOME_DONE && run_left_ms(run) < 0) { /* late results are void, too */
        run->record_count = 0;
        run_blobs_detach(&run->blobs);
        run->outcome = OUTCOME_EXPIRED;
        run->code = STATUS_TIMEOUT;
        run->error = SLICE("the run's deadline passed before its results stood");
    }
    const bool failed = run->outcome == OUTCOME_FAILED || run->outcome == OUTCOME_EXPIRED;
    if (failed) {
        draft_failure(run, run->failed_step, class_of(run->code, run->outcome == OUTCOME_EXPIRED),
                      run->error);
    }
    report_steps(run, failed);
    run_states_collect(run);
}
