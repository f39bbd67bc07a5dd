// SPDX-License-Identifier: Apache-2.0
#include "platform/lite_model.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "platform/lite_delegate.h"
#include "platform/lite_file.h"
#include "platform/lite_library.h"

enum { SAID_BYTES = 320 };

struct lite_model {
    const struct lite_library *library;
    struct buffer bytes;       /* the library reads the weights where they lie */
    struct TfLiteModel *model; /* owned */
    int threads;
    uint8_t provider;
    pthread_mutex_t mutex;
    struct lite_interpreter *idle;  /* owned; under the mutex */
    struct lite_interpreter *first; /* one of them, whose tensors say what the ports are */
};

struct lite_interpreter {
    const struct lite_api *api;
    struct TfLiteInterpreter *interpreter; /* owned */
    struct lite_delegate delegate;
    char said[SAID_BYTES]; /* by the library, the first line since it was emptied */
    struct lite_interpreter *next;
};

/* --- what computes --- */

static void take_line(void *owner, const char *format, va_list values)
    __attribute__((format(printf, 2, 0)));

/* The first line is the reason, and those behind it are what came of it. */
static void take_line(void *owner, const char *format, va_list values) {
    struct lite_interpreter *interpreter = owner;
    if (interpreter->said[0] == '\0') {
        (void)vsnprintf(interpreter->said, SAID_BYTES, format, values);
        interpreter->said[strcspn(interpreter->said, "\n")] = '\0';
    }
}

static status failed(const struct lite_interpreter *interpreter, const char *otherwise,
                     struct error *err) {
    return fail(err, STATUS_INVALID, "%s",
                interpreter->said[0] != '\0' ? interpreter->said : otherwise);
}

static void destroy_interpreter(struct lite_interpreter *interpreter) {
    if (interpreter->interpreter != NULL) {
        interpreter->api->interpreter_delete(interpreter->interpreter);
    }
    lite_delegate_destroy(&interpreter->delegate);
    memory_free(interpreter);
}

static status start(const struct lite_model *model, struct lite_interpreter *interpreter,
                    struct error *err) {
    const struct lite_api *api = interpreter->api;
    struct TfLiteInterpreterOptions *options = api->options_create();
    if (options == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
    }
    api->options_set_threads(options, model->threads);
    api->options_set_reporter(options, take_line, interpreter);
    if (interpreter->delegate.delegate != NULL) {
        api->options_add_delegate(options, interpreter->delegate.delegate);
    }
    interpreter->interpreter = api->interpreter_create(model->model, options);
    api->options_delete(options);
    if (interpreter->interpreter == NULL ||
        api->interpreter_allocate(interpreter->interpreter) != LITE_OK) {
        return failed(interpreter, "TensorFlow Lite cannot run it, and does not say why", err);
    }
    return STATUS_OK;
}

static status create_interpreter(const struct lite_model *model, uint8_t provider,
                                 struct lite_interpreter **out_interpreter, struct error *err) {
    struct lite_interpreter *interpreter = memory_new(1, sizeof(*interpreter));
    if (interpreter == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
    }
    interpreter->api = &model->library->api;
    status code = lite_delegate_create(model->library, provider, &interpreter->delegate, err);
    if (code == STATUS_OK) {
        code = start(model, interpreter, err);
    }
    if (code != STATUS_OK) {
        destroy_interpreter(interpreter);
        return code;
    }
    *out_interpreter = interpreter;
    return STATUS_OK;
}

/* The first provider that takes the model; at last the processor, which is always there. */
static status choose_provider(struct lite_model *model, const struct inference_options *options,
                              struct error *err) {
    for (uint32_t i = 0; i <= options->provider_count; i++) {
        const bool last = i == options->provider_count;
        const uint8_t provider = last ? 0 : options->providers[i];
        struct error why = {0};
        if (create_interpreter(model, provider, &model->first, &why) == STATUS_OK) {
            model->idle = model->first;
            model->provider = provider;
            return STATUS_OK;
        }
        if (provider == 0) {
            return fail(err, why.code, "%s", why.text);
        }
        if (options->is_strict) {
            return fail(err, why.code, "not with provider %s: %s", INFERENCE_PROVIDERS[provider],
                        why.text);
        }
        log_line(LOG_WARN, "platform", "a model of TensorFlow Lite: not with provider %s: %s",
                 INFERENCE_PROVIDERS[provider], why.text);
    }
    return fail(err, STATUS_INVALID, "no provider takes it");
}

/* --- the model --- */

static status check_memory(struct slice file, int64_t memory_bytes, struct error *err) {
    int64_t bytes;
    TRY(lite_file_tensor_bytes(file, &bytes, err));
    if (bytes > memory_bytes - (int64_t)file.count) {
        return fail(err, STATUS_FULL,
                    "its tensors and weights take %lld MiB, more than the %lld MiB of memory that "
                    "it may have",
                    (long long)((bytes >> 20) + (int64_t)(file.count >> 20)),
                    (long long)(memory_bytes >> 20));
    }
    return STATUS_OK;
}

