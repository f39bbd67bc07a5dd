// SPDX-License-Identifier: Apache-2.0
#include "cli/profile_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/human.h"
#include "cli/table.h"

enum {
    COLUMNS_MAX = 12,
    LABEL_COLUMNS = 16, /* of the figures' names */
    CELL_COLUMNS = 20,  /* of the longest figure, its ratio and a gap */
    GAP_COLUMNS = 2,
    MEMBERS = 12 + COST_COUNT
};

/* What a table and an answer in JSON call the figures. */
static const struct {
    const char *head, *member;
} NAMES[COST_COUNT] = {
    [COST_LATENCY_P50] = {"latency", "latency_p50_ms"},
    [COST_LATENCY_P95] = {"latency p95", "latency_p95_ms"},
    [COST_LATENCY_MIN] = {"latency least", "latency_min_ms"},
    [COST_CPU] = {"CPU time", "cpu_ms"},
    [COST_LOAD] = {"load", "load_ms"},
    [COST_FIRST] = {"first run", "first_ms"},
    [COST_RSS] = {"memory", "rss_bytes"},
    [COST_HWM] = {"memory at most", "hwm_bytes"},
    [COST_SIZE] = {"file", "size_bytes"},
    [COST_SIZE_COMPRESSED] = {"file compressed", "size_compressed_bytes"},
    [COST_DRIFT_SQNR] = {"drift: sqnr", "drift_sqnr_db"},
    [COST_DRIFT_COSINE] = {"drift: cosine", "drift_cosine"},
    [COST_DRIFT_ARGMAX] = {"drift: argmax", "drift_argmax"},
    [COST_DRIFT_IOU] = {"drift: iou", "drift_iou"},
    [COST_DRIFT_MAX] = {"drift: max", "drift_max"},
    [COST_DRIFT_METRIC] = {"drift: metric", "drift_metric"},
};

/* --- names --- */

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

/* The file's name where no other variant has it, else the path. */
static struct slice name_of(const struct profile_table *table, uint32_t index) {
    struct slice name = slice_of(base_of(table->paths[index]));
    for (uint32_t i = 0; i < table->count; i++) {
        if (i != index && slice_is(name, base_of(table->paths[i]))) {
            name = slice_of(table->paths[index]);
        }
    }
    return name;
}

/* As much of its end as a column of that table may take: what comes last tells more. */
static struct slice head_of(const struct profile_table *table, uint32_t index, size_t width,
                            size_t count) {
    const struct slice name = name_of(table, index);
    const size_t share = width > LABEL_COLUMNS ? (width - LABEL_COLUMNS) / count : 0;
    const size_t most = (share > CELL_COLUMNS ? share : CELL_COLUMNS) - GAP_COLUMNS;
    return width > 0 && name.count > most ? slice_part(name, name.count - most, name.count) : name;
}

/* --- cells --- */

/* Three digits that count. */
static struct slice number_cell(struct arena *arena, double number, const char *unit) {
    const double size = fabs(number);
    const int digits = size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3;
    return arena_print(arena, "%.*f%s", digits, number, unit);
}

static struct slice figure(struct arena *arena, enum cost_kind kind, double number) {
    if (isnan(number)) {
        return SLICE("-");
    }
    if (isinf(number)) {
        return SLICE("the same");
    }
    switch (cost_measure(kind)) {
    case COST_TIME:
        return number < 0.9995 ? number_cell(arena, number * 1000, " us")
                               : number_cell(arena, number, " ms");
    case COST_BYTES:
        return human_bytes(arena, (int64_t)number);
    case COST_DECIBELS:
        return number_cell(arena, number, " dB");
    case COST_SHARE:
        return arena_print(arena, "%.2f %%", 100 * number);
    default:
        return arena_print(arena, "%.3g", number);
    }
}

/* How many times the reference's it is; NAN where that says nothing. */
static double ratio_of(const struct profile_table *table, uint32_t index, enum cost_kind kind) {
    const struct profile_row *row = &table->rows[index];
    const enum cost_measure measure = cost_measure(kind);
    const bool is_compared = table->count > 1 && profile_is_usable(&table->rows[0]) &&
                             (measure == COST_TIME || measure == COST_BYTES);
    if (!is_compared) {
        return NAN;
    }
    return kind == COST_LATENCY_P50 ? row->ratio.middle
           : kind == COST_CPU       ? row->cpu_ratio.middle
                                    : row->cost.of[kind] / table->rows[0].cost.of[kind];
}

