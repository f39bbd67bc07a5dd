/*
 * sim_account: how much memory a sender has, counted at base/memory's door.
 *
 * The linker puts the counting in front of memory_new, memory_resize and memory_free; it counts
 * between begin and end alone. What zstd takes for itself does not pass there; its bound is that of
 * its level.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

struct sim_account {
    int64_t bytes, bytes_most;
};

/* What is taken and given back from now on is this account's. */
struct sim_account *sim_account_begin(struct sim_account *account);
void sim_account_end(struct sim_account **account);
