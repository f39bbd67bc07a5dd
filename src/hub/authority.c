// SPDX-License-Identifier: Apache-2.0
#include "hub/authority.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/text.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/key_file.h"
#include "platform/secret.h"

enum {
    CHAIN_BYTES_MAX = 64 << 10,
    FOLDER_MODE = 0700,
    AUTHORITY_LIFE_YEARS = 30,
    SERVER_LIFE_DAYS = 365,
    PIN_SHOWN_BYTES = 8, /* of the pin, where a site has no name */
    NAME_BYTES_MAX = 256
};

static const int64_t DAY_MS = INT64_C(24) * 3600 * 1000;

/* Certificates begin an hour ago: clocks of two machines are never the same. */
static const int64_t EARLIER_MS = INT64_C(3600) * 1000;

struct authority {
    char folder[PATH_MAX];
    char site[AUTHORITY_SITE_BYTES];
    int device_life_days;
    struct digest pin;
    int64_t begins_ms, ends_ms; /* of its own certificate: what it signs ends no later */
    struct buffer certificate, key;
    struct buffer server, server_key; /* the server's with the authority's behind it */
    char names[AUTHORITY_NAMES_MAX][NAME_BYTES_MAX];
    uint32_t name_count;
};

static status path_of(const struct authority *authority, const char *name, char out[PATH_MAX],
                      struct error *err) {
    const int count = snprintf(out, PATH_MAX, "%s/%s", authority->folder, name);
    return count > 0 && count < PATH_MAX
               ? STATUS_OK
               : fail(err, STATUS_INVALID, "the path of the hub's folder is too long");
}

/* --- keys ------------------------------------------------------------------------------------- */

/* For who takes texts that end with a zero; it is not counted. */
static status end_text(struct buffer *text, struct error *err) {
    char *end = buffer_reserve(text, 1);
    if (end != NULL) {
        *end = '\0';
    }
    return buffer_status(text, err);
}

/* --- the authority itself --------------------------------------------------------------------- */

static status make_own(struct authority *authority, const char *key_path,
                       const char *certificate_path, int64_t now_ms, struct error *err) {
    if (clock_now().quality == CLOCK_BAD) {
        return fail(err, STATUS_INVALID,
                    "this machine's clock is wrong: set it before the hub makes its authority");
    }
    if (!file_is_there(key_path)) {
        TRY(key_file_make(key_path, &authority->key, err));
    }
    TRY(key_file_read(key_path, &authority->key, err));
    const struct certificate_wish wish = {
        .use = CERTIFICATE_AUTHORITY,
        .serial = certificate_serial(),
        .subject = SLICE("ebb hub"),
        .not_before_ms = now_ms - EARLIER_MS,
        .not_after_ms = now_ms + AUTHORITY_LIFE_YEARS * 365 * DAY_MS,
    };
    buffer_clear(&authority->certificate);
    TRY(certificate_self_sign(buffer_slice(&authority->key), &wish, &authority->certificate, err));
    return file_replace_private(certificate_path, buffer_slice(&authority->certificate), err);
}

static status check_own(struct authority *authority, struct error *err) {
    struct certificate_facts facts;
    struct digest key;
    struct slice rest = buffer_slice(&authority->certificate);
    struct slice first;
    if (!certificate_next(&rest, &first)) {
        return fail(err, STATUS_CORRUPT, "there is no certificate in it");
    }
    if (certificate_read(first, &facts, err) != STATUS_OK) {
        return fail(err, STATUS_CORRUPT, "its certificate cannot be read");
    }
    if (!facts.is_authority) {
        return fail(err, STATUS_INVALID, "its certificate is not one of an authority");
    }
    TRY(certificate_key_digest(buffer_slice(&authority->key), &key, err));
    if (!digest_equal(key, facts.spki)) {
        return fail(err, STATUS_INVALID, "its key and its certificate do not belong together");
    }
    authority->pin = facts.spki;
    authority->begins_ms = facts.not_before_ms;
    authority->ends_ms = facts.not_after_ms;
    return STATUS_OK;
}

/* What was there stays: with another key every token and device would believe another hub. */
static status open_own(struct authority *authority, int64_t now_ms, struct error *err) {
    char key_path[PATH_MAX], certificate_path[PATH_MAX];
    TRY(path_of(authority, "key.pem", key_path, err));
    TRY(path_of(authority, "certificate.pem", certificate_path, err));
    if (!file_is_there(certificate_path)) {
        return make_own(authority, key_path, certificate_path, now_ms, err);
    }
    if (!file_is_there(key_path)) {
        return fail(err, STATUS_NOT_FOUND,
                    "its certificate is there and its key is not: put '%.300s' back from a backup",
                    key_path);
    }
    TRY(key_file_read(key_path, &authority->key, err));
    return file_read(certificate_path, &authority->certificate, err);
}

