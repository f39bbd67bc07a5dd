// SPDX-License-Identifier: Apache-2.0
#include "model/npy.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are in the file's own order");

enum { ALIGN_BYTES = 64, TYPE_NAME_BYTES = 16, VERSION_MAX = 3, LENGTH_AT = 8, HEAD_TEXT = 256 };

#define MAGIC "\x93NUMPY"

/* What stands in front of the numbers. */
struct head {
    bool has_type, has_order, has_shape;
    struct slice type_text;
    char kind;           /* f, i, u, b */
    uint32_t bytes_each; /* of a number */
    uint32_t rank;
    int64_t shape[TENSOR_RANK_MAX];
    struct slice numbers;
};

/* --- the head: a dictionary as Python writes it --- */

static void skip_blanks(struct slice *rest) {
    while (rest->count > 0 && memchr(" \t\r\n", rest->bytes[0], 4) != NULL) {
        *rest = slice_part(*rest, 1, rest->count);
    }
}

/* What of foreign text may stand in a sentence. */
static struct slice shown(struct slice text) {
    size_t count = 0;
    while (count < text.count && count < TYPE_NAME_BYTES && text.bytes[count] > ' ' &&
           text.bytes[count] <= '~') {
        count++;
    }
    return slice_part(text, 0, count);
}

/* Takes the sign if it is next. */
static bool take(struct slice *rest, char sign) {
    skip_blanks(rest);
    if (rest->count == 0 || rest->bytes[0] != sign) {
        return false;
    }
    *rest = slice_part(*rest, 1, rest->count);
    return true;
}

static bool take_word(struct slice *rest, const char *word) {
    skip_blanks(rest);
    if (!slice_starts(*rest, word)) {
        return false;
    }
    *rest = slice_part(*rest, strlen(word), rest->count);
    return true;
}

/* Text between quotes of one kind; nothing in a head that we take needs a backslash. */
static bool take_text(struct slice *rest, struct slice *out_text) {
    skip_blanks(rest);
    if (rest->count == 0 || (rest->bytes[0] != '\'' && rest->bytes[0] != '"')) {
        return false;
    }
    const struct slice inner = slice_part(*rest, 1, rest->count);
    const size_t end = slice_find(inner, rest->bytes[0]);
    *out_text = slice_part(inner, 0, end);
    *rest = slice_part(inner, end + 1, inner.count);
    return true;
}

static bool take_size(struct slice *rest, int64_t *out_size) {
    int64_t size = 0;
    size_t digits = 0;
    skip_blanks(rest);
    while (digits < rest->count && rest->bytes[digits] >= '0' && rest->bytes[digits] <= '9') {
        size = size * 10 + (rest->bytes[digits++] - '0');
        if (size > TENSOR_BYTES_MAX) {
            return false;
        }
    }
    *rest = slice_part(*rest, digits, rest->count);
    *out_size = size;
    return digits > 0;
}

static status read_shape(struct slice *rest, struct head *head, struct error *err) {
    bool right = take(rest, '(');
    while (right && !take(rest, ')')) {
        if (head->rank == TENSOR_RANK_MAX) {
            return fail(err, STATUS_INVALID, "its shape has more than %d dimensions",
                        TENSOR_RANK_MAX);
        }
        right = take_size(rest, &head->shape[head->rank++]);
        if (right && !take(rest, ',')) {
            right = take(rest, ')');
            break;
        }
    }
    return right ? STATUS_OK
                 : fail(err, STATUS_INVALID,
                        "its 'shape' is not such as (1, 3, 48, 320), each size at most %d",
                        TENSOR_BYTES_MAX);
}

static status read_order(struct slice *rest, struct error *err) {
    if (take_word(rest, "False")) {
        return STATUS_OK;
    }
    return take_word(rest, "True")
               ? fail(err, STATUS_INVALID,
                      "its numbers lie column by column (Fortran's order): save it as "
                      "numpy.ascontiguousarray makes it")
               : fail(err, STATUS_INVALID, "its 'fortran_order' is neither True nor False");
}

static status read_type(struct slice *rest, struct head *head, struct error *err) {
    if (!take_text(rest, &head->type_text)) {
        return fail(err, STATUS_INVALID,
                    "its 'descr' is no text such as '<f4': it has no numbers "
                    "of one type");
    }
    const struct slice text = head->type_text;
    const char order = text.count > 0 ? text.bytes[0] : '\0';
    struct slice digits = slice_part(text, 2, text.count);
    int64_t bytes_each = 0;
    if (text.count < 3 || memchr("<>|=", order, 4) == NULL || !take_size(&digits, &bytes_each) ||
        digits.count > 0) {
        return fail(err, STATUS_INVALID,
                    "its type '%.*s' is none that a model takes: save it as "
                    "float32 or what the model wants",
                    SLICE_ARGS(shown(text)));
    }
    if (order == '>' && bytes_each > 1) {
        return fail(err, STATUS_INVALID,
                    "its numbers are big-endian ('%.*s'): little-endian ones are read",
                    SLICE_ARGS(text));
    }
    head->kind = text.bytes[1];
    head->bytes_each = (uint32_t)bytes_each;
    return STATUS_OK;
}

