// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_destination_file.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "platform/secret.h"
#include "wire/keys.h"
#include "wire/webhook_keys.h"

enum {
    GIVE_UP_MS_LEAST = 1000,
    NAME_BYTES_MAX = 63,
    DAY_TEXT_BYTES = 10,
    HOOKS_TOGETHER = 100 /* as many as of a device may come again */
};

static const struct slice TABLE_OTHERWISE = {.bytes = "ebb_results",
                                             .count = sizeof("ebb_results") - 1};

/* One while it is read. */
struct draft {
    struct hub_destination_settings settings;
    struct hub_outgoing outgoing;
    const struct yaml *webhook, *postgres; /* what says its kind */
    const struct yaml *sign, *headers, *batch, *password, *table;
};

/* --- what a webhook has --- */

static void read_webhook(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    struct draft *draft = target;
    draft->webhook = node;
    draft->settings.kind = HUB_DESTINATION_WEBHOOK;
    webhook_read_url(reading, key, node, target);
    draft->settings.place = draft->settings.hook.url;
}

static void read_sign(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    ((struct draft *)target)->sign = node;
    webhook_read_secret(reading, key, node, target);
}

static void read_headers(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target) {
    ((struct draft *)target)->headers = node;
    webhook_read_headers(reading, key, node, target);
}

static void read_batch(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    ((struct draft *)target)->batch = node;
    keys_read_count(reading, key, node, target);
}

/* --- what PostgreSQL has --- */

static bool holds(struct slice text, const char *word) {
    bool found = false;
    for (size_t i = 0; i < text.count && !found; i++) {
        found = slice_starts(slice_part(text, i, text.count), word);
    }
    return found;
}

/* "postgresql://USER:PASSWORD@HOST/..." or "password=...". */
static bool has_password(struct slice url) {
    static const char AFTER[] = "://";
    const size_t at = slice_find(url, '@');
    const size_t scheme = slice_find(url, ':') + sizeof(AFTER) - 1;
    const struct slice user = slice_part(url, scheme, at);
    return holds(url, "password=") || (at < url.count && slice_find(user, ':') < user.count);
}

static void read_postgres(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    static const char WANTED[] = "a URL such as postgresql://ebb@db.example/plant, or secret:NAME";
    struct draft *draft = target;
    struct postgres_place *place = &draft->settings.postgres;
    struct slice text, name;
    draft->postgres = node;
    draft->settings.kind = HUB_DESTINATION_POSTGRES;
    if (!keys_scalar(reading, key->name, WANTED, node, &text)) {
        return;
    }
    draft->settings.place = arena_copy(reading->arena, text);
    reading->faults->no_memory |= draft->settings.place.bytes == NULL;
    if (secret_named(text, &name)) {
        webhook_read_secret(reading, key, node, &place->url_secret); /* the row's offset is 0 */
    } else if (!slice_starts(text, "postgresql://") && !slice_starts(text, "postgres://")) {
        faults_add(reading->faults, node->place, "`postgres` is %s, not `%.*s`", WANTED,
                   QUOTED(text));
    } else if (has_password(text)) {
        faults_add(reading->faults, node->place,
                   "a password stands in no file of settings: leave it out of the URL and say "
                   "`password: secret:NAME`");
    } else {
        place->url = draft->settings.place;
    }
}

static void read_password(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    ((struct draft *)target)->password = node;
    webhook_read_secret(reading, key, node, target);
}

