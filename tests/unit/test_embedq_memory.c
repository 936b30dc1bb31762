/* SPDX-License-Identifier: MIT
 * Every n-th allocation fails once: evaluation ends with 'wsfull or goes on, loses
 * nothing, and the interpreter stays usable. */
#include <stdio.h>
#include <string.h>

#include <troupe/embedq.h>

#include "mailbox/alloc.h"
#include "tests/support/suite.h"

static const char *const texts[] = {
    "t:([]s:`a`b`a;p:1.5 2 3;n:10 20 30);`t upsert (`c;1f;5);`t insert (`d;1f;6);t",
    "select sum n,max p by s from t where n>5",
    "update n:2*n from t where s=`a",
    "delete from t where s=`b",
    "exec n by s from t",
    "k:([s:`a`b]w:7 8);`k upsert (`c;9);k upsert ([]s:`a`z;w:1 2);t lj k",
    "d:`a`b!1 2;d[`c]:3;d[`a]+:1;d,`x`y!1 2",
    "w:(`symbol$())!();w[`t],:enlist(1;`a);w[`t;0;1]:`b;w",
    "{[a;b]a+b}[1;]each til 5",
    "f:{$[x<2;x;.z.s[x-1]+.z.s x-2]};f 6",
    "@[{'`oops};1;{x,\"!\"}]",
    ".[{x+y};(1;`a);`caught]",
    "(+\\)til 5",
    "{x,y}/[(1 2;3;`a)]",
    "1 2+/:\\:10 20",
    "raze (1 2;3;`a;\"xyz\")",
    "group `a`b`a",
    "asc 3 1 2;iasc `b`a;distinct 1 2 1",
    "string (1;`a;2.5)",
    "\",\" sv \",\" vs \"a,b,c\"",
    "ssr[\"hello\";\"l\";\"LL\"]",
    "\"J\"$(\"12\";\"345\");`$(\"ab\";\"cd\")",
    "2022.01.01D+00:00:01*til 3",
    "parse \"select a by b from t where c>1\"",
    "-9!-8!(1;`a;\"x\")",
    ".Q.s ([]a:1 2;b:`x`y)",
    "10?`a`b`c;-5?10;3?1f",
    ".my.space.name:5;key `.my;.my",
    "aj[`s`n;t;([]s:`a`b;n:1 2;v:3 4)]",
    "meta t;cols t;flip t;1!t",
    "?[t;enlist(=;`s;enlist`a);0b;()]",
    "m:(1 2;3 4);m[;0]:9;m",
    "5 mavg til 10;sums 1 2;med 3 1 2",
};

static void run(troupe_embedq *q, const char *text)
{
    troupe_q_value *v = NULL;

    if (troupe_embedq_text(q, text, TROUPE_Q_Z, &v) == TROUPE_OK) {
        troupe_q_unref(&v);
    } else {
        ck_assert_str_ne(troupe_embedq_error(q), "");
    }
}

START_TEST(any_failing_allocation_is_survived)
{
    for (uint64_t n = 1;; n++) {
        troupe_embedq *q = NULL;
        trp_fail_nth(n);
        troupe_status status = troupe_embedq_new(NULL, &q);
        if (status == TROUPE_OK) {
            run(q, texts[0]);
            run(q, texts[_i]);
        }
        bool happened = trp_fail_happened();
        if (status == TROUPE_OK) {
            run(q, "t:1 2 3;sum t");
            ck_assert_str_eq(troupe_embedq_error(q), "");
        } else {
            ck_assert_int_eq(status, TROUPE_ENOMEM);
        }
        troupe_embedq_free(&q);
        if (!happened) {
            ck_assert_uint_gt(n, 10);
            return;
        }
    }
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("embedq_memory");
    TCase *tcase = tcase_create("memory");

    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, any_failing_allocation_is_survived, 0,
                        (int)(sizeof texts / sizeof texts[0]));
    suite_add_tcase(suite, tcase);
    return suite;
}
