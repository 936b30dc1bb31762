/* SPDX-License-Identifier: MIT
 * eq_parser_term.c - nouns, verbs, brackets, iterators and lambdas. */
#include "bindings/embedq/eq_parser.h"

static const char *intern_token(struct trp_eq_parser *p)
{
    const char *name = NULL;

    if (p->token.size > TRP_EQ_NAME_MAX ||
        trp_q_intern(trp_eq_token_text(p), p->token.size, &name) != TROUPE_OK) {
        return (void *)trp_eq_fail(p->q, "limit");
    }
    return name;
}

/* `[a;b]` after a term, as arguments; the current token is the bracket. */
static struct trp_eq_node *bracketed(struct trp_eq_parser *p, struct trp_eq_node *f)
{
    struct trp_eq_nodes parts = {0};

    trp_eq_advance(p);
    if (!trp_eq_nodes_add(p, &parts, f) || !trp_eq_statements(p, ']', &parts)) {
        return NULL;
    }
    bool cond = f->kind == TRP_EQ_VERB && f->builtin->name[0] == '$' && parts.count > 3;
    struct trp_eq_node *node = trp_eq_items(p, cond ? TRP_EQ_COND : TRP_EQ_APPLY, &parts);
    if (node != NULL && cond) {
        node->items++;
        node->count--;
    } else if (node != NULL) {
        node->op = 1;
    }
    return node;
}

static struct trp_eq_node *derive(struct trp_eq_parser *p, struct trp_eq_node *f)
{
    struct trp_eq_nodes parts = {0};
    uint8_t op = p->token.op;

    trp_eq_advance(p);
    if (!trp_eq_nodes_add(p, &parts, f)) {
        return NULL;
    }
    struct trp_eq_node *node = trp_eq_items(p, TRP_EQ_DERIVE, &parts);
    if (node != NULL) {
        node->op = op;
    }
    return node;
}

static struct trp_eq_node *control(struct trp_eq_parser *p, enum trp_eq_node_kind kind)
{
    struct trp_eq_nodes parts = {0};

    trp_eq_advance(p);
    trp_eq_advance(p);
    if (!trp_eq_statements(p, ']', &parts)) {
        return NULL;
    }
    return parts.items[0]->kind == TRP_EQ_HOLE ? (void *)trp_eq_fail(p->q, "rank")
                                               : trp_eq_items(p, kind, &parts);
}

static struct trp_eq_node *name_term(struct trp_eq_parser *p, bool *verb)
{
    static const struct {
        const char *word;
        enum trp_eq_node_kind kind;
    } controls[] = {{"if", TRP_EQ_IF}, {"while", TRP_EQ_WHILE}, {"do", TRP_EQ_DO}};
    static const char *const queries[] = {"select", "exec", "update", "delete"};
    struct trp_eq_token next = trp_eq_peek(p);

    for (size_t i = 0; i < TRP_COUNT(controls); i++) {
        if (trp_eq_is_word(p, controls[i].word) && next.kind == TRP_EQ_OPEN &&
            next.op == '[') {
            return control(p, controls[i].kind);
        }
    }
    for (unsigned i = 0; i < TRP_COUNT(queries); i++) {
        if (trp_eq_is_word(p, queries[i])) {
            return trp_eq_query_term(p, (enum trp_eq_sql_kind)i);
        }
    }
    const char *text = trp_eq_token_text(p);
    const struct trp_eq_builtin *b =
        text[0] != '.' ? trp_eq_builtin(p->q, text, p->token.size) : NULL;
    struct trp_eq_node *node = NULL;
    if (b != NULL) {
        *verb = b->infix;
        node = trp_eq_verb(p, b);
    } else {
        node = trp_eq_node(p, TRP_EQ_VAR);
        if (node == NULL || (node->name = intern_token(p)) == NULL) {
            return NULL;
        }
        (void)trp_eq_use_name(p, node);
    }
    trp_eq_advance(p);
    return node;
}

static struct trp_eq_node *op_term(struct trp_eq_parser *p, bool *verb)
{
    static const char unary[] = ":+-*%&|^=<>$,#_~!?@.";
    char glyph[3] = {(char)p->token.op, (char)p->token.op2, 0};
    const struct trp_eq_builtin *b = NULL;
    struct trp_eq_node *node = NULL;

