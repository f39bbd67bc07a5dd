// SPDX-License-Identifier: Apache-2.0
#include "platform/lite_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/file.h"

enum { PATH_BYTES_MAX = 4096 };

#define FILE_NAME "libtensorflowlite_c.so"

static const char *const FUNCTIONS[] = {
    "TfLiteVersion",
    "TfLiteModelCreate",
    "TfLiteModelDelete",
    "TfLiteInterpreterOptionsCreate",
    "TfLiteInterpreterOptionsDelete",
    "TfLiteInterpreterOptionsSetNumThreads",
    "TfLiteInterpreterOptionsAddDelegate",
    "TfLiteInterpreterOptionsSetErrorReporter",
    "TfLiteInterpreterCreate",
    "TfLiteInterpreterDelete",
    "TfLiteInterpreterAllocateTensors",
    "TfLiteInterpreterResetVariableTensors",
    "TfLiteInterpreterInvoke",
    "TfLiteInterpreterGetInputTensorCount",
    "TfLiteInterpreterGetInputTensor",
    "TfLiteInterpreterGetOutputTensorCount",
    "TfLiteInterpreterGetOutputTensor",
    "TfLiteTensorType",
    "TfLiteTensorNumDims",
    "TfLiteTensorDim",
    "TfLiteTensorByteSize",
    "TfLiteTensorData",
    "TfLiteTensorName",
    "TfLiteTensorCopyFromBuffer",
    NULL,
};
static const char *const XNNPACK_FUNCTIONS[] = {"TfLiteXNNPackDelegateCreate",
                                                "TfLiteXNNPackDelegateDelete", NULL};

_Static_assert(sizeof(struct lite_api) == sizeof(FUNCTIONS) - sizeof(FUNCTIONS[0]),
               "a name for each function");

/* *out_name is what was opened, for sentences. */
static void *open_file(const char **out_name, struct error *err) {
    static char beside[PATH_BYTES_MAX];
    const char *named = getenv("EBB_TENSORFLOW_LITE");
    if (named != NULL && named[0] != '\0') {
        *out_name = named;
        void *handle = dlopen(named, RTLD_NOW | RTLD_LOCAL);
        if (handle == NULL) {
            (void)fail(err, STATUS_NOT_FOUND, "load TensorFlow Lite, EBB_TENSORFLOW_LITE: %.300s",
                       dlerror());
        }
        return handle;
    }
    (void)snprintf(beside, sizeof(beside), "%s/../lib/ebb/" FILE_NAME, file_program_folder());
    *out_name = beside;
    void *handle = dlopen(beside, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        *out_name = FILE_NAME;
        handle = dlopen(FILE_NAME, RTLD_NOW | RTLD_LOCAL);
    }
    if (handle == NULL) {
        (void)fail(err, STATUS_NOT_FOUND,
                   "TensorFlow Lite is not here: put " FILE_NAME " into lib/ebb beside ebb's "
                   "programs, or let EBB_TENSORFLOW_LITE name it");
    }
    return handle;
}

/* The name of the function that is missing, or NULL. */
static const char *fill_table(void *handle, const char *const *functions, void *table) {
    for (size_t i = 0; functions[i] != NULL; i++) {
        void *function = dlsym(handle, functions[i]);
        if (function == NULL) {
            return functions[i];
        }
        /* C has no cast for this. */
        (void)memcpy((char *)table + i * sizeof(function), &function, sizeof(function));
    }
    return NULL;
}

static status load(struct lite_library *library, struct error *err) {
    const char *name;
    struct lite_library loaded = {0};
    void *handle = open_file(&name, err);
    if (handle == NULL) {
        return STATUS_NOT_FOUND;
    }
    const char *missing = fill_table(handle, FUNCTIONS, &loaded.api);
    if (missing != NULL) {
        (void)dlclose(handle);
        return fail(err, STATUS_INVALID,
                    "%.200s is no TensorFlow Lite from release 2.2 on: it "
                    "has no %s",
                    name, missing);
    }
    if (fill_table(handle, XNNPACK_FUNCTIONS, &loaded.xnnpack) != NULL) {
        loaded.xnnpack = (struct lite_xnnpack_api){0};
    }
    *library = loaded;
    return STATUS_OK;
}

status lite_library_use(const struct lite_library **out_library, struct error *err) {
    static struct lite_library library;
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_mutex_lock(&mutex);
    const status code = library.api.version != NULL ? STATUS_OK : load(&library, err);
    (void)pthread_mutex_unlock(&mutex);
    if (code == STATUS_OK) {
        *out_library = &library;
    }
    return code;
}
