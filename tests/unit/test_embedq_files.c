/* SPDX-License-Identifier: MIT
 * Files of q code: values, text and bytes, handles, and logs that are cut short. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <troupe/embedq.h>

#include "tests/support/scratch.h"
#include "tests/support/suite.h"

static troupe_embedq *q;
static char folder[SCRATCH_PATH];

static void print(void *context, int stream, const char *text, size_t size)
{
    (void)context, (void)stream, (void)text, (void)size;
}

static const troupe_embedq_host host = {.size = sizeof host,
                                        .print = print,
                                        .file = troupe_embedq_use_files,
                                        .file_open = troupe_embedq_use_open,
                                        .file_append = troupe_embedq_use_append,
                                        .file_close = troupe_embedq_use_close};

static void begin(void)
{
    troupe_embedq_options options = TROUPE_EMBEDQ_OPTIONS;

    scratch_make(folder);
    ck_assert_int_eq(chdir(folder), 0);
    options.host = &host;
    ck_assert_int_eq(troupe_embedq_new(&options, &q), TROUPE_OK);
}

static void end(void)
{
    troupe_embedq_free(&q);
    ck_assert_int_eq(chdir(".."), 0);
    scratch_remove(folder);
}

/* A value on one line, or 'error. */
static const char *value_of(const char *text)
{
    static char shown[4096];
    troupe_q_value *v = NULL, *line = NULL;
    size_t size = 0;

    if (troupe_embedq_text(q, text, TROUPE_Q_Z, &v) != TROUPE_OK) {
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

struct row {
    const char *text, *value;
};

static void check(const struct row *rows, size_t count)
{
    begin();
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(strcmp(value_of(rows[i].text), rows[i].value) == 0,
                      "%s gives %s, not %s", rows[i].text, value_of(rows[i].text),
                      rows[i].value);
    }
    end();
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

START_TEST(values_are_kept_in_files)
{
    static const struct row rows[] = {
        {"`:f set ([]a:1 2)", "`:f"},
        {"get`:f", "+(,`a)!,1 2"},
        {"key`:f", "`:f"},
        {"key`:none", "()"},
        {"(`:d/e/f)set 5;key`:d", ",`e"},
        {"key`:.", "`d`f"},
        {"hcount[`:f]>8", "1b"},
        {"get`:none", "':none: nothing has this name"},
        {"hdel`:f;key`:f", "()"},
        {"hdel`:f", "':f: nothing has this name"},
        {"hdel each`:d/e/f`:d/e`:d;key`:.", "`symbol$()"},
        {"hsym`a`:b`:c/d", "`:a`:b`:c/d"},
        {"`:g set `a`b!(1;(2;`c));get`:g", "`a`b!(1;(2;`c))"},
        {"`:g set {x+y};(get`:g)[1;2]", "3"},
        {".[`:g;();:;1 2];get`:g", "1 2"},
        {".[`:g;();+;1 2]", "'nyi: file amend"},
        {".[`:g;();:]", "'rank"},
    };

    CHECK(rows);
}
END_TEST

START_TEST(text_and_bytes_are_kept_in_files)
{
    static const struct row rows[] = {
        {"`:f 0:(\"ab\";\"c\";\"\")", "`:f"},
        {"read0`:f", "(\"ab\";,\"c\";\"\")"},
        {"read1`:f", "0x61620a630a0a"},
        {"read1(`:f;1;2)", "0x620a"},
        {"read1(`:f;9;2)", "`byte$()"},
        {"read1(`:f;-1;2)", "'domain"},
        {"`:f 1: 0x0102;read1`:f", "0x0102"},
        {"`:f 1: 1 2", "'type"},
        {"h:hopen`:t;h\"d\";neg[h]\"e\";neg[h](\"f\";\"gh\");h 0x690a;hclose h", "::"},
        {"read0`:t", "(\"de\";,\"f\";\"gh\";,\"i\")"},
        {"h\"x\"", "'nyi: send on a handle"},
        {".[`:t;();,;\"z\"];last read0`:t", ",\"z\""},
        {"h:hopen`:t;h 1.5", "'type"},
        {"do[20;hopen`:t]", "'limit"},
    };

    CHECK(rows);
}
END_TEST

START_TEST(a_log_is_appended_to_and_replayed)
{
    static const struct row rows[] = {
        {".[`:l;();:;()];-11!(-2;`:l)", "0"},
        {"type key`:l", "-11h"},
        {"h:hopen`:l;h enlist(`g;1);h((`g;2);(`g;\"three\"));-11!(-2;`:l)", "3"},
        {"got:();g:{got,:enlist x};n:-11!(2;`:l);(n;got)", "(2;1 2)"},
        {"got:();n:-11!`:l;(n;got)", "(3;(1;2;\"three\"))"},
        {"got:();n:(-11!(-1;`:l);-11!(0;`:l));n,count got", "3 0 3"},
        {"get`:l", "((`g;1);(`g;2);(`g;\"three\"))"},
        {"`:m set ();(get`:m;-11!`:m)", "(();0)"},
        {"`:m set((`g;1);(`g;2));-11!(-2;`:m)", "2"},
        {"h:hopen`:fresh;h enlist(`g;1);-11!(-2;`:fresh)", "1"},
        {"-11!`:none", "':none: nothing has this name"},
        {"`:m 0:enlist\"no log\";-11!`:m", "':m: the peer violated the protocol"},
        {"`:m set enlist(`nobody;1);-11!`:m", "'nobody"},
        {"-11!5", "'type"},
        {"h:hopen`:big;h each 150#enlist enlist(`upd;`t;10000#0);-11!(-2;`:big)", "150"},
        {"sum0:0;upd:{[t;x]sum0+:count x};n:-11!`:big;n,sum0", "150 1500000"},
        {"h enlist(`upd;`t;1000000#0);sum0:0;n:-11!`:big;n,sum0", "151 2500000"},
        {"sum0:0;n:-11!(140;`:big);n,sum0", "140 1400000"},
    };

    CHECK(rows);
}
END_TEST

START_TEST(a_torn_end_of_a_log_is_found)
{
    static const struct row rows[] = {
        {"`:l set((`g;1);(`g;2);(`g;3));whole:read1`:l;good:count whole;`:l 1:-3_whole;"
         "r:-11!(-2;`:l);(r 0;r[1]<good-3)",
         "(2;1b)"},
        {"got:();g:{got,:x};n:-11!(2;`:l);(n;got)", "(2;1 2)"},
        {"got:();@[{-11!x};`:l;{x}]", "\"badtail\""},
        {"got", "1 2"},
        {"get`:l", "':l: the input ends in the middle of a value"},
        {"`:l 1:read1(`:l;0;last -11!(-2;`:l));-11!(-2;`:l)", "2"},
        {"h:hopen`:l;h enlist(`g;4);hclose h;got:();-11!`:l;got", "1 2 4"},
        {"{[n]`:l 1:n#whole;-11!(-2;`:l)}each til 8", "(0;0 0;0 0;0 0;0 0;0 0;0 0;0 0)"},
        {"`:l 1: 8#whole;-11!(-2;`:l)", "0"},
        {"{[n]`:l 1:n#whole;r:-11!(-2;`:l);$[0>type r;r;first r]}[count whole]", "3"},
        {"whole~{[n]`:l 1:n#whole;read1(`:l;0;last -11!(-2;`:l))}[count whole]", "0b"},
        {"all2:whole;all2[(count whole)-12]:0xff;`:l 1:all2;first -11!(-2;`:l)", "2"},
        {"found:{[n]`:l 1: n#whole;first -11!(-2;`:l)}each til 1+count whole;(found~asc "
         "found;distinct found)",
         "(1b;0 1 2 3)"},
        {"flip1:{[i]`:l 1: @[whole;i;:;0xff];@[{first -11!(-2;x)};`:l;-1]};"
         "all(flip1 each til count whole)within -1 3",
         "1b"},
        {"`:l 1:whole,0x0100000000000000;first -11!(-2;`:l)", "3"},
        {"`:l 1:whole,0xff;first -11!(-2;`:l)", "3"},
    };

    CHECK(rows);
}
END_TEST

START_TEST(what_is_replaced_keeps_its_rights_and_its_links)
{
    struct stat what;

    begin();
    ck_assert_str_eq(value_of("`:f set 1;`:old set 1"), "`:old");
    ck_assert_int_eq(chmod("f", 0600), 0);
    ck_assert_int_eq(symlink("f", "link"), 0);
    ck_assert_str_eq(value_of("`:link set 2;get`:f"), "2");
    ck_assert_int_eq(lstat("link", &what), 0);
    ck_assert(S_ISLNK(what.st_mode));
    ck_assert_int_eq(stat("f", &what), 0);
    ck_assert_uint_eq(what.st_mode & 07777, 0600);
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    int pipe = open("pipe", O_RDWR);
    ck_assert_int_ge(pipe, 0);
    ck_assert_str_eq(value_of("`:pipe 0:enlist\"line\""), "`:pipe");
    ck_assert_int_eq(lstat("pipe", &what), 0);
    ck_assert(S_ISFIFO(what.st_mode));
    ck_assert_int_eq(close(pipe), 0);
    end();
}
END_TEST

START_TEST(a_full_disk_takes_nothing_of_a_message)
{
    const struct rlimit most = {.rlim_cur = 1000, .rlim_max = 1000};

    begin();
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_str_eq(value_of("`:l set();h:hopen`:l;h enlist(`g;til 10);-11!(-2;`:l)"),
                     "1");
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &most), 0);
    ck_assert_int_eq(value_of("h enlist(`g;til 1000)")[0], '\'');
    ck_assert_str_eq(value_of("h enlist(`g;til 10);-11!(-2;`:l)"), "2");
    ck_assert_int_eq(value_of("`:l set til 1000")[0], '\'');
    ck_assert_str_eq(value_of("(-11!(-2;`:l);key`:.)"), "(2;,`l)");
    end();
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("embedq_files");
    TCase *tcase = tcase_create("files");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, values_are_kept_in_files);
    tcase_add_test(tcase, text_and_bytes_are_kept_in_files);
    tcase_add_test(tcase, a_log_is_appended_to_and_replayed);
    tcase_add_test(tcase, a_torn_end_of_a_log_is_found);
    tcase_add_test(tcase, what_is_replaced_keeps_its_rights_and_its_links);
    tcase_add_test(tcase, a_full_disk_takes_nothing_of_a_message);
    suite_add_tcase(suite, tcase);
    return suite;
}
