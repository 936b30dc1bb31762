/* SPDX-License-Identifier: MIT
 * A small ticker plant written in the subset: subscriptions by table and symbol,
 * publishing on handles, a log that is appended to and replayed, the end of the day, the
 * timer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <troupe/embedq.h>

#include "tests/support/suite.h"

static troupe_embedq *q;
static char sent[8192];
static char log_path[128];

static const char plant[] =
    "/ tables that are fed\n"
    "trade:([]time:`timespan$();sym:`symbol$();price:`float$();size:`long$())\n"
    "quote:([]time:`timespan$();sym:`symbol$();bid:`float$();ask:`float$())\n"
    "\\d .u\n"
    "t:`quote`trade\n"
    "w:t!(count t)#()            / per table (handle; symbols)\n"
    "gone:{[h]{[h;x]w[x]_:w[x;;0]?h}[h]each t}\n"
    "rows:{[x;s]$[s~`;x;select from x where sym in s]}\n"
    "note:{[x;s]\n"
    "  $[(count w x)>i:w[x;;0]?.z.w;\n"
    "    .[`.u.w;(x;i;1);union;s];\n"
    "    w[x],:enlist(.z.w;s)];\n"
    "  (x;@[0#value x;`sym;`g#])}\n"
    "sub:{[x;s]\n"
    "  if[x~`;:sub[;s]each t];\n"
    "  if[not x in t;'`$\"no table \",string x];\n"
    "  note[x;s]}\n"
    "pub:{[x;d]{[x;d;s]if[count d:rows[d;last s];(neg first s)(`upd;x;d)]}[x;d]each w "
    "x;}\n"
    "tell:{(neg distinct raze w[;;0])@\\:(`day;x)}\n"
    "\\d .\n"
    "l:0;n:0;d:2022.01.01\n"
    "start:{[f]@[get;`l;0];.[f;();:;()];l::hopen f;n::0}\n"
    "take:{[x;d]\n"
    "  d:$[0>type first d;enlist cols[x]!d;flip cols[x]!d];\n"
    "  if[l;l enlist(`upd;x;value flip d);n+:1];\n"
    "  .u.pub[x;d]}\n"
    "upd:{[x;d]x insert d}\n"
    ".z.pc:{.u.gone x}\n"
    ".z.ts:{if[d<\"d\"$x;.u.tell d;d+:1]}\n";

static void print(void *context, int stream, const char *text, size_t size)
{
    (void)context, (void)stream, (void)text, (void)size;
}

static troupe_status keep(void *context, int64_t handle, bool async,
                          troupe_q_value *value, troupe_q_value **answer)
{
    troupe_q_value *line = NULL;
    size_t size = 0;

    (void)context, (void)answer;
    ck_assert(async);
    ck_assert_int_eq(troupe_q_format_line(value, 0, &line), TROUPE_OK);
    const char *text = troupe_q_text(line, &size);
    size_t have = strlen(sent);
    (void)snprintf(sent + have, sizeof sent - have, "%d:%.*s\n", (int)handle, (int)size,
                   text);
    troupe_q_unref(&line);
    return TROUPE_OK;
}

static const troupe_embedq_host host = {.size = sizeof host,
                                        .print = print,
                                        .send = keep,
                                        .file = troupe_embedq_use_files,
                                        .file_open = troupe_embedq_use_open,
                                        .file_append = troupe_embedq_use_append,
                                        .file_close = troupe_embedq_use_close};

/* The answer on one line of text evaluated for a caller on `handle`. */
static const char *from(int handle, const char *text)
{
    static char shown[4096];
    troupe_embedq_call call = {
        .size = sizeof call, .event = TROUPE_EMBEDQ_SYNC, .handle = handle, .user = "me"};
    troupe_q_value *v = NULL;
    troupe_q_value *line = NULL;

    ck_assert_int_eq(troupe_q_string(text, TROUPE_Q_Z, &call.value), TROUPE_OK);
    troupe_status status = troupe_embedq_handle(q, &call, NULL, &v);
    troupe_q_unref(&call.value);
    if (status != TROUPE_OK) {
        (void)snprintf(shown, sizeof shown, "'%s", troupe_embedq_error(q));
        return shown;
    }
    size_t size = 0;
    ck_assert_int_eq(troupe_q_format_line(v, 0, &line), TROUPE_OK);
    const char *bytes = troupe_q_text(line, &size);
    (void)snprintf(shown, sizeof shown, "%.*s", (int)size, bytes);
    troupe_q_unref(&line);
    troupe_q_unref(&v);
    return shown;
}

static void begin(void)
{
    troupe_embedq_options options = TROUPE_EMBEDQ_OPTIONS;

    sent[0] = 0;
    options.host = &host;
    ck_assert_int_eq(troupe_embedq_new(&options, &q), TROUPE_OK);
    troupe_status status = troupe_embedq_script(q, plant, TROUPE_Q_Z);
    ck_assert_msg(status == TROUPE_OK, "%s", troupe_embedq_error(q));
}

