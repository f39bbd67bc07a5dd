// SPDX-License-Identifier: Apache-2.0
#include "wire/keys.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "base/text.h"
#include "base/time.h"

enum { LIST_TEXT_BYTES = 256 };

/* The field of the target that the row is about. */
static void *field_at(void *target, const struct key *key) {
    return (char *)target + key->offset;
}

const char *yaml_what(const struct yaml *node) {
    if (node->kind == YAML_LIST) {
        return "a list";
    }
    if (node->kind == YAML_MAP) {
        return "a map";
    }
    return yaml_is_null(node) ? "nothing" : "text";
}

bool yaml_is_null(const struct yaml *node) {
    return node->kind == YAML_SCALAR && !node->quoted &&
           (node->text.count == 0 || slice_is(node->text, "~") || slice_is(node->text, "null"));
}

const struct key *keys_find(const struct key_table *table, struct slice name) {
    for (const struct key *key = table->keys; key->name != NULL; key++) {
        if (slice_is(name, key->name)) {
            return key;
        }
    }
    return NULL;
}

/* "a, b, c" of what is built, for when nothing is near. */
static void list_built(const struct key_table *table, char out_text[LIST_TEXT_BYTES]) {
    out_text[0] = 0;
    for (const struct key *key = table->keys; key->name != NULL; key++) {
        const size_t used = strlen(out_text);
        if (key->state != KEY_RESERVED) {
            (void)snprintf(out_text + used, LIST_TEXT_BYTES - used, "%s%s", used > 0 ? ", " : "",
                           key->name);
        }
    }
}

/* A key that is known elsewhere is told where it belongs. */
static bool say_misplaced(struct reading *reading, const struct key_table *table,
                          const struct yaml_pair *pair) {
    for (size_t i = 0; table->others != NULL && table->others[i] != NULL; i++) {
        const struct key *key = keys_find(table->others[i], pair->key);
        if (key != NULL) {
            faults_add(reading->faults, pair->key_place, "`%s` is no key of %s: it belongs to %s%s",
                       key->name, table->what, table->others[i]->what,
                       key->state == KEY_RESERVED ? ", and is not in this version of ebb" : "");
            return true;
        }
    }
    return false;
}

static void say_unknown(struct reading *reading, const struct key_table *table,
                        const struct yaml_pair *pair) {
    const char *names[KEYS_MAX + 1];
    size_t count = 0;
    if (say_misplaced(reading, table, pair)) {
        return;
    }
    for (const struct key *key = table->keys; key->name != NULL; key++) {
        assert(count < KEYS_MAX);
        names[count++] = key->name;
    }
    names[count] = NULL;
    const char *nearest = text_nearest(pair->key, names);
    if (nearest != NULL) {
        faults_add(reading->faults, pair->key_place, "`%.*s` is no key of %s%s", QUOTED(pair->key),
                   table->what, fault_hint(nearest).text);
        return;
    }
    char built[LIST_TEXT_BYTES];
    list_built(table, built);
    faults_add(reading->faults, pair->key_place, "`%.*s` is no key of %s: it has %s",
               QUOTED(pair->key), table->what, built);
}

static void read_pair(struct reading *reading, const struct key_table *table,
                      const struct yaml_pair *pair, void *target) {
    if (slice_starts(pair->key, "x-")) {
        return;
    }
    const struct key *key = keys_find(table, pair->key);
    if (key == NULL) {
        say_unknown(reading, table, pair);
    } else if (key->state == KEY_RESERVED) {
        faults_add(reading->faults, pair->key_place, "`%s` is not in this version of ebb",
                   key->name);
    } else if (key->read != NULL) {
        key->read(reading, key, &pair->value, target);
    }
}

bool keys_read(struct reading *reading, const struct key_table *table, const struct yaml *map,
               void *target) {
    if (map->kind != YAML_MAP) {
        faults_add(reading->faults, map->place, "%s is a map %s%s, not %s", table->what,
                   table->example != NULL ? "such as " : "of keys",
                   table->example != NULL ? table->example : "", yaml_what(map));
        return false;
    }
    for (uint32_t i = 0; i < map->count; i++) {
        read_pair(reading, table, &map->pairs[i], target);
    }
    for (const struct key *key = table->keys; key->name != NULL; key++) {
        if (key->state == KEY_REQUIRED && yaml_get(map, key->name) == NULL) {
            faults_add(reading->faults, map->place, "%s needs the key `%s`", table->what,
                       key->name);
        }
    }
    return true;
}

