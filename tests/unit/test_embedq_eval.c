/* SPDX-License-Identifier: MIT
 * What expressions of the subset answer, as one line of text or 'error. Every group runs
 * in an interpreter of its own. */
#include <stdio.h>
#include <string.h>

#include <troupe/embedq.h>

#include "tests/support/suite.h"

struct row {
    const char *text;
    const char *answer; /* NULL: anything but an error; a lone ': any error */
};

/* The answer of one text on one line, or 'error. */
static void answer_of(troupe_embedq *q, const char *text, char *out, size_t room)
{
    troupe_q_value *v = NULL;
    troupe_q_value *line = NULL;

    if (troupe_embedq_text(q, text, TROUPE_Q_Z, &v) != TROUPE_OK) {
        (void)snprintf(out, room, "'%s", troupe_embedq_error(q));
        return;
    }
    ck_assert_int_eq(troupe_q_format_line(v, 0, &line), TROUPE_OK);
    size_t size = 0;
    const char *shown = troupe_q_text(line, &size);
    (void)snprintf(out, room, "%.*s", (int)size, shown);
    troupe_q_unref(&line);
    troupe_q_unref(&v);
}

static void check_rows(const struct row *rows, size_t count)
{
    static char shown[65536];
    troupe_embedq *q = NULL;
    int bad = 0;

    ck_assert_int_eq(troupe_embedq_new(NULL, &q), TROUPE_OK);
    for (size_t i = 0; i < count; i++) {
        answer_of(q, rows[i].text, shown, sizeof shown);
        const char *want = rows[i].answer;
        bool good = want == NULL             ? shown[0] != '\''
                    : strcmp(want, "'") == 0 ? shown[0] == '\''
                                             : strcmp(shown, want) == 0;
        bad += !good;
        if (!good) {
            (void)fprintf(stderr, "%s answers %s, not %s\n", rows[i].text, shown,
                          want != NULL ? want : "a value");
        }
    }
    ck_assert_int_eq(bad, 0);
    troupe_embedq_free(&q);
}

#define GROUP(name, ...)                                                                 \
    START_TEST(name)                                                                     \
    {                                                                                    \
        static const struct row rows[] = {__VA_ARGS__};                                  \
        check_rows(rows, sizeof rows / sizeof rows[0]);                                  \
    }                                                                                    \
    END_TEST

GROUP(the_documentation_pages_run, {"til 10", "0 1 2 3 4 5 6 7 8 9"},
      {"{x set y+til z}[`async_query;10;5]", "`async_query"},
      {"async_query", "10 11 12 13 14"}, {"{y+til x}[3;4]", "4 5 6"})

GROUP(evaluation_goes_from_right_to_left, {"2*3+4", "14"}, {"1+1", "2"}, {"10-3-2", "9"},
      {"2-1 -1", "1 3"}, {"neg 3+4", "-7"}, {"count \"abc\",\"d\"", "4"},
      {"a:b:3;a+b", "6"}, {"(1;2+3;`a)", "(1;5;`a)"}, {"x:1 2 3;x[0]+x 2", "4"})

GROUP(lambdas_take_their_arguments, {"{x+y}[1;2]", "3"}, {"{x+y}[1][2]", "3"},
      {"{[a;b]a-b}[5;2]", "3"},
      {"{[a;b;c;d;e;f;g;h]a+b*c-d-f+g*h}[1;2;3;4;5;6;7;8]", "123"}, {"{42}[]", "42"},
      {"{x;}1", "::"}, {"{:x;2}1", "1"}, {"{a::x;a}5", "5"}, {"a", "5"},
      {"{a:9;a}[]", "9"}, {"a", "5"}, {"{x+y}[;2]1", "3"}, {"f:{x*2};f 4", "8"},
      {"f each 1 2 3", "2 4 6"}, {"{z x+y}[1;2;neg]", "-3"}, {"{x}[1;2]", "'rank"},
      {"{nope}[]", "'nope"})

GROUP(control_words_run, {"$[1b;`yes;`no]", "`yes"}, {"$[0b;1;0b;2;3]", "3"},
      {"i:0;do[5;i+:2];i", "10"}, {"i:0;while[i<7;i+:2];i", "8"},
      {"i:0;if[i=0;i:5];i", "5"}, {"if[0;nope]", "::"})

