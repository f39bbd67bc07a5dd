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
static const char *const LATER[] = {"package", "provision", "source", "test",
                                    "top",     "update",    NULL};

static const struct command_option JSON_OPTION = {"json", NULL, "answer in JSON, for programs"};
static const struct command_option HELP_OPTION = {"help", NULL, "this text"};
static const struct command_option SOCKET_OPTION = {
    "socket", "PATH", "the daemon's socket (else EBB_SOCKET, else where a daemon usually has it)"};
static const struct command_option HUB_SOCKET_OPTION = {
    "socket", "PATH", "the hub's socket (else EBB_HUB_SOCKET, else where a hub usually has it)"};
static const struct command_option DRY_RUN_OPTION = {"dry-run", NULL,
                                                     "say what would be done, change nothing"};

enum { WORDS_MAX = 128, VERBS_TEXT_MAX = 160, CALL_WORDS_MAX = 3 };

const struct command *const *command_all(void) {
    return ALL;
}

/* Different words that a person could type next. */
struct word_list {
    char texts[WORDS_MAX][COMMAND_WORDS_MAX];
    const char *words[WORDS_MAX + 1]; /* ended by NULL */
    size_t count;
};

static void list_word(struct word_list *list, const char *word) {
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->words[i], word) == 0) {
            return;
        }
    }
    if (list->count < WORDS_MAX) {
        (void)snprintf(list->texts[list->count], COMMAND_WORDS_MAX, "%s", word);
        list->words[list->count] = list->texts[list->count];
        list->words[++list->count] = NULL;
    }
}

/* Those that follow `words` in any command. */
static void list_next_words(struct word_list *list, const char *words) {
    char word[COMMAND_WORDS_MAX];
    list->count = 0;
    list->words[0] = NULL;
    for (size_t i = 0; ALL[i] != NULL; i++) {
        if (command_next_word(ALL[i], words, word)) {
            list_word(list, word);
        }
    }
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
    struct word_list known;
    list_next_words(&known, "");
    for (size_t i = 0; LATER[i] != NULL; i++) {
        list_word(&known, LATER[i]);
    }
    const char *nearest = text_nearest(slice_of(word), known.words);
    if (nearest == NULL) {
        return fail(err, STATUS_INVALID, "`ebb %.60s` is no command; `ebb help` lists them", word);
    }
    return fail(err, STATUS_INVALID, "`ebb %.60s` is no command; did you mean `ebb %s`?%s", word,
                nearest, is_later(nearest) ? " (It is not in this version of ebb.)" : "");
}

static status unknown_verb(const char *noun, const char *verb, struct error *err) {
    struct word_list verbs;
    char list[VERBS_TEXT_MAX] = "";
    list_next_words(&verbs, noun);
    for (size_t i = 0; i < verbs.count; i++) {
        const char *between = i == 0 ? "" : i + 1 == verbs.count ? " or " : ", ";
        const size_t used = strlen(list);
        (void)snprintf(list + used, sizeof(list) - used, "%s%s", between, verbs.words[i]);
    }
    if (verb == NULL) {
        return fail(err, STATUS_INVALID, "`ebb %s` wants to know what: %s", noun, list);
    }
    const char *nearest = text_nearest(slice_of(verb), verbs.words);
    if (nearest == NULL) {
        return fail(err, STATUS_INVALID, "`ebb %s %.60s` is no command; there is %s", noun, verb,
                    list);
    }
    return fail(err, STATUS_INVALID, "`ebb %s %.60s` is no command; did you mean `ebb %s %s`?",
                noun, verb, noun, nearest);
}

