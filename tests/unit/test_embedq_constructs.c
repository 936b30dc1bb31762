/* SPDX-License-Identifier: MIT
 * What a tickerplant needs of q, construct by construct; and that the scripts of
 * docs/examples/tick use what their page says they use. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <troupe/embedq.h>

#include "tests/support/scratch.h"
#include "tests/support/suite.h"

enum { CONSTRUCTS_MIN = 75, PAGE = 1 << 15, CELL = 512 };

/* ---- each gives its value ---- */

static troupe_embedq *q;
static char outside[4096]; /* what the host was told */

static void note(const char *text, size_t size)
{
    size_t have = strlen(outside);

    (void)snprintf(outside + have, sizeof outside - have, "%.*s", (int)size, text);
}

static void print(void *context, int stream, const char *text, size_t size)
{
    (void)context;
    note(stream == 2 ? "2:" : "1:", 2);
    note(text, size);
}

static troupe_status send(void *context, int64_t handle, bool async,
                          troupe_q_value *value, troupe_q_value **answer)
{
    troupe_q_value *line = NULL;
    char head[32];
    size_t size = 0;

    (void)context;
    ck_assert_int_eq(troupe_q_format_line(value, 0, &line), TROUPE_OK);
    (void)snprintf(head, sizeof head, "%s%d ", async ? "async " : "sync ", (int)handle);
    note(head, strlen(head));
    const char *text = troupe_q_text(line, &size);
    note(text, size);
    troupe_q_unref(&line);
    return async ? TROUPE_OK : troupe_q_long(42, answer);
}

static troupe_status open_handle(void *context, troupe_q_value *address, int64_t *handle)
{
    (void)context;
    *handle = strcmp(troupe_q_get_symbol(address, 0), ":localhost:5010") == 0 ? 7 : 8;
    return TROUPE_OK;
}

static troupe_status leave(void *context, int code)
{
    char text[16];

    (void)context;
    (void)snprintf(text, sizeof text, "exit %d", code);
    note(text, strlen(text));
    return TROUPE_OK;
}

static const troupe_embedq_host host = {.size = sizeof host,
                                        .print = print,
                                        .send = send,
                                        .open = open_handle,
                                        .exit = leave,
                                        .file = troupe_embedq_use_files,
                                        .file_open = troupe_embedq_use_open,
                                        .file_append = troupe_embedq_use_append,
                                        .file_close = troupe_embedq_use_close};

static const char *value_of(const char *text)
{
    static char shown[4096];
    troupe_embedq_call call = {
        .size = sizeof call, .event = TROUPE_EMBEDQ_SYNC, .handle = 6, .user = "me"};
    troupe_q_value *v = NULL, *line = NULL;
    size_t size = 0;

    ck_assert_int_eq(troupe_q_string(text, TROUPE_Q_Z, &call.value), TROUPE_OK);
    troupe_status status = troupe_embedq_handle(q, &call, NULL, &v);
    troupe_q_unref(&call.value);
    if (status != TROUPE_OK) {
        (void)snprintf(shown, sizeof shown, "'%s", troupe_embedq_error(q));
        return shown;
    }
    ck_assert_int_eq(troupe_q_format_line(v, 0, &line), TROUPE_OK);
    const char *bytes = troupe_q_text(line, &size);
    (void)snprintf(shown, sizeof shown, "%.*s", (int)size, bytes);
    troupe_q_unref(&line);
    troupe_q_unref(&v);
    return shown;
}

