// SPDX-License-Identifier: Apache-2.0
#include "hub/faces.h"

#include <string.h>

#include "base/memory.h"
#include "hub/hub_answer.h"
#include "hub/row.h"
#include "hub/store/hub_sql.h"
#include "hub/store/hub_store_sqlite.h"
#include "platform/clock.h"

enum { NS_PER_MS = 1000000, KNOWN_MAX = 2 * FACES_MAX };

struct asked {
    struct id digest, device;
    int64_t asked_ms; /* steady */
};

struct faces {
    struct ingest *ingest; /* not owned */
    struct id known[KNOWN_MAX];
    int known_count;
    struct asked asked[FACES_ASKED_MAX];
    int asked_count;
};

/* One on its way into the table. */
struct face {
    struct ingest_job job; /* first */
    struct faces *faces;
    struct http_request *request;
    struct arena arena;
    struct slice workflow, body; /* in the arena */
    struct id digest;
    int64_t came_ms;
};

static int64_t steady_ms(void) {
    return clock_monotonic_ns() / NS_PER_MS;
}

static bool is_known(const struct faces *faces, struct id digest) {
    for (int i = 0; i < faces->known_count; i++) {
        if (id_equal(faces->known[i], digest)) {
            return true;
        }
    }
    return false;
}

/* A full list begins anew: what is forgotten so is asked for once more. */
static void note_known(struct faces *faces, struct id digest) {
    if (!is_known(faces, digest)) {
        faces->known_count = faces->known_count < KNOWN_MAX ? faces->known_count : 0;
        faces->known[faces->known_count++] = digest;
    }
}

/* --- asking ---------------------------------------------------------------------------------- */

static struct asked *find_asked(struct faces *faces, struct id digest) {
    for (int i = 0; i < faces->asked_count; i++) {
        if (id_equal(faces->asked[i].digest, digest)) {
            return &faces->asked[i];
        }
    }
    return NULL;
}

/* Those that nobody has answered make room. */
static void forget_old(struct faces *faces, int64_t now_ms) {
    int kept = 0;
    for (int i = 0; i < faces->asked_count; i++) {
        if (now_ms - faces->asked[i].asked_ms < FACES_AGAIN_MS) {
            faces->asked[kept++] = faces->asked[i];
        }
    }
    faces->asked_count = kept;
}

void faces_ask(struct faces *faces, struct id device, struct id digest, struct want *want) {
    if (id_is_zero(digest) || want->workflow_count == WANT_FACES_MAX || is_known(faces, digest)) {
        return;
    }
    const int64_t now_ms = steady_ms();
    forget_old(faces, now_ms);
    if (faces->asked_count < FACES_ASKED_MAX && find_asked(faces, digest) == NULL) {
        faces->asked[faces->asked_count++] =
            (struct asked){.digest = digest, .device = device, .asked_ms = now_ms};
        want->workflows[want->workflow_count++] = digest;
    }
}

/* --- taking ---------------------------------------------------------------------------------- */

static status work(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    const struct face *face = (const struct face *)job;
    struct database *database = hub_store_sqlite_database(lanes_session(lanes));
    CLEANUP(query_done) struct query put = query_on(database, SQL_HUB_FACE_PUT);
    query_bind_text(&put, face->workflow);
    query_bind_bytes(&put, id_slice(&face->digest));
    query_bind_number(&put, face->came_ms);
    query_bind_text(&put, face->body);
    TRY(query_run(&put, err));
    CLEANUP(query_done) struct query trim = query_on(database, SQL_HUB_FACE_TRIM);
    query_bind_number(&trim, FACES_MAX);
    return query_run(&trim, err);
}

static void destroy(struct face *face) {
    arena_done(&face->arena);
    memory_free(face);
}

static void done(struct ingest_job *job) {
    struct face *face = (struct face *)job;
    if (job->error.code != STATUS_OK) {
        hub_answer_outside(face->request, &job->error);
    } else {
        note_known(face->faces, face->digest);
        http_answer(face->request, 200, "application/json", SLICE("{}\n"));
    }
    destroy(face);
}

static status read(struct face *face, struct id device, struct error *err) {
    struct asked *asked = find_asked(face->faces, face->digest);
    if (asked == NULL || !id_equal(asked->device, device)) {
        return fail(err, STATUS_NOT_FOUND, "nobody asked this device for that face");
    }
    *asked = face->faces->asked[--face->faces->asked_count];
    face->body = arena_copy(&face->arena, face->request->body);
    if (face->body.bytes == NULL) {
        return fail(err, STATUS_BUSY, "the hub has no memory left for a face");
    }
    if (face_read(&face->arena, face->body, &face->workflow, err) != STATUS_OK) {
        return fail_while(err, "a face");
    }
    return STATUS_OK;
}

void faces_take(struct faces *faces, struct id device, struct id digest,
                struct http_request *request) {
    struct error err;
    struct face *face = memory_new(1, sizeof(*face));
    if (face == NULL) {
        (void)fail(&err, STATUS_BUSY, "the hub has no memory left for a face");
        hub_answer_error(request, &err);
        return;
    }
    face->faces = faces;
    face->request = request;
    face->digest = digest;
    face->came_ms = clock_wall_ms();
    arena_init(&face->arena, REPORT_ARENA_BYTES_MAX);
    if (read(face, device, &err) != STATUS_OK) {
        destroy(face);
        hub_answer_error(request, &err);
        return;
    }
    face->job = (struct ingest_job){.work = work, .done = done, .bytes = face->body.count};
    ingest_run(faces->ingest, &face->job);
}

/* --- life ------------------------------------------------------------------------------------ */

status faces_load(struct ingest *ingest, struct database *database, struct faces **out_faces,
                  struct error *err) {
    struct faces *faces = memory_new(1, sizeof(*faces));
    if (faces == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for what workflows look like");
    }
    faces->ingest = ingest;
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_FACE_DIGESTS);
    query_bind_number(&query, KNOWN_MAX);
    while (query_next(&query)) {
        note_known(faces, row_id(&query, 0));
    }
    const status read_all = query_status(&query, err);
    if (read_all != STATUS_OK) {
        faces_destroy(faces);
        return read_all;
    }
    *out_faces = faces;
    return STATUS_OK;
}

void faces_destroy(struct faces *faces) {
    memory_free(faces);
}
