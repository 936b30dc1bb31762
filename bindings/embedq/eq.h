/* SPDX-License-Identifier: MIT
 * eq.h - the inside of the embedded q interpreter: syntax trees, names, builtins.
 *
 * Makers return NULL after they have put an error into the interpreter; arguments are
 * borrowed, results are the caller's. */
#ifndef TRP_BINDINGS_EMBEDQ_EQ_H
#define TRP_BINDINGS_EMBEDQ_EQ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/embedq.h>
#include <troupe/q_value.h>

#include "mailbox/alloc.h"
#include "transports/q/q_symbol.h"
#include "transports/q/q_value.h"

typedef troupe_q_value qv;

enum {
    TRP_EQ_NEST_MAX = 250,     /* brackets and operators inside each other, in a text */
    TRP_EQ_CALLS_MAX = 2000,   /* lambdas inside each other */
    TRP_EQ_ARGS_MAX = 8,       /* parameters of a lambda */
    TRP_EQ_NAME_MAX = 255,     /* bytes of a full name */
    TRP_EQ_SLOTS_MAX = 64,     /* parameters and locals of a lambda */
    TRP_EQ_COLUMNS_MAX = 4096, /* of a table literal or query */
    TRP_EQ_TEXTS = 256,        /* remembered texts */
    TRP_EQ_TEXT_KEPT = 4096,   /* bytes of a text that is remembered */
    TRP_EQ_LAMBDAS = 512,      /* remembered lambda values */
    TRP_EQ_FILES_MAX = 16,     /* open at a time */
    TRP_EQ_INDICES = 8,        /* keyed tables whose keys are remembered by hash */
    TRP_EQ_INDEX_FROM = 32,    /* rows of a keyed table from which on it is worth it */
    TRP_EQ_STACK = 3 << 20     /* bytes of C stack an evaluation may use */
};

typedef qv *(*trp_eq_one)(struct trp_embedq *q, qv *x);
typedef qv *(*trp_eq_two)(struct trp_embedq *q, qv *x, qv *y);
typedef qv *(*trp_eq_many)(struct trp_embedq *q, size_t count, qv **args);

struct trp_eq_builtin {
    const char *name;
    bool infix;    /* stands between its arguments: x in y */
    int16_t code1; /* code as a unary primitive, or -1 */
    int16_t code2; /* code as a binary primitive, or -1 */
    trp_eq_one one;
    trp_eq_two two;
    trp_eq_many many;   /* three and more arguments (or any, when the others are NULL) */
    uint8_t max;        /* most arguments `many` takes */
    const char *source; /* in q, instead of functions */
};

enum trp_eq_node_kind {
    TRP_EQ_CONST,
    TRP_EQ_VERB, /* value and builtin */
    TRP_EQ_VAR,
    TRP_EQ_APPLY, /* items: function, arguments */
    TRP_EQ_MAKE_LIST,
    TRP_EQ_ASSIGN, /* items: target, value, indices; builtin: the verb of a+:b */
    TRP_EQ_DERIVE, /* items: function; op: iterator */
    TRP_EQ_FUNCTION,
    TRP_EQ_COND,
    TRP_EQ_IF,
    TRP_EQ_WHILE,
    TRP_EQ_DO,
    TRP_EQ_SEQ,
    TRP_EQ_RETURN,
    TRP_EQ_SIGNAL,
    TRP_EQ_MAKE_TABLE, /* items: columns; value: names; slot: how many are keys */
    TRP_EQ_SQL_QUERY,
    TRP_EQ_COMPOSE, /* items: two functions */
    TRP_EQ_HOLE
};

struct trp_eq_node {
    uint8_t kind;
    uint8_t op;
    bool composed; /* ends in a verb without right argument */
    uint32_t at;
    uint32_t count; /* items */
    int32_t slot;   /* of a local, or -1 */
    struct trp_eq_node **items;
    qv *value;
    const char *name; /* interned */
    const struct trp_eq_builtin *builtin;
    struct trp_eq_binding *binding; /* of a global, found at the first use */
    struct trp_eq_lambda *lambda;
    struct trp_eq_sql *sql;
    struct trp_eq_node *next; /* names of one lambda, values of one text */
};

