// SPDX-License-Identifier: Apache-2.0
#include "storage/wal_file.h"

#include <stdio.h>
#include <string.h>

enum { MAGIC_LITTLE = 0x377f0682 };

static uint32_t get_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint32_t get_word(const uint8_t *bytes, bool big_endian) {
    if (big_endian) {
        return get_u32(bytes);
    }
    return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 | bytes[0];
}

struct wal_sum wal_add_up(struct wal_sum sum, const uint8_t *bytes, size_t count, bool big_endian) {
    for (size_t i = 0; i + 8 <= count; i += 8) {
        sum.a += get_word(bytes + i, big_endian) + sum.b;
        sum.b += get_word(bytes + i + 4, big_endian) + sum.a;
    }
    return sum;
}

static bool same(struct wal_sum left, struct wal_sum right) {
    return left.a == right.a && left.b == right.b;
}

/* --- reading --------------------------------------------------------------------------------- */

struct wal_head wal_parse_head(const uint8_t bytes[WAL_HEADER_BYTES]) {
    struct wal_head head = {.big_endian = (get_u32(bytes) & 1) != 0,
                            .salt_1 = get_u32(bytes + 16),
                            .salt_2 = get_u32(bytes + 20),
                            .sum = {.a = get_u32(bytes + 24), .b = get_u32(bytes + 28)}};
    head.whole = (get_u32(bytes) & ~1U) == MAGIC_LITTLE &&
                 get_u32(bytes + 8) == DATABASE_PAGE_BYTES &&
                 same(wal_add_up((struct wal_sum){0}, bytes, WAL_HEADER_BYTES - 8, head.big_endian),
                      head.sum);
    return head;
}

status wal_read_head(struct database_file *wal, struct wal_head *out_head, struct error *err) {
    uint8_t bytes[WAL_HEADER_BYTES];
    TRY(database_file_read(wal, 0, bytes, sizeof(bytes), err));
    *out_head = wal_parse_head(bytes);
    return STATUS_OK;
}

struct wal_frame wal_parse_frame_header(const uint8_t bytes[WAL_FRAME_HEADER_BYTES]) {
    return (struct wal_frame){.page = get_u32(bytes),
                              .commit_pages = get_u32(bytes + 4),
                              .salt_1 = get_u32(bytes + 8),
                              .salt_2 = get_u32(bytes + 12),
                              .sum = {.a = get_u32(bytes + 16), .b = get_u32(bytes + 20)}};
}

struct wal_frame wal_parse_frame(const uint8_t bytes[WAL_FRAME_BYTES], const struct wal_head *head,
                                 struct wal_sum before) {
    struct wal_frame frame = wal_parse_frame_header(bytes);
    struct wal_sum sum = wal_add_up(before, bytes, WAL_SUMMED_BYTES, head->big_endian);
    sum = wal_add_up(sum, bytes + WAL_FRAME_HEADER_BYTES, DATABASE_PAGE_BYTES, head->big_endian);
    frame.whole = same(sum, frame.sum) && frame.page != 0 && frame.salt_1 == head->salt_1 &&
                  frame.salt_2 == head->salt_2;
    return frame;
}

int64_t wal_offset(uint64_t index) {
    return WAL_HEADER_BYTES + (int64_t)index * WAL_FRAME_BYTES;
}

status wal_read_frame(struct database_file *wal, const struct wal_head *head, uint64_t index,
                      struct wal_sum before, struct wal_frame *out_frame,
                      uint8_t out_page[DATABASE_PAGE_BYTES], struct error *err) {
    uint8_t bytes[WAL_FRAME_BYTES];
    TRY(database_file_read(wal, wal_offset(index), bytes, sizeof(bytes), err));
    *out_frame = wal_parse_frame(bytes, head, before);
    (void)memcpy(out_page, bytes + WAL_FRAME_HEADER_BYTES, DATABASE_PAGE_BYTES);
    return STATUS_OK;
}

/* --- looking at all of it --- */

/* A damaged frame may have lost one of its salts. */
static bool is_of_log(const struct wal_frame *frame, const struct wal_head *head) {
    return frame->salt_1 == head->salt_1 || frame->salt_2 == head->salt_2;
}

/* Where sectors are not safe to write next to, SQLite fills the last one of a commit with its frame
 * again: that says nothing of a sync. */
static bool is_padding(const struct wal_frame *frame, const struct wal_frame *last) {
    return last->commit_pages != 0 && frame->commit_pages == last->commit_pages &&
           frame->page == last->page;
}

static status look_at(struct database_file *wal, const struct wal_head *head,
                      struct wal_findings *found, struct error *err) {
    int64_t bytes = 0;
    uint8_t page[DATABASE_PAGE_BYTES];
    struct wal_sum before = head->sum;
    struct wal_frame last = {0};
    uint64_t commit = 0; /* frames up to the last commit that was seen */
    uint64_t bad = 0;    /* frames up to the last that does not verify */
    bool whole = head->whole;
    found->head_whole = head->whole;
    TRY(database_file_bytes(wal, &bytes, err));
    for (uint64_t i = 0; wal_offset(i + 1) <= bytes; i++) {
        struct wal_frame frame;
        TRY(wal_read_frame(wal, head, i, before, &frame, page, err));
        if (!is_of_log(&frame, head)) {
            break;
        }
        if (frame.whole && commit == i && !is_padding(&frame, &last)) {
            found->committed = i; /* a frame behind a commit: that one had been synced */
        }
        last = frame;
        whole = whole && frame.whole;
        bad = frame.whole ? bad : i + 1;
        found->whole += whole ? 1 : 0;
        found->frames = i + 1;
        commit = frame.commit_pages != 0 ? i + 1 : commit;
        found->recovered = whole ? commit : found->recovered;
        before = frame.sum;
    }
    if (bad <= found->committed) {
        found->committed = commit; /* what is behind is whole: synced or not, it may stay */
    }
    found->seen_commit = commit;
    found->damaged = found->whole < found->committed;
    return STATUS_OK;
}

status wal_look(const char *path, const char *vfs, struct wal_findings *out_findings,
                struct error *err) {
    struct database_file *wal = NULL;
    struct wal_findings found = {0};
    struct wal_head head;
    int64_t bytes = 0;
    TRY(database_file_open(vfs, path, DATABASE_FILE_READ, &wal, err));
    status looked = database_file_bytes(wal, &bytes, err);
    if (looked == STATUS_OK && bytes >= wal_offset(1)) {
        looked = wal_read_head(wal, &head, err);
        looked = looked == STATUS_OK ? look_at(wal, &head, &found, err) : looked;
    }
    database_file_close(wal);
    TRY(looked);
    *out_findings = found;
    return STATUS_OK;
}
