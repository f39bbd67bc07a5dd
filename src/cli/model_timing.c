// SPDX-License-Identifier: Apache-2.0
#include "cli/model_timing.h"

#include <stdio.h>
#include <string.h>

#include "model/onnx_file.h"
#include "model/profile.h"
#include "platform/file.h"
#include "platform/folder.h"
#include "platform/interrupt.h"

enum { PATH_BYTES = 4096, SIDES = 2, TIME_MS = 4000 };

/* A folder that goes when this ends. */
struct bench_folder {
    char path[PATH_BYTES];
    char files[SIDES][PATH_BYTES];
};

static void folder_done(struct bench_folder *folder) {
    if (folder->path[0] != '\0') {
        (void)folder_remove(folder->path, NULL);
    }
}

static void close_graph(struct graph_model **model) {
    onnx_file_close(*model);
}

static status check_parent(const char *beside, struct error *err) {
    char parent[PATH_BYTES];
    struct file_facts facts;
    (void)snprintf(parent, sizeof(parent), "%.4000s", beside);
    char *slash = strrchr(parent, '/');
    if (slash == NULL || slash == parent) {
        return STATUS_OK;
    }
    *slash = '\0';
    return file_facts(parent, &facts, err);
}

static status make_folder(const char *beside, struct bench_folder *folder, struct error *err) {
    TRY(check_parent(beside, err));
    (void)snprintf(folder->path, sizeof(folder->path), "%.4000s.trying", beside);
    for (int i = 0; i < SIDES; i++) {
        (void)snprintf(folder->files[i], sizeof(folder->files[i]), "%.4000s.trying/%d.onnx", beside,
                       i);
    }
    return file_make_folder(folder->path, err);
}

/* With its external data, which lies elsewhere. */
static status put(struct slice bytes, const char *folder, const char *path, struct error *err) {
    CLEANUP(close_graph) struct graph_model *model = NULL;
    TRY(onnx_file_read(bytes, folder, &model, err));
    return onnx_file_write(model, path, err);
}

static bool show(void *owner, double share) {
    const struct call *call = owner;
    terminal_progress(&call->terminal, call->talk, "measuring", share, "of the time at most");
    return !interrupt_came(); /* what is measured lies in files */
}

status model_timing_run(struct call *call, struct model_data *data,
                        const struct model_timing *timing, struct interval *out_ratio,
                        struct error *err) {
    CLEANUP(folder_done) struct bench_folder folder = {0};
    CLEANUP(kept_sample_done) struct kept_sample sample = {0};
    struct profile_row rows[SIDES] = {0};
    struct profile_variant variants[SIDES];
    struct profile_options options;
    TRY(model_data_keep(data, &sample, err));
    TRY(make_folder(timing->beside, &folder, err));
    TRY(put(timing->before, timing->folder, folder.files[0], err));
    TRY(put(timing->after, timing->folder, folder.files[1], err));
    for (int i = 0; i < SIDES; i++) {
        variants[i] = (struct profile_variant){.path = folder.files[i],
                                               .options = profile_inference_options()};
    }
    const struct profile_samples samples = kept_sample_profile(&sample);
    profile_options_init(&options);
    options.time_ms = TIME_MS;
    options.samples = &samples;
    options.progress = show;
    options.owner = call;
    interrupt_watch();
    status code = profile_measure(variants, SIDES, &options, rows, err);
    interrupt_unwatch();
    terminal_progress_done(&call->terminal, call->talk);
    for (int i = 0; code == STATUS_OK && i < SIDES; i++) {
        if (!profile_is_usable(&rows[i])) {
            code = fail(err, rows[i].why.code, "%s", rows[i].why.text);
        }
    }
    if (code == STATUS_OK) {
        *out_ratio = rows[1].cpu_ratio;
    }
    profile_rows_done(rows, SIDES);
    return code;
}
