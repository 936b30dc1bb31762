/* SPDX-License-Identifier: MIT
 * q_grammar.c - statements of the embedded q, chosen byte by byte. In a form a capital
 * stands for something to be chosen: E an expression, C a noun, V a verb, U a keyword, K
 * a cast, F a function, G an iterator, A a name. */
#include "tests/fuzz/q_grammar.h"

#include <string.h>

enum { DEPTH_MAX = 7 };

struct program {
    const uint8_t *at, *end;
    char *text;
    size_t size;
    unsigned depth;
};

static const char *const nouns[] = {
    "0",
    "1",
    "-1",
    "2",
    "3",
    "0N",
    "0W",
    "-0W",
    "9223372036854775807",
    "1 2 3",
    "3 1 2 1",
    "0N 2 0W",
    "()",
    "(::)",
    "til 5",
    "`long$()",
    "0#0",
    "1.5",
    "0n",
    "0w",
    "-0.0",
    "1e300 2.5 0n",
    "1 2.5",
    "0b",
    "1b",
    "0101b",
    "0#0b",
    "0x2a",
    "0x00ff",
    "7h",
    "0Nh",
    "-0Wh",
    "1 2 0Nh",
    "5i",
    "0Ni",
    "2147483647i",
    "1.5e",
    "0Ne",
    "\"a\"",
    "\" \"",
    "\"abc\"",
    "\"\"",
    "\"a,b,c\"",
    "(\"ab\";\"\";enlist\"c\")",
    "`a",
    "`",
    "`a`b`c",
    "`a`a`b",
    "0#`",
    "`g#`a`b`a",
    "`s#1 2 3",
    "`u#`x`y",
    "`p#1 1 2",
    "2022.01.01",
    "0Nd",
    "2022.01m",
    "2022.01.01D12:00:00.000000001",
    "0Wp",
    "0D00:00:01",
    "1D",
    "12:00",
    "12:00:01",
    "12:00:00.001",
    "0Nt",
    "2022.01.01T12:00",
    "12:00 12:01",
    "0Ng",
    "2?0Ng",
    "(1;`a;\"x\")",
    "(1 2;3 4)",
    "(1 2;`a`b)",
    "(1;(2;(3;4)))",
    "`a`b!1 2",
    "`a`b!(1 2;3 4)",
    "()!()",
    "(1 2;3)!`x`y",
    "`s#1 3 5!`a`b`c",
    "([]a:1 2 3;b:`x`y`x)",
    "([]a:til 4;b:4#0n;c:(1;`a;\"c\";0b))",
    "([]a:();b:`long$())",
    "([k:`a`b]v:1 2)",
    "([k:1 2;j:`a`b]v:1 2f;w:(1 2;3 4))",
    "+",
    "neg",
    "(+/)",
    "{x}",
    "{x+y}",
    "{[a]a*2}",
    "(1+)",
    "+[;1]",
    "('[neg;+])",
    "{}",
    "0#enlist`a`b!1 2",
    "flip`a`b!(1 2;3 4)",
    "x",
    "y",
    "z",
    "t",
    "d",
    "f",
};

static const char *const verbs[] = {
    "+",        "-",       "*",        "%",        "&",         "|",        "^",
    "=",        "<",       ">",        "<=",       ">=",        "<>",       "$",
    ",",        "#",       "_",        "~",        "!",         "?",        "@",
    ".",        " in ",    " within ", " like ",   " bin ",     " binr ",   " ss ",
    " div ",    " mod ",   " xexp ",   " xlog ",   " and ",     " or ",     " xbar ",
    " cut ",    " sv ",    " vs ",     " msum ",   " mavg ",    " mmin ",   " mmax ",
    " rotate ", " xprev ", " union ",  " inter ",  " except ",  " xasc ",   " xdesc ",
    " xkey ",   " xcol ",  " xcols ",  " xgroup ", " sublist ", " upsert ", " insert ",
    " lj ",     " ij ",    " uj ",     " cross ",  " fby ",     " wsum ",   " wavg ",
    " cov ",    " cor ",   " ema ",    " mdev ",   " mcount ",  " xrank ",  " each ",
    " over ",   " scan ",  " prior ",  " peach ",  " set ",
};

