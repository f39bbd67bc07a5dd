// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>

#include "base/buffer.h"
#include "cli/bound.h"
#include "cli/call.h"
#include "cli/checker.h"
#include "cli/commands.h"
#include "cli/device_program.h"
#include "platform/json.h"

enum { ANSWER_BYTES_MAX = 16 << 20 };

static void write_fault_json(struct buffer *out, const struct fault *fault) {
    buffer_add_text(out, "{");
    if (fault->place.line > 0) {
        buffer_print(out, "\"line\":%d,\"column\":%d,", fault->place.line, fault->place.column);
    }
    buffer_print(out, "\"warning\":%s,\"text\":", fault->warning ? "true" : "false");
    json_write_text(out, fault->text);
    buffer_add_text(out, "}");
}

/* {"file","correct","faults":[...]}, and with --explain "explanation". */
static void write_json(struct buffer *out, const char *path, const struct checked *checked,
                       bool explain) {
    buffer_add_text(out, "{\"file\":");
    json_write_text(out, slice_of(path));
    buffer_print(out, ",\"correct\":%s,\"faults\":[",
                 checked_is_correct(checked) ? "true" : "false");
    const uint32_t count = checked->faults != NULL ? checked->faults->count : 0;
    for (uint32_t i = 0; i < count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        write_fault_json(out, &checked->faults->faults[i]);
    }
    buffer_add_text(out, "]");
    if (explain && checked->workflow != NULL) {
        CLEANUP(buffer_done) struct buffer explanation;
        buffer_init(&explanation, ANSWER_BYTES_MAX);
        workflow_explain(checked->workflow, &explanation);
        buffer_add_text(out, ",\"explanation\":");
        json_write_text(out, buffer_slice(&explanation));
    }
    buffer_add_text(out, "}\n");
}

static void write_text(struct buffer *out, const struct checked *checked, bool explain) {
    if (checked->faults != NULL) {
        fault_list_write(checked->faults, out);
    }
    if (explain && checked->workflow != NULL) {
        workflow_explain(checked->workflow, out);
    }
}

static void say_count(FILE *talk, uint32_t count, const char *noun, const char *then) {
    (void)fprintf(talk, "%" PRIu32 " %s%s%s", count, noun, count == 1 ? "" : "s", then);
}

/* What a person wants to hear when there is nothing to mend, or how much there is. */
static void say(struct call *call, const char *path, const struct checked *checked) {
    if (checked->workflow != NULL) {
        const struct workflow *workflow = checked->workflow;
        (void)fprintf(call->talk, "%s: correct (workflow %.*s: ", path, SLICE_ARGS(workflow->name));
        say_count(call->talk, workflow->trigger_count, "trigger", ", ");
        say_count(call->talk, workflow->step_count, "step", ", ");
        say_count(call->talk, workflow->result_count, "result", ")\n");
    } else if (checked->manifest != NULL) {
        const struct agent_manifest *manifest = checked->manifest;
        (void)fprintf(call->talk, "%s: correct (agent %.*s %.*s, kind %.*s)\n", path,
                      SLICE_ARGS(manifest->name), SLICE_ARGS(manifest->version_text),
                      SLICE_ARGS(manifest->kind));
    } else if (checked->faults != NULL) {
        (void)fprintf(call->talk, "%s: ", path);
        say_count(call->talk, checked->faults->error_count, "fault", "\n");
    }
}

/* One file, whole. Faults are said here, so INVALID comes back without a sentence; a file that
 * cannot be read has one. */
static status check_file(struct call *call, const char *path, const struct binding *binding,
                         struct error *err) {
    const bool explain = call_has(call, "explain");
    CLEANUP(checked_done) struct checked checked = {0};
    const status ended = checker_check(path, call_option(call, "agents"), binding, &checked, err);
    if (ended != STATUS_OK && checked.faults == NULL) {
        return ended;
    }
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, ANSWER_BYTES_MAX);
    if (call->json) {
        write_json(&text, path, &checked, explain);
    } else {
        write_text(&text, &checked, explain);
    }
    TRY(buffer_status(&text, err));
    (void)fwrite(text.bytes, 1, text.count, call->out);
    if (!call->json) {
        (void)fflush(call->out);
        say(call, path, &checked);
    }
    return ended == STATUS_OK ? STATUS_OK : fail(err, ended, "%s", "");
}

static status run(struct call *call, struct error *err) {
    TRY(device_program_check_folder(call, "agents", err));
    struct bound bound;
    TRY(bound_read(call, &bound, err));
    status worst = STATUS_OK;
    for (size_t i = 0; i < call->argument_count; i++) {
        struct error error = {.code = STATUS_OK};
        const status ended = check_file(call, call->arguments[i], bound_binding(&bound), &error);
        if (ended != STATUS_OK && error.text[0] != '\0') {
            (void)fprintf(call->talk, "ebb: %s\n", error.text);
        }
        worst = worst == STATUS_OK ? ended : worst;
    }
    return worst == STATUS_OK ? STATUS_OK : fail(err, worst, "%s", "");
}

static const struct command_option OPTIONS[] = {
    {"explain", NULL, "show every default as it applies and how each expression is evaluated"},
    {"agents", "DIR", "look for agents here as well as in agents/ beside the file"},
    {"config", "FILE", "a device's file: check what workflows are given there, too"},
    {"set", "PARAM=VALUE", "a parameter's value; may stand several times"},
    {0}};

const struct command cmd_check = {
    .verb = "check",
    .arguments = "FILE...",
    .least = 1,
    .most = CALL_ARGUMENTS_MAX,
    .summary =
        "Check files of workflows and agents without running them: every fault, with its place",
    .details =
        "Faults are lines `file:line:column: what is wrong and what would be right` on standard\n"
        "output. The exit code is 0 when every file is correct and 2 when there is something to\n"
        "mend; warnings alone are correct.\n",
    .example = "ebb check examples/too-warm/too-warm.yaml\n"
               "ebb check --explain examples/inbox-triage/inbox-triage.yaml",
    .options = OPTIONS,
    .run = run};
