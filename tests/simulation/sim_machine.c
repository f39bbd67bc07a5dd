// SPDX-License-Identifier: Apache-2.0
#include "sim_machine.h"

#include "platform/clock.h"
#include "platform/database.h"
#include "platform/random.h"
#include "sim_world.h"

static struct sim_device *current;
static struct sim_world *hub;
static const char *hub_vfs;

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
status __real_database_open(const struct database_options *options, struct database **out_database,
                            struct error *err);
status __wrap_database_open(const struct database_options *options, struct database **out_database,
                            struct error *err);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming,cert-dcl*)

void sim_machine_use(struct sim_device *device) {
    current = device;
}

void sim_machine_use_hub(struct sim_world *world, const char *vfs) {
    hub = world;
    hub_vfs = vfs;
}

static struct moment hub_moment(void) {
    const int64_t now_ms = hub->events.now_us / 1000;
    return (struct moment){.wall_ms = SIM_HUB_MS + now_ms, .boot_ns = (1 + now_ms) * 1000000};
}

struct moment __wrap_clock_now(void) {
    return current != NULL ? sim_device_moment(current)
           : hub != NULL   ? hub_moment()
                           : __real_clock_now();
}

int64_t __wrap_clock_wall_ms(void) {
    return current != NULL || hub != NULL ? __wrap_clock_now().wall_ms : __real_clock_wall_ms();
}

int64_t __wrap_clock_boot_ns(void) {
    return current != NULL || hub != NULL ? __wrap_clock_now().boot_ns : __real_clock_boot_ns();
}

int64_t __wrap_clock_monotonic_ns(void) {
    return current != NULL || hub != NULL ? __wrap_clock_now().boot_ns
                                          : __real_clock_monotonic_ns();
}

struct id __wrap_clock_boot_id(void) {
    return current != NULL ? current->boot : __real_clock_boot_id();
}

struct id __wrap_random_id(void) {
    return current != NULL ? sim_id(&current->world->dice)
           : hub != NULL   ? sim_id(&hub->dice)
                           : __real_random_id();
}

status __wrap_database_open(const struct database_options *options, struct database **out_database,
                            struct error *err) {
    struct database_options own = *options;
    own.vfs = hub != NULL && own.vfs == NULL ? hub_vfs : own.vfs;
    return __real_database_open(&own, out_database, err);
}
