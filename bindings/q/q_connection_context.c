/* SPDX-License-Identifier: MIT
 * q_connection_context.c - names on the server: looked up, read, set, called. */
#include "bindings/q/q_connection.h"

#include <stdlib.h>
#include <string.h>

/* What a name is and what is behind it. A namespace has the empty symbol among its keys,
 * of which it is the null. */
#define LOOK_UP                                                                          \
    "{v:get x;$[99h<type v;(`function;::);$[99h<>type v;0b;11h<>type key v;0b;"          \
    "(`)in key v];(`namespace;key v);(`value;v)]}"

#define DISABLED "Attempted to use context interface after disabling it."

/* In order. */
static const char *const words[] = {
    "abs",     "acos",   "aj",     "aj0",    "ajf",     "ajf0",       "all",
    "and",     "any",    "asc",    "asin",   "asof",    "atan",       "attr",
    "avg",     "avgs",   "bin",    "binr",   "by",      "ceiling",    "cols",
    "cor",     "cos",    "count",  "cov",    "cross",   "csv",        "cut",
    "delete",  "deltas", "desc",   "dev",    "differ",  "distinct",   "div",
    "do",      "dsave",  "each",   "ej",     "ema",     "enlist",     "eval",
    "except",  "exec",   "exit",   "exp",    "fby",     "fills",      "first",
    "fkeys",   "flip",   "floor",  "from",   "get",     "getenv",     "group",
    "gtime",   "hclose", "hcount", "hdel",   "hopen",   "hsym",       "iasc",
    "idesc",   "if",     "ij",     "ijf",    "in",      "insert",     "inter",
    "inv",     "key",    "keys",   "last",   "like",    "lj",         "ljf",
    "load",    "log",    "lower",  "lsq",    "ltime",   "ltrim",      "mavg",
    "max",     "maxs",   "mcount", "md5",    "mdev",    "med",        "meta",
    "min",     "mins",   "mmax",   "mmin",   "mmu",     "mod",        "msum",
    "neg",     "next",   "not",    "null",   "or",      "over",       "parse",
    "peach",   "pj",     "prd",    "prds",   "prev",    "prior",      "rand",
    "rank",    "ratios", "raze",   "read0",  "read1",   "reciprocal", "reval",
    "reverse", "rload",  "rotate", "rsave",  "rtrim",   "save",       "scan",
    "scov",    "sdev",   "select", "set",    "setenv",  "show",       "signum",
    "sin",     "sqrt",   "ss",     "ssr",    "string",  "sublist",    "sum",
    "sums",    "sv",     "svar",   "system", "tables",  "tan",        "til",
    "trim",    "type",   "uj",     "ujf",    "ungroup", "union",      "update",
    "upper",   "upsert", "value",  "var",    "view",    "views",      "vs",
    "wavg",    "where",  "while",  "within", "wj",      "wj1",        "wsum",
    "xasc",    "xbar",   "xcol",   "xcols",  "xdesc",   "xexp",       "xgroup",
    "xkey",    "xlog",   "xprev",  "xrank",
};

static int compare(const void *name, const void *word)
{
    return strcmp(name, *(const char *const *)word);
}

bool trp_q_reserved(const char *name)
{
    return bsearch(name, words, sizeof(words) / sizeof(words[0]), sizeof(words[0]),
                   compare) != NULL;
}

/* Calls `function` with a name, and a value unless that is NULL. Always waits: it is the
 * answer that is wanted. */
static troupe_status ask_name(troupe_q_connection *conn, const char *function,
                              const char *name, troupe_q_value *value,
                              troupe_q_value **out, troupe_failure *failure)
{
    troupe_q_value *args[2] = {NULL, value};
    troupe_q_request request = TROUPE_Q_REQUEST;

    troupe_status status =
        name != NULL ? troupe_q_symbol(name, TROUPE_Q_Z, &args[0]) : TROUPE_EINVAL;
    if (status != TROUPE_OK) {
        return trp_q_failed(failure, status, "%s", troupe_status_text(status));
    }
    request.text = function;
    request.count = value != NULL ? 2 : 1;
    request.args = args;
    request.wait = TROUPE_Q_YES;
    status = troupe_q_connection_call(conn, &request, out, failure);
    troupe_q_unref(&args[0]);
    return status;
}

