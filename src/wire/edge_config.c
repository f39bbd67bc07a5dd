// SPDX-License-Identifier: Apache-2.0
// The guide's own configuration, edge_config.json, taken as a device's file as it stands.
#include <stddef.h>

#include "wire/device_reading.h"

enum { INTERVAL_SECONDS_MAX = 366 * 24 * 3600 };

/* Any text: it is no name of ebb's. */
static void read_id(struct reading *reading, const struct key *key, const struct yaml *node,
                    void *target) {
    keys_read_text(reading, key, node, target);
    if (node->kind == YAML_SCALAR && !yaml_is_null(node) && node->text.count == 0) {
        faults_add(reading->faults, node->place, "`%s` is a text, not an empty one", key->name);
    }
}

static void read_folder(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    struct slice text;
    if (!keys_scalar(reading, key->name, "the path of a folder", node, &text)) {
        return;
    }
    if (text.count == 0 || slice_find(text, '\0') < text.count) {
        faults_add(reading->faults, node->place, "`%s` is the path of a folder", key->name);
        return;
    }
    *(struct slice *)(void *)((char *)target + key->offset) = device_whole_path(reading, text);
}

static void read_interval(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    uint32_t seconds = 0;
    const struct key count = {.name = key->name, .least = 1, .most = INTERVAL_SECONDS_MAX};
    keys_read_count(reading, &count, node, &seconds);
    *(int64_t *)(void *)((char *)target + key->offset) = INT64_C(1000) * seconds;
}

static const struct edge_key {
    struct key key;
    enum device_setting setting;
} KEYS[] = {
    {{.name = "device_id", .read = read_id, .offset = offsetof(struct device, name)}, DEVICE_NAME},
    {{.name = "sync_endpoint",
      .read = keys_read_text,
      .offset = offsetof(struct device, sync_endpoint)},
     DEVICE_SYNC_ENDPOINT},
    {{.name = "models_dir", .read = read_folder, .offset = offsetof(struct device, models_folder)},
     DEVICE_MODELS_FOLDER},
    {{.name = "agents_dir", .read = read_folder, .offset = offsetof(struct device, agents_folder)},
     DEVICE_AGENTS_FOLDER},
    {{.name = "workflows_dir",
      .read = read_folder,
      .offset = offsetof(struct device, workflows_folder)},
     DEVICE_WORKFLOWS_FOLDER},
    {{.name = "storage_dir", .read = read_folder, .offset = offsetof(struct device, path)},
     DEVICE_STORE_PATH},
    {{.name = "offline_mode",
      .read = keys_read_boolean,
      .offset = offsetof(struct device, offline)},
     DEVICE_OFFLINE},
    {{.name = "resource_monitoring",
      .read = keys_read_boolean,
      .offset = offsetof(struct device, monitoring)},
     DEVICE_MONITORING},
    {{.name = "sync_interval_seconds",
      .read = read_interval,
      .offset = offsetof(struct device, sync_interval_ms)},
     DEVICE_SYNC_INTERVAL},
};

enum { KEY_COUNT = sizeof(KEYS) / sizeof(KEYS[0]) };

static const struct edge_key *find(struct slice name) {
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (slice_is(name, KEYS[i].key.name)) {
            return &KEYS[i];
        }
    }
    return NULL;
}

bool edge_config_is(const struct yaml *root) {
    bool known = false;
    for (uint32_t i = 0; root->kind == YAML_MAP && i < root->count; i++) {
        known = known || find(root->pairs[i].key) != NULL;
    }
    return known && yaml_get(root, "ebb") == NULL;
}

void edge_config_read(struct reading *reading, const struct yaml *root, struct device *device) {
    for (uint32_t i = 0; i < root->count; i++) {
        const struct yaml_pair *pair = &root->pairs[i];
        const struct edge_key *row = find(pair->key);
        if (row == NULL) {
            faults_warn(reading->faults, pair->key_place,
                        "`%.*s` is no key of edge_config.json that ebb knows: it is passed over",
                        QUOTED(pair->key));
        } else if (!yaml_is_null(&pair->value)) { /* as the guide's None */
            row->key.read(reading, &row->key, &pair->value, device);
            device_note(reading, row->setting, pair->value.place);
        }
    }
}
