// SPDX-License-Identifier: Apache-2.0
/*
 * The file, all numbers little endian:
 *
 *   4  "EBTM"
 *   4  version, 1
 *   4  labels                  2 .. TEXT_LABELS_MAX
 *   4  buckets                 TEXT_BUCKETS_MIN .. TEXT_BUCKETS_MAX
 *   4  bytes of a text that are looked at
 *   1  pairs of words, 0 or 1
 *   1  runs of letters, 0 or their length
 *   2  bytes of the provenance
 *      for each label: 1 byte with its length, its bytes (UTF-8)
 *      for each vector: its scale and its bias, each the 8 bytes of an IEEE double
 *      the provenance, a JSON object
 *      the weights, a signed byte each: buckets * vectors
 *  16  BLAKE2b-128 of everything before
 */
#include "model/text_model.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"
#include "platform/hash.h"
#include "platform/json.h"

static const char MAGIC[] = "EBTM";

static const double FACTOR_MAX = 1e6; /* keeps every sum finite */

enum { MAGIC_BYTES = 4, FIXED_BYTES = 28, JSON_ARENA_BYTES = 256 * 1024 };

struct text_model {
    struct buffer file; /* owned; what follows points into it */
    struct text_settings settings;
    uint32_t labels_count;
    uint32_t vectors;
    uint32_t buckets;
    struct slice labels[TEXT_LABELS_MAX];
    double scales[TEXT_LABELS_MAX];
    double biases[TEXT_LABELS_MAX];
    struct slice provenance;
    const int8_t *weights;
};

uint32_t text_vectors(uint32_t labels_count) {
    return labels_count == 2 ? 1 : labels_count;
}

const char *text_label_fault(struct slice label) {
    if (label.count == 0 || label.count > TEXT_LABEL_BYTES_MAX) {
        return "a label has from 1 to 64 bytes";
    }
    if (!text_is_utf8(label)) {
        return "a label is UTF-8";
    }
    for (size_t i = 0; i < label.count; i++) {
        if ((unsigned char)label.bytes[i] < ' ' || label.bytes[i] == 0x7F) {
            return "a label has no control characters";
        }
    }
    return NULL;
}

/* NULL, or what no model may have; the same for one that is written and one that is read. */
static const char *parts_fault(const struct text_parts *parts) {
    if (parts->labels_count < 2 || parts->labels_count > TEXT_LABELS_MAX) {
        return "a model has from 2 to 64 labels";
    }
    const uint32_t vectors = text_vectors(parts->labels_count);
    if (parts->buckets < TEXT_BUCKETS_MIN || parts->buckets > TEXT_BUCKETS_MAX / vectors) {
        return "a model has from 64 to 16777216 weights";
    }
    const char *fault = text_settings_fault(&parts->settings);
    for (uint32_t i = 0; fault == NULL && i < parts->labels_count; i++) {
        fault = text_label_fault(parts->labels[i]);
        for (uint32_t j = 0; fault == NULL && j < i; j++) {
            fault = slice_equal(parts->labels[i], parts->labels[j]) ? "a label stands twice" : NULL;
        }
    }
    for (uint32_t i = 0; fault == NULL && i < vectors; i++) {
        const bool sane =
            fabs(parts->scales[i]) <= FACTOR_MAX && fabs(parts->biases[i]) <= FACTOR_MAX;
        fault = sane ? NULL : "a scale or a bias is not a number up to a million";
    }
    return fault;
}

/* `code` is the class of what is wrong with them: INVALID to write, CORRUPT when read. */
static status check_parts(const struct text_parts *parts, status code, struct error *err) {
    const char *fault = parts_fault(parts);
    if (fault != NULL) {
        return fail(err, code, "%s", fault);
    }
    struct arena arena;
    arena_init(&arena, JSON_ARENA_BYTES);
    struct value value = {0};
    struct error reason;
    const struct slice json = parts->provenance;
    const status read = json.count <= TEXT_PROVENANCE_BYTES_MAX
                            ? json_read(&arena, json, &value, &reason)
                            : STATUS_INVALID;
    const bool object = read == STATUS_OK && value.kind == VALUE_OBJECT;
    arena_done(&arena);
    if (read == STATUS_FULL || read == STATUS_NO_MEMORY) {
        return fail(err, STATUS_NO_MEMORY, "out of memory"); /* the arena's bound is ample */
    }
    return object ? STATUS_OK
                  : fail(err, code, "the provenance is a JSON object of at most %d bytes",
                         TEXT_PROVENANCE_BYTES_MAX);
}

