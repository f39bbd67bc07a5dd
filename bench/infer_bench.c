// SPDX-License-Identifier: Apache-2.0
/*
 * infer_bench: a model through the onnx agent, on workers, as in a run.
 *
 *   infer_bench FOLDER FLIGHT WORKERS COUNT    the agent of FOLDER, so many calls under way
 *
 * The agent's inputs are all `set`, so a call's `with` is empty: what is measured is what ebb puts
 * around an inference. Prints what measured.h says.
 */
#include "agents/onnx_agent.h"
#include "platform/worker.h"

#include "measured.h"

enum { FLIGHT_MAX = 64, COUNT_MAX = 1000000, WARM = 20, ARENA_BYTES = 1 << 20 };

struct bench {
    struct loop *loop;
    struct pool *pool;
    struct agent *agent;
    uint32_t started, wanted, ended, failed;
    struct measured measured;
};

struct asking {
    struct job job; /* first */
    struct bench *bench;
    struct arena arena;
    struct agent_call call;
    int64_t began_ns;
};

static struct asking askings[FLIGHT_MAX];

static int complain(const char *what) {
    (void)fprintf(stderr, "infer_bench: %s\n", what);
    return 1;
}

static void work(struct job *job, int worker) {
    (void)worker;
    struct asking *asking = (struct asking *)job;
    ONNX_AGENT.run(asking->bench->agent, &asking->call);
}

static void ask(struct asking *asking) {
    arena_reset(&asking->arena);
    asking->began_ns = clock_monotonic_ns();
    asking->call = (struct agent_call){.with = {.kind = VALUE_OBJECT},
                                       .arena = &asking->arena,
                                       .deadline_ns = clock_boot_ns() + (int64_t)30 * 1000000000};
    asking->bench->started++;
    pool_submit(asking->bench->pool, &asking->job);
}

static void done(struct job *job) {
    struct asking *asking = (struct asking *)job;
    struct bench *bench = asking->bench;
    bench->failed += asking->call.error.code != STATUS_OK;
    bench->measured.latencies_ns[bench->measured.count++] = clock_monotonic_ns() - asking->began_ns;
    if (bench->started < bench->wanted) {
        ask(asking);
    } else if (bench->measured.count == bench->wanted) {
        loop_stop(bench->loop);
    }
}

/* `flight` calls under way until there were `count`. */
static void run_calls(struct bench *bench, uint32_t flight, uint32_t count) {
    bench->started = 0;
    bench->wanted = count;
    measured_begin(&bench->measured, count);
    for (uint32_t i = 0; i < flight && i < count; i++) {
        ask(&askings[i]);
    }
    loop_run(bench->loop);
}

static status open_bench(struct bench *bench, const char *folder, int workers,
                         struct agent_manifest **out_manifest, struct error *err) {
    struct fault_list *faults = NULL;
    TRY(agent_manifest_read(folder, out_manifest, &faults, err));
    TRY(loop_create(&bench->loop, err));
    TRY(pool_create(bench->loop, workers, &bench->pool, err));
    for (int i = 0; i < FLIGHT_MAX; i++) {
        askings[i] = (struct asking){.job = {.work = work, .done = done}, .bench = bench};
        arena_init(&askings[i].arena, ARENA_BYTES);
    }
    return ONNX_AGENT.open(bench->loop, *out_manifest, &bench->agent, err);
}

int main(int count, char **words) {
    const uint32_t flight = count == 5 ? (uint32_t)strtoul(words[2], NULL, 10) : 0;
    const uint32_t calls = count == 5 ? (uint32_t)strtoul(words[4], NULL, 10) : 0;
    if (flight < 1 || flight > FLIGHT_MAX || calls < 1 || calls > COUNT_MAX) {
        return complain("usage: infer_bench FOLDER FLIGHT WORKERS COUNT");
    }
    struct bench bench = {0};
    struct agent_manifest *manifest = NULL;
    struct error err = {0};
    if (open_bench(&bench, words[1], (int)strtol(words[3], NULL, 10), &manifest, &err) !=
        STATUS_OK) {
        return complain(err.text);
    }
    run_calls(&bench, flight, WARM);
    memory_free(bench.measured.latencies_ns);
    run_calls(&bench, flight, calls);
    measured_report(&bench.measured);
    pool_destroy(bench.pool);
    ONNX_AGENT.close(bench.agent);
    for (int i = 0; i < FLIGHT_MAX; i++) {
        arena_done(&askings[i].arena);
    }
    agent_manifest_release(manifest);
    loop_destroy(bench.loop);
    return bench.failed > 0 ? complain("calls failed") : 0;
}
