// SPDX-License-Identifier: Apache-2.0
/* What picture_set_parse_idx accepts has as many bytes as its shape and count say, and labels that
 * are some; what it refuses has one sentence. The input is a file of pictures; and, cut where its
 * first byte says, one of pictures and one of labels. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/picture_set.h"

enum { SET_BYTES_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void read_one(struct slice pictures, struct slice labels) {
    struct picture_set set;
    struct error err = {0};
    if (picture_set_parse_idx(pictures, labels, SET_BYTES_MAX, &set, &err) != STATUS_OK) {
        need(err.text[0] != '\0' && strchr(err.text, '\n') == NULL);
        return;
    }
    const size_t each = picture_bytes(&set.shape);
    need(each > 0 && set.count * each <= pictures.count && set.count * each <= SET_BYTES_MAX);
    need(set.count == 0 || memcmp(set.pixels, pictures.bytes + pictures.count - set.count * each,
                                  set.count * each) == 0);
    for (size_t i = 0; i < set.count; i++) {
        need(set.labels[i] >= PICTURE_NO_LABEL && set.labels[i] < IDX_NO_LABEL);
        need(labels.bytes != NULL || set.labels[i] == PICTURE_NO_LABEL);
    }
    picture_set_done(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const struct slice whole = {.bytes = (const char *)bytes, .count = count};
    read_one(whole, (struct slice){0});
    if (count > 1) {
        const struct slice rest = slice_part(whole, 1, count);
        read_one(slice_part(rest, 0, bytes[0]), slice_part(rest, bytes[0], rest.count));
    }
    return 0;
}
