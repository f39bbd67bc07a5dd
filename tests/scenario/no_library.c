// SPDX-License-Identifier: Apache-2.0
/* Put in front of the C library (LD_PRELOAD): the shared library that NO_LIBRARY names is not
 * there, as on a machine where its package was not installed. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

void *dlopen(const char *name, int flags) {
    void *(*next)(const char *, int) = NULL;
    void *found = dlsym(RTLD_NEXT, "dlopen");
    memcpy(&next, &found, sizeof next);
    const char *missing = getenv("NO_LIBRARY");
    const int is_missing = name != NULL && missing != NULL && strcmp(name, missing) == 0;
    return is_missing ? NULL : next(name, flags);
}
