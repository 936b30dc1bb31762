/* SPDX-License-Identifier: MIT
 * trace_who.h - numbers to names: actors, their kinds, kinds of messages. */
#ifndef TRP_TOOLS_TRACE_WHO_H
#define TRP_TOOLS_TRACE_WHO_H

#include "tools/trace/trace_at.h"
#include "tools/trace/trace_map.h"

enum { TRP_WHO_NAME = 64, TRP_WHO_MAX = 16 << 20 };

/* What is known of one actor. */
struct trp_actor_known {
    uint64_t id;    /* 0: not in the table any more, or never seen there */
    uint32_t owner; /* of a future or subscription; else 0 */
    uint16_t kind;  /* 0: not known */
    bool future;
    bool ended;
    char name[TRP_WHO_NAME];
};

struct trp_who {
    struct trp_map actors;   /* number -> struct trp_actor_known */
    struct trp_map kinds;    /* number -> troupe_trace_name */
    struct trp_map messages; /* low 16 bits of the kind -> troupe_trace_name */
};

/* Reads the names and the table. Returns TROUPE_OK or TROUPE_ENOMEM. */
TROUPE_MUST_CHECK troupe_status trp_who_init(struct trp_who *who,
                                             struct trp_trace_at *at);
void trp_who_fini(struct trp_who *who);

/* Learns from a record, whatever it is. */
void trp_who_learn(struct trp_who *who, const troupe_trace_record *record);

const char *trp_who_kind(const struct trp_who *who, uint16_t kind);    /* "?" */
const char *trp_who_message(const struct trp_who *who, uint32_t kind); /* "?" */
uint16_t trp_who_kind_of(const struct trp_who *who, uint32_t actor);   /* 0: unknown */
/* The actor a future belongs to, itself for all others. */
uint32_t trp_who_owner(const struct trp_who *who, uint32_t actor);

/* Whether a slot is a future's or a subscription's. */
bool trp_who_is_future(const struct trp_who *who, const troupe_trace_slot *slot);

/* "vault", or "teller/1025", or "outside". */
void trp_who_text(const struct trp_who *who, uint32_t actor, char *text, size_t size);

#endif
