// SPDX-License-Identifier: Apache-2.0
#include "model/text_buckets.h"

#include <stdbool.h>

#include "base/memory.h"
#include "model/text_model.h"

enum { ROOM_FIRST = 1024 };

status text_buckets_init(struct text_buckets *buckets, const struct text_settings *settings,
                         uint32_t count, struct error *err) {
    *buckets = (struct text_buckets){.settings = *settings, .buckets = count};
    const char *fault = text_settings_fault(settings);
    if (fault == NULL && (count < TEXT_BUCKETS_MIN || count > TEXT_BUCKETS_MAX)) {
        fault = "there are from 64 to 16777216 buckets";
    }
    if (fault != NULL) {
        return fail(err, STATUS_INVALID, "%s", fault);
    }
    buckets->seen = memory_new(((size_t)count + 63) / 64, sizeof(*buckets->seen));
    return buckets->seen != NULL ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory");
}

void text_buckets_done(struct text_buckets *buckets) {
    memory_free(buckets->seen);
    memory_free(buckets->found);
    *buckets = (struct text_buckets){0};
}

/* Bounded by the count of buckets, and by the bytes of a text that are looked at. */
static bool grow(struct text_buckets *buckets) {
    const size_t room = buckets->room > 0 ? 2 * buckets->room : ROOM_FIRST;
    int64_t *larger = memory_resize(buckets->found, room * sizeof(*larger));
    if (larger == NULL) {
        return false;
    }
    buckets->found = larger;
    buckets->room = room;
    return true;
}

struct finding {
    struct text_buckets *buckets;
    bool short_of_memory;
};

static void find(void *owner, const uint32_t *hashes, size_t count) {
    struct finding *finding = owner;
    struct text_buckets *buckets = finding->buckets;
    for (size_t i = 0; i < count && !finding->short_of_memory; i++) {
        const uint32_t bucket = text_bucket(hashes[i], buckets->buckets);
        const uint64_t bit = UINT64_C(1) << bucket % 64;
        if ((buckets->seen[bucket / 64] & bit) != 0) {
            continue;
        }
        if (buckets->count == buckets->room && !grow(buckets)) {
            finding->short_of_memory = true;
            return;
        }
        buckets->seen[bucket / 64] |= bit;
        buckets->found[buckets->count++] = bucket;
    }
}

status text_buckets_find(struct text_buckets *buckets, struct slice text, struct error *err) {
    struct finding finding = {.buckets = buckets};
    buckets->count = 0;
    text_features(&buckets->settings, text, find, &finding);
    for (size_t i = 0; i < buckets->count; i++) {
        buckets->seen[buckets->found[i] / 64] = 0;
    }
    return finding.short_of_memory ? fail(err, STATUS_NO_MEMORY, "out of memory") : STATUS_OK;
}
