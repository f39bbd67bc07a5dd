// SPDX-License-Identifier: Apache-2.0
#include "platform/answer_reader.h"

#include <strings.h>

enum {
    CODE_LEAST = 100,
    CODE_MOST = 599,
    CODE_SUCCESS = 200,
    CODE_NO_CONTENT = 204,
    CODE_REDIRECT = 300,
    CODE_NOT_MODIFIED = 304,
    CODE_SWITCHING = 101,
    LENGTH_DIGITS_MAX = 15,
    CHUNK_DIGITS_MAX = 8,
    RETRY_DIGITS_MAX = 9,
    SHOWN_BYTES = 40, /* of a line that is refused */
    MS_PER_S = 1000
};

void answer_reader_init(struct answer_reader *reader, size_t body_bytes_max) {
    *reader = (struct answer_reader){.place = ANSWER_WHOLE};
    buffer_init(&reader->body, body_bytes_max);
    buffer_init(&reader->line, ANSWER_HEAD_BYTES_MAX);
}

void answer_reader_done(struct answer_reader *reader) {
    buffer_done(&reader->body);
    buffer_done(&reader->line);
}

void answer_reader_begin(struct answer_reader *reader, bool connecting) {
    const size_t body_bytes_max = reader->body.count_max;
    answer_reader_done(reader);
    answer_reader_init(reader, body_bytes_max);
    reader->place = ANSWER_STATUS_LINE;
    reader->connecting = connecting;
}

bool answer_reader_is_whole(const struct answer_reader *reader) {
    return reader->place == ANSWER_WHOLE;
}

/* --- numbers and words --- */

/* The value of a digit, 16 for what is none in hexadecimal. */
static unsigned digit(char letter) {
    if (letter >= '0' && letter <= '9') {
        return (unsigned)(letter - '0');
    }
    const char low = (char)(letter | 0x20);
    return low >= 'a' && low <= 'f' ? (unsigned)(low - 'a') + 10 : 16;
}

/* Digits alone, one to `digits_max` of them. */
static bool read_number(struct slice text, unsigned base, size_t digits_max, uint64_t *out_number) {
    uint64_t number = 0;
    for (size_t i = 0; i < text.count; i++) {
        const unsigned value = digit(text.bytes[i]);
        if (value >= base) {
            return false;
        }
        number = number * base + value;
        if (i >= digits_max) {
            return false;
        }
    }
    *out_number = number;
    return text.count > 0;
}

static bool is_word(struct slice text, struct slice word) {
    return text.count == word.count && strncasecmp(text.bytes, word.bytes, word.count) == 0;
}

/* Whether one of the words between commas is this one. */
static bool has_word(struct slice list, struct slice word) {
    while (list.count > 0) {
        const size_t comma = slice_find(list, ',');
        if (is_word(slice_trim(slice_part(list, 0, comma)), word)) {
            return true;
        }
        list = slice_part(list, comma + 1, list.count);
    }
    return false;
}

static bool is_printable(struct slice line) {
    for (size_t i = 0; i < line.count; i++) {
        if ((unsigned char)line.bytes[i] < ' ' && line.bytes[i] != '\t') {
            return false;
        }
    }
    return true;
}

static status refuse(const char *what, struct slice line, struct error *err) {
    char shown[SHOWN_BYTES + 1];
    const size_t count = line.count < SHOWN_BYTES ? line.count : SHOWN_BYTES;
    for (size_t i = 0; i < count; i++) {
        shown[i] = line.bytes[i];
        if (shown[i] < ' ' || shown[i] > '~') {
            shown[i] = '?';
        }
    }
    shown[count] = '\0';
    return fail(err, STATUS_CORRUPT, "what came is no answer over HTTP/1.1: %s: '%s'", what, shown);
}

/* --- lines --- */

/* "HTTP/1.1 200 OK" */
static status take_status_line(struct answer_reader *reader, struct slice line, struct error *err) {
    uint64_t code = 0;
    const bool new = slice_starts(line, "HTTP/1.1 ");
    if ((!new && !slice_starts(line, "HTTP/1.0 ")) ||
        !read_number(slice_part(line, 9, 12), 10, 3, &code) || code < CODE_LEAST ||
        code > CODE_MOST || (line.count > 12 && line.bytes[12] != ' ')) {
        return refuse("its first line", line, err);
    }
    if (code == CODE_SWITCHING) {
        return refuse("nobody asked for another protocol", line, err);
    }
    reader->code = (int)code;
    reader->closes = !new;
    reader->place = ANSWER_HEADER;
    return STATUS_OK;
}

static status take_length(struct answer_reader *reader, struct slice value, struct error *err) {
    uint64_t length = 0;
    if (!read_number(value, 10, LENGTH_DIGITS_MAX, &length) ||
        (reader->has_length && reader->left_bytes != length)) {
        return refuse("its length", value, err);
    }
    reader->has_length = true;
    reader->left_bytes = length;
    return STATUS_OK;
}

static status take_encoding(struct answer_reader *reader, struct slice value, struct error *err) {
    if (!is_word(value, SLICE("chunked")) || reader->chunked) {
        return refuse("how its body is written", value, err);
    }
    reader->chunked = true;
    return STATUS_OK;
}

