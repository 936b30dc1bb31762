/* SPDX-License-Identifier: MIT
 * q_console.c - reads entries, evaluates each on the engine's thread, prints as q does.
 *
 *   entry --EVAL--> engine --value--> .Q.s there --text--> standard output
 *              \--SIGINT: interrupted: 'stop       \--an error: 'text, standard error */
#include "tools/cli/q_console.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <troupe/version.h>

#include "tools/cli/cmd.h"
#include "tools/cli/q_load.h"

enum { CLOSE_S = 2, EXIT_INTERRUPTED = 130 };

struct console {
    struct trp_q_signals signals;
    struct trp_q_reader reader;
    troupe_system *system;
    troupe_q_hub *hub;
    struct trp_q_host host;
    troupe_id engine;
    const char *address; /* of this machine, to serve on; NULL: 127.0.0.1 */
    uint16_t port;       /* 0: none */
    atomic_bool leaving; /* q code said exit */
    atomic_int code;
    char prompt[TRP_Q_PROMPT_MAX];
};

/* Ends the evaluation that says it, then the reading of lines. */
static void leave(void *context, int code)
{
    struct console *console = context;

    atomic_store(&console->code, code & 0xff);
    atomic_store(&console->leaving, true);
    (void)troupe_engine_interrupt(console->system, console->engine);
    trp_q_signals_end(&console->signals);
}

static void interrupt(void *context)
{
    struct console *console = context;

    (void)troupe_engine_interrupt(console->system, console->engine);
}

/* ---- evaluating ---- */

/* Evaluates; *query is consumed. */
static troupe_status ask(struct console *console, troupe_q_value **query,
                         troupe_q_value **out, troupe_failure *failure)
{
    troupe_msg *request = NULL, *answer = NULL;
    troupe_status status = troupe_embedq_msg(TROUPE_KIND_Q_EVAL, query, &request);

    troupe_q_unref(query);
    if (status != TROUPE_OK) {
        return status;
    }
    status = troupe_call(console->system, console->engine, &request, TROUPE_NEVER,
                         &answer, failure);
    troupe_msg_free(&request);
    if (status == TROUPE_OK) {
        *out = troupe_q_take(answer);
        status = *out != NULL ? TROUPE_OK : TROUPE_EPROTO;
    }
    troupe_msg_free(&answer);
    return status;
}

static troupe_status ask_text(struct console *console, const char *text, size_t size,
                              troupe_q_value **out, troupe_failure *failure)
{
    troupe_q_value *query = NULL;
    troupe_status status = troupe_q_string(text, size, &query);

    return status == TROUPE_OK ? ask(console, &query, out, failure) : status;
}

static int print_failure(const struct console *console, troupe_status status,
                         const troupe_failure *failure)
{
    if (atomic_load(&console->leaving)) {
        return 0;
    }
    if (status == TROUPE_EREMOTE) {
        (void)fprintf(stderr, "'%s\n", failure->text);
    } else if (status == TROUPE_ECANCELED || status == TROUPE_ETIMEDOUT) {
        (void)fputs("'stop\n", stderr);
    } else {
        (void)fprintf(stderr, "'%s\n", troupe_status_text(status));
    }
    return 1;
}

/* Prints as the console of the engine shows it; *value is consumed. */
static int print_value(struct console *console, troupe_q_value **value)
{
    troupe_failure failure = {.status = TROUPE_OK};
    troupe_q_value *query = NULL, *shown = NULL;
    size_t size = 0;

    if (troupe_q_type(*value) == TROUPE_Q_UNARY && troupe_q_code(*value) == 0) {
        troupe_q_unref(value);
        return 0;
    }
    troupe_status status = troupe_q_query(".Q.s", 1, value, &query);
    troupe_q_unref(value);
    if (status == TROUPE_OK) {
        status = ask(console, &query, &shown, &failure);
    }
    if (status != TROUPE_OK) {
        return print_failure(console, status, &failure);
    }
    const char *text = troupe_q_text(shown, &size);
    bool written = text != NULL && fwrite(text, 1, size, stdout) == size;
    written = fflush(stdout) == 0 && written;
    troupe_q_unref(&shown);
    return written ? 0 : trp_cmd_fail(1, "the answer cannot be printed");
}

static int evaluate(struct console *console, const char *text, size_t size)
{
    troupe_failure failure = {.status = TROUPE_OK};
    troupe_q_value *value = NULL;
    troupe_status status = ask_text(console, text, size, &value, &failure);

    return status == TROUPE_OK ? print_value(console, &value)
                               : print_failure(console, status, &failure);
}

