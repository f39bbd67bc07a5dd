// SPDX-License-Identifier: Apache-2.0
/*
 * Each result is the body of a POST, or with a batch a list of some is; 2xx says that they arrived.
 * One request is under way at a time. A list that is refused for what is in it is sent again one by
 * one, so that it shows which result it was.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "carriers/carrier.h"
#include "platform/hash.h"
#include "platform/http_client.h"
#include "platform/http_headers.h"
#include "platform/secret.h"

enum { TIMEOUT_MS = 30 * 1000, ANSWER_BYTES_MAX = 64 << 10, QUOTE_BYTES_MAX = 160 };
enum { LIST_BYTES_MAX = 16 << 20, KEY_BYTES_MAX = 128 };

struct carrier {
    struct carrier_options options;
    struct http_client *client; /* owned */
    struct timer *later;        /* owned; for what failed before it was asked */
    struct error held;
    struct buffer list; /* a body of several */
    uint32_t sent;      /* results in the body that is under way */
    uint32_t alone;     /* so many are still to be sent one by one */
};

static status add_line(struct http_headers *headers, struct slice name, struct slice value,
                       struct slice secret, struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, HTTP_HEADER_BYTES_MAX);
    buffer_print(&text, "%.*s: %.*s", SLICE_ARGS(name), SLICE_ARGS(value));
    TRY(buffer_status(&text, err));
    return http_headers_add(headers, buffer_slice(&text), secret, err);
}

static status add_signature(struct http_headers *headers, struct slice secret, struct slice body,
                            struct error *err) {
    CLEANUP(secret_forget) struct buffer key;
    buffer_init(&key, SECRET_BYTES_MAX);
    TRY(secret_read(secret, &key, err));
    char value[sizeof "sha256=" + HASH_SHA256_HEX_BYTES] = "sha256=";
    hash_hmac_sha256(buffer_slice(&key), body, value + strlen(value));
    return add_line(headers, SLICE("Ebb-Signature"), slice_of(value), (struct slice){0}, err);
}

static status add_headers(struct http_headers *headers, const struct webhook *hook,
                          struct slice key, struct slice body, struct error *err) {
    const struct slice none = {0};
    for (uint32_t i = 0; i < hook->header_count; i++) {
        const struct webhook_header *header = &hook->headers[i];
        TRY(add_line(headers, header->name, header->is_secret ? none : header->value,
                     header->is_secret ? header->value : none, err));
    }
    TRY(add_line(headers, SLICE("Idempotency-Key"), key, none, err));
    return hook->sign.count > 0 ? add_signature(headers, hook->sign, body, err) : STATUS_OK;
}

static void quote(struct slice bytes, struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 3 * QUOTE_BYTES_MAX + 1);
    (void)text_repair(&text, text_cut(bytes, QUOTE_BYTES_MAX)); /* for people */
    for (size_t i = 0; i < text.count; i++) {
        text.bytes[i] = (unsigned char)text.bytes[i] < ' ' ? ' ' : text.bytes[i];
    }
    const size_t count = strlen(err->text);
    (void)snprintf(err->text + count, sizeof(err->text) - count, ": %.*s",
                   SLICE_ARGS(buffer_slice(&text)));
}

/* What is wrong is the body, and no later time would make it right. */
static bool is_refusal(int code) {
    return code == 400 || code == 413 || code == 415 || code == 422;
}

static void judge_answer(struct carrier *carrier, const struct http_answer *answer,
                         struct carrier_report *report) {
    if (answer->code >= 200 && answer->code < 300) {
        report->arrived = carrier->sent;
        return;
    }
    if (is_refusal(answer->code) && carrier->sent > 1) {
        carrier->alone = carrier->sent;
        return;
    }
    report->refused = is_refusal(answer->code);
    (void)fail(&report->error, STATUS_BUSY, "it answered %d", answer->code);
    if (answer->body.count > 0) {
        quote(answer->body, &report->error);
    }
}

