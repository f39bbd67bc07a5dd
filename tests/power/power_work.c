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

void power_work_init(struct power_work *work, struct power_blobs *blobs, uint64_t seed) {
    (void)memset(work, 0, sizeof(*work));
    work->dice.state = seed;
    work->blobs = blobs;
    arena_init(&work->arena, ARENA_BYTES);
}

void power_work_done(struct power_work *work) {
    arena_done(&work->arena);
}

/* --- after an opening --- */

static const char *const STEPS[POWER_STEPS] = {"classify", "tell"};

static struct power_run *add_run(struct power_work *work, struct id id) {
    if (work->run_count == POWER_RUNS_MAX) {
        return NULL;
    }
    struct power_run *run = &work->runs[work->run_count++];
    *run = (struct power_run){.id = id, .held = {-1, -1}};
    return run;
}

static void note_run(void *owner, const struct kept_run *kept) {
    struct power_work *work = owner;
    struct power_run *run = add_run(work, kept->id);
    for (uint32_t i = 0; run != NULL && i < kept->step_count; i++) {
        const int step = slice_is(kept->steps[i].step, STEPS[1]) ? 1 : 0;
        run->held[step] = power_blobs_named(work->blobs, kept->steps[i].output);
    }
}

static bool keep_workflows(struct power_work *work, struct core *core) {
    struct store_job jobs[POWER_WORKFLOWS_MAX];
    struct store_job *batch[POWER_WORKFLOWS_MAX];
    bool kept = true;
    for (int i = 0; i < POWER_WORKFLOWS_MAX; i++) {
        jobs[i] = (struct store_job){.kind = STORE_WORKFLOW,
                                     .workflow_name = power_workflow(i),
                                     .workflow_text = SLICE("ebb: 1\n")};
        jobs[i].workflow_digest.bytes[0] = (uint8_t)(i + 1);
        batch[i] = &jobs[i];
    }
    core_run(core, batch, POWER_WORKFLOWS_MAX);
    for (int i = 0; i < POWER_WORKFLOWS_MAX; i++) {
        work->ledger.workflows[i] = (uint32_t)jobs[i].out_number;
        kept = kept && jobs[i].error.code == STATUS_OK;
    }
    return kept;
}

bool power_work_begin(struct power_work *work, struct core *core) {
    struct slice names[POWER_DESTINATIONS];
    struct error err;
    for (int i = 0; i < POWER_DESTINATIONS; i++) {
        names[i] = power_destination(i);
    }
    work->run_count = 0;
    return power_blobs_restore(work->blobs, core_database(core), &err) == STATUS_OK &&
           core_use_destinations(core, names, POWER_DESTINATIONS, work->ledger.bits, &err) ==
               STATUS_OK &&
           keep_workflows(work, core) &&
           power_ledger_read(&work->ledger, core_database(core), &err) == STATUS_OK &&
           core_each_run(core, note_run, work, &err) == STATUS_OK;
}

/* --- jobs ------------------------------------------------------------------------------------ */

/* JSON with a number of its own, which names a blob or none. */
static struct slice text_naming(struct power_work *work, size_t bytes, int blob) {
    char *text = arena_get(&work->arena, bytes + 128, 1);
    char hex[ID_HEX_BYTES + 1] = "";
    if (blob >= 0) {
        id_write_hex(work->blobs->ids[blob], hex);
    }
    struct slice number =
        arena_print(&work->arena, "{\"n\":%llu%s%s%s,\"t\":\"", (unsigned long long)work->made++,
                    blob >= 0 ? ",\"b\":\"" : "", hex, blob >= 0 ? "\"" : "");
    (void)memcpy(text, number.bytes, number.count);
    for (size_t i = 0; i < bytes; i++) {
        text[number.count + i] = (char)('a' + power_below(&work->dice, 26));
    }
    (void)memcpy(text + number.count + bytes, "\"}", 2);
    return (struct slice){.bytes = text, .count = number.count + bytes + 2};
}

static struct slice text_of(struct power_work *work, size_t bytes) {
    return text_naming(work, bytes, -1);
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
    /* What nothing else takes away before a destination has it. */
    if (draft->key.count == 0 && draft->expires_ms == 0) {
        draft->destinations = work->ledger.bits[0] * power_below(&work->dice, 2) |
                              work->ledger.bits[1] * power_below(&work->dice, 2);
    }
}

static struct id new_run(struct power_work *work) {
    struct id id;
    const uint64_t halves[2] = {power_roll(&work->dice), power_roll(&work->dice) | 1};
    (void)memcpy(id.bytes, halves, sizeof(halves));
    return id;
}

