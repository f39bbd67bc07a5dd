/*
 * hub_result_row: a result of hub.db as JSON, as people, programs and destinations get it.
 *
 * {"id","device","device_name","workflow","name","run","lane","priority","created_at","arrived_at",
 *  "clock","result"}: a device's own line (wire/record_line) and where it came from.
 *
 * Thread: the connection's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/id.h"
#include "platform/database.h"

/* The columns that every statement begins with whose rows are written here. */
enum hub_result_column {
    ROW_NUMBER,
    ROW_LANE,
    ROW_SEQ,
    ROW_PRIORITY,
    ROW_WALL_MS,
    ROW_ARRIVED_MS,
    ROW_WORKFLOW,
    ROW_NAME,
    ROW_RUN,
    ROW_BODY,
    ROW_FIRST_ID,
    ROW_STREAM_ID,
    ROW_DEVICE_ID,
    ROW_DEVICE_NAME,
    ROW_DEVICE_LABELS,
    ROW_HEAD
};

/* The public id of the row's result. */
struct id hub_result_row_id(const struct query *query);

/* Appends the object, without a line end; "result" is its last member. */
void hub_result_row_write(struct buffer *out, const struct query *query);
