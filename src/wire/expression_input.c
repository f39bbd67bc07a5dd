// SPDX-License-Identifier: Apache-2.0
#include "wire/expression_input.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "platform/json.h"
#include "wire/expression_evaluator.h"
#include "wire/expression_scanner.h"

enum { PATH_BYTES_MAX = 120 };

/* Where in the context a value stands, for the sentence about a number in it. */
struct trail {
    const struct trail *above; /* NULL: the top */
    struct slice name;         /* .bytes NULL: an item */
    uint32_t index;
};

static size_t write_trail(const struct trail *trail, char text[PATH_BYTES_MAX]) {
    if (trail == NULL) {
        text[0] = '\0';
        return 0;
    }
    const size_t used = write_trail(trail->above, text);
    const size_t room = PATH_BYTES_MAX - used;
    const bool is_variable =
        trail->name.bytes != NULL && trail->name.count > 0 && trail->name.bytes[0] == '$';
    const int added = trail->name.bytes == NULL
                          ? snprintf(text + used, room, "[%" PRIu32 "]", trail->index)
                          : snprintf(text + used, room, "%s%.*s", is_variable ? "" : ".",
                                     SLICE_ARGS(trail->name));
    return added < 0 || (size_t)added >= room ? PATH_BYTES_MAX - 1 : used + (size_t)added;
}

static status refuse_number(const struct trail *trail, struct value number, struct error *err) {
    char path[PATH_BYTES_MAX];
    (void)write_trail(trail, path);
    char digits[32];
    if (number.kind == VALUE_INTEGER) {
        (void)snprintf(digits, sizeof(digits), "%" PRId64, number.integer);
    } else {
        (void)snprintf(digits, sizeof(digits), "%.*s",
                       SLICE_ARGS(slice_part(value_text(number), 0, sizeof(digits) - 1)));
    }
    return fail(err, STATUS_INVALID,
                "`%s` is %s, beyond the 2^53 that jq holds exactly: pass it on with a path alone, "
                "or send it as text",
                path, digits);
}

static status check_numbers(const struct trail *above, struct slice name, uint32_t index,
                            struct value value, struct error *err) {
    const struct trail trail = {.above = above, .name = name, .index = index};
    if (value.kind == VALUE_RAW ||
        (value.kind == VALUE_INTEGER &&
         (value.integer > EXPRESSION_INTEGER_MAX || value.integer < -EXPRESSION_INTEGER_MAX))) {
        return refuse_number(&trail, value, err);
    }
    for (uint32_t i = 0; value.kind == VALUE_LIST && i < value.count; i++) {
        TRY(check_numbers(&trail, (struct slice){0}, i, value.items[i], err));
    }
    for (uint32_t i = 0; value.kind == VALUE_OBJECT && i < value.count; i++) {
        TRY(check_numbers(&trail, value.members[i].name, 0, value.members[i].value, err));
    }
    return STATUS_OK;
}

static status write_whole(const struct trail *above, struct slice name, struct value value,
                          struct buffer *out, struct error *err) {
    TRY(check_numbers(above, name, 0, value, err));
    json_write(out, value);
    return STATUS_OK;
}

/* The read paths that still lead here, a bit each. */
struct mask {
    uint64_t bits;
};

_Static_assert(SCANNER_PATHS_MAX <= 64, "a bit for every path");

/* Name number `depth` of a path, the root being number 0. */
static const struct slice *name_at(const struct path *path, uint32_t depth) {
    if (depth == 0) {
        return &path->root;
    }
    return depth <= path->name_count ? &path->names[depth - 1] : NULL;
}

static struct mask narrowed(const struct program *program, struct mask mask, uint32_t depth,
                            struct slice name) {
    struct mask narrow = {0};
    for (uint32_t i = 0; i < program->read_count; i++) {
        const struct slice *wanted = name_at(&program->reads[i], depth);
        if ((mask.bits >> i & 1) != 0 && wanted != NULL && slice_equal(*wanted, name)) {
            narrow.bits |= UINT64_C(1) << i;
        }
    }
    return narrow;
}

