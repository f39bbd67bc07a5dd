// SPDX-License-Identifier: Apache-2.0
#include "storage/cells.h"

#include <string.h>

enum {
    FILE_HEAD_BYTES = 100, /* ahead of the first page's own */
    LEAF_HEAD_BYTES = 8,
    INTERIOR_HEAD_BYTES = 12,
    USABLE = DATABASE_PAGE_BYTES,
    TABLE_LOCAL_MAX = USABLE - 35,
    INDEX_LOCAL_MAX = (USABLE - 12) * 64 / 255 - 23,
    LOCAL_MIN = (USABLE - 12) * 32 / 255 - 23
};

static uint32_t get_u16(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static uint32_t get_u32(const uint8_t *bytes) {
    return get_u16(bytes) << 16 | get_u16(bytes + 2);
}

/* --- the page -------------------------------------------------------------------------------- */

static size_t head_of(uint32_t number) {
    return number == 1 ? FILE_HEAD_BYTES : 0;
}

static bool is_interior(enum page_kind kind) {
    return kind == PAGE_TABLE_INTERIOR || kind == PAGE_INDEX_INTERIOR;
}

static bool is_table(enum page_kind kind) {
    return kind == PAGE_TABLE_LEAF || kind == PAGE_TABLE_INTERIOR;
}

enum page_kind cells_kind(const uint8_t page[DATABASE_PAGE_BYTES], uint32_t number) {
    switch (page[head_of(number)]) {
    case 0x0d:
        return PAGE_TABLE_LEAF;
    case 0x05:
        return PAGE_TABLE_INTERIOR;
    case 0x0a:
        return PAGE_INDEX_LEAF;
    case 0x02:
        return PAGE_INDEX_INTERIOR;
    default:
        return PAGE_OTHER;
    }
}

static size_t pointers_of(enum page_kind kind, uint32_t number) {
    return head_of(number) + (is_interior(kind) ? INTERIOR_HEAD_BYTES : LEAF_HEAD_BYTES);
}

/* As many as fit, whatever the page says. */
static uint32_t count_of(const uint8_t *page, enum page_kind kind, uint32_t number) {
    const uint32_t said = get_u16(page + head_of(number) + 3);
    const uint32_t most = (uint32_t)(USABLE - pointers_of(kind, number)) / 2;
    return said < most ? said : most;
}

/* --- a cell ---------------------------------------------------------------------------------- */

struct reading {
    struct pages *pages;
    struct buffer *bytes;
    const uint8_t *page;
    size_t at;
};

/* False at the page's end. */
static bool get_varint(const uint8_t *bytes, size_t count, size_t *at, uint64_t *out_number) {
    uint64_t number = 0;
    for (int i = 0; i < 9 && *at < count; i++) {
        const uint8_t byte = bytes[(*at)++];
        if (i == 8) {
            *out_number = number << 8 | byte;
            return true;
        }
        number = number << 7 | (byte & 0x7f);
        if (byte < 0x80) {
            *out_number = number;
            return true;
        }
    }
    return false;
}

static size_t local_of(uint64_t payload, bool table) {
    const size_t most = table ? TABLE_LOCAL_MAX : INDEX_LOCAL_MAX;
    if (payload <= most) {
        return (size_t)payload;
    }
    const size_t kept = LOCAL_MIN + (size_t)(payload - LOCAL_MIN) % (USABLE - 4);
    return kept <= most ? kept : LOCAL_MIN;
}

/* The payload whole: as it lies in the page, or put together from overflow pages. */
static bool get_payload(struct reading *reading, uint64_t payload, bool table,
                        struct slice *out_payload) {
    const size_t local = local_of(payload, table);
    const bool overflows = local < payload;
    if (payload > CELL_BYTES_MAX || local + (overflows ? 4 : 0) > USABLE - reading->at) {
        return false;
    }
    const char *start = (const char *)reading->page + reading->at;
    if (!overflows) {
        *out_payload = (struct slice){.bytes = start, .count = local};
        return true;
    }
    uint32_t next = get_u32(reading->page + reading->at + local);
    buffer_clear(reading->bytes);
    buffer_add(reading->bytes, (struct slice){.bytes = start, .count = local});
    while (reading->bytes->count < payload) {
        uint8_t page[DATABASE_PAGE_BYTES];
        struct error err;
        const size_t left = (size_t)payload - reading->bytes->count;
        if (pages_read(reading->pages, next, page, &err) != STATUS_OK) {
            return false;
        }
        const size_t part = left < USABLE - 4 ? left : USABLE - 4;
        buffer_add(reading->bytes, (struct slice){.bytes = (const char *)page + 4, .count = part});
        if (buffer_status(reading->bytes, &err) != STATUS_OK) {
            return false;
        }
        next = get_u32(page);
    }
    *out_payload = buffer_slice(reading->bytes);
    return true;
}

static size_t bytes_of_type(uint64_t type) {
    static const uint8_t SIZES[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};
    return type < sizeof(SIZES) ? SIZES[type] : (size_t)(type - 12) / 2;
}

static struct cell_column column_of(uint64_t type, const uint8_t *bytes) {
    const size_t count = bytes_of_type(type);
    if (type >= 12) {
        return (struct cell_column){.type = type % 2 == 0 ? COLUMN_BLOB : COLUMN_TEXT,
                                    .bytes = {.bytes = (const char *)bytes, .count = count}};
    }
    if (type == 0 || type == 7 || type > 9) {
        return (struct cell_column){.type = type == 7 ? COLUMN_REAL : COLUMN_NULL};
    }
    uint64_t number = count > 0 && (bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < count; i++) {
        number = number << 8 | bytes[i];
    }
    return (struct cell_column){.type = COLUMN_INTEGER,
                                .integer = type >= 8 ? (int64_t)type - 8 : (int64_t)number};
}

static bool parse_columns(struct slice payload, struct cell *cell) {
    const uint8_t *bytes = (const uint8_t *)payload.bytes;
    size_t at = 0;
    uint64_t head = 0;
    cell->column_count = 0;
    if (!get_varint(bytes, payload.count, &at, &head) || head > payload.count || head < at) {
        return false;
    }
    size_t body = (size_t)head;
    while (at < head) {
        uint64_t type = 0;
        if (cell->column_count == CELL_COLUMNS_MAX ||
            !get_varint(bytes, (size_t)head, &at, &type) ||
            bytes_of_type(type) > payload.count - body) {
            return false;
        }
        cell->columns[cell->column_count++] = column_of(type, bytes + body);
        body += bytes_of_type(type);
    }
    return body == payload.count;
}

static bool parse_cell(struct reading *reading, enum page_kind kind, struct cell *cell) {
    uint64_t payload_bytes = 0;
    uint64_t rowid = 0;
    struct slice payload;
    reading->at += kind == PAGE_INDEX_INTERIOR ? 4 : 0;
    cell->has_rowid = is_table(kind);
    const bool headed =
        get_varint(reading->page, USABLE, &reading->at, &payload_bytes) &&
        (!cell->has_rowid || get_varint(reading->page, USABLE, &reading->at, &rowid));
    cell->rowid = (int64_t)rowid;
    return headed && get_payload(reading, payload_bytes, is_table(kind), &payload) &&
           parse_columns(payload, cell);
}

status cells_each(const struct cell_reader *reader, uint32_t number, enum page_kind kind,
                  const uint8_t page[DATABASE_PAGE_BYTES], struct error *err) {
    if (kind == PAGE_OTHER || kind == PAGE_TABLE_INTERIOR) {
        return STATUS_OK;
    }
    const size_t pointers = pointers_of(kind, number);
    const uint32_t count = count_of(page, kind, number);
    for (uint32_t i = 0; i < count; i++) {
        struct reading reading = {.pages = reader->pages, .bytes = reader->bytes, .page = page};
        struct cell cell = {.page = number};
        reading.at = get_u16(page + pointers + 2 * i);
        if (reading.at >= pointers && reading.at < USABLE - 4 &&
            parse_cell(&reading, kind, &cell)) {
            TRY(reader->each(reader->owner, &cell, err));
        }
    }
    return STATUS_OK;
}

status cells_scan(const struct cell_reader *reader, uint32_t number,
                  const uint8_t page[DATABASE_PAGE_BYTES], struct error *err) {
    for (size_t at = pointers_of(PAGE_TABLE_LEAF, number); at < USABLE - 4; at++) {
        struct reading reading = {
            .pages = reader->pages, .bytes = reader->bytes, .page = page, .at = at};
        struct cell cell = {.page = number};
        if (parse_cell(&reading, PAGE_TABLE_LEAF, &cell)) {
            TRY(reader->each(reader->owner, &cell, err));
        }
    }
    return STATUS_OK;
}

void cells_children(const uint8_t page[DATABASE_PAGE_BYTES], uint32_t number,
                    struct cells_children *out_children) {
    const enum page_kind kind = cells_kind(page, number);
    out_children->count = 0;
    if (!is_interior(kind)) {
        return;
    }
    const size_t pointers = pointers_of(kind, number);
    const uint32_t count = count_of(page, kind, number);
    for (uint32_t i = 0; i < count && out_children->count + 1 < USABLE / 4; i++) {
        const uint32_t at = get_u16(page + pointers + 2 * i);
        if (at < USABLE - 4) {
            out_children->pages[out_children->count++] = get_u32(page + at);
        }
    }
    out_children->pages[out_children->count++] = get_u32(page + head_of(number) + 8);
}
