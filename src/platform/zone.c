// SPDX-License-Identifier: Apache-2.0
#include "platform/zone.h"

#include <stdio.h>
#include <string.h>

#include "platform/file.h"
#include "platform/zone_rule.h"

enum { HEADER_BYTES = 44, TYPE_BYTES = 6, TYPES_MAX = 256, PATH_BYTES = 128 };

static const char FOLDER[] = "/usr/share/zoneinfo";
static const char SYSTEM_FILE[] = "/etc/localtime";
static const int64_t MOMENT_S_MAX = INT64_C(1) << 60;

struct change {
    int64_t at_s;
    int32_t offset_s;
};

struct zone {
    const struct change *changes; /* in order */
    uint32_t count;
    int32_t first_s; /* before the first change */
    bool has_rule;   /* for what is behind the last one */
    struct zone_rule rule;
};

/* One data block of a file: its counts, and where it lies. */
struct block {
    struct slice bytes;
    uint32_t time_bytes; /* 4 or 8 */
    uint32_t utc_count, standard_count, leap_count, change_count, type_count, letter_count;
};

static uint64_t read_number(const char *bytes, uint32_t count) {
    uint64_t number = 0;
    for (uint32_t i = 0; i < count; i++) {
        number = number << 8 | (uint8_t)bytes[i];
    }
    return number;
}

static int64_t read_moment(const char *bytes, uint32_t count) {
    const uint64_t number = read_number(bytes, count);
    return count == 4 ? (int64_t)(int32_t)(uint32_t)number : (int64_t)number;
}

/* Takes header and data off the front of `rest`. */
static status take_block(struct slice *rest, uint32_t time_bytes, struct block *out_block,
                         char *out_version, struct error *err) {
    if (rest->count < HEADER_BYTES || !slice_starts(*rest, "TZif")) {
        return fail(err, STATUS_CORRUPT, "it is no TZif file, or is cut off");
    }
    uint32_t counts[6];
    for (uint32_t i = 0; i < 6; i++) {
        counts[i] = (uint32_t)read_number(rest->bytes + 20 + (size_t)4 * i, 4);
        if (counts[i] > ZONE_FILE_BYTES_MAX) {
            return fail(err, STATUS_CORRUPT, "it counts more than a file of its size can hold");
        }
    }
    *out_block = (struct block){.time_bytes = time_bytes,
                                .utc_count = counts[0],
                                .standard_count = counts[1],
                                .leap_count = counts[2],
                                .change_count = counts[3],
                                .type_count = counts[4],
                                .letter_count = counts[5]};
    const size_t bytes = (size_t)counts[3] * (time_bytes + 1) + (size_t)counts[4] * TYPE_BYTES +
                         counts[5] + (size_t)counts[2] * (time_bytes + 4) + counts[1] + counts[0];
    if (bytes > rest->count - HEADER_BYTES) {
        return fail(err, STATUS_CORRUPT, "it is cut off");
    }
    *out_version = rest->bytes[4];
    out_block->bytes = slice_part(*rest, HEADER_BYTES, HEADER_BYTES + bytes);
    *rest = slice_part(*rest, HEADER_BYTES + bytes, rest->count);
    return STATUS_OK;
}

static status read_offset(const struct block *block, uint32_t type, int32_t *out_offset,
                          struct error *err) {
    const char *types = block->bytes.bytes + (size_t)block->change_count * (block->time_bytes + 1);
    if (type >= block->type_count) {
        return fail(err, STATUS_CORRUPT, "a change has a type that is not there");
    }
    const int32_t offset = (int32_t)read_moment(types + (size_t)type * TYPE_BYTES, 4);
    if (offset < -ZONE_OFFSET_S_MAX || offset > ZONE_OFFSET_S_MAX) {
        return fail(err, STATUS_CORRUPT, "an offset of more than 26 hours");
    }
    *out_offset = offset;
    return STATUS_OK;
}

static status read_changes(struct arena *arena, const struct block *block, struct zone *zone,
                           struct error *err) {
    if (block->change_count > ZONE_CHANGES_MAX || block->type_count > TYPES_MAX) {
        return fail(err, STATUS_CORRUPT, "it has more than %d changes", ZONE_CHANGES_MAX);
    }
    if (block->leap_count > 0) {
        return fail(err, STATUS_CORRUPT, "it counts leap seconds, which the clock does not");
    }
    TRY(read_offset(block, 0, &zone->first_s, err));
    struct change *changes = arena_get(arena, block->change_count + 1, sizeof(*changes));
    if (changes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a time zone");
    }
    const char *types = block->bytes.bytes + (size_t)block->change_count * block->time_bytes;
    for (uint32_t i = 0; i < block->change_count; i++) {
        struct change *change = &changes[i];
        change->at_s =
            read_moment(block->bytes.bytes + (size_t)i * block->time_bytes, block->time_bytes);
        if (change->at_s > MOMENT_S_MAX || change->at_s < -MOMENT_S_MAX ||
            (i > 0 && change->at_s <= changes[i - 1].at_s)) {
            return fail(err, STATUS_CORRUPT, "its changes are out of order");
        }
        TRY(read_offset(block, (uint8_t)types[i], &change->offset_s, err));
    }
    zone->changes = changes;
    zone->count = block->change_count;
    return STATUS_OK;
}

