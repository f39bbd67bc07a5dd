// SPDX-License-Identifier: Apache-2.0
#include "storage/salvage_read.h"

#include <string.h>

#include "base/memory.h"
#include "storage/cells.h"
#include "storage/salvage_roots.h"

enum { ROWS_A_COMMIT = 2000, TREE_DEPTH_MAX = 20, FREE_MARK = 1, SEEN_MARK = 2 };

/*
 * A table: how its rows look, and how one is written. A letter for each column: k the rowid (stored
 * as NULL), i an integer, I that or NULL, t text, T that or NULL, b 16 bytes, B those or NULL, h
 * any blob, x anything.
 */
struct salvaged_table {
    const char *name;
    const char *shape;
    const char *put;
    bool stale_hurts; /* a row of a free page would do something again */
};

static const struct salvaged_table TABLES[] = {
    {"stream", "kbit", "INSERT OR IGNORE INTO stream VALUES (?1, ?2, ?3, ?4)", false},
    {"boot", "kbii", "INSERT OR IGNORE INTO boot VALUES (?1, ?2, ?3, ?4)", false},
    {"workflow", "ktbt", "INSERT OR IGNORE INTO workflow VALUES (?1, ?2, ?3, ?4)", false},
    {"lane", "iiibiiii", "INSERT OR IGNORE INTO lane VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
     true},
    {"latest", "bi", "INSERT OR IGNORE INTO latest VALUES (?1, ?2)", true},
    {"run", "kbittii", "INSERT OR IGNORE INTO run VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", true},
    {"step", "itiiT", "INSERT OR IGNORE INTO step VALUES (?1, ?2, ?3, ?4, ?5)", true},
    {"seen", "tii", "INSERT OR IGNORE INTO seen VALUES (?1, ?2, ?3)", false},
    {"state", "ttttI", "INSERT OR IGNORE INTO state VALUES (?1, ?2, ?3, ?4, ?5)", true},
    {"timer", "kIItt", "INSERT OR IGNORE INTO timer VALUES (?1, ?2, ?3, ?4, ?5)", true},
    {"cursor", "tiii", "INSERT OR IGNORE INTO cursor VALUES (?1, ?2, ?3, ?4)", true},
    {"blob", "hitiI", "INSERT OR IGNORE INTO blob VALUES (?1, ?2, ?3, ?4, ?5)", true},
    {"sync_round", "kitT", "INSERT OR IGNORE INTO sync_round VALUES (?1, ?2, ?3, ?4)", false},
    {"delivered", "ktii", "INSERT OR IGNORE INTO delivered VALUES (?1, ?2, ?3, ?4)", false},
    {"quarantine", "kittttit",
     "INSERT OR IGNORE INTO quarantine VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", false},
    {"record", "kIiITBiiiiIIbxB",
     "INSERT OR IGNORE INTO record VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
     " ?14, ?15)",
     false},
};

enum { TABLE_COUNT = sizeof(TABLES) / sizeof(TABLES[0]), RECORDS = TABLE_COUNT - 1 };

struct salvage_reader {
    struct pages *pages;       /* not owned */
    struct database *database; /* not owned */
    struct buffer bytes;
    struct number_map marks; /* pages that are free, or that a tree reached */
    uint32_t roots[TABLE_COUNT];
    bool whole[TABLE_COUNT]; /* its tree was read from end to end */
    bool free_known;         /* the list of free pages was whole */
    int table;               /* that is being read; TABLE_COUNT: known by shape */
    int rows;                /* since the last commit */
};

/* --- shapes ---------------------------------------------------------------------------------- */

static bool fits(char letter, const struct cell_column *column) {
    const bool id = column->type == COLUMN_BLOB && column->bytes.count == 16;
    switch (letter) {
    case 'k':
        return column->type == COLUMN_NULL;
    case 'I':
        return column->type == COLUMN_NULL || column->type == COLUMN_INTEGER;
    case 'i':
        return column->type == COLUMN_INTEGER;
    case 'T':
        return column->type == COLUMN_NULL || column->type == COLUMN_TEXT;
    case 't':
        return column->type == COLUMN_TEXT;
    case 'B':
        return column->type == COLUMN_NULL || id;
    case 'b':
        return id;
    case 'h':
        return column->type == COLUMN_BLOB;
    default:
        return true;
    }
}

static bool has_shape(const struct cell *cell, const char *shape) {
    if (strlen(shape) != (size_t)cell->column_count || (shape[0] == 'k') != cell->has_rowid) {
        return false;
    }
    for (int i = 0; i < cell->column_count; i++) {
        if (!fits(shape[i], &cell->columns[i])) {
            return false;
        }
    }
    return true;
}

/* --- writing --------------------------------------------------------------------------------- */

static void bind_column(struct query *query, const struct cell_column *column) {
    switch (column->type) {
    case COLUMN_INTEGER:
        query_bind_number(query, column->integer);
        return;
    case COLUMN_TEXT:
        query_bind_text(query, column->bytes);
        return;
    case COLUMN_BLOB:
        query_bind_bytes(query, column->bytes);
        return;
    default:
        query_bind_null(query);
        return;
    }
}

