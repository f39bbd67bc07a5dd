/*
 * authority: the key by which a hub says who is its device, and who it is itself.
 *
 * In DIR/authority: key.pem and certificate.pem of the authority, made at the first start and never
 * changed (the pin in every token and device is of that key), or the operator's own, named by
 * options; server-key.pem and server.pem of the hub's own server, made anew when half of its life
 * is over or the hub is reached under another name. Keys are 0600 and synced before they are used.
 *
 * Thread: loop opens and renews; issuing reads only, from any thread. Blocks on small files.
 * Survives: power cuts; a key that was half written is made again only while no certificate of it
 * is there.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/id.h"
#include "platform/certificate.h"

enum {
    AUTHORITY_NAMES_MAX = 32,
    AUTHORITY_LIFE_DAYS_LEAST = 7,
    AUTHORITY_LIFE_DAYS = 90,
    AUTHORITY_LIFE_DAYS_MOST = 825,
    AUTHORITY_SITE_BYTES = 64
};

struct authority;

struct authority_options {
    const char *folder;                      /* DIR: the authority lies in DIR/authority */
    const char *certificate_file, *key_file; /* the operator's own authority; NULL: ours */
    const char *site;                        /* a name, for the URI of devices; NULL: of its pin */
    const struct slice *names;               /* and addresses that the server is reached under */
    uint32_t name_count;
    int device_life_days; /* 0: AUTHORITY_LIFE_DAYS */
    int64_t now_ms;
};

/* DENIED when a key of it is open to others, INVALID when key and certificate are no pair, CORRUPT
 * when a file is none of ours; nothing is ever made anew in place of an authority that was
 * there. */
status authority_open(const struct authority_options *options, struct authority **out_authority,
                      struct error *err);
void authority_close(struct authority *authority); /* wipes its keys; NULL is fine */

struct slice authority_certificate(const struct authority *authority); /* PEM, with its own above */
struct digest authority_pin(const struct authority *authority);        /* SHA-256 of its SPKI */
const char *authority_site(const struct authority *authority);

/* For the TLS server, ended by a zero that is not counted; until the next
 * authority_renew_server. */
struct slice authority_server_chain(const struct authority *authority);
struct slice authority_server_key(const struct authority *authority);

/* Makes the server's certificate anew when it is time; *out_renewed: the TLS server must take
 * it. */
status authority_renew_server(struct authority *authority, int64_t now_ms, bool *out_renewed,
                              struct error *err);

/* Appends a device's certificate for a checked request, of the configured life. BUSY while the
 * hub's clock is earlier than its authority; DENIED when that has ended. */
struct authority_issue {
    struct slice request_pem;
    struct id device, serial;
    struct slice name;
    int64_t now_ms;
};
status authority_issue(const struct authority *authority, const struct authority_issue *issue,
                       struct buffer *out_pem, int64_t *out_not_after_ms, struct error *err);
