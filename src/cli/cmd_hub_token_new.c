// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>

#include "base/time.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/hub_devices.h"
#include "cli/human.h"
#include "cli/pairs.h"
#include "platform/json.h"
#include "wire/hub_address.h"
#include "wire/token.h"

enum { BODY_BYTES_MAX = 64 << 10, USES_MAX = 100000 };

static void add_text(struct buffer *body, const char *name, const char *text) {
    if (text != NULL) {
        buffer_print(body, ",\"%s\":", name);
        json_write_text(body, slice_of(text));
    }
}

static status write_span(const struct call *call, struct buffer *body, struct error *err) {
    const char *text = call_option(call, "ttl");
    int64_t ms = 0;
    if (text == NULL) {
        return STATUS_OK;
    }
    if (!time_read_span(slice_of(text), &ms) || ms == 0) {
        return fail(err, STATUS_INVALID, "--ttl wants a span such as 1h or 7d, not '%.40s'", text);
    }
    if (ms < INT64_C(1000) * TOKEN_LIFE_S_LEAST || ms > INT64_C(1000) * TOKEN_LIFE_S_MOST) {
        return fail(err, STATUS_INVALID, "--ttl is a span from %dm to %dd, not '%.40s'",
                    TOKEN_LIFE_S_LEAST / 60, TOKEN_LIFE_S_MOST / (24 * 3600), text);
    }
    buffer_print(body, ",\"ttl_ms\":%" PRId64, ms);
    return STATUS_OK;
}

static status write_wish(struct call *call, struct buffer *body, struct error *err) {
    const char *name = call_option(call, "name");
    const char *device = call_option(call, "device");
    const char *hub = call_option(call, "hub");
    const char **labels = NULL;
    struct hub_address address;
    int64_t uses = 0;
    size_t count = 0;
    TRY(call_number(call, "uses", 1, USES_MAX, 1, &uses, err));
    buffer_print(body, "{\"uses\":%" PRId64 ",\"labels\":", uses);
    TRY(hub_devices_options(call, "label", &labels, &count, err));
    TRY(pairs_write(body, labels, count, false, err));
    TRY(write_span(call, body, err));
    if (name != NULL) {
        TRY(daemon_check_name("device", name, err));
    }
    if (device != NULL) {
        TRY(hub_devices_check(device, err));
    }
    if (hub != NULL && hub_address_read(slice_of(hub), &address, err) != STATUS_OK) {
        return fail_while(err, "--hub");
    }
    add_text(body, "name", name);
    add_text(body, "device", device);
    add_text(body, "addresses", hub);
    buffer_add_text(body, "}");
    return buffer_status(body, err);
}

/* The token is the answer; what to do with it is talk. */
static status tell(struct call *call, struct value answer, struct error *err) {
    if (call->json) {
        return call_write_json(call, answer, false, err);
    }
    const struct slice token = human_member(&call->arena, answer, "token");
    const struct value *addresses = value_get(answer, SLICE("addresses"));
    const bool is_whole = addresses != NULL && value_text(*addresses).count > 0;
    const struct value *expires = value_get(answer, SLICE("expires_at"));
    const struct slice until =
        human_moment(&call->arena, expires != NULL ? value_text(*expires) : SLICE(""));
    (void)fprintf(call->out, "%.*s\n", SLICE_ARGS(token));
    (void)fprintf(call->talk,
                  "It may be used %" PRId64 " time%s until %.*s UTC. On the device:\n"
                  "  ebb join TOKEN%s\n",
                  human_number(answer, "uses"), human_number(answer, "uses") == 1 ? "" : "s",
                  SLICE_ARGS(until), is_whole ? "" : " --hub HOST:PORT");
    return STATUS_OK;
}

static status run(struct call *call, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, BODY_BYTES_MAX);
    TRY(write_wish(call, &body, err));
    if (call->dry_run) {
        (void)fprintf(call->talk, "would make a token\n");
        return STATUS_OK;
    }
    const struct daemon_request request = {
        .method = "POST", .path = SLICE("/v1/tokens"), .body = buffer_slice(&body)};
    TRY(daemon_ask(call, &request, &answer, err));
    return tell(call, answer, err);
}

static const struct command_option OPTIONS[] = {
    {"uses", "N", "how many devices may join by it (1)"},
    {"ttl", "SPAN", "how long it may be used: 30m, 1h, 7d (1h)"},
    {"label", "NAME=VALUE", "a label of the devices that join by it; may stand several times"},
    {"name", "NAME", "what they are called; further ones NAME-2, NAME-3"},
    {"device", "DEVICE", "for a device that is known: a new card, or after a revocation"},
    {"hub", "HOST:PORT", "where devices reach the hub, if it does not know that itself"},
    {0}};

const struct command cmd_hub_token_new = {
    .noun = "hub token",
    .verb = "new",
    .summary = "Make a token by which a device joins the hub",
    .details =
        "It is shown once: the hub keeps only what checks it. Give it to one person, over a\n"
        "line that others do not read; a token that comes a second time with another key is\n"
        "refused and raises an alarm (`ebb hub alarm list`).\n",
    .example = "ebb hub token new --name line-3 --label hall=b\n"
               "ebb hub token new --uses 40 --ttl 7d --label site=bremen",
    .options = OPTIONS,
    .asks_hub = true,
    .dry_run = true,
    .run = run};
