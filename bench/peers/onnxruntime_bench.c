// SPDX-License-Identifier: Apache-2.0
/*
 * onnxruntime_bench: a model in a bare loop of ONNX Runtime's C API: what there is without ebb.
 *
 *   onnxruntime_bench LIBRARY MODEL LOOPS COUNT [SHAPE]    loops in threads of their own
 *
 * All of one session. SHAPE, like 1x3x48x320, is the input's where the model leaves sizes open;
 * else they are 1. One thread computes a run, as with us. The first input is zeroes; all outputs
 * are computed, and nobody looks at them. Prints what measured.h says, and as the last number the
 * memory in bytes that the process then has.
 */
#include <dlfcn.h>
#include <onnxruntime/onnxruntime_c_api.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "measured.h"

enum { LOOPS_MAX = 16, OUTPUTS_MAX = 16, RANK_MAX = 8, WARM = 20, API = 12 };

struct bare {
    const OrtApi *api;
    OrtSession *session;
    OrtMemoryInfo *memory;
    OrtAllocator *allocator;
    char *input;
    char *outputs[OUTPUTS_MAX];
    size_t output_count, rank, count;
    int64_t shape[RANK_MAX];
};

struct lane {
    struct bare *bare;
    pthread_t thread;
    float *numbers;
    uint32_t calls, came;
    int64_t *latencies_ns;
};

static void need(struct bare *bare, OrtStatus *said) {
    if (said != NULL) {
        (void)fprintf(stderr, "onnxruntime_bench: %s\n", bare->api->GetErrorMessage(said));
        exit(1);
    }
}

static void open_library(struct bare *bare, const char *path) {
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const OrtApiBase *(*base)(void) = NULL;
    void *function = handle != NULL ? dlsym(handle, "OrtGetApiBase") : NULL;
    (void)memcpy(&base, &function, sizeof(function));
    bare->api = base != NULL ? base()->GetApi(API) : NULL;
    if (bare->api == NULL) {
        (void)fprintf(stderr, "onnxruntime_bench: %s is no ONNX Runtime\n", path);
        exit(1);
    }
}

/* Sizes of SHAPE where the model leaves them open. */
static void fill_shape(struct bare *bare, const char *text) {
    for (size_t i = 0; i < bare->rank; i++) {
        char *end = NULL;
        const long size = text != NULL ? strtol(text, &end, 10) : 1;
        if (bare->shape[i] < 0) {
            bare->shape[i] = size > 0 ? size : 1;
        }
        text = end != NULL && *end == 'x' ? end + 1 : NULL;
    }
}

static long long resident_bytes(void) {
    long long all = 0;
    long long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL || fscanf(file, "%lld %lld", &all, &resident) != 2) {
        exit(1);
    }
    (void)fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

static void read_input(struct bare *bare, const char *shape) {
    OrtTypeInfo *type = NULL;
    const OrtTensorTypeAndShapeInfo *info = NULL;
    need(bare, bare->api->SessionGetInputTypeInfo(bare->session, 0, &type));
    need(bare, bare->api->CastTypeInfoToTensorInfo(type, &info));
    need(bare, bare->api->GetDimensionsCount(info, &bare->rank));
    if (bare->rank > RANK_MAX) {
        exit(1);
    }
    need(bare, bare->api->GetDimensions(info, bare->shape, bare->rank));
    fill_shape(bare, shape);
    bare->count = 1;
    for (size_t i = 0; i < bare->rank; i++) {
        bare->count *= (size_t)bare->shape[i];
    }
    bare->api->ReleaseTypeInfo(type);
}

