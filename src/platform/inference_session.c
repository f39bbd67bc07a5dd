// SPDX-License-Identifier: Apache-2.0
#include "platform/inference_session.h"

#include <onnxruntime/onnxruntime_c_api.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "platform/inference_provider.h"

static const GraphOptimizationLevel LEVELS[] = {
    [INFERENCE_LEVEL_ALL] = ORT_ENABLE_ALL,
    [INFERENCE_LEVEL_EXTENDED] = ORT_ENABLE_EXTENDED,
    [INFERENCE_LEVEL_BASIC] = ORT_ENABLE_BASIC,
    [INFERENCE_LEVEL_NONE] = ORT_DISABLE_ALL,
};

/* --- what the library said --- */

/* The arena's words for its bound. */
static bool is_of_memory(const char *text) {
    return strstr(text, "Available memory of") != NULL || strstr(text, "bad_alloc") != NULL;
}

status inference_session_took(const struct inference_library *library, int64_t memory_bytes,
                              OrtStatus *said, struct error *err) {
    if (said == NULL) {
        return STATUS_OK;
    }
    const OrtErrorCode code = library->api->GetErrorCode(said);
    if (is_of_memory(library->api->GetErrorMessage(said))) {
        library->api->ReleaseStatus(said);
        return fail(err, STATUS_FULL, "it needs more memory than the %lld MiB that it may have",
                    (long long)(memory_bytes >> 20));
    }
    if (code == ORT_INVALID_PROTOBUF || code == ORT_NO_MODEL) {
        library->api->ReleaseStatus(said);
        return fail(err, STATUS_CORRUPT, "the file is no ONNX model, or only a part of one");
    }
    return inference_library_took(library, said, STATUS_INVALID, err);
}

/* --- options --- */

/* What is computed while the model is opened does not come from the arena: what would be larger
 * than the bound is left for the runs. */
static OrtStatus *bound_folding(const OrtApi *api, int64_t memory_bytes,
                                OrtSessionOptions *out_options) {
    char bytes[32];
    (void)snprintf(bytes, sizeof(bytes), "%lld", (long long)memory_bytes);
    return api->AddSessionConfigEntry(
        out_options, "optimization.constant_folding_max_output_size_in_bytes", bytes);
}

/* Strict, and the processor is not among those that were asked for. */
static bool leaves_nothing_to_cpu(const struct inference_options *options) {
    bool has_cpu = options->provider_count == 0;
    for (uint32_t i = 0; i < options->provider_count; i++) {
        has_cpu = has_cpu || options->providers[i] == 0;
    }
    return options->is_strict && !has_cpu;
}

static OrtStatus *set_entries(const OrtApi *api, const struct inference_options *options,
                              OrtSessionOptions *out_options) {
    const char *const spinning = options->spinning ? "1" : "0";
    const char *const entries[][2] = {
        {"session.use_env_allocators", options->no_arena ? "0" : "1"}, /* the arena, our bound */
        {"session.intra_op.allow_spinning", spinning},
        {"session.inter_op.allow_spinning", spinning},
        {"session.disable_cpu_ep_fallback", leaves_nothing_to_cpu(options) ? "1" : NULL},
        {"session.model_external_initializers_file_folder_path", options->folder},
    };
    OrtStatus *said = NULL;
    for (size_t i = 0; said == NULL && i < sizeof(entries) / sizeof(entries[0]); i++) {
        if (entries[i][1] != NULL) {
            said = api->AddSessionConfigEntry(out_options, entries[i][0], entries[i][1]);
        }
    }
    return said;
}

/* What only those ask for who work on models. */
static OrtStatus *set_rest(const OrtApi *api, const struct inference_options *options,
                           OrtSessionOptions *out_options) {
    OrtStatus *said = NULL;
    if (options->level != INFERENCE_LEVEL_ALL) {
        said = api->SetSessionGraphOptimizationLevel(out_options, LEVELS[options->level]);
    }
    if (said == NULL && options->no_memory_pattern) {
        said = api->DisableMemPattern(out_options);
    }
    if (said == NULL && options->no_arena) {
        said = api->DisableCpuMemArena(out_options);
    }
    if (said == NULL && options->save_path != NULL) {
        said = api->SetOptimizedModelFilePath(out_options, options->save_path);
    }
    if (said == NULL && options->profile_prefix != NULL) {
        said = api->EnableProfiling(out_options, options->profile_prefix);
    }
    return said;
}

