// SPDX-License-Identifier: Apache-2.0
#include "platform/inference.h"

#include <onnxruntime/onnxruntime_c_api.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "platform/file.h"
#include "platform/inference_library.h"
#include "platform/inference_provider.h"

/* The file and how it was opened: what two must have in common to share a session. */
struct origin {
    uint64_t inode;
    int64_t bytes, modified_ns;
    struct inference_options options;
};

struct inference_model {
    const struct inference_library *library;
    struct origin origin;
    uint32_t owners;
    OrtSession *session; /* owned */
    uint8_t provider;
    int64_t loaded_bytes;
    uint32_t input_count, output_count;
    struct inference_port inputs[INFERENCE_PORTS_MAX], outputs[INFERENCE_PORTS_MAX];
    const char *input_names[INFERENCE_PORTS_MAX]; /* owned, as are the next; the ports show them */
    const char *output_names[INFERENCE_PORTS_MAX];
    struct inference_model *next;
};

struct inference_run {
    struct inference_model *model; /* not owned */
    OrtRunOptions *options;        /* owned, as are the next */
    OrtValue *inputs[INFERENCE_PORTS_MAX], *outputs[INFERENCE_PORTS_MAX];
    atomic_bool stopped;
};

static struct inference_model *opened; /* all of them; the loop's */

/* --- what the library said --- */

/* The arena's words for its bound. */
static bool is_of_memory(const char *text) {
    return strstr(text, "Available memory of") != NULL || strstr(text, "bad_alloc") != NULL;
}

/* In our words where the library's own do not help. */
static status took(const struct inference_library *library, const struct inference_options *options,
                   OrtStatus *said, struct error *err) {
    if (said == NULL) {
        return STATUS_OK;
    }
    const OrtErrorCode code = library->api->GetErrorCode(said);
    if (is_of_memory(library->api->GetErrorMessage(said))) {
        library->api->ReleaseStatus(said);
        return fail(err, STATUS_FULL, "it needs more memory than the %lld MiB that it may have",
                    (long long)(options->memory_bytes >> 20));
    }
    if (code == ORT_INVALID_PROTOBUF || code == ORT_NO_MODEL) {
        library->api->ReleaseStatus(said);
        return fail(err, STATUS_CORRUPT, "the file is no ONNX model, or only a part of one");
    }
    return inference_library_took(library, said, STATUS_INVALID, err);
}

/* --- opening --- */

/* What is computed while the model is opened does not come from the arena: what would be larger
 * than the bound is left for the runs. */
static OrtStatus *bound_folding(const OrtApi *api, int64_t memory_bytes,
                                OrtSessionOptions *out_options) {
    char bytes[32];
    (void)snprintf(bytes, sizeof(bytes), "%lld", (long long)memory_bytes);
    return api->AddSessionConfigEntry(
        out_options, "optimization.constant_folding_max_output_size_in_bytes", bytes);
}

static OrtStatus *set_options(const OrtApi *api, const struct inference_options *options,
                              OrtSessionOptions *out_options) {
    const char *const entries[][2] = {
        {"session.use_env_allocators", "1"}, /* the arena with our bound */
        {"session.intra_op.allow_spinning", "0"},
        {"session.inter_op.allow_spinning", "0"},
    };
    OrtStatus *said = api->SetIntraOpNumThreads(out_options, options->threads);
    if (said == NULL) {
        said = api->SetInterOpNumThreads(out_options, 1);
    }
    if (said == NULL) {
        said = bound_folding(api, options->memory_bytes, out_options);
    }
    for (size_t i = 0; said == NULL && i < sizeof(entries) / sizeof(entries[0]); i++) {
        said = api->AddSessionConfigEntry(out_options, entries[i][0], entries[i][1]);
    }
    return said;
}

/* The library has one arena for each kind of memory. A session keeps the one that it finds when it
 * is made, so each gets one of its own with a bound of its own. */
static OrtStatus *create_session(const struct inference_library *library, const char *path,
                                 int64_t memory_bytes, const OrtSessionOptions *options,
                                 OrtSession **out_session) {
    const OrtApi *api = library->api;
    const char *const names[] = {"max_mem", "arena_extend_strategy"};
    const size_t values[] = {(size_t)memory_bytes, 1 /* as much as is asked for */};
    OrtArenaCfg *bound = NULL;
    OrtStatus *said = api->CreateArenaCfgV2(names, values, 2, &bound);
    if (said != NULL) {
        return said;
    }
    said = api->CreateAndRegisterAllocator(library->env, library->memory, bound);
    api->ReleaseArenaCfg(bound);
    if (said != NULL) {
        return said;
    }
    said = api->CreateSession(library->env, path, options, out_session);
    OrtStatus *unsaid = api->UnregisterAllocator(library->env, library->memory);
    if (unsaid != NULL) {
        api->ReleaseStatus(unsaid);
    }
    return said;
}

