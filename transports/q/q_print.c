/* SPDX-License-Identifier: MIT
 * q_print.c - values on one line, in q's own notation. */
#include "transports/q/q_print.h"

#include "mailbox/alloc.h"
#include "mailbox/emit.h"
#include "transports/q/q_symbol.h"

struct line {
    struct trp_buffer *out;
    size_t start, columns; /* columns 0: no limit */
    uint32_t depth;
    int precision;
};

/* Whether what is written already fills the line; it will be cut. */
static bool full(const struct line *line)
{
    return line->out->status != TROUPE_OK ||
           (line->columns != 0 &&
            trp_buffer_size(line->out) - line->start > line->columns);
}

static void put(struct line *line, const char *text)
{
    trp_emit_bytes(line->out, text, strlen(text));
}

static void escape(struct trp_buffer *out, char c)
{
    static const char plain[] = "\"\\\n\r\t", letters[] = "\"\\nrt";
    unsigned byte = (uint8_t)c;
    const char *at = byte != 0 ? strchr(plain, c) : NULL;

    if (at != NULL) {
        trp_emit_bytes(out, (char[]){'\\', letters[at - plain]}, 2);
    } else if (byte < 0x20 || byte >= 0x7f) {
        char octal[] = {'\\', (char)('0' + (byte >> 6)), (char)('0' + (byte >> 3 & 7)),
                        (char)('0' + (byte & 7))};
        trp_emit_bytes(out, octal, sizeof(octal));
    } else {
        trp_emit_bytes(out, &c, 1);
    }
}

void trp_q_print_quoted(struct trp_buffer *out, const char *text, size_t size)
{
    trp_emit_bytes(out, "\"", 1);
    for (size_t i = 0; i < size && out->status == TROUPE_OK; i++) {
        escape(out, text[i]);
    }
    trp_emit_bytes(out, "\"", 1);
}

/* As above, but stops where the line is cut anyway. */
static void quoted(struct line *line, const char *text, size_t size)
{
    put(line, "\"");
    for (size_t i = 0; i < size && !full(line); i++) {
        escape(line->out, text[i]);
    }
    put(line, "\"");
}

static void symbol(struct line *line, const char *text)
{
    put(line, "`");
    trp_emit_bytes(line->out, text, trp_q_symbol_size(text));
}

