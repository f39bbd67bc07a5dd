// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "cli/call.h"
#include "cli/commands.h"
#include "cli/variants.h"
#include "platform/file.h"
#include "platform/json.h"

enum { ANSWER_BYTES_MAX = 16 << 20 };

static status read_answer(struct call *call, const char *folder, struct value *out_answer,
                          struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    const struct slice path = arena_print(&call->arena, "%s/" VARIANTS_ANSWER_FILE, folder);
    buffer_init(&text, ANSWER_BYTES_MAX);
    if (path.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a path");
    }
    if (file_read(path.bytes, &text, err) != STATUS_OK) {
        return fail_while(err, "'%.300s' is not what `ebb model optimize` has made", folder);
    }
    const struct slice kept = arena_copy(&call->arena, buffer_slice(&text));
    if (kept.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the report");
    }
    return json_read(&call->arena, kept, out_answer, err);
}

static status run(struct call *call, struct error *err) {
    const char *folder = call_argument(call, 0);
    struct value answer;
    TRY(read_answer(call, folder, &answer, err));
    if (call->json) {
        return call_write_json(call, answer, false, err);
    }
    TRY(variants_write_text(call, answer, err));
    CLEANUP(buffer_done) struct buffer page;
    buffer_init(&page, ANSWER_BYTES_MAX);
    variants_write_page(&page, folder, answer);
    TRY(buffer_status(&page, err));
    const struct slice path = arena_print(&call->arena, "%s/" VARIANTS_REPORT_FILE, folder);
    return path.bytes != NULL ? file_replace(path.bytes, buffer_slice(&page), err)
                              : fail(err, STATUS_NO_MEMORY, "no memory for a path");
}

const struct command cmd_model_report = {
    .noun = "model",
    .verb = "report",
    .arguments = "DIR",
    .least = 1,
    .most = 1,
    .summary = "Show again what `ebb model optimize` found, and write the page anew",
    .details =
        "DIR is what --out named. The page is DIR/report.html, which needs nothing but itself:\n"
        "variants side by side, the samples whose answer changed (with small pictures of those\n"
        "that are some), and the layers that suffer most.\n",
    .example = "ebb model report rec",
    .run = run};
