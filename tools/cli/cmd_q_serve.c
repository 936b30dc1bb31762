/* SPDX-License-Identifier: MIT
 * cmd_q_serve.c - `troupe q serve`: a q process, made of the embedded q and a server. */
#include <errno.h>
#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/q.h>

#include "mailbox/alloc.h"
#include "tools/cli/cmd.h"
#include "tools/cli/cmd_q.h"
#include "tools/cli/q_libq.h"
#include "tools/cli/q_load.h"
#include "tools/cli/q_session.h"

enum {
    USERS_MAX = 1024,
    CLOSE_S = 10,
    CLIENTS_MAX = 65000,
    SECONDS_MAX = 100000000,
    TIMER_MAX = INT32_MAX
};

static const char usage[] =
    "usage: troupe q serve -p PORT [OPTION...] [ARGUMENT...]\n"
    "\n"
    "Serves q clients: evaluates what they send with the embedded q.\n"
    "\n"
    "  -p, --port PORT       listen on this port; 0: any free one\n"
    "  --host ADDRESS        listen on this address of the machine, * for all of them\n"
    "                        (127.0.0.1)\n"
    "  --unix, --no-unix     also listen on the Unix sockets of the port: all of them, "
    "or\n"
    "                        none; without either those that are free\n"
    "  --tls MODE            both: TLS and plain on the port; only: TLS; off (off)\n"
    "  --tls-cert FILE, --tls-key FILE\n"
    "                        own certificate with its chain, and its key (PEM)\n"
    "  --tls-ca FILE         who may have signed the certificates of clients\n"
    "  --tls-verify-client   ask clients for a certificate; =ifpresent: not all must\n"
    "  --user NAME:PASSWORD  who may log in; may be given often (without: everybody)\n"
    "  --users FILE          who else may, with hashed passwords; see troupe q passwd\n"
    "  --clients N           at most so many at once (4096)\n"
    "  --client-memory SIZE  messages of all of them together: bytes, or with K, M, G\n"
    "                        (4G)\n"
    "  --idle SECONDS        close clients that are silent for so long (never)\n"
    "  --load FILE           evaluate this q script first; may be given often. The\n"
    "                        ARGUMENTs are its .z.x\n"
    "  --files FOLDER        later q code, that of clients too, may read and write the\n"
    "                        files in this folder and below (none; scripts may use all\n"
    "                        files while they are loaded)\n"
    "  --allow-connect       later q code may open connections with hopen, and change\n"
    "                        the port\n"
    "  --allow-exit          later q code may end the process with exit\n"
    "  --memory SIZE         of all values of q code together (1G)\n"
    "  --time SECONDS        of one evaluation, of a script too, then 'stop (no limit)\n"
    "  -t, --timer MS        call .z.ts every so many milliseconds, as \\t does\n"
    "  --engine libq         evaluate with a licensed q library, which is not part of\n"
    "                        troupe; --libq PATH: this one (libq.so)\n"
    "  --verbose             say on stderr who comes and goes\n"
    "  --help                print this\n"
    "\n"
    "Prints `listening on port N` when it does, and ends on SIGTERM or SIGINT after the\n"
    "answers that are due. Exit status: 0; 1 it cannot serve; 2 wrong usage; what exit\n"
    "says.\n";

struct serving {
    troupe_q_server_options server;
    troupe_tls_options tls;
    troupe_q_user users[USERS_MAX];
    const char *loads[TRP_Q_SCRIPTS_MAX + 1];
    size_t load_count;
    char *const *words; /* .z.x */
    const char *accounts, *files;
    int64_t timer;
    size_t memory;  /* of q code; 0: the default */
    troupe_ns time; /* of one evaluation; 0: no limit */
    bool has_port, tls_set, verbose, may_connect, may_exit;
    struct trp_q_libq libq;
};

