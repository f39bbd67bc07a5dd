/*
 * test_emulator: what unit tests of another machine cannot ask of qemu-user, which is no kernel.
 *
 * tools/aarch64 says by EBB_EMULATOR that they run under it. Each word below is something that
 * qemu-user 7.2 (Debian 12) does not do; a test that needs it is skipped and says which.
 *
 * For unit tests alone; included behind cmocka.h.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdlib.h>

/* It answers prctl(PR_SET_CHILD_SUBREAPER) with EINVAL: orphans cannot be waited for. */
#define EMULATOR_KEEPS_NO_ORPHANS "qemu-user: no PR_SET_CHILD_SUBREAPER"

/* It takes RLIMIT_AS, RLIMIT_DATA and RLIMIT_STACK and sets none: it would be under them itself. */
#define EMULATOR_LIMITS_NO_MEMORY "qemu-user: RLIMIT_AS is not set"

/* CLONE_VFORK is a fork that nobody waits for, so posix_spawn answers before exec has failed. */
#define EMULATOR_SPAWNS_AT_ONCE "qemu-user: posix_spawn does not hear of a failed exec"

static inline int is_emulated(void) {
    return getenv("EBB_EMULATOR") != NULL;
}

static inline void skip_if_emulated(const char *why) {
    if (is_emulated()) {
        print_message("%s\n", why);
        skip();
    }
}
