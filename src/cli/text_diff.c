// SPDX-License-Identifier: Apache-2.0
/*
 * Lines that are equal at both ends are set aside. For the rest a table holds how many lines the
 * remainders of both texts have in common; following it from its corner gives the change.
 */
#include "cli/text_diff.h"

#include <stdint.h>

struct lines {
    struct slice *items; /* with their line ends */
    uint32_t count;
};

struct step {
    char mark; /* ' ', '-' or '+' */
    struct slice line;
};

struct script {
    struct step *steps;
    uint32_t count;
};

/* Both texts between what is equal at their ends. */
struct middle {
    const struct lines *old_lines, *new_lines;
    uint32_t first, old_end, new_end;
};

static status split(struct arena *arena, struct slice text, struct lines *out, struct error *err) {
    uint32_t count = 0;
    for (struct slice left = text; left.count > 0; count++) {
        left = slice_part(left, slice_find(left, '\n') + 1, left.count);
    }
    *out = (struct lines){.items = arena_get(arena, count + 1U, sizeof(*out->items))};
    if (out->items == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to compare two texts");
    }
    while (text.count > 0) {
        const size_t end = slice_find(text, '\n') + 1;
        out->items[out->count++] = slice_part(text, 0, end);
        text = slice_part(text, end, text.count);
    }
    return STATUS_OK;
}

static void add(struct script *script, char mark, struct slice line) {
    script->steps[script->count++] = (struct step){.mark = mark, .line = line};
}

/* The table's row and column stand for what is left of the two texts from there on. */
static void fill_table(const struct middle *middle, uint32_t *table) {
    const uint32_t rows = middle->old_end - middle->first;
    const uint32_t columns = middle->new_end - middle->first;
    for (uint32_t i = rows; i-- > 0;) {
        for (uint32_t j = columns; j-- > 0;) {
            const uint32_t below = table[(i + 1) * (columns + 1) + j];
            const uint32_t beside = table[i * (columns + 1) + j + 1];
            const bool same = slice_equal(middle->old_lines->items[middle->first + i],
                                          middle->new_lines->items[middle->first + j]);
            table[i * (columns + 1) + j] = same ? 1 + table[(i + 1) * (columns + 1) + j + 1]
                                           : below > beside ? below
                                                            : beside;
        }
    }
}

static void follow_table(const struct middle *middle, const uint32_t *table,
                         struct script *script) {
    const uint32_t columns = middle->new_end - middle->first;
    uint32_t i = middle->first;
    uint32_t j = middle->first;
    while (i < middle->old_end || j < middle->new_end) {
        const uint32_t *at = &table[(i - middle->first) * (columns + 1) + j - middle->first];
        const bool both = i < middle->old_end && j < middle->new_end;
        if (both && slice_equal(middle->old_lines->items[i], middle->new_lines->items[j])) {
            add(script, ' ', middle->old_lines->items[i]);
            i++;
            j++;
        } else if (i < middle->old_end && (!both || at[columns + 1] >= at[1])) {
            add(script, '-', middle->old_lines->items[i++]);
        } else {
            add(script, '+', middle->new_lines->items[j++]);
        }
    }
}

static void replace_all(const struct middle *middle, struct script *script) {
    for (uint32_t i = middle->first; i < middle->old_end; i++) {
        add(script, '-', middle->old_lines->items[i]);
    }
    for (uint32_t j = middle->first; j < middle->new_end; j++) {
        add(script, '+', middle->new_lines->items[j]);
    }
}

static struct middle find_middle(const struct lines *old_lines, const struct lines *new_lines) {
    struct middle middle = {.old_lines = old_lines,
                            .new_lines = new_lines,
                            .old_end = old_lines->count,
                            .new_end = new_lines->count};
    while (middle.first < middle.old_end && middle.first < middle.new_end &&
           slice_equal(old_lines->items[middle.first], new_lines->items[middle.first])) {
        middle.first++;
    }
    while (
        middle.old_end > middle.first && middle.new_end > middle.first &&
        slice_equal(old_lines->items[middle.old_end - 1], new_lines->items[middle.new_end - 1])) {
        middle.old_end--;
        middle.new_end--;
    }
    return middle;
}

