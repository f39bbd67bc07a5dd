// SPDX-License-Identifier: Apache-2.0
#include "platform/http_headers.h"

#include "platform/secret.h"

/* What would end the line, and begin another. */
static bool is_line(struct slice text) {
    for (size_t i = 0; i < text.count; i++) {
        const unsigned char c = (unsigned char)text.bytes[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static status add_secret(struct buffer *line, struct slice name, struct error *err) {
    TRY(secret_read(name, line, err));
    return is_line(buffer_slice(line))
               ? STATUS_OK
               : fail(err, STATUS_INVALID, "secret '%.*s' is more than one line of text",
                      SLICE_ARGS(name));
}

status http_headers_add(struct http_headers *headers, struct slice text, struct slice secret,
                        struct error *err) {
    if (headers->count == HTTP_HEADERS_MAX) {
        return fail(err, STATUS_FULL, "a request has at most %d headers", HTTP_HEADERS_MAX);
    }
    struct buffer *line = &headers->lines[headers->count];
    buffer_init(line, HTTP_HEADER_BYTES_MAX);
    buffer_add(line, text);
    headers->count++;
    if (secret.count > 0) {
        TRY(add_secret(line, secret, err));
    }
    buffer_add_byte(line, 0);
    TRY(buffer_status(line, err));
    headers->list[headers->count - 1] = line->bytes;
    return STATUS_OK;
}

void http_headers_done(struct http_headers *headers) {
    for (uint32_t i = 0; i < headers->count; i++) {
        secret_forget(&headers->lines[i]);
    }
    headers->count = 0;
}
