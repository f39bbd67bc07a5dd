// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/commands.h"

#define COMMAND_ADDRESS(name) &cmd_##name,
static const struct command *const ALL[] = {COMMANDS(COMMAND_ADDRESS) NULL};
#undef COMMAND_ADDRESS

/* Words of the roadmap: known by name, so that nobody takes them for a typing error. */
static const char *const LATER[] = {"hub",  "model", "package", "provision", "source",
                                    "test", "top",   "update",  NULL};

static const struct command_option JSON_OPTION = {"json", NULL, "answer in JSON, for programs"};
static const struct command_option HELP_OPTION = {"help", NULL, "this text"};
static const struct command_option SOCKET_OPTION = {
    "socket", "PATH", "the daemon's socket (else EBB_SOCKET, else where a daemon usually has it)"};
static const struct command_option DRY_RUN_OPTION = {"dry-run", NULL,
                                                     "say what would be done, change nothing"};

enum { WORDS_MAX = 96, VERBS_TEXT_MAX = 160 };

const struct command *const *command_all(void) {
    return ALL;
}

/* The word under which a command is found first. */
static const char *first_word(const struct command *command) {
    return command->noun != NULL ? command->noun : command->verb;
}

static bool is_later(const char *word) {
    for (size_t i = 0; LATER[i] != NULL; i++) {
        if (strcmp(LATER[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static status unknown_word(const char *word, struct error *err) {
    if (is_later(word)) {
        return fail(err, STATUS_INVALID, "`ebb %s` is not in this version of ebb", word);
    }
    const char *known[WORDS_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; ALL[i] != NULL && count < WORDS_MAX; i++) {
        known[count++] = first_word(ALL[i]);
    }
    for (size_t i = 0; LATER[i] != NULL && count < WORDS_MAX; i++) {
        known[count++] = LATER[i];
    }
    known[count] = NULL;
    const char *nearest = text_nearest(slice_of(word), known);
    if (nearest == NULL) {
        return fail(err, STATUS_INVALID, "`ebb %.60s` is no command; `ebb help` lists them", word);
    }
    return fail(err, STATUS_INVALID, "`ebb %.60s` is no command; did you mean `ebb %s`?%s", word,
                nearest, is_later(nearest) ? " (It is not in this version of ebb.)" : "");
}

/* The verbs of a noun, as words ended by NULL. */
static size_t verbs_of(const char *noun, const char *out_verbs[WORDS_MAX + 1]) {
    size_t count = 0;
    for (size_t i = 0; ALL[i] != NULL && count < WORDS_MAX; i++) {
        if (ALL[i]->noun != NULL && strcmp(ALL[i]->noun, noun) == 0) {
            out_verbs[count++] = ALL[i]->verb;
        }
    }
    out_verbs[count] = NULL;
    return count;
}

static status unknown_verb(const char *noun, const char *verb, struct error *err) {
    const char *verbs[WORDS_MAX + 1];
    const size_t count = verbs_of(noun, verbs);
    char list[VERBS_TEXT_MAX] = "";
    for (size_t i = 0; i < count; i++) {
        const char *between = i == 0 ? "" : i + 1 == count ? " or " : ", ";
        const size_t used = strlen(list);
        (void)snprintf(list + used, sizeof(list) - used, "%s%s", between, verbs[i]);
    }
    if (verb == NULL) {
        return fail(err, STATUS_INVALID, "`ebb %s` wants to know what: %s", noun, list);
    }
    const char *nearest = text_nearest(slice_of(verb), verbs);
    if (nearest == NULL) {
        return fail(err, STATUS_INVALID, "`ebb %s %.60s` is no command; there is %s", noun, verb,
                    list);
    }
    return fail(err, STATUS_INVALID, "`ebb %s %.60s` is no command; did you mean `ebb %s %s`?",
                noun, verb, noun, nearest);
}

status command_find(const char *const *words, size_t count, const struct command **out_command,
                    size_t *out_used, struct error *err) {
    assert(count > 0);
    bool is_noun = false;
    for (size_t i = 0; ALL[i] != NULL; i++) {
        const struct command *command = ALL[i];
        if (strcmp(first_word(command), words[0]) != 0) {
            continue;
        }
        if (command->noun == NULL) {
            *out_command = command;
            *out_used = 1;
            return STATUS_OK;
        }
        is_noun = true;
        if (count > 1 && strcmp(command->verb, words[1]) == 0) {
            *out_command = command;
            *out_used = 2;
            return STATUS_OK;
        }
    }
    if (!is_noun) {
        return unknown_word(words[0], err);
    }
    return unknown_verb(words[0], count > 1 ? words[1] : NULL, err);
}

void command_each_option(const struct command *command,
                         void (*each)(void *owner, const struct command_option *option),
                         void *owner) {
    for (const struct command_option *own = command->options; own != NULL && own->name != NULL;
         own++) {
        each(owner, own);
    }
    if (command->dry_run) {
        each(owner, &DRY_RUN_OPTION);
    }
    if (command->asks_daemon) {
        each(owner, &SOCKET_OPTION);
    }
    each(owner, &JSON_OPTION);
    each(owner, &HELP_OPTION);
}

struct option_search {
    struct slice name;
    const struct command_option *found;
    const char *names[WORDS_MAX + 1];
    size_t count;
};

static void look_at_option(void *owner, const struct command_option *option) {
    struct option_search *search = owner;
    if (slice_is(search->name, option->name)) {
        search->found = option;
    }
    if (search->count < WORDS_MAX) {
        search->names[search->count++] = option->name;
    }
}

status command_option_find(const struct command *command, struct slice name,
                           const struct command_option **out_option, struct error *err) {
    struct option_search search = {.name = name};
    command_each_option(command, look_at_option, &search);
    if (search.found != NULL) {
        *out_option = search.found;
        return STATUS_OK;
    }
    search.names[search.count] = NULL;
    char words[COMMAND_WORDS_MAX];
    command_words(command, words);
    const char *nearest = text_nearest(name, search.names);
    if (nearest == NULL) {
        return fail(err, STATUS_INVALID,
                    "`ebb %s` has no option --%.60s; `ebb %s --help` lists them", words, name.bytes,
                    words);
    }
    return fail(err, STATUS_INVALID, "`ebb %s` has no option --%.*s; did you mean --%s?", words,
                (int)(name.count < 60 ? name.count : 60), name.bytes, nearest);
}

void command_words(const struct command *command, char out_words[COMMAND_WORDS_MAX]) {
    (void)snprintf(out_words, COMMAND_WORDS_MAX, "%s%s%s",
                   command->noun != NULL ? command->noun : "", command->noun != NULL ? " " : "",
                   command->verb);
}