static status open_authority(struct authority *authority, const struct authority_options *options,
                             struct error *err) {
    status code = STATUS_OK;
    if (options->certificate_file != NULL && options->key_file != NULL) {
        code = key_file_read(options->key_file, &authority->key, err);
        if (code == STATUS_OK) {
            code = file_read(options->certificate_file, &authority->certificate, err);
        }
    } else {
        code = open_own(authority, options->now_ms, err);
    }
    if (code == STATUS_OK) {
        code = check_own(authority, err);
    }
    return code == STATUS_OK ? STATUS_OK : fail_while(err, "open the hub's authority");
}

static status choose_site(struct authority *authority, const char *site, struct error *err) {
    if (site == NULL) {
        char hex[DIGEST_HEX_BYTES + 1];
        digest_write(authority->pin, hex);
        (void)snprintf(authority->site, sizeof(authority->site), "%.*s", 2 * PIN_SHOWN_BYTES, hex);
        return STATUS_OK;
    }
    if (!text_is_name(slice_of(site))) {
        return fail(err, STATUS_INVALID,
                    "'%.64s' cannot be the name of a site: names are small letters, digits and '-'",
                    site);
    }
    (void)snprintf(authority->site, sizeof(authority->site), "%s", site);
    return STATUS_OK;
}

/* --- the server's certificate ----------------------------------------------------------------- */

static int64_t end_of(const struct authority *authority, int64_t now_ms, int days) {
    const int64_t ends_ms = now_ms + days * DAY_MS;
    return ends_ms < authority->ends_ms ? ends_ms : authority->ends_ms;
}

/* Signed by this authority, for all of its names, and younger than half of its life. */
static bool server_is_good(const struct authority *authority, int64_t now_ms) {
    struct certificate_facts facts;
    struct digest key;
    struct slice rest = buffer_slice(&authority->server);
    struct slice server;
    if (!certificate_next(&rest, &server) || certificate_read(server, &facts, NULL) != STATUS_OK ||
        certificate_key_digest(buffer_slice(&authority->server_key), &key, NULL) != STATUS_OK ||
        !digest_equal(key, facts.spki) ||
        certificate_check_issuer(server, buffer_slice(&authority->certificate), NULL) !=
            STATUS_OK) {
        return false;
    }
    for (uint32_t i = 0; i < authority->name_count; i++) {
        if (!certificate_is_for(server, authority->names[i])) {
            return false;
        }
    }
    return facts.for_server &&
           now_ms < facts.not_before_ms + (facts.not_after_ms - facts.not_before_ms) / 2;
}

static status issue_server(struct authority *authority, int64_t now_ms, struct buffer *out_pem,
                           struct error *err) {
    struct slice names[AUTHORITY_NAMES_MAX];
    CLEANUP(buffer_done) struct buffer request;
    buffer_init(&request, CERTIFICATE_REQUEST_BYTES_MAX);
    for (uint32_t i = 0; i < authority->name_count; i++) {
        names[i] = slice_of(authority->names[i]);
    }
    const struct certificate_wish wish = {
        .use = CERTIFICATE_SERVER,
        .serial = certificate_serial(),
        .subject = authority->name_count > 0 ? names[0] : SLICE("ebb hub"),
        .names = names,
        .name_count = authority->name_count,
        .not_before_ms = now_ms - EARLIER_MS,
        .not_after_ms = end_of(authority, now_ms, SERVER_LIFE_DAYS),
    };
    TRY(certificate_request_make(buffer_slice(&authority->server_key), wish.subject, &request,
                                 err));
    return certificate_issue(buffer_slice(&authority->certificate), buffer_slice(&authority->key),
                             buffer_slice(&request), &wish, out_pem, err);
}

static status make_server(struct authority *authority, int64_t now_ms, struct error *err) {
    char key_path[PATH_MAX], path[PATH_MAX];
    CLEANUP(buffer_done) struct buffer chain;
    buffer_init(&chain, 2 * CHAIN_BYTES_MAX);
    TRY(path_of(authority, "server-key.pem", key_path, err));
    TRY(path_of(authority, "server.pem", path, err));
    if (authority->server_key.count == 0) {
        TRY(key_file_make(key_path, &authority->server_key, err));
    }
    TRY(issue_server(authority, now_ms, &chain, err));
    buffer_add(&chain, buffer_slice(&authority->certificate));
    TRY(buffer_status(&chain, err));
    TRY(file_replace_private(path, buffer_slice(&chain), err));
    buffer_clear(&authority->server);
    buffer_add(&authority->server, buffer_slice(&chain));
    TRY(end_text(&authority->server_key, err));
    return end_text(&authority->server, err);
}

status authority_renew_server(struct authority *authority, int64_t now_ms, bool *out_renewed,
                              struct error *err) {
    *out_renewed = false;
    if (server_is_good(authority, now_ms)) {
        return STATUS_OK;
    }
    if (make_server(authority, now_ms, err) != STATUS_OK) {
        return fail_while(err, "make the hub's server certificate");
    }
    *out_renewed = true;
    return STATUS_OK;
}