static struct power_run *some_run(struct power_work *work) {
    return work->run_count > 0 ? &work->runs[power_below(&work->dice, work->run_count)] : NULL;
}

static struct id some_id(struct power_work *work) {
    const struct power_run *run = some_run(work);
    return run != NULL ? run->id : new_run(work);
}

/* --- blobs --- */

/* One that is kept and pinned; -1: none. */
static int some_blob(struct power_work *work) {
    const int blob = (int)power_below(&work->dice, POWER_BLOBS);
    if (!power_blobs_keep(work->blobs, blob)) {
        return -1;
    }
    work->pinned[work->pinned_count++] = blob;
    return blob;
}

static void add_hold(struct power_work *work, struct store_job *job, int blob, int holders,
                     int64_t keep_ms) {
    struct blob_hold *holds = work->blob_holds[job - work->jobs];
    holds[job->blob_count++] = power_blobs_hold(work->blobs, blob, holders, keep_ms);
    job->blobs = holds;
}

/* A run whose holds no other job of the batch changes. */
static struct power_run *some_free_run(struct power_work *work) {
    struct power_run *run = some_run(work);
    if (run == NULL || run->busy) {
        return NULL;
    }
    run->busy = true;
    return run;
}

static struct power_hold *hold_of(struct power_work *work, const struct store_job *job) {
    return &work->holds[job - work->jobs];
}

/* --- ends and steps --- */

static void end_run(struct power_work *work, struct store_job *job) {
    struct power_run *run = some_free_run(work);
    job->run = run != NULL ? run->id : (struct id){0};
    *hold_of(work, job) = (struct power_hold){.run = run, .step = -1};
    for (int i = 0; run != NULL && i < POWER_STEPS; i++) {
        if (run->held[i] >= 0) {
            add_hold(work, job, run->held[i], -1, 0);
        }
    }
}

static void attach(struct power_work *work, struct store_job *job) {
    const int blob = some_blob(work);
    if (blob >= 0) {
        job->records[0].record.kind = RECORD_RESULT;
        job->records[0].record.body = text_naming(work, 20, blob);
        add_hold(work, job, blob, 0, POWER_BLOB_KEEP_MS);
    }
}

static void change_states(struct power_work *work, struct store_job *job) {
    const uint32_t first = power_below(&work->dice, POWER_KEYS);
    struct state_write *writes = arena_get(&work->arena, 2, sizeof(*writes));
    job->state_count = 1 + power_below(&work->dice, 2);
    for (uint32_t i = 0; i < job->state_count; i++) {
        const bool removed = power_below(&work->dice, 4) == 0;
        writes[i] = (struct state_write){.step = SLICE(POWER_STATE_STEP),
                                         .key = power_state_key((int)((first + i) % POWER_KEYS)),
                                         .value = removed ? (struct slice){0} : text_of(work, 20)};
        if (power_below(&work->dice, 3) == 0) {
            writes[i].expires_wall_ms = power_below(&work->dice, 2) == 0 ? 1 : INT64_MAX / 2;
        }
    }
    job->states = writes;
}

static void mark_event(struct power_work *work, struct store_job *job) {
    job->seen_fades = power_below(&work->dice, 2) == 0;
    job->seen_source = job->seen_fades ? SLICE(POWER_SENDER_SOURCE) : SLICE(POWER_FOLDER_SOURCE);
    job->seen_hash = power_event_hash(power_below(&work->dice, POWER_EVENTS));
}

static void make_end(struct power_work *work, struct store_job *job) {
    job->kind = STORE_RUN_END;
    job->record_count = 1 + power_below(&work->dice, 3);
    job->records = arena_get(&work->arena, job->record_count, sizeof(*job->records));
    job->drop_oldest = power_below(&work->dice, 2) == 0;
    for (uint32_t i = 0; i < job->record_count; i++) {
        make_draft(work, &job->records[i]);
    }
    if (power_below(&work->dice, 2) == 0) {
        end_run(work, job);
    }
    if (power_below(&work->dice, 2) == 0) {
        mark_event(work, job);
    }
    if (work->only_ends || power_below(&work->dice, 3) == 0) {
        change_states(work, job);
    }
    if (power_below(&work->dice, 8) == 0) {
        attach(work, job);
    }
}

