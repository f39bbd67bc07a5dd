// SPDX-License-Identifier: Apache-2.0
#include "platform/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static status load(struct library *library, struct error *err) {
    void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        return fail(err, STATUS_NOT_FOUND, "the library %s is not there: install the package %s",
                    library->file, library->package);
    }
    for (size_t i = 0; library->functions[i] != NULL; i++) {
        void *function = dlsym(handle, library->functions[i]);
        if (function == NULL) {
            (void)dlclose(handle);
            return fail(err, STATUS_NOT_FOUND, "the library %s has no '%s': is it too old?",
                        library->file, library->functions[i]);
        }
        /* C has no cast for this. */
        (void)memcpy((char *)library->table + i * sizeof(function), &function, sizeof(function));
    }
    library->handle = handle;
    return STATUS_OK;
}

status library_use(struct library *library, struct error *err) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_mutex_lock(&mutex);
    const status code = library->handle != NULL ? STATUS_OK : load(library, err);
    (void)pthread_mutex_unlock(&mutex);
    return code;
}
