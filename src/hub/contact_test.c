// SPDX-License-Identifier: Apache-2.0
#include "hub/contact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct id DEVICE = {{1}};

static struct contacts *contacts;

static int set_up(void **state) {
    (void)state;
    return contacts_create(&contacts, NULL) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    contacts_destroy(contacts);
    return 0;
}

static struct contact *greet(struct id boot, uint64_t connection) {
    struct contact *contact = contact_open(contacts, DEVICE);
    assert_non_null(contact);
    contact_greeted(contact, boot, connection);
    return contact;
}

static void test_contact__the_older_of_two_boots_that_speaks_again_is_contested(void **state) {
    (void)state;
    struct contact *older = greet((struct id){{1}}, 1);
    assert_false(contact_is_contested(older));
    struct contact *newer = greet((struct id){{2}}, 2);
    assert_false(contact_is_contested(newer));
    assert_true(contact_is_contested(older));
    assert_false(contact_is_contested(older)); /* that is known */
    contact_close(older);
    contact_close(newer);
}

static void test_contact__who_went_away_contests_nothing(void **state) {
    (void)state;
    struct contact *older = greet((struct id){{1}}, 1);
    contact_close(greet((struct id){{2}}, 2));
    assert_false(contact_is_contested(older));
    contact_close(older);
}

static void test_contact__two_lines_of_one_boot_are_nothing_strange(void **state) {
    (void)state;
    struct contact *older = greet((struct id){{1}}, 1);
    struct contact *newer = greet((struct id){{1}}, 2);
    assert_false(contact_is_contested(older));
    contact_close(older);
    contact_close(newer);
}

static void test_contact__another_device_is_another_matter(void **state) {
    (void)state;
    struct contact *one = greet((struct id){{1}}, 1);
    struct contact *other = contact_open(contacts, (struct id){{2}});
    contact_greeted(other, (struct id){{2}}, 2);
    assert_false(contact_is_contested(one));
    assert_int_equal(contacts_count(contacts), 2);
    contact_close(one);
    assert_int_equal(contacts_count(contacts), 1);
    contact_close(other);
    contact_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_contact__the_older_of_two_boots_that_speaks_again_is_contested, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_contact__who_went_away_contests_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_contact__two_lines_of_one_boot_are_nothing_strange,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_contact__another_device_is_another_matter, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
