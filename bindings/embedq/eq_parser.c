/* SPDX-License-Identifier: MIT
 * eq_parser.c - expressions: right to left, no precedence. */
#include "bindings/embedq/eq_parser.h"
#include "transports/q/q_room.h"

struct trp_eq_chunk {
    struct trp_eq_chunk *next;
    size_t used, size;
    union {
        uint8_t bytes[1];
        void *align;
        double align2;
    } room;
};

enum { CHUNK = 2048 };

void *trp_eq_arena(struct trp_eq_parser *p, size_t size)
{
    struct trp_eq_chunk *chunk = p->code->chunks;
    size_t need = (size + 15) & ~(size_t)15;

    if (chunk == NULL || chunk->size - chunk->used < need) {
        size_t room = need > CHUNK ? need : CHUNK;
        size_t whole = sizeof *chunk + room;
        chunk = trp_q_room_take(whole) ? trp_alloc(whole) : NULL;
        if (chunk == NULL) {
            return trp_eq_oom(p->q);
        }
        p->code->bytes += whole;
        p->q->code_bytes += whole;
        *chunk = (struct trp_eq_chunk){.next = p->code->chunks, .size = room};
        p->code->chunks = chunk;
    }
    void *at = chunk->room.bytes + chunk->used;
    chunk->used += need;
    memset(at, 0, need);
    return at;
}

struct trp_eq_node *trp_eq_node(struct trp_eq_parser *p, enum trp_eq_node_kind kind)
{
    struct trp_eq_node *node = trp_eq_arena(p, sizeof *node);

    if (node != NULL) {
        node->kind = (uint8_t)kind;
        node->slot = -1;
        node->at = p->token.at;
    }
    return node;
}

struct trp_eq_node *trp_eq_constant(struct trp_eq_parser *p, qv *moved)
{
    struct trp_eq_node *node = moved != NULL ? trp_eq_node(p, TRP_EQ_CONST) : NULL;

    if (node == NULL) {
        trp_eq_drop(moved);
        return NULL;
    }
    node->value = moved;
    node->next = p->code->values;
    p->code->values = node;
    return node;
}

struct trp_eq_node *trp_eq_verb(struct trp_eq_parser *p, const struct trp_eq_builtin *b)
{
    struct trp_eq_node *node = trp_eq_constant(p, trp_eq_builtin_value(p->q, b));

    if (node != NULL) {
        node->kind = TRP_EQ_VERB;
        node->builtin = b;
    }
    return node;
}

bool trp_eq_nodes_add(struct trp_eq_parser *p, struct trp_eq_nodes *nodes,
                      struct trp_eq_node *node)
{
    if (node == NULL) {
        return false;
    }
    if (nodes->count == nodes->room) {
        uint32_t room = nodes->room == 0 ? 4 : nodes->room * 2;
        struct trp_eq_node **items = trp_eq_arena(p, room * sizeof *items);
        if (items == NULL) {
            return false;
        }
        if (nodes->count != 0) {
            memcpy(items, nodes->items, nodes->count * sizeof *items);
        }
        nodes->items = items;
        nodes->room = room;
    }
    nodes->items[nodes->count++] = node;
    return true;
}

struct trp_eq_node *trp_eq_items(struct trp_eq_parser *p, enum trp_eq_node_kind kind,
                                 const struct trp_eq_nodes *nodes)
{
    struct trp_eq_node *node = trp_eq_node(p, kind);

    if (node != NULL) {
        node->items = nodes->items;
        node->count = nodes->count;
    }
    return node;
}

static struct trp_eq_node *node_of(struct trp_eq_parser *p, enum trp_eq_node_kind kind,
                                   struct trp_eq_node *a, struct trp_eq_node *b,
                                   struct trp_eq_node *c)
{
    struct trp_eq_nodes nodes = {0};
    bool good = trp_eq_nodes_add(p, &nodes, a) &&
                (b == NULL || trp_eq_nodes_add(p, &nodes, b)) &&
                (c == NULL || trp_eq_nodes_add(p, &nodes, c));

    return good ? trp_eq_items(p, kind, &nodes) : NULL;
}

void trp_eq_advance(struct trp_eq_parser *p)
{
    p->token = trp_eq_lexer_next(&p->lexer);
}

struct trp_eq_token trp_eq_peek(const struct trp_eq_parser *p)
{
    struct trp_eq_lexer look = p->lexer;

    return trp_eq_lexer_next(&look);
}

const char *trp_eq_token_text(const struct trp_eq_parser *p)
{
    return p->lexer.text + p->token.at;
}