static bool shows_float(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (strchr(".enw", text[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* `count` items of an atom or vector, with what q puts before, between and behind. */
static void items(struct line *line, int base, const uint8_t *data, size_t count)
{
    bool joined = base == TROUPE_Q_BOOLEAN || base == TROUPE_Q_BYTE;
    bool fraction = false;
    size_t width = trp_q_width(base);
    char text[TRP_Q_ITEM_TEXT];

    if (base == TROUPE_Q_BYTE) {
        put(line, "0x");
    }
    for (size_t i = 0; i < count && !full(line); i++) {
        if (i != 0 && !joined) {
            put(line, " ");
        }
        size_t size =
            trp_q_item_text(text, base, data + i * width, line->precision, false);
        fraction = fraction || shows_float(text, size);
        trp_emit_bytes(line->out, text, size);
    }
    put(line, trp_q_suffix(base));
    if (base == TROUPE_Q_FLOAT && !fraction) {
        put(line, "f");
    }
}

static void atom_or_vector(struct line *line, const troupe_q_value *v)
{
    int base = v->type < 0 ? -v->type : v->type;

    if (base == TROUPE_Q_CHAR) {
        quoted(line, TRP_Q_CHARS(v), v->count);
    } else if (base == TROUPE_Q_SYMBOL) {
        for (size_t i = 0; i < v->count && !full(line); i++) {
            symbol(line, TRP_Q_SYMS(v)[i]);
        }
    } else {
        items(line, base, TRP_Q_BYTES(v), v->count);
    }
}

static void value(struct line *line, const troupe_q_value *v);

static void joined(struct line *line, const troupe_q_value *v, size_t from)
{
    for (size_t i = from; i < v->count && !full(line); i++) {
        if (i != from) {
            put(line, ";");
        }
        value(line, TRP_Q_ITEMS(v)[i]);
    }
}

static void attribute(struct line *line, const troupe_q_value *v)
{
    static const char *const texts[] = {"", "`s#", "`u#", "`p#", "`g#"};
    unsigned attr = troupe_q_attr(v);

    put(line, attr < TRP_COUNT(texts) ? texts[attr] : "");
}

static void list(struct line *line, const troupe_q_value *v)
{
    attribute(line, v);
    if (v->count == 0 && v->type != TROUPE_Q_CHAR) {
        put(line, v->type == TROUPE_Q_LIST ? "" : "`");
        put(line, trp_q_type_name(v->type));
        put(line, v->type == TROUPE_Q_LIST ? "()" : "$()");
        return;
    }
    if (v->count == 1) {
        put(line, ",");
    }
    if (v->type != TROUPE_Q_LIST) {
        atom_or_vector(line, v);
        return;
    }
    put(line, v->count == 1 ? "" : "(");
    joined(line, v, 0);
    put(line, v->count == 1 ? "" : ")");
}

/* Whether a dictionary's keys need parentheses before the `!`. */
static bool needs_parentheses(const troupe_q_value *keys)
{
    if (!trp_q_is_list(keys)) {
        return true;
    }
    return keys->count == 1 || (keys->count == 0 && keys->type != TROUPE_Q_LIST &&
                                keys->type != TROUPE_Q_CHAR);
}

static void pair(struct line *line, const troupe_q_value *v)
{
    const troupe_q_value *keys = TRP_Q_ITEMS(v)[0];
    bool parentheses = needs_parentheses(keys);

    put(line, parentheses ? "(" : "");
    value(line, keys);
    put(line, parentheses ? ")!" : "!");
    value(line, TRP_Q_ITEMS(v)[1]);
}

static void function(struct line *line, const troupe_q_value *v)
{
    switch (v->type) {
    case TROUPE_Q_LAMBDA: {
        const troupe_q_value *text = TRP_Q_ITEMS(v)[1];
        trp_emit_bytes(line->out, text->data, text->count);
        break;
    }
    case TROUPE_Q_PROJECTION:
        value(line, TRP_Q_ITEMS(v)[0]);
        put(line, "[");
        joined(line, v, 1);
        put(line, "]");
        break;
    case TROUPE_Q_COMPOSITION:
        for (size_t i = 0; i < v->count && !full(line); i++) {
            value(line, TRP_Q_ITEMS(v)[i]);
        }
        break;
    case TROUPE_Q_UNARY:
    case TROUPE_Q_BINARY:
    case TROUPE_Q_ITERATOR:
        put(line, trp_q_primitive_text(v->type, *TRP_Q_BYTES(v)));
        break;
    default:
        value(line, TRP_Q_ITEMS(v)[0]);
        put(line,
            trp_q_primitive_text(TROUPE_Q_ITERATOR, (unsigned)(v->type - TROUPE_Q_EACH)));
        break;
    }
}

static void value(struct line *line, const troupe_q_value *v)
{
    if (line->depth == TROUPE_Q_DEPTH_MAX) {
        put(line, "..");
        return;
    }
    line->depth++;
    if (trp_q_is_atom(v)) {
        atom_or_vector(line, v);
    } else if (trp_q_is_list(v)) {
        list(line, v);
    } else if (v->type == TROUPE_Q_TABLE) {
        attribute(line, v);
        put(line, "+");
        pair(line, v);
    } else if (trp_q_is_dict(v)) {
        bool said = TRP_Q_ITEMS(v)[0]->attr == TROUPE_Q_SORTED; /* by the keys */
        put(line, v->type == TROUPE_Q_SORTED_DICT && !said ? "`s#" : "");
        pair(line, v);
    } else if (v->type == TROUPE_Q_ERROR) {
        put(line, "'");
        trp_emit_bytes(line->out, v->data, v->count);
    } else {
        function(line, v);
    }
    line->depth--;
}

void trp_q_print_cut(struct trp_buffer *out, size_t start, size_t columns)
{
    size_t size = trp_buffer_size(out) - start;

    if (out->status == TROUPE_OK && columns != 0 && size >= columns) {
        size_t keep = columns > 3 ? columns - 3 : 0;
        out->end -= size - keep;
        trp_emit_bytes(out, "..", 2);
    }
}

void trp_q_print_line(struct trp_buffer *out, const troupe_q_value *v,
                      const struct trp_q_format *format)
{
    struct line line = {.out = out,
                        .start = trp_buffer_size(out),
                        .columns = format->columns,
                        .precision =
                            format->precision != 0 ? format->precision : TRP_Q_PRECISION};

    value(&line, v);
    trp_q_print_cut(out, line.start, line.columns);
}
