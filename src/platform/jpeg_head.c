// SPDX-License-Identifier: Apache-2.0
#include "platform/jpeg_head.h"

#include <stdbool.h>
#include <string.h>

#include "platform/exif.h"

enum { MARKER_SOI = 0xd8, MARKER_EOI = 0xd9, MARKER_SOS = 0xda, MARKER_APP1 = 0xe1 };
enum { MARKER_SOF0 = 0xc0, MARKER_SOF2 = 0xc2, MARKER_SOF15 = 0xcf };
enum { MARKER_DHT = 0xc4, MARKER_JPG = 0xc8, MARKER_DAC = 0xcc };
enum { COMPONENTS_MAX = 4, SAMPLING_MAX = 4, COEFFICIENT_BYTES = 2, BLOCK = 8 };

static const char EXIF[] = "Exif\0";

static uint8_t byte_at(struct slice bytes, size_t at) {
    return (uint8_t)bytes.bytes[at];
}

static uint32_t short_at(struct slice bytes, size_t at) {
    return (uint32_t)byte_at(bytes, at) << 8 | byte_at(bytes, at + 1);
}

/* All SOFn are frames but for three numbers among them that mean something else. */
static bool is_frame(uint8_t marker) {
    return marker >= MARKER_SOF0 && marker <= MARKER_SOF15 && marker != MARKER_DHT &&
           marker != MARKER_JPG && marker != MARKER_DAC;
}

static uint64_t round_up(uint64_t number, uint64_t to) {
    return (number + to - 1) / to * to;
}

/* What is in the frame: 8 bits, height, width, and three bytes for each component. */
static status read_frame(struct slice part, struct jpeg_head *head, struct error *err) {
    const uint32_t components = part.count >= 6 ? byte_at(part, 5) : 0;
    if (components == 0 || components > COMPONENTS_MAX || part.count < 6 + components * 3) {
        return fail(err, STATUS_INVALID, "a JPEG whose frame makes no sense");
    }
    head->height = short_at(part, 1);
    head->width = short_at(part, 3);
    uint32_t most_across = 1, most_down = 1;
    uint64_t blocks = 0;
    for (uint32_t i = 0; i < components; i++) {
        const uint32_t across = byte_at(part, 7 + i * 3) >> 4;
        const uint32_t down = byte_at(part, 7 + i * 3) & 15;
        if (across == 0 || across > SAMPLING_MAX || down == 0 || down > SAMPLING_MAX) {
            return fail(err, STATUS_INVALID, "a JPEG whose frame makes no sense");
        }
        most_across = across > most_across ? across : most_across;
        most_down = down > most_down ? down : most_down;
        blocks += (uint64_t)across * down;
    }
    const uint64_t units = round_up(head->width, BLOCK * most_across) / (BLOCK * most_across) *
                           (round_up(head->height, BLOCK * most_down) / (BLOCK * most_down));
    head->coefficient_bytes = units * blocks * BLOCK * BLOCK * COEFFICIENT_BYTES;
    return STATUS_OK;
}

static uint32_t count_scans(struct slice encoded, size_t from) {
    uint32_t scans = 0;
    const char *at = encoded.bytes + from;
    const char *end = encoded.bytes + encoded.count;
    while ((at = memchr(at, 0xff, (size_t)(end - at))) != NULL && at + 1 < end) {
        scans += (uint8_t)at[1] == MARKER_SOS;
        at++;
    }
    return scans;
}

static status read_part(uint8_t marker, struct slice part, struct jpeg_head *head,
                        struct error *err) {
    if (is_frame(marker)) {
        return read_frame(part, head, err);
    }
    if (marker == MARKER_APP1 && part.count > sizeof(EXIF) &&
        memcmp(part.bytes, EXIF, sizeof(EXIF)) == 0) {
        head->orientation = exif_orientation(slice_part(part, sizeof(EXIF), part.count));
    }
    return STATUS_OK;
}

status jpeg_head_read(struct slice encoded, struct jpeg_head *out_head, struct error *err) {
    struct jpeg_head head = {.orientation = 1};
    size_t at = 2;
    uint8_t frame = 0;
    while (at + 4 <= encoded.count && byte_at(encoded, at) == 0xff) {
        const uint8_t marker = byte_at(encoded, at + 1);
        if (marker == 0xff) { /* a marker may have any number of these in front */
            at++;
            continue;
        }
        if (marker == MARKER_SOS) {
            break;
        }
        const size_t bytes = short_at(encoded, at + 2);
        if (marker <= 1 || (marker >= 0xd0 && marker <= MARKER_EOI) || bytes < 2 ||
            bytes > encoded.count - at - 2) {
            return fail(err, STATUS_INVALID, "a JPEG that is cut off or damaged in its head");
        }
        TRY(read_part(marker, slice_part(encoded, at + 4, at + 2 + bytes), &head, err));
        frame = is_frame(marker) ? marker : frame;
        at += 2 + bytes;
    }
    if (at + 4 > encoded.count || byte_at(encoded, at) != 0xff || frame == 0) {
        return fail(err, STATUS_INVALID, "a JPEG that is cut off or damaged in its head");
    }
    head.scans = count_scans(encoded, at);
    if (head.scans <= 1 && frame != MARKER_SOF2) {
        head.coefficient_bytes = 0;
    }
    *out_head = head;
    return STATUS_OK;
}
