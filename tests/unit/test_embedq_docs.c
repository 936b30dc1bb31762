/* SPDX-License-Identifier: MIT
 * Runs the examples of docs/q-subset.md: after a line `q) text` stand the lines that the
 * console shows for it. All of them share one interpreter, as a reader would type them.
 */
#include <stdio.h>
#include <string.h>

#include <troupe/embedq.h>

#include "tests/support/suite.h"

static char page[1 << 17];
static char shown[1 << 16];
static char wanted[1 << 16];

static void print(void *context, int stream, const char *text, size_t size)
{
    (void)context, (void)stream, (void)text, (void)size;
}

static const troupe_embedq_host host = {.size = sizeof host, .print = print};

static void read_page(void)
{
    FILE *file = fopen(TRP_SOURCE_DIR "/docs/q-subset.md", "r");

    ck_assert_ptr_nonnull(file);
    size_t size = fread(page, 1, sizeof page - 1, file);
    page[size] = 0;
    ck_assert_uint_lt(size, sizeof page - 1);
    (void)fclose(file);
}

/* Appends lines without the blanks at their ends. */
static void add_lines(char *to, size_t room, const char *text, size_t size)
{
    const char *end = text + size;
    size_t have = strlen(to);

    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t n = stop != NULL ? (size_t)(stop - text) : (size_t)(end - text);
        size_t next = n + 1;
        while (n > 0 && text[n - 1] == ' ') {
            n--;
        }
        ck_assert_uint_lt(have + n + 2, room);
        memcpy(to + have, text, n);
        have += n;
        to[have++] = '\n';
        to[have] = 0;
        text += next;
    }
}

/* What the console shows: nothing for `::`. */
static void show(troupe_embedq *q, const char *text, size_t size)
{
    troupe_q_value *v = NULL;
    troupe_q_value *lines = NULL;

    shown[0] = 0;
    if (troupe_embedq_text(q, text, size, &v) != TROUPE_OK) {
        (void)snprintf(shown, sizeof shown, "'%s\n", troupe_embedq_error(q));
        return;
    }
    if (troupe_q_code(v) != 0 || troupe_q_type(v) != TROUPE_Q_UNARY) {
        size_t n = 0;
        ck_assert_int_eq(troupe_embedq_show(q, v, &lines), TROUPE_OK);
        const char *all = troupe_q_text(lines, &n);
        add_lines(shown, sizeof shown, all, n);
    }
    troupe_q_unref(&lines);
    troupe_q_unref(&v);
}

START_TEST(the_examples_of_the_page_are_true)
{
    troupe_embedq_options options = TROUPE_EMBEDQ_OPTIONS;
    troupe_embedq *q = NULL;
    int examples = 0, bad = 0;

    read_page();
    options.host = &host;
    ck_assert_int_eq(troupe_embedq_new(&options, &q), TROUPE_OK);
    for (const char *at = strstr(page, "\nq) "); at != NULL; at = strstr(at, "\nq) ")) {
        const char *text = at + 4;
        const char *stop = strchr(text, '\n');
        at = stop;
        wanted[0] = 0;
        while (strncmp(at, "\nq) ", 4) != 0 && strncmp(at, "\n```", 4) != 0) {
            const char *end = strchr(at + 1, '\n');
            add_lines(wanted, sizeof wanted, at + 1, (size_t)(end - at - 1));
            at = end;
        }
        show(q, text, (size_t)(stop - text));
        examples++;
        if (strcmp(shown, wanted) != 0) {
            (void)fprintf(stderr, "%.*s\nshows\n%snot\n%s", (int)(stop - text), text,
                          shown, wanted);
            bad++;
        }
    }
    troupe_embedq_free(&q);
    ck_assert_int_eq(bad, 0);
    ck_assert_int_gt(examples, 100);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("embedq_docs");
    TCase *tcase = tcase_create("docs");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, the_examples_of_the_page_are_true);
    suite_add_tcase(suite, tcase);
    return suite;
}
