// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

enum { OPTION_COLUMN = 22, COMMAND_COLUMN = 25, LABEL_MAX = 128 };

static void write_option(void *owner, const struct command_option *option) {
    FILE *out = owner;
    char label[LABEL_MAX];
    (void)snprintf(label, sizeof(label), "--%s%s%s", option->name,
                   option->argument != NULL ? " " : "",
                   option->argument != NULL ? option->argument : "");
    (void)fprintf(out, "  %-*s  %s\n", OPTION_COLUMN, label, option->help);
}

/* Whole lines, each indented. */
static void write_indented(FILE *out, const char *lines) {
    while (*lines != '\0') {
        const size_t count = strcspn(lines, "\n");
        (void)fprintf(out, "  %.*s\n", (int)count, lines);
        lines += count + (lines[count] == '\n' ? 1 : 0);
    }
}

void command_help(const struct command *command, FILE *out) {
    char words[COMMAND_WORDS_MAX];
    command_words(command, words);
    (void)fprintf(out, "ebb %s%s%s [options]\n\n%s.\n", words,
                  command->arguments != NULL ? " " : "",
                  command->arguments != NULL ? command->arguments : "", command->summary);
    if (command->details != NULL) {
        (void)fprintf(out, "\n%s", command->details);
    }
    (void)fprintf(out, "\nOptions\n");
    command_each_option(command, write_option, out);
    (void)fprintf(out, "\nExample\n");
    write_indented(out, command->example);
}

static void write_command(const struct command *command, FILE *out) {
    char words[COMMAND_WORDS_MAX];
    char label[LABEL_MAX];
    command_words(command, words);
    (void)snprintf(label, sizeof(label), "%s%s%s", words, command->arguments != NULL ? " " : "",
                   command->arguments != NULL ? command->arguments : "");
    (void)fprintf(out, "  %-*s  %s\n", COMMAND_COLUMN, label, command->summary);
}

void command_help_all(const char *noun, FILE *out) {
    if (noun == NULL) {
        (void)fprintf(out, "ebb runs AI agent workflows on edge devices and keeps running when the "
                           "network goes out.\n\n");
    }
    const struct command *const *all = command_all();
    char next[COMMAND_WORDS_MAX];
    bool in_nouns = false;
    for (size_t i = 0; all[i] != NULL; i++) {
        if (noun != NULL && !command_next_word(all[i], noun, next)) {
            continue;
        }
        if (noun == NULL && !in_nouns && all[i]->noun != NULL &&
            strcmp(all[i]->noun, "train") != 0 && strcmp(all[i]->noun, "new") != 0) {
            in_nouns = true;
            (void)fprintf(out, "\n");
        }
        write_command(all[i], out);
    }
    (void)fprintf(out, "\n`ebb COMMAND --help` says more, with an example.\n");
}
