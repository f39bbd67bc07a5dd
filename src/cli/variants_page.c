// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <math.h>

#include "base/base64.h"
#include "base/text.h"
#include "cli/human.h"
#include "cli/variants.h"

enum { LAYERS_SHOWN = 12 };

/* No noise is seen beyond this. */
static const double NOISELESS_DB = 60;

static const char HEAD[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
    "<title>Variants of a model</title>\n<style>\n"
    ":root{color-scheme:light dark;--ink:#1d2430;--dim:#636b78;--line:#d9dde3;--card:#f5f6f8;"
    "--good:#17693f;--bad:#b3261e;--bar:#3b7dd8;--back:#fff}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#dfe3ea;--dim:#98a1af;--line:#3a4150;"
    "--card:#232833;--good:#6fcf97;--bad:#ff8a80;--bar:#5b9bf0;--back:#171a21}}\n"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:62em;margin:2em auto;padding:0 1em;"
    "color:var(--ink);background:var(--back)}\n"
    "h1{margin-bottom:.2em}h2{margin-top:2em}.lead{font-size:1.15em;margin:.3em 0}\n"
    "table{border-collapse:collapse;width:100%;margin:1em 0;font-variant-numeric:tabular-nums}\n"
    "th,td{text-align:right;padding:.4em .6em;border-bottom:1px solid var(--line);"
    "vertical-align:top}\n"
    "th{font-weight:600;color:var(--dim)}th:first-child,td:first-child{text-align:left}\n"
    "td div{margin-left:auto}.figure{white-space:nowrap}"
    ".bar{display:block;height:.35em;max-width:7em;background:var(--line)}\n"
    ".bar span{display:block;height:100%;background:var(--bar)}\n"
    ".use{background:var(--card)}.good{color:var(--good)}.bad{color:var(--bad)}"
    ".dim{color:var(--dim)}small{color:var(--dim)}\n"
    ".words{text-align:left}code{overflow-wrap:anywhere}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(15em,1fr));gap:1em}\n"
    "figure{margin:0;padding:.8em;background:var(--card);border-radius:.5em;"
    "overflow-wrap:anywhere}\n"
    "figure img{display:block;max-width:100%;height:auto;margin:0 auto .6em;border-radius:.2em}\n"
    "figcaption b{font-size:1.1em}dt{font-weight:600}dd{margin:0 0 .6em;color:var(--dim)}\n"
    "@media(max-width:60em){table.facts thead{display:none}table.facts tr{display:block;"
    "padding:.6em;border-bottom:2px solid var(--line)}table.facts td{display:flex;border:0;"
    "padding:.15em 0;justify-content:space-between;text-align:right}"
    "table.facts td:before{content:attr(data-name);color:var(--dim);margin-right:1em}"
    "table.facts td div{margin:0}.bar{margin-left:auto}}\n"
    "</style></head><body>\n";

static const char WORDS[] =
    "<h2>Words on this page</h2>\n<dl>\n"
    "<dt>the same answer</dt><dd>How often the largest number of an output is at the same place "
    "as the original&rsquo;s, of all places where there are several.</dd>\n"
    "<dt>the same mask</dt><dd>Of a model that marks what it found: what both masks hold, of what "
    "any of them holds.</dd>\n"
    "<dt>row</dt><dd>A place of an output where classes stand side by side and the largest number "
    "says which it is: one for a picture that is told apart, one for each letter of a line that is "
    "read. Classes are counted from 0.</dd>\n"
    "<dt>noise</dt><dd>How far the numbers are from the original&rsquo;s, in decibels: more is "
    "nearer. 100 and more is what float32 itself does, at 40 a hundredth is wrong, at 20 a "
    "tenth.</dd>\n"
    "<dt>time, worst times</dt><dd>The median of all runs, and what 95 of 100 runs stay "
    "below.</dd>\n"
    "<dt>memory</dt><dd>Of a process that runs the model, ONNX Runtime included.</dd>\n"
    "<dt>float32, whole numbers of 8 bits</dt><dd>How weights and what flows between layers are "
    "held: four bytes for each number, or one.</dd>\n"
    "</dl>\n";

/* --- text of somebody else --- */

static const char *instead_of(struct slice point) {
    const uint8_t first = (uint8_t)point.bytes[0];
    return first == '<'    ? "&lt;"
           : first == '>'  ? "&gt;"
           : first == '&'  ? "&amp;"
           : first == '"'  ? "&quot;"
           : first == '\'' ? "&#39;"
           : first < 0x20 || first == 0x7f || (first == 0xc2 && (uint8_t)point.bytes[1] < 0xa0)
               ? "&#xfffd;"
               : NULL;
}

static void add_text(struct buffer *out, struct slice text) {
    for (size_t at = 0; at < text.count;) {
        const size_t bytes = text_next(slice_part(text, at, text.count));
        const struct slice point = slice_part(text, at, at + bytes);
        const char *instead = bytes > 0 ? instead_of(point) : "&#xfffd;";
        if (instead != NULL) {
            buffer_add_text(out, instead);
        } else {
            buffer_add(out, point);
        }
        at += bytes > 0 ? bytes : 1;
    }
}

/* A name, which may be written from the right to the left and must not turn what stands around. */
static void add_name(struct buffer *out, struct slice name) {
    buffer_add_text(out, "<bdi>");
    add_text(out, name);
    buffer_add_text(out, "</bdi>");
}

/* --- members --- */

static struct slice text_of(struct value object, const char *name) {
    const struct value *found = value_get(object, slice_of(name));
    return found != NULL && found->kind == VALUE_TEXT ? value_text(*found) : (struct slice){0};
}

static double number_of(struct value object, const char *name) {
    const struct value *found = value_get(object, slice_of(name));
    return found != NULL && value_is_number(*found) ? value_number(*found) : NAN;
}

static bool truth_of(struct value object, const char *name) {
    const struct value *found = value_get(object, slice_of(name));
    return found != NULL && found->kind == VALUE_BOOLEAN && found->boolean;
}

static struct value object_of(struct value object, const char *name) {
    const struct value *found = value_get(object, slice_of(name));
    return found != NULL ? *found : (struct value){.kind = VALUE_NULL};
}

static double cost_of(struct value variant, const char *name) {
    return number_of(object_of(variant, "cost"), name);
}

/* What is the same as the original's: the mask, or the answer. */
static bool is_of_masks(struct value answer) {
    return slice_is(text_of(answer, "agreement"), "drift.iou");
}

/* NAN where outputs have no classes to tell apart: then all have the same answer, which says
 * nothing. */
static double same_answer(struct value answer, struct value variant) {
    const struct value changed = object_of(variant, "changed");
    if (is_of_masks(answer)) {
        return cost_of(variant, "drift.iou");
    }
    return changed.kind == VALUE_OBJECT && !truth_of(changed, "has_answers")
               ? NAN
               : cost_of(variant, "drift.argmax");
}

static bool is_used(struct value answer, struct value variant) {
    return slice_equal(text_of(variant, "name"), text_of(answer, "use"));
}

static const char *plural(int64_t count) {
    return count == 1 ? "" : "s";
}

/* --- what to use --- */

/* "the file is 73 % smaller"; nothing where it is about the same. */
static void add_gain(struct buffer *out, size_t start, const char *what, double ratio,
                     const char *const words[2]) {
    const double percent = fabs(ratio - 1) * 100;
    if (isfinite(ratio) && percent >= 1) {
        buffer_print(out, "%s%s %.0f %% %s", out->count > start ? ", " : "", what, percent,
                     words[ratio > 1 ? 1 : 0]);
    }
}

static void add_gains(struct buffer *out, struct value answer, struct value used,
                      struct value original) {
    static const struct {
        const char *name, *what, *words[2];
    } GAINS[] = {{"size", "the file is", {"smaller", "larger"}},
                 {"latency_p50", "an answer takes", {"less time", "more time"}},
                 {"rss", "it needs", {"less memory", "more memory"}}};
    buffer_add_text(out, "<p class=\"lead\">Beside the original ");
    const size_t start = out->count;
    for (size_t i = 0; i < sizeof(GAINS) / sizeof(GAINS[0]); i++) {
        const double ratio = cost_of(used, GAINS[i].name) / cost_of(original, GAINS[i].name);
        add_gain(out, start, GAINS[i].what, ratio, GAINS[i].words);
    }
    buffer_add_text(out, out->count > start ? "." : "it is much the same.");
    const double same = same_answer(answer, used);
    if (isfinite(same)) {
        buffer_print(out, " Of its %s %.2f %% %s the original&rsquo;s.",
                     is_of_masks(answer) ? "mask" : "answers", 100 * same,
                     is_of_masks(answer) ? "is" : "are");
    }
    buffer_add_text(out, "</p>\n");
}

static void add_use(struct buffer *out, struct value answer) {
    uint32_t count;
    const int64_t samples = human_number(answer, "samples");
    const struct value *variants = human_items(answer, "variants", &count);
    buffer_add_text(out, "<h1>Use ");
    add_text(out, text_of(answer, "use"));
    buffer_add_text(out, "</h1>\n");
    for (uint32_t i = 0; i < count; i++) {
        if (is_used(answer, variants[i]) && i > 0) {
            add_gains(out, answer, variants[i], variants[0]);
        } else if (is_used(answer, variants[i])) {
            buffer_add_text(out, "<p class=\"lead\">Nothing that was tried is better.</p>\n");
        }
    }
    const struct slice budget = text_of(answer, "budget");
    const bool keeps = truth_of(answer, "keeps_budget");
    if (budget.count > 0) {
        buffer_print(out, "<p class=\"%s\">%s <code>", keeps ? "good" : "bad",
                     keeps ? "It keeps the budget" : "No variant keeps the budget");
        add_text(out, budget);
        buffer_add_text(out, "</code></p>\n");
    }
    buffer_print(out,
                 "<p class=\"dim\">Judged by %" PRId64 " sample%s that nothing was adapted "
                 "to, and measured on the machine where this was made.</p>\n",
                 samples, plural(samples));
}

/* --- variants --- */

/* A figure, and how many times the original's it is. */
static void add_figure(struct buffer *out, const char *name, struct slice figure, double ratio) {
    buffer_print(out, "<td data-name=\"%s\"><div><span class=\"figure\">", name);
    buffer_add(out, figure);
    buffer_add_text(out, "</span>");
    if (isfinite(ratio)) {
        buffer_print(out, " <small>%.2f&times;</small>", ratio);
        buffer_print(out, "<span class=\"bar\"><span style=\"width:%.0f%%\"></span></span>",
                     fmin(100, fmax(0, ratio * 100)));
    }
    buffer_add_text(out, "</div></td>");
}

/* Bytes, milliseconds or decibels. */
static struct slice figure_text(struct arena *arena, double number, const char *unit) {
    const int digits = number < 10 ? 2 : number < 100 ? 1 : 0;
    if (!isfinite(number)) {
        return SLICE("&ndash;");
    }
    if (unit[0] == 'B') {
        return human_bytes(arena, (int64_t)fmin(number, 0x1p62));
    }
    return unit[0] == 'm' && number < 0.1 ? arena_print(arena, "%.0f &micro;s", number * 1000)
                                          : arena_print(arena, "%.*f %s", digits, number, unit);
}

static void add_verdict(struct buffer *out, struct value answer, struct value variant) {
    const bool keeps = truth_of(variant, "keeps_budget");
    const bool is_taken = is_used(answer, variant);
    buffer_print(out, "<td data-name=\"verdict\" class=\"words\"><div class=\"%s\">",
                 is_taken ? "good"
                 : keeps  ? ""
                          : "bad");
    if (is_taken) {
        buffer_add_text(out, keeps ? "&#10003; taken" : "&#10003; the nearest to the budget");
    } else if (!keeps) {
        add_text(out, text_of(variant, "why_not"));
    } else {
        buffer_add_text(out, truth_of(variant, "undominated") ? "best in something"
                                                              : "another is as good in everything");
    }
    buffer_add_text(out, "</div></td>");
}

static void add_variant(struct buffer *out, struct value answer, struct value variant,
                        struct value original) {
    static const struct {
        const char *name, *shown, *unit;
    } FIGURES[] = {{"size", "file", "B"},
                   {"latency_p50", "time", "ms"},
                   {"latency_p95", "worst times", "ms"},
                   {"cpu", "CPU time", "ms"},
                   {"load", "loading", "ms"},
                   {"rss", "memory", "B"}};
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, 1 << 16);
    buffer_print(out, "<tr%s><td data-name=\"variant\"><b>",
                 is_used(answer, variant) ? " class=\"use\"" : "");
    add_text(out, text_of(variant, "name"));
    buffer_add_text(out, "</b></td>");
    for (size_t i = 0; i < sizeof(FIGURES) / sizeof(FIGURES[0]); i++) {
        const double number = cost_of(variant, FIGURES[i].name);
        add_figure(out, FIGURES[i].shown, figure_text(&arena, number, FIGURES[i].unit),
                   number / cost_of(original, FIGURES[i].name));
    }
    const bool is_same = cost_of(variant, "drift.max") <= 0;
    add_figure(out, "noise",
               is_same ? SLICE("none") : figure_text(&arena, cost_of(variant, "drift.sqnr"), "dB"),
               NAN);
    const double same = same_answer(answer, variant);
    add_figure(out, is_of_masks(answer) ? "same mask" : "same answer",
               isfinite(same) ? arena_print(&arena, "%.2f %%", 100 * same) : SLICE("&ndash;"), NAN);
    add_verdict(out, answer, variant);
    buffer_add_text(out, "</tr>\n");
}

