/* SPDX-License-Identifier: MIT
 * trace_graph.c - counts edges; draws them as DOT, JSON or SVG. */
#include "tools/trace/trace_graph.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "tools/trace/trace_text.h"

enum { OUTSIDE_KIND = 0xffff, LABEL = 96 };

/* ---- counting ---- */

static uint64_t node_of(const struct trp_graph *graph, uint32_t actor)
{
    actor = trp_who_owner(&graph->who, actor);
    if (!graph->by_kind) {
        return actor;
    }
    return actor == 0 ? OUTSIDE_KIND : trp_who_kind_of(&graph->who, actor);
}

static bool count(struct trp_graph *graph, const troupe_trace_record *r, bool drop)
{
    uint32_t from = drop ? r->peer : r->actor, to = drop ? r->actor : r->peer;
    uint64_t a = node_of(graph, from), b = node_of(graph, to);
    struct trp_edge *edge = trp_map_add(&graph->edges, a << 32 | b);
    struct trp_node *node = trp_map_add(&graph->nodes, a);

    if (edge == NULL || node == NULL) {
        return false;
    }
    if (drop) {
        edge->drops++;
        return true;
    }
    edge->messages++;
    edge->bytes += r->arg;
    edge->asks += trp_who_owner(&graph->who, from) != from;
    node->sent++;
    node = trp_map_add(&graph->nodes, b);
    if (node != NULL) {
        node->received++;
    }
    return node != NULL;
}

static troupe_status read_all(struct trp_graph *graph, struct trp_trace_at *at)
{
    struct trp_reader *reader = NULL;
    troupe_trace_record record;
    uint64_t first = 0, last = 0;
    bool room = true;
    troupe_status status = trp_reader_open(at, &reader);

    if (status != TROUPE_OK) {
        return status;
    }
    while (room && trp_reader_next(reader, &record, NULL)) {
        trp_who_learn(&graph->who, &record);
        if (record.ts >= reader->window &&
            (record.id == TROUPE_EV_SEND || record.id == TROUPE_EV_DROP)) {
            room = count(graph, &record, record.id == TROUPE_EV_DROP);
            first = first == 0 ? record.ts : first;
            last = record.ts;
        }
    }
    graph->span_ns = trp_trace_ns(at, last - first);
    trp_reader_close(&reader);
    return room ? TROUPE_OK : TROUPE_ELIMIT;
}

static void count_slot(void *context, const troupe_trace_slot *slot)
{
    struct trp_graph *graph = context;
    if (trp_who_is_future(&graph->who, slot)) {
        return; /* drawn as its owner */
    }
    struct trp_node *node =
        trp_map_add(&graph->nodes, graph->by_kind ? slot->kind : (uint32_t)slot->id);
    if (node != NULL) {
        node->actors++;
        node->depth += slot->enqueued - slot->delivered - slot->dropped;
    }
}

troupe_status trp_graph_init(struct trp_graph *graph, struct trp_trace_at *at,
                             bool by_kind)
{
    graph->by_kind = by_kind;
    graph->span_ns = 0;
    trp_map_init(&graph->nodes, sizeof(struct trp_node), TRP_GRAPH_MAX);
    trp_map_init(&graph->edges, sizeof(struct trp_edge), TRP_GRAPH_MAX);
    troupe_status status = trp_who_init(&graph->who, at);
    if (status == TROUPE_OK) {
        status = read_all(graph, at);
    }
    if (status == TROUPE_OK) {
        trp_trace_slots(at, count_slot, graph);
        return TROUPE_OK;
    }
    trp_graph_fini(graph);
    return status;
}

void trp_graph_fini(struct trp_graph *graph)
{
    trp_who_fini(&graph->who);
    trp_map_fini(&graph->nodes);
    trp_map_fini(&graph->edges);
}

/* ---- drawing ---- */

void trp_graph_label(const struct trp_graph *graph, uint64_t node, char *text,
                     size_t size)
{
    if (!graph->by_kind) {
        trp_who_text(&graph->who, (uint32_t)node, text, size);
    } else if (node == OUTSIDE_KIND) {
        (void)snprintf(text, size, "outside");
    } else {
        (void)snprintf(text, size, "%s",
                       node == 0 ? "unknown" : trp_who_kind(&graph->who, (uint16_t)node));
    }
}

static double rate(const struct trp_graph *graph, uint64_t messages)
{
    return graph->span_ns != 0 ? (double)messages * 1e9 / (double)graph->span_ns : 0;
}

static void dot_nodes(const struct trp_graph *graph, FILE *out)
{
    char label[LABEL];
    size_t at = 0;
    uint64_t key = 0;

    for (const struct trp_node *n;
         (n = trp_map_next(&graph->nodes, &at, &key)) != NULL;) {
        trp_graph_label(graph, key, label, sizeof(label));
        (void)fprintf(out, "  n%" PRIu64 " [label=", key);
        trp_text_quoted(label, out);
        if (graph->by_kind && n->actors > 1) {
            (void)fprintf(out, ", xlabel=\"%" PRIu32 " actors\"", n->actors);
        }
        (void)fprintf(out, "%s];\n",
                      n->depth > 0 ? ", style=filled, fillcolor=\"#fde8c8\"" : "");
    }
}