enum trp_eq_sql_kind { TRP_EQ_SELECT, TRP_EQ_EXEC, TRP_EQ_UPDATE, TRP_EQ_DELETE };

struct trp_eq_sql {
    uint8_t kind;
    bool distinct;
    bool by; /* there is a by phrase */
    struct trp_eq_node *from;
    struct trp_eq_node *limit; /* select[n] */
    struct trp_eq_node *order; /* select[n;>c]: the column; descending in `op` */
    uint8_t op;
    uint32_t columns, groups, wheres;
    const char **column_names, **group_names;
    struct trp_eq_node **column, **group, **where;
};

struct trp_eq_lambda {
    struct trp_eq_code *code; /* not counted: the text it is part of */
    uint32_t rank;
    uint32_t params; /* slots that take arguments: rank, or 0 for {[] ...} */
    uint32_t slots;  /* parameters and locals */
    const char **names;
    struct trp_eq_node *body;
    qv *value;
    const char *context; /* full name of the namespace, "" is the root */
};

/* A parsed text. */
struct trp_eq_code {
    uint32_t refs;
    size_t bytes;  /* of its chunks */
    size_t *tally; /* of all texts' bytes */
    const char *context;
    struct trp_eq_chunk *chunks;
    struct trp_eq_node *values; /* nodes that hold a value */
    struct trp_eq_node *root;
};

struct trp_eq_binding {
    const char *name; /* full, interned */
    qv *value;        /* NULL: not defined */
};

/* What a name means first inside a query: columns at some rows. */
struct trp_eq_scope {
    qv *table;          /* flat */
    const int64_t *row; /* NULL: all rows */
    size_t rows;
    qv **cache; /* columns taken at the rows, as many as there are columns */
    qv *index;  /* the virtual column i */
};

struct trp_eq_frame {
    struct trp_eq_frame *up;
    const struct trp_eq_lambda *lambda;
    qv **slots;
    struct trp_eq_scope *scope;
};

struct trp_eq_random {
    uint64_t state[4];
};

/* Positions of the items of a list or table by their hash. */
struct places {
    const qv *list;
    size_t *slots; /* position + 1; 0: free */
    size_t mask;
    qv *held; /* `list`, while it is remembered */
};

struct trp_embedq {
    struct troupe_embedq_options options;
    atomic_bool interrupt;
    uint64_t steps;
    uint64_t made;   /* bytes of vectors, ever */
    uintptr_t stack; /* where the evaluation began */
    int64_t held;    /* bytes kept from one evaluation to the next, about */
    int64_t drift;   /* by how much `held` may be wrong */
    int64_t fixed;   /* the part of it that is never given back: names */
    size_t code_bytes;
    struct {
        int64_t outside, names_outside; /* the thread's before */
        int64_t begin, names;           /* what there was for this evaluation */
        int64_t lent;                   /* what of it is above the limit */
        uint64_t made;
        uint32_t query_refs;
    } room;
    uint32_t calls;
    uint32_t running; /* evaluations inside each other */
    char error[TROUPE_FAILURE_TEXT];
    bool failed;
    qv *returned; /* of `:x`, on its way to the lambda */
    struct trp_eq_frame *frame;
    const char *context; /* \d, "" or ".a" */

    struct trp_eq_binding **bindings;
    size_t binding_room, binding_count;
    const struct trp_eq_builtin **builtins;
    size_t builtin_room;
    qv **sources; /* lambdas of builtins written in q, by their place */
    struct {
        qv *value;
        struct trp_eq_lambda *lambda;
    } lambdas[TRP_EQ_LAMBDAS];
    struct trp_eq_code *texts[TRP_EQ_TEXTS];
    qv *text_keys[TRP_EQ_TEXTS];

    struct places indices[TRP_EQ_INDICES];
    size_t next_index;
    struct trp_eq_random random;
    char *output;   /* of show and friends, when there is no callback */
    int64_t handle; /* .z.w */
    const char *user;
    int32_t address;
    int precision, console_rows, console_columns;
    int64_t port, timer;
    bool deferred; /* -30!(::) in this call */
    struct {
        bool open;
        int64_t file;          /* the host's number */
    } files[TRP_EQ_FILES_MAX]; /* by handle */
    bool may_sleep;            /* the thread is ours: an engine */
};

