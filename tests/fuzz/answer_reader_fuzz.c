// SPDX-License-Identifier: Apache-2.0
/* However its bytes come cut, an answer is the same answer or a refusal, and nothing of it is too
 * large. The first byte says how they are cut and what was asked. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform/answer_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { BODY_BYTES_MAX = 5000 };

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

/* Reads it in pieces; `out_left` is what does not belong to it. */
static status read_in_pieces(struct answer_reader *reader, bool connecting, struct slice text,
                             size_t piece_bytes, size_t *out_left) {
    struct error error = {0};
    answer_reader_begin(reader, connecting);
    *out_left = text.count;
    while (*out_left > 0 && !answer_reader_is_whole(reader)) {
        const size_t from = text.count - *out_left;
        const struct slice whole = slice_part(text, from, from + piece_bytes);
        char *copy = malloc(whole.count); /* of its own size, so that a step beyond it is seen */
        need(copy != NULL);
        memcpy(copy, whole.bytes, whole.count);
        struct slice piece = {.bytes = copy, .count = whole.count};
        const status code = answer_reader_take(reader, &piece, &error);
        *out_left -= whole.count - piece.count;
        free(copy);
        if (code != STATUS_OK) {
            need(code == STATUS_CORRUPT || code == STATUS_FULL);
            need(error.code == code && error.text[0] != '\0');
            return code;
        }
        need(piece.count == 0 || answer_reader_is_whole(reader));
    }
    return STATUS_OK;
}

static void check(const struct answer_reader *reader) {
    need(reader->body.count <= BODY_BYTES_MAX && reader->body.room <= BODY_BYTES_MAX);
    need(reader->line.room <= ANSWER_HEAD_BYTES_MAX);
    need(reader->retry_after_ms >= 0);
    if (answer_reader_is_whole(reader)) {
        need(reader->code >= 200 && reader->code <= 599);
        need(!reader->connecting || reader->body.count == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    if (count < 1) {
        return 0;
    }
    const bool connecting = (bytes[0] & 1) != 0;
    const size_t piece_bytes = (size_t)(bytes[0] >> 1) + 1;
    const struct slice text = {.bytes = (const char *)bytes + 1, .count = count - 1};
    struct answer_reader whole;
    struct answer_reader cut;
    size_t whole_left = 0;
    size_t cut_left = 0;
    answer_reader_init(&whole, BODY_BYTES_MAX);
    answer_reader_init(&cut, BODY_BYTES_MAX);
    const status code = read_in_pieces(&whole, connecting, text, SIZE_MAX / 2, &whole_left);
    const status again = read_in_pieces(&cut, connecting, text, piece_bytes, &cut_left);
    check(&whole);
    check(&cut);
    /* A head that is too long and wrong as well may be refused for either. */
    need((code == STATUS_OK) == (again == STATUS_OK));
    if (code == STATUS_OK) {
        need(answer_reader_is_whole(&whole) == answer_reader_is_whole(&cut));
        need(whole_left == cut_left && whole.code == cut.code && whole.closes == cut.closes);
        need(whole.retry_after_ms == cut.retry_after_ms);
        need(slice_equal(buffer_slice(&whole.body), buffer_slice(&cut.body)));
    }
    answer_reader_done(&whole);
    answer_reader_done(&cut);
    return 0;
}