bool trp_eq_is_word(const struct trp_eq_parser *p, const char *word)
{
    return p->token.kind == TRP_EQ_NAME && p->token.size == strlen(word) &&
           memcmp(trp_eq_token_text(p), word, p->token.size) == 0;
}

bool trp_eq_is_close(const struct trp_eq_parser *p, char bracket)
{
    return p->token.kind == TRP_EQ_CLOSE && p->token.op == (uint8_t)bracket;
}

void *trp_eq_unexpected(struct trp_eq_parser *p)
{
    if (p->q->failed) {
        return NULL;
    }
    if (p->token.kind == TRP_EQ_END) {
        return trp_eq_fail(p->q, "parse");
    }
    uint32_t size = p->token.size < 40 ? p->token.size : 40;
    return trp_eq_failf(p->q, "%.*s", (int)size, trp_eq_token_text(p));
}

static bool plain_comma(const struct trp_eq_parser *p)
{
    size_t next = p->token.at + 1;
    char c = next < p->lexer.size ? p->lexer.text[next] : ' ';

    return p->token.kind == TRP_EQ_OP && p->token.op == ',' && !p->token.colon &&
           c != '\'' && c != '/' && c != '\\';
}

bool trp_eq_at_end(const struct trp_eq_parser *p)
{
    if (p->token.kind == TRP_EQ_END || p->token.kind == TRP_EQ_SEMI ||
        p->token.kind == TRP_EQ_CLOSE) {
        return true;
    }
    switch (p->stop) {
    case TRP_EQ_STOP_COLUMN:
        return plain_comma(p) || trp_eq_is_word(p, "from") || trp_eq_is_word(p, "by");
    case TRP_EQ_STOP_COMMA:
        return plain_comma(p);
    case TRP_EQ_STOP_FROM:
        return trp_eq_is_word(p, "where");
    default:
        return false;
    }
}

/* ---- names of lambdas ---- */

bool trp_eq_use_name(struct trp_eq_parser *p, struct trp_eq_node *node)
{
    struct trp_eq_naming *naming = p->naming;

    if (naming == NULL) {
        return true;
    }
    node->next = naming->uses;
    naming->uses = node;
    if (naming->implicit && node->name[0] >= 'x' && node->name[0] <= 'z' &&
        node->name[1] == 0) {
        uint32_t rank = (uint32_t)(node->name[0] - 'x') + 1;
        naming->used = naming->used < rank ? rank : naming->used;
    }
    return true;
}

bool trp_eq_own_name(struct trp_eq_parser *p, const char *name)
{
    struct trp_eq_naming *naming = p->naming;

    if (naming == NULL || strchr(name, '.') != NULL) {
        return true;
    }
    for (uint32_t i = 0; i < naming->count; i++) {
        if (naming->names[i] == name) {
            return true;
        }
    }
    if (naming->count == TRP_EQ_SLOTS_MAX) {
        return trp_eq_fail(p->q, "locals") != NULL;
    }
    naming->names[naming->count++] = name;
    return true;
}

/* ---- expressions ---- */

/* f applied to the rest; when the rest waits for an argument: f composed with it. */
static struct trp_eq_node *apply_rest(struct trp_eq_parser *p, struct trp_eq_node *f,
                                      struct trp_eq_node *left, struct trp_eq_node *rest)
{
    struct trp_eq_node *node = NULL;

    if (rest == NULL) {
        return NULL;
    }
    if (rest->composed) {
        struct trp_eq_node *hole = trp_eq_node(p, TRP_EQ_HOLE);
        struct trp_eq_node *outer = left == NULL ? f
                                    : hole == NULL
                                        ? NULL
                                        : node_of(p, TRP_EQ_APPLY, f, left, hole);
        node = outer != NULL ? node_of(p, TRP_EQ_COMPOSE, outer, rest, NULL) : NULL;
        if (node != NULL) {
            node->composed = true;
        }
        return node;
    }
    return left == NULL ? node_of(p, TRP_EQ_APPLY, f, rest, NULL)
                        : node_of(p, TRP_EQ_APPLY, f, left, rest);
}

static bool assignable(const struct trp_eq_node *t)
{
    return t->kind == TRP_EQ_VAR ||
           (t->kind == TRP_EQ_APPLY && t->op != 0 && t->items[0]->kind == TRP_EQ_VAR);
}

