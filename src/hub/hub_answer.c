// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_answer.h"

#include "platform/http_error.h"

enum {
    AGAIN_S = 5,
    SPREAD_MS_A_DEVICE = 5, /* 200 handshakes a second */
    SPREAD_MS_LEAST = 1000
};

void hub_answer_error_as(struct http_request *request, int code, const struct error *err) {
    if (code == 503 || code == 507) {
        http_retry_after(request, AGAIN_S);
    }
    http_error_answer_as(request, code, err);
}

void hub_answer_error(struct http_request *request, const struct error *err) {
    hub_answer_error_as(request, http_error_code(err->code), err);
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