static void add_made(struct buffer *out, const struct value *variants, uint32_t count) {
    buffer_add_text(out, "<h2>What was tried</h2>\n<ul>\n");
    for (uint32_t i = 0; i < count; i++) {
        const bool offered = truth_of(variants[i], "offered");
        buffer_add_text(out, "<li><b>");
        add_text(out, text_of(variants[i], "name"));
        buffer_add_text(out, "</b>: ");
        add_text(out, text_of(variants[i], "how"));
        if (!offered) {
            buffer_add_text(out, " <span class=\"bad\">refused: ");
            add_text(out, text_of(variants[i], "why_not"));
            buffer_add_text(out, "</span>");
        }
        buffer_add_text(out, "</li>\n");
    }
    buffer_add_text(out, "</ul>\n");
}

static void add_variants(struct buffer *out, struct value answer) {
    const char *const heads[] = {
        "variant",     "file",     "time",
        "worst times", "CPU time", "loading",
        "memory",      "noise",    is_of_masks(answer) ? "same mask" : "same answer"};
    uint32_t count;
    const struct value *variants = human_items(answer, "variants", &count);
    buffer_add_text(out, "<h2>Side by side</h2>\n<table class=\"facts\"><thead><tr>");
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        buffer_print(out, "<th>%s</th>", heads[i]);
    }
    buffer_add_text(out, "<th class=\"words\">verdict</th></tr></thead><tbody>\n");
    for (uint32_t i = 0; i < count; i++) {
        if (truth_of(variants[i], "offered")) {
            add_variant(out, answer, variants[i], variants[0]);
        }
    }
    buffer_add_text(out, "</tbody></table>\n");
    add_made(out, variants, count);
}

