/* SPDX-License-Identifier: MIT
 * libq.h - what the files of the libq engine share: the documented C interface of q, as
 * far as it is used, and the library that has it. */
#ifndef TRP_BINDINGS_LIBQ_H
#define TRP_BINDINGS_LIBQ_H

#include <stdint.h>

#include <troupe/libq.h>

/* An object of q: sixteen bytes, then the items of a vector. `count` is a vector's; an
 * atom has its value there. */
struct trp_libq_object {
    int8_t memory, attribute, type;
    uint8_t flags;
    int32_t references; /* besides the first */
    union {
        int64_t count;
        double real;
        char *text; /* of a symbol, and of an error (type -128) */
    } is;
};

typedef struct trp_libq_object *trp_k;

enum { TRP_LIBQ_BYTES = 4, TRP_LIBQ_FLOAT = -9, TRP_LIBQ_ERROR = -128 };

static inline uint8_t *trp_libq_bytes(trp_k x)
{
    return (uint8_t *)(x + 1);
}

/* The functions, by their documented names. */
struct trp_libq_functions {
    int (*qinit)(int argc, char **argv, char *home, char *licence, char *more);
    trp_k (*k)(int handle, const char *text, ...); /* arguments end with NULL; taken */
    trp_k (*ktn)(int type, int64_t count);
    trp_k (*b9)(int mode, trp_k x); /* x is lent */
    trp_k (*d9)(trp_k bytes);       /* bytes are lent */
    trp_k (*ee)(trp_k x);           /* NULL becomes the error that was raised */
    void (*r0)(trp_k x);            /* gives a reference back */
    int (*okx)(trp_k bytes);        /* whether d9 may read them */
};

struct trp_libq {
    void *library;
    struct trp_libq_functions is;
    uint64_t message_limit;
};

/* Puts why into the config's failure; returns the status. */
troupe_status trp_libq_fail(const troupe_libq_config *config, troupe_status status,
                            const char *format, ...) TROUPE_PRINTF(3, 4);

/* Loads the library and finds its functions; it stays loaded for ever. */
TROUPE_MUST_CHECK troupe_status trp_libq_load(const troupe_libq_config *config,
                                              struct trp_libq *out);

/* Starts q in it, after a child process has tried. */
TROUPE_MUST_CHECK troupe_status trp_libq_start(const troupe_libq_config *config,
                                               struct trp_libq *q);

/* Evaluates: `text` alone, or as a function of `count` values (at most 2).
 *
 * out     receives the answer
 * error   receives q's text with TROUPE_EREMOTE, else why
 *
 * Returns TROUPE_OK, TROUPE_EREMOTE, TROUPE_ETYPE, TROUPE_ELIMIT, TROUPE_EPROTO or
 * TROUPE_ENOMEM. */
TROUPE_MUST_CHECK troupe_status trp_libq_call(struct trp_libq *q, const char *text,
                                              troupe_q_value *const *args, size_t count,
                                              troupe_q_value **out,
                                              char error[TROUPE_FAILURE_TEXT]);

#endif