static status read_model(struct lite_model *model, const struct inference_options *options,
                         struct error *err) {
    const struct slice file = buffer_slice(&model->bytes);
    if (options->save_path != NULL || options->profile_prefix != NULL) {
        return fail(err, STATUS_INVALID,
                    "it is a model of TensorFlow Lite: only ONNX models are saved and profiled");
    }
    TRY(check_memory(file, options->memory_bytes, err));
    TRY(lite_library_use(&model->library, err));
    model->model = model->library->api.model_create(file.bytes, file.count);
    if (model->model == NULL) {
        return fail(err, STATUS_CORRUPT,
                    "the file is no TensorFlow Lite model, or only a part of one");
    }
    return choose_provider(model, options, err);
}

status lite_model_open(struct buffer *bytes, const struct inference_options *options,
                       struct lite_model **out_model, uint8_t *out_provider, struct error *err) {
    struct lite_model *model = memory_new(1, sizeof(*model));
    if (model == NULL) {
        buffer_done(bytes);
        return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
    }
    model->bytes = *bytes;
    *bytes = (struct buffer){0};
    model->threads = options->threads;
    (void)pthread_mutex_init(&model->mutex, NULL);
    const status code = read_model(model, options, err);
    if (code != STATUS_OK) {
        lite_model_close(model);
        return code;
    }
    *out_model = model;
    *out_provider = model->provider;
    return STATUS_OK;
}

void lite_model_close(struct lite_model *model) {
    if (model == NULL) {
        return;
    }
    while (model->idle != NULL) {
        struct lite_interpreter *next = model->idle->next;
        destroy_interpreter(model->idle);
        model->idle = next;
    }
    if (model->model != NULL) {
        model->library->api.model_delete(model->model);
    }
    (void)pthread_mutex_destroy(&model->mutex);
    buffer_done(&model->bytes);
    memory_free(model);
}

status lite_model_take(struct lite_model *model, struct lite_interpreter **out_interpreter,
                       struct error *err) {
    (void)pthread_mutex_lock(&model->mutex);
    struct lite_interpreter *idle = model->idle;
    if (idle != NULL) {
        model->idle = idle->next;
    }
    (void)pthread_mutex_unlock(&model->mutex);
    if (idle != NULL) {
        *out_interpreter = idle;
        return STATUS_OK;
    }
    return create_interpreter(model, model->provider, out_interpreter, err);
}

void lite_model_give_back(struct lite_model *model, struct lite_interpreter *interpreter) {
    (void)pthread_mutex_lock(&model->mutex);
    interpreter->next = model->idle;
    model->idle = interpreter;
    (void)pthread_mutex_unlock(&model->mutex);
}

/* --- what it takes and gives --- */

/* false: a type that we do not have. */
static bool read_type(int type, enum tensor_type *out_type) {
    static const struct {
        int theirs;
        enum tensor_type ours;
    } TYPES[] = {
        {LITE_FLOAT32, TENSOR_FLOAT32}, {LITE_INT32, TENSOR_INT32},
        {LITE_UINT8, TENSOR_UINT8},     {LITE_INT64, TENSOR_INT64},
        {LITE_BOOL, TENSOR_BOOLEAN},    {LITE_INT16, TENSOR_INT16},
        {LITE_INT8, TENSOR_INT8},       {LITE_FLOAT16, TENSOR_FLOAT16},
        {LITE_FLOAT64, TENSOR_FLOAT64}, {LITE_UINT64, TENSOR_UINT64},
        {LITE_UINT32, TENSOR_UINT32},   {LITE_UINT16, TENSOR_UINT16},
    };
    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
        if (TYPES[i].theirs == type) {
            *out_type = TYPES[i].ours;
            return true;
        }
    }
    return false;
}

static bool read_shape(const struct lite_api *api, const struct TfLiteTensor *from,
                       enum tensor_type *out_type, uint32_t *out_rank,
                       int64_t out_shape[TENSOR_RANK_MAX]) {
    const int32_t rank = api->tensor_rank(from);
    if (!read_type(api->tensor_type(from), out_type) || rank < 0 || rank > TENSOR_RANK_MAX) {
        return false;
    }
    *out_rank = (uint32_t)rank;
    for (int32_t i = 0; i < rank; i++) {
        out_shape[i] = api->tensor_size(from, i);
    }
    return true;
}

static const struct TfLiteTensor *tensor_at(const struct lite_interpreter *interpreter,
                                            bool is_input, uint32_t index) {
    return is_input ? interpreter->api->input(interpreter->interpreter, (int32_t)index)
                    : interpreter->api->output(interpreter->interpreter, (int32_t)index);
}