static const char *const unaries[] = {
    "neg ",          "til ",    "count ",  "first ",   "last ",    "sum ",
    "prd ",          "min ",    "max ",    "avg ",     "med ",     "var ",
    "dev ",          "sdev ",   "not ",    "null ",    "where ",   "reverse ",
    "asc ",          "desc ",   "iasc ",   "idesc ",   "group ",   "distinct ",
    "flip ",         "raze ",   "enlist ", "string ",  "type ",    "value ",
    "key ",          "keys ",   "cols ",   "meta ",    "ungroup ", "fills ",
    "deltas ",       "ratios ", "differ ", "prev ",    "next ",    "sums ",
    "prds ",         "mins ",   "maxs ",   "abs ",     "sqrt ",    "log ",
    "exp ",          "sin ",    "floor ",  "ceiling ", "signum ",  "reciprocal ",
    "lower ",        "upper ",  "trim ",   "ltrim ",   "rank ",    "rand ",
    "any ",          "all ",    "attr ",   "parse ",   "eval ",    "get ",
    "show ",         "tables ", "-3!",     "-8!",      "-9!",      "-9!-8!",
    "0N!",           ".Q.s ",   ".Q.s1 ",  "0!",       "1!",       "eval parse ",
    "value string ", "`s#",     "`g#",     "`u#",      "`p#",      "`#",
};

static const char *const casts[] = {
    "\"j\"$",      "\"i\"$",    "\"h\"$",      "\"f\"$", "\"e\"$",   "\"b\"$",  "\"x\"$",
    "\"c\"$",      "\"s\"$",    "\"p\"$",      "\"d\"$", "\"m\"$",   "\"t\"$",  "\"n\"$",
    "\"u\"$",      "\"v\"$",    "\"z\"$",      "\"g\"$", "\"J\"$",   "\"F\"$",  "\"D\"$",
    "\"P\"$",      "\"T\"$",    "\"S\"$",      "\"B\"$", "\"G\"$",   "\"X\"$",  "`long$",
    "`float$",     "`date$",    "`timestamp$", "`char$", "`symbol$", "`int$",   "`$",
    "(`long;`a)$", "\"JFS\"$",  "7h$",         "-5$",    "10$",      "0x0 sv ", "0x0 vs ",
    "\",\" vs ",   "\",\" sv ", "` sv ",       "` vs ",  "2 sv ",    "10 vs ",
};

static const char *const functions[] = {
    "neg",     "{x}",   "{x+y}",          "{x,y}",
    "{x*2}",   "{y}",   "{(x;y)}",        "+",
    ",",       "#",     "{[a;b]b,a}",     "count",
    "{x~y}",   "!",     "{$[x~y;x;y]}",   "first",
    "{.z.s}",  "{x y}", "enlist",         "string",
    "{'`bad}", "f",     "{[a;b;c]a+b*c}", "x",
    "(,/)",
};

static const char *const adverbs[] = {
    "'", "/", "\\", "':", "/:", "\\:", "/:\\:", "''", "\\:/:"};

static const char *const forms[] = {
    "(E)VE",
    "CV(E)",
    "EVE",
    "F'[E;E]",
    "F/[E;E]",
    "F\\[E]",
    "(F)[E;E]",
    "(E)[E]",
    "(E)[E;E]",
    "(C)[;E]",
    "@[E;E;F]",
    "@[E;E;F;E]",
    "@[E;E;:;E]",
    "@[E;E]",
    ".[E;E;F]",
    ".[E;(E;E);F;E]",
    ".[E;(E;E);:;E]",
    ".[F;(E;E)]",
    ".[F;(E;E);F]",
    "@[`A;E;:;E]",
    ".[`A;(E;E);,;E]",
    "?[E;E;E]",
    "![E;E]",
    "?[E;();0b;()]",
    "?[t;enlist(=;`a;E);0b;()]",
    "?[E;E;E;E]",
    "![E;E;0b;`a`b]",
    "![t;();0b;(enlist`c)!enlist(E)]",
    "(E;E)",
    "(E;E;E)",
    "enlist(E)",
    "E,E",
    "[A:E;E]",
    "$[E;E;E]",
    "$[E;E;E;E;E]",
    "{E}[E]",
    "{EVy}[E;E]",
    "{[a;b]E}[E;E]",
    "{x VE}",
    "{x:E;y:E;(x;y)}[E;E]",
    "{if[E;:E];E}[E]",
    "{while[x>0;x-:1];E}[3]",
    "{do[2;x:xVE];x}[E]",
    "{$[x>0;.z.s x-1;E]}[2]",
    "A:E",
    "A::E",
    "AV:E",
    "A[E]:E",
    "A[E]V:E",
    "A[E;E]:E",
    "A[;E]:E",
    "([]a:E;b:E)",
    "([k:E]v:E)",
    "`a`b!(E;E)",
    "(E)!E",
    "flip`a`b!(E;E)",
    "select from E",
    "select a from E",
    "select a,b from t where a=E",
    "select from t where E",
    "select n:count i,s:sum a by b from E",
    "select E by E from t",
    "select[2]from E",
    "select[E;>a]from t",
    "select distinct b from E",
    "exec a from E",
    "exec b!a from E",
    "exec E by b from t",
    "update a:E from E",
    "update c:E by b from t",
    "update a:E from `t where b=`x",
    "delete from E where E",
    "delete a from E",
    "delete from`t where a=E",
    "`t insert E",
    "`t upsert E",
    "t,:E",
    "E lj ([b:`x`y]c:E)",
    "aj[`b`a;t;E]",
    "fby[(F;E);E]",
    "select from t where a=(F;a)fby b",
    "F each E",
    "F over E",
    "F scan E",
    "(E)F/:E",
    "(E)F\\:E",
    "C?E",
    "E?C",
    "2 3#E",
    "(0N;2)#E",
    "0 2_E",
    "-2#E",
    "5#E",
    "-1_E",
    "1_E",
    "('[F;F])[E]",
    "(F)each(E;E)",
    "ssr[E;E;E]",
    "\"C\"",
    "'`E",
    "@[{E};E;{x}]",
    ".Q.trp[{E};E;{(x;.Q.sbt y)}]",
    "\"select from t where a>\",string E",
    "value(E;E)",
    "value\"E\"",
    "parse\"E\"",
    "eval(E;E)",
    "A.a.b:E",
    ".a.b:E",
    ".a.b,E",
    "get`.a",
    "-9!@[-8!E;E;:;E]",
    "{x}each E",
    "A:A VE",
    "(E)VE",
    "UE",
    "UE",
    "UE",
    "KE",
    "KE",
    "UE",
    "(E)VE",
    "CV(E)",
    "(EG)E",
    "(VG)E",
    "C VG E",
    "(UE)V(UE)",
};

