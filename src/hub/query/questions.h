/*
 * questions: who asks the hub in SQL, each answered by a process of its own (ebb-query).
 *
 *   GET  /v1/query?sql=SELECT...&format=json|jsonl|csv|table&seconds=10&rows=1000
 *   POST /v1/query?format=...    the question is the body: for long ones
 *   GET  /v1/query               what can be asked: {"tables":[{"name","help","columns":[...]}]}
 *
 * QUESTIONS_AT_ONCE are under way and QUESTIONS_WAITING_MAX wait; more are told to come again. What
 * a process writes goes on to who asked as fast as that is taken, and no faster: it waits, and its
 * time goes on. Who leaves has the process killed, and so has a question that does not end by
 * itself. An answer that fails behind its first rows is cut off, unless it is JSON, which says so.
 *
 * Who may ask is not decided here. Thread: loop. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "platform/http_server.h"
#include "platform/loop.h"

enum { QUESTIONS_AT_ONCE = 2, QUESTIONS_WAITING_MAX = 8 };

struct questions;

/* `path` is the database, which is there. */
status questions_create(struct loop *loop, const char *path, struct questions **out_questions,
                        struct error *err);

/* Answers the request, now or later. */
void questions_take(struct questions *questions, struct http_request *request);

/* Ends all of them, before a port that they came through is closed; who waits is told. */
void questions_end(struct questions *questions);
void questions_destroy(struct questions *questions); /* NULL is fine */