static struct slice cell(struct arena *arena, const struct profile_table *table, uint32_t index,
                         enum cost_kind kind) {
    const struct slice number = figure(arena, kind, table->rows[index].cost.of[kind]);
    const double ratio = ratio_of(table, index, kind);
    if (isnan(ratio)) {
        return number;
    }
    return arena_print(arena, "%.*s %6.2fx", SLICE_ARGS(number), ratio);
}

/* --- the table --- */

/* Nobody has measured it of any variant. */
static bool is_unknown(const struct profile_table *table, enum cost_kind kind) {
    for (uint32_t i = 0; i < table->count; i++) {
        if (!isnan(table->rows[i].cost.of[kind])) {
            return false;
        }
    }
    return true;
}

/* One table of the variants with these indexes. */
static status write_table(struct call *call, const struct profile_table *shown,
                          const uint32_t *indexes, size_t count, struct error *err) {
    struct arena *arena = &call->arena;
    struct table_column columns[COLUMNS_MAX] = {{"", false}};
    struct table table;
    for (size_t i = 0; i < count; i++) {
        const struct slice name =
            arena_copy(arena, head_of(shown, indexes[i], call->terminal.width, count));
        columns[i + 1] = (struct table_column){name.bytes != NULL ? name.bytes : "", true};
    }
    table_init(&table, arena, columns, count + 1);
    for (int kind = 0; kind < COST_COUNT; kind++) {
        struct slice cells[COLUMNS_MAX] = {slice_of(NAMES[kind].head)};
        if (is_unknown(shown, (enum cost_kind)kind)) {
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            cells[i + 1] = cell(arena, shown, indexes[i], (enum cost_kind)kind);
        }
        table_add(&table, cells);
    }
    return table_write(&table, call->out, &call->terminal, err);
}

/* As many tables as a terminal's width makes of them. */
static status write_tables(struct call *call, const struct profile_table *shown,
                           struct error *err) {
    uint32_t indexes[PROFILE_VARIANTS_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < shown->count; i++) {
        if (profile_is_usable(&shown->rows[i])) {
            indexes[count++] = i;
        }
    }
    const size_t width = call->terminal.width;
    const size_t fit = width > LABEL_COLUMNS + CELL_COLUMNS
                           ? (width - LABEL_COLUMNS) / CELL_COLUMNS
                           : (size_t)(width > 0 ? 1 : COLUMNS_MAX - 1);
    const size_t most = fit < COLUMNS_MAX ? fit : COLUMNS_MAX - 1;
    for (size_t at = 0; at < count; at += most) {
        TRY(write_table(call, shown, indexes + at, count - at < most ? count - at : most, err));
        (void)fputc('\n', call->out);
    }
    return STATUS_OK;
}

/* --- sentences --- */

static void write_name(struct call *call, const struct profile_table *shown, uint32_t index) {
    terminal_write(call->out, name_of(shown, index));
}

/* How sure the figures are: the least sure of them speaks for all. */
static void write_precision(struct call *call, const struct profile_table *shown) {
    const struct profile_row *least = NULL;
    double widest = 0;
    for (uint32_t i = 0; i < shown->count; i++) {
        const struct profile_row *row = &shown->rows[i];
        if (!profile_is_usable(row)) {
            continue;
        }
        const double width = fmax(interval_width(row->latency_ms),
                                  isnan(row->ratio.middle) ? 0 : interval_width(row->ratio));
        if (least == NULL || width > widest) {
            least = row;
            widest = width;
        }
    }
    if (least == NULL) {
        return;
    }
    (void)fprintf(call->out,
                  "%u rounds; latency and its ratios are within %.1f %% of what they say, 95 times "
                  "of 100.\n",
                  least->rounds, 50 * widest);
    if (!(widest < shown->width)) {
        (void)fprintf(call->out,
                      "Less is usual: the machine is busy with other things, and CPU time says "
                      "more then.\n");
    }
}

/* Those that nothing else beats, where there are enough for that to say something. */
static void write_undominated(struct call *call, const struct profile_table *shown) {
    const char *between = "Nothing else is better in all of latency, memory, size and drift: ";
    if (shown->count < 3) {
        return;
    }
    for (uint32_t i = 0; i < shown->count; i++) {
        if (shown->choices[i].is_undominated) {
            (void)fputs(between, call->out);
            write_name(call, shown, i);
            between = ", ";
        }
    }
    if (between[0] == ',') {
        (void)fputs(".\n", call->out);
    }
}

