// SPDX-License-Identifier: Apache-2.0
#include "model/text_corpus.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { ROOM_FIRST = 4096, TEXTS_A_LABEL_MIN = 2, SEEN_WORDS = (1 << TEXT_HASH_BITS) / 64 };

/* True the first time that a number comes. */
static bool mark(uint64_t *seen, uint32_t number) {
    const uint64_t bit = UINT64_C(1) << number % 64;
    const bool fresh = (seen[number / 64] & bit) == 0;
    seen[number / 64] |= bit;
    return fresh;
}

static void forget(struct text_corpus *corpus, size_t first) {
    for (size_t i = first; i < corpus->features_count; i++) {
        corpus->seen[corpus->features[i] / 64] = 0;
    }
}

status text_corpus_init(struct text_corpus *corpus, const struct text_settings *settings,
                        size_t bytes_max, struct error *err) {
    *corpus = (struct text_corpus){.settings = *settings, .bytes_max = bytes_max};
    const char *fault = text_settings_fault(settings);
    if (fault != NULL) {
        return fail(err, STATUS_INVALID, "%s", fault);
    }
    corpus->seen = memory_new(SEEN_WORDS, sizeof(*corpus->seen));
    if (corpus->seen == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    return STATUS_OK;
}

void text_corpus_done(struct text_corpus *corpus) {
    memory_free(corpus->features);
    memory_free(corpus->texts);
    memory_free(corpus->seen);
    *corpus = (struct text_corpus){0};
}

static size_t bytes_of(size_t features, size_t texts) {
    return features * sizeof(uint32_t) + texts * sizeof(struct corpus_text);
}

/* Room doubles, but never beyond the bound: the last growth takes what is left. */
static status grow(struct text_corpus *corpus, void **block, size_t each, size_t *room,
                   struct error *err) {
    const size_t used = bytes_of(corpus->features_room, corpus->texts_room);
    size_t more = *room > 0 ? *room : ROOM_FIRST;
    if (more > (corpus->bytes_max - used) / each) {
        more = (corpus->bytes_max - used) / each;
    }
    if (more == 0) {
        return fail(err, STATUS_FULL,
                    "the texts need more than the %zu MiB of memory that training may take: give "
                    "fewer texts, or look at fewer bytes of each",
                    corpus->bytes_max >> 20);
    }
    void *larger = memory_resize(*block, (*room + more) * each);
    if (larger == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    *block = larger;
    *room += more;
    return STATUS_OK;
}

struct filling {
    struct text_corpus *corpus;
    struct error *err;
    status done;
    uint64_t digest;
};

static void keep(void *owner, const uint32_t *hashes, size_t count) {
    struct filling *filling = owner;
    struct text_corpus *corpus = filling->corpus;
    while (filling->done == STATUS_OK && corpus->features_room - corpus->features_count < count) {
        void *block = corpus->features;
        filling->done =
            grow(corpus, &block, sizeof(*corpus->features), &corpus->features_room, filling->err);
        corpus->features = block;
    }
    if (filling->done != STATUS_OK) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        filling->digest = (filling->digest ^ hashes[i]) * UINT64_C(0x9e3779b97f4a7c15);
        filling->digest ^= filling->digest >> 29;
        if (mark(corpus->seen, hashes[i])) {
            corpus->features[corpus->features_count++] = hashes[i];
        }
    }
}

static status find_label(struct text_corpus *corpus, struct slice label, uint16_t *out_index,
                         struct error *err) {
    for (uint32_t i = 0; i < corpus->labels_count; i++) {
        if (slice_is(label, corpus->labels[i].name)) {
            *out_index = (uint16_t)i;
            return STATUS_OK;
        }
    }
    const char *fault = text_label_fault(label);
    if (fault != NULL) {
        return fail(err, STATUS_INVALID, "label '%.*s': %s", SLICE_ARGS(slice_part(label, 0, 64)),
                    fault);
    }
    if (corpus->labels_count == TEXT_LABELS_MAX) {
        return fail(err, STATUS_FULL, "label '%.*s' is one too many: a model has at most %d labels",
                    SLICE_ARGS(label), TEXT_LABELS_MAX);
    }
    struct corpus_label *fresh = &corpus->labels[corpus->labels_count];
    *fresh = (struct corpus_label){0};
    (void)memcpy(fresh->name, label.bytes, label.count);
    *out_index = (uint16_t)corpus->labels_count++;
    return STATUS_OK;
}

status text_corpus_add(struct text_corpus *corpus, struct slice text, struct slice label,
                       struct error *err) {
    uint16_t index = 0;
    TRY(find_label(corpus, label, &index, err));
    if (corpus->texts_count == CORPUS_TEXTS_MAX) {
        return fail(err, STATUS_FULL, "at most %d texts can be trained on", CORPUS_TEXTS_MAX);
    }
    if (corpus->texts_count == corpus->texts_room) {
        void *block = corpus->texts;
        const status grown = grow(corpus, &block, sizeof(*corpus->texts), &corpus->texts_room, err);
        corpus->texts = block;
        TRY(grown);
    }
    struct filling filling = {.corpus = corpus, .err = err};
    const size_t first = corpus->features_count;
    text_features(&corpus->settings, text, keep, &filling);
    forget(corpus, first);
    if (filling.done != STATUS_OK) {
        corpus->features_count = first;
        return filling.done;
    }
    corpus->texts[corpus->texts_count++] =
        (struct corpus_text){.first = first,
                             .count = (uint32_t)(corpus->features_count - first),
                             .label = index,
                             .digest = filling.digest};
    corpus->labels[index].texts++;
    corpus->text_bytes += text.count;
    return STATUS_OK;
}

static int compare_labels(const void *a, const void *b) {
    return strcmp(((const struct corpus_label *)a)->name, ((const struct corpus_label *)b)->name);
}

static void sort_labels(struct text_corpus *corpus) {
    struct corpus_label sorted[TEXT_LABELS_MAX];
    uint16_t places[TEXT_LABELS_MAX] = {0};
    (void)memcpy(sorted, corpus->labels, sizeof(sorted));
    qsort(sorted, corpus->labels_count, sizeof(sorted[0]), compare_labels);
    for (uint32_t old = 0; old < corpus->labels_count; old++) {
        for (uint32_t i = 0; i < corpus->labels_count; i++) {
            if (strcmp(sorted[i].name, corpus->labels[old].name) == 0) {
                places[old] = (uint16_t)i;
            }
        }
    }
    for (size_t i = 0; i < corpus->texts_count; i++) {
        corpus->texts[i].label = places[corpus->texts[i].label];
    }
    (void)memcpy(corpus->labels, sorted, sizeof(sorted));
}

static status check_counts(const struct text_corpus *corpus, struct error *err) {
    if (corpus->labels_count < 2) {
        return fail(err, STATUS_INVALID, "the texts have %u %s: at least 2 are needed",
                    corpus->labels_count, corpus->labels_count == 1 ? "label" : "labels");
    }
    for (uint32_t i = 0; i < corpus->labels_count; i++) {
        if (corpus->labels[i].texts < TEXTS_A_LABEL_MIN) {
            return fail(err, STATUS_INVALID, "label '%s' has %u text: at least %d are needed",
                        corpus->labels[i].name, corpus->labels[i].texts, TEXTS_A_LABEL_MIN);
        }
    }
    return STATUS_OK;
}

/* A text's place in the deal; equal digests stay neighbours whatever the seed. */
struct card {
    uint64_t order;
    uint32_t text;
    uint16_t label;
};

static int compare_cards(const void *a, const void *b) {
    const struct card *left = a;
    const struct card *right = b;
    if (left->label != right->label) {
        return left->label < right->label ? -1 : 1;
    }
    if (left->order != right->order) {
        return left->order < right->order ? -1 : 1;
    }
    return left->text < right->text ? -1 : left->text > right->text;
}

static void deal(struct text_corpus *corpus, struct card *cards, uint32_t folds) {
    uint32_t hand = 0;
    for (size_t i = 0; i < corpus->texts_count; i++) {
        const bool again =
            i > 0 && cards[i].order == cards[i - 1].order && cards[i].label == cards[i - 1].label;
        hand += again ? 0 : 1;
        corpus->repeats += again ? 1 : 0;
        corpus->texts[cards[i].text].fold = (uint16_t)(hand % folds);
    }
}

status text_corpus_settle(struct text_corpus *corpus, uint32_t folds, uint64_t seed,
                          struct error *err) {
    assert(folds > 0 && folds <= UINT16_MAX);
    TRY(check_counts(corpus, err));
    sort_labels(corpus);
    struct card *cards = memory_new(corpus->texts_count, sizeof(*cards));
    if (cards == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < corpus->texts_count; i++) {
        const uint64_t mixed = (corpus->texts[i].digest ^ seed) * UINT64_C(0xd6e8feb86659fd93);
        cards[i] = (struct card){
            .order = mixed ^ mixed >> 32, .text = (uint32_t)i, .label = corpus->texts[i].label};
    }
    qsort(cards, corpus->texts_count, sizeof(*cards), compare_cards);
    deal(corpus, cards, folds);
    memory_free(cards);
    return STATUS_OK;
}

uint32_t text_corpus_features(struct text_corpus *corpus) {
    uint32_t different = 0;
    for (size_t i = 0; i < corpus->features_count; i++) {
        different += mark(corpus->seen, corpus->features[i]);
    }
    forget(corpus, 0);
    return different;
}

void text_corpus_bucket(struct text_corpus *corpus, uint32_t buckets) {
    assert(corpus->buckets == 0 && buckets > 0);
    corpus->features_count = 0; /* never overtakes what is read: a text only gets shorter */
    for (size_t i = 0; i < corpus->texts_count; i++) {
        struct corpus_text *text = &corpus->texts[i];
        const size_t first = corpus->features_count;
        const size_t end = text->first + text->count;
        for (size_t j = text->first; j < end; j++) {
            const uint32_t bucket = text_bucket(corpus->features[j], buckets);
            if (mark(corpus->seen, bucket)) {
                corpus->features[corpus->features_count++] = bucket;
            }
        }
        text->first = first;
        text->count = (uint32_t)(corpus->features_count - first);
        forget(corpus, first);
    }
    corpus->buckets = buckets;
}
