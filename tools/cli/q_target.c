/* SPDX-License-Identifier: MIT
 * q_target.c - addresses of q processes, as words of a command. */
#include "tools/cli/q_target.h"

#include <stdlib.h>
#include <string.h>

#include "tools/cli/cmd.h"

enum { SECONDS_MAX = 86400, ADDRESS_MAX = 4 * TRP_Q_PART_MAX };

const char trp_q_target_usage[] =
    "ADDRESS is [USER:PASSWORD@]HOST:PORT, tcps://[USER:PASSWORD@]HOST:PORT (TLS) or\n"
    "unix://[USER:PASSWORD@]PORT; or as q writes it, :HOST:PORT:USER:PASSWORD.\n"
    "\n"
    "  --user NAME:PASSWORD  log in as\n"
    "  --timeout SECONDS     give up waiting for an answer\n"
    "  --ca FILE             who may have signed the server's certificate (PEM)\n"
    "  --cert FILE, --key FILE\n"
    "                        a certificate to show, and its key\n"
    "  --no-verify           do not look at the server's certificate\n"
    "  --unix-form FORM      exact, padded or file: only this Unix socket of the port\n";

static bool copy(char to[TRP_Q_PART_MAX], const char *text, size_t size)
{
    if (size >= TRP_Q_PART_MAX) {
        return false;
    }
    memcpy(to, text, size);
    to[size] = 0;
    return true;
}

bool trp_q_port(const char *text, bool zero, uint16_t *out)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != 0 || port > UINT16_MAX ||
        (port == 0 && !zero)) {
        return false;
    }
    *out = (uint16_t)port;
    return true;
}

bool trp_q_seconds(const char *text, troupe_ns *out)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end != 0 || !(seconds > 0 && seconds <= SECONDS_MAX)) {
        return false;
    }
    *out = (troupe_ns)(seconds * 1e9);
    return *out > 0;
}

bool trp_q_size(const char *text, size_t *out)
{
    static const char units[] = "KMG";
    char *end;
    unsigned long long size = strtoull(text, &end, 10);
    const char *unit = *end != 0 ? strchr(units, *end) : NULL;
    unsigned shift = unit != NULL ? 10u * (unsigned)(unit - units + 1) : 0;

    if (text[0] < '0' || text[0] > '9' || (*end != 0 && (unit == NULL || end[1] != 0)) ||
        size == 0 || size > (SIZE_MAX >> shift)) {
        return false;
    }
    *out = (size_t)size << shift;
    return true;
}

/* NAME[:PASSWORD] */
static bool read_user(const char *text, struct trp_q_target *out)
{
    size_t user = strcspn(text, ":");

    return copy(out->user, text, user) &&
           (text[user] == 0 ||
            copy(out->password, text + user + 1, strlen(text + user + 1)));
}

static bool read_form(const char *text, size_t size, struct trp_q_target *out)
{
    static const char *const names[] = {"any", "exact", "padded", "file"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == size && strncmp(names[i], text, size) == 0) {
            out->form = (troupe_q_unix_form)i;
            return true;
        }
    }
    return false;
}

int trp_q_target_option(int option, struct trp_q_target *out)
{
    out->tls.size = sizeof(out->tls);
    switch (option) {
    case TRP_Q_OPTION_USER:
        return read_user(optarg, out) ? -1
                                      : trp_cmd_fail(2, "--user wants NAME:PASSWORD");
    case TRP_Q_OPTION_TIMEOUT:
        return trp_q_seconds(optarg, &out->timeout)
                   ? -1
                   : trp_cmd_fail(2, "--timeout wants seconds, not '%s'", optarg);
    case TRP_Q_OPTION_FORM:
        return read_form(optarg, strlen(optarg), out)
                   ? -1
                   : trp_cmd_fail(2, "--unix-form wants exact, padded or file, not '%s'",
                                  optarg);
    case TRP_Q_OPTION_CA:
        out->tls.ca_cert_file = optarg;
        return -1;
    case TRP_Q_OPTION_CERT:
        out->tls.cert_file = optarg;
        return -1;
    case TRP_Q_OPTION_KEY:
        out->tls.key_file = optarg;
        return -1;
    default:
        out->tls.verify = TROUPE_TLS_VERIFY_NONE;
        return -1;
    }
}

/* ---- addresses ---- */

static const char *skip_scheme(const char *text, struct trp_q_target *out)
{
    static const char *const schemes[] = {"tcp://", "tcps://", "unix://"};

    for (unsigned i = 0; i < 3; i++) {
        size_t size = strlen(schemes[i]);
        if (strncmp(text, schemes[i], size) == 0) {
            out->uses_tls = i == 1;
            out->unix_domain = i == 2;
            return text + size;
        }
    }
    return text;
}

/* The host; returns what follows its colon, or NULL. */
static const char *read_host(const char *text, struct trp_q_target *out)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : strchr(text, ':');
    const char *colon = end != NULL && *end == ']' ? end + 1 : end;

    if (colon == NULL || *colon != ':') {
        return NULL;
    }
    text += text[0] == '['; /* [::1]:5010 */
    bool named = end != text;
    return copy(out->host, named ? text : "localhost",
                named ? (size_t)(end - text) : strlen("localhost"))
               ? colon + 1
               : NULL;
}

/* PORT[?form=FORM][:USER[:PASSWORD]] */
static bool read_port(const char *text, bool login, struct trp_q_target *out)
{
    char number[8] = "";
    size_t size = strspn(text, "0123456789");

    if (size == 0 || size >= sizeof(number)) {
        return false;
    }
    memcpy(number, text, size);
    text += size;
    if (!trp_q_port(number, false, &out->port)) {
        return false;
    }
    if (out->unix_domain && strncmp(text, "?form=", 6) == 0) {
        size = strcspn(text + 6, ":");
        if (!read_form(text + 6, size, out)) {
            return false;
        }
        text += 6 + size;
    }
    return *text == 0 || (login && *text == ':' && read_user(text + 1, out));
}

static bool read_address(const char *text, struct trp_q_target *out)
{
    char user[2 * TRP_Q_PART_MAX];
    bool q_style = text[0] == ':' && strchr(text + 1, ':') != NULL;

    text = skip_scheme(text + q_style, out);
    const char *at = q_style ? NULL : strrchr(text, '@');
    if (at != NULL) {
        size_t size = (size_t)(at - text);
        if (size >= sizeof(user)) {
            return false;
        }
        memcpy(user, text, size);
        user[size] = 0;
        if (!read_user(user, out)) {
            return false;
        }
        text = at + 1;
    }
    text = out->unix_domain ? text : read_host(text, out);
    return text != NULL && read_port(text, at == NULL, out);
}

int trp_q_target_read(const char *text, struct trp_q_target *out)
{
    out->tls.size = sizeof(out->tls);
    if (strlen(text) >= ADDRESS_MAX || !read_address(text, out)) {
        return trp_cmd_fail(2, "'%s' is no address of a q process, as HOST:PORT", text);
    }
    if (out->form != TROUPE_Q_UNIX_FORM_ANY && !out->unix_domain) {
        return trp_cmd_fail(2, "--unix-form is for addresses unix://PORT");
    }
    return -1;
}
