// SPDX-License-Identifier: Apache-2.0
/* A delegate of TensorFlow Lite in a library of its own, as an Edge TPU's is: it hands out the
 * XNNPACK of the library that EBB_TENSORFLOW_LITE names. With OUTER_FAILS it would not begin. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *find(const char *name) {
    void *library = dlopen(getenv("EBB_TENSORFLOW_LITE"), RTLD_NOW | RTLD_LOCAL);
    return library != NULL ? dlsym(library, name) : NULL;
}

void *tflite_plugin_create_delegate(char **names, char **values, size_t count,
                                    void (*report)(const char *));
void tflite_plugin_destroy_delegate(void *delegate);

void *tflite_plugin_create_delegate(char **names, char **values, size_t count,
                                    void (*report)(const char *)) {
    void *(*create)(const void *) = NULL;
    void *found = find("TfLiteXNNPackDelegateCreate");
    (void)names, (void)values, (void)count, (void)report;
    memcpy(&create, &found, sizeof create);
    if (create == NULL || getenv("OUTER_FAILS") != NULL) {
        return NULL;
    }
    fprintf(stderr, "outer delegate begins\n");
    return create(NULL);
}

void tflite_plugin_destroy_delegate(void *delegate) {
    void (*destroy)(void *) = NULL;
    void *found = find("TfLiteXNNPackDelegateDelete");
    memcpy(&destroy, &found, sizeof destroy);
    fprintf(stderr, "outer delegate ends\n");
    destroy(delegate);
}