static bool is_sql_name(struct slice text) {
    bool fine = text.count > 0 && text.count <= NAME_BYTES_MAX &&
                ((text.bytes[0] >= 'a' && text.bytes[0] <= 'z') || text.bytes[0] == '_');
    for (size_t i = 0; fine && i < text.count; i++) {
        const char letter = text.bytes[i];
        fine =
            (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '_';
    }
    return fine;
}

static void read_table(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    struct draft *draft = target;
    struct slice text;
    draft->table = node;
    if (!keys_scalar(reading, key->name, "the name of a table, such as plant.results", node,
                     &text)) {
        return;
    }
    const size_t dot = slice_find(text, '.');
    if (!is_sql_name(slice_part(text, 0, dot)) ||
        (dot < text.count && !is_sql_name(slice_part(text, dot + 1, text.count)))) {
        faults_add(reading->faults, node->place,
                   "`table` is NAME or SCHEMA.NAME of small letters, digits and _, not `%.*s`",
                   QUOTED(text));
        return;
    }
    draft->settings.postgres.table = arena_copy(reading->arena, text);
    reading->faults->no_memory |= draft->settings.postgres.table.bytes == NULL;
}

/* --- from when on, and which --- */

/* "2026-11-23" as well as a whole moment. */
static bool read_moment(struct slice text, int64_t *out_ms) {
    CLEANUP(buffer_done) struct buffer whole;
    buffer_init(&whole, TIME_TEXT_BYTES);
    buffer_add(&whole, slice_part(text, 0, TIME_TEXT_BYTES));
    buffer_add_text(&whole, text.count == DAY_TEXT_BYTES ? "T00:00:00Z" : "");
    return time_read(buffer_slice(&whole), out_ms);
}

static void read_since(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    static const char WANTED[] = "`now`, `all`, a day (2026-11-23) or a moment "
                                 "(2026-11-23T10:00:00Z)";
    struct hub_destination_settings *settings = target;
    struct slice text;
    if (!keys_scalar(reading, key->name, WANTED, node, &text)) {
        return;
    }
    if (slice_is(text, "now") || slice_is(text, "all")) {
        settings->since = slice_is(text, "now") ? HUB_OUTGOING_NOW : HUB_OUTGOING_ALL;
    } else if (read_moment(text, &settings->since_ms)) {
        settings->since = HUB_OUTGOING_DATE;
    } else {
        faults_add(reading->faults, node->place, "`since` is %s, not `%.*s`", WANTED, QUOTED(text));
    }
}

static bool read_words(struct reading *reading, const struct key *key, const struct yaml *node,
                       struct hub_outgoing_words *out_words) {
    const uint32_t count = node->kind == YAML_LIST ? node->count : 1;
    struct slice *words = arena_get(reading->arena, count > 0 ? count : 1, sizeof(*words));
    if (words == NULL || node->kind == YAML_MAP || count == 0 || count > HUB_OUTGOING_WISHES_MAX) {
        reading->faults->no_memory |= words == NULL;
        faults_add(reading->faults, node->place, "`%s` is a text, or a list of 1 to %d", key->name,
                   HUB_OUTGOING_WISHES_MAX);
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct yaml *item = node->kind == YAML_LIST ? &node->items[i] : node;
        struct slice text;
        if (!keys_scalar(reading, key->name, "a text, or a list of some", item, &text)) {
            return false;
        }
        words[i] = arena_copy(reading->arena, text);
        reading->faults->no_memory |= words[i].bytes == NULL;
    }
    *out_words = (struct hub_outgoing_words){.words = words, .count = count};
    return true;
}

static void read_wishes(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    (void)read_words(reading, key, node, /* a fault says what is wrong */
                     (struct hub_outgoing_words *)(void *)((char *)target + key->offset));
}

static void read_lanes(struct reading *reading, const struct key *key, const struct yaml *node,
                       void *target) {
    struct draft *draft = target;
    struct hub_outgoing_words words = {.count = 0};
    if (!read_words(reading, key, node, &words)) {
        return;
    }
    for (uint32_t i = 0; i < words.count; i++) {
        const enum lane lane = lane_from_name(words.words[i]);
        if (lane == LANE_COUNT) {
            faults_add(reading->faults, node->place, "no lane is called `%.*s`",
                       QUOTED(words.words[i]));
        } else {
            draft->outgoing.filter.lanes |= 1U << lane;
        }
    }
}

static void read_priority(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    struct draft *draft = target;
    struct slice text;
    bool clamped = false;
    static const char WANTED[] = "urgent, high, normal, low, or a number from 0 to 9";
    if (keys_scalar(reading, key->name, WANTED, node, &text) &&
        (!priority_read(text, &draft->outgoing.filter.priority, &clamped) || clamped)) {
        faults_add(reading->faults, node->place, "`priority` is %s, not `%.*s`", WANTED,
                   QUOTED(text));
    }
}

/* --- the table of keys --- */

#define WISH(word) offsetof(struct draft, outgoing.filter.word)

static const struct key KEYS[] = {
    {.name = "webhook",
     .read = read_webhook,
     .offset = offsetof(struct draft, settings.hook),
     .help = "A URL: results are posted there as JSON.",
     .form = FORM_TEXT},
    {.name = "sign",
     .read = read_sign,
     .offset = offsetof(struct draft, settings.hook.sign),
     .help = "Of a webhook: the secret that keys the HMAC-SHA256 of the body, secret:NAME.",
     .form = FORM_TEXT},
    {.name = "headers",
     .read = read_headers,
     .offset = offsetof(struct draft, settings.hook),
     .help = "Of a webhook: more headers; a value may be secret:NAME.",
     .form = FORM_TEXT_MAP},
    {.name = "batch",
     .read = read_batch,
     .offset = offsetof(struct draft, settings.batch),
     .least = 1,
     .most = HUB_DESTINATION_BATCH_MAX,
     .help = "Of a webhook: up to so many results are one body, a list."},
    {.name = "postgres",
     .read = read_postgres,
     .help = "A database of PostgreSQL: results become rows of a table.",
     .form = FORM_TEXT},
    {.name = "password",
     .read = read_password,
     .offset = offsetof(struct draft, settings.postgres.password_secret),
     .help = "Of PostgreSQL: secret:NAME.",
     .form = FORM_TEXT},
    {.name = "table",
     .read = read_table,
     .help = "Of PostgreSQL: the table, made when it is not there; ebb_results otherwise.",
     .form = FORM_TEXT},
    {.name = "since",
     .read = read_since,
     .help = "Where a new one begins: now, all, a day or a moment.",
     .form = FORM_TEXT},
    {.name = "give_up",
     .read = keys_read_span,
     .offset = offsetof(struct draft, settings.give_up_ms),
     .least = GIVE_UP_MS_LEAST,
     .help = "How long a result is tried, from when it arrived at the hub."},
    {.name = "workflow", .read = read_wishes, .offset = WISH(workflows), .help = "One, or a list."},
    {.name = "name", .read = read_wishes, .offset = WISH(names), .help = "Of results."},
    {.name = "device", .read = read_wishes, .offset = WISH(devices), .help = "Names or ids."},
    {.name = "label", .read = read_wishes, .offset = WISH(labels), .help = "Such as line=3."},
    {.name = "lane", .read = read_lanes, .help = "urgent, high, normal, low, bulk."},
    {.name = "priority", .read = read_priority, .help = "At least that."},
    {0}};

static const struct key_table TABLE = {
    .what = "a destination", .keys = KEYS, .example = "{ webhook: https://desk.example/hook }"};

/* --- all of them --- */

static void judge_kind(struct reading *reading, const struct yaml *node,
                       const struct draft *draft) {
    const struct {
        const struct yaml *node;
        const char *name;
        enum hub_destination_kind kind;
    } parts[] = {{draft->sign, "sign", HUB_DESTINATION_WEBHOOK},
                 {draft->headers, "headers", HUB_DESTINATION_WEBHOOK},
                 {draft->batch, "batch", HUB_DESTINATION_WEBHOOK},
                 {draft->password, "password", HUB_DESTINATION_POSTGRES},
                 {draft->table, "table", HUB_DESTINATION_POSTGRES}};
    if ((draft->webhook == NULL) == (draft->postgres == NULL)) {
        faults_add(reading->faults, node->place,
                   "a hub's destination is one of `webhook` and `postgres`");
        return;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].node != NULL && parts[i].kind != draft->settings.kind) {
            faults_add(reading->faults, parts[i].node->place, "`%s`: %s has none", parts[i].name,
                       draft->settings.kind == HUB_DESTINATION_WEBHOOK ? "a webhook"
                                                                       : "PostgreSQL");
        }
    }
}

