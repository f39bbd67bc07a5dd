// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_db.h"

#include "hub/store/hub_sql.h"
#include "platform/clock.h"
#include "platform/database_guest.h"
#include "platform/random.h"

/* Step n brings a file of version n to version n + 1. */
static const char *const STEPS[HUB_DB_VERSION] = {
    SQL_HUB_SCHEMA_1, SQL_HUB_SCHEMA_2, SQL_HUB_SCHEMA_3, SQL_HUB_SCHEMA_4, SQL_HUB_SCHEMA_5,
    SQL_HUB_SCHEMA_6, SQL_HUB_SCHEMA_7, SQL_HUB_SCHEMA_8, SQL_HUB_SCHEMA_9, SQL_HUB_SCHEMA_10};

static const char GET_VERSION[] = "PRAGMA user_version";
static const char SET_APPLICATION[] = "PRAGMA application_id = 1700948072";
static const char SET_CACHE[] = "PRAGMA cache_size = -16384"; /* a hub has the memory */
_Static_assert(HUB_DB_APPLICATION == 1700948072, "the pragma says the mark");

static status make_hub(struct database *database, struct error *err) {
    const struct id store = random_id();
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_BEGIN);
    query_bind_bytes(&query, id_slice(&store));
    query_bind_number(&query, clock_wall_ms());
    return query_run(&query, err);
}

static status run_step(struct database *database, int version, struct error *err) {
    TRY(database_begin(database, err));
    TRY(database_run(database, STEPS[version], err));
    if (version == 0) {
        TRY(database_run(database, SET_APPLICATION, err));
        TRY(make_hub(database, err));
    }
    TRY(database_reserve(database, err));
    return database_commit(database, err);
}

/* One that is newer by more than a step is INVALID. */
static status get_version(struct database *database, const char *path, int64_t *out_version,
                          struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, GET_VERSION);
    TRY(query_one_number(&query, out_version, err));
    if (*out_version < 0 || *out_version > HUB_DB_VERSION + 1) {
        return fail(err, STATUS_INVALID,
                    "'%s' has version %lld; this ebb (%s) knows %d and opens up to %d: install a "
                    "newer ebb",
                    path, (long long)*out_version, EBB_VERSION, HUB_DB_VERSION, HUB_DB_VERSION + 1);
    }
    return STATUS_OK;
}

static status prepare(struct database *database, const char *path, struct error *err) {
    int64_t version = 0;
    TRY(get_version(database, path, &version, err));
    for (int at = (int)version; at < HUB_DB_VERSION; at++) {
        if (run_step(database, at, err) != STATUS_OK) {
            database_rollback(database);
            return fail_while(err, "migrate the hub's database from version %d", at);
        }
    }
    return STATUS_OK;
}

status hub_db_open(const char *path, struct database **out_database, struct error *err) {
    const struct database_options options = {.path = path, .application = HUB_DB_APPLICATION};
    struct database *database = NULL;
    TRY(database_open(&options, &database, err));
    status prepared = database_run(database, SET_CACHE, err);
    if (prepared == STATUS_OK) {
        prepared = prepare(database, path, err);
    }
    if (prepared != STATUS_OK) {
        database_close(database);
        return prepared;
    }
    *out_database = database;
    return STATUS_OK;
}

status hub_db_open_reader(const char *path, struct database **out_database, struct error *err) {
    const struct database_options options = {
        .path = path, .read_only = true, .application = HUB_DB_APPLICATION};
    return database_open(&options, out_database, err);
}

status hub_db_open_guest(const char *path, bool spills, struct database **out_database,
                         struct error *err) {
    const struct database_guest_options options = {
        .path = path, .application = HUB_DB_APPLICATION, .spills = spills};
    struct database *database = NULL;
    int64_t version = 0;
    TRY(database_open_guest(&options, &database, err));
    const status known = get_version(database, path, &version, err);
    if (known != STATUS_OK) {
        database_close(database);
        return known;
    }
    *out_database = database;
    return STATUS_OK;
}
