/* SPDX-License-Identifier: MIT
 * fuzz_gate.c - a byte-coded script for gate and pool against a model: chains put in any
 * mix with takes come out whole, once, oldest chain first; blocks keep what was written
 * into them until they are given back. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox/gate.h"
#include "mailbox/pool.h"

enum { ITEMS_MAX = 256, CHAIN_MAX = 16 };

struct item {
    struct trp_gate_link link;
    uint32_t number; /* in the order of putting */
    uint16_t home;
    unsigned class;
};

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static struct item *make(unsigned class, uint32_t number)
{
    uint16_t home;
    struct item *item = trp_pool_get(class, &home);

    must(item != NULL);
    memset(item, (int)(number & 0xff), trp_pool_class_size(class));
    item->number = number;
    item->home = home;
    item->class = class;
    return item;
}

static void end(struct item *item)
{
    const uint8_t *bytes = (const uint8_t *)item;

    for (size_t i = sizeof(*item); i < trp_pool_class_size(item->class); i++) {
        must(bytes[i] == (uint8_t)item->number);
    }
    trp_pool_put(item, item->class, item->home);
}

/* Puts a chain of `length`, newest first, and says whether the gate was empty. */
static void put(struct trp_gate *gate, unsigned length, unsigned class, uint32_t *number,
                uint32_t *inside)
{
    struct item *oldest = make(class, (*number)++);
    struct item *newest = oldest;

    for (unsigned i = 1; i < length; i++) {
        struct item *next = make(class, (*number)++);
        next->link.next = &newest->link;
        newest = next;
    }
    bool was_empty = trp_gate_put_chain(gate, &newest->link, &oldest->link);
    must(was_empty == (*inside == 0));
    *inside += length;
    must(!trp_gate_is_empty(gate));
}

static void take(struct trp_gate *gate, uint32_t *seen, uint32_t *inside)
{
    struct trp_gate_link *link = trp_gate_take(gate);

    must((link == NULL) == (*inside == 0));
    while (link != NULL) {
        struct item *item = TRP_CONTAINER(link, struct item, link);
        link = link->next;
        must(item->number == (*seen)++);
        end(item);
        (*inside)--;
    }
    must(*inside == 0 && trp_gate_is_empty(gate));
}

static void take_stack(struct trp_gate *gate, uint32_t number, uint32_t *inside)
{
    struct trp_gate_link *link = trp_gate_take_stack(gate);

    while (link != NULL) {
        struct item *item = TRP_CONTAINER(link, struct item, link);
        link = link->next;
        must(item->number == --number);
        end(item);
        (*inside)--;
    }
    must(*inside == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trp_gate gate;
    uint32_t number = 0, seen = 0, inside = 0;

    trp_gate_init(&gate);
    for (size_t i = 0; i < size; i++) {
        unsigned class = data[i] >> 5 < TRP_POOL_CLASSES ? data[i] >> 5 : 0;
        if ((data[i] & 1) != 0 && inside < ITEMS_MAX) {
            put(&gate, 1 + (data[i] >> 1 & (CHAIN_MAX - 1)), class, &number, &inside);
        } else if ((data[i] & 2) != 0) {
            take(&gate, &seen, &inside);
        } else {
            take_stack(&gate, number, &inside);
            seen = number;
        }
    }
    take(&gate, &seen, &inside);
    must(seen == number);
    return 0;
}
