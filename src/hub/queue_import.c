// SPDX-License-Identifier: Apache-2.0
#include "hub/queue_import.h"

#include <string.h>

#include "base/memory.h"
#include "hub/device_rows.h"
#include "hub/hub_answer.h"
#include "hub/store/hub_store_sqlite.h"
#include "platform/certificate.h"
#include "platform/certificate_sign.h"
#include "platform/clock.h"
#include "platform/json.h"
#include "wire/queue_file.h"

enum { ARENA_BYTES_MAX = 4 << 20, ANSWER_BYTES_MAX = 4 << 10, NAME_BYTES = 128 };

struct import {
    struct ingest_job job; /* first */
    struct http_request *request;
    const struct authority *authority;
    struct buffer bytes;
    struct arena arena;
    struct queue_section section;
    char device[NAME_BYTES];
    int poisoned;
};

/* --- the writing thread --- */

/* "ebb://SITE/device/UUID" */
static bool is_of_device(const char *uri, struct id device) {
    const struct slice text = slice_of(uri);
    struct id said;
    return text.count > ID_UUID_BYTES &&
           id_read(slice_part(text, text.count - ID_UUID_BYTES, text.count), &said) &&
           id_equal(said, device);
}

static status check_signature(const struct import *import, struct error *err) {
    const struct queue_section *section = &import->section;
    struct slice rest = section->certificates;
    struct slice certificate;
    struct certificate_facts facts;
    CLEANUP(buffer_done) struct buffer plain;
    buffer_init(&plain, QUEUE_SECTION_BYTES_MAX);
    if (!certificate_next(&rest, &certificate)) {
        return fail(err, STATUS_DENIED, "the section has no certificate");
    }
    TRY(certificate_check_issuer(certificate, authority_certificate(import->authority), err));
    TRY(certificate_read(certificate, &facts, err));
    if (!facts.for_client || !is_of_device(facts.uri, section->device)) {
        return fail(err, STATUS_DENIED, "the section's certificate is not its device's");
    }
    queue_section_signed(section, section->head, &plain);
    TRY(buffer_status(&plain, err));
    return certificate_sign_check(certificate, buffer_slice(&plain), section->signature, err);
}

static status check_device(struct import *import, struct hub_session *session, struct error *err) {
    struct device_row row;
    TRY(device_rows_get(hub_store_sqlite_database(session), &import->arena, import->section.device,
                        &row, err));
    if (row.state != DEVICE_ACTIVE) {
        return fail(err, STATUS_DENIED, "device '%.*s' is %s", SLICE_ARGS(row.name),
                    device_state_name(row.state));
    }
    const struct slice name = slice_part(row.name, 0, NAME_BYTES - 1);
    (void)memcpy(import->device, name.bytes, name.count);
    import->device[name.count] = '\0';
    return STATUS_OK;
}

static status refuse(const struct import *import, const struct answer *answer, struct error *err) {
    const struct queue_section *section = &import->section;
    if (answer->code == SYNC_MISSING) {
        return fail(err, STATUS_CONFLICT,
                    "lane '%s' of device '%s' goes on from record %llu here, and the file begins "
                    "with %llu: an earlier file is missing",
                    lane_name(section->lane), import->device,
                    (unsigned long long)ranges_top(&answer->lane.held) + 1,
                    (unsigned long long)section->first);
    }
    return fail(err, STATUS_CONFLICT,
                "what the file has of lane '%s' of device '%s' does not follow from what the hub "
                "holds: let the device connect, it will begin a new stream",
                lane_name(section->lane), import->device);
}

static status take_frames(struct import *import, struct lanes *lanes, struct error *err) {
    const struct lane_place place = {.device = import->section.device,
                                     .stream = import->section.stream,
                                     .lane = import->section.lane,
                                     .arrived = clock_now()};
    struct answer answer = {.code = SYNC_STORED};
    struct slice rest = import->section.frames;
    while (rest.count > 0) {
        size_t bytes = 0;
        TRY(frame_find(rest, &bytes, err));
        if (bytes == 0) {
            return fail(err, STATUS_INVALID, "the section ends inside a frame");
        }
        TRY(lanes_take(lanes, &place, slice_part(rest, 0, bytes), &answer, err));
        if (answer.code != SYNC_STORED && answer.code != SYNC_POISON) {
            TRY(lanes_answer(lanes, &place, &answer.lane, err));
            return refuse(import, &answer, err);
        }
        rest = slice_part(rest, bytes, rest.count);
    }
    import->poisoned = answer.poison_count;
    return STATUS_OK;
}

static status work(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    struct import *import = (struct import *)job;
    struct hub_session *session = lanes_session(lanes);
    struct hub_stream stream = {0};
    arena_reset(&import->arena);
    TRY(queue_section_read(buffer_slice(&import->bytes), &import->arena, &import->section, err));
    TRY(check_signature(import, err));
    TRY(check_device(import, session, err));
    TRY(session->kind->claim(session, import->section.stream, import->section.device, &stream,
                             err));
    if (!id_equal(stream.device, import->section.device)) {
        return fail(err, STATUS_CONFLICT, "the stream that the file holds is another device's");
    }
    return take_frames(import, lanes, err);
}

/* --- the loop --- */

static void done(struct ingest_job *job) {
    struct import *import = (struct import *)job;
    const struct queue_section *section = &import->section;
    if (job->error.code != STATUS_OK) {
        /* What cannot be is the file's fault, not the hub's. */
        const status code = job->error.code == STATUS_CORRUPT ? STATUS_INVALID : job->error.code;
        job->error.code = code;
        hub_answer_error(import->request, &job->error);
    } else {
        CLEANUP(buffer_done) struct buffer json;
        buffer_init(&json, ANSWER_BYTES_MAX);
        buffer_add_text(&json, "{\"device\":");
        json_write_text(&json, slice_of(import->device));
        buffer_print(&json, ",\"lane\":\"%s\",\"first\":%llu,\"last\":%llu,\"poisoned\":%d}\n",
                     lane_name(section->lane), (unsigned long long)section->first,
                     (unsigned long long)section->last, import->poisoned);
        hub_answer_json(import->request, 200, &json);
    }
    buffer_done(&import->bytes);
    arena_done(&import->arena);
    memory_free(import);
}

void queue_import_take(struct ingest *ingest, const struct authority *authority,
                       struct http_request *request) {
    struct error err;
    struct import *import = memory_new(1, sizeof(*import));
    if (import == NULL) {
        (void)fail(&err, STATUS_BUSY, "the hub has no memory left for this");
        hub_answer_error(request, &err);
        return;
    }
    *import = (struct import){.job = {.work = work, .done = done, .bytes = request->body.count},
                              .request = request,
                              .authority = authority};
    arena_init(&import->arena, ARENA_BYTES_MAX);
    buffer_init(&import->bytes, QUEUE_SECTION_BYTES_MAX);
    buffer_add(&import->bytes, request->body);
    ingest_run(ingest, &import->job);
}
