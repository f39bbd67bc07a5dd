// SPDX-License-Identifier: Apache-2.0
#include "hub/people/login.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "hub/hub_answer.h"
#include "hub/hub_call.h"
#include "hub/people/deed_rows.h"
#include "hub/people/person_rows.h"
#include "hub/people/session_rows.h"
#include "hub/store/hub_store_sqlite.h"
#include "platform/clock.h"
#include "platform/json.h"
#include "platform/worker.h"

enum {
    UNAUTHORIZED = 401,
    TOO_MANY = 429,
    MS_PER_S = 1000,
    NS_PER_MS = 1000000,
    ANSWER_BYTES_MAX = 4096,
    ARENA_BYTES_MAX = 64 << 10
};

struct login {
    struct login_options options;
    struct pool *pool;
    struct trial *trials;
    int waiting;
};

/* A password on its way: the person is read, the password is checked, what follows is written. */
struct trial {
    struct reader_errand reading; /* first */
    struct ingest_job writing;
    struct job checking;
    struct trial *next, *before;
    struct login *login;
    struct http_request *request;
    struct arena arena;
    struct caller caller;               /* its name is that which was typed */
    struct slice password, wish;        /* wish: the new one; empty: to log in */
    struct person_row person;           /* empty verifier: there is none, or it has no password */
    char kept[PASSWORD_VERIFIER_BYTES]; /* of the wish */
    struct session_row session;
    char secret[SESSION_SECRET_BYTES + 1];
    int64_t now_ms;
    bool fits, locks;
};

static void destroy(struct trial *trial) {
    struct login *login = trial->login;
    *(trial->before != NULL ? &trial->before->next : &login->trials) = trial->next;
    if (trial->next != NULL) {
        trial->next->before = trial->before;
    }
    login->waiting--;
    arena_done(&trial->arena);
    memory_free(trial);
}

static int64_t steady_ms(void) {
    return clock_monotonic_ns() / NS_PER_MS;
}

/* --- the end: what is said --- */

static void say_who(const struct caller *caller, struct http_request *request) {
    CLEANUP(buffer_done) struct buffer out;
    buffer_init(&out, ANSWER_BYTES_MAX);
    caller_write(caller, &out);
    hub_answer_json(request, 200, &out);
}

static void refuse(const struct trial *trial, const struct error *err) {
    const struct slice source = slice_of(trial->caller.source);
    if (err->code != STATUS_DENIED) {
        hub_answer_error(trial->request, err);
        return;
    }
    if (attempts_count(trial->login->options.attempts, source, steady_ms())) {
        log_line(LOG_WARN, "hub", "too many wrong passwords: it must wait source=%.*s",
                 SLICE_ARGS(source));
    }
    hub_answer_error_as(trial->request, UNAUTHORIZED, err);
}

static struct trial *of_writing(struct ingest_job *job) {
    return (struct trial *)(void *)((char *)job - offsetof(struct trial, writing));
}

static void written(struct ingest_job *job) {
    struct trial *trial = of_writing(job);
    struct error err = job->error;
    if (err.code == STATUS_OK && !trial->fits) {
        (void)fail(&err, STATUS_DENIED,
                   trial->locks ? "too many wrong passwords for this name: it takes none for 15 "
                                  "minutes (an admin can unlock it)"
                                : "this name and this password do not go together");
    }
    if (err.code != STATUS_OK) {
        refuse(trial, &err);
    } else {
        trial->caller.rights = trial->person.rights;
        trial->caller.must_change = trial->wish.count == 0 && trial->person.must_change;
        guard_set_cookie(trial->login->options.guard, trial->request, trial->secret);
        say_who(&trial->caller, trial->request);
    }
    destroy(trial);
}

/* --- the writing thread: what follows from it --- */

static status note(struct database *database, const struct trial *trial, struct slice what,
                   struct error *err) {
    const struct deed deed = {.wall_ms = trial->now_ms,
                              .what = what,
                              .subject = slice_of(trial->caller.name),
                              .details = slice_of(trial->session.browser)};
    return deed_rows_put(database, &trial->caller, &deed, err);
}

/* The row is read anew: others may have tried meanwhile. */
static status count_wrong(struct database *database, struct trial *trial, struct error *err) {
    struct person_row row;
    const status found = person_rows_get(database, slice_of(trial->caller.name), &row, err);
    if (found == STATUS_NOT_FOUND) {
        return note(database, trial, SLICE("log in, by a name that is none"), err);
    }
    TRY(found);
    if (row.locked_ms <= trial->now_ms) {
        row.wrong++;
    }
    if (row.wrong >= PERSON_WRONG_MAX) {
        row.locked_ms = trial->now_ms + PERSON_LOCKED_MS;
        row.wrong = 0;
        TRY(note(database, trial, SLICE("is locked, after too many wrong passwords"), err));
    }
    trial->locks = row.locked_ms > trial->now_ms;
    TRY(person_rows_put(database, &row, err));
    return note(database, trial, SLICE("log in, with a wrong password"), err);
}