static status read_pair(struct slice *rest, struct head *head, struct error *err) {
    struct slice key;
    bool *has = NULL;
    if (!take_text(rest, &key) || !take(rest, ':')) {
        return fail(err, STATUS_INVALID, "its head is no dictionary as numpy writes it");
    }
    has = slice_is(key, "descr")           ? &head->has_type
          : slice_is(key, "fortran_order") ? &head->has_order
          : slice_is(key, "shape")         ? &head->has_shape
                                           : NULL;
    if (has == NULL || *has) {
        return fail(err, STATUS_INVALID,
                    "its head has '%.*s' %s: 'descr', 'fortran_order' and "
                    "'shape' are wanted, once each",
                    SLICE_ARGS(shown(key)), has == NULL ? "in it" : "twice");
    }
    *has = true;
    return has == &head->has_type    ? read_type(rest, head, err)
           : has == &head->has_order ? read_order(rest, err)
                                     : read_shape(rest, head, err);
}

static status read_dictionary(struct slice text, struct head *head, struct error *err) {
    struct slice rest = text;
    bool right = take(&rest, '{');
    while (right && !take(&rest, '}')) {
        TRY(read_pair(&rest, head, err));
        if (!take(&rest, ',')) {
            right = take(&rest, '}');
            break;
        }
    }
    skip_blanks(&rest);
    if (!right || rest.count > 0) {
        return fail(err, STATUS_INVALID, "its head is no dictionary as numpy writes it");
    }
    if (!head->has_type || !head->has_order || !head->has_shape) {
        return fail(err, STATUS_INVALID, "its head has no '%s'",
                    !head->has_type    ? "descr"
                    : !head->has_order ? "fortran_order"
                                       : "shape");
    }
    return STATUS_OK;
}

static uint32_t byte_at(struct slice file, size_t at) {
    return (uint8_t)file.bytes[at];
}

static status read_head(struct slice file, struct head *out_head, struct error *err) {
    struct head head = {0};
    const size_t magic = sizeof(MAGIC) - 1;
    if (file.count < LENGTH_AT + 4 || memcmp(file.bytes, MAGIC, magic) != 0) {
        return fail(err, STATUS_INVALID, "it is no .npy file: it does not begin as one");
    }
    const uint32_t version = byte_at(file, magic);
    if (version < 1 || version > VERSION_MAX) {
        return fail(err, STATUS_INVALID, "it has version %u of the .npy format: 1 to %d are read",
                    version, VERSION_MAX);
    }
    size_t bytes = byte_at(file, LENGTH_AT) | byte_at(file, LENGTH_AT + 1) << 8;
    size_t begins = LENGTH_AT + 2;
    if (version > 1) {
        bytes |= (size_t)(byte_at(file, LENGTH_AT + 2) << 16 | byte_at(file, LENGTH_AT + 3) << 24);
        begins += 2;
    }
    if (bytes > NPY_HEAD_BYTES_MAX || bytes > file.count - begins) {
        return fail(err, STATUS_INVALID,
                    "its head has %zu bytes: at most %d, and no more than "
                    "there are, can be read",
                    bytes, NPY_HEAD_BYTES_MAX);
    }
    TRY(read_dictionary(slice_part(file, begins, begins + bytes), &head, err));
    head.numbers = slice_part(file, begins + bytes, file.count);
    *out_head = head;
    return STATUS_OK;
}

/* --- its numbers --- */

/* numpy's letter and count of bytes are our name: f and 4 are float32. */
static bool find_type(char kind, uint32_t bytes_each, enum tensor_type *out_type) {
    static const struct {
        char kind;
        const char *name;
    } KINDS[] = {{'f', "float"}, {'i', "int"}, {'u', "uint"}};
    char name[TYPE_NAME_BYTES];
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if (KINDS[i].kind == kind) {
            (void)snprintf(name, sizeof(name), "%s%u", KINDS[i].name, bytes_each * 8);
            return tensor_type_read(slice_of(name), out_type);
        }
    }
    *out_type = TENSOR_BOOLEAN;
    return kind == 'b' && bytes_each == 1;
}

static bool is_float64(const struct head *head) {
    return head->kind == 'f' && head->bytes_each == 8;
}

/* A tensor of that type and the head's shape, whose bytes are there to be filled. */
static status make_tensor(const struct head *head, enum tensor_type type, struct arena *arena,
                          struct tensor *tensor, size_t *out_count, struct error *err) {
    *tensor = (struct tensor){.type = type, .rank = head->rank};
    (void)memcpy(tensor->shape, head->shape, sizeof(tensor->shape));
    if (!tensor_count(type, tensor->shape, tensor->rank, out_count)) {
        return fail(err, STATUS_INVALID, "its shape asks for more than %d MiB",
                    TENSOR_BYTES_MAX >> 20);
    }
    if (head->numbers.count != *out_count * head->bytes_each) {
        return fail(err, STATUS_INVALID, "it has %zu bytes of numbers, and its shape asks for %zu",
                    head->numbers.count, *out_count * head->bytes_each);
    }
    tensor->byte_count = *out_count * tensor_type_bytes(type);
    tensor->bytes = arena_get(arena, *out_count, tensor_type_bytes(type));
    return tensor->bytes != NULL
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "no memory for its %zu numbers", *out_count);
}

