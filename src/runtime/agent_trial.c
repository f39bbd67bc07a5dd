// SPDX-License-Identifier: Apache-2.0
#include "runtime/agent_trial.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/blob_files.h"
#include "platform/clock.h"
#include "platform/folder.h"
#include "platform/json.h"
#include "platform/random.h"
#include "platform/worker.h"
#include "runtime/trial_files.h"
#include "runtime/version.h"

struct trying {
    struct job job; /* first: a job is its trial */
    struct loop *loop;
    struct pool *pool; /* owned; NULL until a worker is needed */
    const struct agent_kind *kind;
    struct agent *agent;
    struct generation *generation;
    struct arena arena;
    struct context context;
    struct agent_call call;
    char folder[PATH_MAX]; /* of the call's files; empty: none was made */
};

static status ask_jq(void *owner, const struct expression *expression, struct slice input,
                     struct arena *arena, struct value *out_value, struct error *err) {
    const struct trying *trying = owner;
    return jq_child_ask(trying->generation->jq, expression_program_number(expression), input,
                        trying->call.deadline_ns, arena, out_value, err);
}

static void answered(struct agent_call *call) {
    const struct trying *trying = call->owner;
    loop_stop(trying->loop);
}

/* As in a daemon: what computes does so on a worker, and the loop keeps its deadline. */
static void work(struct job *job, int worker) {
    (void)worker;
    struct trying *trying = (struct trying *)job;
    trying->kind->run(trying->agent, &trying->call);
}

static void worked(struct job *job) {
    answered(&((struct trying *)job)->call);
}

static status run_agent(struct trying *trying, struct error *err) {
    if (trying->kind->place == AGENT_ON_LOOP) {
        trying->kind->run(trying->agent, &trying->call);
    } else {
        TRY(pool_create(trying->loop, 1, &trying->pool, err));
        trying->job = (struct job){.work = work, .done = worked};
        pool_submit(trying->pool, &trying->job);
    }
    loop_run(trying->loop);
    return STATUS_OK;
}

static status find_agent(struct trying *trying, const char *name,
                         const struct catalog_agent **out_entry, struct error *err) {
    const struct slice whole = slice_of(name);
    const size_t at = slice_find(whole, '@');
    struct workflow_agent agent;
    TRY(catalog_resolve(trying->generation->catalog, slice_part(whole, 0, at),
                        slice_part(whole, at + 1, whole.count), &agent, err));
    *out_entry = agent.pinned;
    return STATUS_OK;
}

static status prepare_jq(struct trying *trying, const struct agent_manifest *manifest,
                         struct error *err) {
    if (manifest->filter == NULL || expression_is_native(manifest->filter)) {
        return STATUS_OK;
    }
    const struct slice program = expression_program(manifest->filter);
    expression_set_program(manifest->filter, 0);
    return jq_child_create(&program, 1, &trying->generation->jq, err);
}

/* Programs have blobs as files of a folder of the call's own. */
static status make_files(struct trying *trying, const struct agent_manifest *manifest,
                         struct error *err) {
    struct agent_call *call = &trying->call;
    if (!trying->kind->takes_files ||
        (!value_has_blob(call->with) && !field_set_has_blobs(&manifest->outputs))) {
        return STATUS_OK;
    }
    (void)snprintf(trying->folder, sizeof(trying->folder), "%s/ebb-trial-XXXXXX",
                   getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    if (mkdtemp(trying->folder) == NULL) {
        const int number = errno;
        trying->folder[0] = '\0';
        return fail_errno(err, number, "make a folder for the agent's files");
    }
    call->run_folder = trying->folder;
    return blob_files_show(call->run_folder, manifest->blobs_by_descriptor, call->arena, call->with,
                           &call->with, err);
}

static status call_agent(struct trying *trying, const struct agent_trial *trial,
                         struct error *err) {
    const struct catalog_agent *entry;
    struct value with;
    const char *json = trial->with != NULL ? trial->with : "{}";
    TRY(find_agent(trying, trial->name, &entry, err));
    const struct agent_manifest *manifest = catalog_manifest(entry);
    if (json_read(&trying->arena, slice_of(json), &with, err) != STATUS_OK) {
        return fail_while(err, "--with");
    }
    TRY(trial_files_add(&trying->arena, trial->files, &with, err));
    TRY(field_set_check(&manifest->inputs, &trying->arena, with, &with, err));
    TRY(prepare_jq(trying, manifest, err));
    TRY(catalog_open(trying->generation->catalog, trying->loop, entry, &trying->kind,
                     &trying->agent, err));
    const int64_t timeout_ms = trial->timeout_ms > 0 ? trial->timeout_ms : STEP_TIMEOUT_MS_DEFAULT;
    trying->context =
        (struct context){.arena = &trying->arena, .query = ask_jq, .query_owner = trying};
    trying->call = (struct agent_call){
        .with = with,
        .step = "trial",
        .workflow = "none",
        .key = random_id(),
        .run = random_id(),
        .attempt = 1,
        .deadline_ns = clock_boot_ns() + timeout_ms * 1000000,
        .context = &trying->context,
        .arena = &trying->arena,
        .done = answered,
        .owner = trying,
    };
    TRY(make_files(trying, manifest, err));
    TRY(run_agent(trying, err));
    *err = trying->call.error;
    return trying->call.error.code;
}

status agent_trial_run(const struct agent_trial *trial, struct error *err) {
    struct trying trying = {0};
    arena_init(&trying.arena, 64 << 20);
    TRY(loop_create(&trying.loop, err));
    status code = generation_create(trial->agents, &trying.generation, err);
    if (code == STATUS_OK) {
        code = call_agent(&trying, trial, err);
    }
    if (code == STATUS_OK && trial->save != NULL) {
        code = trial_files_save(trial->save, trying.call.out, err);
    }
    if (code == STATUS_OK) {
        CLEANUP(buffer_done) struct buffer line;
        buffer_init(&line, 4 << 20);
        json_write(&line, trying.call.out);
        (void)printf("%.*s\n", SLICE_ARGS(buffer_slice(&line)));
    }
    pool_destroy(trying.pool);
    generation_release(trying.generation);
    loop_run(trying.loop); /* until an agent that was told to end has ended */
    loop_destroy(trying.loop);
    arena_done(&trying.arena);
    if (trying.folder[0] != '\0') {
        (void)folder_remove(trying.folder, NULL);
    }
    return code;
}
