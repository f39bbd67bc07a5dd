// SPDX-License-Identifier: Apache-2.0
#include "cli/listing.h"

#include <assert.h>
#include <string.h>

#include "cli/human.h"
#include "cli/table.h"

static struct slice cell_of(struct arena *arena, struct value item,
                            const struct listing_column *column) {
    const struct value *member = value_get(item, slice_of(column->member));
    const bool is_number = member != NULL && value_is_number(*member);
    switch (column->kind) {
    case LISTING_BYTES:
        return is_number ? human_bytes(arena, human_number(item, column->member)) : SLICE("-");
    case LISTING_SPAN:
        return is_number ? human_span(arena, human_number(item, column->member)) : SLICE("-");
    case LISTING_MOMENT:
        return human_moment(arena, member != NULL ? value_text(*member) : SLICE(""));
    case LISTING_STATE:
        return human_state(arena, item);
    case LISTING_TEXT:
    case LISTING_COUNT:
        break;
    }
    return human_member(arena, item, column->member);
}

status listing_write(struct call *call, const struct listing *listing, const struct value *items,
                     uint32_t count, struct error *err) {
    assert(listing->column_count <= TABLE_COLUMNS_MAX);
    if (count == 0) {
        (void)fprintf(call->talk, "%s\n", listing->nothing);
        return STATUS_OK;
    }
    struct table_column heads[TABLE_COLUMNS_MAX] = {{0}};
    for (size_t i = 0; i < listing->column_count; i++) {
        const enum listing_kind kind = listing->columns[i].kind;
        heads[i] = (struct table_column){.head = listing->columns[i].head,
                                         .right = kind == LISTING_COUNT || kind == LISTING_BYTES ||
                                                  kind == LISTING_SPAN};
    }
    struct table table;
    table_init(&table, &call->arena, heads, listing->column_count);
    for (uint32_t i = 0; i < count; i++) {
        struct slice cells[TABLE_COLUMNS_MAX];
        for (size_t j = 0; j < listing->column_count; j++) {
            cells[j] = cell_of(&call->arena, items[i], &listing->columns[j]);
        }
        table_add(&table, cells);
    }
    return table_write(&table, call->out, &call->terminal, err);
}

status listing_answer(struct call *call, const struct listing *listing, struct value answer,
                      struct error *err) {
    uint32_t count = 0;
    const struct value *items = human_items(answer, listing->member, &count);
    if (!call->json) {
        return listing_write(call, listing, items, count, err);
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(call_write_json(call, items[i], false, err));
    }
    return STATUS_OK;
}

bool listing_next_key(struct value answer, char key[LISTING_KEY_BYTES]) {
    const struct value *next = value_get(answer, SLICE("next"));
    const struct slice text = next != NULL ? value_text(*next) : SLICE("");
    if (text.count == 0 || text.count >= LISTING_KEY_BYTES) {
        return false;
    }
    (void)snprintf(key, LISTING_KEY_BYTES, "%.*s", SLICE_ARGS(text));
    return true;
}

status listing_join(struct call *call, struct value **list, uint32_t *count,
                    const struct value *items, uint32_t item_count, struct error *err) {
    if (item_count == 0) {
        return STATUS_OK;
    }
    struct value *joined = arena_get(&call->arena, *count + item_count, sizeof(*joined));
    if (joined == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for %u rows; --json prints without keeping",
                    *count + item_count);
    }
    if (*count > 0) {
        memcpy(joined, *list, *count * sizeof(*joined));
    }
    memcpy(joined + *count, items, item_count * sizeof(*joined));
    *list = joined;
    *count += item_count;
    return STATUS_OK;
}

status listing_object(struct call *call, struct value object, struct error *err) {
    if (call->json || object.kind != VALUE_OBJECT) {
        return call_write_json(call, object, false, err);
    }
    size_t width = 0;
    for (uint32_t i = 0; i < object.count; i++) {
        const size_t columns = terminal_columns(object.members[i].name);
        width = columns > width ? columns : width;
    }
    for (uint32_t i = 0; i < object.count; i++) {
        const struct member *member = &object.members[i];
        terminal_paint(call->out, call->terminal.out_colour, COLOUR_BOLD, member->name);
        const size_t blanks = width - terminal_columns(member->name) + 2;
        (void)fprintf(call->out, "%*s", (int)blanks, "");
        const bool is_text = member->value.kind == VALUE_TEXT;
        terminal_write(call->out, is_text ? value_text(member->value)
                                          : human_json(&call->arena, member->value));
        (void)fputc('\n', call->out);
    }
    return STATUS_OK;
}
