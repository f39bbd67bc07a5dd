// SPDX-License-Identifier: Apache-2.0
/* What yaml_read accepts is a tree within its bounds, can be told as JSON, and has a place at every
 * node; what it refuses has one sentence. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "platform/json.h"
#include "platform/yaml.h"

#include "libfyaml_leaks.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { ARENA_BYTES = 64 << 20, SAMPLE_BYTES_MAX = 1 << 16 };

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void check_tree(const struct yaml *node, int depth) {
    need(depth <= YAML_DEPTH_MAX);
    need(node->place.line >= 1 && node->place.column >= 1);
    switch (node->kind) {
    case YAML_SCALAR:
        need(text_is_utf8(node->text));
        return;
    case YAML_LIST:
        for (uint32_t i = 0; i < node->count; i++) {
            check_tree(&node->items[i], depth + 1);
        }
        return;
    case YAML_MAP:
        for (uint32_t i = 0; i < node->count; i++) {
            need(node->pairs[i].key_place.line >= 1);
            check_tree(&node->pairs[i].value, depth + 1);
        }
        return;
    }
}

static void check_value(struct arena *arena, const struct yaml *node) {
    struct value value;
    need(yaml_value(arena, node, &value));
    CLEANUP(buffer_done) struct buffer written;
    buffer_init(&written, ARENA_BYTES);
    json_write(&written, value);
    need(buffer_status(&written, NULL) == STATUS_OK);
    struct value again;
    need(json_read(arena, buffer_slice(&written), &again, NULL) == STATUS_OK);
    need(value_equal(value, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    if (count > SAMPLE_BYTES_MAX) {
        return 0;
    }
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    const struct slice text = {.bytes = (const char *)bytes, .count = count};
    const struct yaml_document *documents = NULL;
    uint32_t document_count = 0;
    struct place place;
    struct error err = {0};
    if (yaml_read(&arena, text, &documents, &document_count, &place, &err) != STATUS_OK) {
        need(err.text[0] != '\0' && strchr(err.text, '\n') == NULL);
        return 0;
    }
    for (uint32_t i = 0; i < document_count; i++) {
        check_tree(&documents[i].root, 0);
        check_value(&arena, &documents[i].root);
    }
    return 0;
}