/* ---- errors and limits (eq_error.c) ---- */
qv *trp_eq_fail(struct trp_embedq *q, const char *error);
qv *trp_eq_failf(struct trp_embedq *q, const char *format, ...) TROUPE_PRINTF(2, 3);
qv *trp_eq_nyi(struct trp_embedq *q, const char *construct);
qv *trp_eq_oom(struct trp_embedq *q);
/* false: an error is set ('stop, 'stack). Call at every loop turn and call. */
bool trp_eq_go_on(struct trp_embedq *q);
bool trp_eq_deep(struct trp_embedq *q);
bool trp_eq_stopped(struct trp_embedq *q);
/* The same for turn `i` of a long loop that is no step by itself. */
static inline bool trp_eq_poll(struct trp_embedq *q, size_t i)
{
    return (i & 0x3fff) != 0x3fff || !trp_eq_stopped(q);
}

bool trp_eq_stopping(const struct trp_embedq *q); /* no trap may catch it */
bool trp_eq_interrupted(const struct trp_embedq *q);
/* Whether a value written out in full stays within the memory limit: lists that hold one
 * value many times may be far larger than they are. false: 'wsfull. */
bool trp_eq_bounded(struct trp_embedq *q, const qv *v);
/* A new vector within the memory limit. */
qv *trp_eq_new(struct trp_embedq *q, int type, size_t count);
/* NULL becomes 'wsfull. */
qv *trp_eq_made(struct trp_embedq *q, qv *v);
qv *trp_eq_long(struct trp_embedq *q, int64_t x);
qv *trp_eq_bool(struct trp_embedq *q, bool x);
qv *trp_eq_float(struct trp_embedq *q, double x);
qv *trp_eq_symbol(struct trp_embedq *q, const char *text, size_t size);
qv *trp_eq_text(struct trp_embedq *q, const char *text, size_t size);
qv *trp_eq_null(struct trp_embedq *q); /* :: */
qv *trp_eq_empty(struct trp_embedq *q, int type);
void trp_eq_drop(qv *v);
/* A list or dictionary of moved parts; parts are dropped on failure (NULL: failed
 * before). */
qv *trp_eq_pair(struct trp_embedq *q, int type, qv *x, qv *y);

/* ---- memory (eq_room.c) ---- */
/* Around an evaluation from outside; the query and the answer may be NULL. */
void trp_eq_room_open(struct trp_embedq *q, const qv *query);
void trp_eq_room_close(struct trp_embedq *q, const qv *query, const qv *answer);
/* A value that the host gave; `before`: trp_eq_room_now() before it was asked. */
int64_t trp_eq_room_now(void);
void trp_eq_room_came(struct trp_embedq *q, int64_t before, const qv *v);
/* A value that the host takes along: bytes of it before, and what to do afterwards. */
size_t trp_eq_room_leaves(struct trp_embedq *q, const qv *v);
void trp_eq_room_left(struct trp_embedq *q, const qv *v, size_t bytes);
/* Memory for a while, within the room there is; the caller frees it. NULL: 'wsfull. */
void *trp_eq_scratch(struct trp_embedq *q, size_t count, size_t size);
/* Whether a global may get the value: room above the limit is not for keeping. */
bool trp_eq_may_keep(struct trp_embedq *q, const qv *v);

/* ---- text to tree (eq_parser.c, eq_parser_term.c, eq_parser_sql.c) ---- */
/* A text as a tree, perhaps a remembered one; the caller gives a reference back. */
struct trp_eq_code *trp_eq_compile(struct trp_embedq *q, const char *context,
                                   const char *text, size_t size);