static const struct {
    const char *text, *value;
} rows[] = {
    {"`:lib.q 0:(\"\\\\d .lib\";\"f:{x+\";\" 1}\");\"\\\\l lib.q\"", "\"\\\\l lib.q\""},
    {"\\l lib.q", "::"},
    {".lib.f 1", "2"},
    {"system\"l lib.q\";system\"d\"", "`."},
    {"system\"d .u\";x1:5;system\"d .\";.u.x1", "5"},
    {"(system\"p\";system\"p 5010\";system\"p\")", "(5010i;::;0i)"},
    {"system\"t 100\";system\"t\"", "100i"},
    {".z.x,(count .z.x)_(\":5010\";\":5012\")", "(\"sym\";\":5012\")"},
    {".z.f", "`tick.q"},
    {".z.ts:{n::x};.z.ts 5;n", "5"},
    {"type each(.z.D;.z.P;.z.w)", "-14 -12 -6h"},
    {".z.D=`date$.z.P", "1b"},
    {".z.w", "6i"},
    {"h:hopen`:localhost:5010", "::"},
    {"(h;hopen`$\":\",\"localhost:5010\")", "7 7i"},
    {"h(`.u.sub;`trade;`)", "42"},
    {"(neg h)(`upd;1)", "::"},
    {"0(`.lib.f;2)", "3"},
    {"w:`a`b!(();());w[`a],:enlist(6;`x);w[`a],:enlist(7;`);w",
     "`a`b!(((6;`x);(7;`));())"},
    {"w[`a;;0]?7", "1"},
    {"w[`a]_:0;w`a", ",(7;`)"},
    {"w[`b]_:0;w`b", "()"},
    {".[`w;(`a;0;1);union;`y`z];w[`a;0]", "(7;``y`z)"},
    {"d:2022.01.31;d+:1;d", "2022.02.01"},
    {"`a`b!1 2", "`a`b!1 2"},
    {"1 2 3?2 9", "1 3"},
    {"`time`sym~2#`time`sym`x", "1b"},
    {"trade:([]time:`timespan$();sym:`symbol$();price:`float$();size:`long$());0#"
     "trade",
     "+`time`sym`price`size!(`timespan$();`symbol$();`float$();`long$())"},
    {"2 _ 1 2 3", ",3"},
    {"-10_\"sym2022.01.01\"", "\"sym\""},
    {"flip`a`b!(1 2;3 4)", "+`a`b!(1 2;3 4)"},
    {"key flip value`trade", "`time`sym`price`size"},
    {"tables`.", "`s#,`trade"},
    {"(count;first;last;type;string)@\\:1 2 3", "(3;1;3;7h;(,\"1\";,\"2\";,\"3\"))"},
    {"(rand 1;type rand 1f)", "(0;-9h)"},
    {"min(1b;0b;1b)", "0b"},
    {"1 2 union 2 3", "1 2 3"},
    {"`a in`a`b", "1b"},
    {"\"d\"$2022.01.01D12", "2022.01.01"},
    {"\"n\"$2022.01.01D12", "0D12:00:00.000000000"},
    {"`$\"a\"", "`a"},
    {"`$\":\",\"log\",\"/\",\"sym\",10#\".\"", "`:log/sym.........."},
    {"{x+1}each 1 2", "2 3"},
    {"{x,y}'[1 2;3 4]", "(1 3;2 4)"},
    {"(1 2)+\\:10 20", "(11 21;12 22)"},
    {"count(neg union/[(7 8;8 9)])@\\:(`.u.end;1)", "3"},
    {"union/[(1 2;2 3;3 4)]", "1 2 3 4"},
    {"{x-y}[;1]each 5 6", "4 5"},
    {"@[;`sym;`g#]each tables`.;attr trade`sym", "`g"},
    {"`trade insert(0D00:00:01 0D00:00:02;`a`b;1 2f;3 4)", "0 1"},
    {"`trade insert(0D00:00:03;`a;3f;5);count trade", "3"},
    {"exec size from select from trade where sym in`a", "3 5"},
    {"@[`.;enlist`trade;@[;`sym;`g#]0#];(count trade;attr trade`sym)", "(0;`g)"},
    {"k:([s:`symbol$()]p:`float$());`k upsert(`a;1f);`k upsert(`a;2f);k`a", "(,`p)!,2f"},
    {"`s#1 2", "`s#1 2"},
    {"if[1b;y:5];$[y<1;`no;y<9;`some;`many]", "`some"},
    {"{if[x>1;:`early];`late}each 1 2", "`late`early"},
    {"'\"more than one day?\"", "'more than one day?"},
    {"{'`timesym}[]", "'timesym"},
    {"@[{'x};\"caught\";{x}]", "\"caught\""},
    {"not type key L:`:log/day", "1b"},
    {".[L;();:;()];type key L", "-11h"},
    {"l:hopen L;l enlist(`upd;`trade;(0D;`a;1f;2));-11!(-2;L)", "1"},
    {"upd:{[t;x]t insert x};n:-11!L;(n;count trade)", "1 1"},
    {"upd:insert;n:-11!(1;L);(n;count trade)", "1 2"},
    {"upd[`trade;(0D;`b;1f;2)]", ",2"},
    {"hclose l;hcount[L]>8", "1b"},
    {"(.[;();:;].)each enlist(`other;0#trade);count other", "0"},
    {"-1\"text\"", "-1"},
    {"-2\"text\"", "-2"},
    {"show`a`b", "::"},
    {"type each(5?`a`b;5?10;5?1f;-3?3)", "11 7 9 7h"},
    {"all(5?10)within 0 9", "1b"},
    {"asc -5?5", "`s#0 1 2 3 4"},
    {"found+:1;found", "()"},
    {"kept,:1;kept,:2;kept", "1 2"},
    {"exit 3", "'stop"},
};
static void begin(char *folder)
{
    static const char *const words[] = {"sym", NULL};
    troupe_embedq_options options = TROUPE_EMBEDQ_OPTIONS;

    scratch_make(folder);
    ck_assert_int_eq(chdir(folder), 0);
    options.host = &host;
    options.arguments = words;
    options.file = "tick.q";
    ck_assert_int_eq(troupe_embedq_new(&options, &q), TROUPE_OK);
}

