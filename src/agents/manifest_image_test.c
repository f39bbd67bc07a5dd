// SPDX-License-Identifier: Apache-2.0
#include "agents/manifest_image.h"

#include "agents/test_manifest.h"

#define HEAD "ebb: 1\nagent: a\nversion: 1.0.0\nkind: image\n"

static void test_manifest_image__says_what_is_done(void **state) {
    (void)state;
    struct agent_manifest *manifest = test_manifest(HEAD "do: blur\n");
    assert_int_equal(manifest->image.deed, IMAGE_BLUR);
    assert_int_equal(manifest->image.quality, MANIFEST_QUALITY_DEFAULT);
    agent_manifest_release(manifest);
    manifest = test_manifest(HEAD "margin: 0.25\nquality: 60\ndo: crop\n");
    assert_int_equal(manifest->image.deed, IMAGE_CROP);
    assert_int_equal(manifest->image.quality, 60);
    assert_true(manifest->image.margin == 0.25);
    agent_manifest_release(manifest);
    manifest = test_manifest(HEAD "do: crop\nmargin: 1/8\n");
    assert_true(manifest->image.margin == 0.125);
    agent_manifest_release(manifest);
}

static void test_manifest_image__says_what_is_wrong(void **state) {
    (void)state;
    test_manifest_refused(HEAD, "1:1: an agent of kind image needs the key `do`\n");
    test_manifest_refused(HEAD "do: cropp\nquality: 0\n",
                          "5:5: `do: cropp`: did you mean `crop`?\n"
                          "6:10: `quality: 0`: a whole number from 1 to 100\n");
    test_manifest_refused(HEAD "do: draw\nmargin: 0.1\n",
                          "6:9: `margin` has no meaning without `do: crop`\n");
    test_manifest_refused(HEAD "do: crop\nmargin: -1\n",
                          "6:9: `margin` is a number from 0 to 10, not -1\n");
    test_manifest_refused(HEAD "do: crop\nmargin: 1/0\n",
                          "6:9: `margin` is a number from 0 to 10, not 1/0\n");
    test_manifest_refused(HEAD "do: crop\nmargin: [1]\n",
                          "6:9: `margin` is a number from 0 to 10, not a list\n");
    test_manifest_refused(HEAD "do: crop\nmargin: inf\n",
                          "6:9: `margin` is a number from 0 to 10, not inf\n");
    test_manifest_refused("ebb: 1\nagent: a\nversion: 1.0.0\nkind: jq\nfilter: .\ndo: draw\n",
                          "6:1: `do` is a key of kind image, not of jq\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_image__says_what_is_done),
        cmocka_unit_test(test_manifest_image__says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