static void make_step(struct power_work *work, struct store_job *job) {
    struct power_run *run = some_free_run(work);
    const int step = (int)power_below(&work->dice, POWER_STEPS);
    int blob = -1;
    job->kind = STORE_RUN_STEP;
    job->run = run != NULL ? run->id : new_run(work);
    job->step = slice_of(STEPS[step]);
    job->step_state = power_below(&work->dice, 3) == 0 ? STEP_BEGUN : STEP_DONE;
    job->attempts = 1;
    job->event = SLICE("{}");
    if (job->step_state == STEP_DONE) {
        blob = run != NULL && power_below(&work->dice, 2) == 0 ? some_blob(work) : -1;
        job->output = text_naming(work, 50, blob);
    }
    if (blob >= 0) {
        add_hold(work, job, blob, 1, 0);
    }
    if (run != NULL && run->held[step] >= 0) {
        add_hold(work, job, run->held[step], -1, 0);
    }
    *hold_of(work, job) = (struct power_hold){.run = run, .step = step, .blob = blob};
}

/* --- others --- */

static void make_quarantine(struct power_work *work, struct store_job *job) {
    job->kind = STORE_QUARANTINE;
    job->workflow_name = power_workflow(0);
    job->source = SLICE("inbox");
    job->reason = SLICE("it does not fit");
    job->event = text_of(work, size_of_body(work));
    if (power_below(&work->dice, 2) == 0) {
        mark_event(work, job);
    }
}

/* Up to somewhere: before where it was, beyond it, or beyond the end. */
static void make_delivered(struct power_work *work, struct store_job *job) {
    job->kind = STORE_DELIVERED;
    job->destination = power_destination((int)power_below(&work->dice, POWER_DESTINATIONS));
    job->lane = (enum lane)(1 + power_below(&work->dice, LANE_COUNT - 1));
    job->seq = 1 + power_below(&work->dice, (uint32_t)work->ledger.facts.last[job->lane] + 2);
    job->gave_up = power_below(&work->dice, 3) == 0;
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
    *job = (struct store_job){
        .workflow = work->ledger.workflows[power_below(&work->dice, POWER_WORKFLOWS_MAX)]};
    if (work->only_ends) {
        make_end(work, job);
        return;
    }
    switch (power_below(&work->dice, 20)) {
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
        job->run = some_id(work);
        job->event = SLICE("{}");
        break;
    case 4:
        job->kind = STORE_RUN_STATE;
        job->run = some_id(work);
        job->run_state = (enum run_state)power_below(&work->dice, 3);
        break;
    case 5:
        job->kind = STORE_SEEN_FORGET;
        job->seen_source = SLICE(POWER_FOLDER_SOURCE);
        job->seen_hash = power_event_hash(power_below(&work->dice, POWER_EVENTS));
        break;
    case 6:
        make_acknowledge(work, job);
        break;
    case 7:
        job->kind = STORE_PURGE;
        break;
    case 8:
        make_bad(work, job);
        break;
    case 9:
        make_quarantine(work, job);
        break;
    case 10:
    case 11:
        make_delivered(work, job);
        break;
    case 12:
        make_step(work, job);
        break;
    default:
        make_end(work, job);
        break;
    }
}

void power_work_make(struct power_work *work) {
    arena_reset(&work->arena);
    work->count = 1 + (int)power_below(&work->dice, POWER_JOBS_MAX);
    if (work->only_ends || power_below(&work->dice, 3) == 0) {
        work->count = 1;
    }
    work->pinned_count = 0;
    for (uint32_t i = 0; i < work->run_count; i++) {
        work->runs[i].busy = false;
    }
    for (int i = 0; i < work->count; i++) {
        work->holds[i] = (struct power_hold){.run = NULL};
        make_job(work, &work->jobs[i]);
        work->batch[i] = &work->jobs[i];
    }
}

static void note_hold(const struct power_hold *hold) {
    for (int i = 0; hold->run != NULL && i < POWER_STEPS; i++) {
        if (hold->step < 0 || hold->step == i) {
            hold->run->held[i] = hold->step < 0 ? -1 : hold->blob;
        }
    }
}

void power_work_note(struct power_work *work, struct power_facts *out_facts) {
    for (int i = 0; i < work->count; i++) {
        const struct store_job *job = &work->jobs[i];
        out_facts[i] = work->ledger.facts;
        if (job->error.code == STATUS_OK) {
            power_ledger_apply(&work->ledger, job);
            note_hold(&work->holds[i]);
        }
        if (job->error.code == STATUS_OK && job->kind == STORE_RUN_BEGIN) {
            (void)add_run(work, job->run);
        }
    }
    out_facts[work->count] = work->ledger.facts;
    for (int i = 0; i < work->pinned_count; i++) {
        blobs_unpin(work->blobs->blobs, work->blobs->ids[work->pinned[i]]);
    }
    work->pinned_count = 0;
}
