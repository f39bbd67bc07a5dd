// SPDX-License-Identifier: Apache-2.0
#include "agents/manifest_http.h"

#include <string.h>
#include <strings.h>

#include "agents/manifest_files.h"
#include "base/text.h"
#include "platform/http_client.h"
#include "platform/secret.h"

const char *const MANIFEST_METHODS[] = {"POST", "GET", "PUT", "PATCH", "DELETE", NULL};

/* Those that are ebb's to say. */
static const char *const OWN_HEADERS[] = {"Host",       "Content-Length", "Transfer-Encoding",
                                          "Connection", "Expect",         "Idempotency-Key"};

static bool holds(struct slice text, const char *part) {
    return text.count > 0 && memmem(text.bytes, text.count, part, strlen(part)) != NULL;
}

/* Printable, and no blank. */
static bool is_visible(struct slice text) {
    for (size_t i = 0; i < text.count; i++) {
        const unsigned char c = (unsigned char)text.bytes[i];
        if (c <= ' ' || c >= 0x7f) {
            return false;
        }
    }
    return true;
}

/* The host, its port, and a user where one is named: up to the path. */
static struct slice authority_of(struct slice url) {
    const struct slice rest = slice_part(url, slice_find(url, '/') + 2, url.count); /* of the :// */
    size_t count = 0;
    while (count < rest.count && strchr("/?#", rest.bytes[count]) == NULL) {
        count++;
    }
    return slice_part(rest, 0, count);
}

static struct slice read_address(struct reading *reading, const char *name, const char *example,
                                 const struct yaml *node) {
    struct slice text = {0};
    if (!keys_scalar(reading, name, example, node, &text)) {
        return (struct slice){0};
    }
    text = arena_copy(reading->arena, text);
    if (text.bytes == NULL) {
        reading->faults->no_memory = true;
        return text;
    }
    const char *wrong = NULL;
    const bool is_web = slice_starts(text, "http://") || slice_starts(text, "https://");
    if (holds(text, "${")) {
        wrong = "it is literal; the inputs of a GET become its query, those of a POST its body";
    } else if (!is_web || !is_visible(text) || text.count >= HTTP_URL_BYTES_MAX ||
               authority_of(text).count == 0 || authority_of(text).bytes[0] == ':') {
        wrong = example;
    } else if (slice_find(authority_of(text), '@') < authority_of(text).count) {
        wrong = "a user and a password have no place in it: `headers` takes them";
    } else if (slice_find(text, '#') < text.count) {
        wrong = "what follows a # is never sent";
    }
    if (wrong != NULL) {
        faults_add(reading->faults, node->place, "`%s: %.*s`: %s", name, QUOTED(text), wrong);
        return (struct slice){0};
    }
    return text;
}

void manifest_read_url(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    struct agent_manifest *manifest = target;
    manifest->url =
        read_address(reading, key->name, "an address such as https://host.example/v1/ask", node);
}

void manifest_read_proxy(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct agent_manifest *manifest = target;
    const char example[] = "a proxy is an address such as http://proxy.lan:3128";
    manifest->proxy = read_address(reading, key->name, example, node);
    if (manifest->proxy.count > 0 && !slice_starts(manifest->proxy, "http://")) {
        faults_add(reading->faults, node->place, "`%s: %.*s`: %s", key->name,
                   QUOTED(manifest->proxy), example);
    }
}

void manifest_read_method(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    struct agent_manifest *manifest = target;
    struct slice text;
    if (!keys_scalar(reading, key->name, "a word", node, &text)) {
        return;
    }
    const int index = keys_word(reading, key->name, MANIFEST_METHODS, text, node->place);
    manifest->method = index >= 0 ? MANIFEST_METHODS[index] : NULL;
}

void manifest_read_ca(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct agent_manifest *manifest = target;
    struct slice text;
    int64_t bytes;
    if (keys_scalar(reading, key->name, "the path of a file", node, &text)) {
        (void)manifest_need_file(reading, manifest, text, node->place, &manifest->ca_file, &bytes);
    }
}

static bool is_header_name(struct slice name) {
    for (size_t i = 0; i < name.count; i++) {
        if (strchr("()<>@,;:\\\"/[]?={}", name.bytes[i]) != NULL) {
            return false;
        }
    }
    return name.count > 0 && is_visible(name);
}

