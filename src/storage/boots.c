// SPDX-License-Identifier: Apache-2.0
#include "storage/boots.h"

#include <string.h>

#include "storage/sql.h"

static void add(struct boots *boots, const struct boot *boot) {
    if (boots->count == BOOTS_IN_MEMORY_MAX) {
        (void)memmove(&boots->boots[0], &boots->boots[1],
                      (BOOTS_IN_MEMORY_MAX - 1) * sizeof(boots->boots[0]));
        boots->count--;
        boots->kept = boots->kept > 0 ? boots->kept - 1 : 0;
    }
    boots->boots[boots->count++] = *boot;
}

static struct boot boot_of_row(const struct query *query) {
    struct boot boot = {.number = (uint32_t)query_number(query, 0),
                        .quality = (enum clock_quality)(query_number(query, 2) & 3)};
    const struct slice id = query_bytes(query, 1);
    if (id.count == ID_BYTES) {
        (void)memcpy(boot.id.bytes, id.bytes, ID_BYTES);
    }
    return boot;
}

bool boots_is_used(const struct boots *boots, uint32_t number) {
    bool used = false;
    for (int i = 0; i < boots->count; i++) {
        used = used || (boots->boots[i].number == number && boots->boots[i].used);
    }
    return used;
}

status boots_load(struct boots *boots, struct database *database, struct error *err) {
    struct boots loaded = {.next_number = 1};
    CLEANUP(query_done) struct query query = query_on(database, SQL_BOOT_LIST);
    query_bind_number(&query, BOOTS_IN_MEMORY_MAX);
    while (query_next(&query)) {
        struct boot boot = boot_of_row(&query);
        boot.used = boots_is_used(boots, boot.number);
        add(&loaded, &boot);
        loaded.next_number = boot.number + 1;
    }
    TRY(query_status(&query, err));
    boots_settle(&loaded);
    *boots = loaded;
    return STATUS_OK;
}

status boots_keep(struct boots *boots, struct database *database, struct id id,
                  const struct moment *time, uint32_t *out_number, struct error *err) {
    for (int i = boots->count - 1; i >= 0; i--) {
        struct boot *there = &boots->boots[i];
        if (!there->going && there->quality == time->quality && id_equal(there->id, id)) {
            there->used = true;
            *out_number = there->number;
            return STATUS_OK;
        }
    }
    const struct boot boot = {
        .number = boots->next_number, .id = id, .quality = time->quality, .used = true};
    CLEANUP(query_done) struct query query = query_on(database, SQL_BOOT_PUT);
    query_bind_number(&query, boot.number);
    query_bind_bytes(&query, id_slice(&id));
    query_bind_number(&query, time->wall_ms - time->boot_ns / 1000000);
    query_bind_number(&query, time->quality);
    TRY(query_run(&query, err));
    add(boots, &boot);
    boots->next_number++;
    *out_number = boot.number;
    return STATUS_OK;
}

void boots_forget(struct boots *boots, uint32_t number) {
    for (int i = 0; i < boots->count; i++) {
        boots->boots[i].going = boots->boots[i].going || boots->boots[i].number == number;
    }
}

void boots_settle(struct boots *boots) {
    int kept = 0;
    for (int i = 0; i < boots->count; i++) {
        if (!boots->boots[i].going) {
            boots->boots[kept++] = boots->boots[i];
        }
    }
    boots->count = kept;
    boots->kept = kept;
    boots->kept_next_number = boots->next_number;
}

void boots_take_back(struct boots *boots) {
    boots->count = boots->kept;
    for (int i = 0; i < boots->count; i++) {
        boots->boots[i].going = false;
    }
    boots->next_number = boots->kept_next_number;
}
