// SPDX-License-Identifier: Apache-2.0
#include "sim_account.h"

#include <malloc.h>
#include <stddef.h>

#include "base/memory.h"

/* The linker's names for the door itself and for what stands in front of it. */
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming,cert-dcl*)
void *__real_memory_new(size_t count, size_t bytes_each);
void *__real_memory_resize(void *block, size_t bytes);
void __real_memory_free(void *block);
void *__wrap_memory_new(size_t count, size_t bytes_each);
void *__wrap_memory_resize(void *block, size_t bytes);
void __wrap_memory_free(void *block);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming,cert-dcl*)

static struct sim_account *current;

struct sim_account *sim_account_begin(struct sim_account *account) {
    current = account;
    return account;
}

void sim_account_end(struct sim_account **account) {
    (void)account;
    current = NULL;
}

static void count(int64_t bytes) {
    if (current != NULL) {
        current->bytes += bytes;
        current->bytes_most =
            current->bytes > current->bytes_most ? current->bytes : current->bytes_most;
    }
}

static int64_t bytes_of(void *block) {
    return block != NULL ? (int64_t)malloc_usable_size(block) : 0;
}

void *__wrap_memory_new(size_t count_each, size_t bytes_each) {
    void *block = __real_memory_new(count_each, bytes_each);
    count(bytes_of(block));
    return block;
}

void *__wrap_memory_resize(void *block, size_t bytes) {
    const int64_t before = bytes_of(block);
    void *resized = __real_memory_resize(block, bytes);
    count(resized != NULL ? bytes_of(resized) - before : 0);
    return resized;
}

void __wrap_memory_free(void *block) {
    count(-bytes_of(block));
    __real_memory_free(block);
}
