// SPDX-License-Identifier: Apache-2.0
#include "model/picture_samples.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "model/picture_set.h"
#include "platform/file.h"

static const char ENDING[] = "-images-idx3-ubyte";

enum { NAME_BYTES = 32, SHAPES = 6 };

struct picture_samples {
    struct picture_set set;
    enum sample_part part;
    size_t next;
    struct tensor input; /* its bytes are owned */
    void *room;
    const char *path; /* owned */
    char name[NAME_BYTES];
};

/* --- finding --- */

struct finding {
    const char *folder;
    char *path; /* of the first that was found */
    char other[SAMPLE_PATH_BYTES_MAX];
    uint32_t count;
    status done;
    struct error *err;
};

static bool find_one(void *owner, const char *name) {
    struct finding *finding = owner;
    if (name[0] == '.' || !slice_ends(slice_of(name), ENDING)) {
        return true;
    }
    char *place = finding->count++ == 0 ? finding->path : finding->other;
    const int count = snprintf(place, SAMPLE_PATH_BYTES_MAX, "%s/%s", finding->folder, name);
    if (count < 0 || count >= SAMPLE_PATH_BYTES_MAX) {
        finding->done = fail(finding->err, STATUS_INVALID, "the path '%.100s/%.100s' is too long",
                             finding->folder, name);
    }
    return finding->done == STATUS_OK && finding->count < 2;
}

status picture_samples_find(const char *folder, char out_path[SAMPLE_PATH_BYTES_MAX],
                            bool *out_found, struct error *err) {
    char path[SAMPLE_PATH_BYTES_MAX] = "";
    struct finding finding = {.folder = folder, .path = path, .err = err};
    struct file_facts facts;
    TRY(file_facts(folder, &facts, err));
    if (facts.is_folder) {
        TRY(file_list(folder, find_one, &finding, err));
        TRY(finding.done);
    } else if (slice_ends(slice_of(folder), ENDING) && strlen(folder) < sizeof(path)) {
        (void)snprintf(path, sizeof(path), "%s", folder);
        finding.count = 1;
    }
    if (finding.count > 1) {
        return fail(err, STATUS_INVALID,
                    "'%.200s' and '%.200s' are both pictures: name the file that is meant", path,
                    finding.other);
    }
    *out_found = finding.count == 1;
    if (*out_found) {
        (void)memcpy(out_path, path, sizeof(path));
    }
    return STATUS_OK;
}

/* --- the tensor --- */

static bool fits(const struct inference_port *port, const int64_t *shape, uint32_t rank) {
    bool same = port->rank == rank;
    for (uint32_t i = 0; same && i < rank; i++) {
        same = port->shape[i] < 0 || port->shape[i] == shape[i];
    }
    return same;
}

/* The first shape that the model takes. Grey pixels lie in the same order in all of them. */
static bool choose_shape(const struct inference_port *port, const struct picture_shape *picture,
                         struct tensor *out_input) {
    const int64_t height = picture->height;
    const int64_t width = picture->width;
    const struct {
        uint32_t rank;
        int64_t shape[4];
    } forms[SHAPES] = {{4, {1, 1, height, width}}, {4, {1, height, width, 1}},
                       {3, {1, height, width}},    {2, {1, height * width}},
                       {2, {height, width}},       {1, {height * width}}};
    for (size_t i = 0; i < SHAPES; i++) {
        if (fits(port, forms[i].shape, forms[i].rank)) {
            out_input->rank = forms[i].rank;
            (void)memcpy(out_input->shape, forms[i].shape, sizeof(forms[i].shape));
            return true;
        }
    }
    return false;
}

static status make_input(struct picture_samples *samples, const struct inference_model *model,
                         struct error *err) {
    const struct inference_port *port = inference_input(model, 0);
    const struct picture_shape *shape = &samples->set.shape;
    if (inference_input_count(model) != 1 || !port->is_tensor ||
        (port->type != TENSOR_FLOAT32 && port->type != TENSOR_UINT8)) {
        return fail(err, STATUS_INVALID,
                    "the model does not take one picture: one input of float32 or uint8 is wanted");
    }
    samples->input.type = port->type;
    if (!choose_shape(port, shape, &samples->input)) {
        return fail(err, STATUS_INVALID,
                    "the pictures of '%.200s' are grey, %u x %u, and the model's input '%.100s' "
                    "has another shape",
                    samples->path, shape->height, shape->width, port->name);
    }
    samples->input.byte_count = picture_bytes(shape) * tensor_type_bytes(port->type);
    samples->room = memory_new(1, samples->input.byte_count);
    samples->input.bytes = samples->room;
    return samples->room != NULL ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory");
}

