// SPDX-License-Identifier: Apache-2.0
#include "platform/inference_library.h"

#include <dlfcn.h>
#include <onnxruntime/onnxruntime_c_api.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "platform/clock.h"
#include "platform/file.h"

enum {
    API_LEAST = 12, /* what SessionOptionsAppendExecutionProvider came with */
    LINES_A_MINUTE = 30,
    SENTENCE_BYTES_MAX = 320,
    PATH_BYTES_MAX = 4096
};
static const int64_t MINUTE_NS = (int64_t)60 * 1000000000;

/* The system's, as upstream and as Debian name it. */
static const char *const SYSTEM_NAMES[] = {"libonnxruntime.so.1", "libonnxruntime.so.1.21", NULL};

/* How its warning about graphs that are saved begins. */
static const char SAVING[] = "Serializing optimized model";

/* The end of "file.cc:12 status Name::of(a function)", or NULL when the text does not begin so. */
static const char *end_of_place(const char *text) {
    const char *dot = strpbrk(text, ".\n ");
    if (dot == NULL || *dot != '.' || text[0] != '/' || strchr(dot, ':') == NULL) {
        return NULL;
    }
    const char *at = strchr(dot, '(');
    int depth = 0;
    while (at != NULL && *at != '\0') {
        depth += *at == '(' ? 1 : *at == ')' ? -1 : 0;
        at++;
        if (depth == 0) {
            return at + strspn(at, " ");
        }
    }
    return NULL;
}

/* Of a model that is too new the library has a page to say, and what one asks for at its end. */
static bool is_opset(const char *text, char out_line[SENTENCE_BYTES_MAX]) {
    const char *wanted = strstr(text, "Opset ");
    const char *known = strstr(text, "till opset ");
    unsigned wanted_number = 0;
    unsigned known_number = 0;
    if (wanted == NULL || known == NULL || sscanf(wanted, "Opset %u is", &wanted_number) != 1 ||
        sscanf(known, "till opset %u", &known_number) != 1) {
        return false;
    }
    (void)snprintf(out_line, SENTENCE_BYTES_MAX,
                   "the model is of opset %u, this ONNX Runtime knows them up to %u: take a newer "
                   "ONNX Runtime, or export the model for an older opset",
                   wanted_number, known_number);
    return true;
}

/* The first line, without what only those who know the library's source have a use for. */
static void first_line(const char *text, char out_line[SENTENCE_BYTES_MAX]) {
    if (is_opset(text, out_line)) {
        return;
    }
    const char *loading = "Load model from ";
    const char *failed =
        strncmp(text, loading, strlen(loading)) == 0 ? strstr(text, "failed:") : NULL;
    text = failed != NULL ? failed + strlen("failed:") : text;
    const char *end = end_of_place(text);
    text = end != NULL ? end : text;
    size_t count = 0;
    while (text[count] != '\0' && text[count] != '\n' && count < SENTENCE_BYTES_MAX - 1) {
        out_line[count] = text[count] >= ' ' ? text[count] : ' ';
        count++;
    }
    out_line[count] = '\0';
}

/* Lines of this minute; those beyond the bound are counted and told of with the next minute. */
static bool may_speak(uint64_t *out_dropped) {
    static _Atomic int64_t minute;
    static _Atomic uint32_t lines;
    static _Atomic uint64_t dropped;
    const int64_t now = clock_boot_ns() / MINUTE_NS;
    if (atomic_exchange(&minute, now) != now) {
        atomic_store(&lines, 0);
    }
    if (atomic_fetch_add(&lines, 1) < LINES_A_MINUTE) {
        *out_dropped = atomic_exchange(&dropped, 0);
        return true;
    }
    atomic_fetch_add(&dropped, 1);
    return false;
}

