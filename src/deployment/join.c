// SPDX-License-Identifier: Apache-2.0
#include "deployment/join.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "deployment/enrolment.h"
#include "deployment/hub_visit.h"
#include "platform/http_client.h"
#include "wire/hub_address.h"

enum { FAULTS_BYTES_MAX = 1 << 20, LABELS_MAX = 64, SHOWN_MAX = 64, TELL_MS = 10000 };

/* --- where ------------------------------------------------------------------------------------ */

static const char *environment(const char *name) {
    return getenv(name);
}

static void print_faults(void *owner, const struct fault_list *faults) {
    CLEANUP(buffer_done) struct buffer said;
    (void)owner;
    buffer_init(&said, FAULTS_BYTES_MAX);
    fault_list_write(faults, &said);
    (void)fprintf(stderr, "%.*s", SLICE_ARGS(buffer_slice(&said)));
}

/* What root leaves in another one's folder is that one's: the daemon must read it. */
static status become_owner(const char *data, struct error *err) {
    struct stat facts;
    if (geteuid() != 0 || stat(data, &facts) != 0 || facts.st_uid == 0) {
        return STATUS_OK;
    }
    if (setegid(facts.st_gid) != 0 || seteuid(facts.st_uid) != 0) {
        return fail_errno(err, errno, "work as the owner of '%s'", data);
    }
    return STATUS_OK;
}

static status choose_place(struct arena *arena, const char *data, const char *config,
                           struct device *device, char out_data[DEVICE_FOLDER_BYTES_MAX],
                           struct error *err) {
    const struct device_files files = {
        .path = config, .environment = environment, .said = print_faults};
    TRY(device_load(arena, &files, device, err));
    TRY(device_data_folder(device, data, environment, out_data, err));
    return become_owner(out_data, err);
}

/* --- joining ---------------------------------------------------------------------------------- */

static status add_address(struct arena *arena, struct slice text, struct identity *identity,
                          struct error *err) {
    struct hub_address address;
    char whole[HUB_ADDRESS_BYTES_MAX];
    TRY(hub_address_read(text, &address, err));
    hub_address_write(&address, whole);
    return identity_add_hub(identity, arena, slice_of(whole))
               ? STATUS_OK
               : fail(err, STATUS_FULL, "a device knows at most %d addresses of its hub",
                      IDENTITY_HUBS_MAX);
}

static status choose_hubs(struct arena *arena, const struct join_options *options,
                          const struct token *token, struct identity *identity, struct error *err) {
    struct slice rest = slice_of(token->addresses);
    if (options->hub != NULL) {
        TRY(add_address(arena, slice_of(options->hub), identity, err));
    }
    while (rest.count > 0) {
        const size_t end = slice_find(rest, ' ');
        if (end > 0) {
            TRY(add_address(arena, slice_part(rest, 0, end), identity, err));
        }
        rest = slice_part(rest, end + 1, rest.count);
    }
    return identity->hubs[0] != NULL
               ? STATUS_OK
               : fail(err, STATUS_INVALID,
                      "the token does not say where its hub is: --hub HOST:PORT does");
}

/* The texts of "key=value", behind the labels of the device's files. */
static status read_labels(struct arena *arena, const struct join_options *options,
                          const struct device *device, struct value *out_labels,
                          struct error *err) {
    const uint32_t had = device->labels.kind == VALUE_OBJECT ? device->labels.count : 0;
    struct member *members = value_new_object(arena, had + LABELS_MAX, out_labels);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for labels");
    }
    out_labels->count = had;
    for (uint32_t i = 0; i < had; i++) {
        members[i] = device->labels.members[i];
    }
    for (int i = 0; options->labels != NULL && options->labels[i] != NULL; i++) {
        const struct slice text = slice_of(options->labels[i]);
        const size_t equals = slice_find(text, '=');
        const struct slice name = slice_part(text, 0, equals);
        if (equals == text.count || !text_is_name(name) || i == LABELS_MAX) {
            return fail(err, STATUS_INVALID,
                        "--label '%.*s' is no NAME=VALUE with a name of small letters, digits and "
                        "'-'",
                        SLICE_ARGS(slice_part(text, 0, SHOWN_MAX)));
        }
        members[out_labels->count++] = (struct member){
            .name = name, .value = value_of_text(slice_part(text, equals + 1, text.count))};
    }
    return STATUS_OK;
}

static status choose_wish(struct arena *arena, const struct join_options *options,
                          const struct device *device, struct enrolment_wish *wish,
                          struct error *err) {
    wish->name = options->name != NULL ? slice_of(options->name) : device->name;
    if (options->name != NULL && !text_is_name(wish->name)) {
        return fail(err, STATUS_INVALID,
                    "'%.64s' cannot be the name of a device: names are small letters, digits and "
                    "'-'",
                    options->name);
    }
    wish->facts = enrolment_facts(arena);
    return read_labels(arena, options, device, &wish->labels, err);
}

