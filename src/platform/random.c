// SPDX-License-Identifier: Apache-2.0
#include "platform/random.h"

#include <assert.h>
#include <sodium.h>

enum { STOCK_IDS = 32 };

/* The kernel is asked for many at a time, since each question is a system call. Used bits are
 * wiped, and no child of ours goes on after a fork without an exec, so no id is given twice. */
static _Thread_local struct {
    struct id ids[STOCK_IDS];
    int left;
} stock;

struct id random_id(void) {
    if (stock.left == 0) {
        randombytes_buf(stock.ids, sizeof(stock.ids));
        stock.left = STOCK_IDS;
    }
    const struct id id = stock.ids[--stock.left];
    stock.ids[stock.left] = (struct id){0};
    return id;
}

uint32_t random_below(uint32_t below) {
    assert(below > 0);
    return randombytes_uniform(below);
}
