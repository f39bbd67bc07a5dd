// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_file.h"

#include <stddef.h>

#include "base/text.h"
#include "hub/people/rights.h"
#include "wire/keys.h"

enum { KEEP_MS_LEAST = 1000, OVERDUE_MS_LEAST = 1000 };

static const struct key RULE_KEYS[] = {
    {.name = "keep",
     .read = keys_read_span,
     .offset = offsetof(struct hub_retention_rule, keep_ms),
     .least = KEEP_MS_LEAST,
     .help = "How long a record stays, such as 90d."},
    {.name = "bytes",
     .read = keys_read_size,
     .offset = offsetof(struct hub_retention_rule, bytes),
     .least = 1,
     .help = "How much of the disk the records may take, such as 10GiB."},
    {0}};

static const struct key_table RULE_TABLE = {
    .what = "a rule", .keys = RULE_KEYS, .example = "{ keep: 90d, bytes: 10GiB }"};

static void read_default(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct hub_settings *settings = target;
    (void)key;
    (void)keys_read(reading, &RULE_TABLE, node, &settings->retention.otherwise);
}

static void read_workflows(struct reading *reading, const struct key *key, const struct yaml *node,
                           void *target) {
    struct hub_settings *settings = target;
    if (node->kind != YAML_MAP) {
        faults_add(reading->faults, node->place, "`%s` is a map of workflows to rules, not %s",
                   key->name, yaml_what(node));
        return;
    }
    struct hub_retention_rule *rules = arena_get(reading->arena, node->count + 1, sizeof(*rules));
    for (uint32_t i = 0; i < node->count && rules != NULL; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        if (!text_is_name(pair->key)) {
            keys_say_name(reading, "a workflow", '-', pair->key, pair->key_place);
        }
        rules[i] = (struct hub_retention_rule){.workflow = arena_copy(reading->arena, pair->key)};
        (void)keys_read(reading, &RULE_TABLE, &pair->value, &rules[i]);
        reading->faults->no_memory |= rules[i].workflow.bytes == NULL;
    }
    reading->faults->no_memory |= rules == NULL;
    settings->retention.rules = rules;
    settings->retention.count = rules != NULL ? node->count : 0;
}

static const struct key RETENTION_KEYS[] = {
    {.name = "default", .read = read_default, .help = "For workflows without a rule of their own."},
    {.name = "workflows", .read = read_workflows, .help = "Rules by the names of workflows."},
    {0}};

static const struct key_table RETENTION_TABLE = {.what = "`retention`", .keys = RETENTION_KEYS};

static void read_retention(struct reading *reading, const struct key *key, const struct yaml *node,
                           void *target) {
    (void)key;
    (void)keys_read(reading, &RETENTION_TABLE, node, target);
}

static const struct key ATTACHMENT_KEYS[] = {
    {.name = "bytes",
     .read = keys_read_size,
     .offset = offsetof(struct hub_settings, attachment_bytes),
     .least = 1,
     .help = "How much of the disk they may take; 10GiB, or a tenth of the disk if that is less."},
    {0}};

static const struct key_table ATTACHMENT_TABLE = {
    .what = "`attachments`", .keys = ATTACHMENT_KEYS, .example = "{ bytes: 2GiB }"};

static void read_attachments(struct reading *reading, const struct key *key,
                             const struct yaml *node, void *target) {
    (void)key;
    (void)keys_read(reading, &ATTACHMENT_TABLE, node, target);
}

static void read_version(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct slice text;
    (void)target;
    if (keys_scalar(reading, key->name, "a version", node, &text) && !slice_is(text, "1")) {
        faults_add(reading->faults, node->place,
                   "this version of ebb reads `ebb: 1`, the format's version 1");
    }
}

static void read_role(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct hub_proxy *proxy = target;
    struct slice text;
    if (keys_scalar(reading, key->name, "a role", node, &text)) {
        proxy->rights = role_from_name(text);
        if (proxy->rights == 0) {
            faults_add(reading->faults, node->place,
                       "a role is viewer, operator or admin, not '%.*s'",
                       SLICE_ARGS(slice_part(text, 0, 40)));
        }
    }
}

