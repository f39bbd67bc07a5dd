// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_restore.h"

#include "base/buffer.h"
#include "base/time.h"
#include "hub/hub_call.h"
#include "hub/hub_folder.h"
#include "hub/store/hub_backup.h"
#include "platform/file.h"
#include "platform/seal.h"
#include "platform/secret.h"

enum { ANSWER_BYTES_MAX = 16 << 10 };

static void write_json(struct buffer *out, const char *data, const struct hub_backup_facts *facts) {
    buffer_add_byte(out, '{');
    hub_call_write_text(out, "data", slice_of(data));
    buffer_add_byte(out, ',');
    hub_call_write_time(out, "made_at", facts->made_ms);
    buffer_print(out, ",\"records\":%lld,\"streams\":%lld,\"devices\":%lld,\"key\":%s}\n",
                 (long long)facts->records, (long long)facts->streams, (long long)facts->devices,
                 facts->has_key ? "true" : "false");
}

static void write_words(struct buffer *out, const char *data,
                        const struct hub_backup_facts *facts) {
    char moment[TIME_TEXT_BYTES] = "";
    time_write(facts->made_ms, moment);
    buffer_print(out,
                 "A hub of %s is in %s: %lld devices, %lld records in %lld streams.\n"
                 "Start it with `ebb hub serve --data %s`. Devices notice: each sends again what "
                 "came after\nthe backup and is still on it, and a gap for what is not. Who joined "
                 "after the backup joins\nagain, and who was revoked after it is to be revoked "
                 "again.\n",
                 moment, data, (long long)facts->devices, (long long)facts->records,
                 (long long)facts->streams, data);
    if (facts->has_certificate && !facts->has_key) {
        buffer_print(out,
                     "The backup has no key: put the authority's into %s/authority/key.pem (mode "
                     "0600) first.\n",
                     data);
    } else if (!facts->has_certificate) {
        buffer_add_text(out, "Its authority is one of your own: name it with --authority and "
                             "--authority-key.\n");
    }
}

status hub_restore(const struct hub_restore_options *options, struct error *err) {
    char data[HUB_FOLDER_BYTES_MAX];
    struct hub_backup_facts facts;
    struct file_lock *lock = NULL;
    CLEANUP(secret_forget) struct buffer passphrase;
    buffer_init(&passphrase, SEAL_PASSPHRASE_FILE_BYTES_MAX);
    if (options->passphrase_file != NULL) {
        TRY(seal_read_passphrase(options->passphrase_file, &passphrase, err));
    }
    TRY(hub_folder_choose(options->data, data, err));
    TRY(file_lock_take(data, &lock, err));
    const status restored =
        hub_backup_restore(options->path, data, buffer_slice(&passphrase), &facts, err);
    file_lock_drop(lock);
    TRY(restored);
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, ANSWER_BYTES_MAX);
    if (options->json) {
        write_json(&text, data, &facts);
    } else {
        write_words(&text, data, &facts);
    }
    TRY(buffer_status(&text, err));
    (void)fprintf(options->out, "%.*s", SLICE_ARGS(buffer_slice(&text)));
    return fflush(options->out) == 0 ? STATUS_OK
                                     : fail(err, STATUS_SYSTEM, "the answer cannot be written");
}
