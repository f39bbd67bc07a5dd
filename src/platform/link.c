// SPDX-License-Identifier: Apache-2.0
#include "platform/link.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "platform/answer_reader.h"
#include "platform/opening.h"
#include "platform/request_writer.h"
#include "platform/tls.h"

enum {
    READ_BYTES = 16 << 10,
    READS_IN_A_ROW = 16, /* then the loop's other work has its turn */
    HOST_BYTES_MAX = DIAL_HOST_BYTES_MAX + 16,
    CODE_SUCCESS = 200,
    CODE_REDIRECT = 300,
    CODE_PROXY_LOGIN = 407
};

/* What is under way on the connection. */
enum stage {
    STAGE_AWAY,
    STAGE_DIALLING,
    STAGE_PROXY,   /* TCP stands, the proxy was asked for the hub */
    STAGE_SHAKING, /* TCP stands, TLS does not */
    STAGE_OPEN
};

struct link {
    struct loop *loop; /* not owned */
    struct link_events events;
    void *owner;
    int depth; /* of what is being told: the memory stays until that is over */
    bool gone;

    enum stage stage;
    uint64_t connection;     /* counts them: what was told of an earlier one is over */
    struct opening *opening; /* owned, as what follows; NULL once the connection stands */
    struct timer *deadline;
    int descriptor; /* -1: none */
    struct poll *poll;
    struct tls *tls;
    char host[HOST_BYTES_MAX];             /* as requests name it */
    char address[DIAL_ADDRESS_TEXT_BYTES]; /* that was taken */
    char interface[LINK_INTERFACE_BYTES];
    uint64_t sent_bytes, received_bytes;

    bool reading; /* what may be sent then is sent when that is over */
    bool asking;  /* an answer is awaited */
    bool closing; /* the answer that is being told is the last */
    struct answer_reader reader;
    struct request_writer writer;
    size_t record_body; /* bytes of the body in the record that is on its way into the kernel */
};

/* --- one connection --- */

static void hang_up(struct link *link) {
    poll_close(link->poll);
    link->poll = NULL;
    if (link->descriptor >= 0) {
        (void)close(link->descriptor); /* what was not sent is lost, and known to be */
        link->descriptor = -1;
    }
    tls_destroy(link->tls);
    link->tls = NULL;
    request_writer_clear(&link->writer);
    answer_reader_begin(&link->reader, false);
    link->record_body = 0;
    link->asking = false;
    link->closing = false;
}

void link_close(struct link *link) {
    timer_clear(link->deadline);
    opening_close(link->opening);
    link->opening = NULL;
    hang_up(link);
    link->address[0] = '\0';
    link->interface[0] = '\0';
    link->stage = STAGE_AWAY;
    link->connection++;
}

static void give_up(struct link *link, const struct error *error) {
    const struct error told = *error; /* it may lie in what is closed */
    link_close(link);
    link->events.lost(link->owner, &told);
}

/* The connection is over; or, while it is not made yet, on to the next address. */
static void lose(struct link *link, const struct error *error) {
    struct opening *opening = link->opening;
    if (opening == NULL) {
        give_up(link, error);
        return;
    }
    if (error->code == STATUS_DENIED && opening->alarm.code == STATUS_OK) {
        opening->alarm = *error;
    }
    if (link->stage == STAGE_DIALLING || error->code == STATUS_NO_MEMORY) {
        give_up(link, opening->alarm.code != STATUS_OK ? &opening->alarm : error);
        return;
    }
    hang_up(link);
    link->stage = STAGE_DIALLING;
    dial_next(opening->dial, error);
}

/* --- what goes out --- */

/* The next record goes to TLS. */
static status fill_record(struct link *link, struct error *err) {
    char record[TLS_RECORD_BYTES_MAX];
    const size_t count =
        request_writer_fill(&link->writer, record, sizeof record, &link->record_body);
    return tls_write(link->tls, (struct slice){.bytes = record, .count = count}, err);
}

/* While bytes are read there is no need to ask whether the kernel takes any. */
static void want_to_send(struct link *link) {
    if (!link->reading) {
        poll_want_writable(link->poll, true);
    }
}

/* Hands to the kernel what it takes. */
static status send_outgoing(struct link *link, bool *out_all, struct error *err) {
    struct slice left = tls_outgoing(link->tls);
    while (left.count > 0) {
        const ssize_t count = send(link->descriptor, left.bytes, left.count, MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN) {
            break;
        }
        if (count < 0 && errno != EINTR) {
            return fail(err, STATUS_OFFLINE, "the line broke: %s", strerror(errno));
        }
        link->sent_bytes += count > 0 ? (size_t)count : 0;
        tls_sent(link->tls, count > 0 ? (size_t)count : 0);
        left = tls_outgoing(link->tls);
    }
    *out_all = left.count == 0;
    return STATUS_OK;
}

