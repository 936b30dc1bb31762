/* SPDX-License-Identifier: MIT
 * A stand-in for a q library: the same documented C functions, and just enough behind
 * them to see that they are called as documented. It counts its objects, and how it
 * starts depends on the name of the licence's folder. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct object *K;

struct object {
    signed char memory, attribute, type;
    char flags;
    int references;
    union {
        int64_t number; /* an atom's value, a vector's count */
        double real;
        char *text;
    } is;
};

#define SHOWN __attribute__((visibility("default")))

enum { BOOLEAN = 1, BYTE = 4, LONG = 7, FLOAT = 9, CHAR = 10, SYMBOL = 11 };
enum { NIL = 101, FOREIGN = 112, ERROR = -128, HEADER = 8 };

SHOWN int qinit(int argc, char **argv, char *home, char *licence, char *more);
SHOWN K k(int handle, const char *text, ...);
SHOWN K ktn(int type, int64_t count);
SHOWN K b9(int mode, K x);
SHOWN K ee(K x);
SHOWN void r0(K x);
SHOWN int okx(K bytes);
SHOWN int64_t standin_live(void);
#ifndef STANDIN_WITHOUT_D9
SHOWN K d9(K bytes);
#else
static K d9(K bytes);
#endif

static int64_t live;
static double version = 4.1;
static const char *raised;
static bool handler[128]; /* by the last letter of .z.pg and its like */

int64_t standin_live(void)
{
    return live;
}

/* ---- objects ---- */

static size_t width(int type)
{
    return type == 0 ? sizeof(K) : type == LONG ? 8 : 1;
}

static K make(int type, size_t bytes)
{
    K x = calloc(1, sizeof(*x) + bytes + 1);

    if (x == NULL) {
        abort();
    }
    x->type = (signed char)type;
    live++;
    return x;
}

static void *items(K x)
{
    return x + 1;
}

K ktn(int type, int64_t count)
{
    K x = make(type, (size_t)count * width(type));

    x->is.number = count;
    return x;
}

void r0(K x)
{
    if (x->references-- > 0) {
        return;
    }
    for (int64_t i = 0; x->type == 0 && i < x->is.number; i++) {
        r0(((K *)items(x))[i]);
    }
    live--;
    free(x);
}

/* Texts of symbols and errors live for ever. */
static char *keep(const char *text, size_t size)
{
    static char kept[1 << 16];
    static size_t used;

    for (size_t at = 0; at < used; at += strlen(kept + at) + 1) {
        if (strlen(kept + at) == size && memcmp(kept + at, text, size) == 0) {
            return kept + at;
        }
    }
    if (used + size + 1 > sizeof(kept)) {
        abort();
    }
    char *copy = kept + used;
    memcpy(copy, text, size);
    used += size + 1;
    return copy;
}

static K text_of(int type, const char *text, size_t size)
{
    K x = make(type, 0);

    x->is.text = keep(text, size);
    return x;
}

static K chars(const char *text)
{
    K x = ktn(CHAR, (int64_t)strlen(text));

    memcpy(items(x), text, strlen(text));
    return x;
}

static K number(int type, int64_t value)
{
    K x = make(type, 0);

    x->is.number = value;
    return x;
}

static K fail(const char *text)
{
    raised = keep(text, strlen(text));
    return NULL;
}

K ee(K x)
{
    if (x == NULL) {
        const char *text = raised != NULL ? raised : "";
        raised = NULL;
        return text_of(ERROR, text, strlen(text));
    }
    return x;
}

/* ---- bytes ---- */

struct bytes {
    uint8_t *at;
    size_t size, room;
};

static void put(struct bytes *to, const void *from, size_t size)
{
    if (to->size + size > to->room) {
        to->room = 2 * (to->size + size);
        to->at = realloc(to->at, to->room);
        if (to->at == NULL) {
            abort();
        }
    }
    memcpy(to->at + to->size, from, size);
    to->size += size;
}