static status read_footer(struct slice rest, struct zone *zone, struct error *err) {
    const struct slice line = slice_part(rest, 1, rest.count);
    const size_t end = slice_find(line, '\n');
    if (rest.count < 2 || rest.bytes[0] != '\n' || end == line.count) {
        return fail(err, STATUS_CORRUPT, "its last line is cut off");
    }
    zone->has_rule = end > 0;
    if (end > 0 && !zone_rule_read(slice_part(line, 0, end), &zone->rule)) {
        return fail(err, STATUS_CORRUPT, "its last line is no rule for the years to come");
    }
    return STATUS_OK;
}

status zone_read(struct arena *arena, struct slice bytes, const struct zone **out_zone,
                 struct error *err) {
    struct slice rest = bytes;
    struct block block = {0};
    char version = '\0';
    struct zone *zone = arena_get(arena, 1, sizeof(*zone));
    if (zone == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a time zone");
    }
    TRY(take_block(&rest, 4, &block, &version, err));
    if (version >= '2') { /* the same again with 64 bits, and a rule for the years to come */
        TRY(take_block(&rest, 8, &block, &version, err));
        TRY(read_footer(rest, zone, err));
    }
    TRY(read_changes(arena, &block, zone, err));
    *out_zone = zone;
    return STATUS_OK;
}

status zone_read_rule(struct arena *arena, struct slice text, const struct zone **out_zone,
                      struct error *err) {
    struct zone *zone = arena_get(arena, 1, sizeof(*zone));
    if (zone == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a time zone");
    }
    if (!zone_rule_read(text, &zone->rule)) {
        return fail(err, STATUS_INVALID, "'%.*s' is no rule of a time zone",
                    (int)(text.count < 64 ? text.count : 64), text.bytes);
    }
    zone->has_rule = true;
    *out_zone = zone;
    return STATUS_OK;
}

static bool is_zone_name(struct slice name) {
    bool fresh = true; /* at the start of a part */
    for (size_t i = 0; i < name.count; i++) {
        const char c = name.bytes[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool inner = (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';
        if (!letter && (fresh || (!inner && c != '/'))) {
            return false;
        }
        fresh = c == '/';
    }
    return !fresh && name.count <= ZONE_NAME_BYTES_MAX;
}

static status read_file(struct arena *arena, const char *path, const struct zone **out_zone,
                        struct error *err) {
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, ZONE_FILE_BYTES_MAX);
    TRY(file_read(path, &bytes, err));
    if (zone_read(arena, buffer_slice(&bytes), out_zone, err) != STATUS_OK) {
        return fail_while(err, "read %s", path);
    }
    return STATUS_OK;
}

status zone_open(struct arena *arena, struct slice name, const struct zone **out_zone,
                 struct error *err) {
    char path[PATH_BYTES];
    struct file_facts facts;
    const bool own = name.count == 0;
    if (slice_is(name, "UTC") || (own && file_facts(SYSTEM_FILE, &facts, NULL) != STATUS_OK)) {
        return zone_read_rule(arena, SLICE("UTC0"), out_zone, err);
    }
    if (own) {
        return read_file(arena, SYSTEM_FILE, out_zone, err);
    }
    if (!is_zone_name(name)) {
        return fail(err, STATUS_INVALID, "a time zone has a name such as Europe/Berlin or UTC");
    }
    (void)snprintf(path, sizeof(path), "%s/%.*s", FOLDER, SLICE_ARGS(name));
    if (file_facts(FOLDER, &facts, NULL) != STATUS_OK) {
        return fail(err, STATUS_NOT_FOUND,
                    "this machine knows no time zone but UTC: %s is not there (package tzdata)",
                    FOLDER);
    }
    if (file_facts(path, &facts, NULL) != STATUS_OK || !facts.is_regular) {
        return fail(err, STATUS_INVALID, "there is no time zone of that name in %s", FOLDER);
    }
    return read_file(arena, path, out_zone, err);
}

struct zone_piece zone_piece_at(const struct zone *zone, int64_t utc_s) {
    uint32_t low = 0;
    uint32_t high = zone->count; /* of the first change behind the moment */
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (zone->changes[middle].at_s <= utc_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const bool last = low == zone->count;
    struct zone_piece piece = {
        .begins_s = low > 0 ? zone->changes[low - 1].at_s : INT64_MIN,
        .ends_s = last ? INT64_MAX : zone->changes[low].at_s,
        .offset_s = low > 0 ? zone->changes[low - 1].offset_s : zone->first_s,
    };
    piece.before_s = low > 1    ? zone->changes[low - 2].offset_s
                     : low == 1 ? zone->first_s
                                : piece.offset_s;
    if (!last || !zone->has_rule) {
        return piece;
    }
    struct zone_piece ruled = zone_rule_piece_at(&zone->rule, utc_s);
    if (ruled.begins_s <= piece.begins_s) {
        ruled.begins_s = piece.begins_s;
        ruled.before_s = low > 0 ? piece.before_s : ruled.before_s;
    }
    return ruled;
}

void zone_write_local(const struct zone *zone, int64_t wall_ms, char out_text[TIME_TEXT_BYTES]) {
    const int64_t utc_s = wall_ms / 1000;
    const int offset_s = zone_piece_at(zone, utc_s).offset_s;
    const int minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    time_write_plain(wall_ms + (int64_t)offset_s * 1000, out_text);
    (void)snprintf(out_text + 19, TIME_TEXT_BYTES - 19, "%c%02d:%02d", offset_s < 0 ? '-' : '+',
                   minutes / 60 % 100, minutes % 60);
}
