// SPDX-License-Identifier: Apache-2.0
/* What json_member finds in an object is what json_read finds in it; in anything else it finds some
 * part of it, or nothing. */
#include <stdint.h>
#include <stdlib.h>

#include "platform/json.h"
#include "platform/json_member.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { ARENA_BYTES = 64 << 20, TEXT_BYTES_MAX = 1 << 20, MEMBERS_MAX = 50, NAME_BYTES_MAX = 1024 };

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void compare_text(struct slice wanted, const struct json_member *found) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, TEXT_BYTES_MAX);
    need(found->kind == JSON_MEMBER_TEXT);
    json_member_text(&text, found->raw);
    need(slice_equal(buffer_slice(&text), wanted));
    need(found->escaped || slice_equal(found->raw, wanted));
}

static void compare(struct value wanted, const struct json_member *found) {
    switch (wanted.kind) {
    case VALUE_NULL:
        need(found->kind == JSON_MEMBER_NONE);
        break;
    case VALUE_BOOLEAN:
        need(found->kind == (wanted.boolean ? JSON_MEMBER_TRUE : JSON_MEMBER_FALSE));
        break;
    case VALUE_INTEGER:
        need(found->kind == JSON_MEMBER_INTEGER && found->integer == wanted.integer);
        break;
    case VALUE_REAL:
        need(found->real == wanted.real);
        break;
    case VALUE_TEXT:
        compare_text(value_text(wanted), found);
        break;
    case VALUE_LIST:
        need(found->kind == JSON_MEMBER_LIST);
        break;
    case VALUE_OBJECT:
        need(found->kind == JSON_MEMBER_OBJECT);
        break;
    default:
        need(found->kind == JSON_MEMBER_REAL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    const struct slice text = {.bytes = (const char *)bytes, .count = count};
    struct value value;
    const struct json_member any = json_member_find(text, SLICE("a"));
    need(any.raw.count <= count);
    if (json_read(&arena, text, &value, NULL) != STATUS_OK || value.kind != VALUE_OBJECT) {
        return 0;
    }
    struct slice name;
    struct json_member member;
    size_t place = 0;
    uint32_t seen = 0;
    while (json_member_next(text, &place, &name, &member)) {
        need(seen < value.count);
        compare(value.members[seen++].value, &member);
    }
    need(seen == value.count);
    for (uint32_t i = 0; i < value.count && i < MEMBERS_MAX; i++) {
        if (value.members[i].name.count < NAME_BYTES_MAX) {
            member = json_member_find(text, value.members[i].name);
            compare(*value_get(value, value.members[i].name), &member);
        }
    }
    return 0;
}
