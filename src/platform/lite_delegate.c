// SPDX-License-Identifier: Apache-2.0
#include "platform/lite_delegate.h"

#include <stdlib.h>
#include <string.h>

#include "platform/inference.h"
#include "platform/library.h"

/* As TensorFlow Lite's own wrapper calls a library of a delegate: names and values of settings, how
 * many, and who is told what is wrong. */
struct plugin_api {
    struct TfLiteDelegate *(*create)(char **names, char **values, size_t count,
                                     void (*report)(const char *text));
    void (*destroy)(struct TfLiteDelegate *delegate);
};
static const char *const PLUGIN_FUNCTIONS[] = {"tflite_plugin_create_delegate",
                                               "tflite_plugin_destroy_delegate", NULL};

static const char *const GPU_FUNCTIONS[] = {"TfLiteGpuDelegateV2Create",
                                            "TfLiteGpuDelegateV2Delete", NULL};

static status finish(struct lite_delegate *delegate, const char *name, struct error *err) {
    return delegate->delegate != NULL
               ? STATUS_OK
               : fail(err, STATUS_SYSTEM, "%s would not begin on this machine", name);
}

static status create_xnnpack(const struct lite_library *library, struct lite_delegate *delegate,
                             struct error *err) {
    if (library->xnnpack.create == NULL) {
        return fail(err, STATUS_NOT_FOUND, "this TensorFlow Lite was built without it");
    }
    delegate->destroy = library->xnnpack.destroy;
    delegate->delegate = library->xnnpack.create(NULL);
    return finish(delegate, "XNNPACK", err);
}

static status create_gpu(const struct lite_library *library, struct lite_delegate *delegate,
                         struct error *err) {
    static struct lite_xnnpack_api gpu; /* the same two functions by other names */
    static struct library file = {.file = "libtensorflowlite_gpu_delegate.so",
                                  .package = "of TensorFlow Lite's GPU delegate",
                                  .functions = GPU_FUNCTIONS,
                                  .table = &gpu};
    (void)library;
    TRY(library_use(&file, err));
    delegate->destroy = gpu.destroy;
    delegate->delegate = gpu.create(NULL);
    return finish(delegate, "the GPU delegate", err);
}

static status create_edgetpu(const struct lite_library *library, struct lite_delegate *delegate,
                             struct error *err) {
    static struct plugin_api edgetpu;
    static struct library file = {.file = "libedgetpu.so.1",
                                  .package = "libedgetpu1-std",
                                  .functions = PLUGIN_FUNCTIONS,
                                  .table = &edgetpu};
    (void)library;
    TRY(library_use(&file, err));
    delegate->destroy = edgetpu.destroy;
    delegate->delegate = edgetpu.create(NULL, NULL, 0, NULL);
    return finish(delegate, "the Edge TPU", err);
}

/* The variable is looked at once: what was loaded stays so. */
static status create_named(const struct lite_library *library, struct lite_delegate *delegate,
                           struct error *err) {
    static struct plugin_api named;
    static struct library file = {
        .package = "that it comes with", .functions = PLUGIN_FUNCTIONS, .table = &named};
    const char *path = getenv("EBB_TENSORFLOW_LITE_DELEGATE");
    (void)library;
    if (path == NULL || path[0] == '\0') {
        return fail(err, STATUS_NOT_FOUND, "EBB_TENSORFLOW_LITE_DELEGATE names no library");
    }
    if (file.handle == NULL) {
        file.file = path;
    }
    TRY(library_use(&file, err));
    delegate->destroy = named.destroy;
    delegate->delegate = named.create(NULL, NULL, 0, NULL);
    return finish(delegate, "the delegate of EBB_TENSORFLOW_LITE_DELEGATE", err);
}

static const struct {
    const char *word;
    status (*create)(const struct lite_library *library, struct lite_delegate *delegate,
                     struct error *err);
} DELEGATES[] = {
    {"xnnpack", create_xnnpack},
    {"gpu", create_gpu},
    {"edgetpu", create_edgetpu},
    {"delegate", create_named},
};

status lite_delegate_create(const struct lite_library *library, uint8_t provider,
                            struct lite_delegate *out_delegate, struct error *err) {
    *out_delegate = (struct lite_delegate){0};
    if (provider == 0) {
        return STATUS_OK;
    }
    for (size_t i = 0; i < sizeof(DELEGATES) / sizeof(DELEGATES[0]); i++) {
        if (strcmp(DELEGATES[i].word, INFERENCE_PROVIDERS[provider]) == 0) {
            return DELEGATES[i].create(library, out_delegate, err);
        }
    }
    return fail(err, STATUS_NOT_FOUND, "TensorFlow Lite has no such provider");
}

void lite_delegate_destroy(struct lite_delegate *delegate) {
    if (delegate->delegate != NULL) {
        delegate->destroy(delegate->delegate);
    }
    *delegate = (struct lite_delegate){0};
}
