// SPDX-License-Identifier: Apache-2.0
#include "platform/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "platform/file.h"

enum {
    OTHERS = 0077,           /* what a secret of ours grants nobody */
    OTHERS_OF_SYSTEM = 0007, /* systemd lets a service's user in by its group */
    FOLDER_MODE = 0700
};

static const char PREFIX[] = "secret:";

/* Like the umask, one for the process: set by main before there are threads. */
static char chosen_folder[SECRET_PATH_BYTES_MAX];

void secret_use_folder(const char *folder) {
    (void)snprintf(chosen_folder, sizeof(chosen_folder), "%s", folder);
}

void secret_use_folder_beside(const char *device_file) {
    const char *said = getenv("EBB__SECRETS__PATH");
    const char *slash = strrchr(device_file, '/');
    if (said == NULL || said[0] == '\0') {
        (void)snprintf(chosen_folder, sizeof(chosen_folder), "%.*ssecrets",
                       slash != NULL ? (int)(slash - device_file) + 1 : 0, device_file);
    }
}

/* The folder when nobody says otherwise. */
static void usual_folder(char out_path[SECRET_PATH_BYTES_MAX]) {
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    out_path[0] = '\0';
    if (geteuid() == 0) {
        (void)snprintf(out_path, SECRET_PATH_BYTES_MAX, "/etc/ebb/secrets");
    } else if (config != NULL && config[0] == '/') {
        (void)snprintf(out_path, SECRET_PATH_BYTES_MAX, "%s/ebb/secrets", config);
    } else if (home != NULL && home[0] == '/') {
        (void)snprintf(out_path, SECRET_PATH_BYTES_MAX, "%s/.config/ebb/secrets", home);
    }
}

void secret_folder(char out_path[SECRET_PATH_BYTES_MAX]) {
    const char *said = getenv("EBB__SECRETS__PATH");
    if (chosen_folder[0] != '\0') {
        (void)snprintf(out_path, SECRET_PATH_BYTES_MAX, "%s", chosen_folder);
    } else if (said != NULL && said[0] != '\0') {
        (void)snprintf(out_path, SECRET_PATH_BYTES_MAX, "%s", said);
    } else {
        usual_folder(out_path);
    }
}

bool secret_named(struct slice text, struct slice *out_name) {
    if (!slice_starts(text, PREFIX)) {
        return false;
    }
    *out_name = slice_part(text, sizeof(PREFIX) - 1, text.count);
    return true;
}

static status check_name(struct slice name, struct error *err) {
    return text_is_name(name)
               ? STATUS_OK
               : fail(err, STATUS_INVALID,
                      "'%.*s' is no name of a secret: small letters, digits and -, such as "
                      "desk-hmac",
                      SLICE_ARGS(slice_part(name, 0, 64)));
}

/* FOLDER/NAME; false: there is no such file. */
static bool find_in(const char *folder, struct slice name, char out_path[SECRET_PATH_BYTES_MAX],
                    struct stat *out_facts) {
    if (folder == NULL || folder[0] == '\0') {
        return false;
    }
    const int count =
        snprintf(out_path, SECRET_PATH_BYTES_MAX, "%s/%.*s", folder, SLICE_ARGS(name));
    return count > 0 && count < SECRET_PATH_BYTES_MAX && stat(out_path, out_facts) == 0;
}

/* "--folder DIR" is said where `ebb secret set` would otherwise write somewhere else. */
static status say_missing(struct slice name, const char *folder, struct error *err) {
    char usual[SECRET_PATH_BYTES_MAX];
    usual_folder(usual);
    const bool elsewhere = folder[0] != '\0' && strcmp(folder, usual) != 0;
    return fail(err, STATUS_NOT_FOUND, "no secret '%.*s': `ebb secret set %.*s%s%.600s`",
                SLICE_ARGS(name), SLICE_ARGS(name), elsewhere ? " --folder " : "",
                elsewhere ? folder : "");
}

static bool is_open_to_others(const struct stat *facts, bool of_system) {
    return (facts->st_mode & (of_system ? OTHERS_OF_SYSTEM : OTHERS)) != 0;
}

static status locate(struct slice name, char out_path[SECRET_PATH_BYTES_MAX], struct error *err) {
    char folder[SECRET_PATH_BYTES_MAX];
    struct stat facts;
    TRY(check_name(name, err));
    secret_folder(folder);
    const bool of_system = find_in(getenv("CREDENTIALS_DIRECTORY"), name, out_path, &facts);
    if (!of_system && !find_in(folder, name, out_path, &facts)) {
        return say_missing(name, folder, err);
    }
    if (is_open_to_others(&facts, of_system)) {
        return fail(err, STATUS_DENIED, "secret '%.*s' is readable by others: chmod 600 %.600s",
                    SLICE_ARGS(name), out_path);
    }
    return STATUS_OK;
}