void trp_graph_dot(const struct trp_graph *graph, FILE *out)
{
    size_t at = 0;
    uint64_t key = 0;

    (void)fputs("digraph actors {\n  rankdir=LR;\n"
                "  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n"
                "  edge [fontname=\"sans-serif\", fontsize=10];\n",
                out);
    dot_nodes(graph, out);
    for (const struct trp_edge *e;
         (e = trp_map_next(&graph->edges, &at, &key)) != NULL;) {
        (void)fprintf(out, "  n%" PRIu64 " -> n%" PRIu64 " [label=\"%" PRIu64, key >> 32,
                      key & UINT32_MAX, e->messages);
        if (graph->span_ns != 0) {
            (void)fprintf(out, " (%.0f/s)", rate(graph, e->messages));
        }
        if (e->drops != 0) {
            (void)fprintf(out, "\\n%" PRIu64 " dropped", e->drops);
        }
        (void)fprintf(out, "\"%s%s];\n",
                      2 * e->asks > e->messages ? ", style=dashed" : "",
                      e->drops != 0 ? ", color=\"#c0392b\"" : "");
    }
    (void)fputs("}\n", out);
}

void trp_graph_json(const struct trp_graph *graph, uint32_t pid, uint32_t lost, FILE *out)
{
    char label[LABEL];
    size_t at = 0;
    uint64_t key = 0;
    const char *comma = "";

    (void)fprintf(out,
                  "{\"v\":1,\"cmd\":\"graph\",\"pid\":%" PRIu32 ",\"lost\":%" PRIu32
                  ",\"by\":\"%s\",\"span_ns\":%" PRIu64 ",\"nodes\":[",
                  pid, lost, graph->by_kind ? "kind" : "actor", graph->span_ns);
    for (const struct trp_node *n;
         (n = trp_map_next(&graph->nodes, &at, &key)) != NULL;) {
        trp_graph_label(graph, key, label, sizeof(label));
        (void)fprintf(out, "%s{\"node\":%" PRIu64 ",\"label\":", comma, key);
        trp_text_quoted(label, out);
        (void)fprintf(out,
                      ",\"actors\":%" PRIu32 ",\"sent\":%" PRIu64 ",\"received\":%" PRIu64
                      ",\"mailbox\":%" PRIu64 "}",
                      n->actors, n->sent, n->received, n->depth);
        comma = ",";
    }
    (void)fputs("],\"edges\":[", out);
    at = 0;
    comma = "";
    for (const struct trp_edge *e;
         (e = trp_map_next(&graph->edges, &at, &key)) != NULL;) {
        (void)fprintf(out,
                      "%s{\"from\":%" PRIu64 ",\"to\":%" PRIu64 ",\"messages\":%" PRIu64
                      ",\"bytes\":%" PRIu64 ",\"asks\":%" PRIu64 ",\"drops\":%" PRIu64
                      ",\"rate\":%.3f}",
                      comma, key >> 32, key & UINT32_MAX, e->messages, e->bytes, e->asks,
                      e->drops, rate(graph, e->messages));
        comma = ",";
    }
    (void)fputs("]}\n", out);
}

/* ---- without graphviz ---- */

enum { CENTRE = 400, RADIUS = 300, BOX_W = 130, BOX_H = 34 };

static void spot(const struct trp_graph *graph, uint64_t node, double *x, double *y)
{
    const double turn = 6.283185307179586;
    size_t at = 0, place = 0;
    uint64_t key = 0;

    while (trp_map_next(&graph->nodes, &at, &key) != NULL && key != node) {
        place++;
    }
    double angle = turn * (double)place / (double)graph->nodes.count;
    *x = CENTRE + RADIUS * cos(angle);
    *y = CENTRE + RADIUS * sin(angle);
}

static void svg_edge(const struct trp_graph *graph, uint64_t key,
                     const struct trp_edge *edge, FILE *out)
{
    double x1, y1, x2, y2;

    spot(graph, key >> 32, &x1, &y1);
    spot(graph, key & UINT32_MAX, &x2, &y2);
    double mx = (x1 + x2) / 2 + (y2 - y1) / 8, my = (y1 + y2) / 2 - (x2 - x1) / 8;
    (void)fprintf(out,
                  "<path d=\"M%.1f %.1f Q%.1f %.1f %.1f %.1f\" fill=\"none\" "
                  "stroke=\"%s\" marker-end=\"url(#a)\"/>"
                  "<text x=\"%.1f\" y=\"%.1f\" font-size=\"10\">%" PRIu64 "</text>\n",
                  x1, y1, mx, my, x2, y2, edge->drops != 0 ? "#c0392b" : "#666", mx, my,
                  edge->messages);
}

void trp_graph_svg(const struct trp_graph *graph, FILE *out)
{
    char label[LABEL];
    size_t at = 0;
    uint64_t key = 0;
    double x, y;

    (void)fputs(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 800\" "
        "font-family=\"sans-serif\" text-anchor=\"middle\"><defs><marker id=\"a\" "
        "markerWidth=\"9\" markerHeight=\"9\" refX=\"30\" refY=\"4\" "
        "orient=\"auto\"><path d=\"M0 0 L9 4 L0 8 z\" fill=\"#666\"/></marker>"
        "</defs>\n",
        out);
    for (const struct trp_edge *e;
         (e = trp_map_next(&graph->edges, &at, &key)) != NULL;) {
        svg_edge(graph, key, e, out);
    }
    at = 0;
    for (const struct trp_node *n;
         (n = trp_map_next(&graph->nodes, &at, &key)) != NULL;) {
        spot(graph, key, &x, &y);
        trp_graph_label(graph, key, label, sizeof(label));
        (void)fprintf(out,
                      "<rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" rx=\"8\" "
                      "fill=\"%s\" stroke=\"#333\"/><text x=\"%.1f\" y=\"%.1f\" "
                      "font-size=\"12\">",
                      x - BOX_W / 2.0, y - BOX_H / 2.0, BOX_W, BOX_H,
                      n->depth > 0 ? "#fde8c8" : "#fff", x, y + 4);
        trp_text_xml(label, out);
        (void)fputs("</text>\n", out);
    }
    (void)fputs("</svg>\n", out);
}
