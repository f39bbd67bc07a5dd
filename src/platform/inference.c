// SPDX-License-Identifier: Apache-2.0
#include "platform/inference.h"

#include <assert.h>
#include <onnxruntime/onnxruntime_c_api.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "platform/file.h"
#include "platform/inference_library.h"
#include "platform/inference_ports.h"
#include "platform/inference_session.h"
#include "platform/lite_file.h"
#include "platform/lite_model.h"
#include "platform/processor.h"

enum { UNTIMED_CORES_MAX = 4 /* more are of little use to one run */ };

/* The file and how it was opened: what two must have in common to share a session. */
struct origin {
    uint64_t inode;
    int64_t bytes, modified_ns;
    struct inference_options options;
};

struct inference_model {
    struct lite_model *lite; /* owned; NULL: it is ONNX Runtime's, and the library is */
    const struct inference_library *library;
    struct origin origin; /* its texts are gone */
    uint32_t owners;
    bool is_shared;      /* in the list below, for who opens the same */
    OrtSession *session; /* owned */
    uint8_t provider;
    bool is_profiled;
    int64_t loaded_bytes;
    atomic_bool has_run;
    struct inference_ports inputs, outputs;
    struct inference_model *next;
};

struct inference_run {
    struct inference_model *model; /* not owned */
    struct lite_interpreter *lite; /* taken; NULL: it is ONNX Runtime's */
    OrtRunOptions *options;        /* owned, as are the values */
    atomic_bool stopped;
    OrtValue *values[]; /* of the inputs, then of the outputs that are wanted */
};

static struct inference_model *opened; /* those that are shared; the loop's */

static status took(const struct inference_model *model, OrtStatus *said, struct error *err) {
    return inference_session_took(model->library, model->origin.options.memory_bytes, said, err);
}

/* --- models --- */

static void destroy_model(struct inference_model *model) {
    if (model->library == NULL) {
        lite_model_ports_done(&model->inputs);
        lite_model_ports_done(&model->outputs);
        lite_model_close(model->lite);
        memory_free(model);
        return;
    }
    inference_ports_done(model->library, &model->inputs);
    inference_ports_done(model->library, &model->outputs);
    if (model->session != NULL) {
        model->library->api->ReleaseSession(model->session);
    }
    memory_free(model);
}

/* How large this process is in memory; 0 when /proc does not say. */
static int64_t resident_bytes(void) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 256);
    if (file_read("/proc/self/statm", &text, NULL) != STATUS_OK) {
        return 0;
    }
    buffer_add_byte(&text, 0);
    long long all = 0;
    long long resident = 0;
    if (text.failed != STATUS_OK || sscanf(text.bytes, "%lld %lld", &all, &resident) != 2) {
        return 0;
    }
    return resident * sysconf(_SC_PAGESIZE);
}

/* Of two who share, one would find nothing written. */
static bool is_private(const struct inference_options *options) {
    return options->save_path != NULL || options->profile_prefix != NULL;
}

/* Neither of them private. */
static bool same_options(const struct inference_options *a, const struct inference_options *b) {
    return a->threads == b->threads && a->memory_bytes == b->memory_bytes &&
           a->provider_count == b->provider_count &&
           memcmp(a->providers, b->providers, a->provider_count) == 0 && a->level == b->level &&
           a->no_memory_pattern == b->no_memory_pattern && a->no_arena == b->no_arena &&
           a->spinning == b->spinning && a->is_strict == b->is_strict;
}

static struct inference_model *find_same(const struct origin *origin) {
    for (struct inference_model *at = opened; at != NULL; at = at->next) {
        if (at->origin.inode == origin->inode && at->origin.bytes == origin->bytes &&
            at->origin.modified_ns == origin->modified_ns &&
            same_options(&at->origin.options, &origin->options)) {
            return at;
        }
    }
    return NULL;
}

static status open_session(struct inference_model *model, const struct inference_source *source,
                           struct error *err) {
    TRY(inference_library_use(&model->library, err));
    const struct inference_library *library = model->library;
    TRY(inference_session_open(library, source, &model->origin.options, &model->session,
                               &model->provider, err));
    TRY(inference_ports_read_inputs(library, model->session, &model->inputs, err));
    return inference_ports_read_outputs(library, model->session, &model->outputs, err);
}

