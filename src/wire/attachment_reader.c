// SPDX-License-Identifier: Apache-2.0
// What a result attaches: blobs that stay under their hash and are named by a field of the result.
#include "base/text.h"
#include "wire/workflow_draft.h"

static void read_as(struct reading *reading, const struct key *key, const struct yaml *node,
                    void *target) {
    struct attachment *attachment = target;
    struct slice type;
    if (!keys_scalar(reading, key->name, "a type such as image/jpeg", node, &type)) {
        return;
    }
    const size_t slash = slice_find(type, '/');
    if (slash == 0 || slash + 1 >= type.count || type.count > BLOB_TYPE_BYTES_MAX) {
        faults_add(reading->faults, node->place, "`as: %.*s`: a type is such as image/jpeg",
                   QUOTED(type));
        return;
    }
    attachment->as = arena_copy(reading->arena, type);
    reading->faults->no_memory |= attachment->as.bytes == NULL;
}

static const char *const EGRESS_WORDS[] = {"allowed", "never", NULL};

static void read_egress(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    struct attachment *attachment = target;
    struct slice word;
    if (keys_scalar(reading, key->name, "allowed or never", node, &word)) {
        const int found = keys_word(reading, key->name, EGRESS_WORDS, word, node->place);
        attachment->stays = found == 1;
    }
}

static const struct key ATTACHMENT_KEYS[] = {
    {.name = "from",
     .state = KEY_REQUIRED,
     .read = draft_read_template,
     .offset = offsetof(struct attachment, from),
     .help = "The blob, such as ${ .event.image }. Nothing is attached when it is null.",
     .form = FORM_TEXT},
    {.name = "as",
     .read = read_as,
     .help = "The type that it must have; any picture becomes an image/jpeg.",
     .form = FORM_TEXT},
    {.name = "max",
     .read = keys_read_size,
     .offset = offsetof(struct attachment, bytes_max),
     .least = 1,
     .most = BLOB_BYTES_MAX,
     .help = "What is larger is left out, and the result says so; 64MiB. An image/jpeg becomes "
             "smaller."},
    {.name = "keep",
     .read = keys_read_span,
     .offset = offsetof(struct attachment, keep_ms),
     .least = 1,
     .help = "How long it stays on the device; as long as the result."},
    {.name = "egress",
     .read = read_egress,
     .help = "never: it stays on this device, and only its hash is told.",
     .form = FORM_TEXT,
     .words = EGRESS_WORDS},
    {0}};

const struct key_table ATTACHMENT_TABLE = {
    .what = "an attachment", .example = "{ from: '${ .event.image }' }", .keys = ATTACHMENT_KEYS};

static void read_one(struct reading *reading, const struct yaml_pair *pair,
                     struct attachment *out_attachment) {
    struct attachment attachment = {.name = arena_copy(reading->arena, pair->key),
                                    .place = pair->key_place,
                                    .bytes_max = BLOB_BYTES_MAX};
    reading->faults->no_memory |= attachment.name.bytes == NULL;
    if (!text_is_field(pair->key)) {
        keys_say_name(reading, "attach", '_', pair->key, pair->key_place);
    }
    (void)keys_read(reading, &ATTACHMENT_TABLE, &pair->value, &attachment);
    *out_attachment = attachment;
}

void attachments_read(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct result_rule *rule = target;
    if (node->kind != YAML_MAP || node->count == 0 || node->count > ATTACHMENTS_MAX) {
        faults_add(reading->faults, node->place,
                   "`%s` is a map of 1 to %d names to attachments: { picture: { from: ... } }",
                   key->name, ATTACHMENTS_MAX);
        return;
    }
    struct attachment *attachments = arena_get(reading->arena, node->count, sizeof(*attachments));
    if (attachments == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        read_one(reading, &node->pairs[i], &attachments[i]);
    }
    rule->attachments = attachments;
    rule->attachment_count = node->count;
}

void attachments_check(struct reading *reading, const struct yaml *result,
                       const struct result_rule *rule) {
    const struct yaml *from = yaml_get(result, "from");
    if (rule->attachment_count == 0 || from == NULL) {
        return;
    }
    if (from->kind != YAML_MAP) {
        faults_add(reading->faults, from->place,
                   "a result that attaches something is a map of fields: `from: { ... }`");
        return;
    }
    for (uint32_t i = 0; i < rule->attachment_count; i++) {
        const struct attachment *attachment = &rule->attachments[i];
        for (uint32_t k = 0; k < from->count; k++) {
            if (slice_equal(from->pairs[k].key, attachment->name)) {
                faults_add(reading->faults, attachment->place,
                           "`%.*s` is a field of `from` already: an attachment becomes a field",
                           QUOTED(attachment->name));
            }
        }
    }
}
