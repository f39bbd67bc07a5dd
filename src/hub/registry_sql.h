/*
 * registry_sql: the statements of sql/NAME.sql, embedded by the build as SQL_NAME.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

extern const char SQL_ACCESS_GET[];
extern const char SQL_ACCESS_HAS_RESULT[];
extern const char SQL_ACCESS_IS_PROGRAM[];
extern const char SQL_ACCESS_LIST[];
extern const char SQL_ACCESS_PUT[];
extern const char SQL_ACCESS_REMOVE[];
extern const char SQL_ACCESS_STATE[];
extern const char SQL_ACCESS_USED[];
extern const char SQL_ALARM_COUNT[];
extern const char SQL_ALARM_LIST[];
extern const char SQL_ALARM_OF[];
extern const char SQL_ALARM_PUT[];
extern const char SQL_ALARM_SEEN[];
extern const char SQL_ALARM_TRIM[];
extern const char SQL_CERTIFICATE_ALL[];
extern const char SQL_CERTIFICATE_CHILD[];
extern const char SQL_CERTIFICATE_FIND[];
extern const char SQL_CERTIFICATE_GET[];
extern const char SQL_CERTIFICATE_LIST[];
extern const char SQL_CERTIFICATE_MOVE[];
extern const char SQL_CERTIFICATE_OF_KEY[];
extern const char SQL_CERTIFICATE_PUT[];
extern const char SQL_CERTIFICATE_REPLACE[];
extern const char SQL_CERTIFICATE_REVOKE[];
extern const char SQL_DEVICE_ALL[];
extern const char SQL_DEVICE_CONTACT[];
extern const char SQL_DEVICE_GET[];
extern const char SQL_DEVICE_LANES[];
extern const char SQL_DEVICE_LIST[];
extern const char SQL_DEVICE_LOSSES[];
extern const char SQL_DEVICE_NAMED[];
extern const char SQL_DEVICE_PUT[];
extern const char SQL_DEVICE_STREAMS[];
extern const char SQL_FLEET_ALARMS[];
extern const char SQL_FLEET_ARRIVED[];
extern const char SQL_FLEET_CERTIFICATES[];
extern const char SQL_FLEET_COUNT[];
extern const char SQL_FLEET_DEVICES[];
extern const char SQL_FLEET_LOSSES[];
extern const char SQL_FLEET_NEWEST[];
extern const char SQL_FLEET_RECORDS[];
extern const char SQL_FLEET_REPORTS[];
extern const char SQL_HUB_IS_NEW[];
extern const char SQL_TOKEN_FORGET[];
extern const char SQL_TOKEN_GET[];
extern const char SQL_TOKEN_LIST[];
extern const char SQL_TOKEN_PUT[];
extern const char SQL_TOKEN_REMOVE[];
extern const char SQL_TOKEN_USE_COUNT[];
extern const char SQL_TOKEN_USE_FORGET[];
extern const char SQL_TOKEN_USE_GET[];
extern const char SQL_TOKEN_USE_PUT[];