static status read_ports(const struct lite_model *model, bool is_input,
                         struct inference_ports *out_ports, struct error *err) {
    const struct lite_api *api = &model->library->api;
    const struct TfLiteInterpreter *interpreter = model->first->interpreter;
    const int32_t count = is_input ? api->input_count(interpreter) : api->output_count(interpreter);
    if (count < 0 || count > INFERENCE_PORTS_MAX) {
        return fail(err, STATUS_INVALID, "it has %d %s: at most %d can be used", count,
                    is_input ? "inputs" : "outputs", INFERENCE_PORTS_MAX);
    }
    out_ports->ports = memory_new((size_t)count, sizeof(*out_ports->ports));
    out_ports->names = memory_new((size_t)count, sizeof(*out_ports->names));
    if (out_ports->ports == NULL || out_ports->names == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for what a model takes and gives");
    }
    out_ports->count = (uint32_t)count;
    for (uint32_t i = 0; i < out_ports->count; i++) {
        struct inference_port *port = &out_ports->ports[i];
        const struct TfLiteTensor *tensor = tensor_at(model->first, is_input, i);
        const char *name = tensor != NULL ? api->tensor_name(tensor) : NULL;
        port->name = out_ports->names[i] = name != NULL ? name : "";
        port->is_tensor =
            tensor != NULL && read_shape(api, tensor, &port->type, &port->rank, port->shape);
    }
    return STATUS_OK;
}

status lite_model_inputs(const struct lite_model *model, struct inference_ports *out_ports,
                         struct error *err) {
    return read_ports(model, true, out_ports, err);
}

status lite_model_outputs(const struct lite_model *model, struct inference_ports *out_ports,
                          struct error *err) {
    return read_ports(model, false, out_ports, err);
}

void lite_model_ports_done(struct inference_ports *ports) {
    memory_free(ports->ports);
    memory_free(ports->names);
    *ports = (struct inference_ports){0};
}

/* --- a run --- */

static status fill_inputs(struct lite_interpreter *interpreter, const struct tensor *inputs,
                          struct error *err) {
    const struct lite_api *api = interpreter->api;
    const int32_t count = api->input_count(interpreter->interpreter);
    for (int32_t i = 0; i < count; i++) {
        struct TfLiteTensor *tensor = api->input(interpreter->interpreter, i);
        if (tensor == NULL || inputs[i].byte_count != api->tensor_byte_count(tensor)) {
            return fail(err, STATUS_INVALID, "input %d has %zu bytes, the model wants %zu", i,
                        inputs[i].byte_count,
                        tensor != NULL ? api->tensor_byte_count(tensor) : (size_t)0);
        }
        if (api->tensor_fill(tensor, inputs[i].bytes, inputs[i].byte_count) != LITE_OK) {
            return failed(interpreter, "an input cannot be filled", err);
        }
    }
    return STATUS_OK;
}

static status read_output(const struct lite_interpreter *interpreter, uint32_t index,
                          struct tensor *out_tensor, struct error *err) {
    const struct lite_api *api = interpreter->api;
    const struct TfLiteTensor *from = tensor_at(interpreter, false, index);
    struct tensor tensor = {0};
    size_t count;
    if (from == NULL || !read_shape(api, from, &tensor.type, &tensor.rank, tensor.shape) ||
        !tensor_count(tensor.type, tensor.shape, tensor.rank, &count)) {
        return fail(err, STATUS_INVALID,
                    "output %u is no tensor of numbers, or is larger than %d MiB", index,
                    TENSOR_BYTES_MAX >> 20);
    }
    tensor.bytes = api->tensor_bytes(from);
    tensor.byte_count = count * tensor_type_bytes(tensor.type);
    if (tensor.byte_count != api->tensor_byte_count(from) ||
        (tensor.bytes == NULL && tensor.byte_count > 0)) {
        return fail(err, STATUS_INVALID, "output %u has not the bytes that its shape asks for",
                    index);
    }
    *out_tensor = tensor;
    return STATUS_OK;
}

status lite_interpreter_run(struct lite_interpreter *interpreter, const struct tensor *inputs,
                            const uint32_t *wanted, uint32_t wanted_count,
                            struct tensor *out_outputs, struct error *err) {
    const struct lite_api *api = interpreter->api;
    interpreter->said[0] = '\0';
    if (api->interpreter_reset(interpreter->interpreter) != LITE_OK) {
        return failed(interpreter, "what it remembers cannot be forgotten", err);
    }
    TRY(fill_inputs(interpreter, inputs, err));
    if (api->interpreter_invoke(interpreter->interpreter) != LITE_OK) {
        return failed(interpreter, "the model failed, and TensorFlow Lite does not say why", err);
    }
    for (uint32_t i = 0; i < wanted_count; i++) {
        TRY(read_output(interpreter, wanted[i], &out_outputs[i], err));
    }
    return STATUS_OK;
}
