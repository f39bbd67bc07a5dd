// SPDX-License-Identifier: Apache-2.0
#include "storage/wal_tail.h"

static bool is_of_log(const uint8_t bytes[WAL_FRAME_HEADER_BYTES], const struct wal_head *head) {
    const struct wal_frame frame = wal_parse_frame_header(bytes);
    return frame.salt_1 == head->salt_1 && frame.salt_2 == head->salt_2;
}

/* Frames of an earlier round of the log may stand between them: all are looked at. */
static status strike(struct database_file *wal, uint64_t first, bool *out_struck,
                     struct error *err) {
    static const uint8_t NOTHING[WAL_FRAME_HEADER_BYTES];
    struct wal_head head;
    int64_t bytes = 0;
    *out_struck = false;
    TRY(wal_read_head(wal, &head, err));
    TRY(database_file_bytes(wal, &bytes, err));
    for (uint64_t i = first; wal_offset(i) + WAL_FRAME_HEADER_BYTES <= bytes; i++) {
        uint8_t header[WAL_FRAME_HEADER_BYTES];
        TRY(database_file_read(wal, wal_offset(i), header, sizeof(header), err));
        if (is_of_log(header, &head)) {
            const struct slice nothing = {.bytes = (const char *)NOTHING, .count = sizeof(NOTHING)};
            TRY(database_file_write(wal, wal_offset(i), nothing, err));
            *out_struck = true;
        }
    }
    return STATUS_OK;
}

status wal_tail_strike(const char *path, const char *vfs, const struct wal_findings *found,
                       struct error *err) {
    struct database_file *wal = NULL;
    bool struck = false;
    if (!found->head_whole) {
        return STATUS_OK; /* SQLite begins a log with salts of its own */
    }
    TRY(database_file_open(vfs, path, DATABASE_FILE_CHANGE, &wal, err));
    status done = strike(wal, found->recovered, &struck, err);
    if (done == STATUS_OK && struck) {
        done = database_file_sync(wal, err);
    }
    database_file_close(wal);
    return done;
}