/* The command that is called by exactly so many of the words, or NULL. */
static const struct command *find_exactly(const char *const *words, size_t count) {
    char called[COMMAND_WORDS_MAX];
    char typed[COMMAND_WORDS_MAX];
    int length = 0;
    for (size_t i = 0; i < count && length < COMMAND_WORDS_MAX; i++) {
        length += snprintf(typed + length, sizeof(typed) - (size_t)length, "%s%s", i > 0 ? " " : "",
                           words[i]);
    }
    for (size_t i = 0; length < COMMAND_WORDS_MAX && ALL[i] != NULL; i++) {
        command_words(ALL[i], called);
        if (strcmp(called, typed) == 0) {
            return ALL[i];
        }
    }
    return NULL;
}

/* As many of the words as begin some command, in `known`; the index of the one that does not. */
static size_t follow(const char *const *words, size_t count, char known[COMMAND_WORDS_MAX]) {
    struct word_list next;
    known[0] = '\0';
    for (size_t at = 0; at < count; at++) {
        bool is_next = false;
        list_next_words(&next, known);
        for (size_t i = 0; i < next.count; i++) {
            is_next = is_next || strcmp(next.words[i], words[at]) == 0;
        }
        if (!is_next) {
            return at;
        }
        const size_t used = strlen(known);
        (void)snprintf(known + used, COMMAND_WORDS_MAX - used, "%s%s", at > 0 ? " " : "",
                       words[at]);
    }
    return count;
}

/* Whether what is typed begins with all words of `text`. */
static bool begins_with(const char *const *words, size_t count, const char *text) {
    for (size_t i = 0; i < count; i++) {
        const size_t length = strlen(words[i]);
        if (strncmp(text, words[i], length) != 0) {
            return false;
        }
        if (text[length] != ' ') {
            return text[length] == '\0';
        }
        text += length + 1;
    }
    return false;
}

/* The hub's command that is meant where `hub` was left out, as in `ebb token new`; false: none. */
static bool find_at_hub(const char *const *words, size_t count,
                        char out_called[COMMAND_WORDS_MAX]) {
    for (size_t i = 0; ALL[i] != NULL; i++) {
        command_words(ALL[i], out_called);
        if (strncmp(out_called, "hub ", 4) == 0 && begins_with(words, count, out_called + 4)) {
            return true;
        }
    }
    return false;
}

status command_find(const char *const *words, size_t count, const struct command **out_command,
                    size_t *out_used, struct error *err) {
    assert(count > 0);
    for (size_t used = count < CALL_WORDS_MAX ? count : CALL_WORDS_MAX; used > 0; used--) {
        const struct command *command = find_exactly(words, used);
        if (command != NULL) {
            *out_command = command;
            *out_used = used;
            return STATUS_OK;
        }
    }
    char known[COMMAND_WORDS_MAX];
    char meant[COMMAND_WORDS_MAX];
    const size_t at = follow(words, count, known);
    if (at < count && find_at_hub(words, count, meant)) {
        return fail(err, STATUS_INVALID, "`ebb %s` is no command; did you mean `ebb %s`?",
                    strchr(meant, ' ') + 1, meant);
    }
    if (at == 0) {
        return unknown_word(words[0], err);
    }
    return unknown_verb(known, at < count ? words[at] : NULL, err);
}

bool command_is_noun(const char *const *words, size_t count, char out_noun[COMMAND_WORDS_MAX]) {
    struct word_list next;
    if (count == 0 || follow(words, count, out_noun) != count) {
        return false;
    }
    list_next_words(&next, out_noun);
    return next.count > 0;
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
    if (command->asks_hub) {
        each(owner, &HUB_SOCKET_OPTION);
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

bool command_next_word(const struct command *command, const char *words,
                       char out_word[COMMAND_WORDS_MAX]) {
    char called[COMMAND_WORDS_MAX];
    command_words(command, called);
    const size_t count = strlen(words);
    const char *rest = called + count + (count > 0 ? 1 : 0);
    if (strncmp(called, words, count) != 0 || (count > 0 && called[count] != ' ')) {
        return false;
    }
    (void)snprintf(out_word, COMMAND_WORDS_MAX, "%.*s", (int)strcspn(rest, " "), rest);
    return true;
}