static const struct option options[] = {
    {"port", required_argument, NULL, 'p'},
    {"host", required_argument, NULL, 'H'},
    {"unix", no_argument, NULL, 'x'},
    {"no-unix", no_argument, NULL, 'X'},
    {"tls", required_argument, NULL, 'T'},
    {"tls-cert", required_argument, NULL, 'C'},
    {"tls-key", required_argument, NULL, 'K'},
    {"tls-ca", required_argument, NULL, 'A'},
    {"tls-verify-client", optional_argument, NULL, 'V'},
    {"user", required_argument, NULL, 'u'},
    {"users", required_argument, NULL, 'U'},
    {"clients", required_argument, NULL, 'c'},
    {"client-memory", required_argument, NULL, 'M'},
    {"memory", required_argument, NULL, 'm'},
    {"time", required_argument, NULL, 'e'},
    {"idle", required_argument, NULL, 'i'},
    {"load", required_argument, NULL, 'l'},
    {"files", required_argument, NULL, 'F'},
    {"allow-connect", no_argument, NULL, 'O'},
    {"allow-exit", no_argument, NULL, 'E'},
    {"timer", required_argument, NULL, 't'},
    TRP_Q_LIBQ_OPTIONS,
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Cuts NAME:PASSWORD in two where it stands: in argv, which is ours. */
static int add_user(struct serving *s, char *text)
{
    char *colon = strchr(text, ':');

    if (colon == NULL || colon == text) {
        return trp_cmd_fail(2, "--user wants NAME:PASSWORD");
    }
    if (s->server.user_count == USERS_MAX) {
        return trp_cmd_fail(2, "there are more than %d users", USERS_MAX);
    }
    *colon = 0;
    s->users[s->server.user_count++] = (troupe_q_user){text, colon + 1};
    return -1;
}

static bool take_number(const char *text, const char *name, unsigned long max,
                        unsigned long *out)
{
    char *end = NULL;

    errno = 0;
    *out = text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10) : 0;
    if (errno != 0 || end == NULL || *end != 0 || *out == 0 || *out > max) {
        (void)trp_cmd_fail(2, "%s wants a number from 1 to %lu", name, max);
        return false;
    }
    return true;
}

static int take_limit(struct serving *s, int option)
{
    static const struct {
        int option;
        const char *name;
        unsigned long max;
    } limits[] = {{'c', "--clients", CLIENTS_MAX}, {'i', "--idle", SECONDS_MAX}};
    unsigned long number = 0;

    for (size_t i = 0; i < TRP_COUNT(limits); i++) {
        if (limits[i].option == option &&
            !take_number(optarg, limits[i].name, limits[i].max, &number)) {
            return 2;
        }
    }
    if (option == 'c') {
        s->server.clients_max = (uint32_t)number;
    } else {
        s->server.idle_limit = TROUPE_S((troupe_ns)number);
    }
    return -1;
}

static int take_bound(struct serving *s, int option)
{
    size_t size = 0;

    if (option == 'e') {
        return trp_q_seconds(optarg, &s->time) ? -1
                                               : trp_cmd_fail(2, "--time wants seconds");
    }
    if (!trp_q_size(optarg, &size)) {
        return trp_cmd_fail(2, "%s wants bytes, perhaps with K, M or G",
                            option == 'm' ? "--memory" : "--client-memory");
    }
    if (option == 'm') {
        s->memory = size;
    } else {
        s->server.memory_limit = size;
    }
    return -1;
}

static int take_tls(struct serving *s, int option)
{
    switch (option) {
    case 'T':
        s->server.tls_mode = strcmp(optarg, "both") == 0   ? TROUPE_Q_TLS_BOTH
                             : strcmp(optarg, "only") == 0 ? TROUPE_Q_TLS_ONLY
                                                           : TROUPE_Q_TLS_OFF;
        return s->server.tls_mode != TROUPE_Q_TLS_OFF || strcmp(optarg, "off") == 0
                   ? -1
                   : trp_cmd_fail(2, "--tls wants both, only or off");
    case 'C':
        s->tls_set = true;
        s->tls.cert_file = optarg;
        return -1;
    case 'K':
        s->tls_set = true;
        s->tls.key_file = optarg;
        return -1;
    case 'A':
        s->tls_set = true;
        s->tls.ca_cert_file = optarg;
        return -1;
    default:
        s->tls_set = true;
        s->tls.verify = TROUPE_TLS_VERIFY_REQUIRE;
        if (optarg != NULL && strcmp(optarg, "ifpresent") == 0) {
            s->tls.verify = TROUPE_TLS_VERIFY_IF_PRESENT;
        } else if (optarg != NULL) {
            return trp_cmd_fail(2, "--tls-verify-client wants nothing or =ifpresent");
        }
        return -1;
    }
}

