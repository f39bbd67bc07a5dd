/*
 * command: one thing that a person can type after `ebb`: its words, options, help and function.
 *
 * A command is a file cmd_NOUN_VERB.c that defines one of these and a row in commands.h; parser,
 * help, completion and the refusal of mistyped words all read the same row. What was typed is
 * struct call (call.h).
 *
 * Constant data; any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"
#include "base/slice.h"

struct call;

struct command_option {
    const char *name;     /* without the two hyphens */
    const char *argument; /* "DIR"; NULL: a switch */
    const char *help;
};

struct command {
    const char *noun;      /* NULL: a daily verb at the top; may be two words, "hub result" */
    const char *verb;      /* NULL: none but the noun */
    const char *arguments; /* as the help shows them: "FILE...", "[NAME]"; NULL: none */
    unsigned least, most;  /* how many arguments */
    const char *summary;   /* one sentence without a full stop */
    const char *details;   /* more for --help; NULL: nothing more */
    const char *example;   /* whole lines */
    const struct command_option *options; /* its own, ended by a NULL name; NULL: none */
    bool asks_daemon;                     /* takes --socket */
    bool asks_hub;                        /* takes --socket, which is the hub's */
    bool dry_run;                         /* changes something: takes --dry-run */
    bool tells_json; /* becomes another program, which answers in JSON itself */
    /* Does it: the answer on call->out, talk on call->talk. Whoever has said everything already
     * returns a failure with an empty sentence. */
    status (*run)(struct call *call, struct error *err);
};

/* Every command of this version, in the order of the help, ended by NULL. */
const struct command *const *command_all(void);

/* The command that the first words name and how many words those were. INVALID names the nearest
 * known word, or says that the word belongs to a later version. */
status command_find(const char *const *words, size_t count, const struct command **out_command,
                    size_t *out_used, struct error *err);

/* The option of that name among the command's own and those that all have; NULL: none. INVALID's
 * sentence names the nearest. */
status command_option_find(const struct command *command, struct slice name,
                           const struct command_option **out_option, struct error *err);

/* Calls `each` for every option that the command takes: its own first, then those that all have. */
void command_each_option(const struct command *command,
                         void (*each)(void *owner, const struct command_option *option),
                         void *owner);

/* "agent show", "run": the words that call it, into at least COMMAND_WORDS_MAX bytes. */
enum { COMMAND_WORDS_MAX = 64 };
void command_words(const struct command *command, char out_words[COMMAND_WORDS_MAX]);

/* The word that follows `words` ("agent", "hub result"; "": the first) among those that call the
 * command; false: they begin otherwise, or there is none. */
bool command_next_word(const struct command *command, const char *words,
                       char out_word[COMMAND_WORDS_MAX]);

/* Whether the words are a noun that commands follow ("hub", "hub result"); it is written out. */
bool command_is_noun(const char *const *words, size_t count, char out_noun[COMMAND_WORDS_MAX]);

/* What `ebb COMMAND --help` prints. */
void command_help(const struct command *command, FILE *out);

/* What `ebb help` prints: every command in a line; with a noun, those of that noun alone. */
void command_help_all(const char *noun, FILE *out);
