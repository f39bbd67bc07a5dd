// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "cli/call.h"
#include "cli/commands.h"

enum { SCRIPT_BYTES_MAX = 1 << 16 };

static void write_option(void *owner, const struct command_option *option) {
    struct buffer *out = owner;
    buffer_print(out, " --%s", option->name);
}

/* Different words that follow `words` ("": the first ones), with a blank in front of each. Those of
 * one noun stand together in the table. */
static void write_words(struct buffer *out, const char *words) {
    const struct command *const *all = command_all();
    char before[COMMAND_WORDS_MAX] = "";
    char next[COMMAND_WORDS_MAX];
    for (size_t i = 0; all[i] != NULL; i++) {
        if (command_next_word(all[i], words, next) && strcmp(before, next) != 0) {
            buffer_print(out, " %s", next);
            (void)memcpy(before, next, sizeof(before));
        }
    }
}

static void write_case(struct buffer *out, const char *words) {
    buffer_print(out, "    '%s ') words='", words);
    write_words(out, words);
    buffer_add_text(out, "' ;;\n");
}

/* A noun of two words has one of one word in front of it. */
static void write_noun(struct buffer *out, const char *noun, const char *before) {
    const size_t first = strcspn(noun, " ");
    char word[COMMAND_WORDS_MAX];
    (void)snprintf(word, sizeof(word), "%.*s", (int)first, noun);
    if (noun[first] == ' ' && strncmp(before, word, first) != 0) {
        write_case(out, word);
    }
    write_case(out, noun);
}

/* The words that may follow each noun and the options of each command, as cases of a shell
 * function. */
static void write_cases(struct buffer *out) {
    const struct command *const *all = command_all();
    const char *before = "";
    for (size_t i = 0; all[i] != NULL; i++) {
        if (all[i]->noun != NULL && strcmp(before, all[i]->noun) != 0) {
            write_noun(out, all[i]->noun, before);
            before = all[i]->noun;
        }
    }
    for (size_t i = 0; all[i] != NULL; i++) {
        char words[COMMAND_WORDS_MAX];
        command_words(all[i], words);
        buffer_print(out, "    '%s '*) options='", words);
        command_each_option(all[i], write_option, out);
        buffer_add_text(out, "' ;;\n");
    }
}

static void write_bash(struct buffer *out) {
    buffer_add_text(out, "# bash completion for ebb, made by `ebb completion bash`\n"
                         "_ebb() {\n"
                         "    local word=${COMP_WORDS[COMP_CWORD]} words='' options=''\n"
                         "    local line=\"${COMP_WORDS[*]:1:COMP_CWORD-1} \"\n"
                         "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                         "        words='");
    write_words(out, "");
    buffer_add_text(out, "'\n"
                         "    fi\n"
                         "    case $line in\n");
    write_cases(out);
    buffer_add_text(out, "    esac\n"
                         "    case $word in -*) words=$options ;; esac\n"
                         "    if [ -n \"$words\" ]; then\n"
                         "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
                         "    else\n"
                         "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
                         "    fi\n"
                         "}\n"
                         "complete -o filenames -F _ebb ebb\n");
}

static status run(struct call *call, struct error *err) {
    const char *shell = call_argument(call, 0);
    if (strcmp(shell, "bash") != 0) {
        return fail(err, STATUS_INVALID, "there is completion for bash alone, not for '%.60s'",
                    shell);
    }
    CLEANUP(buffer_done) struct buffer script;
    buffer_init(&script, SCRIPT_BYTES_MAX);
    write_bash(&script);
    TRY(buffer_status(&script, err));
    if (call->json) {
        return call_write_json(call, value_of_text(buffer_slice(&script)), false, err);
    }
    (void)fwrite(script.bytes, 1, script.count, call->out);
    return STATUS_OK;
}

const struct command cmd_completion = {
    .verb = "completion",
    .arguments = "bash",
    .least = 1,
    .most = 1,
    .summary = "Print a script that completes ebb's words in a shell",
    .example = "ebb completion bash > ~/.local/share/bash-completion/completions/ebb",
    .run = run};