static status commit_some(struct salvage_reader *reader, struct error *err) {
    bool done = false;
    reader->rows = 0;
    TRY(database_reserve(reader->database, err));
    TRY(database_commit(reader->database, err));
    TRY(database_checkpoint(reader->database, &done, err));
    return database_begin(reader->database, err);
}

static status put_row(struct salvage_reader *reader, const struct salvaged_table *table,
                      const struct cell *cell, struct error *err) {
    {
        CLEANUP(query_done) struct query query = query_on(reader->database, table->put);
        for (int i = 0; i < cell->column_count; i++) {
            if (table->shape[i] == 'k') {
                query_bind_number(&query, cell->rowid);
            } else {
                bind_column(&query, &cell->columns[i]);
            }
        }
        TRY(query_run(&query, err));
    }
    return ++reader->rows >= ROWS_A_COMMIT ? commit_some(reader, err) : STATUS_OK;
}

static status on_row(void *owner, const struct cell *cell, struct error *err) {
    struct salvage_reader *reader = owner;
    if (reader->table < TABLE_COUNT) {
        const struct salvaged_table *table = &TABLES[reader->table];
        return has_shape(cell, table->shape) ? put_row(reader, table, cell, err) : STATUS_OK;
    }
    for (int i = 0; i < TABLE_COUNT; i++) {
        const bool wanted = !reader->whole[i] && (reader->free_known || !TABLES[i].stale_hurts);
        if (wanted && has_shape(cell, TABLES[i].shape)) {
            return put_row(reader, &TABLES[i], cell, err);
        }
    }
    return STATUS_OK;
}

/* --- free pages ------------------------------------------------------------------------------- */

static uint32_t get_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool mark(struct salvage_reader *reader, uint32_t page, uint64_t how) {
    return page > 0 && page <= reader->pages->count &&
           !number_map_get(&reader->marks, page, NULL) && number_map_set(&reader->marks, page, how);
}

static bool mark_trunk(struct salvage_reader *reader, const uint8_t *page, uint32_t *count) {
    const uint32_t leaves = get_u32(page + 4);
    bool whole = leaves <= DATABASE_PAGE_BYTES / 4 - 2;
    for (uint32_t i = 0; whole && i < leaves; i++) {
        whole = mark(reader, get_u32(page + 8 + 4 * (size_t)i), FREE_MARK);
        (*count)++;
    }
    return whole;
}

/* Their rows went, and may still be read there. */
static void mark_free(struct salvage_reader *reader) {
    uint8_t page[DATABASE_PAGE_BYTES];
    struct error err;
    if (pages_read(reader->pages, 1, page, &err) != STATUS_OK) {
        return;
    }
    const uint32_t said = get_u32(page + 36);
    uint32_t trunk = get_u32(page + 32);
    uint32_t count = 0;
    bool whole = true;
    while (whole && trunk != 0) {
        whole = mark(reader, trunk, FREE_MARK) &&
                pages_read(reader->pages, trunk, page, &err) == STATUS_OK &&
                mark_trunk(reader, page, &count);
        count++;
        trunk = get_u32(page);
    }
    reader->free_known = whole && count == said;
    if (!reader->free_known) {
        number_map_done(&reader->marks);
    }
}

/* --- trees ----------------------------------------------------------------------------------- */

/* What is left to be visited below a root, deepest first. */
struct visit {
    struct {
        struct cells_children children;
        int next;
    } levels[TREE_DEPTH_MAX];
    int depth;
};

static status visit_page(struct salvage_reader *reader, const struct cell_reader *cells,
                         uint32_t number, struct cells_children *out_children, bool *whole,
                         struct error *err) {
    uint8_t page[DATABASE_PAGE_BYTES];
    struct error why;
    out_children->count = 0;
    if (!mark(reader, number, SEEN_MARK) ||
        pages_read(reader->pages, number, page, &why) != STATUS_OK) {
        *whole = false;
        return STATUS_OK;
    }
    const enum page_kind kind = cells_kind(page, number);
    *whole = *whole && kind != PAGE_OTHER;
    cells_children(page, number, out_children);
    return cells_each(cells, number, kind, page, err);
}

static status walk(struct salvage_reader *reader, const struct cell_reader *cells, uint32_t root,
                   struct visit *visit, bool *whole, struct error *err) {
    visit->depth = 0;
    TRY(visit_page(reader, cells, root, &visit->levels[0].children, whole, err));
    visit->levels[0].next = 0;
    while (visit->depth >= 0) {
        const int at = visit->levels[visit->depth].next++;
        if (at >= visit->levels[visit->depth].children.count) {
            visit->depth--;
            continue;
        }
        if (visit->depth + 1 == TREE_DEPTH_MAX) {
            *whole = false;
            return STATUS_OK;
        }
        const uint32_t child = visit->levels[visit->depth].children.pages[at];
        visit->depth++;
        visit->levels[visit->depth].next = 0;
        TRY(visit_page(reader, cells, child, &visit->levels[visit->depth].children, whole, err));
    }
    return STATUS_OK;
}

