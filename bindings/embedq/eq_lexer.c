/* SPDX-License-Identifier: MIT */
#include "bindings/embedq/eq_lexer.h"

#include <string.h>

static bool digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int peek(const struct trp_eq_lexer *lexer, size_t ahead)
{
    return ahead < lexer->size - lexer->at ? (unsigned char)lexer->text[lexer->at + ahead]
                                           : -1;
}

void trp_eq_lexer_init(struct trp_eq_lexer *lexer, const char *text, size_t size)
{
    *lexer = (struct trp_eq_lexer){.text = text, .size = size};
}

static void skip_line(struct trp_eq_lexer *lexer)
{
    while (lexer->at < lexer->size && lexer->text[lexer->at] != '\n') {
        lexer->at++;
    }
}

/* Skips blanks and comments. *statement: a line begins that is not indented. */
static bool skip_blanks(struct trp_eq_lexer *lexer, bool *statement)
{
    bool any = lexer->at == 0;

    for (;;) {
        int c = peek(lexer, 0);
        if (c == ' ' || c == '\t' || c == '\r') {
            any = true;
        } else if (c == '\n') {
            int next = peek(lexer, 1);
            any = true;
            *statement = lexer->depth == 0 && next != ' ' && next != '\t' &&
                         next != '\n' && next != '\r' && next != '/' && next != -1;
        } else if (c == '/' && any) {
            skip_line(lexer);
            continue;
        } else {
            return any;
        }
        lexer->at++;
        if (*statement) {
            return true;
        }
    }
}

static bool number_starts(const struct trp_eq_lexer *lexer, bool space)
{
    int c = peek(lexer, 0);
    size_t sign = c == '-' ? 1 : 0;

    if (sign == 1 && lexer->noun && !space) {
        return false;
    }
    int first = peek(lexer, sign);
    if (first == '.') {
        return digit(peek(lexer, sign + 1)) && (sign == 1 || !lexer->noun || space);
    }
    return digit(first);
}

/* The size of the number word that starts `from` bytes ahead, or 0. */
static size_t word_size(const struct trp_eq_lexer *lexer, size_t from)
{
    size_t n = from;
    bool hex = false;

    if (peek(lexer, n) == '-') {
        n++;
    }
    if (peek(lexer, n) == '0' && peek(lexer, n + 1) == 'x') {
        hex = true;
        n += 2;
    }
    for (;; n++) {
        int c = peek(lexer, n);
        int before = n > from ? peek(lexer, n - 1) : -1;
        if (digit(c) || letter(c) || c == '.') {
            continue;
        }
        if (c == ':' && digit(peek(lexer, n + 1))) {
            continue;
        }
        if ((c == '-' || c == '+') && before == 'e' && !hex &&
            digit(peek(lexer, n + 1)) && n > from + 1 &&
            (digit(peek(lexer, n - 2)) || peek(lexer, n - 2) == '.')) {
            continue;
        }
        return n - from;
    }
}

static void lex_number(struct trp_eq_lexer *lexer, struct trp_eq_token *token)
{
    token->kind = TRP_EQ_NUMBER;
    size_t n = word_size(lexer, 0);
    for (;;) {
        size_t blanks = n;
        while (peek(lexer, blanks) == ' ' || peek(lexer, blanks) == '\t') {
            blanks++;
        }
        size_t start = blanks;
        if (peek(lexer, start) == '-') {
            start++;
        }
        bool number = digit(peek(lexer, start)) ||
                      (peek(lexer, start) == '.' && digit(peek(lexer, start + 1)));
        if (blanks == n || !number) {
            break;
        }
        size_t more = word_size(lexer, blanks);
        if (peek(lexer, blanks + more) == ':' && more == 1 &&
            !digit(peek(lexer, blanks + more + 1)) && peek(lexer, blanks) <= '2') {
            break; /* the operators 0: 1: 2: */
        }
        n = blanks + more;
    }
    token->size = (uint32_t)n;
}

static void lex_string(struct trp_eq_lexer *lexer, struct trp_eq_token *token)
{
    size_t n = 1;

    token->kind = TRP_EQ_STRING;
    while (peek(lexer, n) != '"') {
        if (peek(lexer, n) == '\\') {
            n++;
        }
        if (peek(lexer, n) == -1) {
            token->kind = TRP_EQ_BAD;
            token->op = '"';
            n = lexer->size - lexer->at - 1;
            break;
        }
        n++;
    }
    token->size = (uint32_t)(n + 1);
}