static int take_script(struct serving *s, int option)
{
    unsigned long number;

    switch (option) {
    case 'l':
        if (s->load_count == TRP_Q_SCRIPTS_MAX) {
            return trp_cmd_fail(2, "there are more than %d scripts", TRP_Q_SCRIPTS_MAX);
        }
        s->loads[s->load_count++] = optarg;
        return -1;
    case 'F':
        s->files = optarg;
        return -1;
    case 'O':
        s->may_connect = true;
        return -1;
    case 'E':
        s->may_exit = true;
        return -1;
    default:
        if (!take_number(optarg, "--timer", TIMER_MAX, &number)) {
            return 2;
        }
        s->timer = (int64_t)number;
        return -1;
    }
}

static int take_option(struct serving *s, int option, char **argv)
{
    switch (option) {
    case 'p':
        s->has_port = true;
        return trp_q_port(optarg, true, &s->server.port)
                   ? -1
                   : trp_cmd_fail(2, "'%s' is not a port", optarg);
    case 'H':
        s->server.host = optarg;
        return optarg[0] != 0 ? -1 : trp_cmd_fail(2, "--host wants an address");
    case 'x':
        s->server.unix_domain = TROUPE_Q_UNIX_ALL;
        return -1;
    case 'X':
        s->server.unix_domain = TROUPE_Q_UNIX_NONE;
        return -1;
    case 'u':
        return add_user(s, optarg);
    case 'U':
        s->accounts = optarg;
        return -1;
    case 'T':
    case 'C':
    case 'K':
    case 'A':
    case 'V':
        return take_tls(s, option);
    case 'c':
    case 'i':
        return take_limit(s, option);
    case 'M':
    case 'm':
    case 'e':
        return take_bound(s, option);
    case 'l':
    case 'F':
    case 'E':
    case 'O':
    case 't':
        return take_script(s, option);
    case TRP_Q_OPTION_ENGINE:
    case TRP_Q_OPTION_LIBQ:
        return trp_q_libq_option(option, &s->libq);
    case 'v':
        s->verbose = true;
        return -1;
    case 'h':
        (void)fputs(usage, stdout);
        return 0;
    case ':':
        return trp_cmd_fail(2, "%s wants a value; see troupe q serve --help",
                            argv[optind - 1]);
    default:
        return trp_cmd_fail(2, "there is no option %s; see troupe q serve --help",
                            argv[optind - 1]);
    }
}

static int read_options(struct serving *s, int argc, char **argv)
{
    int option, code = -1;

    optind = 1;
    while (code < 0 &&
           (option = getopt_long(argc, argv, "+:p:t:", options, NULL)) != -1) {
        code = take_option(s, option, argv);
    }
    s->words = argv + optind;
    if (code < 0 && optind < argc && s->load_count == 0) {
        code =
            trp_cmd_fail(2, "'%s' is too much without --load; see troupe q serve --help",
                         argv[optind]);
    }
    if (code < 0 && s->libq.used && s->load_count > 1) {
        code = trp_cmd_fail(2, "with --engine libq there is one --load");
    }
    if (code < 0 && s->libq.used && (s->time != 0 || s->memory != 0)) {
        code = trp_cmd_fail(2, "--time and --memory are of the embedded q");
    }
    if (code < 0 && !s->has_port) {
        code = trp_cmd_fail(2, "which port? see troupe q serve --help");
    }
    if (code < 0 && s->tls_set && s->server.tls_mode == TROUPE_Q_TLS_OFF) {
        code = trp_cmd_fail(2, "the settings of TLS need --tls both or --tls only");
    }
    return code;
}

