// SPDX-License-Identifier: Apache-2.0
#include "deployment/identity.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "platform/certificate.h"
#include "platform/file.h"
#include "platform/json.h"
#include "platform/key_file.h"
#include "platform/secret.h"

enum { FORMAT = 1, TENTH = 10, JITTER_STEPS = 1000 };

static status path_of(const char *data, const char *name, char out[PATH_MAX], struct error *err) {
    const int count = snprintf(out, PATH_MAX, "%s/%s", data, name);
    return count > 0 && count < PATH_MAX
               ? STATUS_OK
               : fail(err, STATUS_INVALID, "the path of the data folder is too long");
}

/* --- the key ---------------------------------------------------------------------------------- */

status identity_key(const char *data, struct arena *arena, struct slice *out_pem,
                    struct error *err) {
    char path[PATH_MAX];
    CLEANUP(secret_forget) struct buffer key;
    buffer_init(&key, CERTIFICATE_KEY_BYTES_MAX);
    TRY(path_of(data, "identity.key", path, err));
    if (!file_is_there(path)) {
        TRY(file_make_folder(data, err));
        TRY(key_file_make(path, &key, err));
    }
    TRY(key_file_read(path, &key, err));
    *out_pem = arena_copy(arena, buffer_slice(&key));
    return out_pem->bytes != NULL ? STATUS_OK
                                  : fail(err, STATUS_NO_MEMORY, "no memory for the key");
}

