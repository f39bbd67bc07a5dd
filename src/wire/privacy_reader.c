// SPDX-License-Identifier: Apache-2.0
// What never leaves the device: fields of a result (`private:`), kinds of blobs (`privacy:`).
#include "wire/workflow_draft.h"

/* --- private: { said: drop } --- */

static bool has_field(const struct yaml *from, struct slice name) {
    for (uint32_t i = 0; i < from->count; i++) {
        if (slice_equal(from->pairs[i].key, name)) {
            return true;
        }
    }
    return false;
}

static struct slice read_private(struct reading *reading, const struct yaml *from,
                                 const struct yaml_pair *pair) {
    static const char *const WORDS[] = {"drop", NULL};
    struct slice word;
    if (!has_field(from, pair->key)) {
        faults_add(reading->faults, pair->key_place, "`private`: `%.*s` is no field of `from`",
                   QUOTED(pair->key));
    }
    if (keys_scalar(reading, "private", "drop for each field", &pair->value, &word)) {
        (void)keys_word(reading, "private", WORDS, word, pair->value.place);
    }
    const struct slice name = arena_copy(reading->arena, pair->key);
    reading->faults->no_memory |= name.bytes == NULL;
    return name;
}

void privates_read(struct reading *reading, const struct yaml *result, struct result_rule *rule) {
    const struct yaml *map = yaml_get(result, "private");
    const struct yaml *from = yaml_get(result, "from");
    if (map == NULL || from == NULL) {
        return;
    }
    if (map->kind != YAML_MAP || map->count == 0) {
        faults_add(reading->faults, map->place,
                   "`private` is a map of fields that stay here: { said: drop }");
        return;
    }
    if (from->kind != YAML_MAP) {
        faults_add(reading->faults, from->place,
                   "a result of which fields are private is a map of fields: `from: { ... }`");
        return;
    }
    struct slice *names = arena_get(reading->arena, map->count, sizeof(*names));
    if (names == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < map->count; i++) {
        names[i] = read_private(reading, from, &map->pairs[i]);
    }
    rule->privates = names;
    rule->private_count = map->count;
}

/* --- privacy: { egress: { image: never } } --- */
enum { NEVER, ALLOWED, REDACTED_ONLY };

static const char *const EGRESS_WORDS[] = {
    [NEVER] = "never", [ALLOWED] = "allowed", [REDACTED_ONLY] = "redacted-only", NULL};

static void read_kind(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct workflow *workflow = target;
    struct slice text;
    if (!keys_scalar(reading, key->name, "never or allowed", node, &text)) {
        return;
    }
    const int word = keys_word(reading, key->name, EGRESS_WORDS, text, node->place);
    if (word == REDACTED_ONLY) {
        draft_refuse_value(reading, key->name, text, node->place);
    } else if (word == NEVER) {
        workflow->stay |= (unsigned)key->least;
    }
}

static const struct key EGRESS_KEYS[] = {
    {.name = "image",
     .read = read_kind,
     .least = BLOB_IMAGE,
     .most = REDACTED_ONLY,
     .help = "Pictures: never, or allowed where a result attaches them; allowed.",
     .words = EGRESS_WORDS},
    {.name = "audio",
     .read = read_kind,
     .least = BLOB_AUDIO,
     .most = REDACTED_ONLY,
     .help = "Sound: never, or allowed where a result attaches it; allowed.",
     .words = EGRESS_WORDS},
    {.name = "file",
     .read = read_kind,
     .least = BLOB_FILE,
     .most = REDACTED_ONLY,
     .help = "Any other blob: never, or allowed where a result attaches it; allowed.",
     .words = EGRESS_WORDS},
    {0}};

static const struct key_table EGRESS_TABLE = {
    .what = "`egress`", .example = "{ image: never }", .keys = EGRESS_KEYS};

static void read_egress(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    (void)key;
    (void)keys_read(reading, &EGRESS_TABLE, node, target);
}

static const struct key PRIVACY_KEYS[] = {
    {.name = "egress",
     .read = read_egress,
     .help = "Which kinds of blobs never leave the device, whatever a result says.",
     .form = FORM_KEYS,
     .table = &EGRESS_TABLE},
    {0}};

const struct key_table PRIVACY_TABLE = {
    .what = "`privacy`", .example = "{ egress: { image: never } }", .keys = PRIVACY_KEYS};

void privacy_read(struct reading *reading, const struct key *key, const struct yaml *node,
                  void *target) {
    (void)key;
    (void)keys_read(reading, &PRIVACY_TABLE, node, target);
}

/* --- what they mean --- */
static unsigned kind_of(struct slice type) {
    return slice_starts(type, "image/")   ? BLOB_IMAGE
           : slice_starts(type, "audio/") ? BLOB_AUDIO
                                          : BLOB_FILE;
}

bool workflow_blob_stays(const struct workflow *workflow, const struct attachment *attachment,
                         struct slice type) {
    return attachment->stays || (workflow->stay & kind_of(type)) != 0;
}
