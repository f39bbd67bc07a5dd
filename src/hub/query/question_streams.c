// SPDX-License-Identifier: Apache-2.0
#include "hub/query/question_streams.h"

#include "base/memory.h"
#include "hub/query/question_sql.h"

enum { PLACES = 8192, TEXT_BYTES_MAX = 1 << 20 };

struct question_streams {
    struct database *database; /* not owned */
    struct question_stream places[PLACES];
};

status question_streams_create(struct database *database, struct question_streams **out_streams,
                               struct error *err) {
    struct question_streams *streams = memory_new(1, sizeof(*streams));
    if (streams == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a question");
    }
    streams->database = database;
    for (int i = 0; i < PLACES; i++) {
        buffer_init(&streams->places[i].name, TEXT_BYTES_MAX);
        buffer_init(&streams->places[i].labels, TEXT_BYTES_MAX);
    }
    *out_streams = streams;
    return STATUS_OK;
}

void question_streams_destroy(struct question_streams *streams) {
    for (int i = 0; streams != NULL && i < PLACES; i++) {
        buffer_done(&streams->places[i].name);
        buffer_done(&streams->places[i].labels);
    }
    memory_free(streams);
}

static void look_up(struct question_streams *streams, int64_t number,
                    struct question_stream *place) {
    place->number = 0;
    buffer_clear(&place->name);
    buffer_clear(&place->labels);
    CLEANUP(query_done) struct query row = query_on(streams->database, SQL_QUESTION_STREAM);
    query_bind_number(&row, number);
    if (query_next(&row)) {
        place->id = id_from(query_bytes(&row, 0));
        place->device = id_from(query_bytes(&row, 1));
        buffer_add(&place->name, query_text(&row, 2));
        buffer_add(&place->labels, query_text(&row, 3));
        const bool whole = place->name.failed == STATUS_OK && place->labels.failed == STATUS_OK;
        place->number = whole ? number : 0;
    }
}

const struct question_stream *question_streams_find(struct question_streams *streams,
                                                    int64_t number) {
    struct question_stream *place = &streams->places[(uint64_t)number % PLACES];
    if (place->number != number) {
        look_up(streams, number, place);
    }
    return place->number == number && number != 0 ? place : NULL;
}
