// SPDX-License-Identifier: Apache-2.0
#include "wire/webhook_keys.h"

#include "base/text.h"
#include "platform/secret.h"

static struct webhook *hook_at(void *target, const struct key *key) {
    return (struct webhook *)(void *)((char *)target + key->offset);
}

/* A blank or a control character in it would end the line of a request. */
static bool is_url(struct slice text) {
    const bool secure = slice_starts(text, "https://");
    const size_t head = secure ? sizeof("https://") - 1 : sizeof("http://") - 1;
    bool fine =
        (secure || slice_starts(text, "http://")) && text.count > head && text.bytes[head] != '/';
    for (size_t i = 0; fine && i < text.count; i++) {
        fine = text.bytes[i] > ' ' && text.bytes[i] < 0x7f;
    }
    return fine;
}

void webhook_read_url(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct webhook *hook = hook_at(target, key);
    struct slice text;
    if (!keys_scalar(reading, key->name, "a URL such as https://desk.example/hook", node, &text)) {
        return;
    }
    if (!is_url(text)) {
        faults_add(reading->faults, node->place,
                   "`%s: %.*s`: a URL begins with http:// or https:// and a host, and has no "
                   "blanks",
                   key->name, QUOTED(text));
        return;
    }
    hook->url = arena_copy(reading->arena, text);
    reading->faults->no_memory |= hook->url.bytes == NULL;
}

void webhook_read_secret(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct slice *field = (struct slice *)(void *)((char *)target + key->offset);
    struct slice text, name;
    if (!keys_scalar(reading, key->name, "a secret such as secret:desk-hmac", node, &text)) {
        return;
    }
    if (!secret_named(text, &name) || !text_is_name(name)) {
        faults_add(reading->faults, node->place,
                   "`%s` is the name of a secret, such as secret:desk-hmac: a key stands in no "
                   "file of settings",
                   key->name);
        return;
    }
    *field = arena_copy(reading->arena, name);
    reading->faults->no_memory |= field->bytes == NULL;
}

/* A token of RFC 9110. */
static bool is_header_name(struct slice text) {
    static const char OTHERS[] = "!#$%&'*+-.^_`|~";
    bool fine = text.count > 0;
    for (size_t i = 0; fine && i < text.count; i++) {
        const char letter = text.bytes[i];
        fine = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
               (letter >= '0' && letter <= '9') ||
               slice_find(slice_of(OTHERS), letter) < sizeof(OTHERS) - 1;
    }
    return fine;
}

static bool is_header_value(struct slice text) {
    bool fine = true;
    for (size_t i = 0; fine && i < text.count; i++) {
        const uint8_t byte = (uint8_t)text.bytes[i];
        fine = (byte >= ' ' && byte != 0x7f) || byte == '\t';
    }
    return fine;
}

static void read_header(struct reading *reading, const struct yaml_pair *pair,
                        struct webhook_header *header) {
    struct slice text, name;
    if (!is_header_name(pair->key)) {
        faults_add(reading->faults, pair->key_place, "`%.*s` is no name of a header",
                   QUOTED(pair->key));
        return;
    }
    if (!keys_scalar(reading, "headers", "a map of names to texts", &pair->value, &text)) {
        return;
    }
    header->is_secret = secret_named(text, &name);
    if (header->is_secret ? !text_is_name(name) : !is_header_value(text)) {
        faults_add(reading->faults, pair->value.place, "header `%.*s`: %s", QUOTED(pair->key),
                   header->is_secret ? "a secret's name is small letters, digits and -"
                                     : "its value is one line without control characters");
        return;
    }
    header->name = arena_copy(reading->arena, pair->key);
    header->value = arena_copy(reading->arena, header->is_secret ? name : text);
    reading->faults->no_memory |= header->name.bytes == NULL || header->value.bytes == NULL;
}

void webhook_read_headers(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    struct webhook *hook = hook_at(target, key);
    if (node->kind != YAML_MAP || node->count > WEBHOOK_HEADERS_MAX) {
        faults_add(reading->faults, node->place, "`%s` is a map of at most %d names to texts",
                   key->name, WEBHOOK_HEADERS_MAX);
        return;
    }
    struct webhook_header *headers = arena_get(reading->arena, node->count, sizeof(*headers));
    if (headers == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        read_header(reading, &node->pairs[i], &headers[i]);
    }
    hook->headers = headers;
    hook->header_count = node->count;
}