static void read_one(struct reading *reading, const struct yaml_pair *pair,
                     struct hub_outgoing *outgoing, struct hub_destination_settings *settings) {
    struct draft draft = {.outgoing = {.filter = {.priority = -1}}};
    if (!text_is_name(pair->key)) {
        keys_say_name(reading, "a destination", '-', pair->key, pair->key_place);
    }
    if (!keys_read(reading, &TABLE, &pair->value, &draft)) {
        return;
    }
    judge_kind(reading, &pair->value, &draft);
    if (draft.settings.postgres.table.count == 0) {
        draft.settings.postgres.table = TABLE_OTHERWISE;
    }
    *settings = draft.settings;
    *outgoing = draft.outgoing;
    if (draft.settings.kind == HUB_DESTINATION_WEBHOOK) {
        outgoing->rows_max =
            draft.settings.batch > HOOKS_TOGETHER ? draft.settings.batch : HOOKS_TOGETHER;
    }
    outgoing->name = arena_copy(reading->arena, pair->key);
    reading->faults->no_memory |= outgoing->name.bytes == NULL;
}

void hub_destination_file_read(struct reading *reading, const struct key *key,
                               const struct yaml *node, void *target) {
    struct hub_destination_list *list = (void *)((char *)target + key->offset);
    if (node->kind != YAML_MAP || node->count > HUB_DESTINATIONS_MAX) {
        faults_add(reading->faults, node->place, "`%s` is a map of at most %d names", key->name,
                   HUB_DESTINATIONS_MAX);
        return;
    }
    struct hub_outgoing *items = arena_get(reading->arena, node->count + 1, sizeof(*items));
    struct hub_destination_settings *settings =
        arena_get(reading->arena, node->count + 1, sizeof(*settings));
    if (items == NULL || settings == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        read_one(reading, &node->pairs[i], &items[i], &settings[i]);
    }
    list->outgoing = (struct hub_outgoing_list){.items = items, .count = node->count};
    list->settings = settings;
}
