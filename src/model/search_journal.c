// SPDX-License-Identifier: Apache-2.0
#include "model/search_journal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "platform/file.h"
#include "platform/json.h"

enum { ARENA_BYTES_MAX = 32 << 20, VERSION = 1, TRY_NUMBERS = 13, PATH_BYTES = 4096 };

struct kept_try {
    bool *stays;
    struct quantize_try tried;
};

struct search_journal {
    char path[PATH_BYTES];
    struct digest key;
    struct arena arena;
    uint32_t layer_count;
    double *layers; /* NAN: not known */
    struct kept_try tries[QUANTIZE_TRIES_MAX];
    uint32_t try_count;
    bool is_full; /* the disk; nothing more is written */
};

/* --- numbers --- */

static void write_number(struct buffer *out, double number) {
    if (isfinite(number)) {
        buffer_print(out, "%.17g", number);
    } else {
        buffer_add_text(out, isnan(number) ? "null" : number > 0 ? "\"inf\"" : "\"-inf\"");
    }
}

static bool read_number(struct value value, double *out_number) {
    const bool is_text = value.kind == VALUE_TEXT;
    if (value_is_number(value)) {
        *out_number = value_number(value);
    } else if (value.kind == VALUE_NULL) {
        *out_number = NAN;
    } else if (is_text && slice_is(value_text(value), "inf")) {
        *out_number = INFINITY;
    } else if (is_text && slice_is(value_text(value), "-inf")) {
        *out_number = -INFINITY;
    } else {
        return false;
    }
    return true;
}

static bool read_count(double number, uint64_t *out_count) {
    const bool fits = number >= 0 && number <= 0x1p53;
    *out_count = fits ? (uint64_t)number : 0;
    return fits;
}

/* --- a model that was tried --- */

static void write_try(struct buffer *out, const struct search_journal *journal,
                      const struct kept_try *kept) {
    const struct drift *drift = &kept->tried.proof.drift;
    const double numbers[TRY_NUMBERS] = {kept->tried.proof.worst_sqnr_db,
                                         kept->tried.cost,
                                         (double)drift->count,
                                         (double)drift->broken,
                                         drift->largest,
                                         drift->difference_squares,
                                         drift->reference_squares,
                                         drift->candidate_squares,
                                         drift->products,
                                         (double)drift->rows,
                                         (double)drift->rows_agreeing,
                                         (double)drift->mask_both,
                                         (double)drift->mask_any};
    buffer_add_text(out, "{\"stays\":\"");
    for (uint32_t i = 0; i < journal->layer_count; i++) {
        buffer_add_byte(out, kept->stays[i] ? '1' : '0');
    }
    buffer_add_text(out, "\",\"numbers\":[");
    for (size_t i = 0; i < TRY_NUMBERS; i++) {
        buffer_add_text(out, i > 0 ? "," : "");
        write_number(out, numbers[i]);
    }
    buffer_add_text(out, "]}");
}

static bool read_numbers(struct value list, struct quantize_try *out_tried) {
    double numbers[TRY_NUMBERS];
    struct drift *drift = &out_tried->proof.drift;
    if (list.kind != VALUE_LIST || list.count != TRY_NUMBERS) {
        return false;
    }
    for (size_t i = 0; i < TRY_NUMBERS; i++) {
        if (!read_number(list.items[i], &numbers[i])) {
            return false;
        }
    }
    out_tried->proof.worst_sqnr_db = numbers[0];
    out_tried->cost = numbers[1];
    drift->largest = numbers[4];
    drift->difference_squares = numbers[5];
    drift->reference_squares = numbers[6];
    drift->candidate_squares = numbers[7];
    drift->products = numbers[8];
    return read_count(numbers[2], &drift->count) && read_count(numbers[3], &drift->broken) &&
           read_count(numbers[9], &drift->rows) && read_count(numbers[10], &drift->rows_agreeing) &&
           read_count(numbers[11], &drift->mask_both) && read_count(numbers[12], &drift->mask_any);
}