/* --- samples with another answer --- */

static void add_picture(struct buffer *out, const char *folder, struct value sample) {
    CLEANUP(buffer_done) struct buffer picture;
    buffer_init(&picture, SAMPLE_PICTURE_BYTES_MAX);
    if (sample_pictures_read(folder, text_of(sample, "picture"), &picture)) {
        buffer_add_text(out, "<img alt=\"\" src=\"data:image/jpeg;base64,");
        base64_write(out, buffer_slice(&picture));
        buffer_add_text(out, "\">");
    }
}

static void add_number(struct buffer *out, struct value sample, const char *name) {
    const struct value number = object_of(sample, name);
    const double value = number_of(number, "value");
    buffer_add_text(out, "<b>");
    if (text_of(number, "label").count > 0) {
        add_name(out, text_of(number, "label"));
    } else {
        buffer_print(out, "%" PRId64, human_number(number, "place"));
    }
    buffer_add_text(out, "</b>");
    if (isfinite(value)) {
        buffer_print(out, " <small>(%.3g)</small>", value);
    }
}

static void add_sample(struct buffer *out, const char *folder, struct value sample,
                       bool has_answers) {
    const int64_t rows = human_number(sample, "rows");
    const int64_t moment = human_number(sample, "moment");
    const double db = number_of(sample, "sqnr_db");
    buffer_add_text(out, "<figure>");
    add_picture(out, folder, sample);
    buffer_add_text(out, "<figcaption>");
    add_name(out, text_of(sample, "sample"));
    if (moment > 0) {
        buffer_print(out, ", part %" PRId64, moment + 1);
    }
    buffer_print(out, "<div>%s ", has_answers ? "original" : "number");
    if (!has_answers) {
        buffer_print(out, "%" PRId64 ": ", human_number(object_of(sample, "original"), "place"));
        buffer_print(out, "<b>%.3g</b> became <b>%.3g</b>",
                     number_of(object_of(sample, "original"), "value"),
                     number_of(object_of(sample, "variant"), "value"));
    } else {
        add_number(out, sample, "original");
        buffer_add_text(out, ", now ");
        add_number(out, sample, "variant");
    }
    buffer_add_text(out, "</div><small>");
    if (rows > 1) {
        buffer_print(out, "%" PRId64 " of %" PRId64 " rows are others, this is row %" PRId64 "; ",
                     human_number(sample, "rows_changed"), rows, human_number(sample, "row") + 1);
    }
    buffer_add_text(out, "output ");
    add_name(out, text_of(sample, "output"));
    if (isfinite(db)) {
        buffer_print(out, "; noise %.0f dB", db);
    }
    buffer_add_text(out, "</small></figcaption></figure>\n");
}

