// SPDX-License-Identifier: Apache-2.0
#include "platform/request_writer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK_FRAME_BYTES = 16 };

static const char BODY_END[] = "0\r\n\r\n";

static void empty_head(struct request_writer *writer) {
    if (writer->head.bytes != NULL) {
        explicit_bzero(writer->head.bytes, writer->head.room);
    }
    buffer_done(&writer->head);
    buffer_init(&writer->head, REQUEST_HEAD_BYTES_MAX);
    writer->head_sent = 0;
}

/* An idle connection holds no room for what is not there. */
static void empty_body(struct request_writer *writer) {
    const size_t count_max = writer->body.count_max;
    buffer_done(&writer->body);
    buffer_init(&writer->body, count_max);
    writer->body_sent = 0;
}

void request_writer_init(struct request_writer *writer, size_t body_bytes_max) {
    *writer = (struct request_writer){0};
    buffer_init(&writer->head, REQUEST_HEAD_BYTES_MAX);
    buffer_init(&writer->body, body_bytes_max);
}

void request_writer_clear(struct request_writer *writer) {
    empty_head(writer);
    empty_body(writer);
    writer->kind = REQUEST_NO_BODY;
    writer->body_ends = false;
    writer->head_is_out = false;
}

void request_writer_done(struct request_writer *writer) {
    request_writer_clear(writer);
    buffer_done(&writer->head);
    buffer_done(&writer->body);
}

static struct slice head_left(const struct request_writer *writer) {
    return slice_part(buffer_slice(&writer->head), writer->head_sent, writer->head.count);
}

static struct slice body_left(const struct request_writer *writer) {
    return slice_part(buffer_slice(&writer->body), writer->body_sent, writer->body.count);
}

/* --- what is asked --- */

static bool is_path(struct slice path) {
    for (size_t i = 0; i < path.count; i++) {
        if (path.bytes[i] <= ' ' || path.bytes[i] > '~') {
            return false;
        }
    }
    return path.count > 0 && path.count <= REQUEST_PATH_BYTES_MAX && path.bytes[0] == '/';
}

/* Behind what waits of the request before, which is at most the end of its body. */
static status write_head(struct request_writer *writer, const struct request_head *head,
                         enum request_body kind, size_t length, struct error *err) {
    const size_t before = writer->head.count;
    assert(writer->kind == REQUEST_NO_BODY);
    if (!is_path(head->path)) {
        return fail(err, STATUS_INVALID,
                    "a request's path begins with / and has at most %d letters",
                    REQUEST_PATH_BYTES_MAX);
    }
    buffer_print(&writer->head, "%s %.*s HTTP/1.1\r\nHost: %s\r\n", head->method,
                 SLICE_ARGS(head->path), head->host);
    if (head->type != NULL) {
        buffer_print(&writer->head, "Content-Type: %s\r\n", head->type);
    }
    if (kind == REQUEST_CHUNKED) {
        buffer_add_text(&writer->head, "Transfer-Encoding: chunked\r\n");
    } else if (head->type != NULL) {
        buffer_print(&writer->head, "Content-Length: %zu\r\n", length);
    }
    buffer_add_text(&writer->head, "\r\n");
    const status code = buffer_status(&writer->head, err);
    if (code != STATUS_OK) {
        writer->head.count = before;
        writer->head.failed = STATUS_OK;
        return code;
    }
    writer->head_is_out = false;
    return STATUS_OK;
}

status request_writer_ask(struct request_writer *writer, const struct request_head *head,
                          struct slice body, struct error *err) {
    buffer_add(&writer->body, body);
    status code = buffer_status(&writer->body, err);
    if (code == STATUS_OK) {
        code = write_head(writer, head, REQUEST_WHOLE, body.count, err);
    }
    if (code != STATUS_OK) {
        empty_body(writer);
        return code;
    }
    writer->kind = body.count > 0 ? REQUEST_WHOLE : REQUEST_NO_BODY;
    writer->body_ends = body.count > 0;
    return STATUS_OK;
}

status request_writer_begin(struct request_writer *writer, const struct request_head *head,
                            struct error *err) {
    TRY(write_head(writer, head, REQUEST_CHUNKED, 0, err));
    writer->kind = REQUEST_CHUNKED;
    writer->body_ends = false;
    return STATUS_OK;
}

