// SPDX-License-Identifier: Apache-2.0
#include "power_blobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/hash.h"

enum { BYTES_MAX = 1 << 20, TEXT_BYTES = 32 };

static struct slice content_of(int index, char text[TEXT_BYTES]) {
    (void)snprintf(text, TEXT_BYTES, "picture %d", index);
    return slice_of(text);
}

static void path_of(const struct power_blobs *blobs, int index, char path[128]) {
    char hex[ID_HEX_BYTES + 1];
    id_write_hex(blobs->ids[index], hex);
    (void)snprintf(path, 128, "%.60s/blobs/%s", blobs->folder, hex);
}

static int find(const struct power_blobs *blobs, struct slice hash) {
    for (int i = 0; i < POWER_BLOBS && hash.count == ID_BYTES; i++) {
        if (memcmp(hash.bytes, blobs->ids[i].bytes, ID_BYTES) == 0) {
            return i;
        }
    }
    return -1;
}

bool power_blobs_open(struct power_blobs *blobs) {
    struct error err;
    (void)snprintf(blobs->folder, sizeof(blobs->folder), "%s/ebb-blobs-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    for (int i = 0; i < POWER_BLOBS; i++) {
        char text[TEXT_BYTES];
        blobs->ids[i] = hash_128(content_of(i, text), (struct slice){0});
    }
    return mkdtemp(blobs->folder) != NULL &&
           blobs_open(blobs->folder, BYTES_MAX, &blobs->blobs, &err) == STATUS_OK;
}

bool power_blobs_close(struct power_blobs *blobs) {
    char path[128];
    for (int i = 0; i < POWER_BLOBS; i++) {
        path_of(blobs, i, path);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof(path), "%.60s/blobs", blobs->folder);
    (void)rmdir(path); /* it is not there when no blob was kept */
    blobs_close(blobs->blobs);
    return rmdir(blobs->folder) == 0;
}

bool power_blobs_keep(struct power_blobs *blobs, int index) {
    struct blob *blob = NULL;
    struct error err;
    char text[TEXT_BYTES];
    const bool kept =
        blob_copy(SLICE("image/png"), content_of(index, text), &blob, &err) == STATUS_OK &&
        blobs_keep(blobs->blobs, blob, &err) == STATUS_OK;
    blob_release(blob);
    return kept;
}

struct blob_hold power_blobs_hold(const struct power_blobs *blobs, int index, int holders,
                                  int64_t keep_ms) {
    char text[TEXT_BYTES];
    return (struct blob_hold){.id = blobs->ids[index],
                              .bytes = (int64_t)content_of(index, text).count,
                              .type = SLICE("image/png"),
                              .keep_ms = keep_ms,
                              .holders = holders};
}

int power_blobs_named(const struct power_blobs *blobs, struct slice json) {
    static const char NAMES[] = "\"b\":\"";
    const size_t before = sizeof(NAMES) - 1;
    for (size_t i = before; i + ID_HEX_BYTES <= json.count; i++) {
        struct id id;
        if (memcmp(json.bytes + i - before, NAMES, before) == 0 &&
            id_read(slice_part(json, i, i + ID_HEX_BYTES), &id)) {
            return find(blobs, id_slice(&id));
        }
    }
    return -1;
}

uint32_t power_blobs_files(const struct power_blobs *blobs) {
    uint32_t files = 0;
    for (int i = 0; i < POWER_BLOBS; i++) {
        char path[128];
        path_of(blobs, i, path);
        files |= access(path, F_OK) == 0 ? UINT32_C(1) << i : 0;
    }
    return files;
}

status power_blobs_restore(struct power_blobs *blobs, struct database *database,
                           struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, "SELECT hash FROM blob");
    while (query_next(&query)) {
        const int index = find(blobs, query_bytes(&query, 0));
        if (index < 0 || !power_blobs_keep(blobs, index)) {
            return fail(err, STATUS_CORRUPT, "a blob is there that nobody kept");
        }
        blobs_unpin(blobs->blobs, blobs->ids[index]);
    }
    return query_status(&query, err);
}

status power_blobs_check(const struct power_blobs *blobs, struct database *database, uint32_t files,
                         struct error *err) {
    static const char ROWS[] = "SELECT hash, holders, (SELECT count(*) FROM step"
                               "   WHERE output ->> 'b' = lower(hex(hash))) FROM blob";
    static const char WITHOUT[] =
        "SELECT count(*) FROM record WHERE kind & 255 = 1 AND body ->> 'b' IS NOT NULL AND NOT"
        " EXISTS (SELECT 1 FROM blob WHERE lower(hex(hash)) = body ->> 'b' AND expires_ms > 0)";
    CLEANUP(query_done) struct query query = query_on(database, ROWS);
    while (query_next(&query)) {
        const int index = find(blobs, query_bytes(&query, 0));
        if (index < 0 || (files >> index & 1) == 0) {
            return fail(err, STATUS_CORRUPT, "the file of blob %d went before its row", index);
        }
        if (query_number(&query, 1) != query_number(&query, 2)) {
            return fail(err, STATUS_CORRUPT, "blob %d has %lld holders, and %lld name it", index,
                        (long long)query_number(&query, 1), (long long)query_number(&query, 2));
        }
    }
    TRY(query_status(&query, err));
    CLEANUP(query_done) struct query without = query_on(database, WITHOUT);
    int64_t count = 0;
    TRY(query_one_number(&without, &count, err));
    return count == 0
               ? STATUS_OK
               : fail(err, STATUS_CORRUPT, "%lld results attach what has no row", (long long)count);
}

void power_blobs_lose(const struct power_blobs *blobs, struct database *database) {
    CLEANUP(query_done) struct query query = query_on(database, "SELECT hash FROM blob LIMIT 1");
    const int index = query_next(&query) ? find(blobs, query_bytes(&query, 0)) : -1;
    if (index >= 0) {
        char path[128];
        path_of(blobs, index, path);
        (void)unlink(path);
    }
}
