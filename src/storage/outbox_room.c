// SPDX-License-Identifier: Apache-2.0
#include "storage/outbox_room.h"

#include "storage/outbox_gap.h"

void outbox_set_budget(struct outbox *box, int64_t bytes) {
    static const int PERCENT[LANE_COUNT] = {4, 12, 20, 30, 10, 10, 4, 10};
    for (int i = 0; i < LANE_COUNT; i++) {
        box->budgets[i] = bytes / 100 * PERCENT[i];
    }
}

status outbox_room_for(struct outbox *box, enum lane lane, int64_t cost,
                       const struct store_job *job, struct error *err) {
    (void)job;
    const struct lane_head *head = &outbox_stream(box)->lanes[lane];
    if (head->bytes + cost > box->budgets[lane]) {
        return fail(err, STATUS_FULL, "lane '%s' holds its %lld bytes", lane_name(lane),
                    (long long)box->budgets[lane]);
    }
    return STATUS_OK;
}