GROUP(errors_have_q_text, {"1+`a", "'type"}, {"`e+1", "'type"}, {"til \"asd\"", "'type"},
      {"zzz", "'zzz"}, {"1 2+1 2 3", "'length"}, {"'\"boo\"", "'boo"}, {"'`boo", "'boo"},
      {"'1000?\"abcd\"", "'"}, {"til -1", "'domain"}, {"(1;2", "'parse"}, {"1)", "')"},
      {"\"abc", "'\"abc"}, {"0:", NULL}, {"`:x 0: 1", "'nyi: 0:"},
      {"md5\"a\"", "'nyi: md5"}, {".Q.ty 1", "'nyi: .Q.ty"}, {".j.k\"1\"", "'nyi: .j.k"},
      {"wj:{x};wj 1;pj", "'nyi: pj"}, {"pjs", "'pjs"}, {".q.a", "'.q.a"},
      {"hopen 5", "'nyi: hopen"}, {"5 \"til\"", "'nyi: send on a handle"},
      {"k)+/x", "'nyi: k"}, {"{.z.s x}1", "'stack"},
      {"{$[x<2;x;.z.s[x-1]+.z.s x-2]}10", "55"}, {"f:{f x};f 1", "'stack"},
      {"(a;b):1 2", "'nyi: assignment to a pattern"}, {"40{(x;x)}/1", "'wsfull"},
      {"x:60{(x;x)}/1;count x", "2"}, {"x~x", "'wsfull"}, {"show x", "'wsfull"},
      {"x:0", "::"})

GROUP(errors_are_caught, {"@[til;`a;{x}]", "\"type\""}, {"@[til;`a;42]", "42"},
      {".[{x+y};(1;`a);{`caught}]", "`caught"}, {".[{x+y};(1;2);{`caught}]", "3"},
      {"@[{'`oops};1;{x,\"!\"}]", "\"oops!\""},
      {"@[system\"l \",;\"s.k_\";{show \"Failed to load SQL\"}]", "::"},
      {".Q.trp[{1+`a};1;{[e;b](e;10h=type .Q.sbt b)}]", "(\"type\";1b)"})

GROUP(literals_have_their_types,
      {"type each (1b;0x01;1h;1i;1;1e;1.;\"a\";`a)", "-1 -4 -5 -6 -7 -8 -9 -10 -11h"},
      {"type each (.z.p;2000.01m;2000.01.01;.z.z;.z.n;12:00;12:00:00;12:00:00.000)",
       "-12 -13 -14 -15 -16 -17 -18 -19h"},
      {"1 2 3f", "1 2 3f"}, {"1 2.5", "1 2.5"}, {"0N 1", "0N 1"}, {"-1", "-1"},
      {"0x0102", "0x0102"}, {"0101b", "0101b"},
      {"2022.01.01D12:00:00", "2022.01.01D12:00:00.000000000"}, {"00:00:02", "00:00:02"},
      {"1D", "1D00:00:00.000000000"}, {"`a`b`c", "`a`b`c"}, {"\"a\\\"b\"", "\"a\\\"b\""},
      {"()", "()"}, {"1e5", "100000f"}, {"`:a/b", "`:a/b"})

GROUP(lists_are_made_and_cut, {"3#til 10", "0 1 2"}, {"-2#til 5", "3 4"},
      {"5#1 2", "1 2 1 2 1"}, {"2 2#til 4", "(0 1;2 3)"}, {"2_til 5", "2 3 4"},
      {"-2_til 5", "0 1 2"}, {"2 cut til 5", "(0 1;2 3;,4)"},
      {"0 2_til 5", "(0 1;2 3 4)"}, {"1 2,3", "1 2 3"}, {"1,`a", "(1;`a)"},
      {"reverse 1 2 3", "3 2 1"}, {"where 0101b", "1 3"},
      {"raze (1 2;3;4 5)", "1 2 3 4 5"}, {"enlist 1", ",1"}, {"first 4 5", "4"},
      {"last 4 5", "5"}, {"distinct 1 2 1", "1 2"}, {"1 2 3?2", "1"},
      {"1 2 3?5 1", "3 0"}, {"2 in 1 2", "1b"}, {"1 5 in 1 2", "10b"},
      {"3 within 1 5", "1b"}, {"1 3 5 bin 4", "1"}, {"1 2 union 2 3", "1 2 3"},
      {"1 2 inter 2 3", ",2"}, {"1 2 except 2 3", ",1"}, {"asc 3 1 2", "`s#1 2 3"},
      {"desc 3 1 2", "3 2 1"}, {"iasc 3 1 2", "1 2 0"}, {"prev 1 2 3", "0N 1 2"},
      {"next 1 2 3", "2 3 0N"}, {"2 rotate til 5", "2 3 4 0 1"}, {"1 sublist 4 5", ",4"},
      {"flip (1 2;3 4)", "(1 3;2 4)"}, {"`s#1 2 3", "`s#1 2 3"}, {"`s#3 1", "'s-fail"})