/* The verb of a+:b is the current token (NULL: plain). */
static struct trp_eq_node *assignment(struct trp_eq_parser *p, struct trp_eq_node *target,
                                      const struct trp_eq_builtin *op, bool global)
{
    struct trp_eq_node *name = target->kind == TRP_EQ_VAR ? target : target->items[0];
    struct trp_eq_nodes parts = {0};

    trp_eq_advance(p);
    if (target->kind == TRP_EQ_VAR && op == NULL && !global &&
        !trp_eq_own_name(p, name->name)) {
        return NULL;
    }
    struct trp_eq_node *value = trp_eq_expression(p);
    if (value == NULL || value->kind == TRP_EQ_HOLE) {
        return trp_eq_unexpected(p);
    }
    bool good = trp_eq_nodes_add(p, &parts, name) && trp_eq_nodes_add(p, &parts, value);
    for (uint32_t i = 1; good && target->kind == TRP_EQ_APPLY && i < target->count; i++) {
        good = trp_eq_nodes_add(p, &parts, target->items[i]);
    }
    struct trp_eq_node *node = good ? trp_eq_items(p, TRP_EQ_ASSIGN, &parts) : NULL;
    if (node != NULL) {
        node->builtin = op;
        node->op = global;
    }
    return node;
}

static bool at_assignment(const struct trp_eq_parser *p, const struct trp_eq_node *t,
                          bool *global)
{
    if (p->token.kind != TRP_EQ_OP || !assignable(t)) {
        return false;
    }
    if (p->token.op == ':') {
        struct trp_eq_token next = trp_eq_peek(p);
        *global = p->token.op2 == ':';
        bool ends = next.kind == TRP_EQ_END || next.kind == TRP_EQ_SEMI ||
                    next.kind == TRP_EQ_CLOSE;
        return !ends && (next.kind != TRP_EQ_ADVERB || next.op == 0);
    }
    return p->token.colon;
}

static struct trp_eq_node *after_term(struct trp_eq_parser *p, struct trp_eq_node *t,
                                      bool verb)
{
    bool global = false;
    bool next_verb = false;

    if (t == NULL || trp_eq_at_end(p)) {
        return t;
    }
    if (verb) {
        return apply_rest(p, t, NULL, trp_eq_expression(p));
    }
    if (at_assignment(p, t, &global)) {
        char glyph[3] = {(char)p->token.op, (char)p->token.op2, 0};
        const struct trp_eq_builtin *op =
            p->token.op == ':' ? NULL : trp_eq_builtin(p->q, glyph, strlen(glyph));
        return assignment(p, t, op, global);
    }
    struct trp_eq_token next = trp_eq_peek(p);
    bool ends = next.kind == TRP_EQ_END || next.kind == TRP_EQ_SEMI ||
                next.kind == TRP_EQ_CLOSE || next.kind == TRP_EQ_ADVERB;
    if (p->token.kind == TRP_EQ_OP && p->token.op == ':' && p->token.op2 == 0 && !ends) {
        return (void *)trp_eq_nyi(p->q, "assignment to a pattern");
    }
    if (++p->depth > TRP_EQ_NEST_MAX) {
        return (void *)trp_eq_fail(p->q, "limit");
    }
    struct trp_eq_node *u = trp_eq_term(p, &next_verb);
    struct trp_eq_node *out = NULL;
    if (u != NULL && !next_verb) {
        out = apply_rest(p, t, NULL, after_term(p, u, false));
    } else if (u != NULL && trp_eq_at_end(p)) {
        struct trp_eq_node *hole = trp_eq_node(p, TRP_EQ_HOLE);
        out = hole != NULL ? node_of(p, TRP_EQ_APPLY, u, t, hole) : NULL;
        if (out != NULL) {
            out->composed = true;
        }
    } else if (u != NULL) {
        out = apply_rest(p, u, t, trp_eq_expression(p));
    }
    p->depth--;
    return out;
}

static bool ends_operand(const struct trp_eq_token *token)
{
    return token->kind == TRP_EQ_END || token->kind == TRP_EQ_SEMI ||
           token->kind == TRP_EQ_CLOSE;
}

/* `:x` and `'x` at the start of an expression. */
static struct trp_eq_node *prefixed(struct trp_eq_parser *p, enum trp_eq_node_kind kind)
{
    trp_eq_advance(p);
    struct trp_eq_node *value = trp_eq_expression(p);
    return value != NULL ? node_of(p, kind, value, NULL, NULL) : NULL;
}

static struct trp_eq_node *expression(struct trp_eq_parser *p)
{
    bool verb = false;

