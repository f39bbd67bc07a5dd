// SPDX-License-Identifier: Apache-2.0
// The settings of a device, a row each: where each is said, what wins, what `ebb config show` says.
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "base/text.h"
#include "base/time.h"
#include "platform/json.h"
#include "wire/device_reading.h"

enum { URL_BYTES_MAX = 64 << 10 };

enum setting_kind {
    KIND_TEXT,
    KIND_URL,
    KIND_PROXY,
    KIND_OBJECT,
    KIND_SIZE,
    KIND_SPAN,
    KIND_BOOLEAN
};

/* In the order of enum device_setting. */
static const struct setting {
    const char
        *name; /* SECTION.KEY of a device's file; a key of the guide's where there is no dot */
    enum setting_kind kind;
    size_t offset;
    const char *variable;  /* of the environment; NULL: none */
    const char *otherwise; /* what applies where nobody says it */
} SETTINGS[DEVICE_SETTING_COUNT] = {
    {"device.name", KIND_TEXT, offsetof(struct device, name), "EBB__DEVICE__NAME",
     "the host's name"},
    {"device.labels", KIND_OBJECT, offsetof(struct device, labels), NULL, "none"},
    {"device.time_zone", KIND_TEXT, offsetof(struct device, time_zone), "EBB__DEVICE__TIME_ZONE",
     "the system's"},
    {"store.path", KIND_TEXT, offsetof(struct device, path), "EBB__STORE__PATH",
     "/var/lib/ebb for root, else $XDG_STATE_HOME/ebb"},
    {"store.budget", KIND_SIZE, offsetof(struct device, budget_bytes), "EBB__STORE__BUDGET",
     "1 GiB"},
    {"store.commit", KIND_SPAN, offsetof(struct device, commit_ms), "EBB__STORE__COMMIT", "0"},
    {"hub.proxy", KIND_PROXY, offsetof(struct device, proxy), "EBB__HUB__PROXY",
     "what `ebb join --proxy` said, which wins, else none"},
    {"workflows_dir", KIND_TEXT, offsetof(struct device, workflows_folder), NULL, NULL},
    {"agents_dir", KIND_TEXT, offsetof(struct device, agents_folder), NULL, NULL},
    {"models_dir", KIND_TEXT, offsetof(struct device, models_folder), NULL, NULL},
    {"sync_endpoint", KIND_URL, offsetof(struct device, sync_endpoint), NULL, NULL},
    {"sync_interval_seconds", KIND_SPAN, offsetof(struct device, sync_interval_ms), NULL, NULL},
    {"offline_mode", KIND_BOOLEAN, offsetof(struct device, offline), NULL, NULL},
    {"resource_monitoring", KIND_BOOLEAN, offsetof(struct device, monitoring), NULL, NULL},
};

void device_note(struct reading *reading, enum device_setting setting, struct place place) {
    struct device *device = ((struct device_reading *)reading->owner)->device;
    device->origins[setting] = device_origin(reading, place);
}

void device_note_section(struct reading *reading, const char *section, const struct yaml *map) {
    const size_t count = strlen(section);
    for (unsigned i = 0; i < DEVICE_SETTING_COUNT; i++) {
        const char *name = SETTINGS[i].name;
        const bool inside = strncmp(name, section, count) == 0 && name[count] == '.';
        const struct yaml *node = inside ? yaml_get(map, name + count + 1) : NULL;
        if (node != NULL) {
            device_note(reading, (enum device_setting)i, node->place);
        }
    }
}

/* The field of the device that a row is about. */
static void *field_of(struct device *device, const struct setting *setting) {
    return (char *)device + setting->offset;
}

static status override_one(struct arena *arena, struct device *device,
                           const struct setting *setting, const char *text, struct error *err) {
    void *field = field_of(device, setting);
    if (setting->kind == KIND_SIZE && !size_read(slice_of(text), field)) {
        return fail(err, STATUS_INVALID, "%s=%.40s is no size such as 2GiB", setting->variable,
                    text);
    }
    if (setting->kind == KIND_SPAN && !time_read_span(slice_of(text), field)) {
        return fail(err, STATUS_INVALID, "%s=%.40s is no span such as 1s", setting->variable, text);
    }
    if (setting->kind == KIND_PROXY && device_proxy_fault(slice_of(text)) != NULL) {
        return fail(err, STATUS_INVALID, "%s: %s", setting->variable,
                    device_proxy_fault(slice_of(text)));
    }
    if (setting->kind == KIND_TEXT || setting->kind == KIND_PROXY) {
        *(struct slice *)field = arena_copy(arena, slice_of(text));
    }
    return STATUS_OK;
}

status device_override(struct arena *arena, struct device *device,
                       const char *(*get)(const char *name), struct error *err) {
    for (unsigned i = 0; i < DEVICE_SETTING_COUNT; i++) {
        const struct setting *setting = &SETTINGS[i];
        const char *text = setting->variable != NULL ? get(setting->variable) : NULL;
        if (text != NULL) {
            TRY(override_one(arena, device, setting, text, err));
            device->origins[i] = slice_of(setting->variable);
        }
    }
    return STATUS_OK;
}

