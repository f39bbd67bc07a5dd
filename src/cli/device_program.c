// SPDX-License-Identifier: Apache-2.0
#include "cli/device_program.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "platform/file.h"
#include "platform/json.h"

static const char PROGRAM[] = "ebb-device";
static const char HUB_PROGRAM[] = "ebb-hub";

/* Options that are ebb's own business and not the daemon's. */
static bool is_ours(const char *name) {
    static const char *const OURS[] = {"json", "help", "dry-run", "watch", NULL};
    for (size_t i = 0; OURS[i] != NULL; i++) {
        if (strcmp(name, OURS[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* execv takes words that it might change, but does not. */
static char *passed(const char *word) {
    union {
        const char *given;
        char *passed;
    } both = {.given = word};
    return both.passed;
}

/* The words of the other program, ended by NULL; a file whose name begins with a hyphen is spelt so
 * that it is not taken for an option there. */
static char *const *collect(struct call *call, const char *program, const char *verb) {
    const size_t most = 3 + call->argument_count + 2 * call->value_count;
    char **words = arena_get(&call->arena, most, sizeof(*words));
    if (words == NULL) {
        return NULL;
    }
    size_t count = 0;
    words[count++] = passed(program);
    words[count++] = passed(verb);
    for (size_t i = 0; i < call->argument_count; i++) {
        const char *word = call->arguments[i];
        words[count++] =
            passed(word[0] == '-' ? arena_print(&call->arena, "./%s", word).bytes : word);
    }
    for (size_t i = 0; i < call->value_count; i++) {
        const struct call_value *value = &call->values[i];
        const bool is_json = strcmp(value->option->name, "json") == 0;
        if (is_ours(value->option->name) && !(is_json && call->command->tells_json)) {
            continue;
        }
        words[count++] = passed(arena_print(&call->arena, "--%s", value->option->name).bytes);
        if (value->text != NULL) {
            words[count++] = passed(value->text);
        }
    }
    return words;
}

static status become(struct call *call, const char *program, const char *verb, struct error *err) {
    const struct slice path = arena_print(&call->arena, "%s/%s", file_program_folder(), program);
    char *const *words = collect(call, program, verb);
    if (path.bytes == NULL || words == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to start %s", program);
    }
    (void)fflush(call->out);
    (void)execv(path.bytes, words);
    return fail_errno(err, errno, "start %s", path.bytes);
}

status device_program_become(struct call *call, const char *verb, struct error *err) {
    return become(call, PROGRAM, verb, err);
}

status device_program_become_hub(struct call *call, const char *verb, struct error *err) {
    return become(call, HUB_PROGRAM, verb, err);
}

const char *const *device_program_words(struct call *call, const char *verb) {
    const struct slice path = arena_print(&call->arena, "%s/%s", file_program_folder(), PROGRAM);
    char *const *words = path.bytes != NULL ? collect(call, path.bytes, verb) : NULL;
    return (const char *const *)words;
}

status device_program_check_folder(struct call *call, const char *option, struct error *err) {
    const char *path = call_option(call, option);
    if (path == NULL) {
        return STATUS_OK;
    }
    struct file_facts facts;
    if (file_facts(path, &facts, err) != STATUS_OK) {
        return fail_while(err, "--%s", option);
    }
    if (!facts.is_folder) {
        return fail(err, STATUS_INVALID, "--%s wants a folder, and %s is none", option, path);
    }
    return STATUS_OK;
}

status device_program_check_file(const char *path, struct error *err) {
    struct file_facts facts;
    TRY(file_facts(path, &facts, err));
    if (!facts.is_regular) {
        return fail(err, STATUS_INVALID, "%s is no file", path);
    }
    return STATUS_OK;
}

status device_program_check_json(struct call *call, const char *option, struct error *err) {
    const char *text = call_option(call, option);
    if (text == NULL) {
        return STATUS_OK;
    }
    struct value value = {.kind = VALUE_NULL};
    if (json_read(&call->arena, slice_of(text), &value, err) != STATUS_OK) {
        return fail_while(err, "--%s", option);
    }
    return STATUS_OK;
}

status device_program_check_level(struct call *call, struct error *err) {
    const char *level = call_option(call, "log");
    if (level != NULL && log_level_from(level) < 0) {
        return fail(err, STATUS_INVALID, "--log wants debug, info, warn or error, not '%.40s'",
                    level);
    }
    return STATUS_OK;
}