START_TEST(subscribers_get_what_they_asked_for)
{
    begin();
    ck_assert_str_eq(from(5, "first .u.sub[`trade;`]"), "`trade");
    ck_assert_str_eq(
        from(6, "last .u.sub[`trade;`a`b]"),
        "+`time`sym`price`size!(`timespan$();`g#`symbol$();`float$();`long$())");
    ck_assert_str_eq(from(7, "count .u.sub[`;`]"), "2");
    ck_assert_str_eq(from(7, ".u.sub[`nope;`]"), "'no table nope");
    ck_assert_str_eq(from(8, "take[`trade;(0D00:00:01;`c;1.5;10)]"), "::");
    ck_assert_str_eq(sent, "5:(`upd;`trade;+`time`sym`price`size!(,0D00:00:01.000000000;"
                           ",`c;,1.5;,10))\n"
                           "7:(`upd;`trade;+`time`sym`price`size!(,0D00:00:01.000000000;"
                           ",`c;,1.5;,10))\n");
    sent[0] = 0;
    (void)from(8, "take[`trade;(2#0D00:00:02;`a`c;1 2f;3 4)]");
    ck_assert_ptr_nonnull(strstr(
        sent,
        "6:(`upd;`trade;+`time`sym`price`size!(,0D00:00:02.000000000;,`a;,1f;,3))"));
    ck_assert_str_eq(from(6, "count .u.sub[`trade;`z]"), "2");
    ck_assert_str_eq(from(6, ".u.w[`trade;1]"), "(6i;`a`b`z)");
    troupe_embedq_free(&q);
}
END_TEST

START_TEST(a_closed_handle_is_forgotten)
{
    troupe_embedq_call call = {
        .size = sizeof call, .event = TROUPE_EMBEDQ_CLOSED, .handle = 5, .user = ""};
    troupe_q_value *v = NULL;

    begin();
    (void)from(5, ".u.sub[`;`]");
    (void)from(6, ".u.sub[`trade;`]");
    ck_assert_int_eq(troupe_embedq_handle(q, &call, NULL, &v), TROUPE_OK);
    troupe_q_unref(&v);
    ck_assert_str_eq(from(6, "count each .u.w"), "`quote`trade!0 1");
    troupe_embedq_free(&q);
}
END_TEST

START_TEST(the_day_ends_on_the_timer)
{
    troupe_embedq_call call = {
        .size = sizeof call, .event = TROUPE_EMBEDQ_TIMER, .user = ""};
    troupe_q_value *v = NULL;

    begin();
    (void)from(5, ".u.sub[`;`]");
    ck_assert_int_eq(troupe_q_timestamp(INT64_C(8036) * 86400 * 1000000000, &call.value),
                     TROUPE_OK); /* 2022.01.01 */
    for (int day = 0; day < 2; day++) {
        ck_assert_int_eq(troupe_embedq_handle(q, &call, NULL, &v), TROUPE_OK);
        troupe_q_unref(&v);
        troupe_q_unref(&call.value);
        ck_assert_int_eq(
            troupe_q_timestamp(INT64_C(8037) * 86400 * 1000000000, &call.value),
            TROUPE_OK);
    }
    troupe_q_unref(&call.value);
    ck_assert_str_eq(sent, "5:(`day;2022.01.01)\n");
    ck_assert_str_eq(from(5, "d"), "2022.01.02");
    troupe_embedq_free(&q);
}
END_TEST

START_TEST(the_log_is_replayed)
{
    char text[512];

    const char *base = getenv("TMPDIR");
    (void)snprintf(log_path, sizeof log_path, "%.90s/troupe-tick-XXXXXX",
                   base != NULL ? base : "/tmp");
    int file = mkstemp(log_path);
    ck_assert_int_ge(file, 0);
    (void)close(file);
    begin();
    (void)snprintf(text, sizeof text, "start `$\":%s\"", log_path);
    ck_assert_str_ne(from(0, text), "'");
    (void)from(8, "take[`trade;(0D00:00:01;`c;1.5;10)]");
    (void)from(8, "take[`quote;(2#0D00:00:02;`a`c;1 2f;3 4f)]");
    ck_assert_str_eq(from(8, "n"), "2");
    ck_assert_str_eq(from(8, "hclose l"), "::");
    (void)snprintf(text, sizeof text, "-11!(-2;`$\":%s\")", log_path);
    ck_assert_str_eq(from(8, text), "2");
    (void)snprintf(text, sizeof text, "-11!`$\":%s\"", log_path);
    ck_assert_str_eq(from(8, text), "2");
    ck_assert_str_eq(from(8, "(count trade;exec ask from quote)"), "(1;3 4f)");
    (void)snprintf(text, sizeof text, "f:`$\":%s\";f set ([]a:1 2);r:get f;hdel f;r",
                   log_path);
    ck_assert_str_eq(from(8, text), "+(,`a)!,1 2");
    ck_assert_ptr_nonnull(strstr(from(8, "get f"), ": nothing has this name"));
    troupe_embedq_free(&q);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("embedq_tick");
    TCase *tcase = tcase_create("tick");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, subscribers_get_what_they_asked_for);
    tcase_add_test(tcase, a_closed_handle_is_forgotten);
    tcase_add_test(tcase, the_day_ends_on_the_timer);
    tcase_add_test(tcase, the_log_is_replayed);
    suite_add_tcase(suite, tcase);
    return suite;
}
