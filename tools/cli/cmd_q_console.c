/* SPDX-License-Identifier: MIT
 * cmd_q_console.c - `troupe q`: a q session. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox/alloc.h"
#include "tools/cli/cmd.h"
#include "tools/cli/cmd_q.h"
#include "tools/cli/q_console.h"
#include "tools/cli/q_session.h"

static const char usage[] =
    "usage: troupe q [OPTION...] [FILE [ARGUMENT...]]\n"
    "       troupe q COMMAND [ARGUMENT...]\n"
    "\n"
    "A q session: reads q, evaluates it with the embedded q and prints what q prints.\n"
    "FILE is a q script that is loaded first; the ARGUMENTs are its .z.x, but for\n"
    "-p PORT, -t MS and -q, which may also stand there.\n"
    "\n"
    "  -p, --port PORT   also serve on this port; 0: any free one\n"
    "  --host ADDRESS    serve on this address of the machine, * for all (127.0.0.1)\n"
    "  -t, --timer MS    call .z.ts every so many milliseconds, as \\t does\n"
    "  --memory SIZE     of all values together: bytes, or with K, M, G (1G)\n"
    "  --time SECONDS    of one evaluation, then 'stop\n"
    "  --engine libq     evaluate with a licensed q library instead, which is not part\n"
    "                    of troupe; --libq PATH: this one (libq.so)\n"
    "  -q, --quiet       no greeting\n"
    "  --help            print this\n"
    "\n"
    "\\\\, exit 0 or the end of input leaves; with FILE, no input (/dev/null) and a "
    "port\n"
    "or timer it stays. Ctrl-C stops what runs. Exit status: 0; 1\n"
    "an error (without a terminal: of the last entry, or in FILE); what exit says; 2\n"
    "wrong usage.\n"
    "\n"
    "The commands:\n";

static const struct option options[] = {
    {"port", required_argument, NULL, 'p'},
    {"host", required_argument, NULL, 'H'},
    {"memory", required_argument, NULL, 'm'},
    {"time", required_argument, NULL, 'T'},
    {"timer", required_argument, NULL, 't'},
    {"quiet", no_argument, NULL, 'q'},
    TRP_Q_LIBQ_OPTIONS,
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int wrong(const char *what, const char *text)
{
    return trp_cmd_fail(2, "%s, not '%s'; see troupe q --help", what, text);
}

static int take_port(struct trp_q_console_options *console, const char *text)
{
    console->serves = true;
    return trp_q_port(text, true, &console->port) ? -1 : wrong("-p wants a port", text);
}

static int take_timer(struct trp_q_console_options *console, const char *text)
{
    char *end = NULL;
    unsigned long number =
        text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10) : ULONG_MAX;

    console->timer = (int64_t)number;
    return number <= INT32_MAX && *end == 0 ? -1 : wrong("-t wants milliseconds", text);
}

/* Returns -1 to go on, else the exit code. */
static int take_option(struct trp_q_console_options *console, int option, char **argv)
{
    switch (option) {
    case 'p':
        return take_port(console, optarg);
    case 't':
        return take_timer(console, optarg);
    case 'H':
        console->host = optarg;
        return optarg[0] != 0 ? -1 : trp_cmd_fail(2, "--host wants an address");
    case 'm':
        return trp_q_size(optarg, &console->memory)
                   ? -1
                   : wrong("--memory wants bytes, perhaps with K, M or G", optarg);
    case 'T':
        return trp_q_seconds(optarg, &console->time)
                   ? -1
                   : wrong("--time wants seconds", optarg);
    case 'q':
        console->quiet = true;
        return -1;
    case TRP_Q_OPTION_ENGINE:
    case TRP_Q_OPTION_LIBQ:
        return trp_q_libq_option(option, &console->libq);
    case 'h':
        (void)fputs(usage, stdout);
        trp_cmd_q_list(stdout);
        return 0;
    case ':':
        return trp_cmd_fail(2, "%s wants a value; see troupe q --help", argv[optind - 1]);
    default:
        return trp_cmd_fail(2, "there is no option %s; see troupe q --help",
                            argv[optind - 1]);
    }
}

/* Behind the script q takes its own -p PORT, -t MS and -q out of the arguments, and so do
 * we. */
static int take_own(struct trp_q_console_options *console, int argc, char **argv)
{
    int kept = 0, code = -1;

    for (int i = 0; i < argc && code < 0; i++) {
        bool last = i + 1 == argc;
        if (strcmp(argv[i], "-q") == 0) {
            console->quiet = true;
        } else if (strcmp(argv[i], "-p") == 0 && !last) {
            code = take_port(console, argv[++i]);
        } else if (strcmp(argv[i], "-t") == 0 && !last) {
            code = take_timer(console, argv[++i]);
        } else {
            argv[kept++] = argv[i];
        }
    }
    argv[kept] = NULL;
    return code;
}

int trp_cmd_q_console(int argc, char **argv)
{
    struct trp_q_console_options console = {.script = NULL};
    int option, code = -1;

    optind = 1;
    while (code < 0 &&
           (option = getopt_long(argc, argv, "+:p:qt:", options, NULL)) != -1) {
        code = take_option(&console, option, argv);
    }
    if (code < 0 && console.libq.used && (console.time != 0 || console.memory != 0)) {
        code = trp_cmd_fail(2, "--time and --memory are of the embedded q");
    }
    if (code < 0 && optind < argc) {
        console.script = argv[optind++];
        code = take_own(&console, argc - optind, argv + optind);
    }
    console.words = argv + optind;
    return code < 0 ? trp_q_console_run(&console) : code;
}