static bool write_object(struct bytes *to, K x)
{
    int type = x->type;
    uint8_t attribute = 0;
    int32_t count = (int32_t)x->is.number;

    put(to, &type, 1);
    if (type == -SYMBOL || type == ERROR) {
        put(to, x->is.text, strlen(x->is.text) + 1);
    } else if (type == -LONG || type == -FLOAT) {
        put(to, &x->is, 8);
    } else if (type < 0 || type == NIL) {
        put(to, &x->is, 1);
    } else if (type == LONG || type == CHAR || type == BYTE) {
        put(to, &attribute, 1);
        put(to, &count, 4);
        put(to, items(x), (size_t)count * width(type));
    } else if (type == 0) {
        put(to, &attribute, 1);
        put(to, &count, 4);
        for (int32_t i = 0; i < count; i++) {
            if (!write_object(to, ((K *)items(x))[i])) {
                return false;
            }
        }
    }
    return type != FOREIGN;
}

K b9(int mode, K x)
{
    struct bytes to = {NULL, 0, 0};
    uint8_t header[HEADER] = {1, 0, 0, 0};
    K out = NULL;

    put(&to, header, sizeof(header));
    if (mode < 3 || !write_object(&to, x)) {
        out = fail("type");
    } else {
        uint32_t size = (uint32_t)to.size;
        memcpy(to.at + 4, &size, 4);
        out = ktn(BYTE, (int64_t)to.size);
        memcpy(items(out), to.at, to.size);
    }
    free(to.at);
    return out;
}

static K read_object(const uint8_t **at)
{
    int type = (signed char)*(*at)++;
    int32_t count;

    if (type == -SYMBOL) {
        K x = text_of(type, (const char *)*at, strlen((const char *)*at));
        *at += strlen((const char *)*at) + 1;
        return x;
    }
    if (type < 0 || type == NIL) {
        K x = make(type, 0);
        size_t size = type == -LONG || type == -FLOAT ? 8 : type == -6 ? 4 : 1;
        memcpy(&x->is, *at, size);
        *at += size;
        return x;
    }
    (*at)++;
    memcpy(&count, *at, 4);
    *at += 4;
    K x = ktn(type, count);
    for (int32_t i = 0; type == 0 && i < count; i++) {
        ((K *)items(x))[i] = read_object(at);
    }
    if (type != 0) {
        memcpy(items(x), *at, (size_t)count * width(type));
        *at += (size_t)count * width(type);
    }
    return x;
}

/* Whether it is something it can read, a fraction of what a real one can. */
static bool check(const uint8_t **at)
{
    int type = (signed char)*(*at)++;
    int32_t count;

    if (type == -SYMBOL) {
        *at += strlen((const char *)*at) + 1;
        return true;
    }
    if (type < 0 || type == NIL) {
        *at += type == -LONG || type == -FLOAT ? 8 : type == -6 ? 4 : 1;
        return type >= -CHAR || type == NIL;
    }
    memcpy(&count, *at + 1, 4);
    *at += 5;
    bool good = type == 0 || type == LONG || type == CHAR || type == BYTE;
    for (int32_t i = 0; good && type == 0 && i < count; i++) {
        good = check(at);
    }
    *at += type == 0 ? 0 : (size_t)count * width(type);
    return good;
}

int okx(K bytes)
{
    const uint8_t *at = (uint8_t *)items(bytes) + HEADER;
    uint32_t size = 0;

    if (bytes->type != BYTE || bytes->is.number < HEADER + 2) {
        return 0;
    }
    memcpy(&size, (uint8_t *)items(bytes) + 4, 4);
    return size == bytes->is.number && check(&at);
}

K d9(K bytes)
{
    const uint8_t *at = (uint8_t *)items(bytes) + HEADER;

    return read_object(&at);
}

/* ---- evaluating ---- */

static bool is_text(K x, const char *text)
{
    return x->type == CHAR && (size_t)x->is.number == strlen(text) &&
           memcmp(items(x), text, strlen(text)) == 0;
}

static K again(K x)
{
    x->references++;
    return x;
}

