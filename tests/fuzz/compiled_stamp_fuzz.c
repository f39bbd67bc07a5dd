// SPDX-License-Identifier: Apache-2.0
/* A file has a stamp in its one form, or is refused with a sentence; a stamp that is put behind any
 * bytes is read as it was, or the bytes are no file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "model/compiled_stamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { FILE_BYTES_MAX = 1 << 20 };

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void check_bytes(struct slice file) {
    struct compiled_stamp stamp;
    struct error err = {0};
    if (compiled_stamp_read(file, &stamp, &err) != STATUS_OK) {
        need(err.text[0] != '\0');
        return;
    }
    CLEANUP(buffer_done) struct buffer again;
    buffer_init(&again, FILE_BYTES_MAX);
    compiled_stamp_add(&again, &stamp);
    need(again.count < file.count);
    need(memcmp(file.bytes + file.count - again.count, again.bytes, again.count) == 0);
}

/* What a library says that it is; no library says what is not ASCII. */
static void take_text(struct slice bytes, char *out_text, size_t room) {
    const struct slice part = slice_part(bytes, 0, room - 1);
    for (size_t i = 0; i < part.count; i++) {
        out_text[i] = (char)(part.bytes[i] & 127);
    }
    out_text[part.count] = '\0';
}

static void check_behind(struct slice graph) {
    struct compiled_stamp stamp = {.graph = checksum_64(graph)};
    struct compiled_stamp read;
    CLEANUP(buffer_done) struct buffer file;
    buffer_init(&file, FILE_BYTES_MAX);
    take_text(graph, stamp.release, sizeof(stamp.release));
    take_text(graph, stamp.processor, sizeof(stamp.processor));
    buffer_add(&file, graph);
    compiled_stamp_add(&file, &stamp);
    if (file.failed == STATUS_OK &&
        compiled_stamp_read(buffer_slice(&file), &read, NULL) == STATUS_OK) {
        need(compiled_stamp_check(&read, &stamp, NULL) == STATUS_OK);
        need(read.graph == stamp.graph);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const struct slice file = {.bytes = (const char *)bytes, .count = count};
    check_bytes(file);
    check_behind(file);
    return 0;
}
