/* SPDX-License-Identifier: MIT
 * trace_graph.h - who sends to whom, how often, counted from the records. */
#ifndef TRP_TOOLS_TRACE_GRAPH_H
#define TRP_TOOLS_TRACE_GRAPH_H

#include <stdio.h>

#include "tools/trace/trace_map.h"
#include "tools/trace/trace_reader.h"
#include "tools/trace/trace_who.h"

enum { TRP_GRAPH_MAX = 1 << 20 };

struct trp_edge {
    uint64_t messages, bytes;
    uint64_t asks; /* of these, sent by futures: they expect an answer */
    uint64_t drops;
};

struct trp_node {
    uint64_t sent, received;
    uint32_t actors; /* by kind: how many were seen */
    uint64_t depth;  /* in mailboxes now */
};

struct trp_graph {
    bool by_kind;
    uint64_t span_ns; /* from the first record to the last */
    struct trp_who who;
    struct trp_map nodes; /* number of the actor or kind -> struct trp_node */
    struct trp_map edges; /* from << 32 | to -> struct trp_edge */
};

/* by_kind   a node for each kind of actors; else for each actor. Futures count as their
 *           owners.
 *
 * Returns TROUPE_OK, TROUPE_ENOMEM or TROUPE_ELIMIT. */
TROUPE_MUST_CHECK troupe_status trp_graph_init(struct trp_graph *graph,
                                               struct trp_trace_at *at, bool by_kind);
void trp_graph_fini(struct trp_graph *graph);

void trp_graph_label(const struct trp_graph *graph, uint64_t node, char *text,
                     size_t size);
void trp_graph_dot(const struct trp_graph *graph, FILE *out);
void trp_graph_json(const struct trp_graph *graph, uint32_t pid, uint32_t lost,
                    FILE *out);
/* A plain picture, without graphviz: nodes on a circle. */
void trp_graph_svg(const struct trp_graph *graph, FILE *out);

#endif