static status open_with(struct inference_model *model, const char *path, uint8_t provider,
                        bool *out_fits, struct error *err) {
    const struct inference_library *library = model->library;
    const struct inference_options *wanted = &model->origin.options;
    OrtSessionOptions *options = NULL;
    TRY(took(library, wanted, library->api->CreateSessionOptions(&options), err));
    status code = took(library, wanted, set_options(library->api, wanted, options), err);
    *out_fits = code == STATUS_OK && inference_provider_append(library, provider, options, err);
    if (*out_fits) {
        code = took(library, wanted,
                    create_session(library, path, wanted->memory_bytes, options, &model->session),
                    err);
    }
    library->api->ReleaseSessionOptions(options);
    return code;
}

/* The first provider that takes the model; at last the processor, which is always there. */
static status open_session(struct inference_model *model, const char *path, struct error *err) {
    const struct inference_options *options = &model->origin.options;
    for (uint32_t i = 0; i <= options->provider_count; i++) {
        const bool last = i == options->provider_count;
        const uint8_t provider = last ? 0 : options->providers[i];
        struct error why = {0};
        bool fits = false;
        const status code = open_with(model, path, provider, &fits, &why);
        if (code == STATUS_OK && fits) {
            model->provider = provider;
            return STATUS_OK;
        }
        if (provider == 0) {
            return fail(err, why.code, "%s", why.text);
        }
        log_line(LOG_WARN, "platform", "%.300s: not with provider %s: %s", path,
                 INFERENCE_PROVIDERS[provider], why.text);
    }
    return fail(err, STATUS_INVALID, "no provider takes it");
}

/* --- what the model declares --- */

static const ONNXTensorElementDataType TYPES[TENSOR_TYPE_COUNT] = {
    [TENSOR_FLOAT32] = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
    [TENSOR_FLOAT16] = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
    [TENSOR_UINT8] = ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
    [TENSOR_INT8] = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8,
    [TENSOR_INT32] = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32,
    [TENSOR_INT64] = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
    [TENSOR_BOOLEAN] = ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL,
};

static bool read_type(ONNXTensorElementDataType theirs, enum tensor_type *out_type) {
    for (int i = 0; i < TENSOR_TYPE_COUNT; i++) {
        if (TYPES[i] == theirs) {
            *out_type = (enum tensor_type)i;
            return true;
        }
    }
    return false;
}

/* Type and shape of a tensor; *out_known is false for a type or rank that we do not have. */
static OrtStatus *read_shape(const OrtApi *api, const OrtTensorTypeAndShapeInfo *info,
                             enum tensor_type *out_type, uint32_t *out_rank,
                             int64_t out_shape[TENSOR_RANK_MAX], bool *out_known) {
    ONNXTensorElementDataType type;
    size_t rank = 0;
    *out_known = false;
    OrtStatus *said = api->GetTensorElementType(info, &type);
    if (said == NULL) {
        said = api->GetDimensionsCount(info, &rank);
    }
    if (said == NULL && rank <= TENSOR_RANK_MAX && read_type(type, out_type)) {
        *out_known = true;
        *out_rank = (uint32_t)rank;
        said = api->GetDimensions(info, out_shape, rank);
    }
    return said;
}

static OrtStatus *read_port(const OrtApi *api, const OrtTypeInfo *type,
                            struct inference_port *port) {
    const OrtTensorTypeAndShapeInfo *info = NULL; /* the type's own; NULL: it is no tensor */
    OrtStatus *said = api->CastTypeInfoToTensorInfo(type, &info);
    if (said == NULL && info != NULL) {
        said = read_shape(api, info, &port->type, &port->rank, port->shape, &port->is_tensor);
    }
    for (uint32_t i = 0; i < port->rank; i++) {
        port->shape[i] = port->shape[i] < 0 ? -1 : port->shape[i];
    }
    return said;
}

/* What the library offers for inputs, and for outputs. */
struct side {
    const char *what;
    OrtStatus *(*count)(const OrtSession *session, size_t *out_count);
    OrtStatus *(*name)(const OrtSession *session, size_t index, OrtAllocator *allocator,
                       char **out_name);
    OrtStatus *(*type)(const OrtSession *session, size_t index, OrtTypeInfo **out_type);
};

