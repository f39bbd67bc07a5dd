// SPDX-License-Identifier: Apache-2.0
/* Put in front of the C library (LD_PRELOAD): the name `stuck.invalid` is looked up for ever, as
 * with a name server that a broken line swallows. */
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out_found) {
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
    void *found = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&next, &found, sizeof next);
    while (name != NULL && strcmp(name, "stuck.invalid") == 0) {
        (void)pause();
    }
    return next(name, service, hints, out_found);
}
