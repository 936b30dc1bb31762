/* SPDX-License-Identifier: MIT
 * Every expression that PyKX's pages, examples and tests send, and what this q answers.
 * The clock steps 100 ms a look, sleeping takes no time, handle 7 is the caller. */
#include <stdio.h>
#include <string.h>

#include <troupe/embedq.h>

#include "tests/support/suite.h"

static int64_t clock_ns;
static unsigned sends, deferrals, closes;

static void print(void *context, int stream, const char *text, size_t size)
{
    (void)context, (void)stream, (void)text, (void)size;
}

static troupe_status send_out(void *context, int64_t handle, bool async,
                              troupe_q_value *value, troupe_q_value **answer)
{
    (void)context, (void)handle, (void)value;
    sends++;
    return async ? TROUPE_OK : troupe_q_null(answer);
}

static troupe_status close_handle(void *context, int64_t handle)
{
    (void)context, (void)handle;
    closes++;
    return TROUPE_OK;
}

static troupe_status defer(void *context, int64_t handle, bool is_error,
                           troupe_q_value *value)
{
    (void)context, (void)handle, (void)is_error, (void)value;
    deferrals++;
    return TROUPE_OK;
}

static int64_t now(void *context)
{
    (void)context;
    return clock_ns += TROUPE_MS(100);
}

static troupe_status sleep_for(void *context, troupe_ns span)
{
    (void)context;
    clock_ns += span;
    return TROUPE_OK;
}

static const troupe_embedq_host host = {.size = sizeof host,
                                        .print = print,
                                        .send = send_out,
                                        .close = close_handle,
                                        .defer = defer,
                                        .now = now,
                                        .sleep = sleep_for};

