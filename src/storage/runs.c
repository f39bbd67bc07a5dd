// SPDX-License-Identifier: Apache-2.0
#include "storage/runs.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "storage/sql.h"

enum { EACH_ARENA_BYTES = 64 << 20 };

static uint64_t hash_of(struct id id) {
    uint64_t halves[2];
    (void)memcpy(halves, id.bytes, sizeof(halves)); /* random bits, or those of a hash */
    return halves[0] ^ halves[1];
}

/* --- the map and what a rollback takes back --------------------------------------------------- */

status runs_load(struct runs *runs, struct error *err) {
    CLEANUP(number_map_done) struct number_map numbers;
    uint64_t next_number = 1;
    number_map_init(&numbers);
    CLEANUP(query_done) struct query query = query_on(runs->database, SQL_RUN_LIST);
    while (query_next(&query)) {
        const uint64_t number = (uint64_t)query_number(&query, 0);
        if (!number_map_set(&numbers, hash_of(id_from(query_bytes(&query, 1))), number)) {
            return fail(err, STATUS_NO_MEMORY, "read the runs: out of memory");
        }
        next_number = number + 1;
    }
    TRY(query_status(&query, err));
    number_map_done(&runs->numbers);
    runs->numbers = numbers;
    runs->next_number = next_number;
    runs->change_count = 0;
    number_map_init(&numbers);
    return STATUS_OK;
}

void runs_done(struct runs *runs) {
    number_map_done(&runs->numbers);
}

static void note_change(struct runs *runs, struct run_change change) {
    assert(runs->change_count < RUNS_CHANGES_MAX); /* two for each job of a batch at most */
    runs->changes[runs->change_count++] = change;
}

void runs_settle(struct runs *runs) {
    runs->change_count = 0;
}

void runs_take_back(struct runs *runs) {
    while (runs->change_count > 0) {
        const struct run_change change = runs->changes[--runs->change_count];
        if (change.added) {
            number_map_remove(&runs->numbers, change.id_hash);
            runs->next_number = change.number;
        } else {
            /* It stood there a moment ago, so there is room for it. */
            const bool put_back = number_map_set(&runs->numbers, change.id_hash, change.number);
            assert(put_back);
            (void)put_back;
        }
    }
}

/* --- writing --------------------------------------------------------------------------------- */

static status add_row(struct runs *runs, const struct store_job *job, uint64_t *out_number,
                      struct error *err) {
    const uint64_t number = runs->next_number;
    CLEANUP(query_done) struct query query = query_on(runs->database, SQL_RUN_PUT);
    query_bind_number(&query, (int64_t)number);
    query_bind_bytes(&query, id_slice(&job->run));
    query_bind_number(&query, job->workflow);
    query_bind_text(&query, job->event_id);
    query_bind_text(&query, job->event);
    query_bind_number(&query, RUN_OPEN);
    query_bind_number(&query, 0);
    TRY(query_run(&query, err));
    if (!number_map_set(&runs->numbers, hash_of(job->run), number)) {
        return fail(err, STATUS_NO_MEMORY, "keep a run: out of memory");
    }
    note_change(runs,
                (struct run_change){.id_hash = hash_of(job->run), .number = number, .added = true});
    runs->next_number++;
    *out_number = number;
    return STATUS_OK;
}

static status find_or_add(struct runs *runs, const struct store_job *job, uint64_t *out_number,
                          struct error *err) {
    if (id_is_zero(job->run)) {
        return fail(err, STATUS_INVALID, "a run that is kept needs an id");
    }
    if (number_map_get(&runs->numbers, hash_of(job->run), out_number)) {
        return STATUS_OK;
    }
    return add_row(runs, job, out_number, err);
}

status runs_begin(struct runs *runs, const struct store_job *job, struct error *err) {
    uint64_t number = 0;
    return find_or_add(runs, job, &number, err);
}

status runs_step(struct runs *runs, const struct store_job *job, struct error *err) {
    uint64_t number = 0;
    TRY(find_or_add(runs, job, &number, err));
    CLEANUP(query_done) struct query query = query_on(runs->database, SQL_STEP_PUT);
    query_bind_number(&query, (int64_t)number);
    query_bind_text(&query, job->step);
    query_bind_number(&query, job->step_state);
    query_bind_number(&query, job->attempts);
    query_bind_text_or_null(&query, job->output);
    return query_run(&query, err);
}

