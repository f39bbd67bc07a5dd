/*
 * login: passwords are checked, sessions begin and end.
 *
 *   POST /v1/login     {"name","password"}    a cookie, and who it is; 401: one of them is wrong
 *   POST /v1/password  {"old","new"}          of who is logged in; their other sessions end
 *   POST /v1/logout                           the session ends
 *
 * A password is checked on a worker of its own, one at a time, since it takes a tenth of a second
 * and 64 MiB: LOGIN_WAITING_MAX may wait. Whoever is wrong ten times in a row is locked for a
 * quarter of an hour, and a source that is wrong too often waits (hub/attempts). All of that is a
 * deed.
 *
 * Thread: loop. Survives: sessions and locks.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/people/guard.h"

enum { LOGIN_WAITING_MAX = 16, LOGIN_BODY_BYTES_MAX = 4096 };

struct login;

struct login_options {
    struct loop *loop; /* not owned, as all here */
    struct reader *reader;
    struct ingest *ingest;
    struct attempts *attempts;
    const struct guard *guard;
};

status login_create(const struct login_options *options, struct login **out_login,
                    struct error *err);

/* Reader and ingest have ended. NULL is fine. */
void login_destroy(struct login *login);

/* Takes the request and answers it; of `caller` a session is needed but to log in (NULL). */
void login_take(struct login *login, struct http_request *request);
void login_change_password(struct login *login, struct http_request *request,
                           const struct caller *caller);
void login_end(struct login *login, struct http_request *request, const struct caller *caller);
