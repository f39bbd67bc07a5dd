// SPDX-License-Identifier: Apache-2.0
#include "hub/people/rights.h"

#include <stdio.h>

#include "platform/json.h"

struct word {
    const char *name;
    unsigned rights;
};

static const struct word ROLES[] = {
    {"viewer", ROLE_VIEWER}, {"operator", ROLE_OPERATOR}, {"admin", ROLE_ADMIN}};

static const struct word RIGHTS[] = {{"bring", RIGHT_BRING},
                                     {"read", RIGHT_READ},
                                     {"operate", RIGHT_OPERATE},
                                     {"admin", RIGHT_ADMIN}};

enum {
    ROLES_COUNT = sizeof(ROLES) / sizeof(ROLES[0]),
    RIGHTS_COUNT = sizeof(RIGHTS) / sizeof(RIGHTS[0])
};

const char *role_name(unsigned rights) {
    for (int i = 0; i < ROLES_COUNT; i++) {
        if (ROLES[i].rights == rights) {
            return ROLES[i].name;
        }
    }
    return "none";
}

static unsigned find(const struct word *words, int count, struct slice name) {
    for (int i = 0; i < count; i++) {
        if (slice_is(name, words[i].name)) {
            return words[i].rights;
        }
    }
    return 0;
}

unsigned role_from_name(struct slice name) {
    return find(ROLES, ROLES_COUNT, name);
}

void rights_write(unsigned rights, char out_text[RIGHTS_TEXT_BYTES]) {
    size_t count = 0;
    out_text[0] = '\0';
    for (int i = 0; i < RIGHTS_COUNT; i++) {
        if ((rights & RIGHTS[i].rights) != 0) {
            count += (size_t)snprintf(out_text + count, RIGHTS_TEXT_BYTES - count, "%s%s",
                                      count > 0 ? "," : "", RIGHTS[i].name);
        }
    }
}

status rights_read(struct slice text, unsigned *out_rights, struct error *err) {
    struct slice rest = text;
    *out_rights = 0;
    do {
        const size_t end = slice_find(rest, ',');
        const struct slice word = slice_trim(slice_part(rest, 0, end));
        const unsigned right = find(RIGHTS, RIGHTS_COUNT, word);
        if (right == 0) {
            return fail(
                err, STATUS_INVALID,
                "a token may bring, read, operate or admin (several with commas), not '%.*s'",
                SLICE_ARGS(slice_part(word, 0, 40)));
        }
        *out_rights |= right;
        rest = slice_part(rest, end + 1, rest.count);
    } while (rest.count > 0);
    return STATUS_OK;
}

status caller_needs(const struct caller *caller, enum right right, struct error *err) {
    char words[RIGHTS_TEXT_BYTES];
    if ((caller->rights & (unsigned)right) != 0) {
        return STATUS_OK;
    }
    rights_write((unsigned)right, words);
    return fail(err, STATUS_DENIED, "'%s' may not do this: it takes the right to %s%s",
                caller->name, words,
                right == RIGHT_ADMIN     ? ", which admins have"
                : right == RIGHT_OPERATE ? ", which operators and admins have"
                                         : "");
}

void caller_write(const struct caller *caller, struct buffer *out) {
    const char *between = "";
    buffer_add_text(out, "{\"name\":");
    if (caller->name[0] != '\0') {
        json_write_text(out, slice_of(caller->name));
    } else {
        buffer_add_text(out, "null");
    }
    buffer_print(out, ",\"role\":\"%s\",\"may\":[", role_name(caller->rights));
    for (int i = 0; i < RIGHTS_COUNT; i++) {
        if ((caller->rights & RIGHTS[i].rights) != 0) {
            buffer_print(out, "%s\"%s\"", between, RIGHTS[i].name);
            between = ",";
        }
    }
    buffer_print(out, "],\"must_change\":%s}\n", caller->must_change ? "true" : "false");
}