void trp_eq_code_unref(struct trp_eq_code *code);
void trp_eq_forget(struct trp_embedq *q); /* all remembered texts and lambdas */
qv *trp_eq_number(struct trp_embedq *q, const char *text, size_t size); /* literal run */
qv *trp_eq_string_literal(struct trp_embedq *q, const char *text, size_t size);
qv *trp_eq_symbol_literal(struct trp_embedq *q, const char *text, size_t size);
qv *trp_eq_tree(struct trp_embedq *q, const struct trp_eq_node *node); /* `parse` */
qv *trp_eq_number_as(struct trp_embedq *q, int type, const char *text, size_t size);

/* ---- names (eq_names.c) ---- */
struct trp_eq_binding *trp_eq_binding(struct trp_embedq *q, const char *context,
                                      const char *name, bool make);
/* Value of a global; sets the error to the name when there is none. */
qv *trp_eq_get(struct trp_embedq *q, const char *context, const char *name);
qv *trp_eq_get_quiet(struct trp_embedq *q, const char *context, const char *name);
bool trp_eq_set(struct trp_embedq *q, const char *context, const char *name, qv *value);
bool trp_eq_unset(struct trp_embedq *q, const char *context, const char *name);
qv *trp_eq_names_in(struct trp_embedq *q, const char *space); /* symbol vector, sorted */
qv *trp_eq_space(struct trp_embedq *q, const char *space); /* a namespace's dictionary */
bool trp_eq_is_space(struct trp_embedq *q, const char *name);
void trp_eq_names_fini(struct trp_embedq *q);
/* .z.* names the machine answers; NULL without error: not one of them. */
qv *trp_eq_dot_z(struct trp_embedq *q, const char *name);

/* ---- evaluation (eq_eval.c, eq_apply.c, eq_adverb.c, eq_amend.c, eq_assign.c) ---- */
qv *trp_eq_eval(struct trp_embedq *q, struct trp_eq_node *node);
qv *trp_eq_eval_tree(struct trp_embedq *q, qv *tree); /* parse trees as values */
qv *trp_eq_eval_text(struct trp_embedq *q, const char *text, size_t size, bool message);
qv *trp_eq_value(struct trp_embedq *q, qv *x); /* `value` */
qv *trp_eq_assign(struct trp_embedq *q, struct trp_eq_node *node);
qv *trp_eq_apply(struct trp_embedq *q, qv *f, size_t count, qv **args);
qv *trp_eq_apply1(struct trp_embedq *q, qv *f, qv *x);
qv *trp_eq_apply2(struct trp_embedq *q, qv *f, qv *x, qv *y);
qv *trp_eq_call_lambda(struct trp_embedq *q, struct trp_eq_lambda *lambda, size_t count,
                       qv **args);
qv *trp_eq_call_builtin(struct trp_embedq *q, const struct trp_eq_builtin *b,
                        size_t count, qv **args);
qv *trp_eq_derived(struct trp_embedq *q, int iterator, qv *f, size_t count, qv **args);
size_t trp_eq_rank(struct trp_embedq *q, qv *f); /* 0: not known */
qv *trp_eq_index(struct trp_embedq *q, qv *x, size_t count, qv **index);
qv *trp_eq_index1(struct trp_embedq *q, qv *x, qv *index);
qv *trp_eq_take_rows(struct trp_embedq *q, qv *x, const int64_t *rows, size_t count);
/* *target changes at the index; verb NULL: replace. Depth: index[0] then index[1] ... */
bool trp_eq_amend_at(struct trp_embedq *q, qv **target, size_t count, qv **index,
                     qv *verb, qv *value);
bool trp_eq_is_calm(struct trp_embedq *q, const qv *verb);
qv *trp_eq_amend(struct trp_embedq *q, size_t count, qv **args);     /* @[d;i;f;y] */
qv *trp_eq_amend_dot(struct trp_embedq *q, size_t count, qv **args); /* .[d;i;f;y] */
qv *trp_eq_scope_find(struct trp_embedq *q, struct trp_eq_scope *scope, const char *name);
qv *trp_eq_query(struct trp_embedq *q, struct trp_eq_node *node);
bool trp_eq_truth(struct trp_embedq *q, qv *x, bool *out);

/* ---- builtins (eq_builtins.c) ---- */
bool trp_eq_builtins_init(struct trp_embedq *q);
void trp_eq_builtins_fini(struct trp_embedq *q);
const struct trp_eq_builtin *trp_eq_builtin(struct trp_embedq *q, const char *name,
                                            size_t size);
