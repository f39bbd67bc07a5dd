// SPDX-License-Identifier: Apache-2.0
#include "platform/json.h"

#include <assert.h>
#include <math.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <yyjson.h>

#include "base/blob.h"
#include "base/memory.h"
#include "base/text.h"

enum {
    SCRATCH_BYTES = 16 * 1024, /* on the stack: enough for any text of 1,300 bytes */
    BUDGET_FACTOR = 4, /* yyjson's estimate is 2.7 bytes for one of text, and it grows by half */
    PAD_BYTES = 4      /* yyjson wants so many zeroes behind a text that it may change */
};

static_assert(PAD_BYTES >= YYJSON_PADDING_SIZE, "yyjson asks for more zeroes behind the text");
static_assert(sizeof(struct member) == 2 * sizeof(struct value), "a member is two values long");

/* ---- reading ---------------------------------------------------------------------------- */

/* yyjson's own values, which live only while we read. A text that needs more of them than this
 * would not fit the arena either, so that a bound of the arena is one of the heap as well. */
struct budget {
    size_t bytes_max; /* of a block */
    bool met;         /* or the arena's */
};

static void *scratch_resize(void *owner, void *block, size_t old_bytes, size_t bytes) {
    (void)old_bytes;
    struct budget *budget = owner;
    if (bytes > budget->bytes_max) {
        budget->met = true;
        return NULL;
    }
    return memory_resize(block, bytes);
}

static void *scratch_new(void *owner, size_t bytes) {
    return scratch_resize(owner, NULL, 0, bytes);
}

static void scratch_free(void *owner, void *block) {
    (void)owner;
    memory_free(block);
}

/* One reading: yyjson's values are turned into ours one for one, so that one block holds all. */
struct reading {
    struct arena *arena;
    struct value *next; /* free values, as many as are left to turn */
    int depth_max;
};

enum outcome { READ_OK, READ_DEEP, READ_FULL };

static enum outcome turn(struct reading *reading, yyjson_val *from, int depth, struct value *out);

static enum outcome turn_list(struct reading *reading, yyjson_val *from, int depth,
                              struct value *out) {
    const size_t count = unsafe_yyjson_get_len(from);
    struct value *items = reading->next;
    reading->next += count;
    *out = (struct value){.kind = VALUE_LIST, .count = (uint32_t)count, .items = items};
    yyjson_val *item = unsafe_yyjson_get_first(from);
    for (size_t i = 0; i < count; i++) {
        const enum outcome outcome = turn(reading, item, depth + 1, &items[i]);
        if (outcome != READ_OK) {
            return outcome;
        }
        item = unsafe_yyjson_get_next(item);
    }
    return READ_OK;
}

static enum outcome turn_object(struct reading *reading, yyjson_val *from, int depth,
                                struct value *out) {
    const size_t count = unsafe_yyjson_get_len(from);
    struct member *members = (struct member *)(void *)reading->next;
    reading->next += 2 * count;
    *out = (struct value){.kind = VALUE_OBJECT, .count = (uint32_t)count, .members = members};
    yyjson_val *name = unsafe_yyjson_get_first(from);
    for (size_t i = 0; i < count; i++) {
        members[i].name = (struct slice){.bytes = unsafe_yyjson_get_str(name),
                                         .count = unsafe_yyjson_get_len(name)};
        yyjson_val *value = name + 1;
        const enum outcome outcome = turn(reading, value, depth + 1, &members[i].value);
        if (outcome != READ_OK) {
            return outcome;
        }
        name = unsafe_yyjson_get_next(value);
    }
    return READ_OK;
}

static enum outcome turn_number(struct reading *reading, yyjson_val *from, struct value *out) {
    switch (unsafe_yyjson_get_subtype(from)) {
    case YYJSON_SUBTYPE_REAL:
        *out = (struct value){.kind = VALUE_REAL, .real = from->uni.f64};
        return READ_OK;
    case YYJSON_SUBTYPE_SINT:
        *out = (struct value){.kind = VALUE_INTEGER, .integer = from->uni.i64};
        return READ_OK;
    default:
        break;
    }
    if (from->uni.u64 <= INT64_MAX) {
        *out = (struct value){.kind = VALUE_INTEGER, .integer = (int64_t)from->uni.u64};
        return READ_OK;
    }
    const struct slice digits =
        arena_print(reading->arena, "%llu", (unsigned long long)from->uni.u64);
    *out = (struct value){.kind = VALUE_RAW, .count = (uint32_t)digits.count, .text = digits.bytes};
    return digits.bytes != NULL ? READ_OK : READ_FULL;
}

