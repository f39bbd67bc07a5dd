// SPDX-License-Identifier: Apache-2.0
#include "sync/frame.h"

#include <assert.h>
#include <string.h>

#include "base/little_endian.h"
#include "base/memory.h"
#include "platform/compress.h"
#include "sync/ranges.h"

enum { COUNT_BYTES = 4, VERSION = 1 };
/* The head: version, first, last, chain_in, chain_out. */
enum { AT_FIRST = 1, AT_LAST = 9, AT_CHAIN_IN = 17, AT_CHAIN_OUT = 33 };
enum { HAS_FIRST_ID = 1, IS_GAP = 2 };
enum { NUMBER_BITS_MAX = 42 };

struct frame_writer {
    struct compressor *compressor;
    struct buffer plain;
    int level;
    int count;
    uint64_t next; /* behind the last item */
    struct id chain;
};

struct frame_reader {
    struct decompressor *decompressor;
    struct buffer plain;
    struct frame_item items[FRAME_ITEMS_MAX];
};

/* --- numbers --------------------------------------------------------------------------------- */

static size_t number_bytes(uint64_t number) {
    size_t bytes = 1;
    while (number >= 0x80) {
        number >>= 7;
        bytes++;
    }
    return bytes;
}

static void add_id(struct buffer *out, const struct id *id) {
    buffer_add(out, id_slice(id));
}

/* --- writing --------------------------------------------------------------------------------- */

status frame_writer_create(struct frame_writer **out_writer, struct error *err) {
    struct frame_writer *writer = memory_new(1, sizeof(*writer));
    if (writer == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to write frames");
    }
    buffer_init(&writer->plain, FRAME_PLAIN_BYTES_MAX);
    const status created = compressor_create(&writer->compressor, err);
    if (created != STATUS_OK) {
        frame_writer_destroy(writer);
        return created;
    }
    *out_writer = writer;
    return STATUS_OK;
}

void frame_writer_destroy(struct frame_writer *writer) {
    if (writer != NULL) {
        compressor_destroy(writer->compressor);
        buffer_done(&writer->plain);
        memory_free(writer);
    }
}

void frame_begin(struct frame_writer *writer, uint64_t first, struct id chain_in, int level) {
    assert(first >= 1 && first <= RANGE_SEQ_MAX);
    writer->level = level;
    writer->count = 0;
    writer->next = first;
    writer->chain = chain_in;
    buffer_clear(&writer->plain);
    char *head = buffer_reserve(&writer->plain, FRAME_HEAD_BYTES);
    if (head != NULL) {
        head[0] = VERSION;
        little_endian_put_u64(head + AT_FIRST, first);
        (void)memcpy(head + AT_CHAIN_IN, chain_in.bytes, ID_BYTES);
        buffer_took(&writer->plain, FRAME_HEAD_BYTES);
    }
}

static size_t item_bytes(const struct frame_item *item, bool has_first_id) {
    const size_t gap = item->is_gap ? number_bytes(item->last_seq - item->seq + 1) + ID_BYTES : 0;
    return 1 + number_bytes(item->record.count) + item->record.count +
           (has_first_id ? ID_BYTES : 0) + gap;
}

bool frame_add(struct frame_writer *writer, const struct frame_item *item) {
    assert(item->record.count <= RECORD_BYTES_MAX);
    assert(item->seq == writer->next && item->last_seq <= RANGE_SEQ_MAX);
    assert(item->is_gap ? item->last_seq >= item->seq : item->last_seq == item->seq);
    assert(!item->is_gap || !id_is_zero(item->chain));
    struct buffer *plain = &writer->plain;
    const bool has_first_id = !id_is_zero(item->first_id);
    if (writer->count > 0 && (writer->count == FRAME_ITEMS_MAX ||
                              plain->count + item_bytes(item, has_first_id) > FRAME_BYTES_MAX)) {
        return false;
    }
    buffer_add_byte(plain,
                    (uint8_t)((has_first_id ? HAS_FIRST_ID : 0) | (item->is_gap ? IS_GAP : 0)));
    buffer_add_varint(plain, item->record.count);
    buffer_add(plain, item->record);
    if (has_first_id) {
        add_id(plain, &item->first_id);
    }
    if (item->is_gap) {
        buffer_add_varint(plain, item->last_seq - item->seq + 1);
        add_id(plain, &item->chain);
    }
    writer->count++;
    writer->next = item->last_seq + 1;
    writer->chain = item->chain;
    return true;
}