/* What the proxy is asked fits into the empty buffer of a new connection. */
static status send_to_proxy(struct link *link, struct error *err) {
    char record[TLS_RECORD_BYTES_MAX];
    size_t body_bytes = 0;
    if (!request_writer_has_more(&link->writer)) {
        return STATUS_OK;
    }
    const size_t count = request_writer_fill(&link->writer, record, sizeof record, &body_bytes);
    const ssize_t sent = send(link->descriptor, record, count, MSG_NOSIGNAL);
    explicit_bzero(record, count);
    if (sent != (ssize_t)count) {
        return fail(err, STATUS_OFFLINE, "the line to the proxy broke");
    }
    link->sent_bytes += count;
    return STATUS_OK;
}

/* Sends until the kernel takes no more. `out_taken`: of the body. */
static status send_some(struct link *link, size_t *out_taken, struct error *err) {
    bool all = true;
    if (link->stage == STAGE_PROXY) {
        TRY(send_to_proxy(link, err));
    } else {
        TRY(send_outgoing(link, &all, err));
    }
    while (all) {
        *out_taken += link->record_body;
        link->record_body = 0;
        if (link->stage != STAGE_OPEN || !request_writer_has_more(&link->writer)) {
            break;
        }
        TRY(fill_record(link, err));
        TRY(send_outgoing(link, &all, err));
    }
    poll_want_writable(link->poll, !all);
    return STATUS_OK;
}

/* --- what comes in --- */

static void end_answer(struct link *link) {
    struct answer_reader *reader = &link->reader;
    const uint64_t connection = link->connection;
    struct buffer body = reader->body; /* ours, since the owner may ask again, or close */
    const struct link_answer answer = {.code = reader->code,
                                       .retry_after_ms = reader->retry_after_ms,
                                       .body = buffer_slice(&body),
                                       .early = request_writer_is_open(&link->writer)};
    const bool closes = reader->closes;
    buffer_init(&reader->body, LINK_ANSWER_BYTES_MAX);
    answer_reader_begin(reader, false);
    link->closing = !request_writer_cut(&link->writer) || closes;
    link->record_body = 0;
    link->asking = false;
    link->events.answered(link->owner, &answer);
    buffer_done(&body);
    if (connection == link->connection && link->closing) {
        struct error error = {0};
        (void)fail(&error, STATUS_OFFLINE, "the hub closes the connection after its answer");
        give_up(link, &error);
    }
}

static status take_answer(struct link *link, struct slice bytes, struct error *err) {
    const uint64_t connection = link->connection;
    if (link->asking) {
        TRY(answer_reader_take(&link->reader, &bytes, err));
        if (answer_reader_is_whole(&link->reader)) {
            end_answer(link);
        }
    }
    if (connection == link->connection && bytes.count > 0) {
        return fail(err, STATUS_CORRUPT, "the hub says more than it was asked");
    }
    return STATUS_OK;
}

static status read_answers(struct link *link, struct error *err) {
    const uint64_t connection = link->connection;
    while (connection == link->connection) {
        char room[READ_BYTES];
        size_t count = 0;
        TRY(tls_read(link->tls, room, sizeof room, &count, err));
        if (count == 0) {
            break;
        }
        TRY(take_answer(link, (struct slice){.bytes = room, .count = count}, err));
    }
    return STATUS_OK;
}

static status begin_tls(struct link *link, struct error *err) {
    const struct opening *opening = link->opening;
    link->stage = STAGE_SHAKING;
    TRY(opening_make_tls(opening, &link->tls, err));
    TRY(tls_shake(link->tls, err));
    want_to_send(link);
    return STATUS_OK;
}

static status take_proxy_answer(struct link *link, struct slice *bytes, struct error *err) {
    const struct answer_reader *reader = &link->reader;
    TRY(answer_reader_take(&link->reader, bytes, err));
    if (!answer_reader_is_whole(reader)) {
        return STATUS_OK;
    }
    if (reader->code == CODE_PROXY_LOGIN) {
        return fail(err, STATUS_DENIED, "the proxy wants another user or password");
    }
    if (reader->code < CODE_SUCCESS || reader->code >= CODE_REDIRECT) {
        const bool is_refusal = reader->code / 100 == 4;
        return fail(err, is_refusal ? STATUS_DENIED : STATUS_OFFLINE,
                    "the proxy does not let us through to %s: it answers %d", link->host,
                    reader->code);
    }
    return begin_tls(link, err);
}

