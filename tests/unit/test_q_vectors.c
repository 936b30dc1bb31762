/* SPDX-License-Identifier: MIT
 * Tables of messages: the project's own, and the shared ones where they are present. Each
 * comes back byte for byte, or is refused for the reason that is written there. */
#include <stdio.h>

#include "mailbox/buffer.h"
#include "tests/support/q_hex.h"
#include "tests/support/suite.h"

enum { LINE = 1 << 16, COLUMNS = 3 };

static char line[LINE];

/* The next row, cut at its tabs; false: there is none. */
static bool read_row(FILE *file, char *columns[COLUMNS])
{
    do {
        if (fgets(line, LINE, file) == NULL) {
            return false;
        }
    } while (line[0] == '#');
    line[strcspn(line, "\r\n")] = 0;
    char *at = line;
    for (size_t i = 0; i < COLUMNS; i++) {
        columns[i] = at;
        at += strcspn(at, "\t");
        if (*at != 0) {
            *at++ = 0;
        }
    }
    return true;
}

static void check(const char *name, const char *hex, const char *refusal)
{
    const struct trp_q_limits limits = TRP_Q_LIMITS;
    struct hex in = hex_read(hex);
    struct trp_buffer out;
    struct trp_q_why why = {"", 0};
    char reason[128] = "same";

    trp_buffer_init(&out, 1 << 24);
    troupe_status status = trp_q_recode(in.bytes, in.size, &limits, &out, &why);
    if (status != TROUPE_OK) {
        (void)snprintf(reason, sizeof(reason), "%s at byte %llu", why.text,
                       (unsigned long long)why.at);
    }
    ck_assert_msg(strncmp(reason, refusal, strlen(refusal)) == 0, "%s: %s, not %s", name,
                  reason, refusal);
    if (status == TROUPE_OK) {
        ck_assert_msg(trp_buffer_size(&out) == in.size &&
                          memcmp(trp_buffer_front(&out), in.bytes, in.size) == 0,
                      "%s comes back as something else", name);
    } else {
        ck_assert_uint_eq(trp_buffer_size(&out), 0);
    }
    trp_buffer_fini(&out);
    trp_free(in.bytes);
}

START_TEST(messages_of_every_layout_come_back_or_are_refused)
{
    FILE *file = fopen(TRP_SOURCE_DIR "/tests/vectors/q-layout.tsv", "r");
    char *columns[COLUMNS];
    size_t rows = 0;

    ck_assert_ptr_nonnull(file);
    for (; read_row(file, columns); rows++) {
        check(columns[0], columns[1], columns[2]);
    }
    ck_assert_uint_gt(rows, 700);
    (void)fclose(file);
}
END_TEST

static FILE *open_shared(void)
{
    static const char *const places[] = {TRP_SHARED_VECTORS "/q-ipc.tsv", TRP_SOURCE_DIR
                                         "/../../shared/vectors/q-ipc.tsv"};
    FILE *file = NULL;

    for (size_t i = 0; file == NULL && i < TRP_COUNT(places); i++) {
        file = fopen(places[i], "r");
    }
    return file;
}

START_TEST(recorded_messages_come_back_byte_for_byte)
{
    FILE *file = open_shared();
    char *columns[COLUMNS];
    size_t rows = 0;

    if (file == NULL) {
        (void)puts("the shared vectors are not here; not run");
        return;
    }
    ck_assert(read_row(file, columns)); /* the names of the columns */
    for (; read_row(file, columns); rows++) {
        check(columns[0], columns[1], "same");
    }
    ck_assert_uint_gt(rows, 100);
    (void)fclose(file);
}
END_TEST

START_TEST(the_program_recodes_line_by_line)
{
    static const char *const want[] = {"010000000a0000006500", "error: not hex",
                                       "error: message is incomplete at byte 2",
                                       "000000000000000dfa00000001"};
    FILE *out = popen("printf '010000000A0000006500\\nxyz\\n0100\\n"
                      "000000000000000dfa00000001\\n' | '" TRP_PROGRAM "' q recode",
                      "r");

    ck_assert_ptr_nonnull(out);
    for (size_t i = 0; i < TRP_COUNT(want); i++) {
        ck_assert_ptr_nonnull(fgets(line, LINE, out));
        line[strcspn(line, "\n")] = 0;
        ck_assert_str_eq(line, want[i]);
    }
    ck_assert_ptr_null(fgets(line, LINE, out));
    ck_assert_int_eq(pclose(out), 0);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("q_vectors");
    TCase *tcase = tcase_create("q_vectors");

    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, messages_of_every_layout_come_back_or_are_refused);
    tcase_add_test(tcase, recorded_messages_come_back_byte_for_byte);
    tcase_add_test(tcase, the_program_recodes_line_by_line);
    suite_add_tcase(suite, tcase);
    return suite;
}
