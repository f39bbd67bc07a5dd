// SPDX-License-Identifier: Apache-2.0
#include "runtime/agent_runner.h"

#include <assert.h>
#include <string.h>

#include "runtime/each.h"
#include "runtime/run_states.h"
#include "runtime/step_call.h"
#include "wire/expression_evaluator.h"

enum { BACKOFF_MS_MAX = 5 * 60 * 1000 };
static const int64_t LINK_WAIT_NS_MAX = (int64_t)7 * 86400 * 1000000000;

static struct run_step *progress_of(struct run *run) {
    return &run->steps[run->current];
}

/* --- one step, on a worker --- */
/* The step's output stands, whatever it is; on to the next one. */
static void settle_step(struct run *run, enum run_phase phase, struct value output) {
    struct run_step *progress = progress_of(run);
    progress->phase = phase;
    run_give(run, run->current, output);
    if (run->detour) {
        run->detour = false;
        run->current = run->stands_for;
        if (progress_of(run)->phase != PHASE_FAILED) {
            settle_step(run, PHASE_FAILED, output);
            return;
        }
    }
    run->current++;
}

static void fail_run_at_step(struct run *run, enum run_outcome outcome, const struct error *err) {
    run->failed_step = run_current(run)->id;
    run_fail(run, outcome, err);
}

/* What `on_error` says of a step that failed for good. */
static void give_up_step(struct run *run, enum run_outcome outcome, const struct error *err) {
    const struct step *step = run_current(run);
    struct run_step *progress = progress_of(run);
    progress->code = err->code;
    progress->error = run_keep_text(run, err->text);
    progress->phase = PHASE_FAILED;
    progress->expired = outcome == OUTCOME_EXPIRED;
    progress->reported = progress->expired || (step->repeat_never && progress->began_before);
    switch (step->on_error) {
    case ON_ERROR_SKIP_STEP:
        settle_step(run, PHASE_FAILED, (struct value){0});
        return;
    case ON_ERROR_USE:
        settle_step(run, PHASE_FAILED, step->use);
        return;
    case ON_ERROR_SKIP_RUN:
        run->failed_step = step->id;
        run->error = progress->error;
        run->code = err->code;
        run->outcome = OUTCOME_SKIPPED;
        run_conclude(run);
        return;
    case ON_ERROR_STEP:
        if (!run->detour && run->steps[step->other_step].phase == PHASE_FRESH) {
            progress->phase = PHASE_FRESH; /* settled when its stand-in is */
            run->detour = true;
            run->stands_for = run->current;
            run->current = step->other_step;
            return;
        }
        break;
    case ON_ERROR_FAIL:
        break;
    }
    fail_run_at_step(run, outcome, err);
}

static bool may_retry(const struct run *run, status code) {
    const struct step *step = run_current(run);
    const struct run_step *progress = &run->steps[run->current];
    return !step->repeat_never && progress->attempts < step->attempts &&
           (step->retry_on & error_class_of(code)) != 0;
}

static bool may_wait_for_link(const struct run *run, status code) {
    return code == STATUS_OFFLINE && !run_current(run)->on_error_given && journal_keeps(run);
}

static void fail_step(struct run *run, const struct error *err) {
    const struct step *step = run_current(run);
    struct run_step *progress = progress_of(run);
    if (may_retry(run, err->code)) {
        const int doublings = progress->attempts - 1 < 20 ? progress->attempts - 1 : 20;
        const int64_t doubled = step->backoff_ms << doublings;
        const int64_t backoff = doubled < BACKOFF_MS_MAX ? doubled : BACKOFF_MS_MAX;
        const int64_t asked = run->call.retry_after_ms;
        run->wait_ms = asked > backoff ? asked : backoff;
        progress->phase = PHASE_BEGUN;
        run->need = NEED_TIMER;
        return;
    }
    if (may_wait_for_link(run, err->code)) {
        progress->phase = PHASE_BEGUN;
        run->need = NEED_LINK;
        return;
    }
    give_up_step(run, OUTCOME_FAILED, err);
}

/* A run whose deadline has passed does nothing more, whatever `on_error` says. */
static bool is_void(struct run *run) {
    struct error err;
    if (run_left_ms(run) >= 0) {
        return false;
    }
    (void)fail(&err, STATUS_TIMEOUT, "the run's deadline passed before step '%.*s' was done",
               SLICE_ARGS(run_current(run)->id));
    fail_run_at_step(run, OUTCOME_EXPIRED, &err);
    return true;
}

