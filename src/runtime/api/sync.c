// SPDX-License-Identifier: Apache-2.0
/* /v1/sync: how the device gets on with its hub; now, pause, resume, reload. */
#include "base/text.h"
#include "platform/clock.h"
#include "runtime/api/api.h"
#include "runtime/endpoint_sync.h"
#include "runtime/sync_manager.h"

static void write_waits(struct buffer *out, const struct sync_manager_facts *facts) {
    const struct sender_facts *sender = &facts->sender;
    if (sender->last_contact_ms != 0) {
        buffer_add_byte(out, ',');
        api_write_time(out, "last_contact_at",
                       clock_wall_ms() - (facts->now_ms - sender->last_contact_ms));
    }
    if (!sender->connected && sender->next_attempt_ms > facts->now_ms) {
        buffer_print(out, ",\"next_attempt_ms\":%lld",
                     (long long)(sender->next_attempt_ms - facts->now_ms));
    }
    if (facts->hub_time_known) {
        buffer_print(out, ",\"clock_offset_ms\":%lld,\"clock_uncertainty_ms\":%lld",
                     (long long)facts->hub_offset_ms, (long long)facts->hub_uncertainty_ms);
    }
    if (sender->last_error[0] != '\0') {
        buffer_add_byte(out, ',');
        api_write_text(out, "last_error", slice_of(sender->last_error));
    }
}

static void write_span(struct buffer *out, const char *name, int64_t sent, int64_t budget) {
    buffer_print(out, ",\"%s\":{\"sent_bytes\":%lld", name, (long long)sent);
    if (budget > 0) {
        buffer_print(out, ",\"budget_bytes\":%lld", (long long)budget);
    }
    buffer_add_byte(out, '}');
}

static void write_link(struct buffer *out, const struct sync_manager_facts *facts) {
    const struct sender_budget *budget = &facts->budget;
    const struct sender_link *link = &budget->link;
    buffer_add_text(out, ",\"link\":{");
    api_write_text(out, "kind", slice_of(link->kind));
    buffer_add_byte(out, ',');
    api_write_text(out, "interface", slice_of(facts->interface));
    buffer_print(out, ",\"metered\":%s", link->metered ? "true" : "false");
    write_span(out, "hour", budget->bytes_hour, link->budget.bytes_hour);
    write_span(out, "day", budget->bytes_day, link->budget.bytes_day);
    if (budget->room_ms != 0) {
        buffer_print(out, ",\"goes_on_ms\":%lld", (long long)(budget->room_ms - facts->now_ms));
    }
    buffer_add_byte(out, '}');
}

static void write_joined(struct buffer *out, const struct sync_manager_facts *facts) {
    const struct sender_facts *sender = &facts->sender;
    char hub_store[ID_UUID_BYTES + 1];
    id_write_uuid(sender->hub_store, hub_store);
    buffer_add_byte(out, ',');
    api_write_text(out, "device", facts->device);
    buffer_add_byte(out, ',');
    api_write_text(out, "hub", facts->hub);
    buffer_add_byte(out, ',');
    api_write_text(out, "address", slice_of(facts->address));
    buffer_print(out,
                 ",\"state\":\"%s\",\"connected\":%s,\"paused\":%s,\"hub_store\":%s%s%s,"
                 "\"sent_records\":%llu,\"sent_bytes\":%llu,\"requests\":%llu,\"retries\":%llu,"
                 "\"bytes_per_s\":%lld",
                 sender->state, sender->connected ? "true" : "false",
                 sender->paused ? "true" : "false", id_is_zero(sender->hub_store) ? "" : "\"",
                 id_is_zero(sender->hub_store) ? "null" : hub_store,
                 id_is_zero(sender->hub_store) ? "" : "\"",
                 (unsigned long long)sender->sent_records, (unsigned long long)sender->sent_bytes,
                 (unsigned long long)sender->bodies, (unsigned long long)sender->retries,
                 (long long)sender->bytes_per_s);
    buffer_add_byte(out, ',');
    api_write_time(out, "certificate_ends_at", facts->ends_ms);
    if (facts->refusal[0] != '\0') {
        buffer_add_byte(out, ',');
        api_write_text(out, "refused", slice_of(facts->refusal));
    }
    write_waits(out, facts);
    if (facts->budget.link.kind[0] != '\0') {
        write_link(out, facts);
    }
}

static void write_endpoint(struct buffer *out, const struct endpoint_sync *endpoint) {
    CLEANUP(buffer_done) struct buffer url;
    struct endpoint_sync_facts facts;
    buffer_init(&url, API_ANSWER_BYTES_MAX);
    endpoint_sync_facts(endpoint, &facts);
    text_mask_query(&url, facts.url);
    buffer_add_text(out, ",\"endpoint\":{");
    api_write_text(out, "url", buffer_slice(&url));
    buffer_print(out, ",\"failing\":%s,\"arrived\":%llu", facts.failing ? "true" : "false",
                 (unsigned long long)facts.arrived);
    if (facts.success_ms != 0) {
        buffer_add_byte(out, ',');
        api_write_time(out, "last_contact_at", facts.success_ms);
    }
    if (facts.retry_ms != 0) {
        buffer_add_byte(out, ',');
        api_write_time(out, "next_at", facts.retry_ms);
    }
    if (facts.failing) {
        buffer_add_byte(out, ',');
        api_write_text(out, "last_error", slice_of(facts.failure));
    }
    buffer_add_byte(out, '}');
}

static void show(struct api_call *call) {
    CLEANUP(buffer_done) struct buffer json;
    struct sync_manager_facts facts;
    buffer_init(&json, API_ANSWER_BYTES_MAX);
    sync_manager_facts(call->daemon->sync, &facts);
    buffer_print(&json, "{\"joined\":%s,\"offline\":%s", facts.joined ? "true" : "false",
                 facts.offline ? "true" : "false");
    if (facts.joined) {
        write_joined(&json, &facts);
    }
    if (call->daemon->endpoint != NULL) {
        write_endpoint(&json, call->daemon->endpoint);
    }
    buffer_add_text(&json, "}\n");
    api_answer(call, &json);
}

static status change(struct api_call *call, struct error *err) {
    struct sync_manager *manager = call->daemon->sync;
    struct sync_manager_facts facts;
    if (slice_is(call->item, "reload")) {
        sync_manager_reload(manager);
        return STATUS_OK;
    }
    sync_manager_facts(manager, &facts);
    if (slice_is(call->item, "now") && call->daemon->endpoint != NULL) {
        endpoint_sync_hurry(call->daemon->endpoint);
        return STATUS_OK;
    }
    if (!facts.joined) {
        return fail(err, STATUS_CONFLICT, "this device is not joined to a hub: `ebb join TOKEN`");
    }
    if (slice_is(call->item, "now")) {
        sync_manager_hurry(manager);
    } else if (slice_is(call->item, "pause") || slice_is(call->item, "resume")) {
        sync_manager_pause(manager, slice_is(call->item, "pause"));
    } else {
        return fail(err, STATUS_NOT_FOUND, "sync knows now, pause, resume and reload, not '%.*s'",
                    SLICE_ARGS(slice_part(call->item, 0, 40)));
    }
    return STATUS_OK;
}

void api_sync(struct api_call *call) {
    struct error err;
    if (call->item.count > 0 && change(call, &err) != STATUS_OK) {
        api_refuse(call, &err);
        return;
    }
    show(call);
}