static void open_model(struct bare *bare, const char *path, const char *shape) {
    OrtEnv *env = NULL;
    OrtSessionOptions *options = NULL;
    need(bare, bare->api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "bare", &env));
    need(bare, bare->api->CreateSessionOptions(&options));
    need(bare, bare->api->SetIntraOpNumThreads(options, 1));
    need(bare, bare->api->CreateSession(env, path, options, &bare->session));
    need(bare, bare->api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &bare->memory));
    need(bare, bare->api->GetAllocatorWithDefaultOptions(&bare->allocator));
    need(bare, bare->api->SessionGetInputName(bare->session, 0, bare->allocator, &bare->input));
    need(bare, bare->api->SessionGetOutputCount(bare->session, &bare->output_count));
    if (bare->output_count > OUTPUTS_MAX) {
        exit(1);
    }
    for (size_t i = 0; i < bare->output_count; i++) {
        need(bare,
             bare->api->SessionGetOutputName(bare->session, i, bare->allocator, &bare->outputs[i]));
    }
    read_input(bare, shape);
}

static void run_once(struct lane *lane) {
    struct bare *bare = lane->bare;
    OrtValue *input = NULL;
    OrtValue *outputs[OUTPUTS_MAX] = {0};
    const char *names[OUTPUTS_MAX];
    (void)memcpy(names, bare->outputs, sizeof(names));
    const char *input_name = bare->input;
    need(bare, bare->api->CreateTensorWithDataAsOrtValue(
                   bare->memory, lane->numbers, bare->count * sizeof(float), bare->shape,
                   bare->rank, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &input));
    const OrtValue *shown = input;
    need(bare, bare->api->Run(bare->session, NULL, &input_name, &shown, 1, names,
                              bare->output_count, outputs));
    for (size_t i = 0; i < bare->output_count; i++) {
        bare->api->ReleaseValue(outputs[i]);
    }
    bare->api->ReleaseValue(input);
}

static void *run_lane(void *owner) {
    struct lane *lane = owner;
    for (lane->came = 0; lane->came < lane->calls; lane->came++) {
        const int64_t began_ns = clock_monotonic_ns();
        run_once(lane);
        lane->latencies_ns[lane->came] = clock_monotonic_ns() - began_ns;
    }
    return NULL;
}

static void run_lanes(struct bare *bare, struct lane *lanes, uint32_t loops, uint32_t calls,
                      int64_t *latencies_ns) {
    for (uint32_t i = 0; i < loops; i++) {
        lanes[i].bare = bare;
        lanes[i].calls = calls / loops;
        lanes[i].latencies_ns = latencies_ns + (size_t)i * (calls / loops);
        if (pthread_create(&lanes[i].thread, NULL, run_lane, &lanes[i]) != 0) {
            exit(1);
        }
    }
    for (uint32_t i = 0; i < loops; i++) {
        (void)pthread_join(lanes[i].thread, NULL);
    }
}

int main(int count, char **words) {
    const bool complete = count == 5 || count == 6;
    const uint32_t loops = complete ? (uint32_t)strtoul(words[3], NULL, 10) : 0;
    const uint32_t calls = complete ? (uint32_t)strtoul(words[4], NULL, 10) : 0;
    if (loops < 1 || loops > LOOPS_MAX || calls < loops) {
        (void)fprintf(stderr, "usage: onnxruntime_bench LIBRARY MODEL LOOPS COUNT [SHAPE]\n");
        return 2;
    }
    static struct lane lanes[LOOPS_MAX];
    struct bare bare = {0};
    struct measured measured;
    open_library(&bare, words[1]);
    open_model(&bare, words[2], count == 6 ? words[5] : NULL);
    for (uint32_t i = 0; i < loops; i++) {
        lanes[i].numbers = memory_new(bare.count, sizeof(float));
        if (lanes[i].numbers == NULL) {
            return 1;
        }
    }
    measured_begin(&measured, calls);
    run_lanes(&bare, lanes, loops, WARM * loops < calls ? WARM * loops : loops,
              measured.latencies_ns);
    memory_free(measured.latencies_ns);
    measured_begin(&measured, calls);
    run_lanes(&bare, lanes, loops, calls, measured.latencies_ns);
    measured.count = calls / loops * loops;
    measured_report(&measured);
    (void)printf("%lld\n", resident_bytes());
    for (uint32_t i = 0; i < loops; i++) {
        memory_free(lanes[i].numbers);
    }
    return 0;
}
