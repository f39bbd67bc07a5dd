// SPDX-License-Identifier: Apache-2.0
#include "hub/device_port.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "hub/api/hub_desk.h"
#include "hub/device_reports.h"
#include "hub/greeting.h"
#include "hub/hub_answer.h"
#include "platform/clock.h"

enum {
    UNAUTHORIZED = 401,
    METHOD_NOT_ALLOWED = 405,
    ENROL_BODY_BYTES_MAX = 32 << 10,
    TRUST_BYTES_MAX = 64 << 10
};

static const int64_t REST_MS = INT64_C(6) * 3600 * 1000;

struct device_port {
    struct device_port_options options;
    struct http_server *server;
    struct contacts *contacts;
    struct uploads *uploads;
    uint64_t refused;
};

/* --- who it is --- */

/* What may be asked without a certificate of ours, and with one whose time is over. */
static bool is_for_strangers(const struct http_request *request) {
    return slice_is(request->path, "/healthz") || slice_is(request->path, "/v1/enrol");
}

static bool is_renewal(const struct http_request *request) {
    return slice_is(request->path, "/v1/renew");
}

static status look_at(struct http_request *request, struct http_certificate *out_certificate,
                      struct error *err) {
    http_peer_certificate(request, out_certificate);
    if (out_certificate->der.count == 0) {
        return fail(err, STATUS_DENIED,
                    "this needs a certificate of this hub; `ebb join` gets one");
    }
    if (!out_certificate->trusted && !out_certificate->expired) {
        return fail(err, STATUS_DENIED, "the certificate is not one that this hub has issued");
    }
    if (!out_certificate->trusted && !is_renewal(request)) {
        return fail(err, STATUS_DENIED,
                    "the certificate is not valid at this time; it may be "
                    "renewed");
    }
    return STATUS_OK;
}

/* The device that speaks; its contact is made when it is first heard on this connection. */
static status admit(struct device_port *port, struct http_request *request, struct error *err) {
    struct http_certificate certificate;
    struct registered_device device;
    TRY(look_at(request, &certificate, err));
    if (is_renewal(request)) {
        return STATUS_OK; /* hub/enrolment looks closer */
    }
    TRY(registry_find_device(port->options.registry, certificate.fingerprint, &device, err));
    const struct contact *before = http_kept(request);
    if (before != NULL && !id_equal(before->device, device.id)) {
        return fail(err, STATUS_BUSY,
                    "the device has another's place since this connection was made: connect again");
    }
    if (before == NULL) {
        struct contact *contact = contact_open(port->contacts, device.id);
        if (contact == NULL) {
            return fail(err, STATUS_BUSY, "the hub has no memory left for another device");
        }
        http_keep(request, contact);
    }
    http_rest(request, REST_MS);
    return STATUS_OK;
}

static void refuse(struct device_port *port, struct http_request *request,
                   const struct error *err) {
    char source[HTTP_SOURCE_BYTES];
    http_source(request, source);
    port->refused++;
    log_line(LOG_INFO, "hub", "refused: %s path=%.*s source=%s", err->text,
             SLICE_ARGS(slice_part(request->path, 0, 80)), source);
    if (err->code == STATUS_DENIED) {
        hub_answer_error_as(request, http_kept(request) != NULL ? 403 : UNAUTHORIZED, err);
    } else {
        hub_answer_error(request, err);
    }
}

/* --- requests --- */

static bool is_upload(const struct http_request *request) {
    return slice_is(request->method, "PUT") && slice_starts(request->path, "/v1/streams/");
}

/* What a device says of itself beside its records. */
static bool is_aside(const struct http_request *request) {
    return slice_is(request->method, "PUT") &&
           (slice_is(request->path, REPORT_PATH) || slice_starts(request->path, "/v1/faces/") ||
            slice_starts(request->path, "/v1/blobs/"));
}

static bool has_greeted(struct http_request *request) {
    const struct contact *contact = http_kept(request);
    struct error err;
    if (contact->connection != 0) {
        return true;
    }
    (void)fail(&err, STATUS_INVALID, "a connection begins with /v1/hello");
    hub_answer_error(request, &err);
    return false;
}

static void begin_upload(struct device_port *port, struct http_request *request) {
    if (has_greeted(request)) {
        upload_begin(port->uploads, http_kept(request), request);
    }
}

/* Whoever must say beforehand how much it brings. */
static bool brings_more(const struct http_request *request, size_t bytes) {
    const char *announced = http_header(request, "Content-Length");
    const bool in_chunks = http_header(request, "Transfer-Encoding") != NULL;
    return in_chunks || (announced != NULL && strtoull(announced, NULL, 10) > bytes);
}

static void refuse_more(struct http_request *request, size_t bytes) {
    struct error err;
    (void)fail(&err, STATUS_INVALID, "at most %zu bytes are read here", bytes);
    hub_answer_error_as(request, 413, &err);
}

static void note_use(struct device_port *port, struct http_request *request) {
    struct http_certificate certificate;
    http_peer_certificate(request, &certificate);
    registry_note_use(port->options.registry, certificate.fingerprint, clock_wall_ms());
}

