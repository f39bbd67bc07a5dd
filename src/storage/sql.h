/*
 * sql: the statements of sql/NAME.sql, embedded by the build as SQL_NAME.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

extern const char SQL_SCHEMA_1[];
extern const char SQL_SCHEMA_2[];

extern const char SQL_BLOB_DELETE[];
extern const char SQL_BLOB_HOLD[];
extern const char SQL_BLOB_KNOWN[];
extern const char SQL_BLOB_OVER[];
extern const char SQL_BLOB_SUM[];
extern const char SQL_BLOB_TIME[];
extern const char SQL_BLOB_UNHELD[];
extern const char SQL_BOOT_DELETE[];
extern const char SQL_BOOT_LIST[];
extern const char SQL_BOOT_MEND[];
extern const char SQL_BOOT_NUMBERS[];
extern const char SQL_BOOT_PUT[];
extern const char SQL_CURSOR_GET[];
extern const char SQL_CURSOR_MOVE[];
extern const char SQL_CURSOR_NUMBERS[];
extern const char SQL_CURSOR_PUT[];
extern const char SQL_DELIVERED_PUT[];
extern const char SQL_DELIVERED_TRIM[];
extern const char SQL_GAP_SUM[];
extern const char SQL_LANE_GET[];
extern const char SQL_LANE_PUT[];
extern const char SQL_LATEST_DELETE[];
extern const char SQL_LATEST_GET[];
extern const char SQL_LATEST_MOVE[];
extern const char SQL_LATEST_NEXT[];
extern const char SQL_LATEST_PUT[];
extern const char SQL_MISSED_ADD[];
extern const char SQL_MISSED_LIST[];
extern const char SQL_NEWEST_WALL[];
extern const char SQL_QUARANTINE_GET[];
extern const char SQL_QUARANTINE_LIST[];
extern const char SQL_QUARANTINE_PUT[];
extern const char SQL_QUARANTINE_SUM[];
extern const char SQL_QUARANTINE_TRIM[];
extern const char SQL_RECORD_BACK[];
extern const char SQL_RECORD_BOOT[];
extern const char SQL_RECORD_BY_FIRST_ID[];
extern const char SQL_RECORD_COPY[];
extern const char SQL_RECORD_DELETE[];
extern const char SQL_RECORD_DUE[];
extern const char SQL_RECORD_FIRST[];
extern const char SQL_RECORD_FOR[];
extern const char SQL_RECORD_GET[];
extern const char SQL_RECORD_LAST[];
extern const char SQL_RECORD_MEND[];
extern const char SQL_RECORD_PUT[];
extern const char SQL_RECORD_PUT_GAP[];
extern const char SQL_RECORD_RANGE[];
extern const char SQL_RECORD_SET_CHAIN[];
extern const char SQL_RECORD_SUM[];
extern const char SQL_RESULT_BACK[];
extern const char SQL_RUN_COUNT[];
extern const char SQL_RUN_DELETE[];
extern const char SQL_RUN_EACH[];
extern const char SQL_RUN_LIST[];
extern const char SQL_RUN_PUT[];
extern const char SQL_RUN_STATE[];
extern const char SQL_SALVAGE_CLAMP[];
extern const char SQL_SALVAGE_COMPLETE[];
extern const char SQL_SCHEMA_TEXT[];
extern const char SQL_SEEN_DELETE[];
extern const char SQL_SEEN_LIST[];
extern const char SQL_SEEN_PUT[];
extern const char SQL_STATE_DELETE[];
extern const char SQL_STATE_EXPIRE[];
extern const char SQL_STATE_PUT[];
extern const char SQL_STEP_DELETE[];
extern const char SQL_STEP_LIST[];
extern const char SQL_STEP_PUT[];
extern const char SQL_STREAM_BEGIN[];
extern const char SQL_STREAM_LIST[];
extern const char SQL_SYNC_ROUND_PUT[];
extern const char SQL_SYNC_ROUND_TRIM[];
extern const char SQL_WORKFLOW_DELETE[];
extern const char SQL_WORKFLOW_LIST[];
extern const char SQL_WORKFLOW_MEND[];
extern const char SQL_WORKFLOW_PUT[];
extern const char SQL_WORKFLOW_UNUSED[];
