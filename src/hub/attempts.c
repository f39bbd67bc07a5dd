// SPDX-License-Identifier: Apache-2.0
#include "hub/attempts.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/memory.h"
#include "platform/hash.h"

enum { ADDRESS_BYTES_MAX = 64, PREFIX_BYTES = 8 /* of an IPv6 address: its /64 */ };

struct source {
    uint64_t key;                /* 0: nobody */
    int64_t at_ms[ATTEMPTS_MAX]; /* a ring */
    uint32_t count;              /* ever */
    int64_t newest_ms;
};

struct attempts {
    struct source sources[ATTEMPTS_SOURCES_MAX];
};

status attempts_create(struct attempts **out_attempts, struct error *err) {
    *out_attempts = memory_new(1, sizeof(**out_attempts));
    return *out_attempts != NULL
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "out of memory for sources of wrong tokens");
}

void attempts_destroy(struct attempts *attempts) {
    memory_free(attempts);
}

static uint64_t key_of(struct slice source) {
    char text[ADDRESS_BYTES_MAX] = "";
    struct in6_addr address;
    const size_t count = source.count < sizeof(text) ? source.count : sizeof(text) - 1;
    if (count > 0) {
        (void)memcpy(text, source.bytes, count);
    }
    char *scope = strchr(text, '%');
    if (scope != NULL) {
        *scope = '\0';
    }
    const bool is_v6 = inet_pton(AF_INET6, text, &address) == 1;
    const bool is_mapped = is_v6 && IN6_IS_ADDR_V4MAPPED(&address);
    const struct slice part = {.bytes = (const char *)address.s6_addr, .count = PREFIX_BYTES};
    const uint64_t key =
        hash_64(is_v6 && !is_mapped ? part : slice_part(source, 0, ADDRESS_BYTES_MAX), SLICE(""));
    return key != 0 ? key : 1;
}

static const struct source *find(const struct attempts *attempts, uint64_t key) {
    for (int i = 0; i < ATTEMPTS_SOURCES_MAX; i++) {
        if (attempts->sources[i].key == key) {
            return &attempts->sources[i];
        }
    }
    return NULL;
}

static int64_t wait_of(const struct source *source, int64_t now_ms) {
    if (source->count < ATTEMPTS_MAX) {
        return 0;
    }
    const int64_t oldest_ms = source->at_ms[source->count % ATTEMPTS_MAX];
    const int64_t wait_ms = oldest_ms + ATTEMPTS_SPAN_MS - now_ms;
    return wait_ms > 0 ? wait_ms : 0;
}

int64_t attempts_wait_ms(const struct attempts *attempts, struct slice source, int64_t now_ms) {
    const struct source *found = find(attempts, key_of(source));
    return found != NULL ? wait_of(found, now_ms) : 0;
}

/* Its own place, an empty one, or that of whoever was quiet longest. */
static struct source *place_for(struct attempts *attempts, uint64_t key) {
    struct source *best = &attempts->sources[0];
    for (int i = 0; i < ATTEMPTS_SOURCES_MAX; i++) {
        struct source *source = &attempts->sources[i];
        if (source->key == key) {
            return source;
        }
        if (best->key != 0 && (source->key == 0 || source->newest_ms < best->newest_ms)) {
            best = source;
        }
    }
    *best = (struct source){.key = key};
    return best;
}

bool attempts_count(struct attempts *attempts, struct slice source, int64_t now_ms) {
    struct source *place = place_for(attempts, key_of(source));
    const bool was_waiting = wait_of(place, now_ms) > 0;
    place->at_ms[place->count % ATTEMPTS_MAX] = now_ms;
    place->count++;
    place->newest_ms = now_ms;
    return !was_waiting && wait_of(place, now_ms) > 0;
}