static void take_answer(void *owner, const struct http_answer *answer) {
    struct carrier *carrier = owner;
    struct carrier_report report = {.error = answer->error,
                                    .retry_after_ms = answer->retry_after_ms};
    if (answer->error.code == STATUS_OK) {
        judge_answer(carrier, answer, &report);
    }
    carrier->alone -= report.arrived < carrier->alone ? report.arrived : carrier->alone;
    carrier->options.reported(carrier->options.owner, &report);
}

/* How many go together. */
static uint32_t count_together(const struct carrier *carrier, const struct parcel *parcels,
                               uint32_t count) {
    const uint32_t most = carrier->alone > 0 ? 1 : carrier->options.batch;
    size_t bytes = 0;
    uint32_t together = 0;
    while (together < count && together < most &&
           bytes + parcels[together].line.count < LIST_BYTES_MAX / 2) {
        bytes += parcels[together++].line.count;
    }
    return together > 0 ? together : 1;
}

static status write_list(struct carrier *carrier, const struct parcel *parcels, struct error *err) {
    buffer_clear(&carrier->list);
    for (uint32_t i = 0; i < carrier->sent; i++) {
        buffer_add_byte(&carrier->list, i == 0 ? '[' : ',');
        buffer_add(&carrier->list, parcels[i].line);
    }
    buffer_add_byte(&carrier->list, ']');
    return buffer_status(&carrier->list, err);
}

static status ask(struct carrier *carrier, const struct parcel *parcels, uint32_t count,
                  struct error *err) {
    const struct webhook *hook = carrier->options.hook;
    CLEANUP(http_headers_done) struct http_headers headers = {0};
    struct slice body = parcels[0].line;
    carrier->sent = count_together(carrier, parcels, count);
    if (carrier->options.batch > 0) {
        TRY(write_list(carrier, parcels, err));
        body = buffer_slice(&carrier->list);
    }
    CLEANUP(buffer_done) struct buffer key;
    buffer_init(&key, KEY_BYTES_MAX);
    buffer_add(&key, parcels[0].id);
    if (carrier->options.batch > 0) {
        buffer_print(&key, "+%u", carrier->sent);
    }
    TRY(buffer_status(&key, err));
    TRY(add_headers(&headers, hook, buffer_slice(&key), body, err));
    const struct http_question question = {.method = "POST",
                                           .path = hook->url,
                                           .body = body,
                                           .timeout_ms = TIMEOUT_MS,
                                           .headers = headers.list};
    const struct http_asker asker = {
        .answered = take_answer, .owner = carrier, .answer_bytes_max = ANSWER_BYTES_MAX};
    struct http_exchange *exchange = NULL; /* ended by its answer, or with the client */
    return http_client_ask(carrier->client, &question, &asker, &exchange, err);
}

static void report_held(void *owner) {
    struct carrier *carrier = owner;
    const struct carrier_report report = {.error = carrier->held};
    carrier->options.reported(carrier->options.owner, &report);
}

static void webhook_send(struct carrier *carrier, const struct parcel *parcels, uint32_t count) {
    /* What does not go into this body is sent when it has arrived. */
    if (ask(carrier, parcels, count, &carrier->held) != STATUS_OK) {
        timer_set(carrier->later, 0);
    }
}

static void webhook_close(struct carrier *carrier) {
    if (carrier != NULL) {
        http_client_destroy(carrier->client);
        timer_close(carrier->later);
        buffer_done(&carrier->list);
        memory_free(carrier);
    }
}

static status webhook_open(const struct carrier_options *options, struct carrier **out_carrier,
                           struct error *err) {
    struct carrier *carrier = memory_new(1, sizeof *carrier);
    if (carrier == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a webhook");
    }
    carrier->options = *options;
    buffer_init(&carrier->list, LIST_BYTES_MAX);
    status code = timer_open(options->loop, report_held, carrier, &carrier->later, err);
    if (code == STATUS_OK) {
        code = http_client_create(options->loop, &carrier->client, err);
    }
    if (code != STATUS_OK) {
        webhook_close(carrier);
        return code;
    }
    *out_carrier = carrier;
    return STATUS_OK;
}

const struct carrier_kind WEBHOOK_CARRIER = {
    .name = "webhook", .open = webhook_open, .send = webhook_send, .close = webhook_close};