/* What is late must not act: the run's deadline, and the step's own. */
static bool is_late(struct run *run) {
    const struct step *step = run_current(run);
    struct error err;
    if (is_void(run)) {
        return true;
    }
    if (step->expires_ms > 0 && event_age_ms(run->event) > step->expires_ms) {
        (void)fail(&err, STATUS_TIMEOUT, "step '%.*s' expired before it could begin",
                   SLICE_ARGS(step->id));
        give_up_step(run, OUTCOME_EXPIRED, &err);
        return true;
    }
    return false;
}

/* That it begins is durable before it does. */
static bool is_guarded(const struct run *run) {
    const struct step *step = run_current(run);
    return (step->repeat_never || step->expires_ms > 0) && journal_keeps(run);
}

static status render_inputs(struct run *run, struct error *err) {
    struct run_step *progress = progress_of(run);
    return run_current(run)->each != NULL ? each_prepare(run, &progress->each, err)
                                          : step_call_render(run, &progress->with, err);
}

/* From "nothing decided" to "its inputs stand". */
static void prepare_step(struct run *run) {
    const struct step *step = run_current(run);
    struct run_step *progress = progress_of(run);
    struct error err;
    if (step->only_on_error && !run->detour) {
        settle_step(run, PHASE_SKIPPED, (struct value){0});
        return;
    }
    if (progress->began_before && step->repeat_never) {
        (void)fail(&err, STATUS_CRASH,
                   "step '%.*s' had begun when the daemon ended and is not repeated",
                   SLICE_ARGS(step->id));
        give_up_step(run, OUTCOME_FAILED, &err);
        return;
    }
    run->ask_deadline_ns = 0;
    bool wanted = true;
    if (step->when != NULL &&
        expression_holds(step->when, &run->context, &wanted, &err) != STATUS_OK) {
        give_up_step(run, OUTCOME_FAILED, &err);
        return;
    }
    if (!wanted) {
        settle_step(run, PHASE_SKIPPED, (struct value){0});
        return;
    }
    if (is_late(run)) {
        return;
    }
    if (run_states_check_key(run, &err) != STATUS_OK || render_inputs(run, &err) != STATUS_OK) {
        (void)fail_while(&err, "step '%.*s'", SLICE_ARGS(step->id));
        give_up_step(run, OUTCOME_FAILED, &err);
        return;
    }
    progress->phase = is_guarded(run) ? PHASE_PREPARED : PHASE_BEGUN;
    run->need = progress->phase == PHASE_PREPARED ? NEED_BEGUN : NEED_WORKER;
}

static void call_agent(struct run *run) {
    struct run_step *progress = progress_of(run);
    struct step_input input = {.with = progress->with};
    struct value state = {0};
    struct error *err = &run->call.error;
    if (is_late(run)) { /* the write that was awaited, or the backoff, took its time */
        return;
    }
    progress->attempts++;
    progress->began_ns = clock_boot_ns();
    progress->phase = PHASE_RETURNED;
    if (progress->each != NULL) {
        each_call(run);
        return;
    }
    status code = run_states_give(run, &state, err);
    if (code == STATUS_OK) {
        code = step_call_files(run, progress->with, state, &input, err);
    }
    const struct error failed = *err;
    step_call_fill(run, &input, 0, &run->call);
    if (code != STATUS_OK) {
        *err = failed;
        return;
    }
    const struct opened_agent *opened = &run->version->agents[run->current];
    if (opened->kind->place == AGENT_ON_LOOP) {
        run->need = NEED_CALL;
        return;
    }
    opened->kind->run(opened->agent, &run->call);
}

/* The step has an output; on, perhaps by way of its row. */
static void take_output(struct run *run, struct value output) {
    const uint32_t index = run->current;
    settle_step(run, PHASE_DONE, output);
    if (journal_wants_output(run, index)) {
        /* What cannot be kept costs a repetition, or a report, after a crash. */
        run->steps[index].noted =
            value_has_blob(output) &&
            run_blobs_keep_output(&run->blobs, index, output, NULL) != STATUS_OK;
        run->need = run->steps[index].noted ? run->need : NEED_NOTE;
    }
}

/* A round of calls is over: another one, or the step's output. */
static void take_round(struct run *run) {
    struct run_step *progress = progress_of(run);
    struct each *each = progress->each;
    struct value output;
    uint64_t calls;
    uint64_t failures;
    each_count(each, &calls, &failures);
    progress->calls += calls;
    progress->failures += failures;
    if (each_is_open(each)) { /* we stop, or are about to */
        progress->phase = PHASE_BEGUN;
        progress->attempts--;
        return;
    }
    if (is_void(run)) {
        return;
    }
    const struct error *again = each_again(run, each, may_retry);
    again = again == NULL ? each_again(run, each, may_wait_for_link) : again;
    if (again != NULL) {
        fail_step(run, again);
        return;
    }
    struct error err;
    if (each_output(run, each, &output, &err) != STATUS_OK) {
        give_up_step(run, OUTCOME_FAILED, &err);
        return;
    }
    take_output(run, output);
}

