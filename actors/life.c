/* SPDX-License-Identifier: MIT
 * life.c - names of kinds, for traces. */
#include "actors/life.h"

#include <pthread.h>

#include <troupe/supervisor.h>

#include "mailbox/alloc.h"

static void name_kinds(void)
{
    static const struct {
        troupe_kind kind;
        const char *name;
    } names[] = {
        {TROUPE_KIND_CHILD_ADD, "child_add"},
        {TROUPE_KIND_CHILD_REMOVE, "child_remove"},
        {TROUPE_KIND_CHILD_LIST, "child_list"},
        {TRP_KIND_CHILD_PATIENCE, "child_patience"},
        {TRP_KIND_CHILD_RESTART, "child_restart"},
        {TRP_KIND_CHILDREN_RESTART, "children_restart"},
        {TRP_KIND_TOPIC_JOIN, "topic_join"},
        {TRP_KIND_TOPIC_LEAVE, "topic_leave"},
        {TRP_KIND_TOPIC_RELAY, "topic_relay"},
        {TRP_KIND_TOPIC_MORE, "topic_more"},
    };

    for (size_t i = 0; i < TRP_COUNT(names); i++) {
        /* A kind without a name is shown as a number; nothing depends on it. */
        if (troupe_kind_register(names[i].kind, names[i].name) != TROUPE_OK) {
            return;
        }
    }
}

void trp_life_kinds(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, name_kinds);
}
