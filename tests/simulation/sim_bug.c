// SPDX-License-Identifier: Apache-2.0
#include "sim_bug.h"

const struct sim_plant SIM_PLANTS[] = {
    {SIM_SEQ_AGAIN, "I2", "after a power cut the last seq is given once more"},
    {SIM_SEQ_SKIPPED, "I2", "after a power cut a seq is left out"},
    {SIM_UNCOMMITTED_READ, "I3", "reads see what is not committed"},
    {SIM_ANSWER_TOO_SOON, "I4", "the hub answers before its commit"},
    {SIM_CURSOR_ALONE, "I4", "a crash of the hub leaves the cursor without its records"},
    {SIM_OTHER_BYTES, "I5", "the hub stores other bytes than it has checked"},
    {SIM_CHAIN_UNCHECKED, "I5", "neither end compares chain values"},
    {SIM_PAYLOAD_CHANGED, "I5", "a byte is another before it is chained"},
    {SIM_STORED_AGAIN, "I6", "the range check is off by one"},
    {SIM_OLD_ANSWER, "I7", "a hub that was put back answers what it held before"},
    {SIM_ROLLBACK_UNHEARD, "I7", "a device does not send again what the hub lost"},
    {SIM_PURGED_UNSENT, "I8", "what is not acknowledged goes without a gap"},
    {SIM_GAP_UNCOUNTED, "I9", "the hub counts a gap one short"},
    {SIM_RENUMBER_LOSES, "I9", "the last record of a lane does not go on in the new stream"},
    {SIM_PROMISE_LOST, "I9", "a record is promised to the application and not kept"},
    {SIM_POISON_BLOCKS, "I10", "the hub refuses a frame for one bad record"},
    {SIM_DAMAGE_BLOCKS, "I10", "a device never mends a damaged record"},
    {SIM_FORK_MERGED, "I11", "the hub hangs another chain on to its own"},
    {SIM_FORK_OVERWRITES, "I11", "the hub gives up what a restored device does not have"},
    {SIM_URGENT_EVICTED, "I12", "a full store takes what is urgent"},
    {SIM_MARK_NEEDS_ROOM, "I12", "a full store takes no acknowledgement"},
    {SIM_WALL_ORDERS, "I13", "a renumbered lane is in the order of the wall clock"},
    {SIM_URGENT_WAITS, "I15", "the sender is told of what is urgent when it is late"},
    {SIM_READ_UNBOUNDED, "I16", "a read hands out more than was asked for"},
};
