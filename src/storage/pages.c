// SPDX-License-Identifier: Apache-2.0
#include "storage/pages.h"

#include <stdio.h>

#include "storage/wal_file.h"

enum { PATH_BYTES = 1200 };

static status note_frames(struct pages *pages, const struct wal_head *head, uint64_t frames,
                          struct error *err) {
    uint8_t page[DATABASE_PAGE_BYTES];
    struct wal_sum before = head->sum;
    for (uint64_t i = 0; i < frames; i++) {
        struct wal_frame frame;
        TRY(wal_read_frame(pages->wal, head, i, before, &frame, page, err));
        if (frame.page <= PAGES_COUNT_MAX && !number_map_set(&pages->frames, frame.page, i)) {
            return fail(err, STATUS_NO_MEMORY, "read the write-ahead log: out of memory");
        }
        if (frame.commit_pages > pages->count && frame.commit_pages <= PAGES_COUNT_MAX) {
            pages->count = frame.commit_pages;
        }
        before = frame.sum;
    }
    return STATUS_OK;
}

static status open_wal(struct pages *pages, const char *path, const char *vfs, struct error *err) {
    struct wal_findings found;
    struct wal_head head;
    const status looked = wal_look(path, vfs, &found, err);
    if (looked == STATUS_NOT_FOUND || (looked == STATUS_OK && found.whole == 0)) {
        return STATUS_OK;
    }
    TRY(looked);
    TRY(database_file_open(vfs, path, DATABASE_FILE_READ, &pages->wal, err));
    TRY(wal_read_head(pages->wal, &head, err));
    const uint64_t frames = found.whole < found.seen_commit ? found.committed : found.seen_commit;
    return note_frames(pages, &head, frames < found.whole ? frames : found.whole, err);
}

static status open_files(struct pages *pages, const char *path, const char *vfs,
                         struct error *err) {
    char wal[PATH_BYTES];
    int64_t bytes = 0;
    (void)snprintf(wal, sizeof(wal), "%s-wal", path);
    const status found = database_file_open(vfs, path, DATABASE_FILE_READ, &pages->file, err);
    if (found == STATUS_NOT_FOUND && database_file_exists(vfs, wal)) {
        return open_wal(pages, wal, vfs, err);
    }
    TRY(found);
    TRY(database_file_bytes(pages->file, &bytes, err));
    const int64_t count = bytes / DATABASE_PAGE_BYTES;
    pages->count = (uint32_t)(count < PAGES_COUNT_MAX ? count : PAGES_COUNT_MAX);
    return open_wal(pages, wal, vfs, err);
}

status pages_open(struct pages *pages, const char *path, const char *vfs, struct error *err) {
    *pages = (struct pages){0};
    number_map_init(&pages->frames);
    const status opened = open_files(pages, path, vfs, err);
    if (opened != STATUS_OK) {
        pages_close(pages);
    }
    return opened;
}

void pages_close(struct pages *pages) {
    database_file_close(pages->file);
    database_file_close(pages->wal);
    number_map_done(&pages->frames);
    *pages = (struct pages){0};
}

status pages_read(struct pages *pages, uint32_t number, uint8_t out_page[DATABASE_PAGE_BYTES],
                  struct error *err) {
    uint64_t frame = 0;
    if (number == 0 || number > pages->count) {
        return fail(err, STATUS_CORRUPT, "there is no page %u", number);
    }
    if (number_map_get(&pages->frames, number, &frame)) {
        return database_file_read(pages->wal, wal_offset(frame) + WAL_FRAME_HEADER_BYTES, out_page,
                                  DATABASE_PAGE_BYTES, err);
    }
    if (pages->file == NULL) {
        return fail(err, STATUS_CORRUPT, "page %u went with the file", number);
    }
    return database_file_read(pages->file, (int64_t)(number - 1) * DATABASE_PAGE_BYTES, out_page,
                              DATABASE_PAGE_BYTES, err);
}
