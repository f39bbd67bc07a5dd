// SPDX-License-Identifier: Apache-2.0
#include "model/picture_set.h"

#include <assert.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "platform/file.h"

enum {
    ROOM_FIRST = 256,
    IDX_BYTES = 0x08, /* the kind of number that is a byte */
    IDX_HEAD_BYTES = 4,
    IDX_SIZE_BYTES = 4,
    PICTURES_RANK = 3,
    LABELS_RANK = 1
};

size_t picture_bytes(const struct picture_shape *shape) {
    return (size_t)shape->channels * shape->height * shape->width;
}

status picture_set_init(struct picture_set *set, const struct picture_shape *shape,
                        size_t bytes_max, struct error *err) {
    *set = (struct picture_set){.shape = *shape, .bytes_max = bytes_max};
    if (shape->channels < 1 || shape->channels > PICTURE_CHANNELS_MAX || shape->height < 1 ||
        shape->height > PICTURE_SIDE_MAX || shape->width < 1 || shape->width > PICTURE_SIDE_MAX) {
        return fail(err, STATUS_INVALID,
                    "a picture to train on has from 1 to %d channels and sides from 1 to %d, not "
                    "%u x %u x %u",
                    PICTURE_CHANNELS_MAX, PICTURE_SIDE_MAX, shape->channels, shape->height,
                    shape->width);
    }
    return STATUS_OK;
}

void picture_set_done(struct picture_set *set) {
    memory_free(set->pixels);
    memory_free(set->labels);
    *set = (struct picture_set){0};
}

