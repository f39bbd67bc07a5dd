// SPDX-License-Identifier: Apache-2.0
// The `sources:` of a device.
#include <unistd.h>

#include "base/text.h"
#include "platform/json.h"
#include "wire/device_reading.h"
#include "wire/workflow_draft.h"

enum { PATH_BYTES_MAX = 4096 };

struct slice device_whole_path(struct reading *reading, struct slice path) {
    const struct slice file = ((struct device_reading *)reading->owner)->file;
    char here[PATH_BYTES_MAX] = "";
    size_t folder = file.count;
    while (folder > 0 && file.bytes[folder - 1] != '/') {
        folder--;
    }
    const bool whole = slice_starts(path, "/");
    const bool of_here = !whole && !slice_starts(file, "/");
    if (of_here && getcwd(here, sizeof(here)) == NULL) {
        here[0] = '\0'; /* a folder that is gone: the path is looked up as it is */
    }
    const struct slice made =
        arena_print(reading->arena, "%s%s%.*s%.*s", here, of_here && here[0] != '\0' ? "/" : "",
                    SLICE_ARGS(slice_part(file, 0, whole ? 0 : folder)), SLICE_ARGS(path));
    reading->faults->no_memory |= made.bytes == NULL;
    return made;
}

void device_each_name(struct reading *reading, const struct key *key, const struct yaml *node,
                      void (*add)(struct reading *reading, struct slice name,
                                  const struct yaml *node)) {
    if (node->kind != YAML_MAP || node->count > DEVICE_NAMES_MAX) {
        faults_add(reading->faults, node->place, "`%s` is a map of at most %d names, not %s",
                   key->name, DEVICE_NAMES_MAX, node->kind == YAML_MAP ? "more" : yaml_what(node));
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        const struct slice name = arena_copy(reading->arena, pair->key);
        reading->faults->no_memory |= name.bytes == NULL;
        if (slice_starts(pair->key, "x-")) {
            continue;
        }
        if (!text_is_name(pair->key)) {
            keys_say_name(reading, key->name, '-', pair->key, pair->key_place);
        } else if (name.bytes != NULL) {
            add(reading, name, &pair->value);
        }
    }
}

/* One source while it is read. */
struct source_draft {
    struct trigger trigger;
    struct slice kind;
    uint32_t kinds;
};

static void read_watch(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    struct source_draft *draft = target;
    draft->kinds++;
    draft->kind = slice_of(key->name);
    draft->trigger.kind = TRIGGER_WATCH;
    draft->trigger.glob = SLICE("*");
    (void)keys_read(reading, &WATCH_TABLE, node, &draft->trigger);
    draft->trigger.path = device_whole_path(reading, draft->trigger.path);
}

static void read_http(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct source_draft *draft = target;
    draft->kinds++;
    draft->kind = slice_of(key->name);
    trigger_read_http(reading, key, node, &draft->trigger);
}

static const struct key SOURCE_KEYS[] = {
    {.name = "watch",
     .read = read_watch,
     .help = "A file in a folder is an event.",
     .form = FORM_KEYS,
     .table = &WATCH_TABLE},
    {.name = "http",
     .read = read_http,
     .help = "What is posted to a workflow is an event: json, text, or {} for either.",
     .form = FORM_WORD_OR_KEYS,
     .words = TRIGGER_FORMATS,
     .table = &HTTP_TABLE},
    {.name = "mqtt", .state = KEY_RESERVED},
    {.name = "camera", .state = KEY_RESERVED},
    {.name = "microphone", .state = KEY_RESERVED},
    {.name = "login", .state = KEY_RESERVED},
    {.name = "ca", .state = KEY_RESERVED},
    {.name = "client_id", .state = KEY_RESERVED},
    {.name = "session", .state = KEY_RESERVED},
    {.name = "size", .state = KEY_RESERVED},
    {.name = "stall", .state = KEY_RESERVED},
    {0}};

static const struct key_table *const OTHERS[] = {&WATCH_TABLE, &HTTP_TABLE, NULL};

const struct key_table SOURCE_TABLE = {.what = "a source",
                                       .example = "{ watch: { path: /srv/inbox } }",
                                       .keys = SOURCE_KEYS,
                                       .others = OTHERS};

static void add_source(struct reading *reading, struct slice name, const struct yaml *node) {
    struct device *device = ((struct device_reading *)reading->owner)->device;
    struct source_draft draft = {.trigger = {.place = node->place}};
    const uint32_t before = reading->faults->error_count;
    struct value text = {.kind = VALUE_NULL};
    struct buffer json;
    if (!keys_read(reading, &SOURCE_TABLE, node, &draft)) {
        return;
    }
    if (draft.kinds != 1 && reading->faults->error_count == before) {
        faults_add(reading->faults, node->place, "a source is one of `watch` and `http`");
    }
    struct device_source *source = arena_get(reading->arena, 1, sizeof(*source));
    struct trigger *trigger = arena_get(reading->arena, 1, sizeof(*trigger));
    buffer_init(&json, DEVICE_FILE_BYTES_MAX);
    if (source == NULL || trigger == NULL || !yaml_value(reading->arena, node, &text)) {
        reading->faults->no_memory = true;
        return;
    }
    *trigger = draft.trigger;
    trigger->source = name;
    json_write(&json, text);
    trigger->bound = arena_copy(reading->arena, buffer_slice(&json));
    reading->faults->no_memory |= json.failed != STATUS_OK || trigger->bound.bytes == NULL;
    buffer_done(&json);
    *source = (struct device_source){.name = name,
                                     .kind = draft.kind,
                                     .trigger = trigger,
                                     .origin = device_origin(reading, node->place),
                                     .next = device->sources};
    device->sources = source;
}

void device_read_sources(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    (void)target;
    device_each_name(reading, key, node, add_source);
}

const struct device_source *device_source(const struct device *device, struct slice name) {
    const struct device_source *source = device->sources;
    while (source != NULL && !slice_equal(source->name, name)) {
        source = source->next;
    }
    return source;
}