static void add_double(struct buffer *out, double number) {
    uint64_t bits = 0;
    (void)memcpy(&bits, &number, sizeof(bits));
    buffer_add_u64(out, bits);
}

status text_model_write(const struct text_parts *parts, struct buffer *out, struct error *err) {
    if (check_parts(parts, STATUS_INVALID, err) != STATUS_OK) {
        return fail_while(err, "write a text model");
    }
    const size_t start = out->count;
    const uint32_t vectors = text_vectors(parts->labels_count);
    buffer_add_text(out, MAGIC);
    buffer_add_u32(out, TEXT_MODEL_VERSION);
    buffer_add_u32(out, parts->labels_count);
    buffer_add_u32(out, parts->buckets);
    buffer_add_u32(out, parts->settings.bytes_max);
    buffer_add_byte(out, parts->settings.pairs ? 1 : 0);
    buffer_add_byte(out, parts->settings.letters);
    buffer_add_byte(out, (uint8_t)(parts->provenance.count & 0xFF));
    buffer_add_byte(out, (uint8_t)(parts->provenance.count >> 8));
    for (uint32_t i = 0; i < parts->labels_count; i++) {
        buffer_add_byte(out, (uint8_t)parts->labels[i].count);
        buffer_add(out, parts->labels[i]);
    }
    for (uint32_t i = 0; i < vectors; i++) {
        add_double(out, parts->scales[i]);
        add_double(out, parts->biases[i]);
    }
    buffer_add(out, parts->provenance);
    buffer_add(out, (struct slice){.bytes = (const char *)parts->weights,
                                   .count = (size_t)parts->buckets * vectors});
    if (buffer_status(out, err) == STATUS_OK) {
        const struct id sum =
            hash_128(slice_part(buffer_slice(out), start, out->count), (struct slice){0});
        buffer_add(out, id_slice(&sum));
    }
    return buffer_status(out, err) == STATUS_OK ? STATUS_OK : fail_while(err, "write a text model");
}

/* Takes what is there from the front; what is not there is zero, and `cut` says so. */
struct cursor {
    struct slice left;
    bool cut;
};

static struct slice take(struct cursor *cursor, size_t count) {
    if (cursor->left.count < count) {
        cursor->cut = true;
        return (struct slice){0};
    }
    const struct slice taken = slice_part(cursor->left, 0, count);
    cursor->left = slice_part(cursor->left, count, cursor->left.count);
    return taken;
}

static uint64_t take_number(struct cursor *cursor, size_t bytes) {
    const struct slice taken = take(cursor, bytes);
    uint64_t number = 0;
    for (size_t i = taken.count; i > 0; i--) {
        number = number << 8 | (unsigned char)taken.bytes[i - 1];
    }
    return number;
}

static double take_double(struct cursor *cursor) {
    const uint64_t bits = take_number(cursor, sizeof(uint64_t));
    double number = 0;
    (void)memcpy(&number, &bits, sizeof(number));
    return number;
}

/* What can be said before the fields are looked at: is it one of ours, new enough, undamaged? */
static status check_whole(struct slice bytes, struct error *err) {
    if (!slice_starts(bytes, MAGIC)) {
        return fail(err, STATUS_CORRUPT, "this is no text model: it does not begin with EBTM");
    }
    struct cursor cursor = {.left = slice_part(bytes, MAGIC_BYTES, bytes.count)};
    const uint32_t version = (uint32_t)take_number(&cursor, 4);
    if (!cursor.cut && version > TEXT_MODEL_VERSION) {
        return fail(err, STATUS_INVALID,
                    "the text model has version %u, this ebb reads up to version %d: it needs a "
                    "newer ebb",
                    version, TEXT_MODEL_VERSION);
    }
    if (bytes.count < FIXED_BYTES + ID_BYTES || bytes.count > TEXT_MODEL_BYTES_MAX) {
        return fail(err, STATUS_CORRUPT, "a text model has from %d to %d bytes, this has %zu",
                    FIXED_BYTES + ID_BYTES, TEXT_MODEL_BYTES_MAX, bytes.count);
    }
    if (version == 0) {
        return fail(err, STATUS_CORRUPT, "version 0 of a text model does not exist");
    }
    const size_t body = bytes.count - ID_BYTES;
    const struct id sum = hash_128(slice_part(bytes, 0, body), (struct slice){0});
    if (!slice_equal(id_slice(&sum), slice_part(bytes, body, bytes.count))) {
        return fail(
            err, STATUS_CORRUPT,
            "the checksum of the text model does not match its bytes: it is cut or damaged");
    }
    return STATUS_OK;
}