static enum outcome turn(struct reading *reading, yyjson_val *from, int depth, struct value *out) {
    switch (unsafe_yyjson_get_type(from)) {
    case YYJSON_TYPE_BOOL:
        *out = value_of_boolean(unsafe_yyjson_get_bool(from));
        return READ_OK;
    case YYJSON_TYPE_NUM:
        return turn_number(reading, from, out);
    case YYJSON_TYPE_RAW:
    case YYJSON_TYPE_STR:
        *out = (struct value){.kind = unsafe_yyjson_get_type(from) == YYJSON_TYPE_STR ? VALUE_TEXT
                                                                                      : VALUE_RAW,
                              .count = (uint32_t)unsafe_yyjson_get_len(from),
                              .text = unsafe_yyjson_get_str(from)};
        return READ_OK;
    case YYJSON_TYPE_ARR:
        return depth > reading->depth_max ? READ_DEEP : turn_list(reading, from, depth, out);
    case YYJSON_TYPE_OBJ:
        return depth > reading->depth_max ? READ_DEEP : turn_object(reading, from, depth, out);
    default:
        *out = (struct value){0};
        return READ_OK;
    }
}

/* Index of the bracket that opens one level too many, in a text that is known to be JSON. */
static size_t find_depth(struct slice text, int depth_max) {
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.count; i++) {
        const char c = text.bytes[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            if (++depth > depth_max) {
                return i;
            }
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return 0;
}

static status fail_at(struct error *err, struct slice text, size_t index, const char *what) {
    size_t line = 1;
    size_t column = 1;
    size_t letters = 0;
    (void)yyjson_locate_pos(text.bytes, text.count, index, &line, &column, &letters);
    return fail(err, STATUS_INVALID, "not JSON at %zu:%zu: %s", line, column, what);
}

static status fail_deep(struct error *err, struct slice text, int depth_max) {
    char what[64];
    (void)snprintf(what, sizeof(what), "nested deeper than %d levels", depth_max);
    return fail_at(err, text, find_depth(text, depth_max), what);
}

static status fail_full(struct error *err, struct slice text, const struct arena *arena) {
    return fail(err, STATUS_FULL, "JSON of %zu bytes does not fit the %zu bytes for it", text.count,
                arena->bytes_max);
}

static status turn_document(struct arena *arena, yyjson_doc *document, struct slice text,
                            int depth_max, struct value *out_value, struct error *err) {
    struct reading reading = {.arena = arena, .depth_max = depth_max};
    reading.next = arena_get(arena, yyjson_doc_get_val_count(document), sizeof(struct value));
    struct value value = {0};
    enum outcome outcome = READ_FULL;
    if (reading.next != NULL) {
        outcome = turn(&reading, yyjson_doc_get_root(document), 1, &value);
    }
    switch (outcome) {
    case READ_OK:
        *out_value = value;
        return STATUS_OK;
    case READ_DEEP:
        return fail_deep(err, text, depth_max);
    default:
        return fail_full(err, text, arena);
    }
}

/* yyjson reads a copy that lies in the arena and unescapes strings where they stand: the values
 * point into it, so no string is copied by itself. */
static yyjson_doc *parse(struct arena *arena, struct slice text, yyjson_alc *scratch,
                         struct budget *budget, yyjson_read_err *out_wrong) {
    char *copy = arena_get(arena, text.count + PAD_BYTES, 1);
    if (copy == NULL) {
        budget->met = true;
        out_wrong->code = YYJSON_READ_ERROR_MEMORY_ALLOCATION;
        return NULL;
    }
    (void)memcpy(copy, text.bytes, text.count);
    return yyjson_read_opts(copy, text.count, YYJSON_READ_INSITU | YYJSON_READ_BIGNUM_AS_RAW,
                            scratch, out_wrong);
}

static status read_to_depth(struct arena *arena, struct slice text, int depth_max,
                            struct value *out_value, struct error *err) {
    if (text.count > JSON_BYTES_MAX) {
        return fail(err, STATUS_FULL, "JSON of %zu bytes: at most %d are read", text.count,
                    JSON_BYTES_MAX);
    }
    if (text.count == 0) {
        return fail(err, STATUS_INVALID, "not JSON at 1:1: there is nothing");
    }
    struct budget budget = {.bytes_max = arena->bytes_max < SIZE_MAX / BUDGET_FACTOR
                                             ? arena->bytes_max * BUDGET_FACTOR
                                             : SIZE_MAX};
    yyjson_alc scratch = {
        .malloc = scratch_new, .realloc = scratch_resize, .free = scratch_free, .ctx = &budget};
    alignas(max_align_t) char stack[SCRATCH_BYTES];
    if (yyjson_read_max_memory_usage(text.count, YYJSON_READ_INSITU) <= sizeof(stack)) {
        (void)yyjson_alc_pool_init(&scratch, stack, sizeof(stack));
    }
    yyjson_read_err wrong = {0};
    yyjson_doc *document = parse(arena, text, &scratch, &budget, &wrong);
    if (document != NULL) {
        const status code = turn_document(arena, document, text, depth_max, out_value, err);
        yyjson_doc_free(document);
        return code;
    }
    if (wrong.code != YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
        return fail_at(err, text, wrong.pos, wrong.msg != NULL ? wrong.msg : "not understood");
    }
    if (!budget.met && find_depth(text, depth_max) > 0) { /* brackets alone use up the scratch */
        return fail_deep(err, text, depth_max);
    }
    return budget.met
               ? fail_full(err, text, arena)
               : fail(err, STATUS_NO_MEMORY, "no memory to read JSON of %zu bytes", text.count);
}

status json_read(struct arena *arena, struct slice text, struct value *out_value,
                 struct error *err) {
    return read_to_depth(arena, text, VALUE_DEPTH_MAX, out_value, err);
}

status json_read_wrapped(struct arena *arena, struct slice text, struct value *out_value,
                         struct error *err) {
    return read_to_depth(arena, text, JSON_WRAPPED_DEPTH_MAX, out_value, err);
}

/* ---- writing ---------------------------------------------------------------------------- */

/* Whether a byte stands in a string as it is: printable ASCII but the quote and the backslash. */
static bool is_plain(unsigned char byte) {
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* The same for eight bytes at once. For bytes below 0x80, x - n borrows into the top bit where a
 * byte is below n, and (x ^ c) - 1 where it is c; what is 0x80 or more shows in the top bit itself.
 * A borrow may make the byte above a false alarm, never hide one. */
static bool are_plain(uint64_t x) {
    const uint64_t each = UINT64_C(0x0101010101010101);
    const uint64_t low = x - each * 0x20;
    const uint64_t quote = (x ^ each * '"') - each;
    const uint64_t slash = (x ^ each * '\\') - each;
    return ((x | low | quote | slash) & each * 0x80) == 0;
}

static void write_escape(struct buffer *out, unsigned char byte) {
    static const char DIGITS[] = "0123456789abcdef";
    static const char LETTERS[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    if (LETTERS[byte] != '\0') {
        const char two[] = {'\\', LETTERS[byte]};
        buffer_add(out, (struct slice){.bytes = two, .count = sizeof(two)});
        return;
    }
    const char six[] = {'\\', 'u', '0', '0', DIGITS[byte >> 4], DIGITS[byte & 15]};
    buffer_add(out, (struct slice){.bytes = six, .count = sizeof(six)});
}

/* Index of the first byte from `from` on that cannot stand as it is. */
static size_t skip_plain(struct slice text, size_t from) {
    size_t i = from;
    for (;;) {
        uint64_t eight = 0;
        while (text.count - i >= sizeof(eight)) {
            (void)memcpy(&eight, text.bytes + i, sizeof(eight));
            if (!are_plain(eight)) {
                break;
            }
            i += sizeof(eight);
        }
        while (i < text.count && is_plain((unsigned char)text.bytes[i])) {
            i++;
        }
        const bool wide = i < text.count && (unsigned char)text.bytes[i] >= 0x80;
        const size_t step = wide ? text_next(slice_part(text, i, text.count)) : 0;
        if (step == 0) {
            return i;
        }
        i += step;
    }
}

/* Most texts stand as they are and are added in one go with their quotes. */
static bool write_plain(struct buffer *out, struct slice text) {
    if (skip_plain(text, 0) != text.count) {
        return false;
    }
    char *end = buffer_reserve(out, text.count + 2);
    if (end != NULL) {
        end[0] = '"';
        if (text.count > 0) {
            (void)memcpy(end + 1, text.bytes, text.count);
        }
        end[text.count + 1] = '"';
        buffer_took(out, text.count + 2);
    }
    return true;
}

void json_write_text(struct buffer *out, struct slice text) {
    if (write_plain(out, text)) {
        return;
    }
    buffer_add_byte(out, '"');
    size_t from = 0;
    while (from < text.count) {
        const size_t end = skip_plain(text, from);
        buffer_add(out, slice_part(text, from, end));
        if (end < text.count) {
            const unsigned char byte = (unsigned char)text.bytes[end];
            if (byte < 0x80) {
                write_escape(out, byte);
            } else {
                buffer_add(out, SLICE("\xEF\xBF\xBD")); /* U+FFFD */
            }
        }
        from = end + 1;
    }
    buffer_add_byte(out, '"');
}

static void write_integer(struct buffer *out, int64_t number) {
    char digits[24];
    size_t from = sizeof(digits);
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do {
        digits[--from] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        digits[--from] = '-';
    }
    buffer_add(out, (struct slice){.bytes = digits + from, .count = sizeof(digits) - from});
}

/* yyjson writes the shortest digits that read back, with a point or an exponent always. */
static void write_real(struct buffer *out, double number) {
    alignas(max_align_t) char room[256];
    yyjson_alc scratch;
    yyjson_val value = {0};
    (void)yyjson_alc_pool_init(&scratch, room, sizeof(room));
    unsafe_yyjson_set_real(&value, number);
    size_t count = 0;
    const char *text = yyjson_val_write_opts(&value, 0, &scratch, &count, NULL);
    if (text == NULL || !isfinite(number)) {
        buffer_add(out, SLICE("null"));
        return;
    }
    buffer_add(out, (struct slice){.bytes = text, .count = count});
}

struct writing {
    struct buffer *out;
    bool pretty;
};

static void write_value(const struct writing *writing, struct value value, int depth);

static void write_line(const struct writing *writing, int depth) {
    if (writing->pretty) {
        buffer_print(writing->out, "\n%*s", 2 * depth, "");
    }
}

static void write_list(const struct writing *writing, struct value value, int depth) {
    struct buffer *out = writing->out;
    buffer_add_byte(out, '[');
    for (uint32_t i = 0; i < value.count; i++) {
        if (i > 0) {
            buffer_add_byte(out, ',');
        }
        write_line(writing, depth);
        write_value(writing, value.items[i], depth + 1);
    }
    if (value.count > 0) {
        write_line(writing, depth - 1);
    }
    buffer_add_byte(out, ']');
}

static void write_object(const struct writing *writing, struct value value, int depth) {
    struct buffer *out = writing->out;
    buffer_add_byte(out, '{');
    for (uint32_t i = 0; i < value.count; i++) {
        if (i > 0) {
            buffer_add_byte(out, ',');
        }
        write_line(writing, depth);
        json_write_text(out, value.members[i].name);
        buffer_add(out, writing->pretty ? SLICE(": ") : SLICE(":"));
        write_value(writing, value.members[i].value, depth + 1);
    }
    if (value.count > 0) {
        write_line(writing, depth - 1);
    }
    buffer_add_byte(out, '}');
}

/* What an expression sees of it, and where it lies once it lies somewhere. */
static void write_blob(const struct writing *writing, const struct blob *blob) {
    struct member members[3];
    struct value object = {.kind = VALUE_OBJECT, .members = members};
    char hex[ID_HEX_BYTES + 1];
    if (!id_is_zero(blob_id(blob))) {
        id_write_hex(blob_id(blob), hex);
        members[object.count++] =
            (struct member){.name = SLICE(JSON_BLOB), .value = value_of_text(slice_of(hex))};
    }
    members[object.count++] =
        (struct member){.name = SLICE("type"), .value = value_of_text(blob_type(blob))};
    members[object.count++] = (struct member){.name = SLICE("bytes"),
                                              .value = value_of_integer((int64_t)blob_count(blob))};
    write_object(writing, object, JSON_WRAPPED_DEPTH_MAX);
}

static void write_value(const struct writing *writing, struct value value, int depth) {
    struct buffer *out = writing->out;
    if (depth > JSON_WRAPPED_DEPTH_MAX && value.kind >= VALUE_LIST) {
        buffer_fail(out, STATUS_INVALID);
        return;
    }
    switch (value.kind) {
    case VALUE_NULL:
        buffer_add(out, SLICE("null"));
        return;
    case VALUE_BOOLEAN:
        buffer_add(out, value.boolean ? SLICE("true") : SLICE("false"));
        return;
    case VALUE_INTEGER:
        write_integer(out, value.integer);
        return;
    case VALUE_REAL:
        write_real(out, value.real);
        return;
    case VALUE_RAW:
        buffer_add(out, value_text(value));
        return;
    case VALUE_TEXT:
        json_write_text(out, value_text(value));
        return;
    case VALUE_LIST:
        write_list(writing, value, depth);
        return;
    case VALUE_OBJECT:
        write_object(writing, value, depth);
        return;
    case VALUE_BLOB:
        write_blob(writing, value.blob);
        return;
    }
}

void json_write(struct buffer *out, struct value value) {
    const struct writing writing = {.out = out, .pretty = false};
    write_value(&writing, value, 1);
}

void json_write_pretty(struct buffer *out, struct value value) {
    const struct writing writing = {.out = out, .pretty = true};
    write_value(&writing, value, 1);
}