static status take_header(struct answer_reader *reader, struct slice line, struct error *err) {
    const size_t colon = slice_find(line, ':');
    const struct slice name = slice_part(line, 0, colon);
    const struct slice value = slice_trim(slice_part(line, colon + 1, line.count));
    /* A blank in or before a name is how one header is hidden in another. */
    if (colon == line.count || colon == 0 || slice_find(name, ' ') < colon ||
        slice_find(name, '\t') < colon) {
        return refuse("a header", line, err);
    }
    if (is_word(name, SLICE("Content-Length"))) {
        return take_length(reader, value, err);
    }
    if (is_word(name, SLICE("Transfer-Encoding"))) {
        return take_encoding(reader, value, err);
    }
    uint64_t seconds = 0;
    if (is_word(name, SLICE("Connection")) && has_word(value, SLICE("close"))) {
        reader->closes = true;
    } else if (is_word(name, SLICE("Retry-After")) &&
               read_number(value, 10, RETRY_DIGITS_MAX, &seconds)) {
        reader->retry_after_ms = (int64_t)seconds * MS_PER_S;
    }
    return STATUS_OK;
}

static status begin_body(struct answer_reader *reader, struct error *err) {
    const struct buffer *body = &reader->body;
    if (reader->has_length && reader->left_bytes > body->count_max) {
        return fail(err, STATUS_FULL, "the answer has more than %zu bytes", body->count_max);
    }
    reader->place = reader->left_bytes > 0 ? ANSWER_BODY : ANSWER_WHOLE;
    return STATUS_OK;
}

/* The empty line behind the head. */
static status end_head(struct answer_reader *reader, struct error *err) {
    if (reader->code < CODE_SUCCESS) {
        reader->retry_after_ms = 0;
        reader->has_length = false;
        reader->chunked = false;
        reader->place = ANSWER_STATUS_LINE;
        return STATUS_OK;
    }
    if (reader->connecting || reader->code == CODE_NO_CONTENT ||
        reader->code == CODE_NOT_MODIFIED) {
        reader->place = ANSWER_WHOLE;
        return STATUS_OK;
    }
    if (reader->chunked == reader->has_length) {
        return fail(err, STATUS_CORRUPT, "what came is no answer over HTTP/1.1: %s",
                    reader->chunked ? "it has a length and is chunked as well"
                                    : "it does not say where its body ends");
    }
    if (reader->chunked) {
        reader->place = ANSWER_CHUNK_SIZE;
        return STATUS_OK;
    }
    return begin_body(reader, err);
}

/* "1f40" or "1f40;name=value" */
static status take_chunk_size(struct answer_reader *reader, struct slice line, struct error *err) {
    const struct slice size = slice_trim(slice_part(line, 0, slice_find(line, ';')));
    if (!read_number(size, 16, CHUNK_DIGITS_MAX, &reader->left_bytes)) {
        return refuse("the size of a chunk", line, err);
    }
    if (reader->left_bytes > reader->body.count_max - reader->body.count) {
        return fail(err, STATUS_FULL, "the answer has more than %zu bytes", reader->body.count_max);
    }
    reader->place = reader->left_bytes > 0 ? ANSWER_CHUNK : ANSWER_TRAILER;
    return STATUS_OK;
}

static status take_line(struct answer_reader *reader, struct slice line, struct error *err) {
    if (!is_printable(line)) {
        return refuse("a line", line, err);
    }
    switch (reader->place) {
    case ANSWER_STATUS_LINE:
        return take_status_line(reader, line, err);
    case ANSWER_HEADER:
        return line.count > 0 ? take_header(reader, line, err) : end_head(reader, err);
    case ANSWER_CHUNK_SIZE:
        reader->head_bytes = 0; /* there may be many, and each is bounded */
        return take_chunk_size(reader, line, err);
    case ANSWER_CHUNK_END:
        reader->place = ANSWER_CHUNK_SIZE;
        return line.count == 0 ? STATUS_OK : refuse("the end of a chunk", line, err);
    default:
        reader->place = line.count == 0 ? ANSWER_WHOLE : ANSWER_TRAILER;
        return STATUS_OK;
    }
}

/* --- bytes --- */

static status take_body(struct answer_reader *reader, struct slice *bytes, struct error *err) {
    const size_t count = bytes->count < reader->left_bytes ? bytes->count : reader->left_bytes;
    buffer_add(&reader->body, slice_part(*bytes, 0, count));
    TRY(buffer_status(&reader->body, err));
    *bytes = slice_part(*bytes, count, bytes->count);
    reader->left_bytes -= count;
    if (reader->left_bytes == 0) {
        reader->place = reader->place == ANSWER_CHUNK ? ANSWER_CHUNK_END : ANSWER_WHOLE;
    }
    return STATUS_OK;
}

static status take_line_bytes(struct answer_reader *reader, struct slice *bytes,
                              struct error *err) {
    const size_t end = slice_find(*bytes, '\n');
    const size_t count = end < bytes->count ? end + 1 : end;
    if (count > ANSWER_HEAD_BYTES_MAX - reader->head_bytes) {
        return fail(err, STATUS_FULL, "the answer's head has more than %d bytes",
                    ANSWER_HEAD_BYTES_MAX);
    }
    reader->head_bytes += count;
    buffer_add(&reader->line, slice_part(*bytes, 0, count));
    TRY(buffer_status(&reader->line, err));
    *bytes = slice_part(*bytes, count, bytes->count);
    const struct slice line = buffer_slice(&reader->line);
    if (!slice_ends(line, "\n")) {
        return STATUS_OK;
    }
    if (!slice_ends(line, "\r\n")) {
        return refuse("a line's end", line, err);
    }
    TRY(take_line(reader, slice_part(line, 0, line.count - 2), err));
    buffer_clear(&reader->line);
    return STATUS_OK;
}

status answer_reader_take(struct answer_reader *reader, struct slice *bytes, struct error *err) {
    while (bytes->count > 0 && reader->place != ANSWER_WHOLE) {
        const bool in_body = reader->place == ANSWER_BODY || reader->place == ANSWER_CHUNK;
        TRY(in_body ? take_body(reader, bytes, err) : take_line_bytes(reader, bytes, err));
    }
    return STATUS_OK;
}
