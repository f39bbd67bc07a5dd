// SPDX-License-Identifier: Apache-2.0
#include "cli/variants.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/human.h"
#include "cli/table.h"

enum { CHANGED_SHOWN = 3 /* of each variant; the page shows all that were kept */ };

/* --- variants.yaml --- */

static const char *joint(const struct buffer *out, size_t start) {
    return out->count > start ? ", " : "";
}

/* A manifest's spans are whole numbers: what is short is said in microseconds. */
static void write_ms(struct buffer *out, size_t start, const char *name, double ms) {
    if (isfinite(ms) && ms < 10) {
        buffer_print(out, "%s%s: %.0fus", joint(out, start), name, fmax(ms * 1000, 1));
    } else if (isfinite(ms)) {
        buffer_print(out, "%s%s: %.0fms", joint(out, start), name, ms);
    }
}

static void write_cost(struct buffer *out, const double cost[COST_COUNT]) {
    const size_t start = out->count;
    write_ms(out, start, "p50", cost[COST_LATENCY_P50]);
    write_ms(out, start, "p95", cost[COST_LATENCY_P95]);
    if (isfinite(cost[COST_RSS]) && cost[COST_RSS] > 0) {
        buffer_print(out, "%srss: %.0fKiB", joint(out, start), ceil(cost[COST_RSS] / 1024));
    }
}

void variants_write_manifest(struct buffer *out, const struct optimised *optimised) {
    buffer_print(out,
                 "# Made by `ebb model optimize`: what is offered, the nearest to the original "
                 "first.\n# cost: as it was measured on the machine where this was made.\n"
                 "ebb: 1\nuse: %s\nvariants:\n",
                 optimised->variants[optimised->picked].name);
    for (uint32_t i = 0; i < optimised->variant_count; i++) {
        const struct optimise_variant *variant = &optimised->variants[i];
        if (variant->refused[0] != '\0') {
            continue;
        }
        buffer_print(out, "  - { name: %s, file: %s, %scost: { ", variant->name, variant->file,
                     variant->no_memory_pattern ? "memory_pattern: false, " : "");
        write_cost(out, variant->row.cost.of);
        buffer_add_text(out, " } }\n");
    }
}

/* --- text --- */

static double number_of(struct value object, const char *name) {
    const struct value *found = value_get(object, slice_of(name));
    return found != NULL && value_is_number(*found) ? value_number(*found) : NAN;
}

static struct slice text_member(struct value object, const char *name) {
    const struct value *found = value_get(object, slice_of(name));
    return found != NULL ? value_text(*found) : (struct slice){0};
}

static bool truth_of(struct value object, const char *name) {
    const struct value *found = value_get(object, slice_of(name));
    return found != NULL && found->kind == VALUE_BOOLEAN && found->boolean;
}

static struct slice times(struct arena *arena, double ours, double original) {
    return isfinite(ours) && isfinite(original) && original > 0
               ? arena_print(arena, "%.2fx", ours / original)
               : SLICE("-");
}

static struct slice figure(struct arena *arena, double number, const char *unit) {
    const int digits = unit[0] == 'd' ? 0 : 2;
    return isfinite(number) ? arena_print(arena, "%.*f %s", digits, number, unit) : SLICE("-");
}

/* `agreement` is the cost that says how much of a variant is as in the original. */
static void add_variant(struct table *table, struct arena *arena, struct value variant,
                        struct value original, const char *agreement) {
    const struct value *cost = value_get(variant, SLICE("cost"));
    const struct value *first = value_get(original, SLICE("cost"));
    if (cost == NULL || first == NULL) {
        return;
    }
    const double size = number_of(*cost, "size");
    const double rss = number_of(*cost, "rss");
    table_add(table,
              (const struct slice[]){
                  human_member(arena, variant, "name"),
                  isfinite(size) ? human_bytes(arena, (int64_t)size) : SLICE("-"),
                  times(arena, size, number_of(*first, "size")),
                  figure(arena, number_of(*cost, "latency_p50"), "ms"),
                  times(arena, number_of(*cost, "latency_p50"), number_of(*first, "latency_p50")),
                  isfinite(rss) ? human_bytes(arena, (int64_t)rss) : SLICE("-"),
                  times(arena, rss, number_of(*first, "rss")),
                  figure(arena, number_of(*cost, "drift.sqnr"), "dB"),
                  figure(arena, 100 * number_of(*cost, agreement), "%")});
}

static void write_reasons(struct call *call, const struct value *variants, uint32_t count) {
    bool is_first = true;
    for (uint32_t i = 0; i < count; i++) {
        const struct slice why = human_member(&call->arena, variants[i], "why_not");
        if (why.count > 0 && !slice_is(why, "-")) {
            (void)fputs(is_first ? "\n" : "", call->out);
            is_first = false;
            terminal_write(call->out, human_member(&call->arena, variants[i], "name"));
            (void)fputs(truth_of(variants[i], "offered") ? ": " : ": refused: ", call->out);
            terminal_write(call->out, why);
            (void)fputs("\n", call->out);
        }
    }
}

