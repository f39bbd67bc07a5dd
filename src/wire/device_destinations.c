// SPDX-License-Identifier: Apache-2.0
// The `destinations:` of a device.
#include "wire/device_reading.h"
#include "wire/webhook_keys.h"

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

static void read_webhook(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct destination_draft *draft = target;
    draft->kinds++;
    draft->destination.kind = DESTINATION_WEBHOOK;
    webhook_read_url(reading, key, node, target);
}

static void read_sign(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    ((struct destination_draft *)target)->sign = node;
    webhook_read_secret(reading, key, node, target);
}

static void read_headers(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    ((struct destination_draft *)target)->headers = node;
    webhook_read_headers(reading, key, node, target);
}

static const struct key DESTINATION_KEYS[] = {
    {.name = "file",
     .read = read_file,
     .help = "A file: each record becomes a line of JSON at its end.",
     .form = FORM_TEXT},
    {.name = "webhook",
     .read = read_webhook,
     .offset = offsetof(struct device_destination, hook),
     .help = "A URL: each record is posted there as JSON.",
     .form = FORM_TEXT},
    {.name = "sign",
     .read = read_sign,
     .offset = offsetof(struct device_destination, hook.sign),
     .help = "Of a webhook: the secret that keys the HMAC-SHA256 of the body, secret:NAME.",
     .form = FORM_TEXT},
    {.name = "headers",
     .read = read_headers,
     .offset = offsetof(struct device_destination, hook),
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
