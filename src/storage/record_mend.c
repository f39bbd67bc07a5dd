// SPDX-License-Identifier: Apache-2.0
#include "storage/record_mend.h"

#include "storage/record_row.h"
#include "storage/sql.h"

/* A record whose chain value does not match its bytes. */
struct patient {
    struct outbox *box; /* not owned */
    struct record_row row;
    struct id before;
    int64_t boot; /* number in its row */
    struct buffer bytes;
};

static bool matches(const struct patient *patient) {
    return id_equal(record_chain(patient->before, buffer_slice(&patient->bytes)),
                    patient->row.chain);
}

static bool matches_as(struct patient *patient, const struct record *record) {
    struct error err;
    buffer_clear(&patient->bytes);
    return record_write(&patient->bytes, record, &err) == STATUS_OK && matches(patient);
}

/* --- what may have been hit --- */

/* Its boot's number: then another row of `boot` is meant. */
static bool try_boots(struct patient *patient, struct record *record) {
    const struct boots *boots = patient->box->boots;
    for (int i = 0; i < boots->count; i++) {
        record->boot = boots->boots[i].id;
        record->time.quality = boots->boots[i].quality;
        if (matches_as(patient, record)) {
            patient->boot = boots->boots[i].number;
            return true;
        }
    }
    return false;
}

/* Its workflow's number. */
static bool try_workflows(struct patient *patient, struct record *record) {
    const struct workflows *workflows = patient->box->workflows;
    for (uint32_t i = 0; i < workflows->count; i++) {
        const struct workflow_version *version = &workflows->versions[i];
        record->workflow = (struct slice){.bytes = version->name, .count = version->name_bytes};
        if (matches_as(patient, record)) {
            patient->row.workflow = version->number;
            return true;
        }
    }
    return false;
}

/* One byte of all that the chain is over. */
static bool try_bytes(struct patient *patient) {
    char *bytes = patient->bytes.bytes;
    const size_t count = patient->bytes.count;
    if (count > RECORD_MEND_BITS_MAX) {
        return false;
    }
    const bool every = count <= RECORD_MEND_BYTES_MAX;
    for (size_t i = 0; i < count; i++) {
        const char there = bytes[i];
        for (unsigned change = 1; change < 256; change = every ? change + 1 : change << 1) {
            bytes[i] = (char)((unsigned char)there ^ change);
            if (matches(patient)) {
                return true;
            }
        }
        bytes[i] = there;
    }
    return false;
}

/* One byte of the chain value: it differs from the right one in no other. */
static bool try_chain(struct patient *patient) {
    const struct id right = record_chain(patient->before, buffer_slice(&patient->bytes));
    int different = 0;
    for (int i = 0; i < ID_BYTES; i++) {
        different += right.bytes[i] != patient->row.chain.bytes[i] ? 1 : 0;
    }
    if (different == 1) {
        patient->row.chain = right;
    }
    return different == 1;
}

static bool diagnose(struct patient *patient) {
    struct record record = patient->row.record;
    if (try_boots(patient, &record)) {
        return true;
    }
    record = patient->row.record;
    if (try_workflows(patient, &record)) {
        return true;
    }
    (void)matches_as(patient, &patient->row.record);
    return try_chain(patient) || try_bytes(patient);
}

/* --- putting it right
 * ------------------------------------------------------------------------------ */

static status write_record(struct patient *patient, const struct record *record,
                           struct error *err) {
    CLEANUP(query_done) struct query query = query_on(patient->box->database, SQL_RECORD_MEND);
    query_bind_number(&query, (int64_t)patient->row.key);
    query_bind_number(&query, record_row_kind(record, patient->row.destinations));
    query_bind_number_or_null(&query, patient->row.workflow);
    query_bind_text_or_null(&query, record->name);
    if (id_is_zero(record->run)) {
        query_bind_null(&query);
    } else {
        query_bind_bytes(&query, id_slice(&record->run));
    }
    query_bind_number(&query, record->priority);
    query_bind_number(&query, patient->boot);
    query_bind_number(&query, record->time.boot_ns);
    query_bind_number(&query, record->time.wall_ms);
    query_bind_bytes(&query, id_slice(&patient->row.chain));
    query_bind_text(&query, record->body);
    return query_run(&query, err);
}

/* The rows that many records share: of the boot and of the workflow. */
static status write_shared(struct patient *patient, const struct record *record,
                           struct error *err) {
    CLEANUP(query_done) struct query boot = query_on(patient->box->database, SQL_BOOT_MEND);
    query_bind_number(&boot, patient->boot);
    query_bind_bytes(&boot, id_slice(&record->boot));
    query_bind_number(&boot, record->time.quality);
    TRY(query_run(&boot, err));
    CLEANUP(query_done) struct query workflow = query_on(patient->box->database, SQL_WORKFLOW_MEND);
    query_bind_number(&workflow, patient->row.workflow);
    query_bind_text(&workflow, record->workflow);
    TRY(query_run(&workflow, err));
    TRY(boots_load(patient->box->boots, patient->box->database, err));
    return workflows_load(patient->box->workflows, patient->box->database, err);
}

static status treat(struct patient *patient, bool *out_mended, struct error *err) {
    struct record record;
    *out_mended = record_is_known(patient->row.record.kind, patient->row.record.version) &&
                  diagnose(patient) &&
                  record_read(buffer_slice(&patient->bytes), &record, err) == STATUS_OK &&
                  record_is_known(record.kind, record.version);
    if (!*out_mended) {
        return STATUS_OK;
    }
    TRY(write_record(patient, &record, err));
    return write_shared(patient, &record, err);
}

static status boot_of(struct outbox *box, uint64_t key, int64_t *out_boot, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_BOOT);
    query_bind_number(&query, (int64_t)key);
    return query_one_number(&query, out_boot, err);
}

status record_mend(struct outbox *box, uint64_t key, struct id before, bool *out_mended,
                   struct error *err) {
    struct patient patient = {.box = box, .before = before};
    *out_mended = false;
    TRY(boot_of(box, key, &patient.boot, err));
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_GET);
    query_bind_number(&query, (int64_t)key);
    if (!query_next(&query)) {
        return query_status(&query, err);
    }
    TRY(record_row_read(&query, &patient.row, err));
    if (patient.row.is_gap) {
        return STATUS_OK;
    }
    buffer_init(&patient.bytes, RECORD_BYTES_MAX + RECORD_HEAD_BYTES);
    const status treated = treat(&patient, out_mended, err);
    buffer_done(&patient.bytes);
    return treated;
}