status runs_count(struct runs *runs, const struct store_job *job, uint64_t *out_count,
                  struct error *err) {
    uint64_t number = 0;
    TRY(find_or_add(runs, job, &number, err));
    CLEANUP(query_done) struct query query = query_on(runs->database, SQL_RUN_COUNT);
    query_bind_number(&query, (int64_t)number);
    int64_t count = 0;
    TRY(query_one_number(&query, &count, err));
    *out_count = (uint64_t)count;
    return STATUS_OK;
}

status runs_set_state(struct runs *runs, const struct store_job *job, struct error *err) {
    uint64_t number = 0;
    if (!number_map_get(&runs->numbers, hash_of(job->run), &number)) {
        return fail(err, STATUS_NOT_FOUND, "the run has no row");
    }
    CLEANUP(query_done) struct query query = query_on(runs->database, SQL_RUN_STATE);
    query_bind_number(&query, (int64_t)number);
    query_bind_number(&query, job->run_state);
    return query_run(&query, err);
}

static status delete_by(struct runs *runs, const char *sql, uint64_t number, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(runs->database, sql);
    query_bind_number(&query, (int64_t)number);
    return query_run(&query, err);
}

status runs_end(struct runs *runs, struct id run, struct error *err) {
    uint64_t number = 0;
    if (id_is_zero(run) || !number_map_get(&runs->numbers, hash_of(run), &number)) {
        return STATUS_OK;
    }
    TRY(delete_by(runs, SQL_STEP_DELETE, number, err));
    TRY(delete_by(runs, SQL_RUN_DELETE, number, err));
    number_map_remove(&runs->numbers, hash_of(run));
    note_change(runs, (struct run_change){.id_hash = hash_of(run), .number = number});
    return STATUS_OK;
}

/* --- reading --------------------------------------------------------------------------------- */

static status read_steps(struct database *database, uint64_t number, struct arena *arena,
                         struct kept_run *run, struct error *err) {
    struct kept_step *steps = arena_get(arena, RUN_STEPS_MAX, sizeof(*steps));
    if (steps == NULL) {
        return fail(err, STATUS_NO_MEMORY, "read the steps of a run: out of memory");
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_STEP_LIST);
    query_bind_number(&query, (int64_t)number);
    while (query_next(&query) && run->step_count < RUN_STEPS_MAX) {
        struct kept_step *step = &steps[run->step_count++];
        *step = (struct kept_step){.step = arena_copy(arena, query_text(&query, 0)),
                                   .state = (enum step_state)query_number(&query, 1),
                                   .attempts = (int)query_number(&query, 2),
                                   .output = arena_copy(arena, query_text(&query, 3))};
        if (step->step.bytes == NULL || step->output.bytes == NULL) {
            return fail(err, STATUS_NO_MEMORY, "read the steps of a run: out of memory");
        }
    }
    run->steps = steps;
    return query_status(&query, err);
}

status runs_each(struct database *database, void (*each)(void *owner, const struct kept_run *run),
                 void *owner, struct error *err) {
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, EACH_ARENA_BYTES);
    CLEANUP(query_done) struct query query = query_on(database, SQL_RUN_EACH);
    while (query_next(&query)) {
        struct kept_run run = {
            .id = id_from(query_bytes(&query, 1)),
            .workflow = (uint32_t)query_number(&query, 2),
            .event_id = query_text(&query, 3),
            .event = query_text(&query, 4),
            .state = (enum run_state)query_number(&query, 5),
            .recoveries = (int)query_number(&query, 6),
            .workflow_name = query_text(&query, 7),
            .workflow_digest = id_from(query_bytes(&query, 8)),
            .workflow_text = query_text(&query, 9),
        };
        TRY(read_steps(database, (uint64_t)query_number(&query, 0), &arena, &run, err));
        each(owner, &run);
        arena_reset(&arena);
    }
    return query_status(&query, err);
}
