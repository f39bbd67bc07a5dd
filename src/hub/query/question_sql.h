/*
 * question_sql: the statements of sql/question_NAME.sql, embedded by the build as
 * SQL_QUESTION_NAME.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

extern const char SQL_QUESTION_FACE[];
extern const char SQL_QUESTION_NEWEST[];
extern const char SQL_QUESTION_STREAM[];
extern const char SQL_QUESTION_WORKFLOWS[];