static int load_accounts(struct serving *s)
{
    troupe_failure failure;

    if (s->accounts == NULL ||
        troupe_q_users_load(s->accounts, &s->server.accounts, &failure) == TROUPE_OK) {
        return -1;
    }
    return trp_cmd_fail(1, "%s: %s", s->accounts, failure.text);
}

/* ---- serving ---- */

struct machine {
    struct serving *serving;
    struct trp_q_signals signals;
    struct trp_q_host host;
    troupe_system *system;
    troupe_q_hub *hub;
    troupe_id engine;
    troupe_q_server server;
    uint16_t port;
    atomic_bool leaving; /* q code said exit */
    atomic_int code;
};

/* Ends the evaluation that says it, then the process. */
static void leave(void *context, int code)
{
    struct machine *m = context;

    atomic_store(&m->code, code & 0xff);
    atomic_store(&m->leaving, true);
    (void)troupe_engine_interrupt(m->system, m->engine);
    trp_q_signals_end(&m->signals);
}

/* \p n */
static troupe_status listen_again(void *context, const char *host, uint16_t port,
                                  troupe_q_server *out)
{
    const struct machine *m = context;
    troupe_q_server_options server = m->serving->server;
    uint16_t got;

    server.host = host != NULL ? host : server.host;
    server.port = port;
    server.failure = NULL;
    return troupe_q_serve(m->system, &server, out, &got);
}

static int open_host(const struct serving *s, struct machine *m)
{
    trp_q_host_init(&m->host, m->hub);
    troupe_q_hub_on_listen(m->hub, listen_again, m);
    m->host.exit = leave;
    m->host.context = m;
    m->host.may_connect = s->may_connect;
    m->host.may_exit = s->may_exit;
    if (s->files != NULL && !trp_q_host_grant(&m->host, s->files)) {
        return trp_cmd_fail(1, "%s is no folder", s->files);
    }
    return -1;
}

static int open_engine(const struct serving *s, struct machine *m)
{
    troupe_embedq_options q = TROUPE_EMBEDQ_OPTIONS;
    troupe_engine_options engine = TROUPE_ENGINE_OPTIONS;
    const char *const *words = (const char *const *)s->words;

    if (s->libq.used) {
        return trp_q_libq_open(m->system, &s->libq, words, s->loads[0], &m->engine);
    }
    q.host = &m->host.host;
    q.context = &m->host;
    q.memory_limit = s->memory;
    q.arguments = words;
    q.file = s->loads[0];
    engine.config = &q;
    engine.call_limit = s->time;
    troupe_status status =
        troupe_engine_open(m->system, &troupe_engine_embedq, &engine, &m->engine);
    return status == TROUPE_OK ? -1
                               : trp_cmd_fail(1, "the engine cannot be opened: %s",
                                              troupe_status_text(status));
}

static int open_server(struct serving *s, struct machine *m)
{
    s->server.users = s->users;
    s->server.engine = m->engine;
    s->server.hub = m->hub;
    troupe_failure failure = {.status = TROUPE_OK};

    s->server.failure = &failure;
    troupe_status status = troupe_q_serve(m->system, &s->server, &m->server, &m->port);
    if (failure.status != TROUPE_OK) {
        return trp_cmd_fail(1, "%s", failure.text);
    }
    if (status == TROUPE_OK) {
        return -1;
    }
    bool all = s->server.unix_domain == TROUPE_Q_UNIX_ALL;
    return trp_cmd_fail(1, "cannot listen on %s port %u%s: %s",
                        s->server.host != NULL ? s->server.host : "127.0.0.1",
                        s->server.port, all ? " and all its Unix sockets" : "",
                        status != TROUPE_EINVAL ? troupe_status_text(status)
                        : all ? "there is no such address here, or no such folder"
                              : "it is no address of this machine");
}

