// SPDX-License-Identifier: Apache-2.0
#include "storage/wal_mend.h"

#include <stdio.h>
#include <string.h>

#include "storage/wal_tail.h"

enum { ROUNDS_MAX = 16, PATH_BYTES = 1200, PLAUSIBLE_PAGES = 1 << 22 };

/* A byte of the log that was changed, and what it was; how many bytes may be meant. */
struct wal_byte {
    int candidates;
    size_t at; /* in the header or the frame */
    uint8_t was;
};

/* A frame that does not verify, and what it must follow. */
struct bad_frame {
    uint8_t bytes[WAL_FRAME_BYTES];
    struct wal_head head;
    struct wal_sum before;
};

static uint32_t get_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void put_u32(uint8_t *bytes, uint32_t number) {
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(number >> (24 - 8 * i));
    }
}

static void add_candidate(struct wal_byte *byte, size_t at, uint8_t was) {
    byte->candidates++;
    byte->at = at;
    byte->was = was;
}

/* --- the header --- */

/* It is short: each change is tried; the first frame must follow it. */
static struct wal_byte find_in_head(uint8_t bytes[WAL_HEADER_BYTES],
                                    const uint8_t first_frame[WAL_FRAME_BYTES]) {
    struct wal_byte byte = {0};
    for (size_t i = 0; i < WAL_HEADER_BYTES && byte.candidates == 0; i++) {
        const uint8_t there = bytes[i];
        for (unsigned change = 1; change < 256 && byte.candidates == 0; change++) {
            bytes[i] = (uint8_t)(there ^ change);
            const struct wal_head head = wal_parse_head(bytes);
            if (head.whole && wal_parse_frame(first_frame, &head, head.sum).whole) {
                add_candidate(&byte, i, bytes[i]);
            }
        }
        bytes[i] = there;
    }
    return byte;
}

/* --- a frame --- */

/* What one more in a word adds to the checksum behind it. */
struct effect {
    uint32_t a, b;
};

/* Every value that a byte of this word can have had to make up for what is missing. */
static void try_word(const struct bad_frame *bad, size_t word, struct effect effect,
                     struct wal_sum missing, struct wal_byte *byte) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
        const size_t at = word + (bad->head.big_endian ? 3 - shift / 8 : shift / 8);
        for (uint32_t was = 0; was < 256; was++) {
            const uint32_t amount = (was - bad->bytes[at]) << shift;
            if (effect.a * amount == missing.a && effect.b * amount == missing.b &&
                was != bad->bytes[at]) {
                add_candidate(byte, at, (uint8_t)was);
            }
        }
    }
}

/* The checksum is linear in the words: going back from the end, what a change of each word does to
 * it is known without adding anything up. */
static void find_in_sum(const struct bad_frame *bad, struct wal_sum missing,
                        struct wal_byte *byte) {
    struct effect first = {.a = 1, .b = 1}; /* of a pair's first word, and of its second */
    struct effect second = {.a = 0, .b = 1};
    const size_t pairs = (WAL_SUMMED_BYTES + DATABASE_PAGE_BYTES) / 8;
    for (size_t i = 0; i < pairs; i++) {
        const size_t word = i + 1 == pairs ? 0 : WAL_FRAME_BYTES - 8 * (i + 1);
        try_word(bad, word, first, missing, byte);
        try_word(bad, word + 4, second, missing, byte);
        first = (struct effect){.a = first.a + first.b, .b = first.a + 2 * first.b};
        second = (struct effect){.a = second.a + second.b, .b = second.a + 2 * second.b};
    }
}

static struct wal_sum sum_of(const uint8_t frame[WAL_FRAME_BYTES], struct wal_sum before,
                             bool big_endian) {
    const struct wal_sum sum = wal_add_up(before, frame, WAL_SUMMED_BYTES, big_endian);
    return wal_add_up(sum, frame + WAL_FRAME_HEADER_BYTES, DATABASE_PAGE_BYTES, big_endian);
}

