// SPDX-License-Identifier: Apache-2.0
#include "cli/call.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "platform/json.h"

enum { WORD_SHOWN_MAX = 60 };

/* The few that people type without thinking, because other programs have them. */
static const char *written_out(const char *word) {
    static const char *const LETTERS[][2] = {{"-h", "--help"},
                                             {"-f", "--follow"},
                                             {"-n", "--lines"},
                                             {"-l", "--label"},
                                             {"-o", "--out"}};
    for (size_t i = 0; i < sizeof(LETTERS) / sizeof(LETTERS[0]); i++) {
        if (strcmp(word, LETTERS[i][0]) == 0) {
            return LETTERS[i][1];
        }
    }
    return word;
}

/* One option that begins at words[*index]; *index moves past what it took. */
static status read_option(struct call *call, const char *const *words, size_t count, size_t *index,
                          struct error *err) {
    const char *word = written_out(words[*index]);
    if (word[1] != '-') {
        return fail(err, STATUS_INVALID, "options are written out, like --json; '%.*s' is none",
                    WORD_SHOWN_MAX, word);
    }
    struct slice name = slice_of(word + 2);
    const size_t equals = slice_find(name, '=');
    const char *text = equals < name.count ? name.bytes + equals + 1 : NULL;
    name.count = equals;
    const struct command_option *option = NULL;
    TRY(command_option_find(call->command, name, &option, err));
    if (option->argument == NULL && text != NULL) {
        return fail(err, STATUS_INVALID, "--%s is a switch and takes no value", option->name);
    }
    if (option->argument != NULL && text == NULL) {
        if (*index + 1 >= count) {
            return fail(err, STATUS_INVALID, "--%s wants a value: --%s %s", option->name,
                        option->name, option->argument);
        }
        *index += 1;
        text = words[*index];
    }
    call->values[call->value_count++] = (struct call_value){.option = option, .text = text};
    return STATUS_OK;
}

static status check_count(const struct call *call, struct error *err) {
    const struct command *command = call->command;
    char words[COMMAND_WORDS_MAX];
    command_words(command, words);
    if (call->argument_count < command->least) {
        return fail(err, STATUS_INVALID, "`ebb %s` wants %s", words, command->arguments);
    }
    if (call->argument_count > command->most) {
        return fail(err, STATUS_INVALID, "`ebb %s` takes %s%s, '%.*s' is one too many", words,
                    command->arguments != NULL ? command->arguments : "no argument",
                    command->most > 0 ? " alone" : "", WORD_SHOWN_MAX,
                    call->arguments[command->most]);
    }
    return STATUS_OK;
}

status call_read(struct call *call, const struct command *command, const char *const *words,
                 size_t count, struct error *err) {
    *call = (struct call){.command = command, .out = stdout, .talk = stderr};
    arena_init(&call->arena, CALL_ARENA_BYTES_MAX);
    terminal_look(&call->terminal);
    call->arguments = memory_new(count + 1, sizeof(*call->arguments));
    call->values = memory_new(count + 1, sizeof(*call->values));
    if (call->arguments == NULL || call->values == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the command's words");
    }
    bool options_over = false;
    for (size_t i = 0; i < count; i++) {
        if (!options_over && strcmp(words[i], "--") == 0) {
            options_over = true;
        } else if (!options_over && words[i][0] == '-' && words[i][1] != '\0') {
            TRY(read_option(call, words, count, &i, err));
        } else {
            call->arguments[call->argument_count++] = words[i];
        }
    }
    call->json = call_has(call, "json");
    call->dry_run = call_has(call, "dry-run");
    call->wants_help = call_has(call, "help");
    return call->wants_help ? STATUS_OK : check_count(call, err);
}

void call_done(struct call *call) {
    if (call == NULL) {
        return;
    }
    memory_free(call->arguments);
    memory_free(call->values);
    arena_done(&call->arena);
    call->arguments = NULL;
    call->values = NULL;
}

static const struct call_value *find_value(const struct call *call, const char *name) {
    for (size_t i = call->value_count; i > 0; i--) {
        if (strcmp(call->values[i - 1].option->name, name) == 0) {
            return &call->values[i - 1];
        }
    }
    return NULL;
}

const char *call_option(const struct call *call, const char *name) {
    const struct call_value *value = find_value(call, name);
    return value != NULL ? value->text : NULL;
}

status call_add(struct call *call, const struct command_option *option, const char *text,
                struct error *err) {
    struct call_value *values =
        memory_resize(call->values, (call->value_count + 1) * sizeof(*values));
    if (values == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the command's words");
    }
    call->values = values;
    values[call->value_count++] = (struct call_value){.option = option, .text = text};
    return STATUS_OK;
}

bool call_has(const struct call *call, const char *name) {
    return find_value(call, name) != NULL;
}

status call_number(const struct call *call, const char *name, int64_t least, int64_t most,
                   int64_t otherwise, int64_t *out_number, struct error *err) {
    const char *text = call_option(call, name);
    if (text == NULL) {
        *out_number = otherwise;
        return STATUS_OK;
    }
    char *end = NULL;
    errno = 0;
    const long long number = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0' || errno != 0 || number < least || number > most) {
        return fail(err, STATUS_INVALID, "--%s wants a whole number from %lld to %lld, not '%.*s'",
                    name, (long long)least, (long long)most, WORD_SHOWN_MAX, text);
    }
    *out_number = number;
    return STATUS_OK;
}

const char *call_argument(const struct call *call, size_t index) {
    return index < call->argument_count ? call->arguments[index] : NULL;
}

status call_write_json(struct call *call, struct value value, bool spread, struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, CALL_ARENA_BYTES_MAX);
    if (spread) {
        json_write_pretty(&text, value);
    } else {
        json_write(&text, value);
    }
    buffer_add_byte(&text, '\n');
    TRY(buffer_status(&text, err));
    (void)fwrite(text.bytes, 1, text.count, call->out); /* cli_main asks the stream at the end */
    return STATUS_OK;
}