/* Text to evaluate; its answer on one line, NULL: any value, "'": any error. */
static const struct row {
    const char *text;
    const char *answer;
} rows[] = {
    {"til 10", "0 1 2 3 4 5 6 7 8 9"},
    {"value(\"{x set y+til z}\";`async_query;10;5)", "`async_query"},
    {"async_query", "10 11 12 13 14"},
    {"value(\"{y+til x}\";3;4)", "4 5 6"},
    {"1+1", "2"},
    {"value(\"upsert\";([]a:1 2;b:3 4);5 6)", "+`a`b!(1 2 5;3 4 6)"},
    {"value(\"value\";\"1+2\")", "3"},
    {"table: ([] a: 10?10; b: 10?10)", "::"},
    {"table", NULL},
    {"`table upsert 3 4", "`table"},
    {"count table", "11"},
    {"py_server: neg .z.w", "::"},
    {"py_server", "-7i"},
    {"([] a: 10?10; b: 10?10)", NULL},
    {"1+2", "3"},
    {"py_server0:py_server1:py_server", "::"},
    {"send_data: {py_server0[2?100];py_server1[2?100]}", "::"},
    {"do[1000; send_data[]]", "::"},
    {"py_server5: neg .z.w", "::"},
    {"py_server[1 2]", "::"},
    {".test.addition:{x+y}", "::"},
    {".test.namespace.function:{x}", "::"},
    {".test.namespace.function", "{x}"},
    {".test.namespace.subtraction:{x-y}", "::"},
    {".test.namespace.variable:2", "::"},
    {".test.namespace.variable", "2"},
    {".test.addition[1;2]", "3"},
    {".u.sub:{(x;y)}", "::"},
    {".u.sub[`trade;`]", "`trade`"},
    {"@[system\"l \",;\"s.k_\";{show \"Failed to load SQL\"}]", "::"},
    {"tab:([]1000?`a`b`c;1000?1f;1000?10)", "::"},
    {"cols tab", "`x`x1`x2"},
    {"cols select from tab where x=`a, x1>0.9995", "`x`x1`x2"},
    {"trade:([]time:`timespan$();sym:`symbol$();price:`float$())", "::"},
    {"trade", "+`time`sym`price!(`timespan$();`symbol$();`float$())"},
    {"upd:{x insert y}", "::"},
    {"upd[`trade;(0D00:00:01;`a;1.5)]", ",0"},
    {"upd[`trade;(0D00:00:02 0D00:00:03;`b`c;2.5 3.5)]", "1 2"},
    {"count trade", "3"},
    {"value(`upd;`trade;(0D00:00:02;`b;2.5))", ",3"},
    {"value(\"{.u.sub[x;y]}\";`trade;`)", "`trade`"},
    {"{[user; password] $[password=`password; 1b; 0b]}[`u;`password]", "1b"},
    {"{[x] show x; show y: value x; y}\"1+2\"", "3"},
    {"{show x}5", "::"},
    {"{system\"sleep 10\"; til x + y}[1;2]", "0 1 2"},
    {"{system\"sleep 5\"; til 10}[]", "0 1 2 3 4 5 6 7 8 9"},
    {"{x+y+z}[1;2;3]", "6"},
    {"{x+y}[1;2]", "3"},
    {"{.pykx.util.isw x}7", "'.pykx.util.isw"},
    {"::", "::"},
    {"99h~type get`.q", "1b"},
    {"`til`where in key `.q", "11b"},
    {"value(\"set\";`aa;9)", "`aa"},
    {"aa", "9"},
    {".z.pg", "'.z.pg"},
    {"value(\"enlist\";1)", ",1"},
    {"{[pykxquery] .Q.trp[{[x] (0b; value x)}; pykxquery;{(1b;\"backtrace:\\n\",.Q.sbt "
     "y;x)}]}\"1+1\"",
     "(0b;2)"},
    {"first{[pykxquery] .Q.trp[{[x] (0b; value x)}; "
     "pykxquery;{(1b;\"backtrace:\\n\",.Q.sbt y;x)}]}\"1+`a\"",
     "1b"},
    {"last{[pykxquery] .Q.trp[{[x] (0b; value x)}; "
     "pykxquery;{(1b;\"backtrace:\\n\",.Q.sbt y;x)}]}\"1+`a\"",
     "\"type\""},
    {".Q.s value@", NULL},
    {"(.Q.s value@)\"til 3\"", "\"0 1 2\\n\""},
    {"@[value;`.z.pg;{.z.pg:value}]", NULL},
    {"@[value;`.z.ps;{.z.ps:value}]", NULL},
    {".z.pg \"1+1\"", "2"},
    {"\\x .z.pg", "::"},
    {".z.pg", "'.z.pg"},
    {"value(\"get\";`aa)", "9"},
    {"value(\"k){x:. x;$[99h<@x;:`$\\\"_pykx_fn_marker\\\";99h~@x;if[` "
     "in!x;if[(::)~x`;:`$\\\"_pykx_ctx_marker\\\"]]]x}\";`.q)",
     "`_pykx_ctx_marker"},
    {"value(\"k){x:. x;$[99h<@x;:`$\\\"_pykx_fn_marker\\\";99h~@x;if[` "
     "in!x;if[(::)~x`;:`$\\\"_pykx_ctx_marker\\\"]]]x}\";`.test)",
     "`_pykx_ctx_marker"},
    {"value(\"k){x:. x;$[99h<@x;:`$\\\"_pykx_fn_marker\\\";99h~@x;if[` "
     "in!x;if[(::)~x`;:`$\\\"_pykx_ctx_marker\\\"]]]x}\";`.test.addition)",
     "`_pykx_fn_marker"},
    {"value(\"k){x:. x;$[99h<@x;:`$\\\"_pykx_fn_marker\\\";99h~@x;if[` "
     "in!x;if[(::)~x`;:`$\\\"_pykx_ctx_marker\\\"]]]x}\";`aa)",
     "9"},
    {"value(\"key\";`.)", NULL},
    {"`aa in key `.", "1b"},
    {"string system\"d\"", ",\".\""},
    {"system\"d\"", "`."},
    {"{![`.;();0b;enlist x]}`aa", NULL},
    {"aa", "'aa"},
    {".test.gone:1", "::"},
    {"{![x;();0b;enlist y]}[`.test;`gone]", NULL},
    {".test.gone", "'.test.gone"},
    {"{[name;folder;file] name set (enlist`)!enlist(::); system \"d \",string name; "
     "$[@[{get x;1b};`.pykx.util.loadfile;{0b}]; .pykx.util.loadfile[folder;file]; "
     "system\"l \",$[.z.o like \"w*\";\"\\\\\";\"/\"] sv "
     "((),folder;(),file)]}[`.mine;\"dir\";\"file.q\"]",
     "'nyi: file"},
    {"system\"d .\"", "::"},
    {"{r:system\"d\";system \"d \",string x;r}`.mine", "`."},
    {"{system \"d \",string x}`.", "::"},
    {"{system\"d \",x}\".\"", "::"},
    {"til 5", "0 1 2 3 4"},
    {"{[x; y] .[mavg; (x; til y)]}[2;5]", "0 0.5 1.5 2.5 3.5"},
    {".pykx_test.cache_sbt:.Q.sbt", "::"},
    {".Q.sbt:{.pykx_test.cache:y;x y}[.Q.sbt]", "::"},
    {"first{[pykxquery] .Q.trp[{[x] (0b; value x)}; "
     "pykxquery;{(1b;\"backtrace:\\n\",.Q.sbt y;x)}]}\"zzz\"",
     "1b"},
    {"type .pykx_test.cache", "10h"},
    {".Q.sbt:.pykx_test.cache_sbt", "::"},
    {"til 20", "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19"},
    {"{[x] til x}3", "0 1 2"},
    {"til \"asd\"", "'type"},
    {"{til x}3", "0 1 2"},
    {"t:([k1:1 2 3; k2:`x`y`z] m:2022.01.01 2022.02.02 2022.03.03)", "::"},
    {"?[t;enlist(>;`m;2022.02.02);();()]", "`k1`k2`m!(3;`z;2022.03.03)"},
    {"?[t;enlist(>;`m;2022.02.02);0b;()]", "(+`k1`k2!(,3;,`z))!+(,`m)!,,2022.03.03"},
    {"?[t;();();`m]", "2022.01.01 2022.02.02 2022.03.03"},
    {"![t;();0b;(enlist`m)!enlist(+;`m;1)]",
     "(+`k1`k2!(1 2 3;`x`y`z))!+(,`m)!,2022.01.02 2022.02.03 2022.03.04"},
    {"![t;enlist(>;`m;2022.02.02);0b;`symbol$()]",
     "(+`k1`k2!(1 2;`x`y))!+(,`m)!,2022.01.01 2022.02.02"},
    {"{x}", "{x}"},
    {"f:{x}", "::"},
    {"f[]", "::"},
    {"{t: .z.p;while[.z.p < t+00:00:02; neg[.z.w]99]}[]", "::"},
    {"'1000?\"abcd\"", "'"},
    {".z.pw:{(x~`username)&y~\"password\"}", "::"},
    {".z.pw[`username;\"password\"]", "1b"},
    {"1+", "+[1;]"},
    {"10?`a`b`c`d", NULL},
    {"value(\"mavg\";2;til 5)", "0 0.5 1.5 2.5 3.5"},
    {"value(\"til\";3)", "0 1 2"},
    {"zzz", "'zzz"},
    {"func:{x}", "::"},
    {"func 3", "3"},
    {"func", "{x}"},
    {"hclose .z.w; til 10", "0 1 2 3 4 5 6 7 8 9"},
    {"{cut}[]", NULL},
    {"{floor}[]", NULL},
    {"{min x}3 1 2", "1"},
    {"{mins}[]3 1 2", "3 1 1"},
    {"{sum}[]1 2", "3"},
    {"count{t:.z.p;while[.z.p<t+x]; 10?`a`b`c`d} 00:00:05", "10"},
    {"{z x+y}[1;2;til]", "0 1 2"},
    {"cols([]10?1f;10?1f)", "`x`x1"},
    {"-120!5", "0"},
    {".my.func:{x+1}", "::"},
    {".my.func 1", "2"},
    {".pykx.get[`pyfunc;<][2;3]", "'.pykx.get"},
    {".pykx.getattr", "'.pykx.getattr"},
    {".pykx.i.repr", "'.pykx.i.repr"},
    {".pykx.preinit", "'.pykx.preinit"},
    {".pykx.pyeval", "'.pykx.pyeval"},
    {".pykx_test.tab:([]10?1f;10?1f)", "::"},
    {"count .pykx_test.tab", "10"},
    {".test.async:1", "::"},
    {".test.async", "1"},
    {".test.sync:2", "::"},
    {".test.sync", "2"},
    {".test.testFunc:{[x;y] z: 1+1; k: 2+3; x+y}", "::"},
    {".test.testFunc[1;2]", "3"},
    {"type 8178374?0x00", "4h"},
    {"count 8178374?0x00", "8178374"},
    {"=", "="},
    {"(=)[1;1 2]", "10b"},
    {"value(\"meta\";([]a:1 2;b:`x`y))", "(+(,`c)!,`a`b)!+`t`f`a!(\"js\";``;``)"},
    {"\\l pykx.q", "'nyi: file"},
    {"`e+1", "'type"},
    {"a:til 10", "::"},
    {"a", "0 1 2 3 4 5 6 7 8 9"},
    {"b:5", "::"},
    {"b", "5"},
    {"f: {h::.z.w; -30!(::); show h; show type h; -30!(h; 0b; `hello`world)}", "::"},
    {"f[]", "::"},
    {"`test in key `", "1b"},
    {"mavg[2; til 5]", "0 0.5 1.5 2.5 3.5"},
    {"py_server \"\"; {[x] py_server[x]; py_server[til x]; py_server[x * x]} each 5 + "
     "til 5;",
     "::"},
    {"qfunction:{ x>5 }", "::"},
    {"qfunction 4 6", "01b"},
    {"t . ((2;`y);`m)", "2022.02.02"},
    {"til", NULL},
    {"{0N!x}3", "3"},
    {"{[a;b;c;d;e;f;g;h]a+b*c-d-f+g*h}[1;2;3;4;5;6;7;8]", "123"},
    {"{a::{x+y}[x;y]}[2;3]", "5"},
    {"a", "5"},
    {"{s:.z.p;system\"sleep 1\";(s;.z.p); til 5}[]", "0 1 2 3 4"},
    {"{t:.z.p;while[.z.p<t+00:00:01]; til 10}[::]", "0 1 2 3 4 5 6 7 8 9"},
    {"{t:.z.p;while[.z.p<t+00:00:05]; x} til 10", "0 1 2 3 4 5 6 7 8 9"},
    {"{x#0x0}3", "0x000000"},
    {"{x+til y}[1;2]", "1 2"},
};

