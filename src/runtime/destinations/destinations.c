// SPDX-License-Identifier: Apache-2.0
#include "runtime/destinations/destinations.h"

#include "base/log.h"
#include "base/memory.h"

struct destinations {
    struct destinations_options options;
    const struct device_destination *settings[STORE_DESTINATIONS_MAX];
    struct slice names[STORE_DESTINATIONS_MAX];
    uint64_t bits[STORE_DESTINATIONS_MAX];
    struct destination *items[STORE_DESTINATIONS_MAX]; /* owned; NULL: not started, or the fault */
    struct error faults[STORE_DESTINATIONS_MAX];
    uint32_t count;
};

void destinations_start(struct destinations *destinations) {
    for (uint32_t i = 0; i < destinations->count; i++) {
        const struct destination_options options = {.loop = destinations->options.loop,
                                                    .pool = destinations->options.pool,
                                                    .store = destinations->options.store,
                                                    .settings = destinations->settings[i],
                                                    .bit = destinations->bits[i]};
        struct error *fault = &destinations->faults[i];
        if (destination_create(&options, &destinations->items[i], fault) != STATUS_OK) {
            log_line(LOG_ERROR, "runtime", "destination=%.*s cannot be sent to: %s",
                     SLICE_ARGS(destinations->names[i]), fault->text);
        }
    }
}

status destinations_create(const struct destinations_options *options,
                           struct destinations **out_destinations, struct error *err) {
    struct destinations *all = memory_new(1, sizeof *all);
    if (all == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the destinations");
    }
    all->options = *options;
    const struct device_destination *next =
        options->device != NULL ? options->device->destinations : NULL;
    for (; next != NULL; next = next->next) {
        if (device_destination(options->device, next->name) != next) {
            continue; /* a newer one has its name */
        }
        if (all->count == STORE_DESTINATIONS_MAX) {
            memory_free(all);
            return fail(err, STATUS_FULL, "a device has at most %d destinations",
                        STORE_DESTINATIONS_MAX);
        }
        all->settings[all->count] = next;
        all->names[all->count++] = next->name;
    }
    const status code =
        store_use_destinations(options->store, all->names, all->count, all->bits, err);
    if (code != STATUS_OK) {
        memory_free(all);
        return fail_while(err, "number the destinations");
    }
    *out_destinations = all;
    return STATUS_OK;
}

uint64_t destinations_bits(const struct destinations *destinations, const struct slice *names,
                           uint32_t count) {
    uint64_t bits = 0;
    for (uint32_t i = 0; destinations != NULL && i < destinations->count; i++) {
        for (uint32_t j = 0; j < count; j++) {
            bits |= slice_equal(names[j], destinations->names[i]) ? destinations->bits[i] : 0;
        }
    }
    return bits;
}

void destinations_note(struct destinations *destinations, uint64_t bits, enum lane lane) {
    for (uint32_t i = 0; bits != 0 && i < destinations->count; i++) {
        if ((bits & destinations->bits[i]) != 0 && destinations->items[i] != NULL) {
            destination_note(destinations->items[i], lane);
        }
    }
}

void destinations_stop(struct destinations *destinations) {
    for (uint32_t i = 0; destinations != NULL && i < destinations->count; i++) {
        if (destinations->items[i] != NULL) {
            destination_stop(destinations->items[i]);
        }
    }
}

void destinations_destroy(struct destinations *destinations) {
    for (uint32_t i = 0; destinations != NULL && i < destinations->count; i++) {
        destination_destroy(destinations->items[i]);
    }
    memory_free(destinations);
}

bool destinations_facts(const struct destinations *destinations, uint32_t index,
                        struct destination_facts *out_facts) {
    if (destinations == NULL || index >= destinations->count) {
        return false;
    }
    if (destinations->items[index] != NULL) {
        destination_facts(destinations->items[index], out_facts);
    } else {
        const struct device_destination *settings = destinations->settings[index];
        *out_facts = (struct destination_facts){.settings = settings,
                                                .kind = destination_kind(settings)->name,
                                                .failing = true,
                                                .failure = destinations->faults[index].text};
    }
    return true;
}