/* The connection stands. */
static void connected(struct link *link) {
    timer_clear(link->deadline);
    opening_close(link->opening);
    link->opening = NULL;
    answer_reader_begin(&link->reader, false);
    link->stage = STAGE_OPEN;
    link->events.connected(link->owner);
}

static status take_bytes(struct link *link, struct slice bytes, struct error *err) {
    const uint64_t connection = link->connection;
    if (link->stage == STAGE_PROXY) {
        TRY(take_proxy_answer(link, &bytes, err));
        if (link->stage == STAGE_PROXY) {
            return STATUS_OK;
        }
    }
    TRY(tls_receive(link->tls, bytes, err));
    if (link->stage == STAGE_SHAKING) {
        TRY(tls_shake(link->tls, err));
        want_to_send(link);
        if (!tls_is_ready(link->tls)) {
            return STATUS_OK;
        }
        connected(link);
    }
    return connection == link->connection ? read_answers(link, err) : STATUS_OK;
}

static const char *end_of(const struct link *link) {
    if (link->stage == STAGE_PROXY) {
        return "the proxy closed the connection";
    }
    if (link->stage == STAGE_SHAKING) {
        return "the connection was closed in the handshake";
    }
    return link->asking ? "the hub closed the connection before its answer was whole"
                        : "the hub closed the connection";
}

static status receive_some(struct link *link, struct error *err) {
    const uint64_t connection = link->connection;
    for (int i = 0; i < READS_IN_A_ROW && connection == link->connection; i++) {
        char bytes[READ_BYTES];
        const ssize_t count = recv(link->descriptor, bytes, sizeof bytes, 0);
        if (count < 0) {
            return errno == EAGAIN || errno == EINTR
                       ? STATUS_OK
                       : fail(err, STATUS_OFFLINE, "the line broke: %s", strerror(errno));
        }
        if (count == 0) {
            return fail(err, STATUS_OFFLINE, "%s", end_of(link));
        }
        link->received_bytes += (size_t)count;
        TRY(take_bytes(link, (struct slice){.bytes = bytes, .count = (size_t)count}, err));
    }
    return STATUS_OK;
}

/* --- what the loop tells --- */

static void enter(struct link *link) {
    link->depth++;
}

static void leave(struct link *link) {
    link->depth--;
    if (link->depth == 0 && link->gone) {
        memory_free(link);
    }
}

/* Reads first, and once more when nothing can be sent: why the other side hung up, or its answer to
 * a body that it did not want to hear, lies there. */
static void ready(void *owner) {
    struct link *link = owner;
    const uint64_t connection = link->connection;
    struct error error = {0};
    size_t taken = 0;
    enter(link);
    link->reading = true;
    status code = receive_some(link, &error);
    link->reading = false;
    if (code == STATUS_OK && connection == link->connection) {
        code = send_some(link, &taken, &error);
        if (code != STATUS_OK) {
            struct error why = {0};
            error = receive_some(link, &why) != STATUS_OK ? why : error;
        } else if (taken > 0 && link->asking && link->events.taken != NULL) {
            link->events.taken(link->owner, taken);
        }
    }
    if (code != STATUS_OK && connection == link->connection) {
        lose(link, &error);
    }
    leave(link);
}

static status open_line(struct link *link, struct error *err) {
    const struct opening *opening = link->opening;
    const struct route *route = &opening->route;
    CLEANUP(buffer_done) struct buffer host;
    buffer_init(&host, sizeof link->host - 1);
    route_write_place(&route->hubs[opening->place], &host);
    buffer_add_byte(&host, '\0');
    TRY(buffer_status(&host, err));
    memcpy(link->host, host.bytes, host.count);
    TRY(poll_open(link->loop, link->descriptor, true, ready, link, &link->poll, err));
    if (!route->has_proxy) {
        return begin_tls(link, err);
    }
    link->stage = STAGE_PROXY;
    answer_reader_begin(&link->reader, true);
    return request_writer_connect(&link->writer, link->host, route->login, err);
}

static void dialled(void *owner, int descriptor, int place) {
    struct link *link = owner;
    struct error error = {0};
    enter(link);
    link->descriptor = descriptor;
    link->opening->place = place;
    link->stage = STAGE_SHAKING;
    (void)snprintf(link->address, sizeof link->address, "%s", dial_address(link->opening->dial));
    (void)link_kind_interface(descriptor, link->interface);
    if (open_line(link, &error) != STATUS_OK) {
        lose(link, &error);
    }
    leave(link);
}

static void not_dialled(void *owner, const struct error *error) {
    struct link *link = owner;
    enter(link);
    lose(link, error);
    leave(link);
}