static bool begun(void *owner, struct http_request *request) {
    struct device_port *port = owner;
    struct error err;
    if (is_for_strangers(request) || is_renewal(request)) {
        if (brings_more(request, ENROL_BODY_BYTES_MAX)) {
            refuse_more(request, ENROL_BODY_BYTES_MAX);
            return true;
        }
        if (!is_renewal(request)) {
            return false;
        }
    }
    if (admit(port, request, &err) != STATUS_OK) {
        refuse(port, request, &err);
        return true;
    }
    note_use(port, request);
    if (is_upload(request)) {
        begin_upload(port, request);
        return true;
    }
    if (is_aside(request) && brings_more(request, REPORT_BYTES_MAX)) {
        refuse_more(request, REPORT_BYTES_MAX);
        return true;
    }
    return false;
}

static void came(void *owner, struct http_request *request, struct slice bytes) {
    (void)owner;
    upload_came(request, bytes);
}

static void ended(void *owner, struct http_request *request) {
    (void)owner;
    upload_ended(request);
}

static void gone(void *owner, struct http_request *request) {
    (void)owner;
    if (request->keep != NULL) {
        upload_gone(request);
    }
}

static void closed(void *owner, void *kept) {
    (void)owner;
    contact_close(kept);
}

static const struct http_streamer STREAMER = {begun, came, ended, gone, closed};

static void greet(struct device_port *port, struct http_request *request) {
    struct http_certificate certificate;
    http_peer_certificate(request, &certificate);
    registry_note_contact(port->options.registry, certificate.fingerprint, clock_wall_ms());
    greeting_take(port->options.ingest, http_kept(request), request);
}

static void take_aside(struct device_port *port, struct http_request *request) {
    const struct contact *contact = http_kept(request);
    struct error err;
    struct id id;
    if (!has_greeted(request)) {
        return;
    }
    if (slice_is(request->path, REPORT_PATH)) {
        device_reports_take(port->options.reports, contact->device, request);
    } else if (face_path_read(request->path, &id)) {
        faces_take(port->options.faces, contact->device, id, request);
    } else if (blob_path_read(request->path, &id)) {
        attachments_take(port->options.attachments, contact->device, id, request);
    } else {
        (void)fail(&err, STATUS_NOT_FOUND, "no resource at %.*s", SLICE_ARGS(request->path));
        hub_answer_error(request, &err);
    }
}

static void handle(void *owner, struct http_request *request) {
    struct device_port *port = owner;
    struct error err;
    const bool posts = slice_is(request->method, "POST");
    if (slice_is(request->path, "/healthz")) {
        http_answer(request, 200, "application/json", SLICE("{\"status\":\"ok\"}\n"));
    } else if (posts && slice_is(request->path, "/v1/hello")) {
        greet(port, request);
    } else if (is_aside(request)) {
        take_aside(port, request);
    } else if (!hub_desk_take(port->options.desk, HUB_ENROLMENT_ROUTES, NULL, request)) {
        (void)fail(&err, STATUS_NOT_FOUND, "no resource at %.*s", SLICE_ARGS(request->path));
        hub_answer_error(request, &err);
    }
}

/* --- birth and end --- */

static status open_server(struct device_port *port, struct error *err) {
    const struct device_port_options *options = &port->options;
    CLEANUP(buffer_done) struct buffer trust; /* ended by a zero, as the library wants it */
    buffer_init(&trust, TRUST_BYTES_MAX);
    buffer_add(&trust, authority_certificate(options->authority));
    buffer_add_byte(&trust, '\0');
    TRY(buffer_status(&trust, err));
    const struct http_tls tls = {
        .certificate_pem = authority_server_chain(options->authority).bytes,
        .key_pem = authority_server_key(options->authority).bytes,
        .trust_pem = trust.bytes,
    };
    const struct http_options http = {.address = options->address,
                                      .tls = &tls,
                                      .connections_max = options->connections_max,
                                      .handler = handle,
                                      .streamer = &STREAMER,
                                      .owner = port};
    return http_server_open(options->loop, &http, &port->server, err);
}

status device_port_open(const struct device_port_options *options, struct device_port **out_port,
                        struct error *err) {
    struct device_port *port = memory_new(1, sizeof(*port));
    if (port == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the devices' port");
    }
    port->options = *options;
    status opened = contacts_create(&port->contacts, err);
    if (opened == STATUS_OK) {
        const struct uploads_options uploads = {.ingest = options->ingest,
                                                .contacts = port->contacts};
        opened = uploads_create(&uploads, &port->uploads, err);
    }
    if (opened == STATUS_OK) {
        opened = open_server(port, err);
    }
    if (opened != STATUS_OK) {
        device_port_close(port);
        return opened;
    }
    *out_port = port;
    return STATUS_OK;
}

void device_port_close(struct device_port *port) {
    if (port == NULL) {
        return;
    }
    http_server_destroy(port->server); /* connections go, and with them contacts and uploads */
    uploads_destroy(port->uploads);
    contacts_destroy(port->contacts);
    memory_free(port);
}

bool device_port_owes(const struct device_port *port) {
    return http_server_owes(port->server);
}

const char *device_port_address(const struct device_port *port) {
    return http_server_address(port->server);
}

void device_port_counters(const struct device_port *port, struct device_port_counters *out) {
    *out = (struct device_port_counters){.connections = contacts_count(port->contacts),
                                         .refused = port->refused};
    uploads_counters(port->uploads, &out->uploads);
}