static void copy_numbers(const struct head *head, size_t count, struct tensor *tensor) {
    if (count > 0) {
        (void)memcpy(tensor->bytes, head->numbers.bytes, tensor->byte_count);
    }
    uint8_t *truths = tensor->bytes;
    for (size_t i = 0; tensor->type == TENSOR_BOOLEAN && i < count; i++) {
        truths[i] = truths[i] != 0;
    }
}

static status round_numbers(const struct head *head, size_t count, struct tensor *tensor,
                            struct error *err) {
    float *to = tensor->bytes;
    for (size_t i = 0; i < count; i++) {
        double number;
        (void)memcpy(&number, head->numbers.bytes + i * sizeof(number), sizeof(number));
        to[i] = (float)number;
        if (isinf(to[i]) && !isinf(number)) {
            return fail(err, STATUS_INVALID, "its number %zu, %g, is beyond float32", i, number);
        }
    }
    return STATUS_OK;
}

status npy_read(struct slice file, struct arena *arena, struct tensor *out_tensor,
                struct error *err) {
    struct head head;
    enum tensor_type type;
    struct tensor tensor;
    size_t count = 0;
    TRY(read_head(file, &head, err));
    if (!find_type(head.kind, head.bytes_each, &type)) {
        return fail(err, STATUS_INVALID, "its type '%.*s' is none that a model takes",
                    SLICE_ARGS(shown(head.type_text)));
    }
    TRY(make_tensor(&head, type, arena, &tensor, &count, err));
    copy_numbers(&head, count, &tensor);
    *out_tensor = tensor;
    return STATUS_OK;
}

status npy_read_as(struct slice file, enum tensor_type wanted, struct arena *arena,
                   struct tensor *out_tensor, struct error *err) {
    struct head head;
    enum tensor_type type;
    struct tensor tensor;
    size_t count = 0;
    TRY(read_head(file, &head, err));
    const bool rounds = wanted == TENSOR_FLOAT32 && is_float64(&head);
    if (!rounds && (!find_type(head.kind, head.bytes_each, &type) || type != wanted)) {
        return fail(err, STATUS_INVALID, "its type is '%.*s' where %s is wanted",
                    SLICE_ARGS(shown(head.type_text)), tensor_type_name(wanted));
    }
    TRY(make_tensor(&head, wanted, arena, &tensor, &count, err));
    if (rounds) {
        TRY(round_numbers(&head, count, &tensor, err));
    } else {
        copy_numbers(&head, count, &tensor);
    }
    *out_tensor = tensor;
    return STATUS_OK;
}

/* --- writing --- */

/* The head's text, without what fills it up. */
static int write_dictionary(const struct tensor *tensor, char kind, char out_text[HEAD_TEXT]) {
    const size_t bytes_each = tensor_type_bytes(tensor->type);
    int used = snprintf(out_text, HEAD_TEXT,
                        "{'descr': '%c%c%zu', 'fortran_order': False, "
                        "'shape': (",
                        bytes_each > 1 ? '<' : '|', kind, bytes_each);
    for (uint32_t i = 0; i < tensor->rank; i++) {
        const char *behind = tensor->rank == 1 ? "," : i + 1 < tensor->rank ? ", " : "";
        used += snprintf(out_text + used, (size_t)(HEAD_TEXT - used), "%" PRId64 "%s",
                         tensor->shape[i], behind);
    }
    used += snprintf(out_text + used, (size_t)(HEAD_TEXT - used), "), }");
    assert(used < HEAD_TEXT);
    return used;
}

status npy_write(const struct tensor *tensor, struct buffer *out, struct error *err) {
    char text[HEAD_TEXT];
    enum tensor_type type;
    const char kind = tensor_type_name(tensor->type)[0];
    if (!find_type(kind, (uint32_t)tensor_type_bytes(tensor->type), &type) ||
        type != tensor->type) {
        return fail(err, STATUS_INVALID, "numpy has no type %s", tensor_type_name(tensor->type));
    }
    const int used = write_dictionary(tensor, kind, text);
    const int whole = (LENGTH_AT + 2 + used + 1 + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    const int head = whole - LENGTH_AT - 2;
    buffer_add(out, SLICE(MAGIC "\x01"));
    buffer_add_byte(out, 0);
    buffer_add_byte(out, (uint8_t)(head & 255));
    buffer_add_byte(out, (uint8_t)(head >> 8));
    buffer_print(out, "%s%*s", text, head - used, "\n");
    buffer_add(out, (struct slice){.bytes = tensor->bytes, .count = tensor->byte_count});
    return buffer_status(out, err);
}
