/* SPDX-License-Identifier: MIT
 * eq_builtins.c - every verb and keyword by name, and those that are written in q. */
#include "bindings/embedq/eq.h"
#include "bindings/embedq/eq_verbs.h"

#define ONE(text, f, c)                                                                  \
    {                                                                                    \
        .name = text, .code1 = c, .code2 = -1, .one = trp_eq_v_##f                       \
    }
#define TWO(text, f, c)                                                                  \
    {                                                                                    \
        .name = text, .infix = true, .code1 = -1, .code2 = c, .two = trp_eq_v_##f        \
    }
#define MANY(text, f, c, g, m)                                                           \
    {                                                                                    \
        .name = text, .infix = true, .code1 = -1, .code2 = c, .two = trp_eq_v_##f,       \
        .many = trp_eq_##g, .max = m                                                     \
    }
#define IN_Q(text, in, c, q)                                                             \
    {                                                                                    \
        .name = text, .infix = in, .code1 = -1, .code2 = c, .source = q                  \
    }

static const struct trp_eq_builtin table[] = {
    TWO(":", assign, 0),
    TWO("+", add, 1),
    {.name = "-",
     .infix = true,
     .code1 = -1,
     .code2 = 2,
     .one = trp_eq_v_neg,
     .two = trp_eq_v_sub},
    TWO("*", mul, 3),
    TWO("%", quotient, 4),
    TWO("&", min, 5),
    TWO("|", max, 6),
    TWO("^", fill, 7),
    TWO("=", eq, 8),
    TWO("<", lt, 9),
    TWO(">", gt, 10),
    TWO("$", cast, 11),
    TWO(",", join, 12),
    TWO("#", take, 13),
    TWO("_", drop, 14),
    TWO("~", match, 15),
    MANY("!", bang, 16, v_change, 4),
    MANY("?", roll, 17, v_select, 6),
    MANY("@", at, 18, amend, 4),
    MANY(".", dot, 19, amend_dot, 4),
    TWO("0:", file0, 20),
    TWO("1:", file1, 21),
    TWO("2:", file2, 22),
    TWO("in", in, 23),
    TWO("within", within, 24),
    TWO("like", like, 25),
    TWO("bin", bin, 26),
    TWO("ss", ss, 27),
    TWO("insert", insert, 28),
    IN_Q("wsum", true, 29, "{sum x*y}"),
    IN_Q("wavg", true, 30, "{(sum x*y)%sum x}"),
    TWO("div", div, 31),
    TWO("xexp", xexp, 32),
    TWO("setenv", setenv, 33),
    TWO("binr", binr, 34),
    IN_Q("cov", true, 35, "{avg[x*y]-avg[x]*avg y}"),
    IN_Q("cor", true, 36, "{cov[x;y]%dev[x]*dev y}"),
    TWO("and", min, 5),
    TWO("or", max, 6),
    TWO("<=", le, -1),
    TWO(">=", ge, -1),
    TWO("<>", ne, -1),
    TWO("mod", mod, -1),
    TWO("xbar", xbar, -1),
    TWO("xlog", xlog, -1),
    TWO("binr", binr, 34),
    TWO("upsert", upsert, -1),
    TWO("cut", cut, -1),
    TWO("rotate", rotate, -1),
    TWO("xprev", xprev, -1),
    TWO("union", union, -1),
    TWO("inter", inter, -1),
    TWO("except", except, -1),
    TWO("xasc", xasc, -1),
    TWO("xdesc", xdesc, -1),
    TWO("xkey", xkey, -1),
    TWO("sv", sv, -1),
    TWO("vs", vs, -1),
    TWO("set", set, -1),
    TWO("each", each, -1),
    TWO("over", over, -1),
    TWO("scan", scan, -1),
    TWO("prior", prior, -1),
    TWO("peach", peach, -1),
    TWO("msum", msum, -1),
    TWO("mavg", mavg, -1),
    TWO("mmin", mmin, -1),
    TWO("mmax", mmax, -1),
    TWO("mcount", mcount, -1),
    TWO("sublist", sublist, -1),
    ONE("flip", flip, 1),
    ONE("neg", neg, 2),
    ONE("first", first, 3),
    ONE("reciprocal", reciprocal, 4),
    ONE("where", where, 5),
    ONE("reverse", reverse, 6),
    ONE("null", null, 7),
    ONE("group", group, 8),
    ONE("iasc", iasc, 9),
    ONE("idesc", idesc, 10),
    ONE("string", string, 11),
    ONE("count", count, 13),
    ONE("floor", floor, 14),
    ONE("not", not, 15),
    ONE("til", til, 16),
    ONE("distinct", distinct, 17),
    ONE("type", type, 18),
    ONE("value", value, 19),
    ONE("read0", read0, 20),
    ONE("read1", read1, 21),
    ONE("avg", avg, 23),
    ONE("last", last, 24),
    ONE("sum", sum, 25),
    ONE("prd", prd, 26),
    ONE("min", min_of, 27),
    ONE("max", max_of, 28),
    ONE("exit", exit, 29),
    ONE("getenv", getenv, 30),
    ONE("abs", abs, 31),
    ONE("sqrt", sqrt, 32),
    ONE("log", log, 33),
    ONE("exp", exp, 34),
    ONE("sin", sin, 35),
    ONE("asin", asin, 36),
    ONE("cos", cos, 37),
    ONE("acos", acos, 38),
    ONE("tan", tan, 39),
    ONE("atan", atan, 40),
    {.name = "enlist",
     .code1 = 41,
     .code2 = -1,
     .one = trp_eq_v_enlist,
     .many = trp_eq_v_enlist_all,
     .max = TRP_EQ_ARGS_MAX},
    ONE("var", var, 42),
    ONE("dev", dev, 43),
    ONE("hopen", hopen, 44),
    ONE("ceiling", ceiling, -1),
    ONE("signum", signum, -1),
    ONE("lower", lower, -1),
    ONE("upper", upper, -1),
    ONE("raze", raze, -1),
    ONE("prev", prev, -1),
    ONE("next", next, -1),
    ONE("asc", asc, -1),
    ONE("desc", desc, -1),
    ONE("sums", sums, -1),
    ONE("prds", prds, -1),
    ONE("mins", mins, -1),
    ONE("maxs", maxs, -1),
    ONE("svar", svar, -1),
    ONE("sdev", sdev, -1),
    ONE("all", all, -1),
    ONE("any", any, -1),
    ONE("trim", trim, -1),
    ONE("ltrim", ltrim, -1),
    ONE("rtrim", rtrim, -1),
    ONE("cols", cols, -1),
    ONE("keys", keys, -1),
    ONE("meta", meta, -1),
    ONE("key", key, -1),
    ONE("eval", eval, -1),
    ONE("parse", parse, -1),
    ONE("show", show, -1),
    ONE("system", system, -1),
    ONE("hclose", hclose, -1),
    ONE("attr", attr, -1),
    ONE("tables", tables, -1),
    ONE("get", get, -1),
    ONE("ltime", ltime, -1),
    ONE("gtime", gtime, -1),
    ONE("hdel", hdel, -1),
    ONE("hcount", hcount, -1),
    {.name = "ssr", .code1 = -1, .code2 = -1, .many = trp_eq_v_ssr, .max = 3},
    ONE(".Q.s", dot_s, -1),
    ONE(".Q.s1", dot_s1, -1),
    ONE(".Q.sbt", dot_sbt, -1),
    {.name = ".Q.trp", .code1 = -1, .code2 = -1, .many = trp_eq_v_trp, .max = 3},
    ONE(".troupe.marker", marker, -1),
    IN_Q("hsym", false, -1,
         "{$[0>type x;$[\":\"=first string x;x;`$\":\",string x];.z.s'[x]]}"),
    IN_Q("rand", false, -1, "{first 1?x}"),
    IN_Q("med", false, -1, "{n:count x:asc x where not null x;avg x floor 0.5*(n-1),n}"),
    IN_Q("deltas", false, -1, "{$[count x;(first x),1_x-prev x;x]}"),
    IN_Q("ratios", false, -1, "{$[count x;(first x),1_x%prev x;x]}"),
    IN_Q("differ", false, -1, "{$[count x;1b,1_not x~'prev x;0#0b]}"),
    IN_Q("fills", false, -1, "{(^\\)x}"),
    IN_Q("rank", false, -1, "{iasc iasc x}"),
    IN_Q("xrank", true, -1, "{floor x*(iasc iasc y)%count y}"),
    IN_Q("cross", true, -1, "{raze x,/:\\:y}"),
    IN_Q("ema", true, -1, "{{[a;p;v]p+a*v-p}[x]\\[first y;y]}"),
    IN_Q("mdev", true, -1, "{sqrt mavg[x;y*y]-m*m:mavg[x;y]}"),
    IN_Q("scov", true, -1, "{(n*cov[x;y])%-1+n:count x}"),
    IN_Q("xcol", true, -1,
         "{[n;t]f:0!t;c:cols f;c:$[99h=type n;c^n c;n,(count n)_c];"
         "(count keys t)!flip c!value flip f}"),
    IN_Q("xcols", true, -1, "{[c;t](c,cols[t]except c)#t}"),
    IN_Q("lj", true, -1,
         "{[x;y]f:0!x;v:value y;i:(key y)?(cols key y)#f;h:i<count v;"
         "g:{[f;v;i;h;c]n:v[c]i;$[c in cols f;?[h;n;f c];n]}[f;v;i;h];"
         "(count keys x)!flip(flip f),(cols v)!g each cols v}"),
    IN_Q("ij", true, -1,
         "{[x;y]f:0!x;v:value y;i:(key y)?(cols key y)#f;w:where i<count v;"
         "(count keys x)!flip(flip f w),flip v i w}"),
    IN_Q("uj", true, -1,
         "{[x;y]c:distinct cols[x],cols y;"
         "g:{[c;o;t]m:c except cols t;c xcols flip(flip t),"
         "m!{[n;o;c]n#0#o c}[count t;o]each m};"
         "$[99h=type x;x upsert y;g[c;y;x],g[c;x;y]]}"),
    IN_Q("fby", true, -1,
         "{[x;y]g:value group y;r:first[x]each last[x]g;"
         "@[count[y]#first r;raze g;:;raze(count each g)#'r]}"),
    IN_Q("xgroup", true, -1,
         "{x:(),x;t:0!y;c:cols[t]except x;g:group x#t;"
         "(key g)!flip c!{[t;g;c]t[c]value g}[t;g]each c}"),
    IN_Q("ungroup", false, -1,
         "{raze{flip(key x)!{$[0>type y;x#y;y]}[max count each value x]each value x}each "
         "0!x}"),
    IN_Q("aj", false, -1,
         "{[c;x;y]e:-1_c;t:last c;g:group e#y;u:y t;"
         "f:{[g;u;k;v]r:g k;$[count r;r u[r]bin v;0N]};"
         "i:f[g;u]'[e#x;x t];d:cols[y]except c;flip(flip x),d!y[d]@\\:i}"),
};