/* The bytes that, changed back, make the frame follow what is before it. */
static struct wal_byte find_in_frame(const struct bad_frame *bad) {
    struct wal_byte byte = {0};
    uint8_t should[16];
    const uint8_t *is = bad->bytes + 8;
    const struct wal_sum sum = sum_of(bad->bytes, bad->before, bad->head.big_endian);
    put_u32(should, bad->head.salt_1);
    put_u32(should + 4, bad->head.salt_2);
    put_u32(should + 8, sum.a);
    put_u32(should + 12, sum.b);
    int different = 0;
    for (size_t i = 0; i < sizeof(should); i++) {
        different += is[i] != should[i] ? 1 : 0;
    }
    for (size_t i = 0; different == 1 && i < sizeof(should); i++) {
        if (is[i] != should[i]) {
            add_candidate(&byte, 8 + i, should[i]); /* a salt, or the checksum itself */
        }
    }
    if (memcmp(is, should, 8) == 0) {
        const struct wal_sum missing = {.a = get_u32(is + 8) - sum.a,
                                        .b = get_u32(is + 12) - sum.b};
        find_in_sum(bad, missing, &byte);
    }
    return byte;
}

/* --- one byte put back --- */

static status read_bad(struct database_file *wal, const struct wal_findings *found,
                       struct bad_frame *bad, struct error *err) {
    bad->before = bad->head.sum;
    if (found->whole > 0) {
        uint8_t bytes[WAL_FRAME_BYTES];
        TRY(database_file_read(wal, wal_offset(found->whole - 1), bytes, sizeof(bytes), err));
        bad->before = (struct wal_sum){.a = get_u32(bytes + 16), .b = get_u32(bytes + 20)};
    }
    return database_file_read(wal, wal_offset(found->whole), bad->bytes, sizeof(bad->bytes), err);
}

/* *out_candidates is how many bytes may be meant; one is put back. */
static status mend_first(struct database_file *wal, const struct wal_findings *found,
                         int *out_candidates, struct error *err) {
    struct bad_frame bad;
    struct wal_byte byte;
    int64_t base = 0;
    TRY(wal_read_head(wal, &bad.head, err));
    if (bad.head.whole) {
        base = wal_offset(found->whole);
        TRY(read_bad(wal, found, &bad, err));
        byte = find_in_frame(&bad);
    } else {
        uint8_t head[WAL_HEADER_BYTES];
        TRY(database_file_read(wal, 0, head, sizeof(head), err));
        TRY(database_file_read(wal, wal_offset(0), bad.bytes, sizeof(bad.bytes), err));
        byte = find_in_head(head, bad.bytes);
    }
    *out_candidates = byte.candidates;
    if (byte.candidates != 1) {
        return STATUS_OK;
    }
    TRY(database_file_write(wal, base + (int64_t)byte.at,
                            (struct slice){.bytes = (const char *)&byte.was, .count = 1}, err));
    return database_file_sync(wal, err);
}

/* --- all checksums anew --- */

static status copy_frame(struct database_file *from, struct database_file *to, uint64_t index,
                         const struct wal_head *head, struct wal_sum *sum, struct error *err) {
    uint8_t bytes[WAL_FRAME_BYTES];
    TRY(database_file_read(from, wal_offset(index), bytes, sizeof(bytes), err));
    if (get_u32(bytes) == 0 || get_u32(bytes) > PLAUSIBLE_PAGES) {
        put_u32(bytes, 1U + PLAUSIBLE_PAGES); /* a page that nobody reads */
    }
    put_u32(bytes + 8, head->salt_1);
    put_u32(bytes + 12, head->salt_2);
    *sum = sum_of(bytes, *sum, head->big_endian);
    put_u32(bytes + 16, sum->a);
    put_u32(bytes + 20, sum->b);
    return database_file_write(to, wal_offset(index),
                               (struct slice){.bytes = (const char *)bytes, .count = sizeof(bytes)},
                               err);
}