static void add_changed_of(struct buffer *out, const char *folder, struct value variant) {
    const struct value changed = object_of(variant, "changed");
    const bool has_answers = truth_of(changed, "has_answers");
    const int64_t number = human_number(changed, "changed");
    const int64_t samples = human_number(changed, "samples");
    uint32_t count;
    const struct value *shown = human_items(changed, "shown", &count);
    buffer_add_text(out, "<h3>");
    add_text(out, text_of(variant, "name"));
    buffer_add_text(out, truth_of(variant, "offered") ? "</h3>\n<p>" : " (refused)</h3>\n<p>");
    if (has_answers) {
        buffer_print(out, "%" PRId64 " of %" PRId64 " samples %s another answer somewhere", number,
                     samples, number == 1 ? "has" : "have");
        if (number > count) {
            buffer_print(out, "; these %u are the worst", count);
        }
        buffer_add_text(out, ":</p>\n");
    } else {
        buffer_print(out,
                     "Its outputs have no classes to tell apart; of %" PRId64
                     " samples these are the farthest from the original:</p>\n",
                     samples);
    }
    buffer_add_text(out, "<div class=\"cards\">\n");
    for (uint32_t i = 0; i < count && i < CHANGED_SAMPLES_MAX; i++) {
        add_sample(out, folder, shown[i], has_answers);
    }
    buffer_add_text(out, "</div>\n");
}