GROUP(rows_with_keys_are_found_by_hash,
      {"k3:([a:()]b:());`k3 upsert ([]a:5000?900;b:til 5000)", "`k3"},
      {"count[k3]=count distinct key k3", "1b"},
      {"r:([]a:5000?900;b:til 5000);`k3 upsert r;l:exec last b by a from r", "::"},
      {"all (value l)={k3[x]`b}each key l", "1b"},
      {"k:([a:til 100;c:100#`x`y]b:til 100);`k upsert (5;`y;-1);k[(5;`y)]`b", "-1"},
      {"`k insert (5;`y;0)", "'insert"}, {"`k insert (5;`z;0);count k", "101"},
      {"`k insert (5;`z;0)", "'insert"},
      {"j:k;`k upsert (700;`x;1);count each (j;k)", "101 102"},
      {"`j upsert (700;`x;2);(j[(700;`x)]`b;k[(700;`x)]`b)", "2 1"},
      {"k:0#k;`k upsert (5;`y;3);k", NULL}, {"count k", "1"},
      {"delete from `j where a<50;`j upsert (5;`y;1);count j", "52"},
      {"`k upsert ([]a:til 50;c:50#`y;b:50#0n)", "'type"},
      {"(count key k)=count value k", "1b"})

GROUP(floats_have_the_digits_of_the_setting, {"system\"P 3\";.Q.s 1%3", "\"0.333\\n\""},
      {".Q.s1 2 0n%3", "\"0.667 0n\""}, {"system\"P 7\";.Q.s1 1%3", "\"0.3333333\""})

GROUP(aggregates_ignore_nulls, {"sum 1 2 0N", "3"}, {"avg 1 2 3 0N", "2f"},
      {"min 3 1 2", "1"}, {"max 3 1 2", "3"}, {"{sum}[][1 2]", "3"}, {"{min x}3 1", "1"},
      {"med 1 3 2 4", "2.5"}, {"dev 1 1 1", "0f"}, {"sums 1 2 3", "1 3 6"},
      {"mins 3 1 2", "3 1 1"}, {"maxs 1 3 2", "1 3 3"},
      {"mavg[2; til 5]", "0 0.5 1.5 2.5 3.5"}, {"2 msum 1 2 3", "1 3 5"},
      {"deltas 1 3 6", "1 2 3"}, {"1 2 wavg 3 4", "3.666667"}, {"1 2 wsum 3 4", "11"},
      {"all 110b", "0b"}, {"any 110b", "1b"}, {"fills 1 0N 3", "1 1 3"})

GROUP(iterators_derive_functions, {"+/[1 2 3]", "6"}, {"(+/)1 2 3", "6"},
      {"10+/1 2 3", "16"}, {"+\\[1 2 3]", "1 3 6"}, {"1 2+'3 4", "4 6"},
      {"1 2+/:10 20", "(11 12;21 22)"}, {"1 2+\\:10 20", "(11 21;12 22)"},
      {"-':[1 3 6]", "1 2 3"}, {"{x+y}/[0;1 2 3]", "6"}, {"3{x*2}/1", "8"},
      {"{x<100}{x*2}/1", "128"}, {"{x div 2}/[100]", "0"},
      {"{x div 2}\\[10]", "10 5 2 1 0"}, {"count each (1 2;3)", "2 1"},
      {"{x,y}'[`a`b;`c`d]", "(`a`c;`b`d)"}, {"union/[(1 2;2 3)]", "1 2 3"},
      {"('[neg;+])[1;2]", "-3"}, {"(neg abs@)3", "-3"})