    if (trp_eq_at_end(p)) {
        return trp_eq_node(p, TRP_EQ_HOLE);
    }
    struct trp_eq_token next = trp_eq_peek(p);
    bool plain = !ends_operand(&next) && !(next.kind == TRP_EQ_OPEN && next.op == '[') &&
                 next.kind != TRP_EQ_ADVERB;
    if (p->token.kind == TRP_EQ_ADVERB && p->token.op == 0 && plain) {
        return prefixed(p, TRP_EQ_SIGNAL);
    }
    if (p->token.kind == TRP_EQ_OP && p->token.op == ':' && p->token.op2 == 0 && plain) {
        return prefixed(p, TRP_EQ_RETURN);
    }
    struct trp_eq_node *t = trp_eq_term(p, &verb);
    return after_term(p, t, verb);
}

struct trp_eq_node *trp_eq_expression(struct trp_eq_parser *p)
{
    if (++p->depth > TRP_EQ_NEST_MAX) {
        return (void *)trp_eq_fail(p->q, "limit");
    }
    struct trp_eq_node *node = expression(p);
    p->depth--;
    return node;
}

bool trp_eq_statements(struct trp_eq_parser *p, char close, struct trp_eq_nodes *out)
{
    enum trp_eq_stop stop = p->stop;

    p->stop = TRP_EQ_STOP_NONE;
    for (;;) {
        struct trp_eq_node *node = trp_eq_expression(p);
        if (!trp_eq_nodes_add(p, out, node)) {
            return false;
        }
        node->composed = false;
        if (p->token.kind != TRP_EQ_SEMI) {
            break;
        }
        trp_eq_advance(p);
    }
    p->stop = stop;
    if (close == 0 ? p->token.kind != TRP_EQ_END : !trp_eq_is_close(p, close)) {
        return trp_eq_unexpected(p) != NULL;
    }
    trp_eq_advance(p);
    return true;
}

/* ---- texts ---- */

static void free_values(struct trp_eq_code *code)
{
    for (struct trp_eq_node *node = code->values; node != NULL; node = node->next) {
        troupe_q_unref(&node->value);
    }
}

void trp_eq_code_unref(struct trp_eq_code *code)
{
    if (code == NULL || --code->refs != 0) {
        return;
    }
    free_values(code);
    for (struct trp_eq_chunk *chunk = code->chunks; chunk != NULL;) {
        struct trp_eq_chunk *next = chunk->next;
        trp_free(chunk);
        chunk = next;
    }
    trp_q_room_give(code->bytes);
    *code->tally -= code->bytes;
    trp_free(code);
}

static struct trp_eq_code *parse(struct trp_embedq *q, const char *context,
                                 const char *text, size_t size)
{
    struct trp_eq_code *code = trp_calloc(1, sizeof *code);
    struct trp_eq_parser p = {.q = q, .code = code};
    struct trp_eq_nodes nodes = {0};

    if (code == NULL) {
        return (void *)trp_eq_oom(q);
    }
    code->refs = 1;
    code->tally = &q->code_bytes;
    code->context = context;
    trp_eq_lexer_init(&p.lexer, text, size);
    trp_eq_advance(&p);
    if (trp_eq_statements(&p, 0, &nodes)) {
        code->root = trp_eq_items(&p, TRP_EQ_SEQ, &nodes);
    }
    if (code->root == NULL) {
        trp_eq_code_unref(code);
        return NULL;
    }
    return code;
}

static size_t text_slot(const char *context, const char *text, size_t size)
{
    uint32_t hash = 2166136261u ^ trp_q_symbol_hash(context);

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    }
    return (hash ^ hash >> 15) % TRP_EQ_TEXTS;
}

struct trp_eq_code *trp_eq_compile(struct trp_embedq *q, const char *context,
                                   const char *text, size_t size)
{
    if (size > TRP_EQ_TEXT_MAX) {
        return (void *)trp_eq_fail(q, "limit");
    }
    size_t slot = text_slot(context, text, size < TRP_EQ_TEXT_KEPT ? size : 0);
    struct trp_eq_code *kept = q->texts[slot];
    const qv *key = q->text_keys[slot];
    if (kept != NULL && kept->context == context && key->count == size &&
        memcmp(TRP_Q_CHARS(key), text, size) == 0) {
        kept->refs++;
        return kept;
    }
    struct trp_eq_code *code = parse(q, context, text, size);
    qv *copy = code != NULL && size < TRP_EQ_TEXT_KEPT ? trp_q_of_text(text, size) : NULL;
    if (copy != NULL) {
        trp_eq_code_unref(kept);
        troupe_q_unref(&q->text_keys[slot]);
        q->texts[slot] = code;
        q->text_keys[slot] = copy;
        code->refs++;
    }
    return code;
}