static void add_changed(struct buffer *out, const char *folder, struct value answer) {
    uint32_t count;
    uint32_t shown = 0;
    const struct value *variants = human_items(answer, "variants", &count);
    buffer_add_text(out, "<h2>Samples whose answer changed</h2>\n");
    for (uint32_t i = 1; i < count && i < OPTIMISE_VARIANTS_MAX; i++) {
        uint32_t samples;
        (void)human_items(object_of(variants[i], "changed"), "shown", &samples);
        if (samples > 0) {
            add_changed_of(out, folder, variants[i]);
            shown++;
        }
    }
    if (shown == 0) {
        buffer_add_text(out, "<p class=\"good\">None, in no variant that was judged.</p>\n");
    }
}

/* --- layers --- */

/* The next worst layer after `worse_than`; count: there is none. */
static uint32_t next_layer(const struct value *layers, uint32_t count, double worse_than,
                           uint32_t after) {
    uint32_t found = count;
    for (uint32_t i = 0; i < count; i++) {
        const double db = number_of(layers[i], "sqnr_db");
        const bool is_next = db > worse_than || (db == worse_than && i > after);
        if (isfinite(db) && is_next &&
            (found == count || db < number_of(layers[found], "sqnr_db"))) {
            found = i;
        }
    }
    return found;
}