GROUP(values_are_changed_in_place, {"a:1 2 3;a[1]:9;a", "1 9 3"}, {"a[0 2]:5;a", "5 9 5"},
      {"a[0]+:1;a", "6 9 5"}, {"a,:7;a", "6 9 5 7"}, {"a[9]:1", "'index"},
      {"a[0]:`x", "'type"}, {"b:a;b[0]:0;a 0", "6"},
      {"d:`a`b!1 2;d[`c]:3;d", "`a`b`c!1 2 3"}, {"d[`a]+:10;d`a", "11"},
      {"w:(`symbol$())!();w[`t],:5;w[`t],:6;w`t", "5 6"}, {"@[1 2 3;1;+;10]", "1 12 3"},
      {"@[1 2 3;0 2;:;7]", "7 2 7"}, {"@[1 2 3;1;neg]", "1 -2 3"},
      {".[1 23;();:]", "'rank"}, {"@[1 23;0;:]", "'rank"},
      {".[(1 2;3 4);(1;0);:;9]", "(1 2;9 4)"}, {"@[`a;0;:;8];a 0", "8"},
      {"m:(1 2;3 4);m[1;1]:0;m", "(1 2;3 0)"}, {"m[;0]:7;m", "(7 2;7 0)"},
      {"n:5;n-:2;n", "3"})

GROUP(a_table_stays_one_whatever_is_put_into_it, {"t:([]a:1 2;b:`x`y);t[`a]:5", "'type"},
      {"t[`a]:`x`y!1 2", "'type"}, {"t[`a]:1 2 3", "'length"},
      {"t[`a]:7 8;t", "+`a`b!(7 8;`x`y)"}, {"update a:`x`y!1 2 from t", "'type"},
      {"![t;();0b;(enlist`c)!enlist(`a`b!1 2)]", "'type"},
      {"(`a`b!([]c:1 2);`a`b!([]c:3 4))", "+`a`b!(+(,`c)!,1 3;+(,`c)!,2 4)"},
      {"n:([]a:([]c:2 1);b:1 2);n 1", "`a`b!((,`c)!,1;2)"},
      {"asc n", "`s#+`a`b!(+(,`c)!,1 2;2 1)"}, {"n?`a`b!(1;1)", "2"},
      {"distinct ([]a:([]c:1 1);b:1 1)", "+`a`b!(+(,`c)!,,1;,1)"},
      {"(select d by -1 from ([]d:1 2))?0", "(,`x)!,0N"},
      {"group (([]a:0#1);([]b:0#1);([]a:0#1))",
       "(+(,`a)!,`long$();+(,`b)!,`long$())!(0 2;,1)"},
      {"([]a:1 2)?enlist 0#0", ",2"}, {"(0#`) xasc ([]a:2 1)", "+(,`a)!,2 1"},
      {"(0#`) xdesc ([k:2 1]a:2 1)", "(+(,`k)!,2 1)!+(,`a)!,2 1"}, {"min 0#0b", "1b"},
      {"max 0#0b", "0b"}, {"`$\"a\\000b\"", "`a"})