/* True when one of the paths ends here: then everything below is read. */
static bool ends_here(const struct program *program, struct mask mask, uint32_t depth) {
    for (uint32_t i = 0; i < program->read_count; i++) {
        if ((mask.bits >> i & 1) != 0 && name_at(&program->reads[i], depth) == NULL) {
            return true;
        }
    }
    return false;
}

static status write_read(const struct program *program, struct mask mask, uint32_t depth,
                         const struct trail *above, struct member member, struct buffer *out,
                         struct error *err);

static status write_members(const struct program *program, struct mask mask, uint32_t depth,
                            const struct trail *trail, struct value object, struct buffer *out,
                            struct error *err) {
    bool first = true;
    buffer_add_byte(out, '{');
    for (uint32_t i = 0; i < object.count; i++) {
        const struct mask narrow = narrowed(program, mask, depth, object.members[i].name);
        if (narrow.bits == 0) {
            continue;
        }
        if (!first) {
            buffer_add_byte(out, ',');
        }
        first = false;
        json_write_text(out, object.members[i].name);
        buffer_add_byte(out, ':');
        TRY(write_read(program, narrow, depth + 1, trail, object.members[i], out, err));
    }
    buffer_add_byte(out, '}');
    return STATUS_OK;
}

static status write_read(const struct program *program, struct mask mask, uint32_t depth,
                         const struct trail *above, struct member member, struct buffer *out,
                         struct error *err) {
    if (member.value.kind != VALUE_OBJECT || ends_here(program, mask, depth)) {
        return write_whole(above, member.name, member.value, out, err);
    }
    const struct trail trail = {.above = above, .name = member.name};
    return write_members(program, mask, depth, &trail, member.value, out, err);
}

static status write_context(const struct program *program, const struct context *context,
                            struct buffer *out, struct error *err) {
    struct member roots[ROOT_COUNT];
    struct value top = context->decoded;
    if (top.kind == VALUE_NULL) {
        for (unsigned i = 0; i < ROOT_COUNT; i++) {
            roots[i].name = slice_of(context_root_name((enum context_root)i));
            roots[i].value = context_root_value(context, (enum context_root)i);
        }
        top = (struct value){.kind = VALUE_OBJECT, .count = ROOT_COUNT, .members = roots};
    }
    if (!program->reads_all && top.kind == VALUE_OBJECT) {
        return write_members(program, (struct mask){UINT64_MAX}, 0, NULL, top, out, err);
    }
    for (uint32_t i = 0; top.kind == VALUE_OBJECT && i < top.count; i++) {
        TRY(check_numbers(NULL, top.members[i].name, 0, top.members[i].value, err));
    }
    if (top.kind != VALUE_OBJECT) {
        TRY(check_numbers(NULL, SLICE(""), 0, top, err));
    }
    json_write(out, top);
    return STATUS_OK;
}

static status write_variables(const struct program *program, struct context *context,
                              struct buffer *out, struct error *err) {
    for (uint32_t i = 0; i < program->variable_count; i++) {
        const struct slice name = program->variables[i];
        struct value value = {0};
        TRY(context_variable(context, name, &value, err));
        char shown[PATH_BYTES_MAX];
        (void)snprintf(shown, sizeof(shown), "$%.*s", SLICE_ARGS(name));
        buffer_add_byte(out, i == 0 ? '{' : ',');
        json_write_text(out, name);
        buffer_add_byte(out, ':');
        TRY(write_whole(NULL, slice_of(shown), value, out, err));
    }
    buffer_add_text(out, program->variable_count == 0 ? "{}" : "}");
    return STATUS_OK;
}

status expression_input(const struct expression *expression, struct context *context,
                        struct buffer *out, struct error *err) {
    buffer_add_text(out, "{\"c\":");
    TRY(write_context(expression->program, context, out, err));
    buffer_add_text(out, ",\"v\":");
    TRY(write_variables(expression->program, context, out, err));
    buffer_add_byte(out, '}');
    return buffer_status(out, err);
}