static bool row_holds(troupe_embedq *q, const struct row *row)
{
    static char shown[65536];
    troupe_embedq_call call = {
        .size = sizeof call, .event = TROUPE_EMBEDQ_SYNC, .handle = 7, .user = "me"};
    troupe_q_value *v = NULL;
    troupe_q_value *line = NULL;
    size_t size = 0;

    ck_assert_int_eq(troupe_q_string(row->text, TROUPE_Q_Z, &call.value), TROUPE_OK);
    troupe_status status = troupe_embedq_handle(q, &call, NULL, &v);
    troupe_q_unref(&call.value);
    if (status != TROUPE_OK) {
        (void)snprintf(shown, sizeof shown, "'%s", troupe_embedq_error(q));
    } else {
        ck_assert_int_eq(troupe_q_format_line(v, 0, &line), TROUPE_OK);
        const char *text = troupe_q_text(line, &size);
        (void)snprintf(shown, sizeof shown, "%.*s", (int)size, text);
    }
    troupe_q_unref(&line);
    troupe_q_unref(&v);
    const char *want = row->answer;
    bool good = want == NULL             ? status == TROUPE_OK
                : strcmp(want, "'") == 0 ? status != TROUPE_OK
                                         : strcmp(shown, want) == 0;
    if (!good) {
        (void)fprintf(stderr, "%s answers %s, not %s\n", row->text, shown,
                      want != NULL ? want : "a value");
    }
    return good;
}

START_TEST(what_pykx_sends_is_answered)
{
    troupe_embedq_options options = TROUPE_EMBEDQ_OPTIONS;
    troupe_embedq *q = NULL;
    int bad = 0;

    options.host = &host;
    ck_assert_int_eq(troupe_embedq_new(&options, &q), TROUPE_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bad += !row_holds(q, &rows[i]);
    }
    troupe_embedq_free(&q);
    ck_assert_int_eq(bad, 0);
    ck_assert_uint_gt(sends, 2000);
    ck_assert_uint_eq(deferrals, 2);
    ck_assert_uint_eq(closes, 1);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("embedq_pykx");
    TCase *tcase = tcase_create("pykx");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, what_pykx_sends_is_answered);
    suite_add_tcase(suite, tcase);
    return suite;
}