static void end(const char *folder)
{
    troupe_embedq_free(&q);
    ck_assert_int_eq(chdir(".."), 0);
    scratch_remove(folder);
}

START_TEST(every_construct_gives_its_value)
{
    static const char told[] =
        "sync 7 `.u.sub`trade`async 7 (`upd;1)async 7 (`.u.end;1)async 8 "
        "(`.u.end;1)async 9 (`.u.end;1)1:text1:\n2:text2:\n"
        "1:`a`b\nexit 3";
    char folder[SCRATCH_PATH];
    int bad = 0;

    begin(folder);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *shown = value_of(rows[i].text);
        if (strcmp(shown, rows[i].value) != 0) {
            (void)fprintf(stderr, "%s gives %s\n", rows[i].text, shown);
            bad++;
        }
    }
    ck_assert_int_eq(bad, 0);
    ck_assert_str_eq(outside, told);
    end(folder);
}
END_TEST

/* ---- the page ---- */

static void read_file(const char *name, char *out)
{
    char path[CELL];

    (void)snprintf(path, sizeof path, TRP_SOURCE_DIR "/docs/%s", name);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    size_t size = fread(out, 1, PAGE - 1, file);
    ck_assert_uint_lt(size, PAGE - 1);
    out[size] = 0;
    (void)fclose(file);
}

/* The code in a cell of the table: between as many backticks on both sides, which a blank
 * may keep from those of the code. */
static void code_in(const char *cell, size_t size, char *out)
{
    size_t ticks = 0;

    while (size > 0 && *cell == ' ') {
        cell++;
        size--;
    }
    while (size > 0 && cell[size - 1] == ' ') {
        size--;
    }
    while (ticks < size && cell[ticks] == '`') {
        ticks++;
    }
    ck_assert_uint_gt(ticks, 0);
    ck_assert_uint_gt(size, 2 * ticks);
    cell += ticks;
    size -= 2 * ticks;
    if (cell[0] == ' ' && cell[size - 1] == ' ') {
        cell++;
        size -= 2;
    }
    ck_assert_uint_lt(size, CELL);
    memcpy(out, cell, size);
    out[size] = 0;
}

START_TEST(the_scripts_use_what_their_page_says)
{
    static char page[PAGE], script[PAGE];
    char name[CELL], code[CELL], file[CELL];
    int count = 0;

    read_file("examples/tick/README.md", page);
    const char *at = strstr(page, "| construct |");
    ck_assert_ptr_nonnull(at);
    for (; at != NULL && at[0] == '|';
         at = strchr(at, '\n'), at = at != NULL ? at + 1 : at) {
        const char *second = strchr(at + 1, '|');
        const char *third = strchr(second + 1, '|');
        const char *stop = strstr(third + 1, " |\n");
        if (strncmp(second, "| `", 3) != 0) {
            continue; /* the head */
        }
        code_in(second + 1, (size_t)(third - second) - 1, name);
        code_in(third + 1, (size_t)(stop - third) - 1, code);
        (void)snprintf(file, sizeof file, "examples/tick/%.400s", name);
        read_file(file, script);
        ck_assert_msg(strstr(script, code) != NULL, "%s has no %s", name, code);
        count++;
    }
    ck_assert_int_ge(count, CONSTRUCTS_MIN);
}
END_TEST

START_TEST(the_code_in_the_guide_runs)
{
    static char page[PAGE];
    char folder[SCRATCH_PATH];
    int count = 0;

    read_file("guide/q-processes.md", page);
    begin(folder);
    (void)value_of("prices:1 2;trade:();upd:{[t;x]trade,:enlist x}");
    for (const char *at = page; (at = strstr(at, "\n```q\n")) != NULL; count++) {
        at += strlen("\n```q\n");
        const char *stop = strstr(at, "\n```\n");
        troupe_status status = troupe_embedq_script(q, at, (size_t)(stop - at));
        ck_assert_msg(status == TROUPE_OK, "%s: %.*s", troupe_embedq_error(q),
                      (int)(stop - at), at);
        at = stop;
    }
    ck_assert_int_eq(count, 3);
    ck_assert_str_eq(value_of("(trade;prices;read0`:audit.txt)"),
                     "(,(`A;10.5;100);1 2;,\"a line\")");
    end(folder);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("embedq_constructs");
    TCase *tcase = tcase_create("tick");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, every_construct_gives_its_value);
    tcase_add_test(tcase, the_scripts_use_what_their_page_says);
    tcase_add_test(tcase, the_code_in_the_guide_runs);
    suite_add_tcase(suite, tcase);
    return suite;
}