static void close_machine(struct machine *m)
{
    if (m->system != NULL) {
        troupe_system_shutdown(m->system, TROUPE_S(CLOSE_S));
        (void)troupe_system_join(m->system);
        troupe_system_free(&m->system);
    }
    if (m->hub != NULL) {
        trp_q_host_fini(&m->host);
    }
    troupe_q_hub_free(&m->hub);
}

static int end_load(struct trp_q_load *load, struct machine *m)
{
    troupe_failure failure = {.status = TROUPE_OK};
    troupe_status status = trp_q_load_end(load, &failure);

    if (load->port > 0 && load->port <= UINT16_MAX) {
        m->port = (uint16_t)load->port; /* a script may have changed it */
    }
    if (status == TROUPE_OK || atomic_load(&m->leaving)) {
        return -1;
    }
    const char *script = atomic_load(&m->host.script);
    script = script != NULL             ? script
             : load->scripts[0] != NULL ? load->scripts[0]
                                        : "of -t";
    if (status == TROUPE_ECANCELED) {
        return trp_cmd_fail(1, "the script %s was stopped", script);
    }
    return trp_cmd_fail(1, "the script %s ends with an error: '%s", script,
                        failure.text[0] != 0 ? failure.text : troupe_status_text(status));
}

/* The port is there when scripts run; who comes meanwhile waits for them to end. */
static int open_and_load(struct serving *s, struct machine *m)
{
    static const char *const none[] = {NULL};
    struct trp_q_load load = {.system = m->system,
                              .engine = m->engine,
                              .host = &m->host,
                              .signals = &m->signals,
                              .scripts = s->libq.used ? none : s->loads,
                              .timer = s->timer};

    trp_q_load_begin(&load);
    int code = open_server(s, m);
    if (code >= 0) {
        trp_q_load_drop(&load);
        return code;
    }
    return end_load(&load, m);
}

static int open_machine(struct serving *s, struct machine *m)
{
    troupe_options system = TROUPE_OPTIONS;

    system.name = "troupe-q";
    troupe_status status = troupe_system_new(&system, &m->system);
    if (status == TROUPE_OK) {
        troupe_log_to(m->system, s->verbose ? TROUPE_LOG_DEBUG : TROUPE_LOG_WARN,
                      troupe_log_stderr, NULL);
        status = troupe_system_start(m->system);
    }
    if (status == TROUPE_OK) {
        status = troupe_q_hub_new(m->system, &m->hub);
    }
    if (status != TROUPE_OK) {
        return trp_cmd_fail(1, "the system cannot start: %s", troupe_status_text(status));
    }
    int code = open_host(s, m);
    code = code < 0 ? open_engine(s, m) : code;
    return code < 0 ? open_and_load(s, m) : code;
}

static int serve(struct serving *s)
{
    struct machine m = {.serving = s};

    if (!trp_q_signals_open(&m.signals)) {
        return trp_cmd_fail(1, "the signals cannot be taken");
    }
    int code = open_machine(s, &m);
    if (code < 0 && !atomic_load(&m.leaving)) {
        (void)printf("listening on port %u\n", m.port);
        (void)fflush(stdout);
        trp_q_signals_wait(&m.signals);
    }
    close_machine(&m);
    trp_q_signals_close(&m.signals);
    return code >= 0 ? code : atomic_load(&m.leaving) ? atomic_load(&m.code) : 0;
}

int trp_cmd_q_serve(int argc, char **argv)
{
    struct serving *s = trp_calloc(1, sizeof(*s));

    if (s == NULL) {
        return trp_cmd_fail(1, "%s", troupe_status_text(TROUPE_ENOMEM));
    }
    s->server = TROUPE_Q_SERVER_OPTIONS;
    s->server.unix_domain = TROUPE_Q_UNIX_TRY;
    s->tls = TROUPE_TLS_OPTIONS;
    s->server.tls_options = &s->tls;
    int code = read_options(s, argc, argv);
    if (code < 0) {
        code = load_accounts(s);
    }
    if (code < 0) {
        code = serve(s);
    }
    troupe_q_users_free(&s->server.accounts);
    trp_free(s);
    return code;
}