static status open_lite(struct inference_model *model, const struct inference_source *source,
                        struct error *err) {
    struct buffer bytes;
    buffer_init(&bytes, INFERENCE_BYTES_MAX);
    status code = STATUS_OK;
    if (source->path != NULL) {
        code = file_read(source->path, &bytes, err);
    } else {
        buffer_add(&bytes, source->bytes);
        code = buffer_status(&bytes, err);
    }
    if (code != STATUS_OK) {
        buffer_done(&bytes);
        return code;
    }
    TRY(lite_model_open(&bytes, &model->origin.options, &model->lite, &model->provider, err));
    TRY(lite_model_inputs(model->lite, &model->inputs, err));
    return lite_model_outputs(model->lite, &model->outputs, err);
}

/* By what the file says of itself, not by its name. */
static status is_lite(const struct inference_source *source, bool *out_is_lite, struct error *err) {
    int64_t whole_bytes;
    CLEANUP(buffer_done) struct buffer head;
    buffer_init(&head, LITE_HEAD_BYTES);
    *out_is_lite = lite_file_is_one(source->bytes);
    if (source->path != NULL) {
        TRY(file_read_start(source->path, LITE_HEAD_BYTES, &head, &whole_bytes, err));
        *out_is_lite = lite_file_is_one(buffer_slice(&head));
    }
    return STATUS_OK;
}

static status open_any(struct inference_model *model, const struct inference_source *source,
                       struct error *err) {
    const int64_t before = resident_bytes();
    bool lite = false;
    TRY(is_lite(source, &lite, err));
    TRY(lite ? open_lite(model, source, err) : open_session(model, source, err));
    memory_give_back(); /* reading a model takes several times what is kept of it */
    const int64_t after = resident_bytes();
    model->loaded_bytes = after > before ? after - before : 0;
    return STATUS_OK;
}

static status open_new(const struct inference_source *source, const struct origin *origin,
                       struct inference_model **out_model, struct error *err) {
    struct inference_model *model = memory_new(1, sizeof(*model));
    if (model == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
    }
    model->origin = *origin;
    model->owners = 1;
    const status code = open_any(model, source, err);
    if (code != STATUS_OK) {
        destroy_model(model);
        return code;
    }
    struct inference_options *options = &model->origin.options;
    model->is_profiled = options->profile_prefix != NULL;
    options->save_path = options->profile_prefix = options->folder = NULL;
    *out_model = model;
    return STATUS_OK;
}

/* All of it is read, so it must fit. */
static status check_size(int64_t bytes, const struct inference_options *options,
                         struct error *err) {
    if (bytes == 0) {
        return fail(err, STATUS_CORRUPT, "the file is empty");
    }
    if (bytes > options->memory_bytes) {
        return fail(err, STATUS_FULL,
                    "its file alone has %lld MiB, more than the %lld MiB of memory that it may "
                    "have",
                    (long long)(bytes >> 20), (long long)(options->memory_bytes >> 20));
    }
    return STATUS_OK;
}

/* One that others may have open as well. */
static status open_shared(const struct inference_source *source, const struct origin *origin,
                          struct inference_model **out_model, struct error *err) {
    struct inference_model *same = find_same(origin);
    if (same != NULL) {
        same->owners++;
        *out_model = same;
        return STATUS_OK;
    }
    struct inference_model *model = NULL;
    TRY(open_new(source, origin, &model, err));
    model->is_shared = true;
    model->next = opened;
    opened = model;
    *out_model = model;
    return STATUS_OK;
}

struct inference_options inference_options_untimed(int64_t memory_bytes, const char *folder) {
    return (struct inference_options){.threads = processor_cores(UNTIMED_CORES_MAX),
                                      .no_memory_pattern = true,
                                      .memory_bytes = memory_bytes,
                                      .folder = folder};
}

status inference_open(const char *path, const struct inference_options *options,
                      struct inference_model **out_model, struct error *err) {
    const struct inference_source source = {.path = path};
    struct file_facts facts;
    TRY(file_facts(path, &facts, err));
    if (!facts.is_regular) {
        return fail(err, STATUS_INVALID, "%.300s is no file", path);
    }
    struct origin origin = {.inode = facts.inode,
                            .bytes = facts.bytes,
                            .modified_ns = facts.modified_ns,
                            .options = *options};
    origin.options.folder = NULL; /* it lies beside the file */
    status code = check_size(facts.bytes, options, err);
    if (code == STATUS_OK) {
        code = is_private(options) ? open_new(&source, &origin, out_model, err)
                                   : open_shared(&source, &origin, out_model, err);
    }
    return code == STATUS_OK ? code : fail_while(err, "open model %.200s", path);
}

