/* SPDX-License-Identifier: MIT
 * life.h - the kinds that topics and supervisors send to themselves and each other, with
 * names for traces. */
#ifndef TRP_ACTORS_LIFE_H
#define TRP_ACTORS_LIFE_H

#include <troupe/message.h>

enum {
    TRP_KIND_CHILD_PATIENCE = TROUPE_KIND_RESERVED + 0x30, /* tag: key of a child */
    TRP_KIND_CHILD_RESTART,                                /* tag: key of a child */
    TRP_KIND_CHILDREN_RESTART,                             /* tag: round of the group */

    TRP_KIND_TOPIC_JOIN = TROUPE_KIND_RESERVED + 0x38, /* tag: of publications */
    TRP_KIND_TOPIC_LEAVE,
    TRP_KIND_TOPIC_RELAY, /* from: a relay that wants every publication */
    TRP_KIND_TOPIC_MORE   /* to itself: the next slice */
};

/* Names them, once. */
void trp_life_kinds(void);

#endif