int frame_count(const struct frame_writer *writer) {
    return writer->count;
}

status frame_end(struct frame_writer *writer, struct buffer *out, struct error *err) {
    assert(writer->count > 0);
    TRY(buffer_status(&writer->plain, err));
    little_endian_put_u64(writer->plain.bytes + AT_LAST, writer->next - 1);
    (void)memcpy(writer->plain.bytes + AT_CHAIN_OUT, writer->chain.bytes, ID_BYTES);
    const size_t start = out->count;
    buffer_add_u32(out, 0); /* the count, which is known when it is done */
    TRY(buffer_status(out, err));
    const status added =
        compressor_add(writer->compressor, writer->level, buffer_slice(&writer->plain), out, err);
    if (added != STATUS_OK) {
        out->count = start;
        return added;
    }
    const size_t count = out->count - start - COUNT_BYTES;
    little_endian_put_u32(out->bytes + start, (uint32_t)count);
    return STATUS_OK;
}

/* --- reading --------------------------------------------------------------------------------- */

status frame_reader_create(struct frame_reader **out_reader, struct error *err) {
    struct frame_reader *reader = memory_new(1, sizeof(*reader));
    if (reader == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to read frames");
    }
    buffer_init(&reader->plain, FRAME_PLAIN_BYTES_MAX);
    const status created = decompressor_create(&reader->decompressor, err);
    if (created != STATUS_OK) {
        frame_reader_destroy(reader);
        return created;
    }
    *out_reader = reader;
    return STATUS_OK;
}

void frame_reader_destroy(struct frame_reader *reader) {
    if (reader != NULL) {
        decompressor_destroy(reader->decompressor);
        buffer_done(&reader->plain);
        memory_free(reader);
    }
}

status frame_find(struct slice received, size_t *out_bytes, struct error *err) {
    *out_bytes = 0;
    if (received.count < COUNT_BYTES) {
        return STATUS_OK;
    }
    const uint32_t count = little_endian_get_u32(received.bytes);
    if (count == 0 || count > FRAME_WIRE_BYTES_MAX - COUNT_BYTES) {
        return fail(err, STATUS_CORRUPT, "a frame of %u bytes: it may have %d", count,
                    FRAME_WIRE_BYTES_MAX - COUNT_BYTES);
    }
    *out_bytes = received.count - COUNT_BYTES >= count ? COUNT_BYTES + (size_t)count : 0;
    return STATUS_OK;
}

struct part {
    struct slice bytes;
    size_t at;
};

static status damaged(const struct part *part, const char *what, struct error *err) {
    return fail(err, STATUS_CORRUPT, "frame, byte %zu: %s", part->at, what);
}

static status read_number(struct part *part, uint64_t *out_number, struct error *err) {
    uint64_t number = 0;
    for (unsigned shift = 0; shift < NUMBER_BITS_MAX; shift += 7) {
        if (part->at == part->bytes.count) {
            return damaged(part, "it ends within a number", err);
        }
        const uint8_t byte = (uint8_t)part->bytes.bytes[part->at++];
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out_number = number;
            return byte == 0 && shift > 0
                       ? damaged(part, "a number is written longer than needed", err)
                       : STATUS_OK;
        }
    }
    return damaged(part, "a number is too large", err);
}

static bool read_bytes(struct part *part, uint64_t count, struct slice *out_bytes) {
    if (count > part->bytes.count - part->at) {
        return false;
    }
    *out_bytes = slice_part(part->bytes, part->at, part->at + (size_t)count);
    part->at += (size_t)count;
    return true;
}