static size_t place(const struct trp_embedq *q, const char *name, size_t size)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    }
    size_t at = hash & (q->builtin_room - 1);
    while (q->builtins[at] != NULL && (strlen(q->builtins[at]->name) != size ||
                                       memcmp(q->builtins[at]->name, name, size) != 0)) {
        at = (at + 1) & (q->builtin_room - 1);
    }
    return at;
}

bool trp_eq_builtins_init(struct trp_embedq *q)
{
    q->builtin_room = 1024;
    q->builtins = trp_calloc(q->builtin_room, sizeof *q->builtins);
    q->sources = trp_calloc(TRP_COUNT(table), sizeof *q->sources);
    if (q->builtins == NULL || q->sources == NULL) {
        return false;
    }
    for (size_t i = 0; i < TRP_COUNT(table); i++) {
        size_t at = place(q, table[i].name, strlen(table[i].name));
        q->builtins[at] = &table[i];
    }
    return true;
}

void trp_eq_builtins_fini(struct trp_embedq *q)
{
    for (size_t i = 0; q->sources != NULL && i < TRP_COUNT(table); i++) {
        troupe_q_unref(&q->sources[i]);
    }
    trp_free(q->sources);
    trp_free(q->builtins);
}

const struct trp_eq_builtin *trp_eq_builtin(struct trp_embedq *q, const char *name,
                                            size_t size)
{
    return q->builtins[place(q, name, size)];
}