static bool is_header_value(struct slice value) {
    for (size_t i = 0; i < value.count; i++) {
        const unsigned char c = (unsigned char)value.bytes[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return value.count > 0;
}

static bool check_header_name(struct reading *reading, const struct yaml_pair *pair) {
    if (!is_header_name(pair->key)) {
        faults_add(reading->faults, pair->key_place,
                   "`%.*s` is no name for a header: letters, digits and -", QUOTED(pair->key));
        return false;
    }
    for (size_t i = 0; i < sizeof OWN_HEADERS / sizeof OWN_HEADERS[0]; i++) {
        if (pair->key.count == strlen(OWN_HEADERS[i]) &&
            strncasecmp(pair->key.bytes, OWN_HEADERS[i], pair->key.count) == 0) {
            faults_add(reading->faults, pair->key_place, "the header `%s` is ebb's own",
                       OWN_HEADERS[i]);
            return false;
        }
    }
    return true;
}

/* Whether the value's last word is `secret:NAME`; what stands before it, and the name. */
static bool split_secret(struct slice value, struct slice *out_before, struct slice *out_secret) {
    size_t from = value.count;
    while (from > 0 && value.bytes[from - 1] != ' ') {
        from--;
    }
    *out_before = slice_part(value, 0, from);
    return secret_named(slice_part(value, from, value.count), out_secret);
}

static bool check_header(struct reading *reading, const struct yaml_pair *pair) {
    if (!check_header_name(reading, pair)) {
        return false;
    }
    const struct yaml *value = &pair->value;
    if (value->kind != YAML_SCALAR || !is_header_value(value->text) ||
        pair->key.count + value->text.count > MANIFEST_HEADER_BYTES_MAX) {
        faults_add(reading->faults, value->place,
                   "the header `%.*s` is one line of text of at most %d bytes", QUOTED(pair->key),
                   MANIFEST_HEADER_BYTES_MAX);
        return false;
    }
    struct slice before, secret;
    if (split_secret(value->text, &before, &secret) && !text_is_name(secret)) {
        faults_add(reading->faults, value->place,
                   "`%.*s`: a secret's name is small letters, digits and -, such as "
                   "secret:desk-key",
                   QUOTED(value->text));
        return false;
    }
    return true;
}

static void read_header(struct reading *reading, const struct yaml_pair *pair,
                        struct manifest_header *out_header) {
    struct slice before = pair->value.text;
    struct slice secret = {0};
    if (!split_secret(pair->value.text, &before, &secret)) {
        before = pair->value.text;
        secret = (struct slice){0};
    }
    out_header->text =
        arena_print(reading->arena, "%.*s: %.*s", SLICE_ARGS(pair->key), SLICE_ARGS(before));
    out_header->secret = arena_copy(reading->arena, secret);
    reading->faults->no_memory |=
        out_header->text.bytes == NULL || out_header->secret.bytes == NULL;
}

void manifest_read_headers(struct reading *reading, const struct key *key, const struct yaml *node,
                           void *target) {
    struct agent_manifest *manifest = target;
    if (node->kind != YAML_MAP || node->count > MANIFEST_HEADERS_MAX) {
        faults_add(reading->faults, node->place,
                   "`%s` is a map of at most %d names and texts, not %s", key->name,
                   MANIFEST_HEADERS_MAX, node->kind == YAML_MAP ? "more" : yaml_what(node));
        return;
    }
    struct manifest_header *headers = arena_get(reading->arena, node->count, sizeof *headers);
    for (uint32_t i = 0; headers != NULL && i < node->count; i++) {
        if (check_header(reading, &node->pairs[i])) {
            read_header(reading, &node->pairs[i], &headers[i]);
        }
    }
    reading->faults->no_memory |= headers == NULL;
    manifest->headers = headers;
    manifest->header_count = headers != NULL ? node->count : 0;
}

/* Said rather than sending a picture's type and size in its place. */
static void refuse_blobs(struct reading *reading, const struct yaml *root, const char *key,
                         const struct field_set *set) {
    const struct yaml *node = yaml_get(root, key);
    if (node != NULL && field_set_has_blobs(set)) {
        faults_add(reading->faults, node->place,
                   "`%s` has a picture, sound or file: with an agent of kind http goes JSON alone",
                   key);
    }
}

void manifest_http_finish(struct reading *reading, const struct yaml *root,
                          struct agent_manifest *manifest) {
    refuse_blobs(reading, root, "inputs", &manifest->inputs);
    refuse_blobs(reading, root, "outputs", &manifest->outputs);
    if (manifest->method == NULL) {
        manifest->method = MANIFEST_METHODS[0];
    }
    const struct yaml *needs = yaml_get(root, "needs");
    if (needs == NULL || needs->kind != YAML_MAP || yaml_get(needs, "offline") == NULL) {
        manifest->needs_offline = false;
    }
}
