/* SPDX-License-Identifier: MIT
 * q_print_console.c - values as the console shows them: tables and dictionaries as grids
 * of cells, lists line by line, within so many rows and columns. */
#include "transports/q/q_print.h"

#include "mailbox/alloc.h"
#include "mailbox/emit.h"
#include "transports/q/q_symbol.h"

enum { HEADER_LINES = 2, KEPT_FREE = 2 }; /* the console's lines for its own use */

/* Cells, column by column: cell (row, column) is the text from start[i] to start[i + 1].
 */
struct grid {
    size_t rows, columns;
    size_t bar;  /* columns left of the bar; 0: no bar */
    bool header; /* row 0 holds the names */
    struct trp_buffer text;
    size_t *start; /* (rows * columns + 1) offsets */
    size_t *width; /* of each column */
    size_t next;   /* cells filled */
};

static bool grid_init(struct grid *grid, struct trp_buffer *out)
{
    size_t cells = grid->rows * grid->columns;

    trp_buffer_init(&grid->text, SIZE_MAX / 4);
    grid->start = trp_calloc(cells + 1, sizeof(size_t));
    grid->width = trp_calloc(grid->columns + 1, sizeof(size_t));
    if (grid->start == NULL || grid->width == NULL) {
        out->status = TROUPE_ENOMEM;
    }
    return out->status == TROUPE_OK;
}

static void grid_fini(struct grid *grid)
{
    trp_free(grid->start);
    trp_free(grid->width);
    trp_buffer_fini(&grid->text);
}

static void end_cell(struct grid *grid)
{
    size_t column = grid->next / grid->rows;
    size_t end = trp_buffer_size(&grid->text);
    size_t size = end - grid->start[grid->next];

    grid->start[++grid->next] = end;
    if (size > grid->width[column]) {
        grid->width[column] = size;
    }
}

/* The i-th item as it stands in a column of `v`. */
static void cell(struct grid *grid, const troupe_q_value *v, size_t i,
                 const struct trp_q_format *format)
{
    char text[TRP_Q_ITEM_TEXT];
    int precision = format->precision != 0 ? format->precision : TRP_Q_PRECISION;
    troupe_q_value *item = NULL;

    if (v->type == TROUPE_Q_LIST) {
        trp_q_print_line(&grid->text, TRP_Q_ITEMS(v)[i], format);
    } else if (v->type == TROUPE_Q_SYMBOL) {
        const char *symbol = TRP_Q_SYMS(v)[i];
        trp_emit_bytes(&grid->text, symbol, trp_q_symbol_size(symbol));
    } else if (v->type == TROUPE_Q_CHAR) {
        trp_emit_bytes(&grid->text, TRP_Q_CHARS(v) + i, 1);
    } else if (trp_q_is_list(v)) {
        const uint8_t *at = TRP_Q_BYTES(v) + i * trp_q_width(v->type);
        trp_emit_bytes(&grid->text, text,
                       trp_q_item_text(text, v->type, at, precision, true));
    } else if (troupe_q_item(v, i, &item) == TROUPE_OK) {
        trp_q_print_line(&grid->text, item, format);
        troupe_q_unref(&item);
    } else {
        grid->text.status = TROUPE_ENOMEM;
    }
    end_cell(grid);
}

static void fill(struct trp_buffer *out, char with, size_t count)
{
    uint8_t *to = trp_buffer_reserve(out, count);

    if (to != NULL) {
        memset(to, with, count);
        trp_buffer_wrote(out, count);
    }
}

static void between(struct trp_buffer *out, const struct grid *grid, size_t c, char with)
{
    if (c != 0 && c == grid->bar) {
        trp_emit_bytes(out, "| ", 2);
    } else if (c != 0) {
        fill(out, with, 1);
    }
}