static void fill(struct picture_samples *samples, size_t index) {
    const size_t count = picture_bytes(&samples->set.shape);
    const uint8_t *restrict pixels = samples->set.pixels + index * count;
    if (samples->input.type == TENSOR_UINT8) {
        (void)memcpy(samples->room, pixels, count);
        return;
    }
    float *restrict levels = samples->room;
    for (size_t i = 0; i < count; i++) {
        levels[i] = (float)pixels[i] / (float)UINT8_MAX;
    }
}

/* --- one after another --- */

static void name_picture(size_t index, char out_name[NAME_BYTES]) {
    (void)snprintf(out_name, NAME_BYTES, "picture %zu", index + 1);
}

static bool is_of_part(size_t index, enum sample_part part) {
    char name[NAME_BYTES];
    name_picture(index, name);
    return part == SAMPLE_PART_COUNT || sample_part_of(slice_of(name)) == part;
}

static status next_picture(void *owner, struct sample *out_sample, bool *out_more,
                           struct error *err) {
    struct picture_samples *samples = owner;
    (void)err;
    while (samples->next < samples->set.count && !is_of_part(samples->next, samples->part)) {
        samples->next++;
    }
    *out_more = samples->next < samples->set.count;
    if (!*out_more) {
        return STATUS_OK;
    }
    fill(samples, samples->next);
    name_picture(samples->next, samples->name);
    *out_sample = (struct sample){.name = samples->name,
                                  .path = samples->path,
                                  .moment = (uint32_t)samples->next++,
                                  .inputs = &samples->input,
                                  .input_count = 1};
    return STATUS_OK;
}

static void rewind_pictures(void *owner) {
    ((struct picture_samples *)owner)->next = 0;
}

static void close_pictures(void *owner) {
    struct picture_samples *samples = owner;
    union {
        const char *shown;
        void *owned;
    } path = {.shown = samples->path};
    picture_set_done(&samples->set);
    memory_free(samples->room);
    memory_free(path.owned);
    memory_free(samples);
}

static status open_pictures(struct picture_samples *samples, const struct inference_model *model,
                            uint32_t *out_count, struct error *err) {
    TRY(picture_set_read_idx(samples->path, NULL, PICTURE_SAMPLES_BYTES_MAX, &samples->set, err));
    TRY(make_input(samples, model, err));
    for (size_t i = 0; i < samples->set.count; i++) {
        *out_count += is_of_part(i, samples->part);
    }
    return *out_count > 0 ? STATUS_OK
                          : fail(err, STATUS_NOT_FOUND, "no picture of '%.300s' is for %s",
                                 samples->path, sample_part_name(samples->part));
}

status picture_samples_open(const char *path, enum sample_part part,
                            const struct inference_model *model, struct sample_source *out_source,
                            struct error *err) {
    struct picture_samples *samples = memory_new(1, sizeof(*samples));
    char *copy = memory_new(1, strlen(path) + 1);
    if (samples == NULL || copy == NULL) {
        memory_free(samples);
        memory_free(copy);
        return fail(err, STATUS_NO_MEMORY, "no memory for the pictures of '%s'", path);
    }
    (void)memcpy(copy, path, strlen(path) + 1);
    samples->path = copy;
    samples->part = part;
    uint32_t count = 0;
    const status code = open_pictures(samples, model, &count, err);
    if (code != STATUS_OK) {
        close_pictures(samples);
        return code;
    }
    *out_source = (struct sample_source){.owner = samples,
                                         .count = count,
                                         .next = next_picture,
                                         .rewind = rewind_pictures,
                                         .close = close_pictures};
    return STATUS_OK;
}