const struct trp_eq_builtin *trp_eq_builtin_of(struct trp_embedq *q, const qv *f)
{
    if (f->type == TROUPE_Q_LAMBDA) {
        const char *context = TRP_Q_SYMS(TRP_Q_ITEMS(f)[0])[0];
        const qv *text = TRP_Q_ITEMS(f)[1];
        bool named = context[0] == 'q' && context[1] == 0 && text->count > 0 &&
                     TRP_Q_CHARS(text)[0] != '{';
        return named ? trp_eq_builtin(q, TRP_Q_CHARS(text), text->count) : NULL;
    }
    if (f->type != TROUPE_Q_UNARY && f->type != TROUPE_Q_BINARY) {
        return NULL;
    }
    int code = TRP_Q_BYTES(f)[0];
    code = f->type == TROUPE_Q_UNARY && code == 12 ? 41 : code; /* both are enlist */
    for (size_t i = 0; i < TRP_COUNT(table); i++) {
        if (code == (f->type == TROUPE_Q_UNARY ? table[i].code1 : table[i].code2)) {
            return &table[i];
        }
    }
    return NULL;
}

qv *trp_eq_builtin_value(struct trp_embedq *q, const struct trp_eq_builtin *b)
{
    qv *v = NULL;

    if (b == NULL) {
        return trp_eq_fail(q, "type");
    }
    if (b->source != NULL) {
        qv **kept = &q->sources[b - table];
        if (*kept == NULL &&
            troupe_q_lambda("q", b->source, TROUPE_Q_Z, kept) != TROUPE_OK) {
            return trp_eq_oom(q);
        }
        return troupe_q_ref(*kept);
    }
    if (b->code1 >= 0 || b->code2 >= 0) {
        return trp_eq_made(
            q, trp_q_of_code(b->code1 >= 0 ? TROUPE_Q_UNARY : TROUPE_Q_BINARY,
                             (unsigned)(b->code1 >= 0 ? b->code1 : b->code2)));
    }
    return troupe_q_lambda("q", b->name, TROUPE_Q_Z, &v) == TROUPE_OK ? v : trp_eq_oom(q);
}

/* The k texts that PyKX sends, by what they begin with. */
const struct trp_eq_builtin *trp_eq_known_k(struct trp_embedq *q, const char *text,
                                            size_t size)
{
    static const char marker[] = "k){x:. x;$[99h<@x;:`$\"_pykx_fn_marker\"";

    if (size >= sizeof marker - 1 && memcmp(text, marker, sizeof marker - 1) == 0) {
        return trp_eq_builtin(q, ".troupe.marker", 14);
    }
    return NULL;
}