/* Layers that could not be quantised, and why. */
static void write_left_out(struct call *call, struct value answer) {
    uint32_t count;
    const struct value *layers = human_items(answer, "layers", &count);
    for (uint32_t i = 0; i < count; i++) {
        if (text_member(layers[i], "why_not").count > 0) {
            (void)fputs("\nlayer ", call->out);
            terminal_write(call->out, human_member(&call->arena, layers[i], "name"));
            (void)fputs(" stays in float32: ", call->out);
            terminal_write(call->out, text_member(layers[i], "why_not"));
            (void)fputs("\n", call->out);
        }
    }
}

/* A class by its label where there is one, and how much it says of it. */
static void write_number(struct call *call, struct value sample, const char *name) {
    const struct value *number = value_get(sample, slice_of(name));
    if (number == NULL) {
        return;
    }
    const bool has_label = text_member(*number, "label").count > 0;
    terminal_write(call->out, human_member(&call->arena, *number, has_label ? "label" : "place"));
    (void)fprintf(call->out, " (%.3g)", number_of(*number, "value"));
}

/* Without classes: the number that moved most. */
static void write_moved(struct call *call, struct value sample) {
    const struct value *original = value_get(sample, SLICE("original"));
    const struct value *variant = value_get(sample, SLICE("variant"));
    if (original != NULL && variant != NULL) {
        (void)fprintf(call->out, "number %" PRId64 " was %.3g and became %.3g",
                      human_number(*original, "place"), number_of(*original, "value"),
                      number_of(*variant, "value"));
    }
}

static void write_sample(struct call *call, struct value sample) {
    const int64_t rows = human_number(sample, "rows");
    (void)fputs("  ", call->out);
    terminal_write(call->out, human_member(&call->arena, sample, "sample"));
    if (human_number(sample, "moment") > 0) {
        (void)fprintf(call->out, " part %" PRId64, human_number(sample, "moment") + 1);
    }
    (void)fputs(": ", call->out);
    if (rows > 1) {
        (void)fprintf(call->out, "%" PRId64 " of %" PRId64 " rows, such as row %" PRId64 ": ",
                      human_number(sample, "rows_changed"), rows, human_number(sample, "row") + 1);
    }
    if (rows > 0) {
        write_number(call, sample, "original");
        (void)fputs(" became ", call->out);
        write_number(call, sample, "variant");
    } else {
        write_moved(call, sample);
    }
    (void)fprintf(call->out, ", %.0f dB\n", number_of(sample, "sqnr_db"));
}

static void write_changed(struct call *call, struct value variant) {
    const struct value *changed = value_get(variant, SLICE("changed"));
    uint32_t count;
    if (changed == NULL || changed->kind != VALUE_OBJECT) {
        return;
    }
    const struct value *shown = human_items(*changed, "shown", &count);
    if (count == 0) {
        return;
    }
    (void)fputs("\n", call->out);
    terminal_write(call->out, human_member(&call->arena, variant, "name"));
    if (truth_of(*changed, "has_answers")) {
        (void)fprintf(call->out, " answers %" PRId64 " of %" PRId64 " samples otherwise:\n",
                      human_number(*changed, "changed"), human_number(*changed, "samples"));
    } else {
        (void)fprintf(call->out,
                      " is farthest from the original with these of %" PRId64 " samples:\n",
                      human_number(*changed, "samples"));
    }
    for (uint32_t i = 0; i < count && i < CHANGED_SHOWN; i++) {
        write_sample(call, shown[i]);
    }
}

status variants_write_text(struct call *call, struct value answer, struct error *err) {
    const bool is_mask = slice_is(text_member(answer, "agreement"), "drift.iou");
    const struct table_column columns[] = {
        {"VARIANT", false}, {"SIZE", true},  {"", true},
        {"LATENCY", true},  {"", true},      {"MEMORY", true},
        {"", true},         {"NOISE", true}, {is_mask ? "SAME MASK" : "SAME ANSWER", true}};
    struct arena *arena = &call->arena;
    struct table table;
    uint32_t count;
    const struct value *variants = human_items(answer, "variants", &count);
    table_init(&table, arena, columns, sizeof(columns) / sizeof(columns[0]));
    for (uint32_t i = 0; i < count; i++) {
        if (truth_of(variants[i], "offered")) {
            add_variant(&table, arena, variants[i], variants[0],
                        is_mask ? "drift.iou" : "drift.argmax");
        }
    }
    TRY(table_write(&table, call->out, &call->terminal, err));
    write_reasons(call, variants, count);
    for (uint32_t i = 0; i < count; i++) {
        write_changed(call, variants[i]);
    }
    write_left_out(call, answer);
    const struct slice use = human_member(arena, answer, "use");
    const struct slice folder = human_member(arena, answer, "folder");
    (void)fprintf(call->out, "\nuse: %.*s%s, judged by %" PRId64 " sample%s\n", SLICE_ARGS(use),
                  truth_of(answer, "keeps_budget") ? "" : " (none keeps the budget)",
                  human_number(answer, "samples"), human_number(answer, "samples") == 1 ? "" : "s");
    (void)fprintf(call->out, "%.*s/" VARIANTS_FILE ", %.*s/" VARIANTS_REPORT_FILE "\n",
                  SLICE_ARGS(folder), SLICE_ARGS(folder));
    return STATUS_OK;
}
