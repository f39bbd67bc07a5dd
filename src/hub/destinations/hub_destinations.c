// SPDX-License-Identifier: Apache-2.0
#include "hub/destinations/hub_destinations.h"

#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "hub/hub_call.h"
#include "platform/json.h"

enum { PLACE_BYTES_MAX = 8192 };

struct hub_destinations {
    const struct hub_destination_list *list;             /* not owned */
    struct hub_destination *items[HUB_DESTINATIONS_MAX]; /* owned; NULL: it could not be opened */
    struct error faults[HUB_DESTINATIONS_MAX];
};

status hub_destinations_create(const struct hub_destinations_options *options,
                               struct hub_destinations **out_destinations, struct error *err) {
    struct hub_destinations *all = memory_new(1, sizeof(*all));
    if (all == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the destinations");
    }
    all->list = options->list;
    for (uint32_t i = 0; i < options->list->outgoing.count; i++) {
        const struct hub_destination_options one = {.loop = options->loop,
                                                    .ingest = options->ingest,
                                                    .reader = options->reader,
                                                    .outgoing = &options->list->outgoing.items[i],
                                                    .settings = &options->list->settings[i]};
        if (hub_destination_create(&one, &all->items[i], &all->faults[i]) != STATUS_OK) {
            log_line(LOG_ERROR, "hub", "destination=%.*s cannot be sent to: %s",
                     SLICE_ARGS(one.outgoing->name), all->faults[i].text);
        }
    }
    *out_destinations = all;
    return STATUS_OK;
}

void hub_destinations_stop(struct hub_destinations *destinations) {
    for (uint32_t i = 0; destinations != NULL && i < destinations->list->outgoing.count; i++) {
        hub_destination_stop(destinations->items[i]);
    }
}

void hub_destinations_destroy(struct hub_destinations *destinations) {
    for (uint32_t i = 0; destinations != NULL && i < destinations->list->outgoing.count; i++) {
        hub_destination_destroy(destinations->items[i]);
    }
    memory_free(destinations);
}

void hub_destinations_look(const struct hub_destinations *destinations,
                           struct hub_destinations_facts *out_facts) {
    out_facts->count = destinations != NULL ? destinations->list->outgoing.count : 0;
    for (uint32_t i = 0; i < out_facts->count; i++) {
        struct hub_destination_facts *facts = &out_facts->items[i];
        if (destinations->items[i] != NULL) {
            hub_destination_facts(destinations->items[i], facts);
            continue;
        }
        const struct hub_destination_settings *settings = &destinations->list->settings[i];
        *facts = (struct hub_destination_facts){
            .name = destinations->list->outgoing.items[i].name,
            .place = settings->place,
            .kind = settings->kind == HUB_DESTINATION_WEBHOOK ? "webhook" : "postgres",
            .failing = true};
        (void)snprintf(facts->failure, sizeof(facts->failure), "%s", destinations->faults[i].text);
    }
}

static void write_text(struct buffer *out, const char *name, struct slice text) {
    buffer_print(out, "\"%s\":", name);
    json_write_text(out, text);
}

static void write_one(struct buffer *out, const struct hub_destination_facts *facts) {
    CLEANUP(buffer_done) struct buffer place;
    buffer_init(&place, PLACE_BYTES_MAX);
    text_mask_query(&place, facts->place);
    buffer_add_byte(out, '{');
    write_text(out, "name", facts->name);
    buffer_print(out, ",\"kind\":\"%s\",", facts->kind);
    write_text(out, "place", buffer_slice(&place));
    buffer_print(out,
                 ",\"waiting\":%lld,\"sent\":%lld,\"refused\":%lld,\"given_up\":%lld,"
                 "\"removed\":%lld,",
                 (long long)facts->waiting, (long long)facts->sent, (long long)facts->refused,
                 (long long)facts->given_up, (long long)facts->removed);
    hub_call_write_time(out, "success_at", facts->success_ms);
    buffer_add_byte(out, ',');
    hub_call_write_time(out, "failure_at", facts->failure_ms);
    buffer_add_byte(out, ',');
    hub_call_write_time(out, "retry_at", facts->retry_ms);
    buffer_print(out, ",\"failing\":%s,", facts->failing ? "true" : "false");
    write_text(out, "failure", slice_of(facts->failure));
    buffer_add_byte(out, '}');
}

void hub_destinations_write(struct buffer *out, const struct hub_destinations_facts *facts) {
    buffer_add_byte(out, '[');
    for (uint32_t i = 0; i < facts->count; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        write_one(out, &facts->items[i]);
    }
    buffer_add_byte(out, ']');
}
