// SPDX-License-Identifier: Apache-2.0
#include "model/layer_scene.h"

#include <string.h>

static size_t product(const struct tensor *tensor, uint32_t end) {
    size_t count = 1;
    for (uint32_t i = 0; i < end; i++) {
        count *= (size_t)tensor->shape[i];
    }
    return count;
}

bool layer_scene_of(const struct layer_matrix *layer, const struct tensor *given,
                    struct layer_scene *out_scene) {
    struct layer_scene scene = {.given = given->bytes, .inputs = layer->inputs};
    if (given->type != TENSOR_FLOAT32 || given->rank == 0) {
        return false;
    }
    scene.is_picture = graph_node_is(layer->node, "Conv");
    if (scene.is_picture) {
        if (!patch_shape_of(layer->node, given, &scene.shape)) {
            return false;
        }
        scene.positions = patch_positions(&scene.shape);
    } else {
        if (given->shape[given->rank - 1] != layer->inputs) {
            return false;
        }
        scene.positions = product(given, given->rank - 1);
    }
    *out_scene = scene;
    return true;
}

void layer_scene_inputs(const struct layer_scene *scene, size_t position, float *out_inputs) {
    if (scene->is_picture) {
        patch_take(&scene->shape, scene->given, position, out_inputs);
    } else {
        (void)memcpy(out_inputs, scene->given + position * scene->inputs,
                     scene->inputs * sizeof(float));
    }
    out_inputs[scene->inputs] = 1;
}

bool layer_scene_fits(const struct layer_scene *scene, const struct tensor *answer,
                      uint32_t *out_outputs) {
    if (answer->type != TENSOR_FLOAT32 || answer->rank < 2) {
        return false;
    }
    const int64_t *shape = answer->shape;
    const uint32_t last = answer->rank - 1;
    if (!scene->is_picture) {
        *out_outputs = (uint32_t)shape[last];
        return product(answer, last) == scene->positions;
    }
    *out_outputs = (uint32_t)shape[1];
    return shape[0] == scene->shape.pictures && shape[last] == scene->shape.columns.out &&
           (last == 2 || (last == 3 && shape[2] == scene->shape.rows.out));
}

size_t layer_scene_place(const struct layer_scene *scene, size_t position, uint32_t index,
                         uint32_t outputs) {
    if (!scene->is_picture) {
        return position * outputs + index;
    }
    const size_t each = (size_t)(scene->shape.rows.out * scene->shape.columns.out);
    return (position / each * outputs + index) * each + position % each;
}