static bool read_stays(struct search_journal *journal, struct slice text, struct kept_try *kept) {
    kept->stays = arena_get(&journal->arena, (size_t)journal->layer_count + 1, sizeof(bool));
    if (kept->stays == NULL || text.count != journal->layer_count) {
        return false;
    }
    for (uint32_t i = 0; i < journal->layer_count; i++) {
        kept->stays[i] = text.bytes[i] == '1';
        kept->tried.staying += kept->stays[i] ? 1 : 0;
        if (!kept->stays[i] && text.bytes[i] != '0') {
            return false;
        }
    }
    return true;
}

/* --- the file --- */

static void save(struct search_journal *journal) {
    CLEANUP(buffer_done) struct buffer text;
    char key[DIGEST_HEX_BYTES + 1];
    buffer_init(&text, SEARCH_JOURNAL_BYTES_MAX);
    if (journal->is_full) {
        return;
    }
    digest_write(journal->key, key);
    buffer_print(&text, "{\"ebb_search\":%d,\"key\":\"%s\",\"layers\":[", VERSION, key);
    for (uint32_t i = 0; i < journal->layer_count; i++) {
        buffer_add_text(&text, i > 0 ? "," : "");
        write_number(&text, journal->layers[i]);
    }
    buffer_add_text(&text, "],\"tries\":[");
    for (uint32_t i = 0; i < journal->try_count; i++) {
        buffer_add_text(&text, i > 0 ? "," : "");
        write_try(&text, journal, &journal->tries[i]);
    }
    buffer_add_text(&text, "]}\n");
    journal->is_full = buffer_status(&text, NULL) != STATUS_OK ||
                       file_replace(journal->path, buffer_slice(&text), NULL) != STATUS_OK;
}

static void forget(struct search_journal *journal) {
    arena_reset(&journal->arena);
    journal->layer_count = 0;
    journal->layers = NULL;
    journal->try_count = 0;
}

static bool make_room(struct search_journal *journal, uint32_t layer_count) {
    journal->layers = arena_get(&journal->arena, (size_t)layer_count + 1, sizeof(*journal->layers));
    journal->layer_count = journal->layers != NULL ? layer_count : 0;
    for (uint32_t i = 0; i < journal->layer_count; i++) {
        journal->layers[i] = NAN;
    }
    return journal->layers != NULL;
}

static bool read_layers(struct search_journal *journal, struct value list) {
    if (list.kind != VALUE_LIST || list.count > QUANTIZE_LAYERS_MAX ||
        !make_room(journal, list.count)) {
        return false;
    }
    for (uint32_t i = 0; i < list.count; i++) {
        if (!read_number(list.items[i], &journal->layers[i])) {
            return false;
        }
    }
    return true;
}

static bool read_tries(struct search_journal *journal, struct value list) {
    if (list.kind != VALUE_LIST || list.count > QUANTIZE_TRIES_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < list.count; i++) {
        struct kept_try *kept = &journal->tries[i];
        const struct value *stays = value_get(list.items[i], SLICE("stays"));
        const struct value *numbers = value_get(list.items[i], SLICE("numbers"));
        *kept = (struct kept_try){0};
        if (stays == NULL || numbers == NULL || !read_stays(journal, value_text(*stays), kept) ||
            !read_numbers(*numbers, &kept->tried)) {
            return false;
        }
        journal->try_count++;
    }
    return true;
}

static void say_how_far(const struct search_journal *journal, char *out_said) {
    uint32_t known = 0;
    for (uint32_t i = 0; i < journal->layer_count; i++) {
        known += isnan(journal->layers[i]) ? 0 : 1;
    }
    (void)snprintf(out_said, SEARCH_JOURNAL_SAID_BYTES,
                   "goes on after %u of %u layers and %u whole model%s", known,
                   journal->layer_count, journal->try_count, journal->try_count == 1 ? "" : "s");
}

