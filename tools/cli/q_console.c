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

#include <troupe/version.h>

#include "tools/cli/cmd.h"

enum { CLOSE_S = 2, EXIT_INTERRUPTED = 130 };

struct console {
    struct trp_q_signals signals;
    struct trp_q_reader reader;
    troupe_system *system;
    troupe_q_hub *hub;
    troupe_embedq_host host;
    troupe_id engine;
    atomic_bool leaving; /* q code said exit */
    atomic_int code;
    char prompt[TRP_Q_PROMPT_MAX];
};

/* ---- what q code does outside ---- */

static troupe_status host_send(void *context, int64_t handle, bool async,
                               troupe_q_value *value, troupe_q_value **answer)
{
    struct console *console = context;

    return troupe_q_hub_host(console->hub)
        ->send(console->hub, handle, async, value, answer);
}

static troupe_status host_close(void *context, int64_t handle)
{
    struct console *console = context;

    return troupe_q_hub_host(console->hub)->close(console->hub, handle);
}

static troupe_status host_defer(void *context, int64_t handle, bool is_error,
                                troupe_q_value *value)
{
    struct console *console = context;

    return troupe_q_hub_host(console->hub)->defer(console->hub, handle, is_error, value);
}

/* Ends the evaluation that says it, then the reading of lines. */
static void host_exit(void *context, int code)
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

static int load(struct console *console, const char *path)
{
    char text[TRP_Q_PATH_MAX + 4];
    int size = snprintf(text, sizeof(text), "\\l %s", path);

    if (size < 0 || (size_t)size >= sizeof(text)) {
        return trp_cmd_fail(1, "the script's name is too long");
    }
    return evaluate(console, text, (size_t)size);
}

static int serve(struct console *console, const struct trp_q_console_options *options)
{
    troupe_q_server_options server = TROUPE_Q_SERVER_OPTIONS;
    troupe_q_server out;
    uint16_t port = 0;

    server.host = options->host;
    server.port = options->port;
    server.engine = console->engine;
    server.hub = console->hub;
    troupe_status status = troupe_q_serve(console->system, &server, &out, &port);
    if (status != TROUPE_OK) {
        return trp_cmd_fail(1, "cannot listen on %s port %u: %s",
                            options->host != NULL ? options->host : "127.0.0.1",
                            options->port, troupe_status_text(status));
    }
    (void)printf("listening on port %u\n", port);
    (void)fflush(stdout);
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
    console->host = (troupe_embedq_host){.size = sizeof(console->host),
                                         .send = host_send,
                                         .close = host_close,
                                         .defer = host_defer,
                                         .exit = host_exit,
                                         .file = troupe_embedq_use_files,
                                         .file_open = troupe_embedq_use_open,
                                         .file_append = troupe_embedq_use_append,
                                         .file_close = troupe_embedq_use_close};
    q.host = &console->host;
    q.context = console;
    q.memory_limit = options->memory;
    q.arguments = words;
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
    return status == TROUPE_OK ? open_engine(console, options)
                               : trp_cmd_fail(1, "the system cannot start: %s",
                                              troupe_status_text(status));
}

static void close_machine(struct console *console)
{
    trp_q_signals_aim(&console->signals, NULL, NULL);
    if (console->system != NULL) {
        troupe_system_shutdown(console->system, TROUPE_S(CLOSE_S));
        (void)troupe_system_join(console->system);
        troupe_system_free(&console->system);
    }
    troupe_q_hub_free(&console->hub);
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
    code = options->script != NULL ? load(console, options->script) : 0;
    if (code != 0 && !console->reader.terminal) {
        return code; /* nobody is there to look at what went wrong */
    }
    code =
        options->serves && !atomic_load(&console->leaving) ? serve(console, options) : 0;
    return code == 0 ? take_entries(console) : code;
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
