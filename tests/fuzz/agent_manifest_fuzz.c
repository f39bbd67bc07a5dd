// SPDX-License-Identifier: Apache-2.0
/* A text is a manifest or it has faults, never both and never neither. A manifest can be run as it
 * is: a known kind, what that kind needs, everything within its bounds. The name that a text gives
 * its agent is found whether or not the rest is good. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agents/agent_manifest.h"
#include "agents/catalog.h"
#include "agents/manifest_onnx.h"
#include "base/text.h"

#include "libfyaml_leaks.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void check_faults(const struct fault_list *faults) {
    need(faults->error_count > 0);
    for (uint32_t i = 0; i < faults->count; i++) {
        const struct slice text = faults->faults[i].text;
        need(text.count > 0 && text_is_utf8(text));
        need(slice_find(text, '\n') == text.count);
    }
}

/* A list that is ended by NULL and whose texts can be read to their ends. */
static void check_texts(const char *const *texts, size_t least, size_t most) {
    size_t count = 0;
    need(texts != NULL);
    while (texts[count] != NULL) {
        (void)strlen(texts[count]);
        count++;
    }
    need(count >= least && count <= most);
}

static void check_process(const struct agent_manifest *manifest) {
    check_texts(manifest->command, 1, AGENT_ARGUMENTS_MAX);
    check_texts(manifest->environment, 4, AGENT_ENVIRONMENT_MAX + 4);
    need(manifest->command[0][0] != '\0');
    need(manifest->instances >= 1 && manifest->instances <= AGENT_INSTANCES_MAX);
    need(manifest->output_bytes >= 1 && manifest->output_bytes <= AGENT_OUTPUT_BYTES_MAX);
    need(manifest->memory_bytes == 0 || manifest->memory_bytes >= AGENT_MEMORY_BYTES_LEAST);
    need(manifest->protocol != PROTOCOL_ONCE || !manifest->ready_first_line);
}

static void check_image(const struct agent_manifest *manifest) {
    need(manifest->image.quality >= 1 && manifest->image.quality <= 100);
    need(manifest->image.margin >= 0 && manifest->image.margin <= MANIFEST_MARGIN_MAX);
    need(manifest->image.deed == IMAGE_CROP || manifest->image.margin == 0);
}

static void check_picture(const struct picture_before *before) {
    need(before->width <= IMAGE_SIDE_MAX && before->height <= IMAGE_SIDE_MAX);
    need((before->width == 0) == (before->height == 0));
    for (int i = 0; i < IMAGE_CHANNELS; i++) {
        need(before->deviation[i] > 0);
    }
}

static void check_detector(const struct detector_after *after) {
    need(after->most >= 1 && after->most <= DETECTOR_MOST);
    need(after->score_least >= 0 && after->score_least <= 1);
    need(after->overlap_most >= 0 && after->overlap_most <= 1);
    need(after->kept == NULL || after->labels.count > 0);
    need(after->grid_count <= DETECTOR_GRIDS_MAX);
    for (uint32_t i = 0; i < after->grid_count; i++) {
        need(after->grids[i].cells >= 1 && after->grids[i].anchors >= 1);
    }
}

static void check_onnx(const struct onnx_manifest *onnx) {
    need(onnx->options.threads >= 1 && onnx->options.threads <= INFERENCE_THREADS_MAX);
    need(onnx->options.provider_count <= INFERENCE_PROVIDERS_MAX);
    for (uint32_t i = 0; i < onnx->numbers_count; i++) {
        const struct number_scaling *scaling = &onnx->numbers[i].scaling;
        need(scaling->scale != 0);
        for (uint32_t k = 0; k < scaling->channels; k++) {
            need(scaling->deviations[k] > 0 && scaling->means[k] == scaling->means[k]);
        }
    }
    for (uint32_t i = 0; i < onnx->values_count; i++) {
        need(onnx->values[i].as.bytes != NULL);
    }
    need(onnx->classifier == NULL || onnx->classifier->top >= 1);
    if (onnx->picture != NULL) {
        check_picture(&onnx->picture->before);
    }
    if (onnx->detector != NULL) {
        need(onnx->picture != NULL);
        check_detector(onnx->detector);
    }
}

static void check_manifest(const struct agent_manifest *manifest) {
    struct agent_version version;
    bool is_built = false;
    for (const struct agent_kind *const *kind = catalog_kinds(); *kind != NULL; kind++) {
        is_built = is_built || slice_is(manifest->kind, (*kind)->name);
    }
    need(is_built);
    need(text_is_name(manifest->name));
    need(agent_version_read(manifest->version_text, &version));
    need(agent_version_compare(version, manifest->version) == 0);
    if (slice_is(manifest->kind, "process")) {
        check_process(manifest);
    } else {
        need(slice_is(manifest->kind, "jq") == (manifest->filter != NULL));
        need((slice_is(manifest->kind, "text") || slice_is(manifest->kind, "onnx")) ==
             (manifest->model_file.bytes != NULL));
        need(slice_is(manifest->kind, "onnx") == (manifest->onnx != NULL));
        need(manifest->command == NULL);
    }
    if (slice_is(manifest->kind, "image")) {
        check_image(manifest);
    }
    if (manifest->onnx != NULL) {
        check_onnx(manifest->onnx);
    }
}

static void check_name(struct slice text, const struct agent_manifest *manifest) {
    struct arena arena;
    struct slice name = {0};
    arena_init(&arena, 1 << 16);
    if (agent_manifest_name_of(text, &arena, &name)) {
        need(text_is_name(name));
        need(manifest == NULL || slice_equal(name, manifest->name));
    } else {
        need(manifest == NULL);
    }
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const struct slice text = {.bytes = (const char *)bytes, .count = count};
    if (count > AGENT_MANIFEST_BYTES_MAX) {
        return 0;
    }
    struct agent_manifest *manifest = NULL;
    struct fault_list *faults = NULL;
    struct error err = {0};
    const status code =
        agent_manifest_read_text("/nowhere", SLICE("agent.yaml"), text, &manifest, &faults, &err);
    need(code == STATUS_OK || err.text[0] != '\0');
    need((code == STATUS_OK) == (manifest != NULL));
    need((code == STATUS_INVALID) == (faults != NULL));
    need(code == STATUS_OK || code == STATUS_INVALID || code == STATUS_NO_MEMORY);
    if (manifest != NULL) {
        check_manifest(manifest);
    }
    if (faults != NULL) {
        check_faults(faults);
    }
    check_name(text, manifest);
    fault_list_release(faults);
    agent_manifest_release(manifest);
    return 0;
}