static status compare(struct arena *arena, const struct lines *old_lines,
                      const struct lines *new_lines, struct script *out, struct error *err) {
    const struct middle middle = find_middle(old_lines, new_lines);
    const uint64_t cells =
        (uint64_t)(middle.old_end - middle.first + 1) * (middle.new_end - middle.first + 1);
    const bool fits = cells <= TEXT_DIFF_CELLS_MAX;
    uint32_t *table = fits ? arena_get(arena, (size_t)cells, sizeof(*table)) : NULL;
    out->steps =
        arena_get(arena, (size_t)old_lines->count + new_lines->count + 1, sizeof(*out->steps));
    if (out->steps == NULL || (fits && table == NULL)) {
        return fail(err, STATUS_NO_MEMORY, "no memory to compare two texts");
    }
    for (uint32_t i = 0; i < middle.first; i++) {
        add(out, ' ', old_lines->items[i]);
    }
    if (fits) {
        fill_table(&middle, table);
        follow_table(&middle, table, out);
    } else {
        replace_all(&middle, out);
    }
    for (uint32_t i = middle.old_end; i < old_lines->count; i++) {
        add(out, ' ', old_lines->items[i]);
    }
    return STATUS_OK;
}

/* Where the hunk that begins with the change at `from` ends: after the context of its last change,
 * when the next one is further away than both contexts. */
static uint32_t end_of_hunk(const struct script *script, uint32_t from) {
    uint32_t last = from;
    for (uint32_t i = from; i < script->count && i <= last + 2 * TEXT_DIFF_CONTEXT + 1; i++) {
        last = script->steps[i].mark != ' ' ? i : last;
    }
    const uint32_t end = last + TEXT_DIFF_CONTEXT + 1;
    return end < script->count ? end : script->count;
}

/* "-3,7": the first line and how many; a text of none is counted from the line before. */
static void write_range(struct buffer *out, char mark, uint32_t first, uint32_t count) {
    buffer_print(out, "%c%u", mark, count == 0 ? first - 1 : first);
    if (count != 1) {
        buffer_print(out, ",%u", count);
    }
}

static void write_line(struct buffer *out, const struct step *step) {
    buffer_add_byte(out, (uint8_t)step->mark);
    buffer_add(out, step->line);
    if (!slice_ends(step->line, "\n")) {
        buffer_add_text(out, "\n\\ No newline at end of file\n");
    }
}

/* Where a place in the script lies in both texts, as numbers of lines. */
struct place {
    uint32_t step, old_line, new_line;
};

static void move_to(const struct script *script, uint32_t step, struct place *place) {
    for (; place->step < step; place->step++) {
        place->old_line += script->steps[place->step].mark != '+';
        place->new_line += script->steps[place->step].mark != '-';
    }
}

static void write_hunk(struct buffer *out, const struct script *script, const struct place *begin,
                       const struct place *end) {
    buffer_add_text(out, "@@ ");
    write_range(out, '-', begin->old_line, end->old_line - begin->old_line);
    buffer_add_byte(out, ' ');
    write_range(out, '+', begin->new_line, end->new_line - begin->new_line);
    buffer_add_text(out, " @@\n");
    for (uint32_t i = begin->step; i < end->step; i++) {
        write_line(out, &script->steps[i]);
    }
}

status text_diff_write(struct buffer *out, struct arena *arena, struct slice old_text,
                       struct slice new_text, struct error *err) {
    struct lines old_lines;
    struct lines new_lines;
    struct script script = {.count = 0};
    TRY(split(arena, old_text, &old_lines, err));
    TRY(split(arena, new_text, &new_lines, err));
    TRY(compare(arena, &old_lines, &new_lines, &script, err));
    struct place end = {.old_line = 1, .new_line = 1};
    uint32_t change = 0;
    while (change < script.count) {
        if (script.steps[change].mark == ' ') {
            change++;
            continue;
        }
        const bool near = change - end.step < TEXT_DIFF_CONTEXT;
        move_to(&script, near ? end.step : change - TEXT_DIFF_CONTEXT, &end);
        const struct place begin = end;
        change = end_of_hunk(&script, change);
        move_to(&script, change, &end);
        write_hunk(out, &script, &begin, &end);
    }
    return buffer_status(out, err);
}