/* The cells of a row, side by side; stops where a console of so many columns ends. */
static void row_text(struct trp_buffer *out, const struct grid *grid, size_t row,
                     size_t columns)
{
    size_t start = trp_buffer_size(out);
    const uint8_t *text = trp_buffer_front(&grid->text);

    for (size_t c = 0; c < grid->columns; c++) {
        const size_t *at = &grid->start[c * grid->rows + row];
        size_t size = at[1] - at[0];
        between(out, grid, c, ' ');
        if (size != 0) {
            trp_emit_bytes(out, text + at[0], size);
        }
        fill(out, ' ', grid->width[c] - size);
        if (columns != 0 && trp_buffer_size(out) - start > columns) {
            break;
        }
    }
}

/* Whether the first `rows` items are lists of one count whose own items are shown apart.
 */
static bool is_matrix(const troupe_q_value *v, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        const troupe_q_value *item = TRP_Q_ITEMS(v)[i];
        if (!trp_q_is_list(item) || item->count != TRP_Q_ITEMS(v)[0]->count ||
            item->type == TROUPE_Q_BOOLEAN || item->type == TROUPE_Q_BYTE ||
            item->type == TROUPE_Q_CHAR) {
            return false;
        }
    }
    return rows != 0;
}

/* The rows of a matrix, their items below each other, as cells of one column. */
static void matrix(struct grid *grid, const troupe_q_value *v, size_t rows,
                   const struct trp_q_format *format)
{
    struct grid inner = {.columns = TRP_Q_ITEMS(v)[0]->count, .rows = rows};

    if (format->columns != 0 && inner.columns > format->columns) {
        inner.columns =
            format->columns; /* each takes two places: the rest is cut anyway */
    }
    if (grid_init(&inner, &grid->text)) {
        for (size_t c = 0; c < inner.columns; c++) {
            for (size_t row = 0; row < rows; row++) {
                cell(&inner, TRP_Q_ITEMS(v)[row], c, format);
            }
        }
    }
    if (inner.text.status != TROUPE_OK && grid->text.status == TROUPE_OK) {
        grid->text.status = inner.text.status;
    }
    for (size_t row = 0; row < rows; row++) {
        if (grid->text.status == TROUPE_OK) {
            row_text(&grid->text, &inner, row, format->columns);
        }
        end_cell(grid);
    }
    grid_fini(&inner);
}

/* A column under its name. */
static void column(struct grid *grid, const char *name, const troupe_q_value *v,
                   const struct trp_q_format *format)
{
    if (grid->header) {
        trp_emit_bytes(&grid->text, name, strlen(name));
        end_cell(grid);
    }
    size_t rows = grid->rows - grid->header;
    if (v->type == TROUPE_Q_LIST && is_matrix(v, rows)) {
        matrix(grid, v, rows, format);
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        cell(grid, v, i, format);
    }
}

/* A table's columns, or a list as one without a name. */
static void side(struct grid *grid, const troupe_q_value *v,
                 const struct trp_q_format *format)
{
    if (v->type != TROUPE_Q_TABLE) {
        column(grid, "", v, format);
        return;
    }
    const troupe_q_value *names = TRP_Q_ITEMS(v)[0], *columns = TRP_Q_ITEMS(v)[1];
    for (size_t i = 0; i < columns->count; i++) {
        column(grid, TRP_Q_SYMS(names)[i], TRP_Q_ITEMS(columns)[i], format);
    }
}

static size_t side_columns(const troupe_q_value *v)
{
    return v->type == TROUPE_Q_TABLE ? TRP_Q_ITEMS(v)[1]->count : 1;
}

/* Ends a line that began at `start`, cut to the console's columns. */
static void end_line(struct trp_buffer *out, size_t start, size_t columns)
{
    trp_q_print_cut(out, start, columns);
    trp_emit_bytes(out, "\n", 1);
}

static void ruler(struct trp_buffer *out, const struct grid *grid, size_t columns)
{
    size_t start = trp_buffer_size(out);

    for (size_t c = 0; c < grid->columns; c++) {
        between(out, grid, c, '-');
        fill(out, '-', grid->width[c]);
    }
    end_line(out, start, columns);
}

static void print_grid(struct trp_buffer *out, const struct grid *grid, size_t columns,
                       bool more)
{
    if (grid->text.status != TROUPE_OK && out->status == TROUPE_OK) {
        out->status = grid->text.status;
    }
    for (size_t row = 0; row < grid->rows && out->status == TROUPE_OK; row++) {
        size_t start = trp_buffer_size(out);
        row_text(out, grid, row, columns);
        end_line(out, start, columns);
        if (row == 0 && grid->header) {
            ruler(out, grid, columns);
        }
    }
    if (more) {
        trp_emit_bytes(out, "..\n", 3);
    }
}