static void lex_symbols(struct trp_eq_lexer *lexer, struct trp_eq_token *token)
{
    size_t n = 0;

    token->kind = TRP_EQ_SYMBOL;
    while (peek(lexer, n) == '`') {
        bool path = peek(lexer, ++n) == ':';
        for (;; n++) {
            int c = peek(lexer, n);
            bool within = letter(c) || digit(c) || c == '.' || c == ':' || c > 127 ||
                          (c == '_' && n > 1) || (c == '/' && path);
            if (!within) {
                break;
            }
        }
    }
    token->size = (uint32_t)n;
}

static void lex_name(struct trp_eq_lexer *lexer, struct trp_eq_token *token)
{
    size_t n = 1;

    token->kind = TRP_EQ_NAME;
    for (;; n++) {
        int c = peek(lexer, n);
        int next = peek(lexer, n + 1);
        if (!letter(c) && !digit(c) && c != '_' && !(c == '.' && letter(next))) {
            break;
        }
    }
    token->size = (uint32_t)n;
}

static void lex_operator(struct trp_eq_lexer *lexer, struct trp_eq_token *token)
{
    int c = peek(lexer, 0);
    int next = peek(lexer, 1);

    token->kind = TRP_EQ_OP;
    token->op = (uint8_t)c;
    token->size = 1;
    if ((c == '<' && (next == '=' || next == '>')) || (c == '>' && next == '=') ||
        (c == ':' && next == ':') || (digit(c) && next == ':')) {
        token->op2 = (uint8_t)next;
        token->size = 2;
    }
    if (c != ':' && !digit(c) && peek(lexer, token->size) == ':' &&
        peek(lexer, token->size + 1) != ':') {
        token->colon = true;
        token->size++;
    }
}

static void lex_adverb(struct trp_eq_lexer *lexer, struct trp_eq_token *token)
{
    int c = peek(lexer, 0);

    token->kind = TRP_EQ_ADVERB;
    token->op = c == '\'' ? 0 : c == '/' ? 1 : 2;
    token->size = 1;
    if (peek(lexer, 1) == ':' && peek(lexer, 2) != ':') {
        token->op = (uint8_t)(token->op + 3);
        token->size = 2;
    }
}

static void lex_bracket(struct trp_eq_lexer *lexer, struct trp_eq_token *token)
{
    int c = peek(lexer, 0);

    token->op = (uint8_t)c;
    token->size = 1;
    if (c == '(' || c == '[' || c == '{') {
        token->kind = TRP_EQ_OPEN;
        lexer->depth++;
    } else {
        token->kind = TRP_EQ_CLOSE;
        lexer->depth -= lexer->depth > 0;
    }
}

static void lex_any(struct trp_eq_lexer *lexer, struct trp_eq_token *token)
{
    int c = peek(lexer, 0);
    int next = peek(lexer, 1);

    if (c == -1) {
        token->kind = TRP_EQ_END;
    } else if (c >= '0' && c <= '2' && next == ':' && !digit(peek(lexer, 2))) {
        lex_operator(lexer, token);
    } else if (number_starts(lexer, token->space)) {
        lex_number(lexer, token);
    } else if (letter(c) || (c == '.' && letter(next))) {
        lex_name(lexer, token);
    } else if (c == '"') {
        lex_string(lexer, token);
    } else if (c == '`') {
        lex_symbols(lexer, token);
    } else if (c == ';') {
        token->kind = TRP_EQ_SEMI;
        token->size = 1;
    } else if (c != 0 && strchr("()[]{}", c) != NULL) {
        lex_bracket(lexer, token);
    } else if (c == '\'' || c == '/' || c == '\\') {
        lex_adverb(lexer, token);
    } else if (c != 0 && strchr("+-*%&|^=<>$,#_~!?@.:", c) != NULL) {
        lex_operator(lexer, token);
    } else {
        token->kind = TRP_EQ_BAD;
        token->op = (uint8_t)c;
        token->size = 1;
    }
}

struct trp_eq_token trp_eq_lexer_next(struct trp_eq_lexer *lexer)
{
    struct trp_eq_token token = {0};
    bool statement = false;

    token.space = skip_blanks(lexer, &statement);
    token.at = (uint32_t)lexer->at;
    if (statement) {
        token.kind = TRP_EQ_SEMI;
    } else {
        lex_any(lexer, &token);
    }
    lexer->at += token.size;
    lexer->noun = token.kind == TRP_EQ_NUMBER || token.kind == TRP_EQ_STRING ||
                  token.kind == TRP_EQ_SYMBOL || token.kind == TRP_EQ_NAME ||
                  token.kind == TRP_EQ_CLOSE;
    return token;
}
