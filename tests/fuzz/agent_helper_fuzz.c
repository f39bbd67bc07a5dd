// SPDX-License-Identifier: Apache-2.0
/* What ebb_agent.h finds in a JSON object is what ebb finds in it; in anything else it finds
 * something inside of it, or nothing. */
#include "../../helpers/c/ebb_agent.h"

#include <stdint.h>

#include "platform/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { BYTES_MAX = 1 << 16, ARENA_BYTES_MAX = 64 << 20 };

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static int has_zero(struct slice text) {
    return text.count > 0 && memchr(text.bytes, 0, text.count) != NULL;
}

/* Both read the same value at `at`. */
static void compare(struct value value, const char *at) {
    static char text[BYTES_MAX];
    const struct slice wanted = value_text(value);
    need(at != NULL);
    if (value.kind == VALUE_TEXT) {
        need(ebb_as_text(at, text, sizeof(text)) == (long)wanted.count);
        need(memcmp(text, wanted.bytes, wanted.count) == 0);
    } else if (value_is_number(value) && value.kind != VALUE_RAW) {
        need(ebb_as_number(at, -1) == value_number(value));
    } else if (value.kind == VALUE_LIST) {
        for (uint32_t i = 0; i < value.count && i < 10; i++) {
            compare(value.items[i], ebb_item(at, (int)i));
        }
        need(ebb_item(at, (int)value.count) == NULL);
    } else if (value.kind == VALUE_OBJECT) {
        for (uint32_t i = 0; i < value.count && i < 10; i++) {
            char name[EBB_TEXT_BYTES_MAX] = "";
            const struct slice whole = value.members[i].name;
            if (whole.count < sizeof(name) && !has_zero(whole)) {
                (void)memcpy(name, whole.bytes, whole.count);
                compare(*value_get(value, whole), ebb_member(at, name));
            }
        }
    }
}

static void look_inside(const char *line, size_t count) {
    char text[8];
    const char *found[] = {ebb_member(line, "a"), ebb_item(line, 1), ebb_member(line, "")};
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
        need(found[i] == NULL || (found[i] >= line && found[i] <= line + count));
        (void)ebb_as_text(found[i], text, sizeof(text)); /* that it ends is what is looked at */
        (void)ebb_as_number(found[i], 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    if (count > BYTES_MAX - 1) {
        return 0;
    }
    char *line = malloc(count + 1); /* of its own size, so that a step beyond it is seen */
    need(line != NULL);
    if (count > 0) {
        (void)memcpy(line, bytes, count);
    }
    line[count] = '\0';
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    struct value value;
    const struct slice text = {.bytes = line, .count = count};
    if (!has_zero(text) && json_read(&arena, text, &value, NULL) == STATUS_OK) {
        compare(value, ebb_blank(line));
    }
    look_inside(line, count);
    arena_done(&arena);
    free(line);
    return 0;
}