bool keys_scalar(struct reading *reading, const char *name, const char *wanted,
                 const struct yaml *node, struct slice *out_text) {
    if (node->kind != YAML_SCALAR || yaml_is_null(node)) {
        faults_add(reading->faults, node->place, "`%s` is %s, not %s", name, wanted,
                   yaml_what(node));
        return false;
    }
    *out_text = node->text;
    return true;
}

/* Literal places say so, instead of quoting a mark as a bad number. */
static bool literal_scalar(struct reading *reading, const struct key *key, const char *wanted,
                           const struct yaml *node, struct slice *out_text) {
    struct slice text;
    if (!keys_scalar(reading, key->name, wanted, node, &text)) {
        return false;
    }
    if (memmem(text.bytes, text.count, "${", 2) != NULL) {
        faults_add(reading->faults, node->place, "`%s` is %s: it takes no expression", key->name,
                   wanted);
        return false;
    }
    *out_text = text;
    return true;
}

static void keep_text(struct reading *reading, struct slice text, struct slice *out_text) {
    *out_text = arena_copy(reading->arena, text);
    if (out_text->bytes == NULL) {
        reading->faults->no_memory = true;
    }
}

void keys_read_text(struct reading *reading, const struct key *key, const struct yaml *node,
                    void *target) {
    struct slice text;
    if (literal_scalar(reading, key, "text", node, &text)) {
        keep_text(reading, text, field_at(target, key));
    }
}

bool keys_suggest_name(struct slice text, char joint, char out_name[KEYS_NAME_BYTES]) {
    if (text.count >= KEYS_NAME_BYTES) {
        return false;
    }
    for (size_t i = 0; i < text.count; i++) {
        const char c = text.bytes[i];
        const bool is_large = c >= 'A' && c <= 'Z' && joint == '-';
        const bool joins = c == '-' || c == '_' || c == ' ' || c == '.' || c == '/';
        out_name[i] = joins ? joint : (char)(is_large ? c - 'A' + 'a' : c);
    }
    out_name[text.count] = 0;
    const struct slice name = {.bytes = out_name, .count = text.count};
    return !slice_equal(name, text) && (joint == '-' ? text_is_name(name) : text_is_field(name));
}

void keys_say_name(struct reading *reading, const char *what, char joint, struct slice text,
                   struct place place) {
    char name[KEYS_NAME_BYTES];
    const char *rule = joint == '-' ? "begins with a letter a-z and goes on with at most 62 of "
                                      "a-z, 0-9 and -"
                                    : "has letters, digits and _, since expressions say it behind "
                                      "a dot or a $";
    if (keys_suggest_name(text, joint, name)) {
        faults_add(reading->faults, place, "`%s: %.*s`: a name here %s: `%s`?", what, QUOTED(text),
                   rule, name);
    } else {
        faults_add(reading->faults, place, "`%s: %.*s`: a name here %s", what, QUOTED(text), rule);
    }
}

void keys_read_name(struct reading *reading, const struct key *key, const struct yaml *node,
                    void *target) {
    struct slice text;
    if (!literal_scalar(reading, key, "a name", node, &text)) {
        return;
    }
    if (!text_is_name(text)) {
        keys_say_name(reading, key->name, '-', text, node->place);
        return;
    }
    keep_text(reading, text, field_at(target, key));
}

void keys_read_boolean(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    struct slice text;
    if (!literal_scalar(reading, key, "true or false", node, &text)) {
        return;
    }
    const bool truth = slice_is(text, "true");
    if (node->quoted || (!truth && !slice_is(text, "false"))) {
        faults_add(reading->faults, node->place, "`%s: %.*s`: true or false", key->name,
                   QUOTED(text));
        return;
    }
    *(bool *)field_at(target, key) = truth;
}

/* Digits with a sign, as YAML's core schema has them; what is beyond `least` and `most` is false.
 */
static bool whole_number(const struct yaml *node, int64_t least, int64_t most,
                         int64_t *out_number) {
    const struct slice text = node->text;
    const bool minus = text.count > 0 && text.bytes[0] == '-';
    if (node->quoted || text.count - (minus ? 1 : 0) == 0 || text.count > 15) {
        return false;
    }
    int64_t number = 0;
    for (size_t i = minus ? 1 : 0; i < text.count; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            return false;
        }
        number = number * 10 + (text.bytes[i] - '0');
    }
    number = minus ? -number : number;
    if (number < least || number > most) {
        return false;
    }
    *out_number = number;
    return true;
}

