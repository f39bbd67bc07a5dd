// SPDX-License-Identifier: Apache-2.0
#include "runtime/step_call.h"

#include "agents/blob_files.h"
#include "platform/file.h"
#include "platform/hash.h"
#include "runtime/agent_runner.h"
#include "runtime/run_states.h"

status step_call_render(struct run *run, struct value *out_with, struct error *err) {
    const struct step *step = run_current(run);
    struct value with;
    if (step->with == NULL) {
        (void)value_new_object(&run->arena, 0, &with);
    } else {
        TRY(template_render(step->with, &run->context, &with, err));
    }
    const struct agent_manifest *manifest = run->version->agents[run->current].manifest;
    return field_set_check(&manifest->inputs, &run->arena, with, out_with, err);
}

/* Of one call alone: programs give the same names to what they write. */
static status make_folder(struct run *run, const char **out_folder, struct error *err) {
    char id[ID_HEX_BYTES + 1];
    id_write_hex(run->id, id);
    const char *folder = arena_print(&run->arena, "%s/%s", run->runner->work_folder, id).bytes;
    const char *of_call =
        arena_print(&run->arena, "%s/%s/%u", run->runner->work_folder, id, run->call_folders++)
            .bytes;
    if (folder == NULL || of_call == NULL) {
        return fail(err, STATUS_FULL, "the run is too large");
    }
    run->folder = folder;
    TRY(file_make_folder(of_call, err));
    *out_folder = of_call;
    return STATUS_OK;
}

status step_call_files(struct run *run, struct value with, struct value state,
                       struct step_input *out_input, struct error *err) {
    const struct opened_agent *opened = &run->version->agents[run->current];
    const bool goes_in = value_has_blob(with) || value_has_blob(state);
    *out_input = (struct step_input){.with = with, .state = state};
    if (!opened->kind->takes_files ||
        (!goes_in && !field_set_has_blobs(&opened->manifest->outputs))) {
        return STATUS_OK;
    }
    TRY(make_folder(run, &out_input->folder, err));
    if (!goes_in) {
        return STATUS_OK;
    }
    const char *folder = out_input->folder;
    const bool fd = opened->manifest->blobs_by_descriptor;
    TRY(blob_files_show(folder, fd, &run->arena, with, &out_input->with, err));
    return blob_files_show(folder, fd, &run->arena, state, &out_input->state, err);
}

/* The same after any number of crashes. */
static struct id key_of(const struct run *run, uint32_t item) {
    const struct slice id = id_slice(&run->id);
    const struct id of_step = hash_128(id, run_current(run)->id);
    if (run_current(run)->each == NULL) {
        return of_step;
    }
    return hash_128(id_slice(&of_step),
                    (struct slice){.bytes = (const char *)&item, .count = sizeof(item)});
}

void step_call_fill(struct run *run, const struct step_input *input, uint32_t item,
                    struct agent_call *out_call) {
    const struct step *step = run_current(run);
    const int64_t left_ms = run_left_ms(run);
    const int64_t most_ms = step->timeout_ms < left_ms ? step->timeout_ms : left_ms;
    run->ask_deadline_ns = clock_boot_ns() + most_ms * 1000000;
    *out_call = (struct agent_call){
        .with = input->with,
        .state = input->state,
        .step = run_keep(run, step->id),
        .workflow = run_keep(run, run->version->workflow->name),
        .key = key_of(run, item),
        .run = run->id,
        .attempt = run->steps[run->current].attempts,
        .once = step->repeat_never,
        .deadline_ns = run->ask_deadline_ns,
        .run_folder = input->folder,
        .context = &run->context,
        .arena = &run->arena,
        .owner = run,
        .keyed = run_states_keyed(run),
    };
}