/* Room doubles, but never beyond the bound. */
static status grow(struct picture_set *set, size_t room, struct error *err) {
    const size_t each = picture_bytes(&set->shape) + sizeof(*set->labels);
    size_t most = set->bytes_max / each;
    most = most < PICTURE_COUNT_MAX ? most : PICTURE_COUNT_MAX;
    if (room > most) {
        room = most;
    }
    if (room <= set->count) {
        return fail(err, STATUS_FULL,
                    "at most %zu pictures of %u x %u x %u fit the %zu MiB that training may take",
                    most, set->shape.channels, set->shape.height, set->shape.width,
                    set->bytes_max >> 20);
    }
    uint8_t *pixels = memory_resize(set->pixels, room * picture_bytes(&set->shape));
    if (pixels != NULL) {
        set->pixels = pixels;
    }
    int16_t *labels = memory_resize(set->labels, room * sizeof(*labels));
    if (labels != NULL) {
        set->labels = labels;
    }
    if (pixels == NULL || labels == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    set->room = room;
    return STATUS_OK;
}

status picture_set_add(struct picture_set *set, const uint8_t *pixels, int16_t label,
                       struct error *err) {
    assert(label >= PICTURE_NO_LABEL && label < PICTURE_LABELS_MAX);
    if (set->count == set->room) {
        TRY(grow(set, set->room > 0 ? 2 * set->room : ROOM_FIRST, err));
    }
    const size_t bytes = picture_bytes(&set->shape);
    (void)memcpy(set->pixels + set->count * bytes, pixels, bytes);
    set->labels[set->count++] = label;
    return STATUS_OK;
}

/* The head of an IDX file: two zeroes, the kind of number, the rank, a size for each dimension. */
struct idx {
    uint32_t sizes[PICTURES_RANK];
    struct slice bytes; /* behind the head; as many as the sizes say */
};

static uint32_t big_endian(const char *bytes) {
    uint32_t number = 0;
    for (int i = 0; i < IDX_SIZE_BYTES; i++) {
        number = number << 8 | (unsigned char)bytes[i];
    }
    return number;
}

static status read_idx(struct slice whole, unsigned rank, struct idx *out_idx, struct error *err) {
    const size_t head = IDX_HEAD_BYTES + (size_t)rank * IDX_SIZE_BYTES;
    if (whole.count < head || whole.bytes[0] != 0 || whole.bytes[1] != 0 ||
        whole.bytes[2] != IDX_BYTES || whole.bytes[3] != (char)rank) {
        return fail(err, STATUS_CORRUPT,
                    "this is no IDX file of bytes in %u dimension%s: it should begin with 00 00 08 "
                    "%02x and the sizes (a .gz is unpacked first)",
                    rank, rank == 1 ? "" : "s", rank);
    }
    struct idx idx = {.bytes = slice_part(whole, head, whole.count)};
    uint64_t wanted = 1;
    for (unsigned i = 0; i < rank; i++) {
        idx.sizes[i] = big_endian(whole.bytes + IDX_HEAD_BYTES + (size_t)i * IDX_SIZE_BYTES);
        wanted *= idx.sizes[i];
        wanted = wanted < UINT32_MAX ? wanted : UINT32_MAX; /* more than a file may have */
    }
    if (wanted != idx.bytes.count) {
        return fail(err, STATUS_CORRUPT,
                    "there are %zu bytes behind its head, and its sizes ask for %s%llu",
                    idx.bytes.count, wanted == UINT32_MAX ? "more than " : "",
                    (unsigned long long)wanted);
    }
    *out_idx = idx;
    return STATUS_OK;
}

/* Adds all of them; `labels` has no bytes where there are none. */
static status fill(struct picture_set *set, const struct idx *pictures, struct slice labels,
                   struct error *err) {
    const size_t bytes = picture_bytes(&set->shape);
    if (pictures->sizes[0] > 0) {
        TRY(grow(set, pictures->sizes[0], err));
    }
    for (size_t i = 0; i < pictures->sizes[0]; i++) {
        int16_t label = PICTURE_NO_LABEL;
        if (labels.count > 0) {
            const uint8_t said = (uint8_t)labels.bytes[i];
            label = said != IDX_NO_LABEL ? said : PICTURE_NO_LABEL;
        }
        const char *at = pictures->bytes.bytes + i * bytes;
        TRY(picture_set_add(set, (const uint8_t *)at, label, err));
    }
    return STATUS_OK;
}

status picture_set_parse_idx(struct slice pictures_bytes, struct slice labels_bytes,
                             size_t bytes_max, struct picture_set *out_set, struct error *err) {
    struct idx pictures;
    struct idx labels = {0};
    TRY(read_idx(pictures_bytes, PICTURES_RANK, &pictures, err));
    if (labels_bytes.bytes != NULL) {
        if (read_idx(labels_bytes, LABELS_RANK, &labels, err) != STATUS_OK) {
            return fail_while(err, "the labels");
        }
        if (labels.sizes[0] != pictures.sizes[0]) {
            return fail(err, STATUS_INVALID, "there are %u labels for %u pictures", labels.sizes[0],
                        pictures.sizes[0]);
        }
    }
    const struct picture_shape shape = {
        .channels = 1, .height = pictures.sizes[1], .width = pictures.sizes[2]};
    struct picture_set set;
    status done = picture_set_init(&set, &shape, bytes_max, err);
    if (done == STATUS_OK) {
        done = fill(&set, &pictures, labels.bytes, err);
    }
    if (done != STATUS_OK) {
        picture_set_done(&set);
        return done;
    }
    *out_set = set;
    return STATUS_OK;
}

status picture_set_read_idx(const char *pictures_path, const char *labels_path, size_t bytes_max,
                            struct picture_set *out_set, struct error *err) {
    CLEANUP(buffer_done) struct buffer pictures;
    CLEANUP(buffer_done) struct buffer labels;
    buffer_init(&pictures, IDX_FILE_BYTES_MAX);
    buffer_init(&labels, IDX_FILE_BYTES_MAX);
    TRY(file_read(pictures_path, &pictures, err));
    if (labels_path != NULL) {
        TRY(file_read(labels_path, &labels, err));
    }
    struct slice labels_bytes = {0};
    if (labels_path != NULL) {
        labels_bytes = labels.count > 0 ? buffer_slice(&labels) : SLICE(""); /* empty, but there */
    }
    if (picture_set_parse_idx(buffer_slice(&pictures), labels_bytes, bytes_max, out_set, err) !=
        STATUS_OK) {
        return fail_while(err, "read '%s'", pictures_path);
    }
    return STATUS_OK;
}
