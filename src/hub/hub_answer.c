// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_answer.h"

#include <stdio.h>

#include "base/log.h"
#include "platform/hash.h"
#include "platform/http_error.h"

enum {
    NOT_MODIFIED = 304,
    INTERNAL_ERROR = 500,
    ETAG_BYTES = 24,
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

void hub_answer_outside(struct http_request *request, const struct error *err) {
    struct error said = *err;
    if (err->code == STATUS_FULL) {
        (void)fail(&said, err->code, "the hub's disk is full");
    } else if (http_error_code(err->code) == INTERNAL_ERROR) {
        if (err->code != STATUS_SYSTEM) { /* of a disk that fails, hub/ingest says so once */
            log_line(LOG_ERROR, "hub", "%s", err->text);
        }
        (void)fail(&said, err->code, "the hub cannot keep this now, and says why in its log");
    }
    hub_answer_error(request, &said);
}

/* Says which answer this is; true: who asks has it. */
static bool tag(struct http_request *request, const struct buffer *json) {
    char etag[ETAG_BYTES];
    (void)snprintf(etag, sizeof(etag), "\"%016llx\"",
                   (unsigned long long)hash_64(buffer_slice(json), SLICE("")));
    http_answer_header(request, "ETag", etag);
    return slice_is(slice_of(http_header(request, "If-None-Match")), etag);
}

void hub_answer_json(struct http_request *request, int code, const struct buffer *json) {
    struct error err;
    if (buffer_status(json, &err) != STATUS_OK) {
        (void)fail_while(&err, "write the answer");
        hub_answer_error_as(request, INTERNAL_ERROR, &err);
        return;
    }
    const bool is_same = code == 200 && slice_is(request->method, "GET") && tag(request, json);
    if (is_same) {
        http_answer(request, NOT_MODIFIED, NULL, SLICE(""));
    } else {
        http_answer(request, code, "application/json", buffer_slice(json));
    }
}

int64_t hub_answer_spread_ms(const struct contacts *contacts) {
    const int64_t spread_ms = (int64_t)contacts_count(contacts) * SPREAD_MS_A_DEVICE;
    return spread_ms > SPREAD_MS_LEAST ? spread_ms : SPREAD_MS_LEAST;
}
