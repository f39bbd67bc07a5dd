// SPDX-License-Identifier: Apache-2.0
/* Two devices that have one beginning, each with records, gaps and poison, send what the input says
 * to one cursor, whole or damaged, to a store that may fail. After each step the cursor adds up, it
 * says what the store has, and everything that is stored is chained to what is stored before it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sync/receiver.h"
#include "wire/gap.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { ITEMS_MAX = 80, ROWS_MAX = 4096, RECORD_ROOM = 640, KEPT_BYTES = 1 << 20 };

struct item {
    struct frame_item item;
    char bytes[RECORD_ROOM];
};

static struct device {
    struct item items[ITEMS_MAX];
    int count;
} devices[2];

struct row {
    struct frame_item item; /* whose record points into `kept` */
    enum receiver_kind kind;
};

static struct row rows[ROWS_MAX]; /* in order of seq */
static int row_count, puts_left;
static struct lane_cursor cursor;
static struct frame_writer *writer;
static struct frame_reader *reader;
static struct buffer wire, text, body, kept;

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

/* --- the input ------------------------------------------------------------------------------- */

static struct slice input;

static unsigned next_byte(void) {
    if (input.count == 0) {
        return 0;
    }
    const unsigned byte = (uint8_t)input.bytes[0];
    input = slice_part(input, 1, input.count);
    return byte;
}

/* --- devices --------------------------------------------------------------------------------- */

static struct id chain_before(const struct device *device, int index) {
    return index > 0 ? device->items[index - 1].item.chain : (struct id){0};
}

static uint64_t next_seq(const struct device *device) {
    return device->count > 0 ? device->items[device->count - 1].item.last_seq + 1 : 1;
}

static void add_bytes(struct device *device, struct slice record, uint64_t span, bool is_gap,
                      struct id chain) {
    if (device->count == ITEMS_MAX || record.count > RECORD_ROOM) {
        return;
    }
    struct item *one = &device->items[device->count];
    const struct id before = chain_before(device, device->count);
    const uint64_t seq = next_seq(device);
    if (record.count > 0) {
        (void)memcpy(one->bytes, record.bytes, record.count);
    }
    one->item = (struct frame_item){.seq = seq,
                                    .last_seq = seq + span - 1,
                                    .record = {.bytes = one->bytes, .count = record.count},
                                    .chain = is_gap ? chain : record_chain(before, record),
                                    .is_gap = is_gap};
    device->count++;
}

static void add_written(struct device *device, const struct record *record, uint64_t span,
                        bool is_gap, struct id chain) {
    buffer_clear(&text);
    need(record_write(&text, record, NULL) == STATUS_OK);
    add_bytes(device, buffer_slice(&text), span, is_gap, chain);
}

static void add_result(struct device *device) {
    const char name[] = {(char)('a' + next_byte() % 4)};
    const struct record record = {.kind = RECORD_RESULT,
                                  .version = RECORD_VERSION,
                                  .priority = (int)next_byte() % 11, /* 10 is poison */
                                  .name = {.bytes = name, .count = 1},
                                  .body = SLICE("{}")};
    add_written(device, &record, 1, false, (struct id){0});
}

/* One byte says how far it reaches, one what of it is wrong. */
static void add_gap(struct device *device) {
    const uint64_t span = 1 + next_byte() % 40;
    const unsigned wrong = next_byte();
    struct gap gap = {.reason = GAP_EXPIRED, .count = 1};
    gap.from_seq = next_seq(device);
    gap.to_seq = gap.from_seq + span - 1;
    gap.chain_before = (wrong & 1) != 0 ? (struct id){0} : chain_before(device, device->count);
    gap.chain_end = (struct id){{7, (uint8_t)wrong, (uint8_t)device->count}};
    const struct id chain = gap.chain_end;
    gap.to_seq += (wrong & 6) == 6 ? 1 : 0;
    gap.from_seq += (wrong & 24) == 24 ? 1 : 0;
    gap.to_seq = gap.to_seq < gap.from_seq ? gap.from_seq : gap.to_seq;
    buffer_clear(&body);
    gap_write(&body, &gap);
    const struct record record = {.kind = RECORD_GAP,
                                  .version = (wrong & 96) == 96 ? 2 : RECORD_VERSION,
                                  .body = buffer_slice(&body)};
    add_written(device, &record, span, true, chain);
}

static void add_input(struct device *device) {
    const size_t count = next_byte() % 60;
    add_bytes(device, slice_part(input, 0, count), 1, false, (struct id){0});
    input = slice_part(input, count, input.count);
}

/* --- the hub --------------------------------------------------------------------------------- */

static status store_chain_at(void *owner, uint64_t seq, struct id *out_chain, struct error *err) {
    (void)owner;
    for (int i = 0; i < row_count; i++) {
        if (rows[i].item.last_seq == seq && !rows[i].item.is_gap) {
            *out_chain = rows[i].item.chain;
            return STATUS_OK;
        }
    }
    return fail(err, STATUS_NOT_FOUND, "not here");
}

static status store_put(void *owner, const struct received *received, struct error *err) {
    (void)owner;
    if (puts_left-- == 0) {
        return fail(err, STATUS_SYSTEM, "the disk is gone");
    }
    int at = row_count;
    need(row_count < ROWS_MAX);
    while (at > 0 && rows[at - 1].item.seq > received->item.seq) {
        rows[at] = rows[at - 1];
        at--;
    }
    rows[at] = (struct row){.item = received->item, .kind = received->kind};
    rows[at].item.record.bytes = kept.bytes + kept.count;
    buffer_add(&kept, received->item.record);
    need(buffer_status(&kept, NULL) == STATUS_OK);
    row_count++;
    need(received->kind != RECEIVED_POISON || received->reason.count > 0);
    need(received->kind != RECEIVED_RECORD || received->item.seq == received->item.last_seq);
    need(at == 0 || rows[at - 1].item.last_seq < rows[at].item.seq);
    need(at + 1 == row_count || rows[at].item.last_seq < rows[at + 1].item.seq);
    return STATUS_OK;
}

