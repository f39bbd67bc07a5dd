// SPDX-License-Identifier: Apache-2.0
#include "wire/device.h"

#include "base/text.h"
#include "wire/device_reading.h"
#include "wire/schema.h"

struct slice device_origin(struct reading *reading, struct place place) {
    const struct device_reading *whole = reading->owner;
    const struct slice origin = arena_print(reading->arena, "%.*s:%d:%d", SLICE_ARGS(whole->file),
                                            place.line, place.column);
    reading->faults->no_memory |= origin.bytes == NULL;
    return origin;
}

/* What earlier files said stays where this one does not say it. */
static void merge_labels(struct reading *reading, struct value older, struct value newer,
                         struct value *out_labels) {
    struct member *labels = value_new_object(reading->arena, older.count + newer.count, out_labels);
    if (labels == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    out_labels->count = 0;
    for (uint32_t i = 0; i < older.count; i++) {
        if (value_get(newer, older.members[i].name) == NULL) {
            labels[out_labels->count++] = older.members[i];
        }
    }
    for (uint32_t i = 0; i < newer.count; i++) {
        labels[out_labels->count++] = newer.members[i];
    }
}

static void read_labels(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    struct device *device = target;
    if (node->kind != YAML_MAP) {
        faults_add(reading->faults, node->place, "`%s` is a map of names to texts, not %s",
                   key->name, yaml_what(node));
        return;
    }
    struct value newer = {.kind = VALUE_NULL};
    struct member *labels = value_new_object(reading->arena, node->count, &newer);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        struct slice text = {0};
        (void)keys_scalar(reading, key->name, "a text", &pair->value, &text);
        if (labels == NULL) {
            reading->faults->no_memory = true;
            return;
        }
        labels[i] = (struct member){
            .name = arena_copy(reading->arena, pair->key),
            .value = value_of_text(arena_copy(reading->arena, text)),
        };
    }
    merge_labels(reading, device->labels, newer, &device->labels);
}

static const struct key DEVICE_KEYS[] = {
    {.name = "name",
     .read = keys_read_name,
     .offset = offsetof(struct device, name),
     .help = "The device's name; expressions read it as $device.name."},
    {.name = "labels",
     .read = read_labels,
     .help = "Words about it, such as region: north.",
     .form = FORM_TEXT_MAP},
    {.name = "time_zone",
     .read = keys_read_text,
     .offset = offsetof(struct device, time_zone),
     .help = "Such as Europe/Berlin."},
    {0}};

static const struct key STORE_KEYS[] = {
    {.name = "path",
     .read = keys_read_text,
     .offset = offsetof(struct device, path),
     .help = "The data folder."},
    {.name = "budget",
     .read = keys_read_size,
     .offset = offsetof(struct device, budget_bytes),
     .help = "How much of the disk results may take, such as 2GiB."},
    {.name = "commit",
     .read = keys_read_span,
     .offset = offsetof(struct device, commit_ms),
     .help = "How long a commit may wait for more, where the workflow does not say; 0."},
    {0}};

static const struct key_table DEVICE_TABLE = {.what = "`device`", .keys = DEVICE_KEYS};
static const struct key_table STORE_TABLE = {.what = "`store`", .keys = STORE_KEYS};

static void read_device(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    if (keys_read(reading, &DEVICE_TABLE, node, target)) {
        device_note_section(reading, key->name, node);
    }
}

static void read_store(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    if (keys_read(reading, &STORE_TABLE, node, target)) {
        device_note_section(reading, key->name, node);
    }
}

static void add_param(struct reading *reading, struct slice workflow,
                      const struct yaml_pair *pair) {
    struct device *device = ((struct device_reading *)reading->owner)->device;
    struct device_param *param = arena_get(reading->arena, 1, sizeof(*param));
    struct value value = {.kind = VALUE_NULL};
    if (param == NULL || !yaml_value(reading->arena, &pair->value, &value) ||
        !value_copy(reading->arena, value, &param->value)) {
        reading->faults->no_memory = true;
        return;
    }
    param->workflow = workflow;
    param->name = arena_copy(reading->arena, pair->key);
    param->origin = device_origin(reading, pair->value.place);
    param->next = device->params;
    device->params = param;
}

/* Whether they fit is said where the workflow is read, which declares them. */
static void read_params(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    const struct slice *workflow = target;
    if (node->kind != YAML_MAP) {
        faults_add(reading->faults, node->place, "`%s` is a map of names to values, not %s",
                   key->name, yaml_what(node));
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        add_param(reading, *workflow, &node->pairs[i]);
    }
}

static const struct key DEVICE_WORKFLOW_KEYS[] = {
    {.name = "params",
     .read = read_params,
     .help = "Values for the parameters that the workflow declares.",
     .form = FORM_VALUES},
    {0}};
static const struct key_table DEVICE_WORKFLOW_TABLE = {.what = "a workflow of the device",
                                                       .example = "{ params: { limit: 3 } }",
                                                       .keys = DEVICE_WORKFLOW_KEYS};

