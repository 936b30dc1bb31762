/* SPDX-License-Identifier: MIT
 * eq_verbs.h - the verbs, as the table of builtins wants them. */
#ifndef TRP_BINDINGS_EMBEDQ_VERBS_H
#define TRP_BINDINGS_EMBEDQ_VERBS_H

#include "bindings/embedq/eq.h"

/* clang-format off */
#define TRP_EQ_ONE_MAP(X) \
    X(not) X(neg) X(abs) X(floor) X(ceiling) X(null) X(signum) X(lower) X(upper) X(sqrt) \
    X(exp) X(log) X(sin) X(cos) X(tan) X(asin) X(acos) X(atan) X(reciprocal) X(til) \
    X(count) X(enlist) X(first) X(last) X(reverse) X(where) X(raze) X(prev) X(next) \
    X(distinct) X(group) X(iasc) X(idesc) X(asc) X(desc) X(sum) X(prd) X(min_of) \
    X(max_of) X(sums) X(prds) X(mins) X(maxs) X(avg) X(var) X(dev) X(svar) X(sdev) \
    X(all) X(any) X(string) X(trim) X(ltrim) X(rtrim) X(flip) X(cols) X(keys) X(meta) \
    X(type) X(key) X(value) X(eval) X(parse) X(show) X(system) X(hopen) X(hclose) \
    X(exit) X(read0) X(read1) X(attr) X(tables) X(get) X(getenv) X(ltime) X(gtime) \
    X(hdel) X(hcount) X(dot_s) X(dot_s1) X(dot_sbt) X(identity) X(marker)

#define TRP_EQ_TWO_MAP(X) \
    X(add) X(sub) X(mul) X(quotient) X(min) X(max) X(fill) X(eq) X(ne) X(lt) X(gt) \
    X(le) X(ge) X(div) X(mod) X(xbar) X(xexp) X(xlog) X(cast) X(join) X(take) X(drop) \
    X(match) X(bang) X(roll) X(at) X(dot) X(in) X(within) X(like) X(bin) X(binr) X(ss) \
    X(insert) X(upsert) X(cut) X(rotate) X(xprev) X(union) X(inter) X(except) X(xasc) \
    X(xdesc) X(xkey) X(sv) X(vs) X(set) X(each) X(over) X(scan) X(prior) X(peach) \
    X(msum) X(mavg) X(mmin) X(mmax) X(mcount) X(assign) X(sublist) X(file0) X(file1) \
    X(file2) X(setenv)

#define TRP_EQ_MANY_MAP(X) \
    X(enlist_all) X(ssr) X(select) X(change) X(trp)
/* clang-format on */

#define X(name) qv *trp_eq_v_##name(struct trp_embedq *q, qv *x);
TRP_EQ_ONE_MAP(X)
#undef X
#define X(name) qv *trp_eq_v_##name(struct trp_embedq *q, qv *x, qv *y);
TRP_EQ_TWO_MAP(X)
#undef X
#define X(name) qv *trp_eq_v_##name(struct trp_embedq *q, size_t count, qv **args);
TRP_EQ_MANY_MAP(X)
#undef X

qv *trp_eq_find(struct trp_embedq *q, qv *x, qv *y);
qv *trp_eq_make_dict(struct trp_embedq *q, qv *x, qv *y);
qv *trp_eq_drop_keys(struct trp_embedq *q, qv *x, qv *keys);
qv *trp_eq_roll(struct trp_embedq *q, int64_t count, qv *from);
bool trp_eq_level(struct trp_embedq *q, qv **columns);  /* atoms as long as the lists */
qv *trp_eq_v_enlist_mixed(struct trp_embedq *q, qv *x); /* a mixed list of one */
qv *trp_eq_meta_table(struct trp_embedq *q, qv *names, qv *types, qv *foreign, qv *attrs);
const char *trp_eq_context(const struct trp_embedq *q); /* for names given as symbols */
qv *trp_eq_broadcast(struct trp_embedq *q, qv *x);
qv *trp_eq_defer(struct trp_embedq *q, qv *x);
qv *trp_eq_internal(struct trp_embedq *q, int64_t code, qv *x); /* -8!x and others */
qv *trp_eq_file(struct trp_embedq *q, troupe_embedq_file what, const char *path,
                qv *value);
/* Handles of files (eq_files.c). The handle's sign does not matter to the last two. */
qv *trp_eq_open_file(struct trp_embedq *q, const char *path);
bool trp_eq_is_file(const struct trp_embedq *q, int64_t handle);
qv *trp_eq_write_file(struct trp_embedq *q, int64_t handle, qv *f, qv *x);
qv *trp_eq_close_file(struct trp_embedq *q, int64_t handle);
void trp_eq_files_fini(struct trp_embedq *q);
/* .[path;();:;value] and .[path;();,;value]; verb NULL: the former. */
qv *trp_eq_amend_file(struct trp_embedq *q, qv *path, size_t count, const qv *verb,
                      qv *value);
qv *trp_eq_replay(struct trp_embedq *q, qv *x); /* -11!x */
bool trp_eq_is_path(const qv *x);
qv *trp_eq_to_bytes(struct trp_embedq *q, qv *x);
qv *trp_eq_from_bytes(struct trp_embedq *q, qv *x);
qv *trp_eq_command(struct trp_embedq *q, const char *text, size_t size); /* system */
/* \t and \ts in front of a text to evaluate (eq_timing.c). */
bool trp_eq_is_timing(const char *word, size_t size, const char *rest, size_t left);
qv *trp_eq_timing(struct trp_embedq *q, const char *word, size_t size, const char *rest,
                  size_t left);
bool trp_eq_script(struct trp_embedq *q, const char *text, size_t size);

#endif
