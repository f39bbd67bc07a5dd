// SPDX-License-Identifier: Apache-2.0
#include "platform/inference_provider.h"

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

const char *const INFERENCE_PROVIDERS[] = {"cpu",     "cuda", "tensorrt", "openvino",
                                           "xnnpack", "qnn",  NULL};
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

static bool has_provider(const OrtApi *api, const char *listed) {
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

bool inference_provider_append(const struct inference_library *library, uint8_t provider,
                               struct OrtSessionOptions *options, struct error *err) {
    if (PROVIDERS[provider].append == NULL) {
        return true;
    }
    if (!has_provider(library->api, PROVIDERS[provider].listed)) {
        (void)fail(err, STATUS_NOT_FOUND, "this ONNX Runtime was built without it");
        return false;
    }
    return inference_library_took(
               library, PROVIDERS[provider].append(library->api, options, PROVIDERS[provider].name),
               STATUS_SYSTEM, err) == STATUS_OK;
}