static status change(struct database *database, struct trial *trial, struct error *err) {
    (void)snprintf(trial->person.verifier, sizeof(trial->person.verifier), "%s", trial->kept);
    trial->person.must_change = false;
    TRY(session_rows_end_all(database, slice_of(trial->caller.name), (struct digest){0}, err));
    return note(database, trial, SLICE("change the own password"), err);
}

static status write_all(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    struct trial *trial = of_writing(job);
    struct database *database = hub_store_sqlite_database(lanes_session(lanes));
    if (!trial->fits) {
        return count_wrong(database, trial, err);
    }
    if (trial->wish.count > 0) {
        TRY(change(database, trial, err));
    } else {
        TRY(note(database, trial, SLICE("log in"), err));
    }
    trial->person.wrong = 0;
    trial->person.locked_ms = 0;
    TRY(person_rows_put(database, &trial->person, err));
    session_make(trial->secret, &trial->session.id);
    return session_rows_put(database, &trial->session, err);
}

/* --- the worker: the password is checked --- */

static struct trial *of_checking(struct job *job) {
    return (struct trial *)(void *)((char *)job - offsetof(struct trial, checking));
}

static void check(struct job *job, int worker) {
    struct trial *trial = of_checking(job);
    struct error *err = &trial->reading.error;
    (void)worker;
    trial->fits = password_fits(trial->person.verifier, trial->password);
    trial->locks = trial->person.locked_ms > trial->now_ms;
    trial->fits = trial->fits && !trial->locks;
    if (trial->fits && trial->wish.count > 0) {
        (void)password_keep(trial->wish, trial->kept, err); /* the class is in the error, too */
    }
}

static void checked(struct job *job) {
    struct trial *trial = of_checking(job);
    if (trial->reading.error.code != STATUS_OK) {
        refuse(trial, &trial->reading.error);
        destroy(trial);
        return;
    }
    trial->writing = (struct ingest_job){.work = write_all, .done = written};
    ingest_run(trial->login->options.ingest, &trial->writing);
}

/* --- the reading thread: who that is --- */

static status look(struct reader_errand *reading, struct database *database, struct error *err) {
    struct trial *trial = (struct trial *)reading;
    const status found =
        person_rows_get(database, slice_of(trial->caller.name), &trial->person, err);
    if (found == STATUS_NOT_FOUND) { /* which nobody is to learn from how long it takes */
        trial->person = (struct person_row){.rights = 0};
        *err = (struct error){.code = STATUS_OK};
        return STATUS_OK;
    }
    return found;
}

static void looked(struct reader_errand *reading) {
    struct trial *trial = (struct trial *)reading;
    if (reading->error.code != STATUS_OK) {
        refuse(trial, &reading->error);
        destroy(trial);
        return;
    }
    trial->checking = (struct job){.work = check, .done = checked};
    pool_submit(trial->login->pool, &trial->checking);
}

/* --- the request --- */

static status read_texts(struct trial *trial, const char *const names[], struct slice *out[],
                         struct error *err) {
    struct value body = {.kind = VALUE_NULL};
    if (trial->request->body.count > LOGIN_BODY_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "this has at most %d bytes", LOGIN_BODY_BYTES_MAX);
    }
    TRY(json_read(&trial->arena, trial->request->body, &body, err));
    for (int i = 0; i < 2; i++) {
        *out[i] = hub_call_text(body, names[i]);
        if (out[i]->count == 0) {
            return fail(err, STATUS_INVALID, "this takes {\"%s\":...,\"%s\":...}", names[0],
                        names[1]);
        }
    }
    return STATUS_OK;
}

static status read(struct trial *trial, const struct caller *caller, struct error *err) {
    static const char *const LOG_IN[] = {"name", "password"};
    static const char *const CHANGE[] = {"old", "new"};
    struct slice name = SLICE("");
    if (caller == NULL) {
        TRY(read_texts(trial, LOG_IN, (struct slice *[]){&name, &trial->password}, err));
        TRY(person_check_name(name, err));
        (void)snprintf(trial->caller.name, sizeof(trial->caller.name), "%.*s", SLICE_ARGS(name));
        return STATUS_OK;
    }
    trial->caller = *caller;
    TRY(read_texts(trial, CHANGE, (struct slice *[]){&trial->password, &trial->wish}, err));
    TRY(password_check_length(trial->wish, err));
    return slice_equal(trial->wish, trial->password)
               ? fail(err, STATUS_INVALID, "the new password is the old one")
               : STATUS_OK;
}

static void fill_session(struct trial *trial) {
    struct session_row *session = &trial->session;
    const struct slice browser = slice_of(http_header(trial->request, "User-Agent"));
    session->began_ms = trial->now_ms;
    (void)snprintf(session->person, sizeof(session->person), "%s", trial->caller.name);
    (void)snprintf(session->source, sizeof(session->source), "%s", trial->caller.source);
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 4 * SESSION_BROWSER_BYTES);
    (void)text_repair(&text, slice_part(browser, 0, SESSION_BROWSER_BYTES - 1));
    (void)snprintf(session->browser, sizeof(session->browser), "%.*s",
                   SLICE_ARGS(text_cut(buffer_slice(&text), SESSION_BROWSER_BYTES - 1)));
}