const struct trp_eq_builtin *trp_eq_builtin_of(struct trp_embedq *q, const qv *f);
qv *trp_eq_builtin_value(struct trp_embedq *q, const struct trp_eq_builtin *b);
const struct trp_eq_builtin *trp_eq_known_k(struct trp_embedq *q, const char *text,
                                            size_t size);
extern const struct trp_eq_builtin trp_eq_glyphs[];

/* ---- things values can do (eq_values.c) ---- */
int trp_eq_class(int type); /* 'i' whole numbers, 'f' floating, 's' symbol, 'g', 0 */
bool trp_eq_int_of(const qv *x, int64_t *out); /* whole-number atom */
qv *trp_eq_cast(struct trp_embedq *q, int type, qv *x);
qv *trp_eq_concat(struct trp_embedq *q, qv *x, qv *y);
bool trp_eq_append(struct trp_embedq *q, qv **x, qv *y);       /* in place when it can */
bool trp_eq_add_rows(struct trp_embedq *q, qv **table, qv *x); /* in place when it can */
qv *trp_eq_explode(struct trp_embedq *q, qv *x);    /* vector as a mixed list */
qv *trp_eq_simple(struct trp_embedq *q, qv *moved); /* mixed list to vector */
qv *trp_eq_null_of(struct trp_embedq *q, int type); /* null atom */
qv *trp_eq_first_null(struct trp_embedq *q, qv *x); /* what indexing outside gives */
int trp_eq_compare(const qv *x, size_t i, const qv *y, size_t j); /* items, for sorting */
int64_t *trp_eq_grade(struct trp_embedq *q, qv *x, bool down);
qv *trp_eq_rows_of(struct trp_embedq *q, const int64_t *rows, size_t count);
void trp_eq_null_bits(int type, void *item); /* writes a null item */
bool trp_eq_item_is_null(const qv *x, size_t i);
size_t trp_eq_len(const qv *x);               /* `count` */
qv *trp_eq_flat(struct trp_embedq *q, qv *x); /* keyed table to table */
qv *trp_eq_enkey(struct trp_embedq *q, int64_t keys, qv *x);
qv *trp_eq_dict_find(struct trp_embedq *q, qv *dict, qv *key); /* value or its null */
int64_t trp_eq_find_item(const qv *list, const qv *x);         /* position or -1 */
int64_t trp_eq_find_column(const qv *table, const char *name);
/* The keys of a keyed table by their hash. While it is remembered it holds the table of
 * keys, so that nothing changes that in place; trp_eq_keys_of lets it go (NULL: an error
 * is set), trp_eq_keys_keep holds it again. */
struct places *trp_eq_keys_of(struct trp_embedq *q, const qv *keys);
int64_t trp_eq_keys_find(struct places *p, const qv *rows, size_t row);
bool trp_eq_keys_added(struct trp_embedq *q, struct places *p, const qv *keys,
                       size_t row);
void trp_eq_keys_keep(struct places *p, qv *keys);
void trp_eq_keys_forget(struct places *p);

/* ---- what is outside (eq_system.c, eq_handles.c) ---- */
/* The answer of a host function, or its error; the answer is moved. */
qv *trp_eq_answered(struct trp_embedq *q, troupe_status status, qv *answer);
/* A number applied to x: a handle. */
qv *trp_eq_apply_handle(struct trp_embedq *q, int64_t handle, qv *f, qv *x);
/* A symbol that is the address of a q process, and it applied to x: opened, called and
 * closed. */
bool trp_eq_is_address(const qv *x);
qv *trp_eq_call_once(struct trp_embedq *q, qv *address, qv *x);
qv *trp_eq_handles(struct trp_embedq *q); /* .z.W */

/* ---- output ---- */
void trp_eq_print(struct trp_embedq *q, int stream, const char *text, size_t size);
qv *trp_eq_console(struct trp_embedq *q,
                   qv *x); /* as the console shows it, with newlines */
qv *trp_eq_oneline(struct trp_embedq *q, qv *x); /* .Q.s1 */

#endif