void identity_forget(struct identity *identity) {
    if (identity->key.bytes != NULL) {
        explicit_bzero((char *)(uintptr_t)identity->key.bytes, identity->key.count);
        identity->key = (struct slice){0};
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

static struct slice text_of(struct value object, const char *name) {
    const struct value *member = value_get(object, slice_of(name));
    return member != NULL && member->kind == VALUE_TEXT ? value_text(*member) : SLICE("");
}

bool identity_add_hub(struct identity *identity, struct arena *arena, struct slice address) {
    int count = 0;
    while (identity->hubs[count] != NULL) {
        if (slice_is(address, identity->hubs[count])) {
            return true;
        }
        count++;
    }
    const struct slice copy = arena_copy(arena, address);
    if (count == IDENTITY_HUBS_MAX || copy.bytes == NULL) {
        return false;
    }
    identity->hubs[count] = copy.bytes;
    return true;
}

static status read_hubs(struct value object, struct arena *arena, struct identity *identity,
                        struct error *err) {
    const struct value *hubs = value_get(object, SLICE("hubs"));
    for (uint32_t i = 0; hubs != NULL && hubs->kind == VALUE_LIST && i < hubs->count; i++) {
        if (!identity_add_hub(identity, arena, value_text(hubs->items[i]))) {
            return fail(err, STATUS_CORRUPT, "it names more than %d hubs", IDENTITY_HUBS_MAX);
        }
    }
    return identity->hubs[0] != NULL ? STATUS_OK : fail(err, STATUS_CORRUPT, "it names no hub");
}

/* What can be told from the certificate is told from it. */
static status read_certificate(struct identity *identity, struct error *err) {
    struct certificate_facts facts;
    struct digest key;
    struct slice rest = identity->certificate;
    struct slice own;
    if (!certificate_next(&rest, &own) || certificate_read(own, &facts, err) != STATUS_OK) {
        return fail(err, STATUS_CORRUPT, "its certificate cannot be read");
    }
    TRY(certificate_key_digest(identity->key, &key, err));
    if (!digest_equal(key, facts.spki)) {
        return fail(err, STATUS_CORRUPT, "its certificate is not for the key in identity.key");
    }
    identity->authority = slice_trim(rest);
    identity->serial = facts.serial;
    identity->not_before_ms = facts.not_before_ms;
    identity->not_after_ms = facts.not_after_ms;
    return STATUS_OK;
}

static status read_object(struct value object, struct arena *arena, struct identity *identity,
                          struct error *err) {
    const struct value *format = value_get(object, SLICE("ebb"));
    const struct slice proxy = text_of(object, "proxy");
    if (format == NULL || format->kind != VALUE_INTEGER) {
        return fail(err, STATUS_CORRUPT, "it is none of ours");
    }
    if (format->integer != FORMAT) {
        return fail(err, STATUS_INVALID, "it is of version %lld, and this ebb knows version %d",
                    (long long)format->integer, FORMAT);
    }
    identity->name = text_of(object, "name");
    identity->site = text_of(object, "site");
    identity->certificate = text_of(object, "certificate");
    if (proxy.count > 0) {
        identity->proxy = arena_copy(arena, proxy).bytes;
    }
    if (!id_read(text_of(object, "device"), &identity->device) ||
        !digest_read(text_of(object, "pin"), &identity->pin)) {
        return fail(err, STATUS_CORRUPT, "its id or its pin is none");
    }
    return read_hubs(object, arena, identity, err);
}

static status load(const char *path, const char *key_path, struct arena *arena,
                   struct identity *identity, struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    CLEANUP(secret_forget) struct buffer key;
    struct value object;
    buffer_init(&text, IDENTITY_FILE_BYTES_MAX);
    buffer_init(&key, CERTIFICATE_KEY_BYTES_MAX);
    TRY(file_read(path, &text, err));
    if (json_read(arena, buffer_slice(&text), &object, err) != STATUS_OK) {
        err->code = STATUS_CORRUPT;
        return STATUS_CORRUPT;
    }
    TRY(key_file_read(key_path, &key, err));
    identity->key = arena_copy(arena, buffer_slice(&key));
    if (identity->key.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the key");
    }
    TRY(read_object(object, arena, identity, err));
    return read_certificate(identity, err);
}

status identity_load(const char *data, struct arena *arena, struct identity *out_identity,
                     struct error *err) {
    char path[PATH_MAX], key_path[PATH_MAX];
    struct error why = {0};
    struct identity identity = {0};
    TRY(path_of(data, "hub.json", path, err));
    TRY(path_of(data, "identity.key", key_path, err));
    if (!file_is_there(path)) {
        return fail(err, STATUS_NOT_FOUND, "this device has joined no hub; `ebb join TOKEN` does");
    }
    if (load(path, key_path, arena, &identity, &why) != STATUS_OK) {
        return fail(err, why.code, "read '%.200s': %.250s", path, why.text);
    }
    *out_identity = identity;
    return STATUS_OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void write_text(struct buffer *out, const char *name, struct slice text) {
    buffer_print(out, ",\n  \"%s\": ", name);
    json_write_text(out, text);
}

static void write_identity(const struct identity *identity, struct buffer *out) {
    char device[ID_UUID_BYTES + 1], pin[DIGEST_HEX_BYTES + 1];
    id_write_uuid(identity->device, device);
    digest_write(identity->pin, pin);
    buffer_print(out, "{\n  \"ebb\": %d", FORMAT);
    write_text(out, "device", slice_of(device));
    write_text(out, "name", identity->name);
    write_text(out, "site", identity->site);
    write_text(out, "pin", slice_of(pin));
    buffer_add_text(out, ",\n  \"hubs\": [");
    for (int i = 0; identity->hubs[i] != NULL; i++) {
        buffer_add_text(out, i > 0 ? ", " : "");
        json_write_text(out, slice_of(identity->hubs[i]));
    }
    buffer_add_text(out, "]");
    if (identity->proxy != NULL) {
        write_text(out, "proxy", slice_of(identity->proxy));
    }
    write_text(out, "certificate", identity->certificate);
    buffer_add_text(out, "\n}\n");
}

static status check_pair(const char *data, const struct identity *identity, struct error *err) {
    char path[PATH_MAX];
    struct certificate_facts facts;
    struct digest key;
    CLEANUP(secret_forget) struct buffer pem;
    buffer_init(&pem, CERTIFICATE_KEY_BYTES_MAX);
    TRY(path_of(data, "identity.key", path, err));
    TRY(key_file_read(path, &pem, err));
    TRY(certificate_key_digest(buffer_slice(&pem), &key, err));
    TRY(certificate_read(identity->certificate, &facts, err));
    return digest_equal(key, facts.spki)
               ? STATUS_OK
               : fail(err, STATUS_CONFLICT,
                      "the key in '%.300s' is another one meanwhile: join again", path);
}

status identity_save(const char *data, const struct identity *identity, struct error *err) {
    char path[PATH_MAX];
    CLEANUP(secret_forget) struct buffer text; /* a proxy's password stands in it */
    buffer_init(&text, IDENTITY_FILE_BYTES_MAX);
    TRY(path_of(data, "hub.json", path, err));
    TRY(check_pair(data, identity, err));
    write_identity(identity, &text);
    TRY(buffer_status(&text, err));
    return file_replace_private(path, buffer_slice(&text), err);
}

status identity_remove(const char *data, bool *out_removed, struct error *err) {
    static const char *const NAMES[] = {"hub.json", "identity.key"};
    *out_removed = false;
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        char path[PATH_MAX];
        TRY(path_of(data, NAMES[i], path, err));
        if (file_is_there(path)) {
            TRY(file_remove(path, err));
            *out_removed = true;
        }
    }
    return *out_removed ? file_sync_folder(data, err) : STATUS_OK;
}

/* --- renewing --------------------------------------------------------------------------------- */

int64_t identity_renewal_ms(const struct identity *identity) {
    const int64_t life_ms = identity->not_after_ms - identity->not_before_ms;
    /* The last bytes of a serial are by chance, and the same at every start. */
    const uint32_t chance = (uint32_t)identity->serial.bytes[ID_BYTES - 1] |
                            (uint32_t)identity->serial.bytes[ID_BYTES - 2] << 8;
    const int64_t step = (int64_t)(chance % (2 * JITTER_STEPS + 1)) - JITTER_STEPS;
    return identity->not_before_ms + life_ms / 2 + life_ms / TENTH / JITTER_STEPS * step;
}

bool identity_is_due(const struct identity *identity, struct moment now) {
    return now.quality != CLOCK_BAD && now.wall_ms >= identity_renewal_ms(identity);
}