/* What a device says of one workflow is its parameters. */
static void read_workflows(struct reading *reading, const struct key *key, const struct yaml *node,
                           void *target) {
    (void)target;
    if (node->kind != YAML_MAP) {
        faults_add(reading->faults, node->place, "`%s` is a map of workflows' names, not %s",
                   key->name, yaml_what(node));
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        struct slice name = arena_copy(reading->arena, pair->key);
        reading->faults->no_memory |= name.bytes == NULL;
        if (!text_is_name(pair->key)) {
            keys_say_name(reading, key->name, '-', pair->key, pair->key_place);
        } else if (!yaml_is_null(&pair->value)) {
            (void)keys_read(reading, &DEVICE_WORKFLOW_TABLE, &pair->value, &name);
        }
    }
}

static void read_version(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    (void)key;
    (void)target;
    if (node->kind != YAML_SCALAR || !slice_is(node->text, "1")) {
        faults_add(reading->faults, node->place,
                   "this version of ebb reads `ebb: 1`, the format's version 1");
    }
}

static const struct key FILE_KEYS[] = {{.name = "ebb",
                                        .state = KEY_REQUIRED,
                                        .read = read_version,
                                        .help = "The version of the format: 1, in the first line.",
                                        .form = FORM_VERSION},
                                       {.name = "device",
                                        .read = read_device,
                                        .help = "Who this device is.",
                                        .form = FORM_KEYS,
                                        .table = &DEVICE_TABLE},
                                       {.name = "store",
                                        .read = read_store,
                                        .help = "Where results are kept, and how many.",
                                        .form = FORM_KEYS,
                                        .table = &STORE_TABLE},
                                       {.name = "workflows",
                                        .read = read_workflows,
                                        .help = "What this device says of each workflow, by name.",
                                        .form = FORM_NAMED_MAPS,
                                        .table = &DEVICE_WORKFLOW_TABLE},
                                       {.name = "hub",
                                        .read = device_read_hub,
                                        .help = "The way to the hub, and what it may cost.",
                                        .form = FORM_KEYS,
                                        .table = &HUB_TABLE},
                                       {.name = "sources",
                                        .read = device_read_sources,
                                        .help = "What a workflow's `source: NAME` is here.",
                                        .form = FORM_NAMED_MAPS,
                                        .table = &SOURCE_TABLE},
                                       {.name = "destinations",
                                        .read = device_read_destinations,
                                        .help = "What `to: [NAME]` of a result is here.",
                                        .form = FORM_NAMED_MAPS,
                                        .table = &DESTINATION_TABLE},
                                       {.name = "params", .state = KEY_RESERVED},
                                       {0}};

static const struct key_table *const OTHERS[] = {&DEVICE_TABLE, &STORE_TABLE,       &HUB_TABLE,
                                                 &SOURCE_TABLE, &DESTINATION_TABLE, NULL};
static const struct key_table FILE_TABLE = {
    .what = "a device file", .keys = FILE_KEYS, .others = OTHERS};

void device_schema(struct buffer *out) {
    schema_write(&FILE_TABLE, "a device file of ebb", SLICE(""), out);
}

status device_read(struct arena *arena, struct slice file, struct slice text, struct device *device,
                   struct fault_list **out_faults, struct error *err) {
    const struct yaml_document *documents;
    uint32_t count;
    struct place place;
    *out_faults = NULL;
    if (yaml_read(arena, text, &documents, &count, &place, err) != STATUS_OK) {
        TRY(fault_list_of(file, place, err->text, out_faults, err));
        return fail(err, STATUS_INVALID, "%.*s has faults", SLICE_ARGS(file));
    }
    struct faults *faults = arena_get(arena, 1, sizeof(*faults));
    if (faults == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a device file");
    }
    faults_init(faults, arena);
    struct device filled = *device;
    struct device_reading whole = {.file = file, .device = &filled};
    struct reading reading = {.arena = arena, .faults = faults, .owner = &whole};
    if (count != 1) {
        faults_add(faults, (struct place){0}, "a device file holds one document, not %u", count);
    } else if (edge_config_is(&documents[0].root)) {
        edge_config_read(&reading, &documents[0].root, &filled);
    } else {
        (void)keys_read(&reading, &FILE_TABLE, &documents[0].root, &filled);
    }
    if (faults->count > 0 || faults->no_memory) {
        TRY(faults_take(faults, file, out_faults, err));
    }
    if (faults->error_count > 0) {
        return fail(err, STATUS_INVALID, "%.*s has faults", SLICE_ARGS(file));
    }
    *device = filled;
    return STATUS_OK;
}

status device_value(struct arena *arena, const struct device *device, struct value *out_value,
                    struct error *err) {
    struct member *members = value_new_object(arena, 3, out_value);
    struct value none;
    if (members == NULL || value_new_object(arena, 0, &none) == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the device");
    }
    const bool labelled = device->labels.kind == VALUE_OBJECT;
    members[0] = (struct member){.name = SLICE("name"), .value = value_of_text(device->name)};
    members[1] =
        (struct member){.name = SLICE("labels"), .value = labelled ? device->labels : none};
    members[2] = (struct member){
        .name = SLICE("time_zone"),
        .value = device->time_zone.count > 0 ? value_of_text(device->time_zone) : (struct value){0},
    };
    return STATUS_OK;
}
