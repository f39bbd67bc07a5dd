// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_answer.h"

#include "platform/json.h"

enum {
    AGAIN_S = 5,
    SPREAD_MS_A_DEVICE = 5, /* 200 handshakes a second */
    SPREAD_MS_LEAST = 1000,
    ERROR_JSON_BYTES_MAX = 8 << 10
};

static int http_code(status code) {
    switch (code) {
    case STATUS_OK:
        return 200;
    case STATUS_INVALID:
        return 400;
    case STATUS_NOT_FOUND:
        return 404;
    case STATUS_CONFLICT:
        return 409;
    case STATUS_DENIED:
        return 403;
    case STATUS_BUSY:
    case STATUS_OFFLINE:
        return 503;
    case STATUS_FULL:
        return 507;
    default:
        return 500;
    }
}

void hub_answer_error_as(struct http_request *request, int code, const struct error *err) {
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, ERROR_JSON_BYTES_MAX);
    buffer_print(&json, "{\"error\":{\"class\":\"%s\",\"text\":", status_name(err->code));
    json_write_text(&json, slice_of(err->text));
    buffer_add_text(&json, "}}\n");
    if (code == 503 || code == 507) {
        http_retry_after(request, AGAIN_S);
    }
    http_answer(request, code, "application/json", buffer_slice(&json));
}

void hub_answer_error(struct http_request *request, const struct error *err) {
    hub_answer_error_as(request, http_code(err->code), err);
}

void hub_answer_json(struct http_request *request, int code, const struct buffer *json) {
    struct error err;
    if (buffer_status(json, &err) != STATUS_OK) {
        (void)fail_while(&err, "write the answer");
        hub_answer_error_as(request, 500, &err);
        return;
    }
    http_answer(request, code, "application/json", buffer_slice(json));
}

int64_t hub_answer_spread_ms(const struct contacts *contacts) {
    const int64_t spread_ms = (int64_t)contacts_count(contacts) * SPREAD_MS_A_DEVICE;
    return spread_ms > SPREAD_MS_LEAST ? spread_ms : SPREAD_MS_LEAST;
}
