// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/child_environment.h"

#include <string.h>

#include "base/memory.h"
#include "platform/secret.h"

/* "NAME=" and the secret, in memory of its own. */
static status make_entry(struct slice head, struct slice name, char **out_entry,
                         struct error *err) {
    CLEANUP(secret_forget) struct buffer secret;
    buffer_init(&secret, SECRET_BYTES_MAX);
    TRY(secret_read(name, &secret, err));
    if (memchr(secret.bytes, 0, secret.count) != NULL) {
        return fail(err, STATUS_INVALID, "secret '%.*s' has a zero byte: no variable can hold it",
                    SLICE_ARGS(name));
    }
    char *entry = memory_new(head.count + secret.count + 1, 1);
    if (entry == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a variable");
    }
    (void)memcpy(entry, head.bytes, head.count);
    (void)memcpy(entry + head.count, secret.bytes, secret.count);
    *out_entry = entry;
    return STATUS_OK;
}

static status fill(const char *const *entries, struct child_environment *environment,
                   struct error *err) {
    for (size_t i = 0; entries[i] != NULL; i++) {
        const struct slice entry = slice_of(entries[i]);
        const size_t equals = slice_find(entry, '=');
        struct slice name;
        environment->entries[i] = entries[i];
        if (secret_named(slice_part(entry, equals + 1, entry.count), &name)) {
            char **place = &environment->secrets[environment->secret_count];
            TRY(make_entry(slice_part(entry, 0, equals + 1), name, place, err));
            environment->secret_count++;
            environment->entries[i] = *place;
        }
    }
    return STATUS_OK;
}

status child_environment_open(const char *const *entries, struct child_environment *out,
                              struct error *err) {
    size_t count = 0;
    while (entries[count] != NULL) {
        count++;
    }
    struct child_environment environment = {
        .entries = memory_new(count + 1, sizeof(*environment.entries)),
        .secrets = memory_new(count + 1, sizeof(*environment.secrets)),
    };
    const status code = environment.entries != NULL && environment.secrets != NULL
                            ? fill(entries, &environment, err)
                            : fail(err, STATUS_NO_MEMORY, "out of memory for variables");
    if (code != STATUS_OK) {
        child_environment_close(&environment);
        return code;
    }
    *out = environment;
    return STATUS_OK;
}

void child_environment_close(struct child_environment *environment) {
    for (size_t i = 0; i < environment->secret_count; i++) {
        explicit_bzero(environment->secrets[i], strlen(environment->secrets[i]));
        memory_free(environment->secrets[i]);
    }
    memory_free(environment->secrets);
    memory_free(environment->entries);
    *environment = (struct child_environment){0};
}