/* What stands in its query may be a secret, and what is shown here is pasted elsewhere. */
static void write_url(struct buffer *out, struct slice url) {
    CLEANUP(buffer_done) struct buffer masked;
    buffer_init(&masked, URL_BYTES_MAX);
    text_mask_query(&masked, url);
    json_write_text(out, buffer_slice(&masked));
}

static void write_value(struct buffer *out, const struct device *device,
                        const struct setting *setting) {
    const char *field = (const char *)device + setting->offset;
    char text[SIZE_TEXT_BYTES + TIME_TEXT_BYTES];
    switch (setting->kind) {
    case KIND_TEXT:
    case KIND_PROXY:
        json_write_text(out, *(const struct slice *)(const void *)field);
        break;
    case KIND_URL:
        write_url(out, *(const struct slice *)(const void *)field);
        break;
    case KIND_OBJECT:
        json_write(out, *(const struct value *)(const void *)field);
        break;
    case KIND_SIZE:
        size_write(*(const int64_t *)(const void *)field, text);
        json_write_text(out, slice_of(text));
        break;
    case KIND_SPAN:
        time_write_span(*(const int64_t *)(const void *)field, text);
        json_write_text(out, slice_of(text));
        break;
    case KIND_BOOLEAN:
        buffer_add_text(out, *(const bool *)(const void *)field ? "true" : "false");
        break;
    }
}

/* One row's head; the value comes next, then end_row. */
static void begin_row(struct buffer *out, const char *prefix, struct slice name) {
    buffer_add_text(out, out->bytes[out->count - 1] == '[' ? "{\"name\":" : ",{\"name\":");
    buffer_add_byte(out, '"');
    buffer_add_text(out, prefix);
    buffer_add(out, name); /* names need no escape */
    buffer_add_text(out, "\",\"value\":");
}

static void end_row(struct buffer *out, struct slice origin) {
    buffer_add_text(out, ",\"origin\":");
    json_write_text(out, origin);
    buffer_add_byte(out, '}');
}

static void write_link(const struct device *device, enum link_kind kind, struct buffer *out) {
    const struct device_link *link = &device->links[kind];
    for (int key = 0; key < DEVICE_LINK_KEY_COUNT; key++) {
        char name[64], bytes[SIZE_TEXT_BYTES];
        if (link->origins[key].count == 0) {
            continue;
        }
        (void)snprintf(name, sizeof(name), "%s.%s", link_kind_name(kind),
                       device_link_key_name((enum device_link_key)key));
        begin_row(out, "hub.links.", slice_of(name));
        if (key == DEVICE_LINK_METERED) {
            buffer_add_text(out, link->metered ? "true" : "false");
        } else {
            size_write(key == DEVICE_LINK_HOUR ? link->bytes_hour : link->bytes_day, bytes);
            json_write_text(out, slice_of(bytes));
        }
        end_row(out, link->origins[key]);
    }
}

static void write_named(const struct device *device, struct buffer *out) {
    for (int kind = 0; kind < LINK_KIND_COUNT; kind++) {
        write_link(device, (enum link_kind)kind, out);
    }
    for (const struct device_source *source = device->sources; source != NULL;
         source = source->next) {
        if (device_source(device, source->name) == source) {
            begin_row(out, "sources.", source->name);
            json_write_text(out, source->kind);
            end_row(out, source->origin);
        }
    }
    for (const struct device_destination *destination = device->destinations; destination != NULL;
         destination = destination->next) {
        if (device_destination(device, destination->name) == destination) {
            begin_row(out, "destinations.", destination->name);
            json_write_text(out, destination->kind == DESTINATION_FILE ? destination->path
                                                                       : destination->hook.url);
            end_row(out, destination->origin);
        }
    }
}

void device_write_settings(const struct device *device, struct buffer *out) {
    buffer_add_byte(out, '[');
    for (unsigned i = 0; i < DEVICE_SETTING_COUNT && out->failed == STATUS_OK; i++) {
        const struct setting *setting = &SETTINGS[i];
        const bool said = device->origins[i].count > 0;
        if (!said && setting->otherwise == NULL) {
            continue; /* of the guide's file, and there is none */
        }
        begin_row(out, "", slice_of(setting->name));
        if (said) {
            write_value(out, device, setting);
        } else {
            buffer_add_text(out, "null");
        }
        if (setting->otherwise != NULL) {
            buffer_add_text(out, ",\"default\":");
            json_write_text(out, slice_of(setting->otherwise));
        }
        end_row(out, said ? device->origins[i] : SLICE("default"));
    }
    if (out->failed == STATUS_OK) {
        write_named(device, out);
    }
    buffer_add_byte(out, ']');
}