/* ---- the session ---- */

/* q) or q.ns) */
static void make_prompt(struct console *console)
{
    static const char where[] = "system\"d\"";
    troupe_failure failure;
    troupe_q_value *space = NULL;
    const char *name = NULL;

    if (console->reader.terminal &&
        ask_text(console, where, sizeof(where) - 1, &space, &failure) == TROUPE_OK) {
        name = troupe_q_get_symbol(space, 0);
    }
    (void)snprintf(console->prompt, sizeof(console->prompt), "q%.*s)",
                   (int)sizeof(console->prompt) - 3,
                   name != NULL && strlen(name) > 1 ? name : "");
    troupe_q_unref(&space);
}

static bool is_leave(const char *text)
{
    return strncmp(text, "\\\\", 2) == 0 && text[2 + strspn(text + 2, " \t")] == 0;
}

static bool is_nothing(const char *text)
{
    size_t blank = strspn(text, " \t\n");

    return text[blank] == 0 || text[blank] == '/';
}

static int take_entries(struct console *console)
{
    struct trp_q_reader *reader = &console->reader;
    enum trp_q_read read = TRP_Q_READ_ENTRY;
    int code = 0;

    while (!atomic_load(&console->leaving)) {
        if (read == TRP_Q_READ_ENTRY) {
            make_prompt(console);
        }
        read = trp_q_reader_next(reader, console->prompt);
        const char *text = (const char *)trp_buffer_front(&reader->entry);
        if (read == TRP_Q_READ_FAILED) {
            return trp_cmd_fail(1, "an entry has more than %d bytes", TRP_Q_ENTRY_MAX);
        }
        if (read == TRP_Q_READ_END || (read == TRP_Q_READ_ENTRY && is_leave(text))) {
            break;
        }
        if (read == TRP_Q_READ_ENTRY && !is_nothing(text)) {
            code = evaluate(console, text, trp_buffer_size(&reader->entry) - 1);
        }
    }
    if (reader->terminal) {
        return 0;
    }
    return reader->interrupted ? EXIT_INTERRUPTED : code;
}

static troupe_status serve_on(struct console *console, const char *host, uint16_t port,
                              troupe_q_server *out, uint16_t *got)
{
    troupe_q_server_options server = TROUPE_Q_SERVER_OPTIONS;

    server.host = host;
    server.port = port;
    server.engine = console->engine;
    server.hub = console->hub;
    return troupe_q_serve(console->system, &server, out, got);
}

/* \p n */
static troupe_status listen_again(void *context, const char *host, uint16_t port,
                                  troupe_q_server *out)
{
    struct console *console = context;
    uint16_t got;

    return serve_on(console, host != NULL ? host : console->address, port, out, &got);
}

static int serve(struct console *console, const struct trp_q_console_options *options)
{
    troupe_q_server out;
    uint16_t port = 0;
    troupe_status status = serve_on(console, options->host, options->port, &out, &port);

    if (status != TROUPE_OK) {
        return trp_cmd_fail(1, "cannot listen on %s port %u: %s",
                            options->host != NULL ? options->host : "127.0.0.1",
                            options->port, troupe_status_text(status));
    }
    console->port = port;
    return 0;
}

/* Loads the script; who comes to the port meanwhile waits. */
static int load_and_serve(struct console *console,
                          const struct trp_q_console_options *options)
{
    const char *scripts[] = {options->script, NULL};
    struct trp_q_load load = {.system = console->system,
                              .engine = console->engine,
                              .host = &console->host,
                              .signals = &console->signals,
                              .scripts = scripts,
                              .timer = options->timer};
    troupe_failure failure = {.status = TROUPE_OK};

    trp_q_load_begin(&load);
    int code = options->serves ? serve(console, options) : 0;
    if (code != 0) {
        trp_q_load_drop(&load);
        return code;
    }
    troupe_status status = trp_q_load_end(&load, &failure);
    if (status != TROUPE_OK) {
        code = print_failure(console, status, &failure);
    } else if (load.port != 0) {
        console->port = (uint16_t)load.port; /* the script may have changed it */
    }
    if (code != 0 && !console->reader.terminal) {
        return code; /* nobody is there to look at what went wrong */
    }
    if (console->port != 0 && !atomic_load(&console->leaving)) {
        (void)printf("listening on port %u\n", console->port);
        (void)fflush(stdout);
    }
    return 0;
}

