// SPDX-License-Identifier: Apache-2.0
#include "platform/inference_provider.h"

#include <assert.h>
#include <onnxruntime/onnxruntime_c_api.h>
#include <string.h>

#include "platform/inference.h"

typedef OrtStatus *appender(const OrtApi *api, OrtSessionOptions *options, const char *name);

static OrtStatus *append_by_name(const OrtApi *api, OrtSessionOptions *options, const char *name) {
    return api->SessionOptionsAppendExecutionProvider(options, name, NULL, NULL, 0);
}

static OrtStatus *append_cuda(const OrtApi *api, OrtSessionOptions *options, const char *name) {
    (void)name;
    OrtCUDAProviderOptionsV2 *settings = NULL;
    OrtStatus *said = api->CreateCUDAProviderOptions(&settings);
    if (said == NULL) {
        said = api->SessionOptionsAppendExecutionProvider_CUDA_V2(options, settings);
        api->ReleaseCUDAProviderOptions(settings);
    }
    return said;
}

static OrtStatus *append_tensorrt(const OrtApi *api, OrtSessionOptions *options, const char *name) {
    (void)name;
    OrtTensorRTProviderOptionsV2 *settings = NULL;
    OrtStatus *said = api->CreateTensorRTProviderOptions(&settings);
    if (said == NULL) {
        said = api->SessionOptionsAppendExecutionProvider_TensorRT_V2(options, settings);
        api->ReleaseTensorRTProviderOptions(settings);
    }
    return said;
}

/* The last three are TensorFlow Lite's alone (platform/lite_delegate). */
const char *const INFERENCE_PROVIDERS[] = {"cpu", "cuda", "tensorrt", "openvino", "xnnpack",
                                           "qnn", "gpu",  "edgetpu",  "delegate", NULL};
static const struct {
    const char *listed; /* as the library names it among those that it was built with */
    const char *name;
    appender *append;
} PROVIDERS[] = {
    {"CPUExecutionProvider", "CPU", NULL},
    {"CUDAExecutionProvider", "CUDA", append_cuda},
    {"TensorrtExecutionProvider", "TensorRT", append_tensorrt},
    {"OpenVINOExecutionProvider", "OpenVINO", append_by_name},
    {"XnnpackExecutionProvider", "XNNPACK", append_by_name},
    {"QNNExecutionProvider", "QNN", append_by_name},
};

static bool is_listed(const OrtApi *api, const char *listed) {
    char **names = NULL;
    int count = 0;
    OrtStatus *said = api->GetAvailableProviders(&names, &count);
    if (said != NULL) {
        api->ReleaseStatus(said);
        return false;
    }
    bool found = false;
    for (int i = 0; i < count; i++) {
        found = found || strcmp(names[i], listed) == 0;
    }
    said = api->ReleaseAvailableProviders(names, count);
    if (said != NULL) {
        api->ReleaseStatus(said);
    }
    return found;
}

static bool has_provider(const struct inference_library *library, uint8_t provider,
                         struct error *err) {
    assert(provider < INFERENCE_PROVIDERS_MAX);
    if (provider >= sizeof(PROVIDERS) / sizeof(PROVIDERS[0])) {
        return fail(err, STATUS_NOT_FOUND, "ONNX Runtime has no such provider") == STATUS_OK;
    }
    if (PROVIDERS[provider].append == NULL || is_listed(library->api, PROVIDERS[provider].listed)) {
        return true;
    }
    (void)fail(err, STATUS_NOT_FOUND, "this ONNX Runtime was built without it");
    return false;
}

bool inference_provider_is_here(uint8_t provider, struct error *err) {
    const struct inference_library *library;
    return inference_library_use(&library, err) == STATUS_OK &&
           has_provider(library, provider, err);
}

bool inference_provider_append(const struct inference_library *library, uint8_t provider,
                               struct OrtSessionOptions *options, struct error *err) {
    if (!has_provider(library, provider, err)) {
        return false;
    }
    return PROVIDERS[provider].append == NULL ||
           inference_library_took(
               library, PROVIDERS[provider].append(library->api, options, PROVIDERS[provider].name),
               STATUS_SYSTEM, err) == STATUS_OK;
}

bool inference_provider_begins(uint8_t provider, struct error *err) {
    const struct inference_library *library;
    OrtSessionOptions *options = NULL;
    if (inference_library_use(&library, err) != STATUS_OK ||
        inference_library_took(library, library->api->CreateSessionOptions(&options), STATUS_SYSTEM,
                               err) != STATUS_OK) {
        return false;
    }
    const bool begins = inference_provider_append(library, provider, options, err);
    library->api->ReleaseSessionOptions(options);
    return begins;
}