struct text_parts text_model_parts(const struct text_model *model) {
    return (struct text_parts){
        .settings = model->settings,
        .labels = model->labels,
        .labels_count = model->labels_count,
        .buckets = model->buckets,
        .scales = model->scales,
        .biases = model->biases,
        .weights = model->weights,
        .provenance = model->provenance,
    };
}

/* Reads the fields behind the version. Lengths are checked before anything is done with them. */
static status read_fields(struct text_model *model, struct error *err) {
    const struct slice whole = buffer_slice(&model->file);
    struct cursor cursor = {.left = slice_part(whole, MAGIC_BYTES + 4, whole.count - ID_BYTES)};
    model->labels_count = (uint32_t)take_number(&cursor, 4);
    model->buckets = (uint32_t)take_number(&cursor, 4);
    model->settings.bytes_max = (uint32_t)take_number(&cursor, 4);
    const uint64_t pairs = take_number(&cursor, 1);
    model->settings.pairs = pairs != 0;
    model->settings.letters = (uint8_t)take_number(&cursor, 1);
    const size_t provenance_bytes = (size_t)take_number(&cursor, 2);
    if (model->labels_count < 2 || model->labels_count > TEXT_LABELS_MAX || pairs > 1) {
        return fail(err, STATUS_CORRUPT, "the text model has %u labels and pairs %d",
                    model->labels_count, (int)pairs);
    }
    model->vectors = text_vectors(model->labels_count);
    for (uint32_t i = 0; i < model->labels_count; i++) {
        model->labels[i] = take(&cursor, (size_t)take_number(&cursor, 1));
    }
    for (uint32_t i = 0; i < model->vectors; i++) {
        model->scales[i] = take_double(&cursor);
        model->biases[i] = take_double(&cursor);
    }
    model->provenance = take(&cursor, provenance_bytes);
    const uint64_t weights = (uint64_t)model->buckets * model->vectors;
    if (cursor.cut || cursor.left.count != weights) {
        return fail(err, STATUS_CORRUPT,
                    "the text model has %zu bytes where %llu weights of %u buckets should be",
                    cursor.left.count, (unsigned long long)weights, model->buckets);
    }
    model->weights = (const int8_t *)cursor.left.bytes;
    const struct text_parts parts = text_model_parts(model);
    const status checked = check_parts(&parts, STATUS_CORRUPT, err);
    return checked == STATUS_OK ? checked : fail_while(err, "the text model");
}

static struct text_model *new_model(void) {
    struct text_model *model = memory_new(1, sizeof(*model));
    if (model != NULL) {
        buffer_init(&model->file, TEXT_MODEL_BYTES_MAX);
    }
    return model;
}

static status finish(struct text_model *model, struct text_model **out_model, struct error *err) {
    status done = check_whole(buffer_slice(&model->file), err);
    if (done == STATUS_OK) {
        done = read_fields(model, err);
    }
    if (done != STATUS_OK) {
        text_model_close(model);
        return done;
    }
    *out_model = model;
    return STATUS_OK;
}

status text_model_read(struct slice bytes, struct text_model **out_model, struct error *err) {
    struct text_model *model = new_model();
    if (model == NULL) {
        return fail(err, STATUS_NO_MEMORY, "read a text model: out of memory");
    }
    buffer_add(&model->file, bytes);
    if (buffer_status(&model->file, err) != STATUS_OK) {
        text_model_close(model);
        return fail_while(err, "read a text model");
    }
    return finish(model, out_model, err);
}

