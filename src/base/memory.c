// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static atomic_size_t asked;
static atomic_long fail_index = -1;
static atomic_bool fail_forever;

static bool may_allocate(void) {
    const long index = atomic_load_explicit(&fail_index, memory_order_relaxed);
    if (index < 0) {
        return true;
    }
    const long number = (long)atomic_fetch_add(&asked, 1);
    return atomic_load(&fail_forever) ? number < index : number != index;
}

void *memory_new(size_t count, size_t bytes_each) {
    if (!may_allocate() || (bytes_each != 0 && count > SIZE_MAX / bytes_each)) {
        return NULL;
    }
    const bool none = count == 0 || bytes_each == 0;
    return none ? calloc(1, 1) : calloc(count, bytes_each);
}

void *memory_resize(void *block, size_t bytes) {
    if (!may_allocate()) {
        return NULL;
    }
    return realloc(block, bytes > 0 ? bytes : 1);
}

void memory_free(void *block) {
    free(block);
}

void memory_give_back(void) {
    (void)malloc_trim(0);
}

size_t memory_fail_at(long index, int forever) {
    const size_t before = atomic_exchange(&asked, 0);
    atomic_store(&fail_forever, forever != 0);
    atomic_store(&fail_index, index);
    return before;
}