static int open_engine(struct console *console,
                       const struct trp_q_console_options *options)
{
    const char *const *words = (const char *const *)options->words;
    troupe_engine_options engine = TROUPE_ENGINE_OPTIONS;
    troupe_embedq_options q = TROUPE_EMBEDQ_OPTIONS;

    if (options->libq.used) {
        return trp_q_libq_open(console->system, &options->libq, words, NULL,
                               &console->engine);
    }
    q.host = &console->host.host;
    q.context = &console->host;
    q.memory_limit = options->memory;
    q.arguments = words;
    q.file = options->script;
    engine.config = &q;
    engine.call_limit = options->time;
    troupe_status status = troupe_engine_open(console->system, &troupe_engine_embedq,
                                              &engine, &console->engine);
    return status == TROUPE_OK ? -1
                               : trp_cmd_fail(1, "the engine cannot be opened: %s",
                                              troupe_status_text(status));
}

/* Returns -1 to go on, else the exit code. */
static int open_machine(struct console *console,
                        const struct trp_q_console_options *options)
{
    troupe_options system = TROUPE_OPTIONS;

    system.name = "troupe-q";
    troupe_status status = troupe_system_new(&system, &console->system);
    if (status == TROUPE_OK) {
        troupe_log_to(console->system, TROUPE_LOG_WARN, troupe_log_stderr, NULL);
        status = troupe_system_start(console->system);
    }
    if (status == TROUPE_OK) {
        status = troupe_q_hub_new(console->system, &console->hub);
    }
    if (status != TROUPE_OK) {
        return trp_cmd_fail(1, "the system cannot start: %s", troupe_status_text(status));
    }
    trp_q_host_init(&console->host, console->hub);
    console->address = options->host;
    troupe_q_hub_on_listen(console->hub, listen_again, console);
    console->host.trusted = true; /* whoever types here may do it elsewhere, too */
    console->host.exit = leave;
    console->host.context = console;
    return open_engine(console, options);
}

static void close_machine(struct console *console)
{
    trp_q_signals_aim(&console->signals, NULL, NULL);
    if (console->system != NULL) {
        troupe_system_shutdown(console->system, TROUPE_S(CLOSE_S));
        (void)troupe_system_join(console->system);
        troupe_system_free(&console->system);
    }
    if (console->hub != NULL) {
        trp_q_host_fini(&console->host);
    }
    troupe_q_hub_free(&console->hub);
}

/* Standard input is the null device: the process was not started to be typed into. */
static bool has_no_input(void)
{
    struct stat input, null;

    return fstat(STDIN_FILENO, &input) == 0 && stat("/dev/null", &null) == 0 &&
           S_ISCHR(input.st_mode) && input.st_rdev == null.st_rdev;
}

/* Whether something may still happen: clients that come, connections, the timer. */
static bool is_at_work(struct console *console)
{
    static const char where[] = "0<count[.z.W]+system[\"p\"]+system\"t\"";
    troupe_failure failure;
    troupe_q_value *answer = NULL;
    int64_t work = 0;

    if (atomic_load(&console->leaving)) {
        return false;
    }
    if (console->port == 0 &&
        ask_text(console, where, sizeof(where) - 1, &answer, &failure) == TROUPE_OK) {
        (void)!troupe_q_get_long(answer, 0, &work);
    }
    troupe_q_unref(&answer);
    return console->port != 0 || work != 0;
}

static int converse(struct console *console, const struct trp_q_console_options *options)
{
    int code = open_machine(console, options);

    if (code >= 0) {
        return code;
    }
    trp_q_signals_aim(&console->signals, interrupt, console);
    if (console->reader.terminal && !options->quiet) {
        (void)printf("troupe " TROUPE_VERSION "%s; \\\\ leaves\n",
                     options->libq.used ? " on libq" : ", a subset of q");
        (void)fflush(stdout);
    }
    code = load_and_serve(console, options);
    code = code == 0 ? take_entries(console) : code;
    if (options->script != NULL && has_no_input() && code == 0 && is_at_work(console)) {
        trp_q_signals_aim(&console->signals, NULL, NULL);
        trp_q_signals_wait(&console->signals);
    }
    return code;
}

int trp_q_console_run(const struct trp_q_console_options *options)
{
    struct console console = {.system = NULL};

    if (!trp_q_signals_open(&console.signals)) {
        return trp_cmd_fail(1, "the signals cannot be taken");
    }
    int code = trp_q_reader_open(&console.signals, &console.reader);
    if (code == 0) {
        code = converse(&console, options);
        close_machine(&console);
    }
    if (atomic_load(&console.leaving)) {
        code = atomic_load(&console.code);
    }
    trp_q_reader_close(&console.reader);
    trp_q_signals_close(&console.signals);
    return code;
}