/* The header's salts are those of the frames when it does not verify itself. */
static status copy_head(struct database_file *from, struct database_file *to,
                        struct wal_head *out_head, struct error *err) {
    uint8_t bytes[WAL_HEADER_BYTES];
    uint8_t frame[WAL_FRAME_HEADER_BYTES];
    TRY(database_file_read(from, 0, bytes, sizeof(bytes), err));
    struct wal_head head = wal_parse_head(bytes);
    if (!head.whole) {
        TRY(database_file_read(from, wal_offset(0), frame, sizeof(frame), err));
        put_u32(bytes, 0x377f0682);
        put_u32(bytes + 4, 3007000);
        put_u32(bytes + 8, DATABASE_PAGE_BYTES);
        (void)memcpy(bytes + 16, frame + 8, 8);
        const struct wal_sum sum =
            wal_add_up((struct wal_sum){0}, bytes, WAL_HEADER_BYTES - 8, false);
        put_u32(bytes + 24, sum.a);
        put_u32(bytes + 28, sum.b);
        head = wal_parse_head(bytes);
    }
    *out_head = head;
    return database_file_write(
        to, 0, (struct slice){.bytes = (const char *)bytes, .count = sizeof(bytes)}, err);
}

static status copy_all(struct database_file *from, struct database_file *to, uint64_t frames,
                       struct error *err) {
    struct wal_head head;
    TRY(copy_head(from, to, &head, err));
    struct wal_sum sum = head.sum;
    for (uint64_t i = 0; i < frames; i++) {
        TRY(copy_frame(from, to, i, &head, &sum, err));
    }
    return database_file_sync(to, err);
}

static status rewrite(const char *path, const char *vfs, uint64_t frames, struct error *err) {
    char mended[PATH_BYTES];
    struct database_file *from = NULL;
    struct database_file *to = NULL;
    (void)snprintf(mended, sizeof(mended), "%s.mended", path);
    TRY(database_file_open(vfs, path, DATABASE_FILE_READ, &from, err));
    status copied = database_file_open(vfs, mended, DATABASE_FILE_MAKE, &to, err);
    if (copied == STATUS_OK) {
        copied = copy_all(from, to, frames, err);
    }
    database_file_close(to);
    database_file_close(from);
    TRY(copied);
    return database_file_move(vfs, mended, path, err);
}

/* --- all of it ------------------------------------------------------------------------------- */

static status mend_byte(const char *path, const char *vfs, const struct wal_findings *found,
                        int *out_candidates, struct error *err) {
    struct database_file *wal = NULL;
    TRY(database_file_open(vfs, path, DATABASE_FILE_CHANGE, &wal, err));
    const status mended = mend_first(wal, found, out_candidates, err);
    database_file_close(wal);
    return mended;
}

/* Only what is known to have been synced is mended: the last transaction may be torn as a power cut
 * leaves it, and then nothing of it may come to life, now or later. */
status wal_mend(const char *path, const char *vfs, enum wal_state *out_state, struct error *err) {
    enum wal_state state = WAL_WHOLE;
    for (int i = 0; i < ROUNDS_MAX; i++) {
        struct wal_findings found = {0};
        int candidates = 0;
        const status looked = wal_look(path, vfs, &found, err);
        if (looked == STATUS_NOT_FOUND) {
            break;
        }
        TRY(looked);
        if (!found.damaged) {
            TRY(wal_tail_strike(path, vfs, &found, err));
            break;
        }
        TRY(mend_byte(path, vfs, &found, &candidates, err));
        /* A header is written anew when the log begins from its start, and a power cut may tear it:
         * its frames are in the database by then, and there is nothing to tell of. */
        const bool telling = found.whole > 0;
        if (candidates == 1) {
            state = telling && state == WAL_WHOLE ? WAL_RESTORED : state;
            continue;
        }
        TRY(rewrite(path, vfs, found.committed, err));
        state = telling ? WAL_ACCEPTED : state;
    }
    *out_state = state;
    return STATUS_OK;
}
