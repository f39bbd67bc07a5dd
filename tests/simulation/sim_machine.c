// SPDX-License-Identifier: Apache-2.0
#include "sim_machine.h"

#include "platform/clock.h"
#include "platform/random.h"
#include "sim_world.h"

static struct sim_device *current;

/* The linker's names for the doors themselves and for what stands in front of them. */
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming,cert-dcl*)
struct moment __real_clock_now(void);
int64_t __real_clock_wall_ms(void);
int64_t __real_clock_boot_ns(void);
int64_t __real_clock_monotonic_ns(void);
struct id __real_clock_boot_id(void);
struct id __real_random_id(void);
struct moment __wrap_clock_now(void);
int64_t __wrap_clock_wall_ms(void);
int64_t __wrap_clock_boot_ns(void);
int64_t __wrap_clock_monotonic_ns(void);
struct id __wrap_clock_boot_id(void);
struct id __wrap_random_id(void);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming,cert-dcl*)

void sim_machine_use(struct sim_device *device) {
    current = device;
}

struct moment __wrap_clock_now(void) {
    return current != NULL ? sim_device_moment(current) : __real_clock_now();
}

int64_t __wrap_clock_wall_ms(void) {
    return current != NULL ? sim_device_moment(current).wall_ms : __real_clock_wall_ms();
}

int64_t __wrap_clock_boot_ns(void) {
    return current != NULL ? sim_device_moment(current).boot_ns : __real_clock_boot_ns();
}

int64_t __wrap_clock_monotonic_ns(void) {
    return current != NULL ? sim_device_moment(current).boot_ns : __real_clock_monotonic_ns();
}

struct id __wrap_clock_boot_id(void) {
    return current != NULL ? current->boot : __real_clock_boot_id();
}

struct id __wrap_random_id(void) {
    return current != NULL ? sim_id(&current->world->dice) : __real_random_id();
}
