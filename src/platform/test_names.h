/*
 * test_names: whether this machine knows the one name that tests look up. For unit tests alone.
 *
 * Thread: the test's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A bare root has no /etc/hosts: the test is skipped there. */
static inline void need_localhost(void) {
    struct addrinfo *found = NULL;
    if (getaddrinfo("localhost", NULL, NULL, &found) != 0) {
        print_message("# this machine does not know the name 'localhost': see /etc/hosts\n");
        skip();
    }
    freeaddrinfo(found);
}