static void write_verdicts(struct call *call, const struct profile_table *shown) {
    for (uint32_t i = 0; i < shown->count; i++) {
        const struct choice *choice = &shown->choices[i];
        const bool is_told = !profile_is_usable(&shown->rows[i]) ||
                             (shown->budget != NULL && (!choice->keeps || choice->is_taken));
        if (!is_told) {
            continue;
        }
        write_name(call, shown, i);
        if (choice->is_taken) {
            (void)fprintf(call->out, ": taken, it keeps the budget with the %s %s\n",
                          shown->budget->maximise ? "most" : "least",
                          cost_words(shown->budget->objective));
        } else {
            (void)fprintf(call->out, ": ");
            terminal_write(call->out, slice_of(choice->why));
            (void)fputc('\n', call->out);
        }
    }
}

status profile_table_write(struct call *call, const struct profile_table *table,
                           struct error *err) {
    TRY(write_tables(call, table, err));
    write_precision(call, table);
    write_undominated(call, table);
    write_verdicts(call, table);
    return STATUS_OK;
}

/* --- JSON --- */

static struct value interval_value(struct arena *arena, struct interval interval) {
    struct value value = {.kind = VALUE_NULL};
    struct member *members = isnan(interval.middle) ? NULL : value_new_object(arena, 3, &value);
    if (members == NULL) {
        return (struct value){.kind = VALUE_NULL};
    }
    members[0] = (struct member){SLICE("low"), value_of_real(interval.low)};
    members[1] = (struct member){SLICE("middle"), value_of_real(interval.middle)};
    members[2] = (struct member){SLICE("high"), value_of_real(interval.high)};
    return value;
}

static struct value cost_value(enum cost_kind kind, double number) {
    return cost_measure(kind) == COST_BYTES && !isnan(number) ? value_of_integer((int64_t)number)
                                                              : value_of_real(number);
}

static struct value row_value(struct arena *arena, const struct profile_table *table,
                              uint32_t index) {
    const struct profile_row *row = &table->rows[index];
    const struct choice *choice = &table->choices[index];
    const bool is_usable = profile_is_usable(row);
    struct value value = {.kind = VALUE_NULL};
    struct member *members = value_new_object(arena, MEMBERS, &value);
    if (members == NULL) {
        return (struct value){.kind = VALUE_NULL};
    }
    uint32_t at = 0;
    members[at++] = (struct member){SLICE("file"), value_of_text(slice_of(table->paths[index]))};
    members[at++] = (struct member){SLICE("usable"), value_of_boolean(is_usable)};
    members[at++] = (struct member){SLICE("keeps"), value_of_boolean(choice->keeps)};
    members[at++] =
        (struct member){SLICE("why"), choice->why[0] != '\0' ? value_of_text(slice_of(choice->why))
                                                             : (struct value){.kind = VALUE_NULL}};
    members[at++] = (struct member){SLICE("undominated"), value_of_boolean(choice->is_undominated)};
    members[at++] = (struct member){
        SLICE("provider"), is_usable ? value_of_text(slice_of(INFERENCE_PROVIDERS[row->provider]))
                                     : (struct value){.kind = VALUE_NULL}};
    members[at++] = (struct member){SLICE("rounds"), value_of_integer(row->rounds)};
    members[at++] = (struct member){SLICE("runs"), value_of_integer(row->runs)};
    members[at++] = (struct member){SLICE("load_cpu_ms"), value_of_real(row->load_cpu_ms)};
    members[at++] = (struct member){SLICE("latency_ms"), interval_value(arena, row->latency_ms)};
    members[at++] = (struct member){SLICE("ratio"), interval_value(arena, row->ratio)};
    members[at++] = (struct member){SLICE("cpu_ratio"), interval_value(arena, row->cpu_ratio)};
    for (int kind = 0; kind < COST_COUNT; kind++) {
        members[at++] = (struct member){slice_of(NAMES[kind].member),
                                        cost_value((enum cost_kind)kind, row->cost.of[kind])};
    }
    return value;
}

struct value profile_table_value(struct arena *arena, const struct profile_table *table) {
    struct value value = {.kind = VALUE_NULL};
    struct value variants = {.kind = VALUE_NULL};
    struct value taken = {.kind = VALUE_NULL};
    struct member *members = value_new_object(arena, 3, &value);
    struct value *items = value_new_list(arena, table->count, &variants);
    if (members == NULL || items == NULL) {
        return (struct value){.kind = VALUE_NULL};
    }
    for (uint32_t i = 0; i < table->count; i++) {
        items[i] = row_value(arena, table, i);
        if (table->choices[i].is_taken && table->budget != NULL) {
            taken = value_of_text(slice_of(table->paths[i]));
        }
    }
    members[0] = (struct member){SLICE("reference"), value_of_text(slice_of(table->paths[0]))};
    members[1] = (struct member){SLICE("taken"), taken};
    members[2] = (struct member){SLICE("variants"), variants};
    return value;
}
