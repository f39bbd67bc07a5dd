// SPDX-License-Identifier: Apache-2.0
#include "power_desk.h"

#include "platform/database.h"

static const char WAITING[] =
    "SELECT count(*) FROM record r WHERE r.kind >> 20 & ?1 <> 0 AND r.key & 1099511627775 >"
    " ifnull((SELECT sent_seq FROM cursor WHERE destination = 'desk' AND stream = r.key >> 43"
    "   AND lane = (r.key >> 40 & 7)), 0)"
    " AND (?2 < 0 OR (r.key >> 40 & 7 = ?2 AND r.key & 1099511627775 <= ?3))";

/* What waits in a lane up to `seq`; lane -1: in all of them. */
static status count_waiting(const struct power_desk *desk, struct core *core, int lane,
                            uint64_t seq, int64_t *out_count, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(core_database(core), WAITING);
    query_bind_number(&query, (int64_t)desk->bit);
    query_bind_number(&query, lane);
    query_bind_number(&query, (int64_t)seq);
    return query_one_number(&query, out_count, err);
}

status power_desk_open(struct power_desk *desk, struct core *core, struct error *err) {
    const struct slice name = SLICE("desk");
    return core_use_destinations(core, &name, 1, &desk->bit, err);
}

status power_desk_move(struct power_desk *desk, struct core *core, enum lane lane, uint64_t seq,
                       bool gave_up, struct error *err) {
    struct store_job job = {.kind = STORE_DELIVERED,
                            .destination = SLICE("desk"),
                            .lane = lane,
                            .seq = seq,
                            .gave_up = gave_up};
    struct store_job *batch[] = {&job};
    int64_t count = 0;
    TRY(count_waiting(desk, core, (int)lane, seq, &count, err));
    core_run(core, batch, 1);
    if (job.error.code != STATUS_OK) {
        return fail(err, job.error.code, "%.400s", job.error.text);
    }
    desk->arrived += gave_up ? 0 : (uint64_t)count;
    return STATUS_OK;
}

status power_desk_check(const struct power_desk *desk, struct core *core, struct error *err) {
    static const char MISSED[] =
        "SELECT ifnull(sum(value ->> 'count'), 0) FROM state WHERE workflow = ''";
    int64_t waiting = 0;
    int64_t missed = 0;
    TRY(count_waiting(desk, core, -1, 0, &waiting, err));
    CLEANUP(query_done) struct query query = query_on(core_database(core), MISSED);
    TRY(query_one_number(&query, &missed, err));
    if (desk->made == desk->arrived + (uint64_t)waiting + (uint64_t)missed) {
        return STATUS_OK;
    }
    return fail(err, STATUS_CORRUPT,
                "%llu were made for the desk: %llu have arrived, %lld wait, %lld are missed",
                (unsigned long long)desk->made, (unsigned long long)desk->arrived,
                (long long)waiting, (long long)missed);
}