static void take_line(void *owner, OrtLoggingLevel level, const char *category, const char *log,
                      const char *place, const char *message) {
    (void)owner;
    (void)category;
    (void)log;
    (void)place;
    char line[SENTENCE_BYTES_MAX];
    uint64_t dropped;
    /* Errors come back as what the call says; its warnings are for who makes models. Whether a
     * graph that was saved is for this machine, its stamp says (model/compiled_stamp). */
    const bool is_known = strncmp(message, SAVING, strlen(SAVING)) == 0;
    if (level == ORT_LOGGING_LEVEL_WARNING && !is_known && may_speak(&dropped)) {
        first_line(message, line);
        if (dropped > 0) {
            log_line(LOG_INFO, "platform", "ONNX Runtime: %llu lines were left out",
                     (unsigned long long)dropped);
        }
        log_line(LOG_INFO, "platform", "ONNX Runtime: %s", line);
    }
}

static void *open_beside_us(void) {
    char path[PATH_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%s/../lib/ebb/libonnxruntime.so", file_program_folder());
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

/* *out_name is what was opened, for sentences. */
static void *open_file(const char **out_name, struct error *err) {
    const char *named = getenv("EBB_ONNXRUNTIME");
    if (named != NULL && named[0] != '\0') {
        *out_name = named;
        void *handle = dlopen(named, RTLD_NOW | RTLD_LOCAL);
        if (handle == NULL) {
            (void)fail(err, STATUS_NOT_FOUND, "load ONNX Runtime, EBB_ONNXRUNTIME: %.300s",
                       dlerror());
        }
        return handle;
    }
    *out_name = "lib/ebb/libonnxruntime.so";
    void *handle = open_beside_us();
    for (int i = 0; handle == NULL && SYSTEM_NAMES[i] != NULL; i++) {
        *out_name = SYSTEM_NAMES[i];
        handle = dlopen(SYSTEM_NAMES[i], RTLD_NOW | RTLD_LOCAL);
    }
    if (handle == NULL) {
        (void)fail(
            err, STATUS_NOT_FOUND,
            "ONNX Runtime is not here: install the package libonnxruntime1.21 (Debian 13), or "
            "let EBB_ONNXRUNTIME name a libonnxruntime.so");
    }
    return handle;
}

static status start(const OrtApi *api, struct inference_library *library, struct error *err) {
    library->api = api;
    TRY(inference_library_took(library,
                               api->CreateEnvWithCustomLogger(take_line, NULL,
                                                              ORT_LOGGING_LEVEL_WARNING, "ebb",
                                                              &library->env),
                               STATUS_SYSTEM, err));
    (void)inference_library_took(library, api->DisableTelemetryEvents(library->env), STATUS_SYSTEM,
                                 NULL); /* it need not have any */
    TRY(inference_library_took(library, api->GetAllocatorWithDefaultOptions(&library->allocator),
                               STATUS_SYSTEM, err));
    return inference_library_took(
        library, api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &library->memory),
        STATUS_SYSTEM, err);
}

static status load(struct inference_library *library, struct error *err) {
    const char *name;
    void *handle = open_file(&name, err);
    if (handle == NULL) {
        return STATUS_NOT_FOUND;
    }
    const OrtApiBase *(*base)(void) = NULL;
    void *function = dlsym(handle, "OrtGetApiBase");
    (void)memcpy(&base, &function, sizeof(function)); /* C has no cast for this */
    const OrtApi *api = base != NULL ? base()->GetApi(API_LEAST) : NULL;
    if (api == NULL) {
        (void)dlclose(handle);
        return fail(err, STATUS_INVALID, "%.300s is no ONNX Runtime from release 1.%d on", name,
                    API_LEAST);
    }
    library->release = base()->GetVersionString();
    return start(api, library, err) == STATUS_OK ? STATUS_OK
                                                 : fail_while(err, "start ONNX Runtime");
}

status inference_library_use(const struct inference_library **out_library, struct error *err) {
    static struct inference_library library;
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_mutex_lock(&mutex);
    const status code = library.memory != NULL ? STATUS_OK : load(&library, err);
    (void)pthread_mutex_unlock(&mutex);
    if (code == STATUS_OK) {
        *out_library = &library;
    }
    return code;
}

status inference_library_took(const struct inference_library *library, OrtStatus *said, status code,
                              struct error *err) {
    if (said == NULL) {
        return STATUS_OK;
    }
    char line[SENTENCE_BYTES_MAX];
    first_line(library->api->GetErrorMessage(said), line);
    library->api->ReleaseStatus(said);
    return fail(err, code, "%s", line);
}
