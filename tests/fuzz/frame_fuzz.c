// SPDX-License-Identifier: Apache-2.0
/* A frame is opened or refused with a sentence, whatever came over the wire; and so is what lies
 * behind the compression, which is reached by compressing the input first. What is opened is
 * written again to the same bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform/compress.h"
#include "sync/frame.h"
#include "sync/ranges.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { COUNT_BYTES = 4 };

static struct frame_reader *reader;
static struct frame_writer *writer;
static struct compressor *compressor;
static struct decompressor *decompressor;
static struct buffer wire, again, plain;

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void set_up(void) {
    if (reader == NULL) {
        buffer_init(&wire, FRAME_WIRE_BYTES_MAX);
        buffer_init(&again, FRAME_WIRE_BYTES_MAX);
        buffer_init(&plain, FRAME_PLAIN_BYTES_MAX);
        need(frame_reader_create(&reader, NULL) == STATUS_OK);
        need(frame_writer_create(&writer, NULL) == STATUS_OK);
        need(compressor_create(&compressor, NULL) == STATUS_OK);
        need(decompressor_create(&decompressor, NULL) == STATUS_OK);
    }
}

static void check_items(const struct frame *frame) {
    uint64_t seq = frame->first;
    need(frame->count > 0 && frame->count <= FRAME_ITEMS_MAX && frame->first > 0);
    for (int i = 0; i < frame->count; i++) {
        const struct frame_item *item = &frame->items[i];
        need(item->seq == seq && item->last_seq >= seq && item->last_seq <= RANGE_SEQ_MAX);
        need(item->is_gap ? !id_is_zero(item->chain) : item->last_seq == seq);
        seq = item->last_seq + 1;
    }
    need(seq == frame->last + 1);
}

/* The last item's chain value is the frame's, as the receiver makes sure. */
static void check_again(struct frame *frame, struct slice was) {
    struct frame_item *last = &frame->items[frame->count - 1];
    if (last->is_gap && !id_equal(last->chain, frame->chain_out)) {
        return;
    }
    last->chain = frame->chain_out;
    frame_begin(writer, frame->first, frame->chain_in, 1);
    for (int i = 0; i < frame->count; i++) {
        need(frame_add(writer, &frame->items[i]));
    }
    buffer_clear(&again);
    buffer_clear(&plain);
    need(frame_end(writer, &again, NULL) == STATUS_OK);
    need(decompressor_add(decompressor, slice_part(buffer_slice(&again), COUNT_BYTES, again.count),
                          FRAME_PLAIN_BYTES_MAX, &plain, NULL) == STATUS_OK);
    need(slice_equal(buffer_slice(&plain), was));
}

/* As it came. */
static void open_bytes(struct slice input) {
    struct frame frame;
    struct error err = {.text = ""};
    size_t count = 0;
    if (frame_find(input, &count, &err) != STATUS_OK) {
        need(err.code == STATUS_CORRUPT && err.text[0] != '\0' && count == 0);
        return;
    }
    need(count <= input.count);
    if (frame_open(reader, input, &frame, &err) == STATUS_OK) {
        check_items(&frame);
    } else {
        need(err.code == STATUS_CORRUPT && err.text[0] != '\0');
    }
}

/* As what lies behind the compression. */
static void open_plain(struct slice input) {
    struct frame frame;
    struct error err = {.text = ""};
    buffer_clear(&wire);
    buffer_add_u32(&wire, 0);
    need(compressor_add(compressor, 1, input, &wire, NULL) == STATUS_OK);
    if (frame_open(reader, buffer_slice(&wire), &frame, &err) == STATUS_OK) {
        check_items(&frame);
        check_again(&frame, input);
    } else {
        need(err.code == STATUS_CORRUPT && err.text[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const struct slice input = {.bytes = (const char *)bytes, .count = count};
    set_up();
    open_bytes(input);
    open_plain(input);
    return 0;
}