static OrtStatus *read_next(const struct inference_model *model, const struct side *side,
                            uint32_t index, struct inference_port *port) {
    char *name = NULL;
    OrtTypeInfo *type = NULL;
    OrtStatus *said = side->name(model->session, index, model->library->allocator, &name);
    if (said == NULL) {
        port->name = name;
        said = side->type(model->session, index, &type);
    }
    if (said == NULL) {
        said = read_port(model->library->api, type, port);
        model->library->api->ReleaseTypeInfo(type);
    }
    return said;
}

static status read_side(const struct inference_model *model, const struct side *side,
                        struct inference_port *ports, const char **names, uint32_t *out_count,
                        struct error *err) {
    const struct inference_options *options = &model->origin.options;
    size_t count = 0;
    TRY(took(model->library, options, side->count(model->session, &count), err));
    if (count > INFERENCE_PORTS_MAX) {
        return fail(err, STATUS_INVALID, "it has %zu %s: at most %d can be used", count, side->what,
                    INFERENCE_PORTS_MAX);
    }
    for (uint32_t i = 0; i < count; i++) {
        const status code =
            took(model->library, options, read_next(model, side, i, &ports[i]), err);
        names[i] = ports[i].name;
        *out_count = i + 1;
        TRY(code);
    }
    return STATUS_OK;
}

static status read_ports(struct inference_model *model, struct error *err) {
    const OrtApi *api = model->library->api;
    const struct side inputs = {"inputs", api->SessionGetInputCount, api->SessionGetInputName,
                                api->SessionGetInputTypeInfo};
    const struct side outputs = {"outputs", api->SessionGetOutputCount, api->SessionGetOutputName,
                                 api->SessionGetOutputTypeInfo};
    TRY(read_side(model, &inputs, model->inputs, model->input_names, &model->input_count, err));
    return read_side(model, &outputs, model->outputs, model->output_names, &model->output_count,
                     err);
}

/* --- models --- */

static void free_names(const struct inference_model *model, struct inference_port *ports,
                       uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        OrtStatus *said = NULL;
        union {
            const char *shown;
            void *owned;
        } name = {.shown = ports[i].name};
        if (name.owned != NULL) {
            said = model->library->api->AllocatorFree(model->library->allocator, name.owned);
        }
        if (said != NULL) {
            model->library->api->ReleaseStatus(said);
        }
    }
}

