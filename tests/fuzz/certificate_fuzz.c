// SPDX-License-Identifier: Apache-2.0
/* Any bytes as PEM and as DER: a certificate, a chain, a request. What is refused is refused with a
 * sentence; the pieces of a chain lie in it, one behind the other. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "platform/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void check_certificate(struct slice input) {
    struct certificate_facts facts;
    struct error err;
    if (certificate_read(input, &facts, &err) != STATUS_OK) {
        need(err.text[0] != '\0');
        return;
    }
    need(strlen(facts.uri) < sizeof(facts.uri));
    (void)certificate_is_for(input, "hub.example");
    need(certificate_check_issuer(input, input, &err) == STATUS_OK || err.text[0] != '\0');
}

static void check_request(struct slice pem) {
    struct digest spki;
    struct error err;
    need(certificate_request_check(pem, &spki, &err) == STATUS_OK || err.text[0] != '\0');
}

static void check_chain(struct slice input) {
    struct slice rest = input;
    struct slice piece;
    while (certificate_next(&rest, &piece)) {
        need(piece.count > 0 && piece.bytes >= input.bytes);
        need(rest.count == 0 || rest.bytes == piece.bytes + piece.count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const struct slice input = {.bytes = (const char *)bytes, .count = count};
    struct buffer pem;
    buffer_init(&pem, 1 << 20);
    check_certificate(input);
    check_chain(input);
    check_request(input);
    buffer_add_text(&pem, "-----BEGIN CERTIFICATE REQUEST-----\n");
    base64_write(&pem, input);
    buffer_add_text(&pem, "\n-----END CERTIFICATE REQUEST-----\n");
    check_request(buffer_slice(&pem));
    buffer_done(&pem);
    return 0;
}