status inference_open_bytes(struct slice bytes, const struct inference_options *options,
                            struct inference_model **out_model, struct error *err) {
    const struct inference_source source = {.bytes = bytes};
    const struct origin origin = {.options = *options};
    if (bytes.count > INFERENCE_BYTES_MAX) {
        return fail(err, STATUS_INVALID,
                    "open a model in memory: it has %zu bytes, at most %d are read", bytes.count,
                    INFERENCE_BYTES_MAX);
    }
    status code = check_size((int64_t)bytes.count, options, err);
    if (code == STATUS_OK) {
        code = open_new(&source, &origin, out_model, err);
    }
    return code == STATUS_OK ? code : fail_while(err, "open a model in memory");
}

void inference_close(struct inference_model *model) {
    if (model == NULL || --model->owners > 0) {
        return;
    }
    struct inference_model **place = &opened;
    while (model->is_shared && *place != model) {
        place = &(*place)->next;
    }
    if (model->is_shared) {
        *place = model->next;
    }
    destroy_model(model);
}

status inference_end_profile(struct inference_model *model, char out_path[INFERENCE_PATH_BYTES],
                             struct error *err) {
    const struct inference_library *library = model->library;
    char *path = NULL;
    if (!model->is_profiled) {
        return fail(err, STATUS_INVALID, "no profile of the model is being written");
    }
    model->is_profiled = false;
    TRY(took(model, library->api->SessionEndProfiling(model->session, library->allocator, &path),
             err));
    const int used = snprintf(out_path, INFERENCE_PATH_BYTES, "%s", path);
    TRY(took(model, library->api->AllocatorFree(library->allocator, path), err));
    if (used >= INFERENCE_PATH_BYTES || !file_is_there(out_path)) {
        return fail(err, STATUS_NOT_FOUND, "the profile %.300s could not be written", out_path);
    }
    return STATUS_OK;
}

status inference_release(const char **out_release, struct error *err) {
    const struct inference_library *library;
    TRY(inference_library_use(&library, err));
    *out_release = library->release;
    return STATUS_OK;
}

uint32_t inference_input_count(const struct inference_model *model) {
    return model->inputs.count;
}

uint32_t inference_output_count(const struct inference_model *model) {
    return model->outputs.count;
}

const struct inference_port *inference_input(const struct inference_model *model, uint32_t index) {
    return &model->inputs.ports[index];
}

const struct inference_port *inference_output(const struct inference_model *model, uint32_t index) {
    return &model->outputs.ports[index];
}

const char *inference_provider(const struct inference_model *model) {
    return INFERENCE_PROVIDERS[model->provider];
}

int64_t inference_loaded_bytes(const struct inference_model *model) {
    return model->loaded_bytes;
}

/* --- runs --- */

/* The first run takes its memory bit by bit, and only then it is known how much a run needs at
 * once: what the first one leaves behind would stay for good beside that. (1.21 does not heed
 * it.) */
static OrtStatus *make_options(struct inference_model *model, struct inference_run *run) {
    const OrtApi *api = model->library->api;
    OrtStatus *said = api->CreateRunOptions(&run->options);
    if (said == NULL && !model->origin.options.no_arena &&
        !atomic_exchange(&model->has_run, true)) {
        said =
            api->AddRunConfigEntry(run->options, "memory.enable_memory_arena_shrinkage", "cpu:0");
    }
    return said;
}

status inference_run_create(struct inference_model *model, struct inference_run **out_run,
                            struct error *err) {
    const size_t values = (size_t)model->inputs.count + model->outputs.count;
    struct inference_run *run = memory_new(1, sizeof(*run) + values * sizeof(run->values[0]));
    if (run == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a run of a model");
    }
    run->model = model;
    atomic_init(&run->stopped, false);
    const status code =
        model->lite != NULL
            ? lite_model_take(model->lite, &run->lite, err)
            : inference_library_took(model->library, make_options(model, run), STATUS_SYSTEM, err);
    if (code != STATUS_OK) {
        memory_free(run);
        return code;
    }
    *out_run = run;
    return STATUS_OK;
}

static OrtStatus *show_inputs(struct inference_run *run, const struct tensor *inputs) {
    const struct inference_library *library = run->model->library;
    OrtStatus *said = NULL;
    for (uint32_t i = 0; said == NULL && i < run->model->inputs.count; i++) {
        said = library->api->CreateTensorWithDataAsOrtValue(
            library->memory, inputs[i].bytes, inputs[i].byte_count, inputs[i].shape, inputs[i].rank,
            (ONNXTensorElementDataType)inference_element_type(inputs[i].type), &run->values[i]);
    }
    return said;
}

