// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "cli/call.h"
#include "cli/command.h"

static int say(const struct terminal *terminal, status ended, const struct error *err) {
    if (err->text[0] != '\0') {
        terminal_paint(stderr, terminal->talk_colour, COLOUR_RED, SLICE("ebb: "));
        (void)fprintf(stderr, "%s\n", err->text);
    }
    return status_exit_code(ended);
}

static bool is_help(const char *word) {
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* `ebb`, `ebb --help`, `ebb agent --help`, `ebb hub result --help`: help that belongs to no single
 * command. */
static bool answer_help(const char *const *words, size_t count) {
    if (count == 0 || is_help(words[0])) {
        command_help_all(NULL, stdout);
        return true;
    }
    char noun[COMMAND_WORDS_MAX];
    size_t before = 1;
    while (before < count && !is_help(words[before])) {
        before++;
    }
    if (before == count || !command_is_noun(words, before, noun)) {
        return false;
    }
    command_help_all(noun, stdout);
    return true;
}

static status run_command(struct call *call, struct error *err) {
    if (call->wants_help) {
        command_help(call->command, call->out);
        return STATUS_OK;
    }
    return call->command->run(call, err);
}

/* An answer that did not get out (a full disk, a closed pipe) is no success. */
static status finish(status so_far, struct error *err) {
    const bool failed = fflush(stdout) != 0 || ferror(stdout) != 0;
    if (failed && so_far == STATUS_OK) {
        return fail(err, STATUS_SYSTEM, "the answer could not be written to standard output");
    }
    return so_far;
}

int cli_main(int count, char **words) {
    struct error err = {.code = STATUS_OK};
    struct terminal terminal;
    terminal_look(&terminal);
    const char *const *typed = (const char *const *)(words + 1);
    const size_t typed_count = count > 0 ? (size_t)count - 1 : 0;
    if (answer_help(typed, typed_count)) {
        const status written = finish(STATUS_OK, &err);
        return written == STATUS_OK ? 0 : say(&terminal, written, &err);
    }
    static const char *const VERSION[] = {"version"};
    if (strcmp(typed[0], "--version") == 0) {
        typed = VERSION;
    }
    const struct command *command = NULL;
    size_t used = 0;
    const status found = command_find(typed, typed_count, &command, &used, &err);
    if (found != STATUS_OK) {
        return say(&terminal, found, &err);
    }
    CLEANUP(call_done) struct call call = {.command = command};
    status ended = call_read(&call, command, typed + used, typed_count - used, &err);
    if (ended == STATUS_OK) {
        ended = run_command(&call, &err);
    }
    ended = finish(ended, &err);
    return ended == STATUS_OK ? 0 : say(&terminal, ended, &err);
}