status text_model_open(const char *path, struct text_model **out_model, struct error *err) {
    struct text_model *model = new_model();
    if (model == NULL) {
        return fail(err, STATUS_NO_MEMORY, "read '%s': out of memory", path);
    }
    const status read = file_read(path, &model->file, err);
    if (read != STATUS_OK) {
        text_model_close(model);
        return read;
    }
    const status done = finish(model, out_model, err);
    return done == STATUS_OK ? done : fail_while(err, "read '%s'", path);
}

void text_model_close(struct text_model *model) {
    if (model != NULL) {
        buffer_done(&model->file);
        memory_free(model);
    }
}

uint32_t text_model_labels(const struct text_model *model) {
    return model->labels_count;
}

struct slice text_model_label(const struct text_model *model, uint32_t index) {
    assert(index < model->labels_count);
    return model->labels[index];
}

struct text_settings text_model_settings(const struct text_model *model) {
    return model->settings;
}

uint32_t text_model_buckets(const struct text_model *model) {
    return model->buckets;
}

struct slice text_model_provenance(const struct text_model *model) {
    return model->provenance;
}

size_t text_model_bytes(const struct text_model *model) {
    return model->file.count;
}

size_t text_model_scratch_bytes(const struct text_model *model) {
    return ((size_t)model->buckets + 63) / 64 * sizeof(uint64_t);
}

/* The sums of one text; a bucket counts once, however often it comes. */
struct tally {
    const int8_t *weights;
    uint64_t *seen;
    uint32_t buckets;
    uint32_t vectors;
    uint32_t count; /* different buckets */
    int32_t sums[TEXT_LABELS_MAX];
};

/* Without a branch: whether a bucket is new is what a processor cannot guess. */
static void tally_one(void *owner, const uint32_t *hashes, size_t count) {
    struct tally *tally = owner;
    int32_t sum = 0;
    uint32_t fresh_count = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t bucket = text_bucket(hashes[i], tally->buckets);
        const uint64_t word = tally->seen[bucket / 64];
        const uint32_t fresh = (uint32_t)(~word >> bucket % 64) & 1U;
        tally->seen[bucket / 64] = word | UINT64_C(1) << bucket % 64;
        sum += (int32_t)fresh * tally->weights[bucket];
        fresh_count += fresh;
    }
    tally->sums[0] += sum;
    tally->count += fresh_count;
}

static void tally_many(void *owner, const uint32_t *hashes, size_t count) {
    struct tally *tally = owner;
    for (size_t i = 0; i < count; i++) {
        const uint32_t bucket = text_bucket(hashes[i], tally->buckets);
        const uint64_t bit = UINT64_C(1) << bucket % 64;
        if ((tally->seen[bucket / 64] & bit) != 0) {
            continue;
        }
        tally->seen[bucket / 64] |= bit;
        tally->count++;
        const int8_t *row = tally->weights + (size_t)bucket * tally->vectors;
        for (uint32_t k = 0; k < tally->vectors; k++) {
            tally->sums[k] += row[k];
        }
    }
}

uint32_t text_chances(double *odds, uint32_t count) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++) {
        best = odds[i] > odds[best] ? i : best;
    }
    const double top = odds[best];
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        odds[i] = exp(odds[i] - top);
        sum += odds[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        odds[i] /= sum;
    }
    return best;
}

uint32_t text_model_ask(const struct text_model *model, struct slice text, void *scratch,
                        double *out_chances) {
    struct tally tally = {.weights = model->weights,
                          .seen = scratch,
                          .buckets = model->buckets,
                          .vectors = model->vectors};
    (void)memset(scratch, 0, text_model_scratch_bytes(model));
    text_features(&model->settings, text, model->vectors == 1 ? tally_one : tally_many, &tally);
    const double length = tally.count > 0 ? sqrt((double)tally.count) : 1;
    out_chances[0] = 0; /* of two labels the first is what the one vector speaks against */
    for (uint32_t k = 0; k < model->vectors; k++) {
        const uint32_t label = model->vectors == 1 ? 1 : k;
        out_chances[label] = model->scales[k] * tally.sums[k] / length + model->biases[k];
    }
    return text_chances(out_chances, model->labels_count);
}