static K til(const char *text)
{
    int64_t count = strtoll(text, NULL, 10);
    K x = ktn(LONG, count);

    for (int64_t i = 0; i < count; i++) {
        ((int64_t *)items(x))[i] = i;
    }
    return x;
}

static K shown(K x)
{
    char line[64];

    if (x->type == CHAR) {
        (void)snprintf(line, sizeof(line), "\"%.*s\"\n", (int)x->is.number,
                       (char *)items(x));
    } else {
        (void)snprintf(line, sizeof(line), "%lld\n", (long long)x->is.number);
    }
    return chars(line);
}

static K pair(const char *name, K x)
{
    K both = ktn(0, 2);

    ((K *)items(both))[0] = text_of(-SYMBOL, name, strlen(name));
    ((K *)items(both))[1] = again(x);
    return both;
}

static K value_of(K x)
{
    if (x->type == -SYMBOL) {
        return fail(x->is.text);
    }
    if (x->type != 0 || x->is.number < 2) {
        return fail("type");
    }
    K function = ((K *)items(x))[0], argument = ((K *)items(x))[1];
    return is_text(function, "{x}")    ? again(argument)
           : is_text(function, ".Q.s") ? shown(argument)
                                       : fail("nyi");
}

static K evaluate(const char *text)
{
    long long one, two;
    char letter;

    if (strcmp(text, ".z.K") == 0) {
        K x = make(-FLOAT, 0);
        x->is.real = version;
        return x;
    }
    if (sscanf(text, "@[{.z.p%c;1b};::;0b]", &letter) == 1) {
        return number(-BOOLEAN, handler[letter & 127]);
    }
    if (sscanf(text, ".z.p%c:", &letter) == 1) {
        handler[letter & 127] = true;
        return number(NIL, 0);
    }
    if (strcmp(text, "system\"d\"") == 0) {
        return text_of(-SYMBOL, ".", 1);
    }
    if (strcmp(text, "foreign") == 0) {
        return make(FOREIGN, 0);
    }
    return strncmp(text, "til ", 4) == 0                ? til(text + 4)
           : sscanf(text, "%lld+%lld", &one, &two) == 2 ? number(-LONG, one + two)
                                                        : fail(text);
}

static K apply(const char *text, K x, K y)
{
    int64_t secret = y != NULL && is_text(y, "secret");

    return strcmp(text, "value") == 0          ? value_of(x)
           : strcmp(text, "{.z.pg x}") == 0    ? pair("sync", x)
           : strcmp(text, "{.z.ps x}") == 0    ? pair("async", x)
           : strcmp(text, "{.z.po x}") == 0    ? number(-LONG, x->is.number)
           : strcmp(text, "{.z.pw[x;y]}") == 0 ? number(-BOOLEAN, secret)
                                               : fail("nyi");
}

K k(int handle, const char *text, ...)
{
    K args[8];
    size_t count = 0;
    va_list list;

    va_start(list, text);
    while (count < 8 && (args[count] = va_arg(list, K)) != NULL) {
        count++;
    }
    va_end(list);
    K out = handle != 0  ? fail("handle")
            : count == 0 ? evaluate(text)
                         : apply(text, args[0], count > 1 ? args[1] : NULL);
    while (count > 0) {
        r0(args[--count]);
    }
    return out;
}

int qinit(int argc, char **argv, char *home, char *licence, char *more)
{
    const char *name = strrchr(licence, '/');

    name = name != NULL ? name + 1 : licence;
    if (argc < 1 || strcmp(argv[0], "q") != 0 || home == NULL || more != NULL) {
        return 2;
    }
    if (strcmp(name, "none") == 0) {
        (void)puts("'k4.lic");
        return 1;
    }
    if (strcmp(name, "ends") == 0) {
        (void)fputs("licence error: exp\n", stderr);
        exit(1);
    }
    while (strcmp(name, "hangs") == 0) {
        (void)pause();
    }
    version = strcmp(name, "old") == 0 ? 2.8 : 4.1;
    return 0;
}