static void check_row(int at, struct id before) {
    const struct frame_item *item = &rows[at].item;
    if (!item->is_gap && !id_is_zero(before)) {
        need(id_equal(item->chain, record_chain(before, item->record)));
    }
}

/* Interval by interval, the rows that lie in it. */
static void check_rows(void) {
    int at = 0;
    for (int i = 0; i < cursor.held.count; i++) {
        struct id before = cursor.chain_before[i];
        uint64_t seq = cursor.held.items[i].from;
        while (seq <= cursor.held.items[i].to) {
            need(at < row_count && rows[at].item.seq == seq);
            check_row(at, before);
            before = rows[at].item.chain;
            seq = rows[at++].item.last_seq + 1;
        }
        need(seq == cursor.held.items[i].to + 1 && id_equal(before, cursor.chain_end[i]));
    }
    need(at == row_count);
}

static const struct receiver_store STORE = {.chain_at = store_chain_at, .put = store_put};

static void take(enum lane lane) {
    static struct row saved[ROWS_MAX];
    struct answer answer = {.code = SYNC_STORED};
    struct error err = {.text = ""};
    const struct lane_cursor before = cursor;
    const int saved_count = row_count;
    const size_t saved_bytes = kept.count;
    (void)memcpy(saved, rows, (size_t)row_count * sizeof(rows[0]));
    const status code =
        receiver_take(reader, &cursor, lane, buffer_slice(&wire), &STORE, &answer, &err);
    need(code == STATUS_OK || err.text[0] != '\0');
    if (code != STATUS_OK || answer.code == SYNC_FORK || answer.code == SYNC_MISSING) {
        need(memcmp(&before, &cursor, sizeof(cursor)) == 0);
        need(code == STATUS_SYSTEM || row_count == saved_count);
        (void)memcpy(rows, saved, (size_t)saved_count * sizeof(rows[0])); /* the transaction */
        row_count = saved_count;
        kept.count = saved_bytes;
    }
    need(receiver_adds_up(&cursor));
    need(lane == LANE_TELEMETRY || cursor.held.count == (ranges_top(&cursor.held) > 0 ? 1 : 0));
    check_rows();
}

/* --- what the input says --------------------------------------------------------------------- */

static void send(const struct device *device, enum lane lane) {
    if (device->count == 0) {
        return;
    }
    const int from = (int)(next_byte() % (unsigned)device->count);
    const int most = device->count - from;
    const int count = 1 + (int)(next_byte() % (unsigned)most);
    const unsigned wrong = next_byte();
    const struct id chain_in = chain_before(device, from);
    const bool unknown = wrong == 1 && device->items[from].item.is_gap;
    frame_begin(writer, device->items[from].item.seq, unknown ? (struct id){0} : chain_in, 1);
    for (int i = from; i < from + count; i++) {
        need(frame_add(writer, &device->items[i].item));
    }
    buffer_clear(&wire);
    need(frame_end(writer, &wire, NULL) == STATUS_OK);
    if (wrong == 2) {
        const size_t at = 4 + next_byte() % (wire.count - 4);
        wire.bytes[at] = (char)(wire.bytes[at] ^ 1 << next_byte() % 8);
    }
    puts_left = wrong == 3 ? (int)next_byte() % 4 : ROWS_MAX;
    take(lane);
}

/* The clone has what the first has. */
static void copy_first(void) {
    devices[1].count = 0;
    for (int i = 0; i < devices[0].count; i++) {
        const struct frame_item *item = &devices[0].items[i].item;
        add_bytes(&devices[1], item->record, item->last_seq - item->seq + 1, item->is_gap,
                  item->chain);
    }
}

static void take_step(enum lane lane, bool *has_clone) {
    const unsigned step = next_byte();
    struct device *device = &devices[*has_clone ? step & 1 : 0];
    switch (step >> 1 & 7) {
    case 0:
    case 1:
        add_result(device);
        break;
    case 2:
        add_gap(device);
        break;
    case 3:
        add_input(device);
        break;
    case 4:
        if (!*has_clone) {
            copy_first();
            *has_clone = true;
        }
        break;
    default:
        send(device, lane);
    }
}

static void set_up(void) {
    if (writer == NULL) {
        buffer_init(&wire, FRAME_WIRE_BYTES_MAX);
        buffer_init(&text, RECORD_BYTES_MAX);
        buffer_init(&body, GAP_BODY_BYTES_MAX);
        buffer_init(&kept, KEPT_BYTES);
        need(buffer_reserve(&kept, KEPT_BYTES) != NULL); /* it does not move */
        need(frame_writer_create(&writer, NULL) == STATUS_OK);
        need(frame_reader_create(&reader, NULL) == STATUS_OK);
    }
    devices[0].count = devices[1].count = row_count = 0;
    kept.count = 0;
    cursor = (struct lane_cursor){.stored = 0};
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    bool has_clone = false;
    input = (struct slice){.bytes = (const char *)bytes, .count = count};
    set_up();
    const enum lane lane = (next_byte() & 1) != 0 ? LANE_TELEMETRY : LANE_NORMAL;
    for (int i = 0; i < 300 && input.count > 0; i++) {
        take_step(lane, &has_clone);
    }
    return 0;
}