/* What was told at joining is kept with the identity; what the device's files say is not, so that
 * it can change. */
static const char *choose_proxy(const char *told, const struct device *device) {
    return told == NULL && device->proxy.count > 0 ? device->proxy.bytes : told;
}

static status ask(struct arena *arena, const char *proxy, const struct token *token,
                  struct slice body, struct identity *identity, struct error *err) {
    CLEANUP(buffer_done) struct buffer answer;
    const struct slice pin = {.bytes = (const char *)token->pin, .count = TOKEN_PIN_BYTES};
    const struct hub_visit visit = {.link = {.hubs = identity->hubs, .pin = pin, .proxy = proxy},
                                    .path = "/v1/enrol",
                                    .body = body};
    struct enrolment_reply reply = {.key_pem = identity->key, .pin = pin};
    buffer_init(&answer, ENROLMENT_ANSWER_BYTES_MAX);
    TRY(hub_visit(&visit, &reply.code, &answer, err));
    reply.body = buffer_slice(&answer);
    return enrolment_answer_read(arena, &reply, identity, err);
}

static status check_not_joined(const char *data, struct arena *arena, struct error *err) {
    struct identity before;
    const status code = identity_load(data, arena, &before, err);
    if (code == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    if (code != STATUS_OK) {
        return fail_while(err, "this device has joined a hub (`ebb leave` forgets it)");
    }
    identity_forget(&before);
    return fail(err, STATUS_CONFLICT,
                "this device has joined a hub already, as '%.*s' of site '%.*s'; `ebb leave` "
                "first",
                SLICE_ARGS(before.name), SLICE_ARGS(before.site));
}

status join_hub(const struct join_options *options, struct arena *arena, struct joined *out_joined,
                struct error *err) {
    struct device device;
    struct token token;
    struct enrolment_wish wish;
    struct identity *identity = &out_joined->identity;
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, LINK_QUEUE_BYTES_MAX);
    *out_joined = (struct joined){0};
    TRY(token_read(slice_of(options->token), &token, err));
    TRY(choose_place(arena, options->data, options->config, &device, out_joined->data, err));
    TRY(check_not_joined(out_joined->data, arena, err));
    TRY(choose_hubs(arena, options, &token, identity, err));
    TRY(choose_wish(arena, options, &device, &wish, err));
    TRY(identity_key(out_joined->data, arena, &identity->key, err));
    TRY(enrolment_request_write(&token, identity->key, &wish, &body, err));
    const char *proxy = choose_proxy(options->proxy, &device);
    if (ask(arena, proxy, &token, buffer_slice(&body), identity, err) != STATUS_OK) {
        return fail_while(err, "join the hub at %.100s", identity->hubs[0]);
    }
    identity->proxy = options->proxy;
    out_joined->hub_knows = true;
    return identity_save(out_joined->data, identity, err);
}

/* --- leaving ---------------------------------------------------------------------------------- */

static bool tell_hub(const struct identity *identity, const struct device *device) {
    enum { ACCEPTED = 200 };
    CLEANUP(buffer_done) struct buffer answer;
    struct error err;
    int code = 0;
    const struct hub_visit visit = {.link = {.hubs = identity->hubs,
                                             .pin = digest_slice(&identity->pin),
                                             .certificate = identity->certificate,
                                             .key = identity->key,
                                             .proxy = choose_proxy(identity->proxy, device)},
                                    .path = "/v1/leave",
                                    .body = SLICE("{}")};
    buffer_init(&answer, ENROLMENT_ANSWER_BYTES_MAX);
    return hub_visit(&visit, &code, &answer, &err) == STATUS_OK && code == ACCEPTED;
}

status join_leave(const char *data, const char *config, struct arena *arena,
                  struct joined *out_joined, struct error *err) {
    struct device device;
    struct identity *identity = &out_joined->identity;
    *out_joined = (struct joined){0};
    TRY(choose_place(arena, data, config, &device, out_joined->data, err));
    struct error why = {0};
    bool removed = false;
    /* What cannot be read can be forgotten, and so can a key that has joined nothing. */
    out_joined->hub_knows = identity_load(out_joined->data, arena, identity, &why) == STATUS_OK &&
                            tell_hub(identity, &device);
    TRY(identity_remove(out_joined->data, &removed, err));
    return removed ? STATUS_OK : fail(err, why.code, "%s", why.text);
}

status join_tell(const char *socket, struct error *err) {
    enum { DONE = 200 };
    CLEANUP(buffer_done) struct buffer answer;
    const struct http_question question = {.socket_path = socket,
                                           .method = "POST",
                                           .path = SLICE("/v1/sync/reload"),
                                           .timeout_ms = TELL_MS};
    int code = 0;
    buffer_init(&answer, ENROLMENT_ANSWER_BYTES_MAX);
    TRY(http_ask(&question, &code, &answer, err));
    return code == DONE ? STATUS_OK : fail(err, STATUS_DENIED, "it answers with code %d", code);
}