static void destroy_model(struct inference_model *model) {
    free_names(model, model->inputs, model->input_count);
    free_names(model, model->outputs, model->output_count);
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

static bool same_options(const struct inference_options *a, const struct inference_options *b) {
    return a->threads == b->threads && a->memory_bytes == b->memory_bytes &&
           a->provider_count == b->provider_count &&
           memcmp(a->providers, b->providers, a->provider_count) == 0;
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

static status open_new(const char *path, const struct origin *origin,
                       struct inference_model **out_model, struct error *err) {
    const struct inference_library *library;
    TRY(inference_library_use(&library, err));
    struct inference_model *model = memory_new(1, sizeof(*model));
    if (model == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
    }
    model->library = library;
    model->origin = *origin;
    model->owners = 1;
    const int64_t before = resident_bytes();
    status code = open_session(model, path, err);
    if (code == STATUS_OK) {
        code = read_ports(model, err);
    }
    if (code != STATUS_OK) {
        destroy_model(model);
        return code;
    }
    const int64_t after = resident_bytes();
    model->loaded_bytes = after > before ? after - before : 0;
    model->next = opened;
    opened = model;
    *out_model = model;
    return STATUS_OK;
}

status inference_open(const char *path, const struct inference_options *options,
                      struct inference_model **out_model, struct error *err) {
    struct file_facts facts;
    TRY(file_facts(path, &facts, err));
    if (!facts.is_regular) {
        return fail(err, STATUS_INVALID, "%.300s is no file", path);
    }
    if (facts.bytes == 0) {
        return fail(err, STATUS_CORRUPT, "open model %.300s: the file is empty", path);
    }
    if (facts.bytes > options->memory_bytes) {
        return fail(
            err, STATUS_FULL,
            "open model %.300s: its file alone has %lld MiB, more than the %lld MiB of memory "
            "that it may have",
            path, (long long)(facts.bytes >> 20), (long long)(options->memory_bytes >> 20));
    }
    const struct origin origin = {.inode = facts.inode,
                                  .bytes = facts.bytes,
                                  .modified_ns = facts.modified_ns,
                                  .options = *options};
    struct inference_model *same = find_same(&origin);
    if (same != NULL) {
        same->owners++;
        *out_model = same;
        return STATUS_OK;
    }
    if (open_new(path, &origin, out_model, err) != STATUS_OK) {
        return fail_while(err, "open model %.200s", path);
    }
    return STATUS_OK;
}

void inference_close(struct inference_model *model) {
    if (model == NULL || --model->owners > 0) {
        return;
    }
    struct inference_model **place = &opened;
    while (*place != model) {
        place = &(*place)->next;
    }
    *place = model->next;
    destroy_model(model);
}

uint32_t inference_input_count(const struct inference_model *model) {
    return model->input_count;
}

uint32_t inference_output_count(const struct inference_model *model) {
    return model->output_count;
}

const struct inference_port *inference_input(const struct inference_model *model, uint32_t index) {
    return &model->inputs[index];
}

const struct inference_port *inference_output(const struct inference_model *model, uint32_t index) {
    return &model->outputs[index];
}

const char *inference_provider(const struct inference_model *model) {
    return INFERENCE_PROVIDERS[model->provider];
}

int64_t inference_loaded_bytes(const struct inference_model *model) {
    return model->loaded_bytes;
}

/* --- runs --- */

status inference_run_create(struct inference_model *model, struct inference_run **out_run,
                            struct error *err) {
    struct inference_run *run = memory_new(1, sizeof(*run));
    if (run == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a run of a model");
    }
    run->model = model;
    atomic_init(&run->stopped, false);
    const status code = inference_library_took(
        model->library, model->library->api->CreateRunOptions(&run->options), STATUS_SYSTEM, err);
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
    for (uint32_t i = 0; said == NULL && i < run->model->input_count; i++) {
        said = library->api->CreateTensorWithDataAsOrtValue(
            library->memory, inputs[i].bytes, inputs[i].byte_count, inputs[i].shape, inputs[i].rank,
            TYPES[inputs[i].type], &run->inputs[i]);
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
        said = read_shape(api, info, &tensor.type, &tensor.rank, tensor.shape, &known);
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

static status read_outputs(struct inference_run *run, const uint32_t *wanted, uint32_t wanted_count,
                           struct tensor *out_outputs, struct error *err) {
    const struct inference_model *model = run->model;
    for (uint32_t i = 0; i < wanted_count; i++) {
        OrtStatus *said = NULL;
        if (read_output(model->library->api, run->outputs[i], &out_outputs[i], &said) !=
            STATUS_OK) {
            TRY(took(model->library, &model->origin.options, said, err));
            return fail(err, STATUS_INVALID,
                        "output '%s' is no tensor of numbers, or is larger than %d MiB",
                        model->output_names[wanted[i]], TENSOR_BYTES_MAX >> 20);
        }
    }
    return STATUS_OK;
}

status inference_run(struct inference_run *run, const struct tensor *inputs, const uint32_t *wanted,
                     uint32_t wanted_count, struct tensor *out_outputs, struct error *err) {
    const struct inference_model *model = run->model;
    const OrtApi *api = model->library->api;
    const char *names[INFERENCE_PORTS_MAX];
    for (uint32_t i = 0; i < wanted_count; i++) {
        names[i] = model->output_names[wanted[i]];
    }
    OrtStatus *said = show_inputs(run, inputs);
    if (said == NULL) {
        const OrtValue *shown[INFERENCE_PORTS_MAX];
        (void)memcpy(shown, run->inputs, sizeof(shown));
        said = api->Run(model->session, run->options, model->input_names, shown, model->input_count,
                        names, wanted_count, run->outputs);
    }
    if (said != NULL && atomic_load(&run->stopped)) {
        api->ReleaseStatus(said);
        return fail(err, STATUS_TIMEOUT, "the model had not ended when its time was over");
    }
    TRY(took(model->library, &model->origin.options, said, err));
    return read_outputs(run, wanted, wanted_count, out_outputs, err);
}

void inference_stop(struct inference_run *run) {
    atomic_store(&run->stopped, true);
    OrtStatus *said = run->model->library->api->RunOptionsSetTerminate(run->options);
    if (said != NULL) {
        run->model->library->api->ReleaseStatus(said);
    }
}

void inference_run_destroy(struct inference_run *run) {
    if (run == NULL) {
        return;
    }
    const OrtApi *api = run->model->library->api;
    for (uint32_t i = 0; i < INFERENCE_PORTS_MAX; i++) {
        if (run->inputs[i] != NULL) {
            api->ReleaseValue(run->inputs[i]);
        }
        if (run->outputs[i] != NULL) {
            api->ReleaseValue(run->outputs[i]);
        }
    }
    api->ReleaseRunOptions(run->options);
    memory_free(run);
}