/* What cannot be read is made anew: nobody remembers a server's key. */
static status open_server(struct authority *authority, int64_t now_ms, struct error *err) {
    char key_path[PATH_MAX], path[PATH_MAX];
    bool renewed = false;
    TRY(path_of(authority, "server-key.pem", key_path, err));
    TRY(path_of(authority, "server.pem", path, err));
    if (!file_is_there(key_path) ||
        key_file_read(key_path, &authority->server_key, err) != STATUS_OK) {
        buffer_clear(&authority->server_key);
    }
    if (!file_is_there(path) || file_read(path, &authority->server, err) != STATUS_OK) {
        buffer_clear(&authority->server);
    }
    TRY(authority_renew_server(authority, now_ms, &renewed, err));
    TRY(end_text(&authority->server_key, err));
    return end_text(&authority->server, err);
}

/* --- the door --------------------------------------------------------------------------------- */

static status open_parts(struct authority *authority, const struct authority_options *options,
                         struct error *err) {
    const int life = options->device_life_days;
    const int count = snprintf(authority->folder, PATH_MAX, "%s/authority", options->folder);
    if (count < 0 || count >= PATH_MAX || options->name_count > AUTHORITY_NAMES_MAX) {
        return fail(err, STATUS_INVALID, "a hub's path has less than %d bytes, and it %d names",
                    PATH_MAX, AUTHORITY_NAMES_MAX);
    }
    if (life != 0 && (life < AUTHORITY_LIFE_DAYS_LEAST || life > AUTHORITY_LIFE_DAYS_MOST)) {
        return fail(err, STATUS_INVALID, "certificates of devices last %d to %d days, not %d",
                    AUTHORITY_LIFE_DAYS_LEAST, AUTHORITY_LIFE_DAYS_MOST, life);
    }
    authority->device_life_days = life != 0 ? life : AUTHORITY_LIFE_DAYS;
    authority->name_count = options->name_count;
    for (uint32_t i = 0; i < options->name_count; i++) {
        (void)snprintf(authority->names[i], NAME_BYTES_MAX, "%.*s", SLICE_ARGS(options->names[i]));
    }
    TRY(file_make_folder(authority->folder, err));
    if (chmod(authority->folder, FOLDER_MODE) != 0) {
        return fail_errno(err, errno, "set the mode of '%s'", authority->folder);
    }
    TRY(open_authority(authority, options, err));
    TRY(choose_site(authority, options->site, err));
    return open_server(authority, options->now_ms, err);
}

status authority_open(const struct authority_options *options, struct authority **out_authority,
                      struct error *err) {
    struct authority *authority = memory_new(1, sizeof(*authority));
    if (authority == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the hub's authority");
    }
    buffer_init(&authority->certificate, CHAIN_BYTES_MAX);
    buffer_init(&authority->key, CERTIFICATE_KEY_BYTES_MAX);
    buffer_init(&authority->server, 2 * CHAIN_BYTES_MAX + 1);
    buffer_init(&authority->server_key, CERTIFICATE_KEY_BYTES_MAX + 1);
    const status code = open_parts(authority, options, err);
    if (code != STATUS_OK) {
        authority_close(authority);
        return code;
    }
    *out_authority = authority;
    return STATUS_OK;
}

void authority_close(struct authority *authority) {
    if (authority == NULL) {
        return;
    }
    buffer_done(&authority->certificate);
    secret_forget(&authority->key);
    buffer_done(&authority->server);
    secret_forget(&authority->server_key);
    memory_free(authority);
}

struct slice authority_certificate(const struct authority *authority) {
    return buffer_slice(&authority->certificate);
}

struct digest authority_pin(const struct authority *authority) {
    return authority->pin;
}

const char *authority_site(const struct authority *authority) {
    return authority->site;
}

struct slice authority_server_chain(const struct authority *authority) {
    return buffer_slice(&authority->server);
}

struct slice authority_server_key(const struct authority *authority) {
    return buffer_slice(&authority->server_key);
}

status authority_issue(const struct authority *authority, const struct authority_issue *issue,
                       struct buffer *out_pem, int64_t *out_not_after_ms, struct error *err) {
    char uuid[ID_UUID_BYTES + 1], uri[CERTIFICATE_URI_BYTES_MAX];
    id_write_uuid(issue->device, uuid);
    (void)snprintf(uri, sizeof(uri), "ebb://%s/device/%s", authority->site, uuid);
    const struct certificate_wish wish = {
        .use = CERTIFICATE_DEVICE,
        .serial = issue->serial,
        .subject = issue->name,
        .uri = slice_of(uri),
        .not_before_ms = issue->now_ms - EARLIER_MS,
        .not_after_ms = end_of(authority, issue->now_ms, authority->device_life_days),
    };
    if (issue->now_ms < authority->begins_ms) {
        return fail(err, STATUS_BUSY, "the hub's clock is wrong: try again when it is set");
    }
    if (issue->now_ms >= authority->ends_ms) {
        return fail(err, STATUS_DENIED, "the hub's authority has ended: give it a new one");
    }
    TRY(certificate_issue(buffer_slice(&authority->certificate), buffer_slice(&authority->key),
                          issue->request_pem, &wish, out_pem, err));
    *out_not_after_ms = wish.not_after_ms / 1000 * 1000;
    return STATUS_OK;
}
