// SPDX-License-Identifier: Apache-2.0
#include "storage/salvage_roots.h"

#include <string.h>

#include "storage/cells.h"

enum { DAMAGED_MAX = 2 };

/* In the order in which schema_1.sql makes them; NULL: an index. */
static const struct {
    const char *table;
    bool has_rowid;
} ROW[] = {{"record", true},  {NULL, false},   {NULL, false},     {"lane", false},
           {"latest", false}, {"run", true},   {"step", false},   {"seen", false},
           {"state", false},  {"timer", true}, {"cursor", false}, {"blob", false}};

enum { COUNT = sizeof(ROW) / sizeof(ROW[0]) };

static bool is_of_kind(enum page_kind kind, bool has_rowid) {
    return has_rowid ? kind == PAGE_TABLE_LEAF || kind == PAGE_TABLE_INTERIOR
                     : kind == PAGE_INDEX_LEAF || kind == PAGE_INDEX_INTERIOR;
}

static enum page_kind kind_of(struct pages *pages, uint32_t number) {
    uint8_t page[DATABASE_PAGE_BYTES];
    struct error err;
    return pages_read(pages, number, page, &err) == STATUS_OK ? cells_kind(page, number)
                                                              : PAGE_OTHER;
}

uint32_t salvage_find_roots(struct pages *pages) {
    enum page_kind window[COUNT] = {PAGE_OTHER}; /* the kinds of the pages up to this one */
    for (uint32_t number = 2; number <= pages->count; number++) {
        (void)memmove(&window[0], &window[1], (COUNT - 1) * sizeof(window[0]));
        window[COUNT - 1] = kind_of(pages, number);
        int fitting = 0;
        for (int i = 0; i < COUNT; i++) {
            fitting += is_of_kind(window[i], ROW[i].has_rowid) ? 1 : 0;
        }
        if (fitting >= COUNT - DAMAGED_MAX && number > COUNT) {
            return number - COUNT + 1;
        }
    }
    return 0;
}

uint32_t salvage_root_of(const char *table, uint32_t record_root) {
    for (uint32_t i = 0; i < COUNT; i++) {
        if (ROW[i].table != NULL && strcmp(ROW[i].table, table) == 0) {
            return record_root + i;
        }
    }
    return 0;
}