static void took_too_long(void *owner) {
    struct link *link = owner;
    const struct opening *opening = link->opening;
    const char *doing = link->stage == STAGE_DIALLING ? "nobody answers"
                        : link->stage == STAGE_PROXY  ? "the proxy is silent"
                                                      : "the handshake does not end";
    struct error error = {0};
    enter(link);
    (void)fail(&error, STATUS_TIMEOUT, "not connected within %lld ms: %s at %s",
               (long long)opening->connect_ms, doing, dial_address(opening->dial));
    give_up(link, opening->alarm.code != STATUS_OK ? &opening->alarm : &error);
    leave(link);
}

/* --- what the owner wants --- */

status link_create(struct loop *loop, const struct link_events *events, void *owner,
                   struct link **out_link, struct error *err) {
    struct link *link = memory_new(1, sizeof *link);
    if (link == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a link");
    }
    *link = (struct link){.loop = loop, .events = *events, .owner = owner, .descriptor = -1};
    const status code = timer_open(loop, took_too_long, link, &link->deadline, err);
    if (code != STATUS_OK) {
        memory_free(link);
        return code;
    }
    answer_reader_init(&link->reader, LINK_ANSWER_BYTES_MAX);
    request_writer_init(&link->writer, LINK_QUEUE_BYTES_MAX);
    *out_link = link;
    return STATUS_OK;
}

void link_destroy(struct link *link) {
    if (link == NULL) {
        return;
    }
    link_close(link);
    timer_close(link->deadline);
    answer_reader_done(&link->reader);
    request_writer_done(&link->writer);
    link->gone = true;
    enter(link);
    leave(link);
}

status link_connect(struct link *link, const struct link_options *options, struct error *err) {
    if (link->stage != STAGE_AWAY) {
        return fail(err, STATUS_CONFLICT, "the link is connected, or about to be");
    }
    const struct dial_events events = {.connected = dialled, .failed = not_dialled};
    TRY(opening_open(link->loop, options, &events, link, &link->opening, err));
    link->stage = STAGE_DIALLING;
    timer_set(link->deadline, link->opening->connect_ms);
    return STATUS_OK;
}

static status may_ask(const struct link *link, struct error *err) {
    if (link->stage != STAGE_OPEN || link->closing) {
        return fail(err, STATUS_OFFLINE, "the hub is not connected");
    }
    if (link->asking) {
        return fail(err, STATUS_CONFLICT, "the hub has not answered the request before");
    }
    return STATUS_OK;
}

static struct request_head head_of(const struct link *link, const struct link_request *request) {
    return (struct request_head){.method = request->method,
                                 .path = request->path,
                                 .type = request->type,
                                 .host = link->host};
}

static void begin_asking(struct link *link) {
    link->asking = true;
    want_to_send(link);
}

status link_ask(struct link *link, const struct link_request *request, struct slice body,
                struct error *err) {
    const struct request_head head = head_of(link, request);
    TRY(may_ask(link, err));
    TRY(request_writer_ask(&link->writer, &head, body, err));
    begin_asking(link);
    return STATUS_OK;
}

status link_begin(struct link *link, const struct link_request *request, struct error *err) {
    const struct request_head head = head_of(link, request);
    TRY(may_ask(link, err));
    TRY(request_writer_begin(&link->writer, &head, err));
    begin_asking(link);
    return STATUS_OK;
}

status link_write(struct link *link, struct slice piece, struct error *err) {
    if (link->stage != STAGE_OPEN || link->closing) {
        return fail(err, STATUS_OFFLINE, "the hub is not connected");
    }
    TRY(request_writer_add(&link->writer, piece, err));
    want_to_send(link);
    return STATUS_OK;
}

void link_end(struct link *link) {
    request_writer_end(&link->writer);
    if (request_writer_has_more(&link->writer)) {
        want_to_send(link);
    }
}

void link_facts(const struct link *link, struct link_facts *out_facts) {
    const bool tries = link->stage == STAGE_DIALLING;
    *out_facts = (struct link_facts){.sent_bytes = link->sent_bytes,
                                     .received_bytes = link->received_bytes,
                                     .waiting_bytes = request_writer_waiting(&link->writer),
                                     .state = LINK_CONNECTING};
    if (link->stage == STAGE_AWAY) {
        out_facts->state = LINK_AWAY;
    } else if (link->stage == STAGE_OPEN) {
        out_facts->state = link->asking ? LINK_ASKING : LINK_IDLE;
    }
    (void)snprintf(out_facts->address, sizeof out_facts->address, "%s",
                   tries ? dial_address(link->opening->dial) : link->address);
    (void)memcpy(out_facts->interface, link->interface, sizeof out_facts->interface);
}
