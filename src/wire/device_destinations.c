// SPDX-License-Identifier: Apache-2.0
// The `destinations:` of a device.
#include "base/text.h"
#include "platform/secret.h"
#include "wire/device_reading.h"

/* One destination while it is read. */
struct destination_draft {
    struct device_destination destination;
    uint32_t kinds;
    const struct yaml *sign, *headers; /* what only a webhook has */
};

static void read_file(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct destination_draft *draft = target;
    struct slice text;
    draft->kinds++;
    draft->destination.kind = DESTINATION_FILE;
    if (!keys_scalar(reading, key->name, "the path of a file", node, &text)) {
        return;
    }
    if (text.count == 0 || slice_ends(text, "/") || slice_find(text, '\0') < text.count) {
        faults_add(reading->faults, node->place, "`file` is the path of a file");
        return;
    }
    draft->destination.path = device_whole_path(reading, text);
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

static void read_webhook(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct destination_draft *draft = target;
    struct slice text;
    draft->kinds++;
    draft->destination.kind = DESTINATION_WEBHOOK;
    if (!keys_scalar(reading, key->name, "a URL such as https://desk.example/hook", node, &text)) {
        return;
    }
    if (!is_url(text)) {
        faults_add(reading->faults, node->place,
                   "`webhook: %.*s`: a URL begins with http:// or https:// and a host, and has no "
                   "blanks",
                   QUOTED(text));
        return;
    }
    draft->destination.url = arena_copy(reading->arena, text);
    reading->faults->no_memory |= draft->destination.url.bytes == NULL;
}

static void read_sign(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct destination_draft *draft = target;
    struct slice text, name;
    draft->sign = node;
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
    draft->destination.sign = arena_copy(reading->arena, name);
    reading->faults->no_memory |= draft->destination.sign.bytes == NULL;
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
                        struct destination_header *header) {
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

static void read_headers(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct destination_draft *draft = target;
    draft->headers = node;
    if (node->kind != YAML_MAP || node->count > DESTINATION_HEADERS_MAX) {
        faults_add(reading->faults, node->place, "`%s` is a map of at most %d names to texts",
                   key->name, DESTINATION_HEADERS_MAX);
        return;
    }
    struct destination_header *headers = arena_get(reading->arena, node->count, sizeof(*headers));
    if (headers == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        read_header(reading, &node->pairs[i], &headers[i]);
    }
    draft->destination.headers = headers;
    draft->destination.header_count = node->count;
}

static const struct key DESTINATION_KEYS[] = {
    {.name = "file",
     .read = read_file,
     .help = "A file: each record becomes a line of JSON at its end.",
     .form = FORM_TEXT},
    {.name = "webhook",
     .read = read_webhook,
     .help = "A URL: each record is posted there as JSON.",
     .form = FORM_TEXT},
    {.name = "sign",
     .read = read_sign,
     .help = "Of a webhook: the secret that keys the HMAC-SHA256 of the body, secret:NAME.",
     .form = FORM_TEXT},
    {.name = "headers",
     .read = read_headers,
     .help = "Of a webhook: more headers; a value may be secret:NAME.",
     .form = FORM_TEXT_MAP},
    {.name = "give_up",
     .read = keys_read_span,
     .offset = offsetof(struct device_destination, give_up_ms),
     .least = 1000,
     .help = "How long a record is tried, also across restarts; then a gap says that it was not "
             "sent."},
    {.name = "mqtt", .state = KEY_RESERVED},
    {.name = "topic", .state = KEY_RESERVED},
    {.name = "retain", .state = KEY_RESERVED},
    {.name = "home_assistant", .state = KEY_RESERVED},
    {0}};

const struct key_table DESTINATION_TABLE = {.what = "a destination",
                                            .example = "{ webhook: https://desk.example/hook }",
                                            .keys = DESTINATION_KEYS};

static bool is_reserved(const struct yaml *node) {
    return yaml_get(node, "mqtt") != NULL; /* and has its fault */
}

static void judge(struct reading *reading, const struct yaml *node,
                  const struct destination_draft *draft) {
    const struct yaml *const of_webhook[] = {draft->sign, draft->headers};
    static const char *const NAMES[] = {"sign", "headers"};
    if (draft->kinds != 1 && !is_reserved(node)) {
        faults_add(reading->faults, node->place, "a destination is one of `file` and `webhook`");
    }
    for (int i = 0; i < 2 && draft->kinds == 1; i++) {
        if (of_webhook[i] != NULL && draft->destination.kind == DESTINATION_FILE) {
            faults_add(reading->faults, of_webhook[i]->place,
                       "`%s`: a webhook has it, a file has "
                       "none",
                       NAMES[i]);
        }
    }
}

static void add_destination(struct reading *reading, struct slice name, const struct yaml *node) {
    struct device *device = ((struct device_reading *)reading->owner)->device;
    struct destination_draft draft = {.kinds = 0};
    if (slice_is(name, "hub")) {
        faults_add(reading->faults, node->place,
                   "`hub` is the hub itself: a destination has another name");
        return;
    }
    if (!keys_read(reading, &DESTINATION_TABLE, node, &draft)) {
        return;
    }
    judge(reading, node, &draft);
    struct device_destination *destination = arena_get(reading->arena, 1, sizeof(*destination));
    if (destination == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    *destination = draft.destination;
    destination->name = name;
    destination->origin = device_origin(reading, node->place);
    destination->next = device->destinations;
    device->destinations = destination;
}

void device_read_destinations(struct reading *reading, const struct key *key,
                              const struct yaml *node, void *target) {
    (void)target;
    device_each_name(reading, key, node, add_destination);
}

const struct device_destination *device_destination(const struct device *device,
                                                    struct slice name) {
    const struct device_destination *destination = device->destinations;
    while (destination != NULL && !slice_equal(destination->name, name)) {
        destination = destination->next;
    }
    return destination;
}