/* Of the same search, or nothing. */
static void read(struct search_journal *journal, struct slice text, char *out_said) {
    CLEANUP(arena_done) struct arena arena;
    struct value value;
    struct digest key;
    arena_init(&arena, ARENA_BYTES_MAX);
    const bool is_json = json_read(&arena, text, &value, NULL) == STATUS_OK;
    const struct value *layers = is_json ? value_get(value, SLICE("layers")) : NULL;
    const struct value *tries = is_json ? value_get(value, SLICE("tries")) : NULL;
    const struct value *said = is_json ? value_get(value, SLICE("key")) : NULL;
    const bool has_key = said != NULL && digest_read(value_text(*said), &key);
    if (has_key && !digest_equal(key, journal->key)) {
        (void)snprintf(out_said, SEARCH_JOURNAL_SAID_BYTES,
                       "begins anew: what an earlier search has left is of other files, samples, "
                       "options or programs");
    } else if (!has_key || layers == NULL || tries == NULL || !read_layers(journal, *layers) ||
               !read_tries(journal, *tries)) {
        forget(journal);
        (void)snprintf(out_said, SEARCH_JOURNAL_SAID_BYTES,
                       "begins anew: what an earlier search has left is damaged");
    } else {
        say_how_far(journal, out_said);
    }
}

status search_journal_open(const char *path, struct digest key, struct search_journal **out_journal,
                           char out_said[SEARCH_JOURNAL_SAID_BYTES], struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    struct search_journal *journal = memory_new(1, sizeof(*journal));
    buffer_init(&text, SEARCH_JOURNAL_BYTES_MAX);
    if (journal == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a search");
    }
    (void)snprintf(journal->path, sizeof(journal->path), "%s", path);
    journal->key = key;
    arena_init(&journal->arena, ARENA_BYTES_MAX);
    out_said[0] = '\0';
    if (file_is_there(path)) {
        /* What cannot be read is as good as damaged. */
        (void)file_read(path, &text, NULL);
        read(journal, buffer_slice(&text), out_said);
    }
    *out_journal = journal;
    return STATUS_OK;
}

void search_journal_close(struct search_journal *journal) {
    if (journal != NULL) {
        arena_done(&journal->arena);
        memory_free(journal);
    }
}

/* --- what was found --- */

status search_journal_begin(struct search_journal *journal, uint32_t layer_count,
                            struct error *err) {
    if (journal == NULL || journal->layer_count == layer_count) {
        return STATUS_OK;
    }
    forget(journal);
    return make_room(journal, layer_count)
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "out of memory for a search");
}

bool search_journal_layer(const struct search_journal *journal, uint32_t layer,
                          double *out_sqnr_db) {
    if (journal == NULL || layer >= journal->layer_count || isnan(journal->layers[layer])) {
        return false;
    }
    *out_sqnr_db = journal->layers[layer];
    return true;
}

bool search_journal_try(const struct search_journal *journal, const bool *stays,
                        struct quantize_try *out_tried) {
    for (uint32_t i = 0; journal != NULL && i < journal->try_count; i++) {
        if (memcmp(journal->tries[i].stays, stays, journal->layer_count * sizeof(*stays)) == 0) {
            *out_tried = journal->tries[i].tried;
            return true;
        }
    }
    return false;
}

void search_journal_put_layer(struct search_journal *journal, uint32_t layer, double sqnr_db) {
    if (journal != NULL && layer < journal->layer_count) {
        journal->layers[layer] = sqnr_db;
        save(journal);
    }
}

void search_journal_put_try(struct search_journal *journal, const bool *stays,
                            const struct quantize_try *tried) {
    if (journal == NULL || journal->try_count == QUANTIZE_TRIES_MAX) {
        return;
    }
    struct kept_try *kept = &journal->tries[journal->try_count];
    kept->stays = arena_get(&journal->arena, (size_t)journal->layer_count + 1, sizeof(bool));
    if (kept->stays != NULL) {
        (void)memcpy(kept->stays, stays, journal->layer_count * sizeof(bool));
        kept->tried = *tried;
        journal->try_count++;
        save(journal);
    }
}
