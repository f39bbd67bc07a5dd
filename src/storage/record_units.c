// SPDX-License-Identifier: Apache-2.0
#include "storage/record_units.h"

#include "platform/query.h"
#include "storage/sql.h"
#include "storage/workflows.h"
#include "wire/measure.h"

void record_units_done(struct record_units *units) {
    for (uint32_t i = 0; i < RECORD_UNITS_KNOWN; i++) {
        buffer_done(&units->known[i].name);
        buffer_done(&units->known[i].units);
    }
}

status record_units_of(struct record_units *units, struct database *database,
                       const struct record_row *row, struct slice *out_units, struct error *err) {
    const struct slice name = row->record.name;
    *out_units = (struct slice){0};
    if (row->record.kind != RECORD_RESULT || row->workflow == 0) {
        return STATUS_OK;
    }
    for (uint32_t i = 0; i < RECORD_UNITS_KNOWN; i++) {
        if (units->known[i].workflow == row->workflow &&
            slice_equal(buffer_slice(&units->known[i].name), name)) {
            *out_units = buffer_slice(&units->known[i].units);
            return STATUS_OK;
        }
    }
    const uint32_t at = units->next++ % RECORD_UNITS_KNOWN;
    struct buffer *kept_name = &units->known[at].name;
    struct buffer *kept = &units->known[at].units;
    buffer_done(kept_name);
    buffer_done(kept);
    buffer_init(kept_name, RECORD_BYTES_MAX);
    buffer_init(kept, WORKFLOW_TEXT_BYTES_MAX);
    units->known[at].workflow = 0;
    CLEANUP(query_done) struct query query = query_on(database, SQL_WORKFLOW_TEXT);
    query_bind_number(&query, row->workflow);
    if (query_next(&query)) {
        measure_read_units(query_text(&query, 0), name, kept);
    }
    TRY(query_status(&query, err));
    buffer_add(kept_name, name);
    TRY(buffer_status(kept, err));
    TRY(buffer_status(kept_name, err));
    units->known[at].workflow = row->workflow;
    *out_units = buffer_slice(kept);
    return STATUS_OK;
}