void keys_read_count(struct reading *reading, const struct key *key, const struct yaml *node,
                     void *target) {
    struct slice text;
    int64_t number;
    if (!literal_scalar(reading, key, "a whole number", node, &text)) {
        return;
    }
    const int64_t most = key->most != 0 ? key->most : INT32_MAX;
    if (!whole_number(node, key->least, most, &number)) {
        faults_add(reading->faults, node->place, "`%s: %.*s`: a whole number from %lld to %lld",
                   key->name, QUOTED(text), (long long)key->least, (long long)most);
        return;
    }
    const uint32_t count = (uint32_t)number;
    (void)memcpy(field_at(target, key), &count, sizeof(count));
}

static bool is_bare_number(struct slice text) {
    size_t digits = 0;
    for (size_t i = 0; i < text.count; i++) {
        if (text.bytes[i] >= '0' && text.bytes[i] <= '9') {
            digits++;
        } else if (text.bytes[i] != '.' && text.bytes[i] != '-') {
            return false;
        }
    }
    return digits > 0;
}

void keys_read_span(struct reading *reading, const struct key *key, const struct yaml *node,
                    void *target) {
    struct slice text;
    int64_t ms;
    if (!literal_scalar(reading, key, "a span such as 30s", node, &text)) {
        return;
    }
    char least[TIME_TEXT_BYTES], most[TIME_TEXT_BYTES];
    if (!time_read_span(text, &ms)) {
        if (is_bare_number(text)) {
            faults_add(reading->faults, node->place, "`%s: %.*s` has no unit: %.*ss?", key->name,
                       QUOTED(text), QUOTED(text));
            return;
        }
        faults_add(reading->faults, node->place,
                   "`%s: %.*s`: a span is a whole number with ms, s, m, h or d, such as 30s",
                   key->name, QUOTED(text));
        return;
    }
    if (ms < key->least || (key->most != 0 && ms > key->most)) {
        time_write_span(key->least, least);
        time_write_span(key->most != 0 ? key->most : INT64_C(864000000000), most);
        faults_add(reading->faults, node->place, "`%s: %.*s`: a span from %s to %s", key->name,
                   QUOTED(text), least, most);
        return;
    }
    *(int64_t *)field_at(target, key) = ms;
}

void keys_read_size(struct reading *reading, const struct key *key, const struct yaml *node,
                    void *target) {
    struct slice text;
    int64_t bytes;
    if (!literal_scalar(reading, key, "a size such as 64KiB", node, &text)) {
        return;
    }
    char least[SIZE_TEXT_BYTES], most[SIZE_TEXT_BYTES];
    if (!size_read(text, &bytes)) {
        if (is_bare_number(text)) {
            faults_add(reading->faults, node->place, "`%s: %.*s` has no unit: %.*sKiB?", key->name,
                       QUOTED(text), QUOTED(text));
            return;
        }
        faults_add(reading->faults, node->place,
                   "`%s: %.*s`: a size is a whole number with B, KiB, MiB or GiB, such as 64KiB",
                   key->name, QUOTED(text));
        return;
    }
    if (bytes < key->least || (key->most != 0 && bytes > key->most)) {
        size_write(key->least, least);
        size_write(key->most != 0 ? key->most : INT64_C(1) << 53, most);
        faults_add(reading->faults, node->place, "`%s: %.*s`: a size from %s to %s", key->name,
                   QUOTED(text), least, most);
        return;
    }
    *(int64_t *)field_at(target, key) = bytes;
}

int keys_word(struct reading *reading, const char *name, const char *const words[],
              struct slice text, struct place place) {
    for (int i = 0; words[i] != NULL; i++) {
        if (slice_is(text, words[i])) {
            return i;
        }
    }
    const char *nearest = text_nearest(text, words);
    if (nearest != NULL) {
        faults_add(reading->faults, place, "`%s: %.*s`%s", name, QUOTED(text),
                   fault_hint(nearest).text);
        return -1;
    }
    char all[LIST_TEXT_BYTES] = "";
    for (int i = 0; words[i] != NULL; i++) {
        const size_t used = strlen(all);
        const char *joint = words[i + 1] == NULL ? " or " : ", ";
        (void)snprintf(all + used, sizeof(all) - used, "%s%s", i == 0 ? "" : joint, words[i]);
    }
    faults_add(reading->faults, place, "`%s: %.*s`: it is %s", name, QUOTED(text), all);
    return -1;
}

void keys_read_word(struct reading *reading, const struct key *key, const struct yaml *node,
                    void *target) {
    struct slice text;
    if (!literal_scalar(reading, key, "a word", node, &text)) {
        return;
    }
    const int index = keys_word(reading, key->name, key->words, text, node->place);
    if (index >= 0) {
        const unsigned word = (unsigned)index;
        (void)memcpy(field_at(target, key), &word, sizeof(word));
    }
}
