/*
 * secret: what `secret:NAME` in a file stands for: a file of that name that only its owner may
 * read.
 *
 * It is looked for in $CREDENTIALS_DIRECTORY (systemd's LoadCredential=) and then in the secrets'
 * folder: the one that was said on the command line, else EBB__SECRETS__PATH, else `secrets` beside
 * the device's file that was named, else /etc/ebb/secrets for root and $XDG_CONFIG_HOME/ebb/secrets
 * (~/.config/ebb/secrets) for anybody else.
 *
 * Whoever reads one uses it at once and forgets it: it goes into no log, no answer of the API, no
 * context, no journal. Errors name secrets and never say what is in them.
 *
 * Thread: any; blocks on the disk (a small file). Survives: it is files.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

enum { SECRET_BYTES_MAX = 64 << 10, SECRET_PATH_BYTES_MAX = 4096 };

/* Whether the text is `secret:` and something; *out_name is what follows. */
bool secret_named(struct slice text, struct slice *out_name);

/* Appends the secret to the buffer, without the line end that a text file ends with. NOT_FOUND:
 * there is none, and how to make it; DENIED: others may read its file, or we may not; INVALID: it
 * is empty or the name is none; FULL: more than the buffer or SECRET_BYTES_MAX holds. */
status secret_read(struct slice name, struct buffer *out, struct error *err);

/* Overwrites the bytes, then buffer_done. */
void secret_forget(struct buffer *secret);

/* Writes the file, mode 0600, in the secrets' folder, which is made (0700). */
status secret_write(struct slice name, struct slice bytes, struct error *err);
status secret_remove(struct slice name, struct error *err);

/* One secret that is there. */
struct secret_entry {
    const char *name;
    const char *path;
    bool of_system;    /* it is one of systemd's credentials */
    const char *fault; /* why it would not be read; NULL: it would */
};

/* Calls `each` for every secret, in the order of the folders and then of the names. */
status secret_each(void (*each)(void *owner, const struct secret_entry *entry), void *owner,
                   struct error *err);

/* Chooses the process's folder of secrets, before other threads are there: the one that was said;
 * or `secrets` beside a device's file, where the environment says none. */
void secret_use_folder(const char *folder);
void secret_use_folder_beside(const char *device_file);

/* The folder in which secrets are written; "" where nothing says where that would be. */
void secret_folder(char out_path[SECRET_PATH_BYTES_MAX]);
