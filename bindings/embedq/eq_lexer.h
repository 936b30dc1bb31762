/* SPDX-License-Identifier: MIT
 * eq_lexer.h - q source text to tokens. Pure: knows no values and no interpreter. */
#ifndef TRP_BINDINGS_EMBEDQ_LEXER_H
#define TRP_BINDINGS_EMBEDQ_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trp_eq_token_kind {
    TRP_EQ_END,
    TRP_EQ_NUMBER, /* a run: 1 2 3f */
    TRP_EQ_STRING,
    TRP_EQ_SYMBOL, /* a run: `a`b */
    TRP_EQ_NAME,
    TRP_EQ_OP,     /* + ... <> 0: :: ; `colon` when a ':' follows (assigning or k form) */
    TRP_EQ_ADVERB, /* op: 0..5 = ' / \ ': /: \: */
    TRP_EQ_OPEN,   /* op: ( [ { */
    TRP_EQ_CLOSE,  /* op: ) ] } */
    TRP_EQ_SEMI,
    TRP_EQ_BAD
};

struct trp_eq_token {
    uint8_t kind;
    uint8_t op;    /* glyph, adverb number or bracket */
    uint8_t op2;   /* second character of <= >= <> 0: :: */
    bool colon;    /* operator directly followed by ':' */
    bool space;    /* blank or line end before it */
    uint32_t at;   /* byte offset */
    uint32_t size; /* bytes */
};

enum { TRP_EQ_TEXT_MAX = 16 << 20 };

struct trp_eq_lexer {
    const char *text;
    size_t size;
    size_t at;
    int depth; /* open brackets, so that line ends inside them are blanks */
    bool noun; /* the last token was a noun */
};

void trp_eq_lexer_init(struct trp_eq_lexer *lexer, const char *text, size_t size);

/* The next token; TRP_EQ_END at the end, again and again; TRP_EQ_BAD for bytes that start
 * nothing. */
struct trp_eq_token trp_eq_lexer_next(struct trp_eq_lexer *lexer);

#endif