static const struct key PROXY_KEYS[] = {
    {.name = "from",
     .state = KEY_REQUIRED,
     .read = keys_read_text,
     .offset = offsetof(struct hub_proxy, from),
     .help = "The proxy's address (several with commas): from there the header is believed."},
    {.name = "header",
     .state = KEY_REQUIRED,
     .read = keys_read_text,
     .offset = offsetof(struct hub_proxy, header),
     .help = "The header in which it says who somebody is."},
    {.name = "role",
     .read = read_role,
     .help = "Of people whom the hub does not know; else they may nothing."},
    {0}};

static const struct key_table PROXY_TABLE = {
    .what = "`proxy`", .keys = PROXY_KEYS, .example = "{ from: 127.0.0.1, header: X-Remote-User }"};

static void read_proxy(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    struct hub_settings *settings = target;
    (void)key;
    (void)keys_read(reading, &PROXY_TABLE, node, &settings->proxy);
}

static const struct key PEOPLE_KEYS[] = {
    {.name = "overdue",
     .read = keys_read_span,
     .offset = offsetof(struct hub_settings, overdue_ms),
     .least = OVERDUE_MS_LEAST,
     .help = "A device that was silent for longer needs somebody, such as 1h."},
    {.name = "proxy", .read = read_proxy, .help = "A reverse proxy that logs people in."},
    {0}};

static const struct key_table PEOPLE_TABLE = {.what = "`people`", .keys = PEOPLE_KEYS};

static void read_people(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    (void)key;
    (void)keys_read(reading, &PEOPLE_TABLE, node, target);
}

static const struct key FILE_KEYS[] = {
    {.name = "ebb",
     .state = KEY_REQUIRED,
     .read = read_version,
     .help = "The version of the format: 1, in the first line."},
    {.name = "retention", .read = read_retention, .help = "How long and how much the hub keeps."},
    {.name = "people", .read = read_people, .help = "What the page shows, and to whom."},
    {.name = "attachments",
     .read = read_attachments,
     .help = "What was brought from devices for those who asked."},
    {.name = "destinations",
     .read = hub_destination_file_read,
     .offset = offsetof(struct hub_settings, destinations),
     .help = "Where results go besides."},
    {0}};

static const struct key_table FILE_TABLE = {.what = "a hub's file", .keys = FILE_KEYS};

/* What a rule does not say is the default's. */
static void fill_in(struct hub_retention_rules *retention) {
    for (uint32_t i = 0; i < retention->count; i++) {
        struct hub_retention_rule *rule = &retention->rules[i];
        rule->keep_ms = rule->keep_ms != 0 ? rule->keep_ms : retention->otherwise.keep_ms;
        rule->bytes = rule->bytes != 0 ? rule->bytes : retention->otherwise.bytes;
    }
}

status hub_file_read(struct arena *arena, struct slice file, struct slice text,
                     struct hub_settings *out_settings, struct fault_list **out_faults,
                     struct error *err) {
    const struct yaml_document *documents = NULL;
    uint32_t count = 0;
    struct place place;
    *out_faults = NULL;
    *out_settings = (struct hub_settings){.overdue_ms = HUB_OVERDUE_MS};
    if (yaml_read(arena, text, &documents, &count, &place, err) != STATUS_OK) {
        TRY(fault_list_of(file, place, err->text, out_faults, err));
        return fail(err, STATUS_INVALID, "%.*s has faults", SLICE_ARGS(file));
    }
    struct faults *faults = arena_get(arena, 1, sizeof(*faults));
    if (faults == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a hub's file");
    }
    faults_init(faults, arena);
    struct reading reading = {.arena = arena, .faults = faults, .owner = out_settings};
    if (count != 1) {
        faults_add(faults, (struct place){0}, "a hub's file holds one document, not %u", count);
    } else {
        (void)keys_read(&reading, &FILE_TABLE, &documents[0].root, out_settings);
    }
    if (faults->count > 0 || faults->no_memory) {
        TRY(faults_take(faults, file, out_faults, err));
    }
    if (faults->error_count > 0) {
        return fail(err, STATUS_INVALID, "%.*s has faults", SLICE_ARGS(file));
    }
    fill_in(&out_settings->retention);
    out_settings->retention.outgoing = out_settings->destinations.outgoing;
    return STATUS_OK;
}
