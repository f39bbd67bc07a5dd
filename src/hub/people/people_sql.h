/*
 * people_sql: the statements of sql/NAME.sql, embedded by the build as SQL_NAME.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

extern const char SQL_ANSWER_GET[];
extern const char SQL_ANSWER_PUT[];
extern const char SQL_ANSWER_TRIM[];
extern const char SQL_DEED_LAST[];
extern const char SQL_DEED_LIST[];
extern const char SQL_DEED_PUT[];
extern const char SQL_DEED_TRIM[];
extern const char SQL_PERSON_ADMINS[];
extern const char SQL_PERSON_GET[];
extern const char SQL_PERSON_LIST[];
extern const char SQL_PERSON_PUT[];
extern const char SQL_PERSON_REMOVE[];
extern const char SQL_SESSION_END[];
extern const char SQL_SESSION_END_ALL[];
extern const char SQL_SESSION_GET[];
extern const char SQL_SESSION_LIST[];
extern const char SQL_SESSION_OLDEST[];
extern const char SQL_SESSION_PUT[];
extern const char SQL_SESSION_SEEN[];
extern const char SQL_SESSION_TRIM[];
