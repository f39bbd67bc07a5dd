// SPDX-License-Identifier: Apache-2.0
#include "platform/http_error.h"

#include "platform/json.h"

enum { ANSWER_BYTES_MAX = 64 << 10 };

int http_error_code(status code) {
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
    case STATUS_TIMEOUT:
        return 504;
    case STATUS_FULL:
        return 507;
    default:
        return 500;
    }
}

void http_error_write(const struct error *err, struct buffer *out) {
    buffer_print(out, "{\"error\":{\"class\":\"%s\",\"text\":", status_name(err->code));
    json_write_text(out, slice_of(err->text));
    buffer_add_text(out, "}}\n");
}

void http_error_answer_as(struct http_request *request, int code, const struct error *err) {
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, ANSWER_BYTES_MAX);
    http_error_write(err, &json);
    http_answer(request, code, "application/json", buffer_slice(&json));
}

void http_error_answer(struct http_request *request, const struct error *err) {
    http_error_answer_as(request, http_error_code(err->code), err);
}