    if (glyph[0] == ':' && glyph[1] == ':') {
        node = trp_eq_constant(p, trp_eq_null(p->q));
        trp_eq_advance(p);
        return node;
    }
    if (p->token.colon) {
        const char *at = glyph[1] == 0 ? strchr(unary, glyph[0]) : NULL;
        qv *code =
            at != NULL ? trp_q_of_code(TROUPE_Q_UNARY, (unsigned)(at - unary)) : NULL;
        b = code != NULL ? trp_eq_builtin_of(p->q, code) : NULL;
        trp_eq_drop(code);
    } else {
        b = trp_eq_builtin(p->q, glyph, strlen(glyph));
    }
    if (b == NULL) {
        return trp_eq_unexpected(p);
    }
    *verb = true;
    node = trp_eq_verb(p, b);
    trp_eq_advance(p);
    return node;
}

static struct trp_eq_node *paren_term(struct trp_eq_parser *p)
{
    struct trp_eq_nodes parts = {0};
    struct trp_eq_token next = trp_eq_peek(p);

    if (next.kind == TRP_EQ_OPEN && next.op == '[') {
        return trp_eq_table_literal(p);
    }
    trp_eq_advance(p);
    if (!trp_eq_statements(p, ')', &parts)) {
        return NULL;
    }
    if (parts.count == 1) {
        struct trp_eq_node *only = parts.items[0];
        if (only->kind == TRP_EQ_HOLE) {
            return trp_eq_constant(p, trp_eq_empty(p->q, TROUPE_Q_LIST));
        }
        if (only->kind == TRP_EQ_VAR || only->kind == TRP_EQ_APPLY) {
            struct trp_eq_node *copy = trp_eq_items(p, TRP_EQ_SEQ, &parts);
            return copy; /* so that (a):1 is no assignment to a */
        }
        return only;
    }
    return trp_eq_items(p, TRP_EQ_MAKE_LIST, &parts);
}

/* Names used in the body become slots when the lambda owns them. */
static void resolve(struct trp_eq_naming *naming)
{
    struct trp_eq_node *next = NULL;

    for (struct trp_eq_node *use = naming->uses; use != NULL; use = next) {
        next = use->next;
        use->next = NULL;
        for (uint32_t i = 0; i < naming->count; i++) {
            if (naming->names[i] == use->name) {
                use->slot = (int32_t)i;
            }
        }
    }
}

static bool parameters(struct trp_eq_parser *p, struct trp_eq_naming *naming)
{
    naming->implicit = !(p->token.kind == TRP_EQ_OPEN && p->token.op == '[');
    if (naming->implicit) {
        static const char *const xyz[] = {"x", "y", "z"};
        for (size_t i = 0; i < 3; i++) {
            if (trp_q_intern(xyz[i], 1, &naming->names[i]) != TROUPE_OK) {
                return trp_eq_oom(p->q) != NULL;
            }
        }
        naming->count = 3;
        return true;
    }
    trp_eq_advance(p);
    while (!trp_eq_is_close(p, ']')) {
        if (p->token.kind != TRP_EQ_NAME) {
            return trp_eq_unexpected(p) != NULL;
        }
        if (naming->count == TRP_EQ_ARGS_MAX) {
            return trp_eq_fail(p->q, "params") != NULL;
        }
        naming->names[naming->count] = intern_token(p);
        if (naming->names[naming->count++] == NULL) {
            return false;
        }
        trp_eq_advance(p);
        if (p->token.kind == TRP_EQ_SEMI) {
            trp_eq_advance(p);
        }
    }
    trp_eq_advance(p);
    return true;
}

static struct trp_eq_node *finish_lambda(struct trp_eq_parser *p,
                                         struct trp_eq_naming *naming, uint32_t rank,
                                         const struct trp_eq_nodes *body, qv *value)
{
    struct trp_eq_lambda *lambda = trp_eq_arena(p, sizeof *lambda);
    struct trp_eq_node *node = trp_eq_constant(p, value);
    const char **names = trp_eq_arena(p, (naming->count + 1) * sizeof *names);

    if (lambda == NULL || node == NULL || names == NULL) {
        return NULL;
    }
    resolve(naming);
    memcpy(names, naming->names, naming->count * sizeof *names);
    *lambda = (struct trp_eq_lambda){.code = p->code,
                                     .slots = naming->count,
                                     .names = names,
                                     .value = node->value,
                                     .context = p->code->context};
    lambda->params = naming->implicit ? 3 : rank;
    lambda->rank = naming->implicit ? naming->used : rank;
    lambda->rank = lambda->rank == 0 ? 1 : lambda->rank;
    lambda->body = trp_eq_items(p, TRP_EQ_SEQ, body);
    node->kind = TRP_EQ_FUNCTION;
    node->lambda = lambda;
    return lambda->body != NULL ? node : NULL;
}

