/*
 * hub_sql: the statements of sql/hub_NAME.sql, embedded by the build as SQL_HUB_NAME.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

extern const char SQL_HUB_SCHEMA_1[];
extern const char SQL_HUB_SCHEMA_2[];
extern const char SQL_HUB_SCHEMA_3[];
extern const char SQL_HUB_SCHEMA_4[];
extern const char SQL_HUB_SCHEMA_5[];
extern const char SQL_HUB_SCHEMA_6[];
extern const char SQL_HUB_SCHEMA_7[];
extern const char SQL_HUB_SCHEMA_8[];

extern const char SQL_HUB_BACKED_UP[];
extern const char SQL_HUB_BACKUP_DROP[];
extern const char SQL_HUB_BACKUP_FILE_GET[];
extern const char SQL_HUB_BACKUP_FILE_PUT[];
extern const char SQL_HUB_BACKUP_GET[];
extern const char SQL_HUB_BACKUP_PUT[];
extern const char SQL_HUB_BACKUP_SCHEMA[];
extern const char SQL_HUB_BEGIN[];
extern const char SQL_HUB_BOOT_GET[];
extern const char SQL_HUB_BOOT_PUT[];
extern const char SQL_HUB_BOOT_TRIM[];
extern const char SQL_HUB_CHAINS[];
extern const char SQL_HUB_CHECK_LANE[];
extern const char SQL_HUB_CHECK_ROWS[];
extern const char SQL_HUB_CONNECTION[];
extern const char SQL_HUB_COUNTED_GET[];
extern const char SQL_HUB_COUNTED_SET[];
extern const char SQL_HUB_COUNT_ALL[];
extern const char SQL_HUB_COUNT_BACKUP[];
extern const char SQL_HUB_CURSOR_ALL[];
extern const char SQL_HUB_CURSOR_ANCHOR[];
extern const char SQL_HUB_CURSOR_COUNT[];
extern const char SQL_HUB_CURSOR_GET[];
extern const char SQL_HUB_CURSOR_PUT[];
extern const char SQL_HUB_DELIVERY_LAST[];
extern const char SQL_HUB_DELIVERY_PUT[];
extern const char SQL_HUB_DEVICE_NAMED[];
extern const char SQL_HUB_GET[];
extern const char SQL_HUB_QUARANTINE_CHAIN[];
extern const char SQL_HUB_QUARANTINE_PUT[];
extern const char SQL_HUB_RECORD_FIND[];
extern const char SQL_HUB_RECORD_HEAD[];
extern const char SQL_HUB_RECORD_LAST[];
extern const char SQL_HUB_RECORD_PUT[];
extern const char SQL_HUB_REMOVED_ADD[];
extern const char SQL_HUB_REMOVED_DELIVERIES[];
extern const char SQL_HUB_REMOVED_RECORDS[];
extern const char SQL_HUB_RESULTS_BY_DEVICE[];
extern const char SQL_HUB_RESULTS_BY_NUMBER[];
extern const char SQL_HUB_RESULTS_BY_WORKFLOW[];
extern const char SQL_HUB_RESULTS_SINCE[];
extern const char SQL_HUB_RESULT_FIRST_ID[];
extern const char SQL_HUB_RESULT_GET[];
extern const char SQL_HUB_SEGMENT_EXTEND[];
extern const char SQL_HUB_SEGMENT_OLDEST[];
extern const char SQL_HUB_SEGMENT_PUT[];
extern const char SQL_HUB_SEGMENT_REMOVE[];
extern const char SQL_HUB_SEGMENT_SCAN[];
extern const char SQL_HUB_STORE_SET[];
extern const char SQL_HUB_STREAM_GET[];
extern const char SQL_HUB_STREAM_LAST[];
extern const char SQL_HUB_STREAM_PREFIX[];
extern const char SQL_HUB_STREAM_PUT[];
extern const char SQL_HUB_TALLY_ADD[];
extern const char SQL_HUB_TALLY_LIST[];
extern const char SQL_HUB_UNCLEAR_BEGIN[];
extern const char SQL_HUB_UNCLEAR_DATE[];
extern const char SQL_HUB_UNCLEAR_NEXT[];
extern const char SQL_HUB_UNCLEAR_PUT[];
extern const char SQL_HUB_UNCLEAR_RECORDS[];
extern const char SQL_HUB_UNCLEAR_REMOVE[];
extern const char SQL_HUB_USE_ADD[];
extern const char SQL_HUB_USE_LIST[];
extern const char SQL_HUB_USE_REMOVE[];