static void take_answer(struct run *run) {
    struct run_step *progress = progress_of(run);
    progress->took_ns += clock_boot_ns() - progress->began_ns;
    if (progress->each != NULL) {
        take_round(run);
        return;
    }
    progress->calls++;
    if (run->call.error.code == STATUS_OK && !expression_depth_fits(run->call.out)) {
        (void)fail(&run->call.error, STATUS_INVALID, "the output is nested more than %d deep",
                   VALUE_DEPTH_MAX);
    }
    if (run->call.error.code == STATUS_OK) {
        (void)run_states_take(run, &run->call.error); /* judged with the rest */
    }
    if (run->call.error.code != STATUS_OK) {
        progress->failures++;
        if (is_void(run)) {
            return;
        }
        (void)fail_while(&run->call.error, "step '%.*s'", SLICE_ARGS(run_current(run)->id));
        fail_step(run, &run->call.error);
        return;
    }
    take_output(run, run->call.out);
}

static void take_step(struct run *run) {
    switch (progress_of(run)->phase) {
    case PHASE_FRESH:
        prepare_step(run);
        return;
    case PHASE_PREPARED:
        progress_of(run)->phase = PHASE_BEGUN;
        return;
    case PHASE_BEGUN:
        call_agent(run);
        return;
    case PHASE_RETURNED:
        take_answer(run);
        return;
    case PHASE_DONE:
    case PHASE_FAILED:
    case PHASE_SKIPPED:
        run->current++; /* known from the journal */
        return;
    }
}

static bool is_hurried(const struct run *run) {
    return atomic_load_explicit(&run->runner->hurried, memory_order_relaxed);
}

/* Before its first step: its event does not fit, and the trigger says that a run fails for that. */
static void fail_unfit(struct run *run) {
    struct error err;
    (void)fail(&err, STATUS_INVALID, "%.*s", SLICE_ARGS(run->event->unfit));
    run_fail(run, OUTCOME_FAILED, &err);
}

static void work(struct job *job, int worker) {
    struct run *run = (struct run *)job;
    crash_page_enter(run->runner->page, worker, run->id);
    run->need = NEED_WORKER;
    bool going = !is_hurried(run);
    if (going && run->event->unfit.count > 0) {
        fail_unfit(run);
    }
    while (going && run->need == NEED_WORKER && run->current < run->version->workflow->step_count) {
        take_step(run);
        going = !is_hurried(run);
    }
    if (going && run->need == NEED_WORKER) {
        run_conclude(run);
    }
    if (run->need == NEED_END) {
        run_leave_folder(run); /* what results attach of it is kept by now */
    }
    crash_page_leave(run->runner->page, worker);
}

/* --- what a run needs of the loop --- */
static void resume(struct run *run) {
    if (!run->runner->stopping) {
        pool_submit(run->runner->pool, &run->job);
    }
}

static void timer_rang(void *owner) {
    resume(owner);
}

static void wait_for(struct run *run, int64_t wait_ms) {
    struct error err;
    if (run->timer == NULL &&
        timer_open(run->runner->loop, timer_rang, run, &run->timer, &err) != STATUS_OK) {
        resume(run); /* without a timer the retry comes at once rather than never */
        return;
    }
    timer_set(run->timer, wait_ms);
}

/* Also while we stop: what it has done is worth knowing. */
static void round_ended(struct run *run) {
    run->runner->acting--;
    pool_submit(run->runner->pool, &run->job);
}

static void agent_answered(struct agent_call *call) {
    round_ended(call->owner);
}

static void call_on_loop(struct run *run) {
    const struct opened_agent *opened = &run->version->agents[run->current];
    run->runner->acting++;
    if (progress_of(run)->each != NULL) {
        each_call_on_loop(run, round_ended);
        return;
    }
    run->call.done = agent_answered;
    opened->kind->run(opened->agent, &run->call);
}

/* Agents' figures are the loop's: they are added where no worker can be adding too. */
static void count_calls(struct run *run) {
    for (uint32_t i = 0; i < run->version->workflow->step_count; i++) {
        struct run_step *step = &run->steps[i];
        if (step->calls > 0) {
            struct agent_stats *stats = catalog_stats(run->version->agents[i].entry);
            stats->calls += step->calls;
            stats->failures += step->failures;
            stats->last_ns = step->took_ns;
            stats->total_ns += step->took_ns;
            step->calls = 0;
        }
    }
}