static void add_layer(struct buffer *out, struct value layer, double db) {
    const bool stays = truth_of(layer, "stays_float");
    buffer_print(out, "<tr%s><td data-name=\"layer\">", stays ? " class=\"use\"" : "");
    add_name(out, text_of(layer, "name"));
    buffer_add_text(out, "</td><td data-name=\"operator\">");
    add_name(out, text_of(layer, "operator"));
    buffer_print(out,
                 "</td><td data-name=\"weights\">%" PRId64 "</td>"
                 "<td data-name=\"noise\"><div>%.1f dB<span class=\"bar\">"
                 "<span style=\"width:%.0f%%\"></span></span></div></td>"
                 "<td data-name=\"held as\">%s</td></tr>\n",
                 human_number(layer, "weights"), db, fmin(100, fmax(0, db * 100 / NOISELESS_DB)),
                 stays ? "float32" : "8 bits");
}

/* Those that could not be tried have no noise. */
static void add_left_out(struct buffer *out, const struct value *layers, uint32_t count) {
    buffer_add_text(out, "<ul>\n");
    for (uint32_t i = 0; i < count; i++) {
        if (text_of(layers[i], "why_not").count > 0) {
            buffer_add_text(out, "<li>");
            add_name(out, text_of(layers[i], "name"));
            buffer_add_text(out, " stays in float32: ");
            add_text(out, text_of(layers[i], "why_not"));
            buffer_add_text(out, "</li>\n");
        }
    }
    buffer_add_text(out, "</ul>\n");
}

static void add_layers(struct buffer *out, struct value answer) {
    uint32_t count;
    const struct value *layers = human_items(answer, "layers", &count);
    if (count == 0) {
        return;
    }
    buffer_add_text(out,
                    "<h2>The layers that suffer most</h2>\n<p>How near the answers stay when one "
                    "layer alone is in whole numbers of 8 bits: the longer the bar, the nearer. "
                    "Those that stay in float32 are marked.</p>\n<table class=\"facts\"><thead>"
                    "<tr><th>layer</th><th>operator</th><th>weights</th><th>noise</th>"
                    "<th>held as</th></tr></thead><tbody>\n");
    double last = -INFINITY;
    uint32_t at = count;
    for (uint32_t i = 0; i < LAYERS_SHOWN; i++) {
        at = next_layer(layers, count, last, at);
        if (at == count) {
            break;
        }
        last = number_of(layers[at], "sqnr_db");
        add_layer(out, layers[at], last);
    }
    buffer_add_text(out, "</tbody></table>\n");
    add_left_out(out, layers, count);
}

void variants_write_page(struct buffer *out, const char *folder, struct value answer) {
    buffer_add_text(out, HEAD);
    add_use(out, answer);
    add_variants(out, answer);
    add_changed(out, folder, answer);
    add_layers(out, answer);
    buffer_add_text(out, WORDS);
    buffer_add_text(out, "</body></html>\n");
}
