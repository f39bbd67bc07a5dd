// SPDX-License-Identifier: Apache-2.0
#include "power_work.h"

#include <string.h>

enum { ARENA_BYTES = 4 << 20, BODY_BYTES_MAX = 6000 };

static const int64_t WALL_MS = 1700000000000;

uint64_t power_roll(struct power_dice *dice) {
    dice->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = dice->state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t power_below(struct power_dice *dice, uint32_t below) {
    return (uint32_t)(power_roll(dice) >> 33) % below;
}

void power_work_init(struct power_work *work, uint64_t seed) {
    *work = (struct power_work){.dice = {.state = seed}};
    arena_init(&work->arena, ARENA_BYTES);
}

void power_work_done(struct power_work *work) {
    arena_done(&work->arena);
}

/* --- after an opening --- */

static void note_run(void *owner, const struct kept_run *run) {
    struct power_work *work = owner;
    if (work->run_count < POWER_RUNS_MAX) {
        work->runs[work->run_count++] = run->id;
    }
}

bool power_work_begin(struct power_work *work, struct core *core) {
    static const char *const NAMES[POWER_WORKFLOWS_MAX] = {"triage", "people-counter", "cold-room"};
    struct store_job jobs[POWER_WORKFLOWS_MAX];
    struct store_job *batch[POWER_WORKFLOWS_MAX];
    struct error err;
    for (int i = 0; i < POWER_WORKFLOWS_MAX; i++) {
        jobs[i] = (struct store_job){.kind = STORE_WORKFLOW,
                                     .workflow_name = slice_of(NAMES[i]),
                                     .workflow_text = SLICE("ebb: 1\n")};
        jobs[i].workflow_digest.bytes[0] = (uint8_t)(i + 1);
        batch[i] = &jobs[i];
    }
    core_run(core, batch, POWER_WORKFLOWS_MAX);
    for (int i = 0; i < POWER_WORKFLOWS_MAX; i++) {
        work->workflows[i] = (uint32_t)jobs[i].out_number;
        if (jobs[i].error.code != STATUS_OK) {
            return false;
        }
    }
    work->run_count = 0;
    return core_each_run(core, note_run, work, &err) == STATUS_OK;
}

/* --- jobs ------------------------------------------------------------------------------------ */

static struct slice text_of(struct power_work *work, size_t bytes) {
    char *text = arena_get(&work->arena, bytes + 64, 1);
    struct slice number =
        arena_print(&work->arena, "{\"n\":%llu,\"t\":\"", (unsigned long long)work->made++);
    (void)memcpy(text, number.bytes, number.count);
    for (size_t i = 0; i < bytes; i++) {
        text[number.count + i] = (char)('a' + power_below(&work->dice, 26));
    }
    (void)memcpy(text + number.count + bytes, "\"}", 2);
    return (struct slice){.bytes = text, .count = number.count + bytes + 2};
}

static size_t size_of_body(struct power_work *work) {
    return power_below(&work->dice, 8) == 0 ? power_below(&work->dice, BODY_BYTES_MAX)
                                            : power_below(&work->dice, 200);
}

static void make_draft(struct power_work *work, struct record_draft *draft) {
    static const enum lane LANES[] = {LANE_URGENT, LANE_HIGH,      LANE_NORMAL, LANE_NORMAL,
                                      LANE_LOW,    LANE_TELEMETRY, LANE_LOCAL,  LANE_NORMAL};
    static const struct slice NAMES[] = {{.bytes = "verdict", .count = 7},
                                         {.bytes = "count", .count = 5}};
    *draft = (struct record_draft){
        .record = {.kind = power_below(&work->dice, 5) == 0 ? RECORD_FAILURE : RECORD_RESULT,
                   .priority = (int)power_below(&work->dice, 10),
                   .time = {.wall_ms = WALL_MS + (int64_t)work->made,
                            .boot_ns = (int64_t)work->made,
                            .quality = (enum clock_quality)power_below(&work->dice, 3)},
                   .name = NAMES[power_below(&work->dice, 2)],
                   .body = text_of(work, size_of_body(work))},
        .lane = LANES[power_below(&work->dice, 8)]};
    draft->record.boot.bytes[3] = (uint8_t)(1 + power_below(&work->dice, 3));
    if (power_below(&work->dice, 3) == 0) {
        draft->key = arena_print(&work->arena, "key-%u", power_below(&work->dice, 6));
    }
    if (power_below(&work->dice, 6) == 0) {
        draft->expires_ms = 1;
    }
    if (power_below(&work->dice, 3) == 0) {
        draft->keep_ms = 1;
    }
}

static struct id new_run(struct power_work *work) {
    struct id id;
    const uint64_t halves[2] = {power_roll(&work->dice), power_roll(&work->dice) | 1};
    (void)memcpy(id.bytes, halves, sizeof(halves));
    return id;
}

static struct id some_run(struct power_work *work) {
    return work->run_count > 0 ? work->runs[power_below(&work->dice, work->run_count)]
                               : new_run(work);
}

static void make_end(struct power_work *work, struct store_job *job) {
    job->kind = STORE_RUN_END;
    job->run = power_below(&work->dice, 2) == 0 ? some_run(work) : (struct id){0};
    job->record_count = 1 + power_below(&work->dice, 3);
    job->records = arena_get(&work->arena, job->record_count, sizeof(*job->records));
    job->drop_oldest = power_below(&work->dice, 2) == 0;
    for (uint32_t i = 0; i < job->record_count; i++) {
        make_draft(work, &job->records[i]);
    }
    if (power_below(&work->dice, 2) == 0) {
        job->seen_source = SLICE("inbox");
        job->seen_hash = power_below(&work->dice, 40) * UINT64_C(0x9e3779b97f4a7c15);
    }
    if (power_below(&work->dice, 4) == 0) {
        struct state_write *write = arena_get(&work->arena, 1, sizeof(*write));
        *write = (struct state_write){
            .step = SLICE("count"),
            .key = arena_print(&work->arena, "%u", power_below(&work->dice, 5)),
            .value = power_below(&work->dice, 4) == 0 ? (struct slice){0} : text_of(work, 20)};
        job->states = write;
        job->state_count = 1;
    }
}

static void make_step(struct power_work *work, struct store_job *job) {
    static const struct slice STEPS[] = {{.bytes = "classify", .count = 8},
                                         {.bytes = "tell", .count = 4}};
    job->kind = STORE_RUN_STEP;
    job->run = some_run(work);
    job->step = STEPS[power_below(&work->dice, 2)];
    job->step_state = power_below(&work->dice, 2) == 0 ? STEP_BEGUN : STEP_DONE;
    job->attempts = 1;
    job->output = job->step_state == STEP_DONE ? text_of(work, 50) : (struct slice){0};
    job->event = SLICE("{}");
}

static void make_bad(struct power_work *work, struct store_job *job) {
    make_end(work, job);
    job->workflow = 4711; /* there is none */
}

static void make_acknowledge(struct power_work *work, struct store_job *job) {
    job->kind = STORE_ACKNOWLEDGE;
    job->lane = (enum lane)(1 + power_below(&work->dice, 5));
    job->seq = 1 + power_below(&work->dice, (uint32_t)(work->made / 4) + 1); /* or beyond the end */
}

static void make_job(struct power_work *work, struct store_job *job) {
    *job = (struct store_job){.workflow =
                                  work->workflows[power_below(&work->dice, POWER_WORKFLOWS_MAX)]};
    switch (power_below(&work->dice, 16)) {
    case 0:
        job->kind = STORE_RUN_BEGIN;
        job->run = new_run(work);
        job->event_id = SLICE("mail-1");
        job->event = text_of(work, size_of_body(work));
        break;
    case 1:
    case 2:
        make_step(work, job);
        break;
    case 3:
        job->kind = STORE_RUN_COUNT;
        job->run = some_run(work);
        job->event = SLICE("{}");
        break;
    case 4:
        job->kind = STORE_RUN_STATE;
        job->run = some_run(work);
        job->run_state = (enum run_state)power_below(&work->dice, 3);
        break;
    case 5:
        job->kind = STORE_SEEN_FORGET;
        job->seen_source = SLICE("inbox");
        job->seen_hash = power_below(&work->dice, 40) * UINT64_C(0x9e3779b97f4a7c15);
        break;
    case 6:
        make_acknowledge(work, job);
        break;
    case 7:
        job->kind = work->no_purge ? STORE_SEEN_FORGET : STORE_PURGE;
        job->seen_source = SLICE("inbox");
        break;
    case 8:
        make_bad(work, job);
        break;
    default:
        make_end(work, job);
        break;
    }
}

void power_work_make(struct power_work *work) {
    arena_reset(&work->arena);
    work->count = 1 + (int)power_below(&work->dice, POWER_JOBS_MAX);
    if (power_below(&work->dice, 3) == 0) {
        work->count = 1;
    }
    for (int i = 0; i < work->count; i++) {
        make_job(work, &work->jobs[i]);
        work->batch[i] = &work->jobs[i];
    }
}

void power_work_note(struct power_work *work) {
    for (int i = 0; i < work->count; i++) {
        const struct store_job *job = &work->jobs[i];
        const bool begun = job->error.code == STATUS_OK && job->kind == STORE_RUN_BEGIN;
        if (begun && work->run_count < POWER_RUNS_MAX) {
            work->runs[work->run_count++] = job->run;
        }
    }
}
