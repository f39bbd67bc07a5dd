// SPDX-License-Identifier: Apache-2.0
#include "cli/call.h"
#include "cli/commands.h"

/* The whole table, for programs that make documentation or menus of it. */
static status write_table(struct call *call, struct error *err) {
    const struct command *const *all = command_all();
    for (size_t i = 0; all[i] != NULL; i++) {
        struct value line = {.kind = VALUE_NULL};
        struct member *members = value_new_object(&call->arena, 4, &line);
        char words[COMMAND_WORDS_MAX];
        command_words(all[i], words);
        const struct slice kept = arena_copy(&call->arena, slice_of(words));
        if (members == NULL || kept.bytes == NULL) {
            return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
        }
        members[0] = (struct member){SLICE("command"), value_of_text(kept)};
        members[1] =
            (struct member){SLICE("arguments"), value_of_text(slice_of(all[i]->arguments))};
        members[2] = (struct member){SLICE("summary"), value_of_text(slice_of(all[i]->summary))};
        members[3] = (struct member){SLICE("example"), value_of_text(slice_of(all[i]->example))};
        TRY(call_write_json(call, line, false, err));
    }
    return STATUS_OK;
}

static status run(struct call *call, struct error *err) {
    char noun[COMMAND_WORDS_MAX];
    if (call->argument_count == 0) {
        if (call->json) {
            return write_table(call, err);
        }
        command_help_all(NULL, call->out);
        return STATUS_OK;
    }
    if (command_is_noun(call->arguments, call->argument_count, noun)) {
        command_help_all(noun, call->out);
        return STATUS_OK;
    }
    const struct command *command = NULL;
    size_t used = 0;
    TRY(command_find(call->arguments, call->argument_count, &command, &used, err));
    command_help(command, call->out);
    return STATUS_OK;
}

const struct command cmd_help = {.verb = "help",
                                 .arguments = "[COMMAND]",
                                 .most = 3,
                                 .summary = "List the commands, or explain one",
                                 .example = "ebb help\n"
                                            "ebb help result list",
                                 .run = run};
