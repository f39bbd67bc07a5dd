// SPDX-License-Identifier: Apache-2.0
#include "platform/key_file.h"

#include <errno.h>
#include <sys/stat.h>

#include "platform/certificate.h"
#include "platform/file.h"

enum { OTHERS = 0077 };

status key_file_make(const char *path, struct buffer *out_pem, struct error *err) {
    buffer_clear(out_pem);
    TRY(certificate_key_make(out_pem, err));
    return file_replace_private(path, buffer_slice(out_pem), err);
}

status key_file_read(const char *path, struct buffer *out_pem, struct error *err) {
    struct stat facts;
    struct digest spki;
    if (stat(path, &facts) != 0) {
        return fail_errno(err, errno, "look at the key '%s'", path);
    }
    if ((facts.st_mode & OTHERS) != 0) {
        return fail(err, STATUS_DENIED, "the key '%.200s' is open to others: chmod 600 %.200s",
                    path, path);
    }
    buffer_clear(out_pem);
    TRY(file_read(path, out_pem, err));
    return certificate_key_digest(buffer_slice(out_pem), &spki, err) == STATUS_OK
               ? STATUS_OK
               : fail(err, STATUS_CORRUPT, "'%.300s' is no key", path);
}