status secret_read(struct slice name, struct buffer *out, struct error *err) {
    char path[SECRET_PATH_BYTES_MAX];
    CLEANUP(secret_forget) struct buffer bytes;
    buffer_init(&bytes, SECRET_BYTES_MAX);
    TRY(locate(name, path, err));
    if (file_read(path, &bytes, err) != STATUS_OK) {
        return fail_while(err, "read secret '%.*s'", SLICE_ARGS(name));
    }
    struct slice secret = buffer_slice(&bytes);
    if (slice_ends(secret, "\n")) {
        secret.count -= slice_ends(secret, "\r\n") ? 2 : 1;
    }
    if (secret.count == 0) {
        return fail(err, STATUS_INVALID, "secret '%.*s' is empty", SLICE_ARGS(name));
    }
    buffer_add(out, secret);
    return buffer_status(out, err) == STATUS_OK
               ? STATUS_OK
               : fail_while(err, "read secret '%.*s'", SLICE_ARGS(name));
}

void secret_forget(struct buffer *secret) {
    if (secret->bytes != NULL) {
        explicit_bzero(secret->bytes, secret->room);
    }
    buffer_done(secret);
}

static status own_path(struct slice name, char out_folder[SECRET_PATH_BYTES_MAX],
                       char out_path[SECRET_PATH_BYTES_MAX], struct error *err) {
    TRY(check_name(name, err));
    secret_folder(out_folder);
    if (out_folder[0] == '\0') {
        return fail(err, STATUS_INVALID,
                    "there is no folder for secrets: neither HOME nor "
                    "EBB__SECRETS__PATH is set");
    }
    const int count =
        snprintf(out_path, SECRET_PATH_BYTES_MAX, "%s/%.*s", out_folder, SLICE_ARGS(name));
    return count > 0 && count < SECRET_PATH_BYTES_MAX
               ? STATUS_OK
               : fail(err, STATUS_INVALID, "the path of the secrets' folder is too long");
}

status secret_write(struct slice name, struct slice bytes, struct error *err) {
    char folder[SECRET_PATH_BYTES_MAX];
    char path[SECRET_PATH_BYTES_MAX];
    struct file_facts facts;
    TRY(own_path(name, folder, path, err));
    if (bytes.count == 0 || bytes.count > SECRET_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a secret has 1 to %d bytes, not %zu", SECRET_BYTES_MAX,
                    bytes.count);
    }
    if (file_facts(folder, &facts, NULL) != STATUS_OK) {
        TRY(file_make_folder(folder, err));
        if (chmod(folder, FOLDER_MODE) != 0) {
            return fail_errno(err, errno, "set the mode of '%s'", folder);
        }
    }
    return file_replace_private(path, bytes, err);
}

status secret_remove(struct slice name, struct error *err) {
    char folder[SECRET_PATH_BYTES_MAX];
    char path[SECRET_PATH_BYTES_MAX];
    struct file_facts facts;
    TRY(own_path(name, folder, path, err));
    if (file_facts(path, &facts, NULL) == STATUS_NOT_FOUND) {
        return fail(err, STATUS_NOT_FOUND, "there is no secret '%.*s' in %s", SLICE_ARGS(name),
                    folder);
    }
    return file_remove(path, err);
}

/* One folder that is being listed. */
struct listing {
    const char *folder;
    bool of_system;
    void (*each)(void *owner, const struct secret_entry *entry);
    void *owner;
};

static bool list_one(void *owner, const char *name) {
    const struct listing *listing = owner;
    char path[SECRET_PATH_BYTES_MAX];
    struct stat facts;
    if (!text_is_name(slice_of(name)) || !find_in(listing->folder, slice_of(name), path, &facts) ||
        !S_ISREG(facts.st_mode)) {
        return true;
    }
    const struct secret_entry entry = {
        .name = name,
        .path = path,
        .of_system = listing->of_system,
        .fault = is_open_to_others(&facts, listing->of_system) ? "readable by others"
                 : facts.st_size == 0                          ? "empty"
                 : facts.st_size > SECRET_BYTES_MAX            ? "too large"
                                                               : NULL,
    };
    listing->each(listing->owner, &entry);
    return true;
}

static status list_folder(struct listing *listing, const char *folder, struct error *err) {
    if (folder == NULL || folder[0] == '\0') {
        return STATUS_OK;
    }
    listing->folder = folder;
    const status code = file_list(folder, list_one, listing, err);
    return code == STATUS_NOT_FOUND ? STATUS_OK : code;
}

status secret_each(void (*each)(void *owner, const struct secret_entry *entry), void *owner,
                   struct error *err) {
    char folder[SECRET_PATH_BYTES_MAX];
    struct listing listing = {.of_system = true, .each = each, .owner = owner};
    TRY(list_folder(&listing, getenv("CREDENTIALS_DIRECTORY"), err));
    secret_folder(folder);
    listing.of_system = false;
    return list_folder(&listing, folder, err);
}