static troupe_status enabled(const troupe_q_connection *conn, troupe_failure *failure)
{
    return conn->options.no_ctx ? trp_q_failed(failure, TROUPE_ESTATE, DISABLED)
                                : TROUPE_OK;
}

troupe_status troupe_q_connection_get(troupe_q_connection *conn, const char *name,
                                      troupe_q_value **out, troupe_failure *failure)
{
    troupe_status status = enabled(conn, failure);

    return status == TROUPE_OK ? ask_name(conn, "get", name, NULL, out, failure) : status;
}

troupe_status troupe_q_connection_set(troupe_q_connection *conn, const char *name,
                                      troupe_q_value *value, troupe_failure *failure)
{
    troupe_status status = enabled(conn, failure);

    if (status == TROUPE_OK && value == NULL) {
        status = trp_q_failed(failure, TROUPE_EINVAL,
                              "Cannot send object of passed type over IPC: NULL");
    }
    return status == TROUPE_OK ? ask_name(conn, "set", name, value, NULL, failure)
                               : status;
}

troupe_status troupe_q_connection_context(troupe_q_connection *conn, const char *name,
                                          troupe_q_name *what, troupe_q_value **out,
                                          troupe_failure *failure)
{
    troupe_q_value *answer = NULL;
    troupe_status status = enabled(conn, failure);

    if (status == TROUPE_OK) {
        status = ask_name(conn, LOOK_UP, name, NULL, &answer, failure);
    }
    if (status != TROUPE_OK) {
        return status;
    }
    const troupe_q_value *first = troupe_q_part(answer, 0);
    const char *kind = first != NULL ? troupe_q_get_symbol(first, 0) : NULL;
    troupe_q_value *value = troupe_q_part(answer, 1);
    if (kind == NULL || value == NULL) {
        troupe_q_unref(&answer);
        return trp_q_failed(failure, TROUPE_EPROTO, "the server's answer is no look-up");
    }
    *what = strcmp(kind, "function") == 0    ? TROUPE_Q_NAME_FUNCTION
            : strcmp(kind, "namespace") == 0 ? TROUPE_Q_NAME_NAMESPACE
                                             : TROUPE_Q_NAME_VALUE;
    if (out != NULL) {
        *out = troupe_q_ref(value);
    }
    troupe_q_unref(&answer);
    return TROUPE_OK;
}

troupe_status troupe_q_connection_apply(troupe_q_connection *conn, const char *name,
                                        size_t count, troupe_q_value *const *args,
                                        troupe_q_value **out, troupe_failure *failure)
{
    troupe_q_request request = TROUPE_Q_REQUEST;

    if (name == NULL || count == 0) {
        return trp_q_failed(failure, TROUPE_EINVAL, "a name and arguments are needed");
    }
    troupe_status status = trp_q_reserved(name) ? TROUPE_OK : enabled(conn, failure);
    if (status != TROUPE_OK) {
        return status;
    }
    request.text = name;
    request.count = count;
    request.args = args;
    return troupe_q_connection_call(conn, &request, out, failure);
}

troupe_status troupe_q_connection_upd(troupe_q_connection *conn, const char *table,
                                      troupe_q_value *data, troupe_failure *failure)
{
    troupe_failure why = {.status = TROUPE_OK};

    if (data == NULL) {
        return trp_q_failed(failure, TROUPE_EINVAL,
                            "Cannot send object of passed type over IPC: NULL");
    }
    troupe_q_value *columns =
        troupe_q_type(data) == TROUPE_Q_TABLE ? troupe_q_part(data, 1) : data;
    troupe_status status = ask_name(conn, ".u.upd", table, columns, NULL, &why);
    if (status == TROUPE_EREMOTE && strcmp(why.text, ".u.upd") == 0) {
        return trp_q_failed(failure, status,
                            "Update function '.u.upd' not defined on connected process");
    }
    return status == TROUPE_OK ? status : trp_q_failed(failure, status, "%s", why.text);
}