/* How many of `count` lines are shown below `header` others, and whether ".." follows. */
static size_t shown(const struct trp_q_format *format, size_t count, size_t header,
                    bool *more)
{
    size_t lines = format->rows > KEPT_FREE ? format->rows - KEPT_FREE : 1;

    *more = format->rows != 0 && count + header > lines;
    if (!*more) {
        return count;
    }
    return lines > header + 1 ? lines - header - 1 : 0;
}

static void print_pair(struct trp_buffer *out, const troupe_q_value *keys,
                       const troupe_q_value *values, const struct trp_q_format *format)
{
    bool more = false;
    struct grid grid = {.bar = keys != NULL ? side_columns(keys) : 0,
                        .header = values->type == TROUPE_Q_TABLE ||
                                  (keys != NULL && keys->type == TROUPE_Q_TABLE)};

    grid.columns = grid.bar + side_columns(values);
    grid.rows =
        shown(format, troupe_q_count(values), grid.header ? HEADER_LINES : 0, &more) +
        grid.header;
    if (grid.rows != 0 && grid.columns != 0 && grid_init(&grid, out)) {
        if (keys != NULL) {
            side(&grid, keys, format);
        }
        side(&grid, values, format);
        print_grid(out, &grid, format->columns, more);
    }
    grid_fini(&grid);
}

static void print_lines(struct trp_buffer *out, const troupe_q_value *v,
                        const struct trp_q_format *format)
{
    bool more = false;
    size_t rows = shown(format, v->count, 0, &more);

    if (is_matrix(v, rows)) {
        struct grid grid = {.columns = 1, .rows = rows};
        if (grid_init(&grid, out)) {
            column(&grid, "", v, format);
            print_grid(out, &grid, format->columns, more);
        }
        grid_fini(&grid);
        return;
    }
    for (size_t i = 0; i < rows && out->status == TROUPE_OK; i++) {
        trp_q_print_line(out, TRP_Q_ITEMS(v)[i], format);
        trp_emit_bytes(out, "\n", 1);
    }
    if (more) {
        trp_emit_bytes(out, "..\n", 3);
    }
}

void trp_q_print(struct trp_buffer *out, const troupe_q_value *v,
                 const struct trp_q_format *format)
{
    if (v->type == TROUPE_Q_TABLE) {
        print_pair(out, NULL, v, format);
    } else if (trp_q_is_dict(v)) {
        print_pair(out, TRP_Q_ITEMS(v)[0], TRP_Q_ITEMS(v)[1], format);
    } else if (v->type == TROUPE_Q_LIST && v->count != 0) {
        print_lines(out, v, format);
    } else {
        trp_q_print_line(out, v, format);
        trp_emit_bytes(out, "\n", 1);
    }
}

static troupe_status as_value(struct trp_buffer *text, troupe_q_value **out)
{
    troupe_status status = text->status;

    if (status == TROUPE_OK) {
        const uint8_t *front = trp_buffer_front(text);
        status = troupe_q_string((const char *)front, trp_buffer_size(text), out);
    }
    trp_buffer_fini(text);
    return status;
}

troupe_status troupe_q_format_console(const troupe_q_value *value, size_t rows,
                                      size_t columns, troupe_q_value **out)
{
    struct trp_buffer text;
    const struct trp_q_format format = {.rows = rows, .columns = columns};

    trp_buffer_init(&text, SIZE_MAX / 4);
    trp_q_print(&text, value, &format);
    return as_value(&text, out);
}

troupe_status troupe_q_format_line(const troupe_q_value *value, size_t columns,
                                   troupe_q_value **out)
{
    struct trp_buffer text;
    const struct trp_q_format format = {.columns = columns};

    trp_buffer_init(&text, SIZE_MAX / 4);
    trp_q_print_line(&text, value, &format);
    return as_value(&text, out);
}