/* Zero stands for none, which is said otherwise. */
static status read_id(struct part *part, struct id *out_id, struct error *err) {
    struct slice bytes;
    if (!read_bytes(part, ID_BYTES, &bytes)) {
        return damaged(part, "it ends within a record", err);
    }
    (void)memcpy(out_id->bytes, bytes.bytes, ID_BYTES);
    return id_is_zero(*out_id) ? damaged(part, "an id or a chain value is missing", err)
                               : STATUS_OK;
}

static status read_item(struct part *part, struct frame_item *item, struct error *err) {
    uint64_t count = 0;
    uint64_t seqs = 1;
    const uint8_t flags = (uint8_t)part->bytes.bytes[part->at++];
    if (flags > (HAS_FIRST_ID | IS_GAP)) {
        return damaged(part, "a record has flags that are not known", err);
    }
    item->is_gap = (flags & IS_GAP) != 0;
    item->first_id = item->chain = (struct id){0};
    TRY(read_number(part, &count, err));
    if (!read_bytes(part, count, &item->record)) {
        return damaged(part, "it ends within a record", err);
    }
    if ((flags & HAS_FIRST_ID) != 0) {
        TRY(read_id(part, &item->first_id, err));
    }
    if (item->is_gap) {
        TRY(read_number(part, &seqs, err));
        TRY(read_id(part, &item->chain, err));
    }
    if (seqs == 0 || item->seq > RANGE_SEQ_MAX || seqs - 1 > RANGE_SEQ_MAX - item->seq) {
        return damaged(part, "a seq cannot be", err);
    }
    item->last_seq = item->seq + seqs - 1;
    return STATUS_OK;
}

static status read_items(struct frame_reader *reader, struct part *part, struct frame *frame,
                         struct error *err) {
    uint64_t seq = frame->first;
    while (part->at < part->bytes.count) {
        if (frame->count == FRAME_ITEMS_MAX ||
            (frame->count > 0 && part->bytes.count > FRAME_BYTES_MAX)) {
            return damaged(part, "it holds more records than a frame may", err);
        }
        struct frame_item *item = &reader->items[frame->count++];
        item->seq = seq;
        TRY(read_item(part, item, err));
        seq = item->last_seq + 1;
    }
    if (frame->count == 0 || seq - 1 != frame->last) {
        return damaged(part, "its records do not end where it says", err);
    }
    if (frame->first > 1 && id_is_zero(frame->chain_in) && !frame->items[0].is_gap) {
        return damaged(part, "the chain value before its first record is missing", err);
    }
    return STATUS_OK;
}

status frame_open(struct frame_reader *reader, struct slice bytes, struct frame *out_frame,
                  struct error *err) {
    buffer_clear(&reader->plain);
    TRY(decompressor_add(reader->decompressor, slice_part(bytes, COUNT_BYTES, bytes.count),
                         FRAME_PLAIN_BYTES_MAX, &reader->plain, err));
    struct part part = {.bytes = buffer_slice(&reader->plain)};
    if (part.bytes.count < FRAME_HEAD_BYTES) {
        return damaged(&part, "it is shorter than a frame's head", err);
    }
    if (part.bytes.bytes[0] != VERSION) {
        return damaged(&part, "its version is not known", err);
    }
    struct frame frame = {.first = little_endian_get_u64(part.bytes.bytes + AT_FIRST),
                          .last = little_endian_get_u64(part.bytes.bytes + AT_LAST),
                          .items = reader->items};
    (void)memcpy(frame.chain_in.bytes, part.bytes.bytes + AT_CHAIN_IN, ID_BYTES);
    (void)memcpy(frame.chain_out.bytes, part.bytes.bytes + AT_CHAIN_OUT, ID_BYTES);
    part.at = FRAME_HEAD_BYTES;
    if (frame.first < 1 || frame.first > RANGE_SEQ_MAX) {
        return damaged(&part, "a seq cannot be", err);
    }
    TRY(read_items(reader, &part, &frame, err));
    *out_frame = frame;
    return STATUS_OK;
}