static struct trp_eq_node *lambda_term(struct trp_eq_parser *p)
{
    struct trp_eq_naming *naming = trp_eq_arena(p, sizeof *naming);
    struct trp_eq_nodes body = {0};
    size_t start = p->token.at;

    if (naming == NULL) {
        return NULL;
    }
    naming->up = p->naming;
    p->naming = naming;
    trp_eq_advance(p);
    if (!parameters(p, naming)) {
        return NULL;
    }
    uint32_t rank = naming->count;
    /* The text ends with the brace, which is the token before the next. */
    size_t end = 0;
    enum trp_eq_stop stop = p->stop;
    p->stop = TRP_EQ_STOP_NONE;
    for (;;) {
        if (!trp_eq_nodes_add(p, &body, trp_eq_expression(p))) {
            return NULL;
        }
        if (p->token.kind != TRP_EQ_SEMI) {
            break;
        }
        trp_eq_advance(p);
    }
    p->stop = stop;
    if (!trp_eq_is_close(p, '}')) {
        return trp_eq_unexpected(p);
    }
    end = p->token.at + 1;
    trp_eq_advance(p);
    p->naming = naming->up;
    const char *context = p->code->context;
    qv *value = NULL;
    if (troupe_q_lambda(context[0] == '.' ? context + 1 : context, p->lexer.text + start,
                        end - start, &value) != TROUPE_OK) {
        return (void *)trp_eq_oom(p->q);
    }
    return finish_lambda(p, naming, rank, &body, value);
}

static struct trp_eq_node *literal_term(struct trp_eq_parser *p)
{
    const char *text = trp_eq_token_text(p);
    size_t size = p->token.size;
    qv *value = p->token.kind == TRP_EQ_NUMBER ? trp_eq_number(p->q, text, size)
                : p->token.kind == TRP_EQ_STRING
                    ? trp_eq_string_literal(p->q, text, size)
                    : trp_eq_symbol_literal(p->q, text, size);
    struct trp_eq_node *node = trp_eq_constant(p, value);

    trp_eq_advance(p);
    return node;
}

static struct trp_eq_node *block_term(struct trp_eq_parser *p)
{
    struct trp_eq_nodes parts = {0};

    trp_eq_advance(p);
    return trp_eq_statements(p, ']', &parts) ? trp_eq_items(p, TRP_EQ_SEQ, &parts) : NULL;
}

static struct trp_eq_node *start_term(struct trp_eq_parser *p, bool *verb)
{
    struct trp_eq_node *node = NULL;

    switch (p->token.kind) {
    case TRP_EQ_NUMBER:
    case TRP_EQ_STRING:
    case TRP_EQ_SYMBOL:
        return literal_term(p);
    case TRP_EQ_NAME:
        return name_term(p, verb);
    case TRP_EQ_OP:
        return op_term(p, verb);
    case TRP_EQ_ADVERB:
        node = trp_eq_constant(
            p, trp_eq_made(p->q, trp_q_of_code(TROUPE_Q_ITERATOR, p->token.op)));
        trp_eq_advance(p);
        return node;
    case TRP_EQ_OPEN:
        return p->token.op == '('   ? paren_term(p)
               : p->token.op == '{' ? lambda_term(p)
                                    : block_term(p);
    default:
        return trp_eq_unexpected(p);
    }
}

struct trp_eq_node *trp_eq_term(struct trp_eq_parser *p, bool *verb)
{
    *verb = false;
    struct trp_eq_node *node = start_term(p, verb);
    while (node != NULL) {
        if (p->token.kind == TRP_EQ_OPEN && p->token.op == '[') {
            node = bracketed(p, node);
            *verb = false;
        } else if (p->token.kind == TRP_EQ_ADVERB &&
                   (!p->token.space || p->token.op == 0)) {
            node = derive(p, node);
            *verb = true;
        } else {
            break;
        }
    }
    return node;
}
