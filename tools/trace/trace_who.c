/* SPDX-License-Identifier: MIT
 * trace_who.c - numbers to names. */
#include "tools/trace/trace_who.h"

#include <stdio.h>
#include <string.h>

static void plain(char *text)
{
    for (; *text != 0; text++) {
        if (*text > 0 && (*text < ' ' || *text == 127)) {
            *text = '?';
        }
    }
}

bool trp_who_is_future(const struct trp_who *who, const troupe_trace_slot *slot)
{
    const char *kind = trp_who_kind(who, slot->kind);

    return strcmp(kind, "future") == 0 || strcmp(kind, "subscription") == 0;
}

static void from_slot(void *context, const troupe_trace_slot *slot)
{
    struct trp_who *who = context;
    struct trp_actor_known *actor = trp_map_add(&who->actors, (uint32_t)slot->id);

    if (actor == NULL) {
        return;
    }
    actor->id = slot->id;
    actor->kind = slot->kind;
    if (actor->name[0] == 0) {
        memcpy(actor->name, slot->name, sizeof(slot->name));
        actor->name[sizeof(slot->name)] = 0;
        plain(actor->name);
    }
    if (trp_who_is_future(who, slot)) {
        actor->future = true;
        actor->owner = slot->parent;
    }
}

static void read_names(struct trp_who *who, struct trp_trace_at *at)
{
    for (uint32_t i = 0; i < at->info.names; i++) {
        troupe_trace_name name;
        if (!trp_trace_name_read(&at->source, &at->info, i, &name)) {
            continue;
        }
        struct trp_map *map = name.type == 1 ? &who->kinds : &who->messages;
        if (trp_map_find(map, name.number & 0xffff) != NULL) {
            continue; /* the first of its number; records hold 16 bits */
        }
        troupe_trace_name *kept = trp_map_add(map, name.number & 0xffff);
        if (kept != NULL) {
            *kept = name;
        }
    }
}

troupe_status trp_who_init(struct trp_who *who, struct trp_trace_at *at)
{
    trp_map_init(&who->actors, sizeof(struct trp_actor_known), TRP_WHO_MAX);
    trp_map_init(&who->kinds, sizeof(troupe_trace_name), TROUPE_TRACE_NAMES);
    trp_map_init(&who->messages, sizeof(troupe_trace_name), TROUPE_TRACE_NAMES);
    if (trp_map_add(&who->actors, 0) == NULL) {
        return TROUPE_ENOMEM;
    }
    read_names(who, at);
    trp_trace_slots(at, from_slot, who);
    return TROUPE_OK;
}

void trp_who_fini(struct trp_who *who)
{
    trp_map_fini(&who->actors);
    trp_map_fini(&who->kinds);
    trp_map_fini(&who->messages);
}

static void learn_name(struct trp_actor_known *actor, const troupe_trace_record *record)
{
    size_t at = (size_t)record->tag * 16;
    char piece[17] = "";

    memcpy(piece, &record->msg, 8);
    memcpy(piece + 8, &record->peer, 4);
    memcpy(piece + 12, &record->arg, 4);
    if (at < sizeof(actor->name)) {
        (void)snprintf(actor->name + at, sizeof(actor->name) - at, "%s", piece);
        plain(actor->name);
    }
}

void trp_who_learn(struct trp_who *who, const troupe_trace_record *record)
{
    struct trp_actor_known *actor;

    if (record->id != TROUPE_EV_SPAWN && record->id != TROUPE_EV_NAME &&
        record->id != TROUPE_EV_FUTURE_NEW && record->id != TROUPE_EV_SUB_ADD &&
        record->id != TROUPE_EV_EXIT) {
        return;
    }
    actor = trp_map_add(&who->actors, record->actor);
    if (actor == NULL || record->actor == 0) {
        return;
    }
    switch (record->id) {
    case TROUPE_EV_SPAWN:
        actor->kind = record->tag;
        break;
    case TROUPE_EV_NAME:
        learn_name(actor, record);
        break;
    case TROUPE_EV_EXIT:
        actor->ended = true;
        break;
    case TROUPE_EV_FUTURE_NEW:
        actor->owner = record->peer;
        actor->future = true;
        break;
    default:
        actor->future = true;
        break;
    }
}

static const char *text_of(const struct trp_map *map, uint64_t number)
{
    const troupe_trace_name *name = trp_map_find(map, number);

    return name != NULL ? name->text : "?";
}

const char *trp_who_kind(const struct trp_who *who, uint16_t kind)
{
    return text_of(&who->kinds, kind);
}

const char *trp_who_message(const struct trp_who *who, uint32_t kind)
{
    return text_of(&who->messages, kind & 0xffff);
}

uint16_t trp_who_kind_of(const struct trp_who *who, uint32_t actor)
{
    const struct trp_actor_known *known = trp_map_find(&who->actors, actor);

    return known != NULL ? known->kind : 0;
}

uint32_t trp_who_owner(const struct trp_who *who, uint32_t actor)
{
    const struct trp_actor_known *known = trp_map_find(&who->actors, actor);

    return known != NULL && known->future && known->owner != 0 ? known->owner : actor;
}

void trp_who_text(const struct trp_who *who, uint32_t actor, char *text, size_t size)
{
    const struct trp_actor_known *known = trp_map_find(&who->actors, actor);

    if (actor == 0) {
        (void)snprintf(text, size, "outside");
    } else if (known != NULL && known->name[0] != 0) {
        (void)snprintf(text, size, "%s", known->name);
    } else if (known != NULL && known->kind != 0) {
        (void)snprintf(text, size, "%s/%u", trp_who_kind(who, known->kind), actor);
    } else {
        (void)snprintf(text, size, "%s/%u",
                       known != NULL && known->future ? "future" : "actor", actor);
    }
}