GROUP(dictionaries_and_tables_are_values, {"`a`b!1 2", "`a`b!1 2"}, {"(`a`b!1 2)`b", "2"},
      {"(`a`b!1 2)+1", "`a`b!2 3"}, {"key `a`b!1 2", "`a`b"}, {"value `a`b!1 2", "1 2"},
      {"(`a`b!1 2),`b`c!5 6", "`a`b`c!1 5 6"}, {"`a _ `a`b!1 2", "(,`b)!,2"},
      {"t:([]a:1 2 3;b:`x`y`z);count t", "3"}, {"t`a", "1 2 3"}, {"t 1", "`a`b!(2;`y)"},
      {"t[1;`a]", "2"}, {"cols t", "`a`b"}, {"flip t", "`a`b!(1 2 3;`x`y`z)"},
      {"`t upsert (4;`w);count t", "4"}, {"`t insert (5;`v)", ",4"},
      {"t upsert (6;`u);count t", "5"}, {"count t upsert (6;`u)", "6"},
      {"`t upsert `a;1", "'length"}, {"`t insert (`q;`v)", "'type"},
      {"`t insert (1 2;`v`w`x)", "'length"}, {"k:([k:1 2]v:10 20);k[1]", "(,`v)!,10"},
      {"`k upsert (2;99);k[2;`v]", "99"}, {"`k upsert (3;5);count k", "3"},
      {"keys k", ",`k"}, {"exec v from k", "10 99 5"},
      {"2!([]a:1 2;b:3 4;c:5 6)", "(+`a`b!(1 2;3 4))!+(,`c)!,5 6"},
      {"0!k", "+`k`v!(1 2 3;10 99 5)"}, {"tables[]", "`s#`k`t"},
      {"exec t from meta t", "\"js\""},
      {"t:([]a:1 2);t,:5;t,:([]a:6 7);exec a from t", "1 2 5 6 7"},
      {"k:([a:1 2]b:`x`y);exec b from k([]a:2 1)", "`y`x"}, {"k,:(3;`z);count k", "3"},
      {".[`made;();:;5];made", "5"}, {"g:([]s:`g#`a`b);`g insert `c;attr g`s", "`g"},
      {"t:([]a:1 2;s:(\"ab\";\"cd\"));`t upsert (3;\"ef\");t[2;`s]", "\"ef\""})

GROUP(queries_select_and_change, {"t:([]s:`a`b`a;p:1.5 2 3;n:10 20 30);1", "1"},
      {"exec n from t where s=`a,p>2", ",30"},
      {"count select from t where s=`a, p>0.9995", "2"},
      {"select n from t", "+(,`n)!,10 20 30"},
      {"select sum n by s from t", "(+(,`s)!,`a`b)!+(,`n)!,40 20"},
      {"exec n by s from t", NULL}, {"exec sum n from t", "60"},
      {"exec m:max n,p from t", NULL},
      {"exec n from update n:2*n from t where s=`b", "10 40 30"},
      {"exec n from update n:sum n by s from t", "40 20 40"},
      {"exec x from update x:n from t where s=`b", "0N 20 0N"},
      {"count delete from t where s=`a", "1"}, {"cols delete p from t", "`s`n"},
      {"`t~update p:0f from `t", "1b"}, {"exec p from t", "0 0 0f"},
      {"exec first n from select[1;>n] from t", "30"},
      {"exec i from t where n>10", "1 2"}, {"exec n from `n xdesc t", "30 20 10"},
      {"?[t;enlist(>;`n;10);0b;()]", NULL}, {"?[t;enlist(=;`s;enlist`a);();`n]", "10 30"},
      {"?[t;();(enlist`s)!enlist`s;(enlist`n)!enlist(sum;`n)]",
       "(+(,`s)!,`a`b)!+(,`n)!,40 20"},
      {"exec n from ![t;();0b;(enlist`n)!enlist(*;2;`n)]", "20 40 60"},
      {"cols ![t;();0b;enlist`n]", "`s`p"}, {"count t lj ([s:`a`b]w:7 8)", "3"},
      {"exec w from t lj ([s:`a`b]w:7 8)", "7 8 7"},
      {"count t ij ([s:enlist`a]w:enlist 7)", "2"}, {"{select from t where n>x}15", NULL},
      {"exec s from select distinct s from t", "`a`b"})

GROUP(names_live_in_spaces, {".test.addition:{x+y};.test.addition[1;2]", "3"},
      {".test.namespace.subtraction:{x-y};.test.namespace.subtraction[5;2]", "3"},
      {".test.namespace.variable:7;.test.namespace.variable", "7"},
      {"key `.test", "``addition`namespace"}, {"system\"d\"", "`."},
      {"system \"d .foo\"", "::"}, {"b:3;b", "3"}, {"system \"d .\"", "::"},
      {".foo.b", "3"}, {"b", "'b"}, {"{system \"d \",string x}`.", "::"},
      {"{r:system\"d\";system \"d \",string x;r}`.foo", "`."},
      {"{system\"d \",x}\".\"", "::"}, {"`.bar set (enlist`)!enlist(::)", "`.bar"},
      {"key `.bar", ",`"}, {".bar.x:1;key `.bar", "``x"}, {"`a in key `.", "0b"},
      {"aa:1;{![`.;();0b;enlist x]}`aa;aa", "'aa"},
      {"{![x;();0b;enlist y]}[`.bar;`x];key `.bar", ",`"}, {"get `aa", "'aa"},
      {"get `.foo.b", "3"}, {"`til in key `.q", "1b"})