static struct trial *begin(struct login *login, struct http_request *request, struct error *err) {
    struct trial *trial = login->waiting < LOGIN_WAITING_MAX ? memory_new(1, sizeof(*trial)) : NULL;
    if (trial == NULL) {
        (void)fail(err, STATUS_BUSY, "too many passwords are tried at once: try again");
        return NULL;
    }
    *trial = (struct trial){.reading = {.look = look, .done = looked},
                            .login = login,
                            .request = request,
                            .next = login->trials,
                            .now_ms = clock_wall_ms()};
    if (trial->next != NULL) {
        trial->next->before = trial;
    }
    login->trials = trial;
    login->waiting++;
    arena_init(&trial->arena, ARENA_BYTES_MAX);
    return trial;
}

static void take(struct login *login, struct http_request *request, const struct caller *caller) {
    struct error err;
    struct trial *trial = begin(login, request, &err);
    if (trial == NULL) {
        hub_answer_error(request, &err);
        return;
    }
    if (read(trial, caller, &err) != STATUS_OK) {
        hub_answer_error(request, &err);
        destroy(trial);
        return;
    }
    guard_source(login->options.guard, request, trial->caller.source);
    fill_session(trial);
    reader_run(login->options.reader, &trial->reading);
}

static bool must_wait(struct login *login, struct http_request *request) {
    char source[CALLER_SOURCE_BYTES];
    struct error err;
    guard_source(login->options.guard, request, source);
    const int64_t wait_ms =
        attempts_wait_ms(login->options.attempts, slice_of(source), steady_ms());
    if (wait_ms > 0) {
        (void)fail(&err, STATUS_BUSY,
                   "too many wrong passwords or tokens came from %s: try again in %lld s", source,
                   (long long)wait_ms / MS_PER_S + 1);
        http_retry_after(request, (int)(wait_ms / MS_PER_S) + 1);
        hub_answer_error_as(request, TOO_MANY, &err);
    }
    return wait_ms > 0;
}

void login_take(struct login *login, struct http_request *request) {
    if (!must_wait(login, request)) {
        take(login, request, NULL);
    }
}

void login_change_password(struct login *login, struct http_request *request,
                           const struct caller *caller) {
    struct error err;
    if (!caller->has_session) {
        (void)fail(&err, STATUS_INVALID, "only who has logged in here has a password to change");
        hub_answer_error(request, &err);
    } else if (!must_wait(login, request)) {
        take(login, request, caller);
    }
}

/* --- the end of a session --- */

struct leaving {
    struct ingest_job job; /* first */
    struct login *login;
    struct http_request *request;
    struct caller caller;
};

static status leave(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    const struct leaving *leaving = (const struct leaving *)job;
    struct database *database = hub_store_sqlite_database(lanes_session(lanes));
    const struct deed deed = {.wall_ms = clock_wall_ms(),
                              .what = SLICE("log out"),
                              .subject = slice_of(leaving->caller.name)};
    TRY(session_rows_end(database, leaving->caller.session, err));
    return deed_rows_put(database, &leaving->caller, &deed, err);
}

static void left(struct ingest_job *job) {
    struct leaving *leaving = (struct leaving *)job;
    if (job->error.code != STATUS_OK) {
        hub_answer_error(leaving->request, &job->error);
    } else {
        guard_set_cookie(leaving->login->options.guard, leaving->request, NULL);
        http_answer(leaving->request, 200, "application/json", SLICE("{}\n"));
    }
    memory_free(leaving);
}

void login_end(struct login *login, struct http_request *request, const struct caller *caller) {
    struct leaving *leaving = caller->has_session ? memory_new(1, sizeof(*leaving)) : NULL;
    if (leaving == NULL) {
        http_answer(request, 200, "application/json", SLICE("{}\n")); /* there is none to end */
        return;
    }
    *leaving = (struct leaving){.job = {.work = leave, .done = left},
                                .login = login,
                                .request = request,
                                .caller = *caller};
    ingest_run(login->options.ingest, &leaving->job);
}

/* --- birth and end --- */

status login_create(const struct login_options *options, struct login **out_login,
                    struct error *err) {
    struct login *login = memory_new(1, sizeof(*login));
    if (login == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for log-ins");
    }
    login->options = *options;
    const status made = pool_create(options->loop, 1, &login->pool, err);
    if (made != STATUS_OK) {
        login_destroy(login);
        return made;
    }
    *out_login = login;
    return STATUS_OK;
}

void login_destroy(struct login *login) {
    if (login == NULL) {
        return;
    }
    pool_destroy(login->pool);
    while (login->trials != NULL) {
        destroy(login->trials);
    }
    memory_free(login);
}