status request_writer_connect(struct request_writer *writer, const char *host, const char *login,
                              struct error *err) {
    request_writer_clear(writer);
    /* Reserved at once: what grows leaves copies of the password. */
    (void)buffer_reserve(&writer->head, REQUEST_PATH_BYTES_MAX);
    buffer_print(&writer->head, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", host, host);
    if (login[0] != '\0') {
        buffer_print(&writer->head, "Proxy-Authorization: Basic %s\r\n", login);
    }
    buffer_add_text(&writer->head, "\r\n");
    return buffer_status(&writer->head, err);
}

/* The end of a chunked body stands in `head`, where the next request may follow it. */
static void end_body_if_given(struct request_writer *writer) {
    if (writer->body_ends && body_left(writer).count == 0) {
        if (writer->kind == REQUEST_CHUNKED) {
            buffer_add_text(&writer->head, BODY_END);
        }
        writer->kind = REQUEST_NO_BODY;
        writer->body_ends = false;
    }
}

status request_writer_add(struct request_writer *writer, struct slice piece, struct error *err) {
    if (writer->kind != REQUEST_CHUNKED || writer->body_ends) {
        return fail(err, STATUS_CONFLICT, "no body is open that a piece could be added to");
    }
    if (writer->body_sent > 0 && piece.count > writer->body.room - writer->body.count) {
        buffer_drop(&writer->body, writer->body_sent); /* rather than grow */
        writer->body_sent = 0;
    }
    buffer_add(&writer->body, piece);
    const status code = buffer_status(&writer->body, err);
    writer->body.failed = STATUS_OK;
    return code;
}

void request_writer_end(struct request_writer *writer) {
    if (writer->kind == REQUEST_CHUNKED) {
        writer->body_ends = true;
        end_body_if_given(writer);
    }
}

bool request_writer_cut(struct request_writer *writer) {
    const bool cut = writer->kind == REQUEST_CHUNKED;
    const bool can_follow = writer->head_is_out && writer->kind != REQUEST_WHOLE;
    empty_body(writer);
    writer->kind = REQUEST_NO_BODY;
    writer->body_ends = false;
    if (cut) {
        buffer_add_text(&writer->head, BODY_END);
    }
    return can_follow && writer->head.failed == STATUS_OK;
}

/* --- what is given out --- */

bool request_writer_is_open(const struct request_writer *writer) {
    return writer->kind != REQUEST_NO_BODY;
}

bool request_writer_has_more(const struct request_writer *writer) {
    return head_left(writer).count > 0 || body_left(writer).count > 0;
}

size_t request_writer_waiting(const struct request_writer *writer) {
    return body_left(writer).count;
}

static size_t move(char *room, struct slice from, size_t bytes_max) {
    const size_t count = from.count < bytes_max ? from.count : bytes_max;
    if (count > 0) {
        memcpy(room, from.bytes, count);
    }
    return count;
}

/* Of the body what fits, as a chunk of its own if it is chunked. */
static size_t fill_body(struct request_writer *writer, char *room, size_t bytes_max,
                        size_t *out_body_bytes) {
    const bool chunked = writer->kind == REQUEST_CHUNKED;
    const size_t frame = chunked ? CHUNK_FRAME_BYTES : 0;
    const struct slice left = body_left(writer);
    if (left.count == 0 || bytes_max <= frame) {
        return 0;
    }
    const size_t fits = left.count < bytes_max - frame ? left.count : bytes_max - frame;
    size_t count = chunked ? (size_t)snprintf(room, CHUNK_FRAME_BYTES, "%zx\r\n", fits) : 0;
    count += move(room + count, left, fits);
    if (chunked) {
        memcpy(room + count, "\r\n", 2);
        count += 2;
    }
    writer->body_sent += fits;
    if (body_left(writer).count == 0) {
        empty_body(writer);
    }
    *out_body_bytes = fits;
    return count;
}

size_t request_writer_fill(struct request_writer *writer, char *room, size_t bytes_max,
                           size_t *out_body_bytes) {
    assert(bytes_max >= REQUEST_RECORD_BYTES_LEAST);
    *out_body_bytes = 0;
    size_t count = move(room, head_left(writer), bytes_max);
    writer->head_sent += count;
    if (head_left(writer).count == 0) {
        empty_head(writer);
        writer->head_is_out = true;
        count += fill_body(writer, room + count, bytes_max - count, out_body_bytes);
        end_body_if_given(writer);
    }
    return count;
}