static void end_run(struct run *run) {
    struct agent_runner *runner = run->runner;
    count_calls(run);
    runner->ended(runner->owner, run);
}

/* A step whose begin is durable acts, also while we stop: else the next process would report what
 * never was. Where it is not durable, and never will be, it must not begin. */
static void begun_written(struct run *run) {
    run->runner->acting--;
    if (run->step_job.error.code == STATUS_OK) {
        if (!is_hurried(run)) {
            pool_submit(run->runner->pool, &run->job);
        }
    } else if (!run->runner->stopping) {
        struct error err = run->step_job.error;
        (void)fail_while(&err, "note that step '%.*s' begins", SLICE_ARGS(run_current(run)->id));
        fail_run_at_step(run, OUTCOME_FAILED, &err);
        end_run(run);
    }
}

/* So long, or until it would be too late for another try. */
static int64_t worth_waiting_ms(const struct run *run, int64_t wait_ms) {
    const int64_t bounds[] = {run->version->workflow->deadline_ms, run_current(run)->expires_ms};
    const int64_t age_ms = event_age_ms(run->event);
    for (int i = 0; i < 2; i++) {
        if (bounds[i] > 0 && age_ms <= bounds[i] && bounds[i] - age_ms < wait_ms) {
            wait_ms = bounds[i] - age_ms + 1;
        }
    }
    return wait_ms;
}

/* --- without a link --- */

static void wait_for_link(struct run *run);

static void link_row_written(struct run *run) {
    if (run->kept) {
        wait_for_link(run);
    } else if (!run->runner->stopping) {
        struct error err = run->store_job.error;
        (void)fail_while(&err, "keep a run that waits for a link");
        fail_run_at_step(run, OUTCOME_FAILED, &err);
        end_run(run);
    }
}

static void wait_for_link(struct run *run) {
    const int64_t now = clock_boot_ns();
    if (!run->kept) {
        journal_begin(run->runner->journal, run, link_row_written);
        return;
    }
    if (run->offline_since_ns == 0) {
        run->offline_since_ns = now;
        journal_state(run->runner->journal, run, RUN_WAITING);
        run->runner->waits(run->runner->owner, run);
    }
    if (now - run->offline_since_ns + run->offline_before_ns <= LINK_WAIT_NS_MAX) {
        wait_for(run, worth_waiting_ms(run, run->runner->link_wait_ms));
        return;
    }
    struct error err;
    (void)fail(&err, STATUS_OFFLINE, "step '%.*s' was offline for 7 days",
               SLICE_ARGS(run_current(run)->id));
    fail_run_at_step(run, OUTCOME_FAILED, &err);
    run->runner->goes_on(run->runner->owner, run);
    end_run(run);
}

/* It has waited for a link, and does no more. */
static void leave_link(struct run *run) {
    if (run->offline_since_ns != 0 && run->need != NEED_LINK) {
        run->offline_since_ns = 0;
        run->offline_before_ns = 0;
        if (run->need != NEED_END) {
            journal_state(run->runner->journal, run, RUN_OPEN);
        }
        run->runner->goes_on(run->runner->owner, run);
    }
}

/* Whether it goes on although we stop. */
static bool must_go_on(const struct run *run) {
    return run->need == NEED_NOTE || run->need == NEED_END ||
           (run->need == NEED_CALL && is_guarded(run));
}

static void done(struct job *job) {
    struct run *run = (struct run *)job;
    struct agent_runner *runner = run->runner;
    leave_link(run);
    if (runner->stopping && !must_go_on(run)) {
        return;
    }
    switch (run->need) {
    case NEED_BEGUN:
        runner->acting++;
        journal_step_begun(runner->journal, run, begun_written);
        return;
    case NEED_CALL:
        call_on_loop(run);
        return;
    case NEED_TIMER:
        wait_for(run, worth_waiting_ms(run, run->wait_ms));
        return;
    case NEED_LINK:
        wait_for_link(run);
        return;
    case NEED_NOTE:
        if (journal_outputs(runner->journal, run, resume)) {
            pool_submit(runner->pool, &run->job);
        }
        return;
    case NEED_END:
        end_run(run);
        return;
    case NEED_WORKER:
        assert(false);
        return;
    }
}

void agent_runner_start(struct agent_runner *runner, struct run *run) {
    run->runner = runner;
    run->job = (struct job){.work = work, .done = done};
    resume(run);
}