static const char *const names[] = {"x", "y", "z", "t", "d", "f"};

static unsigned choose(struct program *p, size_t count)
{
    if (p->at == p->end) {
        return 0;
    }
    return *p->at++ % (unsigned)count;
}

static void put(struct program *p, const char *text, size_t size)
{
    if (Q_PROGRAM_MAX - p->size > size) {
        memcpy(p->text + p->size, text, size);
        p->size += size;
    }
}

#define PUT_ONE_OF(p, list) put_one_of(p, list, sizeof(list) / sizeof((list)[0]))

static void put_one_of(struct program *p, const char *const *list, size_t count)
{
    const char *text = list[choose(p, count)];

    put(p, text, strlen(text));
}

static void put_expression(struct program *p);

static void put_function(struct program *p)
{
    PUT_ONE_OF(p, functions);
    if (choose(p, 4) == 1) {
        PUT_ONE_OF(p, adverbs);
    }
}

static void put_verb(struct program *p)
{
    PUT_ONE_OF(p, verbs);
    if (choose(p, 8) == 1) {
        PUT_ONE_OF(p, adverbs);
    }
}

static void put_form(struct program *p)
{
    const char *form = forms[choose(p, sizeof(forms) / sizeof(forms[0]))];

    for (const char *at = form; *at != 0; at++) {
        switch (*at) {
        case 'E':
            put_expression(p);
            break;
        case 'C':
            PUT_ONE_OF(p, nouns);
            break;
        case 'V':
            put_verb(p);
            break;
        case 'U':
            PUT_ONE_OF(p, unaries);
            break;
        case 'K':
            PUT_ONE_OF(p, casts);
            break;
        case 'F':
            put_function(p);
            break;
        case 'G':
            PUT_ONE_OF(p, adverbs);
            break;
        case 'A':
            PUT_ONE_OF(p, names);
            break;
        default:
            put(p, at, 1);
            break;
        }
    }
}

static void put_expression(struct program *p)
{
    if (p->depth == DEPTH_MAX || p->at == p->end || Q_PROGRAM_MAX - p->size < 64) {
        PUT_ONE_OF(p, nouns);
        return;
    }
    p->depth++;
    if (choose(p, 3) == 0) {
        PUT_ONE_OF(p, nouns);
    } else {
        put_form(p);
    }
    p->depth--;
}

size_t q_program(const uint8_t *bytes, size_t size, char text[Q_PROGRAM_MAX])
{
    static const char given[] =
        "t:([]a:1 2 3;b:`x`y`x)\nd:`a`b!1 2\nx:1 2 3\ny:`a\nz:0n\nf:{x}\n";
    struct program p = {.at = bytes, .end = bytes + size, .text = text};

    put(&p, given, sizeof(given) - 1);
    while (p.at != p.end && Q_PROGRAM_MAX - p.size > 64) {
        put_form(&p);
        put(&p, "\n", 1);
    }
    return p.size;
}
