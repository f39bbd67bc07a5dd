// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "cli/attachment_file.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "platform/file.h"
#include "platform/json.h"

/* A field of the result that names a blob. */
static bool is_attachment(const struct member *field, struct slice *out_hash,
                          struct slice *out_type) {
    const struct value *hash = value_get(field->value, SLICE(JSON_BLOB));
    const struct value *type = value_get(field->value, SLICE("type"));
    if (hash == NULL || type == NULL || !text_is_field(field->name)) {
        return false;
    }
    *out_hash = value_text(*hash);
    *out_type = value_text(*type);
    return true;
}

static status run(struct call *call, struct error *err) {
    const char *id = call_argument(call, 0);
    const char *given = call_option(call, "to");
    const char *folder = given != NULL ? given : ".";
    TRY(daemon_check_id("a result", "result list", id, err));
    struct value answer = {.kind = VALUE_NULL};
    TRY(daemon_get(call, &answer, err, "/v1/results/%s", id));
    const struct value *result = value_get(answer, SLICE("result"));
    int saved = 0;
    if (!call->dry_run) {
        TRY(file_make_folder(folder, err));
    }
    for (uint32_t i = 0; result != NULL && result->kind == VALUE_OBJECT && i < result->count; i++) {
        struct slice hash;
        struct slice type;
        if (is_attachment(&result->members[i], &hash, &type)) {
            TRY(attachment_file_save(call, folder, result->members[i].name, type, hash, err));
            saved++;
        }
    }
    return saved > 0 ? STATUS_OK
                     : fail(err, STATUS_NOT_FOUND,
                            "result %s has no attachment; `ebb result show "
                            "%s` shows what it has",
                            id, id);
}

static const struct command_option OPTIONS[] = {
    {"to", "FOLDER", "Where to write them; the current folder"}, {0}};

const struct command cmd_result_save = {
    .noun = "result",
    .verb = "save",
    .arguments = "ID",
    .least = 1,
    .most = 1,
    .options = OPTIONS,
    .summary = "Write what a result attaches to files",
    .example = "ebb result save 6f1d2c3e-7a81-8b00-a003-000000000001 --to pictures",
    .asks_daemon = true,
    .dry_run = true,
    .run = run};