GROUP(times_are_computed, {"2022.01.01+1", "2022.01.02"},
      {"2022.01.01D+00:00:02", "2022.01.01D00:00:02.000000000"},
      {"2022.01.01D<2022.01.01D+00:00:01", "1b"}, {"2022.01.03-2022.01.01", "2i"},
      {"12:00+00:30", "12:30"}, {"12:00:00-00:30", "11:30:00"},
      {"\"d\"$2022.01.01D12:00", "2022.01.01"},
      {"\"n\"$2022.01.01D12:00", "0D12:00:00.000000000"},
      {"`month$2022.03.05", "2022.03m"}, {"`date$2022.03m", "2022.03.01"},
      {"\"D\"$\"2022.01.01\"", "2022.01.01"}, {"\"T\"$\"12:00:00.500\"", "12:00:00.500"},
      {".z.p<.z.p+00:00:01", "1b"}, {"type .z.p-.z.p", "-16h"},
      {"`minute$12:34:56", "12:34"}, {"5 xbar 12:34", "12:30"})

GROUP(texts_and_casts, {"string 1 2", "(,\"1\";,\"2\")"}, {"string `abc", "\"abc\""},
      {"`$\"abc\"", "`abc"}, {"`$(\"a\";\"bc\")", "`a`bc"}, {"\"J\"$\"12\"", "12"},
      {"\"J\"$(\"1\";\"xy\")", "1 0N"}, {"\"F\"$\"1.5\"", "1.5"}, {"`int$1.6", "2i"},
      {"\"i\"$1 2", "1 2i"}, {"`float$1", "1f"}, {"\",\" sv (\"a\";\"bc\")", "\"a,bc\""},
      {"\",\" vs \"a,bc\"", "(,\"a\";\"bc\")"}, {"`a`b`c ~ ` vs `a.b.c", "1b"},
      {"\"abc\" like \"a*\"", "1b"}, {"`abc`xbc like \"[ab]?c\"", "10b"},
      {"upper \"abc\"", "\"ABC\""}, {"trim \" ab \"", "\"ab\""},
      {"ssr[\"hello\";\"l\";\"L\"]", "\"heLLo\""}, {"\"hello\" ss \"l\"", "2 3"},
      {"5$\"ab\"", "\"ab   \""}, {"-5$\"ab\"", "\"   ab\""}, {"\"abc\"=\"abd\"", "110b"},
      {".Q.s1 1 2", "\"1 2\""}, {".Q.s til 3", "\"0 1 2\\n\""})

Suite *test_suite(void)
{
    Suite *suite = suite_create("embedq_eval");
    TCase *tcase = tcase_create("eval");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, the_documentation_pages_run);
    tcase_add_test(tcase, evaluation_goes_from_right_to_left);
    tcase_add_test(tcase, lambdas_take_their_arguments);
    tcase_add_test(tcase, control_words_run);
    tcase_add_test(tcase, errors_have_q_text);
    tcase_add_test(tcase, errors_are_caught);
    tcase_add_test(tcase, literals_have_their_types);
    tcase_add_test(tcase, lists_are_made_and_cut);
    tcase_add_test(tcase, rows_with_keys_are_found_by_hash);
    tcase_add_test(tcase, floats_have_the_digits_of_the_setting);
    tcase_add_test(tcase, aggregates_ignore_nulls);
    tcase_add_test(tcase, iterators_derive_functions);
    tcase_add_test(tcase, values_are_changed_in_place);
    tcase_add_test(tcase, a_table_stays_one_whatever_is_put_into_it);
    tcase_add_test(tcase, dictionaries_and_tables_are_values);
    tcase_add_test(tcase, queries_select_and_change);
    tcase_add_test(tcase, names_live_in_spaces);
    tcase_add_test(tcase, times_are_computed);
    tcase_add_test(tcase, texts_and_casts);
    suite_add_tcase(suite, tcase);
    return suite;
}