/* A row of the schema: type, name, table, root page, text. */
static status on_schema(void *owner, const struct cell *cell, struct error *err) {
    (void)err;
    struct salvage_reader *reader = owner;
    for (int i = 0; i < TABLE_COUNT && cell->column_count == 5; i++) {
        if (slice_is(cell->columns[0].bytes, "table") &&
            slice_is(cell->columns[1].bytes, TABLES[i].name) && cell->columns[3].integer > 1 &&
            cell->columns[3].integer <= reader->pages->count) {
            reader->roots[i] = (uint32_t)cell->columns[3].integer;
        }
    }
    return STATUS_OK;
}

/* Those that the schema did not give. */
static void guess_roots(struct salvage_reader *reader) {
    if (reader->roots[RECORDS] != 0) {
        return;
    }
    const uint32_t record_root = salvage_find_roots(reader->pages);
    for (int i = 0; i < TABLE_COUNT && record_root != 0; i++) {
        if (reader->roots[i] == 0) {
            reader->roots[i] = salvage_root_of(TABLES[i].name, record_root);
        }
    }
}

static status read_trees(struct salvage_reader *reader, struct visit *visit, struct error *err) {
    const struct cell_reader schema = {
        .pages = reader->pages, .bytes = &reader->bytes, .each = on_schema, .owner = reader};
    struct cell_reader rows = schema;
    bool whole = true;
    rows.each = on_row;
    TRY(walk(reader, &schema, 1, visit, &whole, err));
    guess_roots(reader);
    for (reader->table = 0; reader->table < TABLE_COUNT; reader->table++) {
        whole = reader->roots[reader->table] != 0;
        if (whole) {
            TRY(walk(reader, &rows, reader->roots[reader->table], visit, &whole, err));
        }
        reader->whole[reader->table] = whole;
    }
    return STATUS_OK;
}

/* --- pages that no tree reached --- */

static status read_strays(struct salvage_reader *reader, const struct cell_reader *rows,
                          struct error *err) {
    bool all = true;
    for (int i = 0; i < TABLE_COUNT; i++) {
        all = all && reader->whole[i];
    }
    reader->table = TABLE_COUNT;
    for (uint32_t number = 1; !all && number <= reader->pages->count; number++) {
        uint8_t page[DATABASE_PAGE_BYTES];
        struct error why;
        if (!number_map_get(&reader->marks, number, NULL) &&
            pages_read(reader->pages, number, page, &why) == STATUS_OK) {
            TRY(cells_each(rows, number, cells_kind(page, number), page, err));
        }
    }
    return STATUS_OK;
}

/* Last of all, since what was deleted or moved away is found here too: a record whose pointer, or
 * whose page's first bytes were hit. Those that should not be there are sorted out when lanes are
 * joined. */
static status scan_for_records(struct salvage_reader *reader, const struct cell_reader *rows,
                               struct error *err) {
    reader->table = RECORDS;
    for (uint32_t number = 1; number <= reader->pages->count; number++) {
        uint8_t page[DATABASE_PAGE_BYTES];
        struct error why;
        uint64_t how = 0;
        const bool is_free = number_map_get(&reader->marks, number, &how) && how == FREE_MARK;
        if (is_free || pages_read(reader->pages, number, page, &why) != STATUS_OK) {
            continue;
        }
        const enum page_kind kind = cells_kind(page, number);
        if (kind == PAGE_TABLE_LEAF || kind == PAGE_OTHER) {
            TRY(cells_scan(rows, number, page, err));
        }
    }
    return STATUS_OK;
}

static status read_all(struct salvage_reader *reader, struct visit *visit, struct error *err) {
    const struct cell_reader rows = {
        .pages = reader->pages, .bytes = &reader->bytes, .each = on_row, .owner = reader};
    TRY(database_begin(reader->database, err));
    mark_free(reader);
    TRY(read_trees(reader, visit, err));
    TRY(read_strays(reader, &rows, err));
    TRY(scan_for_records(reader, &rows, err));
    TRY(database_reserve(reader->database, err));
    return database_commit(reader->database, err);
}

status salvage_read(struct pages *pages, struct database *database, struct error *err) {
    struct salvage_reader reader = {.pages = pages, .database = database};
    struct visit *visit = memory_new(1, sizeof(*visit));
    if (visit == NULL) {
        return fail(err, STATUS_NO_MEMORY, "read what is left: out of memory");
    }
    buffer_init(&reader.bytes, CELL_BYTES_MAX + DATABASE_PAGE_BYTES);
    number_map_init(&reader.marks);
    const status read = read_all(&reader, visit, err);
    if (read != STATUS_OK) {
        database_rollback(database);
    }
    number_map_done(&reader.marks);
    buffer_done(&reader.bytes);
    memory_free(visit);
    return read;
}
