/*
 * identity: who a device is to its hub, as it lies in the data folder.
 *
 * identity.key: the private key, made once and synced before anything goes over the network.
 * hub.json: the id that the hub gave, name, certificate, chain, pin and addresses, in one file that
 * is replaced whole. Both are 0600. A device that has hub.json is joined.
 *
 * Blocking: workers and programs, or a daemon's start. Survives: power cuts: the old or the new.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/id.h"
#include "platform/clock.h"
#include "platform/hash.h"

enum { IDENTITY_HUBS_MAX = 8, IDENTITY_FILE_BYTES_MAX = 128 << 10 };

struct identity {
    struct id device;
    struct slice name, site;
    struct slice certificate;                /* ours and what it is signed by, in PEM */
    struct slice authority;                  /* the chain alone, in PEM */
    struct slice key;                        /* in PEM; wiped by identity_forget */
    struct digest pin;                       /* SHA-256 of the authority's SubjectPublicKeyInfo */
    const char *hubs[IDENTITY_HUBS_MAX + 1]; /* "host:port", to be tried in turn; NULL ends */
    const char *proxy;                       /* NULL: none */
    struct id serial;
    int64_t not_before_ms, not_after_ms; /* of the certificate */
};

/* The key of this data folder, in the arena; made, synced and 0600 when there is none. DENIED when
 * others may read it, CORRUPT when it is no key. */
status identity_key(const char *data, struct arena *arena, struct slice *out_pem,
                    struct error *err);

/* NOT_FOUND: the device is not joined. CORRUPT: the file is not ours, or key and certificate are no
 * pair. All lives in the arena. */
status identity_load(const char *data, struct arena *arena, struct identity *out_identity,
                     struct error *err);

/* CONFLICT when the certificate is not for the key that lies there. */
status identity_save(const char *data, const struct identity *identity, struct error *err);

/* Adds an address unless it is there; false: no room. */
bool identity_add_hub(struct identity *identity, struct arena *arena, struct slice address);

/* Overwrites the key in memory. */
void identity_forget(struct identity *identity);

/* Removes hub.json, then the key; *out_removed: there was one of them. */
status identity_remove(const char *data, bool *out_removed, struct error *err);

/* When to renew: at half of the certificate's life, a tenth of the life earlier or later by its
 * serial. Pure. */
int64_t identity_renewal_ms(const struct identity *identity);

/* Whether that is now. Never by a clock that is known to be wrong: a hub that can be reached says
 * what time it is, and then it is asked again. Pure. */
bool identity_is_due(const struct identity *identity, struct moment now);
