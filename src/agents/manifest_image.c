// SPDX-License-Identifier: Apache-2.0
#include "agents/manifest_image.h"

#include "agents/manifest_numbers.h"

const char *const MANIFEST_DEEDS[] = {"draw", "crop", "blur", NULL};

void manifest_read_do(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct agent_manifest *manifest = target;
    struct slice text;
    if (!keys_scalar(reading, key->name, "a word", node, &text)) {
        return;
    }
    const int index = keys_word(reading, key->name, MANIFEST_DEEDS, text, node->place);
    if (index >= 0) {
        manifest->image.deed = (enum manifest_image_deed)index;
    }
}

void manifest_read_margin(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target) {
    struct agent_manifest *manifest = target;
    (void)manifest_number(reading, key->name, node, (struct number_range){0, MANIFEST_MARGIN_MAX},
                          &manifest->image.margin);
    if (manifest->image.deed != IMAGE_CROP) {
        faults_add(reading->faults, node->place, "`%s` has no meaning without `do: crop`",
                   key->name);
    }
}