static OrtStatus *set_options(const OrtApi *api, const struct inference_options *options,
                              OrtSessionOptions *out_options) {
    OrtStatus *said = api->SetIntraOpNumThreads(out_options, options->threads);
    if (said == NULL) {
        said = api->SetInterOpNumThreads(out_options, 1);
    }
    if (said == NULL) {
        said = bound_folding(api, options->memory_bytes, out_options);
    }
    if (said == NULL) {
        said = set_entries(api, options, out_options);
    }
    return said != NULL ? said : set_rest(api, options, out_options);
}

/* --- opening --- */

static OrtStatus *read_model(const struct inference_library *library,
                             const struct inference_source *source,
                             const OrtSessionOptions *options, OrtSession **out_session) {
    return source->path != NULL
               ? library->api->CreateSession(library->env, source->path, options, out_session)
               : library->api->CreateSessionFromArray(library->env, source->bytes.bytes,
                                                      source->bytes.count, options, out_session);
}

/* The library has one arena for each kind of memory. A session keeps the one that it finds when it
 * is made, so each gets one of its own with a bound of its own. */
static OrtStatus *read_bounded(const struct inference_library *library,
                               const struct inference_source *source, int64_t memory_bytes,
                               const OrtSessionOptions *options, OrtSession **out_session) {
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
    said = read_model(library, source, options, out_session);
    OrtStatus *unsaid = api->UnregisterAllocator(library->env, library->memory);
    if (unsaid != NULL) {
        api->ReleaseStatus(unsaid);
    }
    return said;
}

static OrtStatus *create_session(const struct inference_library *library,
                                 const struct inference_source *source, int64_t memory_bytes,
                                 const OrtSessionOptions *options, OrtSession **out_session) {
    static pthread_mutex_t one_arena = PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_mutex_lock(&one_arena);
    OrtStatus *said = read_bounded(library, source, memory_bytes, options, out_session);
    (void)pthread_mutex_unlock(&one_arena);
    return said;
}

/* OK without a session: the provider is not here, `err` says why. */
static status open_with(const struct inference_library *library,
                        const struct inference_source *source,
                        const struct inference_options *wanted, uint8_t provider,
                        OrtSession **out_session, struct error *err) {
    const OrtApi *api = library->api;
    const int64_t memory_bytes = wanted->memory_bytes;
    OrtSessionOptions *options = NULL;
    TRY(inference_session_took(library, memory_bytes, api->CreateSessionOptions(&options), err));
    status code =
        inference_session_took(library, memory_bytes, set_options(api, wanted, options), err);
    if (code == STATUS_OK && inference_provider_append(library, provider, options, err)) {
        code = inference_session_took(
            library, memory_bytes,
            create_session(library, source, memory_bytes, options, out_session), err);
    }
    api->ReleaseSessionOptions(options);
    return code;
}

/* The first provider that takes the model; at last the processor, which is always there. */
status inference_session_open(const struct inference_library *library,
                              const struct inference_source *source,
                              const struct inference_options *options, OrtSession **out_session,
                              uint8_t *out_provider, struct error *err) {
    for (uint32_t i = 0; i <= options->provider_count; i++) {
        const bool last = i == options->provider_count;
        const uint8_t provider = last ? 0 : options->providers[i];
        struct error why = {0};
        OrtSession *session = NULL;
        const status code = open_with(library, source, options, provider, &session, &why);
        if (code == STATUS_OK && session != NULL) {
            *out_session = session;
            *out_provider = provider;
            return STATUS_OK;
        }
        if (provider == 0) {
            return fail(err, why.code, "%s", why.text);
        }
        if (options->is_strict) {
            return fail(err, why.code, "not with provider %s: %s", INFERENCE_PROVIDERS[provider],
                        why.text);
        }
        log_line(LOG_WARN, "platform", "%.300s: not with provider %s: %s",
                 source->path != NULL ? source->path : "a model in memory",
                 INFERENCE_PROVIDERS[provider], why.text);
    }
    return fail(err, STATUS_INVALID, "no provider takes it");
}