static status read_output(const OrtApi *api, OrtValue *value, struct tensor *out_tensor,
                          OrtStatus **out_said) {
    struct tensor tensor = {0};
    OrtTensorTypeAndShapeInfo *info = NULL;
    bool known = false;
    int is_tensor = 0;
    OrtStatus *said = api->IsTensor(value, &is_tensor);
    if (said == NULL && is_tensor != 0) {
        said = api->GetTensorTypeAndShape(value, &info);
    }
    if (said == NULL && info != NULL) {
        said = inference_read_shape(api, info, &tensor, &known);
        api->ReleaseTensorTypeAndShapeInfo(info);
    }
    if (said == NULL && known) {
        said = api->GetTensorMutableData(value, &tensor.bytes);
    }
    *out_said = said;
    size_t count;
    if (said != NULL || !known || !tensor_count(tensor.type, tensor.shape, tensor.rank, &count)) {
        return STATUS_INVALID;
    }
    tensor.byte_count = count * tensor_type_bytes(tensor.type);
    *out_tensor = tensor;
    return STATUS_OK;
}

static status read_outputs(const struct inference_model *model, OrtValue *const *values,
                           const char *const *names, uint32_t count, struct tensor *out_outputs,
                           struct error *err) {
    for (uint32_t i = 0; i < count; i++) {
        OrtStatus *said = NULL;
        if (read_output(model->library->api, values[i], &out_outputs[i], &said) != STATUS_OK) {
            TRY(took(model, said, err));
            return fail(err, STATUS_INVALID,
                        "output '%s' is no tensor of numbers, or is larger than %d MiB", names[i],
                        TENSOR_BYTES_MAX >> 20);
        }
    }
    return STATUS_OK;
}

static status run_late(struct error *err) {
    return fail(err, STATUS_TIMEOUT, "the model had not ended when its time was over");
}

/* It cannot be ended from outside: what came too late is thrown away. */
static status run_lite(struct inference_run *run, const struct tensor *inputs,
                       const uint32_t *wanted, uint32_t wanted_count, struct tensor *out_outputs,
                       struct error *err) {
    if (atomic_load(&run->stopped)) {
        return run_late(err);
    }
    TRY(lite_interpreter_run(run->lite, inputs, wanted, wanted_count, out_outputs, err));
    return atomic_load(&run->stopped) ? run_late(err) : STATUS_OK;
}

status inference_run(struct inference_run *run, const struct tensor *inputs, const uint32_t *wanted,
                     uint32_t wanted_count, struct tensor *out_outputs, struct error *err) {
    const struct inference_model *model = run->model;
    if (run->lite != NULL) {
        return run_lite(run, inputs, wanted, wanted_count, out_outputs, err);
    }
    const OrtApi *api = model->library->api;
    OrtValue **outputs = run->values + model->inputs.count;
    const char *names[INFERENCE_PORTS_MAX];
    assert(wanted_count <= model->outputs.count);
    for (uint32_t i = 0; i < wanted_count; i++) {
        names[i] = model->outputs.names[wanted[i]];
    }
    OrtStatus *said = show_inputs(run, inputs);
    if (said == NULL) {
        said = api->Run(model->session, run->options, model->inputs.names,
                        (const OrtValue *const *)run->values, model->inputs.count, names,
                        wanted_count, outputs);
    }
    if (said != NULL && atomic_load(&run->stopped)) {
        api->ReleaseStatus(said);
        return run_late(err);
    }
    TRY(took(model, said, err));
    return read_outputs(model, outputs, names, wanted_count, out_outputs, err);
}

void inference_stop(struct inference_run *run) {
    atomic_store(&run->stopped, true);
    if (run->lite != NULL) {
        return;
    }
    OrtStatus *said = run->model->library->api->RunOptionsSetTerminate(run->options);
    if (said != NULL) {
        run->model->library->api->ReleaseStatus(said);
    }
}

void inference_run_destroy(struct inference_run *run) {
    if (run == NULL) {
        return;
    }
    if (run->lite != NULL) {
        lite_model_give_back(run->model->lite, run->lite);
        memory_free(run);
        return;
    }
    const OrtApi *api = run->model->library->api;
    const size_t values = (size_t)run->model->inputs.count + run->model->outputs.count;
    for (size_t i = 0; i < values; i++) {
        if (run->values[i] != NULL) {
            api->ReleaseValue(run->values[i]);
        }
    }
    api->ReleaseRunOptions(run->options);
    memory_free(run);
}
