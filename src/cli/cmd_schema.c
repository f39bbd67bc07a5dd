// SPDX-License-Identifier: Apache-2.0
#include "agents/agent_manifest.h"
#include "base/text.h"
#include "cli/call.h"
#include "cli/commands.h"
#include "platform/json.h"
#include "wire/schema.h"

static const char *const KINDS[] = {"workflow", "agent", "device", NULL};

static status write_schema(const char *kind, struct buffer *out, struct error *err) {
    const struct slice word = slice_of(kind);
    if (slice_is(word, "workflow")) {
        workflow_schema(out);
    } else if (slice_is(word, "agent")) {
        agent_manifest_schema(out);
    } else if (slice_is(word, "device")) {
        device_schema(out);
    } else {
        const char *nearest = text_nearest(word, KINDS);
        return fail(err, STATUS_INVALID, "there is no schema of '%.40s': %s%s%s", kind,
                    nearest != NULL ? "did you mean " : "it is workflow, agent or device",
                    nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
    }
    return buffer_status(out, err);
}

static status run(struct call *call, struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, SCHEMA_BYTES_MAX);
    TRY(write_schema(call_argument(call, 0), &text, err));
    struct value schema = {.kind = VALUE_NULL};
    TRY(json_read(&call->arena, buffer_slice(&text), &schema, err));
    return call_write_json(call, schema, !call->json, err);
}

const struct command cmd_schema = {
    .verb = "schema",
    .arguments = "workflow|agent|device",
    .least = 1,
    .most = 1,
    .summary =
        "Print the JSON Schema of a file, by which an editor completes and explains its keys",
    .details = "The schema (draft 2020-12) is made of the tables by which ebb reads the file. An\n"
               "editor with the YAML language server uses it when the file begins with the line\n"
               "`# yaml-language-server: $schema=workflow.schema.json`. `ebb check` says more: it\n"
               "knows agents and expressions.\n",
    .example = "ebb schema workflow > workflow.schema.json",
    .run = run};
