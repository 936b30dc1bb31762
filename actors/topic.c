/* SPDX-License-Identifier: MIT
 * topic.c - one publication reaches every subscriber.
 *
 *   publisher --tell--> topic (home) --copy--> subscribers on its base
 *                            +--numbered copy--> relay, one on each other base --copy-->
 *                                                subscribers there
 *
 * All subscribers of a home or relay live on its own base, so each copy goes straight
 * into a mailbox. The dead are noticed there and leave; the table is swept before it
 * grows. Copies from a home to a relay are numbered, so that a relay knows what it has
 * missed. A large fan-out is cut into slices, one a turn; meanwhile the topic takes
 * signals only. */
#include <string.h>

#include <troupe/subscription.h>

#include "actors/id_map.h"
#include "actors/life.h"
#include "actors/topic.h"
#include "mailbox/blob.h"

enum {
    SLICE = 2048, /* copies a turn */
    AHEAD = 8,    /* copies between a prefetch and its use */
    FIRST_PLACES = 8,
    TRIES = 16 /* to find or make a topic while other bases do the same */
};

struct place {
    uint64_t id;     /* 0: has left */
    uint64_t tag;    /* of a relay: the number of the last copy */
    uint32_t missed; /* since the last copy that was taken */
    bool relay;
};

struct topic {
    struct place *places;
    uint32_t count, capacity;
    uint32_t promised; /* subscribers on their way, for whom there is room already */
    struct trp_id_map where; /* id -> index in places */
    uint64_t home;           /* whom subscribers know as the topic */
    uint64_t number;         /* of a relay: the last copy that came */
    troupe_msg *current;     /* being handed out */
    uint32_t at, end;        /* the places it goes to */
    bool holes;              /* somebody has left during this */
};

struct topic_args {
    const char *key;
    uint64_t home; /* 0: be the home */
};

/* ---- who is subscribed ---- */

/* Closes the gaps of those who left or died. Not while handing out. */
static void sweep(struct trp_base *base, struct topic *topic)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < topic->count; i++) {
        struct place *place = &topic->places[i];
        if (place->id != 0 && !place->relay && trp_find(base, place->id) == NULL) {
            (void)trp_id_map_remove(&topic->where, place->id);
            place->id = 0;
        }
        if (place->id != 0) {
            trp_id_map_put(&topic->where, place->id, kept);
            topic->places[kept++] = *place;
        }
    }
    topic->count = kept;
    topic->holes = false;
}

static troupe_status reserve(struct trp_base *base, struct topic *topic)
{
    if (topic->count + topic->promised == topic->capacity && topic->current == NULL) {
        sweep(base, topic);
    }
    uint32_t want = topic->count + topic->promised + 1;
    if (want > topic->capacity) {
        uint32_t capacity = topic->capacity != 0 ? topic->capacity * 2 : FIRST_PLACES;
        struct place *places =
            trp_realloc(topic->places, capacity * sizeof(*topic->places));
        if (places == NULL) {
            return TROUPE_ENOMEM;
        }
        topic->places = places;
        topic->capacity = capacity;
    }
    return trp_id_map_reserve(&topic->where, topic->promised + 1);
}

static void join(struct topic *topic, uint64_t id, uint64_t tag, bool relay)
{
    uint64_t at = topic->count;

    if (trp_id_map_get(&topic->where, id, &at)) {
        topic->places[at].tag = relay ? topic->places[at].tag : tag;
        return;
    }
    topic->places[topic->count++] =
        (struct place){.id = id, .tag = relay ? 0 : tag, .relay = relay};
    trp_id_map_put(&topic->where, id, at);
}

static void leave(struct topic *topic, uint64_t id)
{
    uint64_t at = 0;

    if (!trp_id_map_get(&topic->where, id, &at)) {
        return;
    }
    (void)trp_id_map_remove(&topic->where, id);
    if (topic->current != NULL) { /* places must not move now */
        topic->places[at].id = 0;
        topic->holes = true;
        return;
    }
    topic->places[at] = topic->places[--topic->count];
    if (at != topic->count) {
        trp_id_map_put(&topic->where, topic->places[at].id, at);
    }
}

/* ---- handing out ---- */

/* A copy without its reference to the blob, which the caller has counted already. */
static troupe_msg *copy_of(const troupe_msg *msg, uint64_t tag)
{
    troupe_msg *copy = NULL;
    bool blob = (msg->flags & TRP_MSG_BLOB) != 0;
    size_t size = blob ? sizeof(troupe_blob *) : msg->size;

    if (TRP_UNLIKELY(trp_msg_new(msg->kind, size, &copy) != TROUPE_OK)) {
        return NULL;
    }
    memcpy(copy->body, msg->body, size);
    copy->size = msg->size;
    copy->flags = msg->flags & TRP_MSG_BLOB;
    copy->from = (msg->flags & TRP_MSG_ASK) != 0 ? TROUPE_NOBODY : msg->from;
    copy->tag = tag;
    return copy;
}

/* Ends a copy that was not sent, but not its share of the blob. */
static void uncopy(troupe_msg *copy)
{
    copy->flags = 0;
    trp_msg_drop(copy);
}

static void miss(struct place *place, uint64_t more)
{
    place->missed =
        more > UINT32_MAX - place->missed ? UINT32_MAX : place->missed + (uint32_t)more;
}

static bool is_full(const struct trp_actor *actor)
{
    return actor->mail >= actor->limit && actor->behavior->policy == TROUPE_REFUSE;
}

/* Tells a subscriber with room how many it has missed. */
static bool own_up(struct trp_base *base, struct topic *topic, struct place *place)
{
    if (trp_signal(base, topic->home, place->id, TROUPE_KIND_GAP, place->missed) !=
        TROUPE_OK) {
        return false;
    }
    place->missed = 0;
    return true;
}

/* Returns whether a copy is on its way. */
static bool give(struct trp_base *base, struct topic *topic, struct place *place)
{
    struct trp_actor *actor = trp_find(base, place->id);

    if (TRP_UNLIKELY(actor == NULL)) {
        (void)trp_id_map_remove(&topic->where, place->id);
        place->id = 0;
        topic->holes = true;
        return false;
    }
    if (TRP_UNLIKELY(is_full(actor)) ||
        (TRP_UNLIKELY(place->missed != 0) && actor->mail < actor->limit &&
         !own_up(base, topic, place))) {
        miss(place, 1);
        return false;
    }
    troupe_msg *copy = copy_of(topic->current, place->tag);
    if (TRP_UNLIKELY(copy == NULL)) {
        miss(place, 1);
        return false;
    }
    copy->to.bits = place->id;
    if (TRP_UNLIKELY(trp_enqueue(base, actor, copy) != TROUPE_OK)) {
        uncopy(copy);
        miss(place, 1);
        return false;
    }
    return true;
}

/* The number moves on whatever happens: the relay sees what it did not get. */
static bool forward(struct trp_base *base, struct topic *topic, struct place *place)
{
    troupe_msg *copy = copy_of(topic->current, ++place->tag);

    if (copy == NULL) {
        return false;
    }
    copy->to.bits = place->id;
    if (trp_send(base, place->id, copy) != TROUPE_OK) {
        uncopy(copy);
        return false;
    }
    return true;
}

static void hand_out_slice(struct trp_base *base, struct topic *topic, uint32_t until)
{
    troupe_blob *blob = troupe_msg_blob(topic->current);
    uint32_t shares = until - topic->at;
    uint32_t used = 0;

    if (blob != NULL) {
        trp_blob_ref_many(blob, shares);
    }
    for (; topic->at < until; topic->at++) {
        struct place *place = &topic->places[topic->at];
        if (topic->at + AHEAD < until) {
            trp_prefetch_actor(base, topic->places[topic->at + AHEAD].id);
        }
        if (TRP_LIKELY(place->id != 0)) {
            used += place->relay ? forward(base, topic, place) : give(base, topic, place);
        }
    }
    if (blob != NULL) {
        trp_blob_unref_many(blob, shares - used);
    }
}

static void finish(troupe_self *self, struct topic *topic)
{
    troupe_msg *done = topic->current;

    topic->current = NULL;
    self->actor->flags &= (uint16_t)~TRP_ACTOR_WAITS;
    if (topic->holes) {
        sweep(self->base, topic);
    }
    if (troupe_msg_wants_answer(done)) {
        troupe_msg *answer = NULL;
        if (trp_msg_new(TROUPE_KIND_DONE, 0, &answer) == TROUPE_OK) {
            (void)!troupe_reply(self, done, &answer);
            troupe_msg_free(&answer);
        }
    }
    troupe_msg_free(&done);
}

static void hand_out(troupe_self *self, struct topic *topic)
{
    struct trp_base *base = self->base;
    uint64_t id = self->actor->id;

    while (topic->at < topic->end) {
        uint32_t left = topic->end - topic->at;
        hand_out_slice(base, topic, topic->at + (left < SLICE ? left : SLICE));
        if (topic->at < topic->end &&
            trp_signal(base, id, id, TRP_KIND_TOPIC_MORE, 0) == TROUPE_OK) {
            self->actor->flags |= TRP_ACTOR_WAITS;
            return;
        }
    }
    finish(self, topic);
}

/* ---- the actor ---- */

/* A relay was not given some copies: neither were its subscribers. */
static void count_missing(struct topic *topic, uint64_t number)
{
    uint64_t missing = number - topic->number - 1;

    for (uint32_t i = 0; missing != 0 && i < topic->count; i++) {
        miss(&topic->places[i], missing);
    }
    topic->number = number;
}

static void refuse_owned(troupe_self *self, const troupe_msg *msg)
{
    trp_log(self->base, TROUPE_LOG_WARN, "TOPIC-OWNED",
            "a message of kind %s was not published: a body that is owned has one owner",
            troupe_kind_name(msg->kind));
    if (troupe_msg_wants_answer(msg)) {
        (void)!troupe_fail(self, msg->from, TROUPE_ETYPE,
                           "an owned body cannot be published");
    }
}

static troupe_status publish(troupe_self *self, struct topic *topic, troupe_msg **msg)
{
    if (((*msg)->flags & TRP_MSG_OWNED) != 0) {
        refuse_owned(self, *msg);
        return TROUPE_OK;
    }
    if (topic->home != self->actor->id) {
        count_missing(topic, (*msg)->tag);
    }
    topic->current = *msg;
    *msg = NULL;
    topic->at = 0;
    topic->end = topic->count;
    hand_out(self, topic);
    return TROUPE_OK;
}

static troupe_status take_signal(troupe_self *self, struct topic *topic,
                                 const troupe_msg *msg)
{
    uint64_t from = msg->from.bits;

    switch (msg->kind) {
    case TRP_KIND_TOPIC_JOIN:
        topic->promised--;
        join(topic, from, msg->tag, false);
        return TROUPE_OK;
    case TRP_KIND_TOPIC_LEAVE:
        leave(topic, from);
        return TROUPE_OK;
    case TRP_KIND_TOPIC_RELAY:
        if (reserve(self->base, topic) != TROUPE_OK ||
            troupe_watch(self, msg->from) != TROUPE_OK) {
            return troupe_kill(self, msg->from); /* its subscribers' base has no memory */
        }
        join(topic, from, 0, true);
        return TROUPE_OK;
    case TRP_KIND_TOPIC_MORE:
        hand_out(self, topic);
        return TROUPE_OK;
    case TROUPE_KIND_DOWN:
        leave(topic, from);
        return from == topic->home ? TROUPE_EGONE : TROUPE_OK;
    default:
        return TROUPE_OK;
    }
}

static troupe_status receive(troupe_self *self, void *state, troupe_msg **msg)
{
    return ((*msg)->flags & TRP_MSG_SIGNAL) != 0 ? take_signal(self, state, *msg)
                                                 : publish(self, state, msg);
}

static troupe_status start(troupe_self *self, void *state, const void *args)
{
    const struct topic_args *how = args;
    struct topic *topic = state;
    struct trp_base *base = self->base;
    uint64_t id = self->actor->id;

    trp_life_kinds();
    troupe_status status = trp_name_take(base->system->names, how->key, id);
    if (status != TROUPE_OK) {
        return status;
    }
    self->actor->flags |= TRP_ACTOR_NAMED;
    (void)strncpy(self->actor->slot->name, how->key + TRP_TOPIC_PREFIX,
                  sizeof(self->actor->slot->name) - 1);
    topic->home = how->home != 0 ? how->home : id;
    if (how->home == 0) {
        return TROUPE_OK;
    }
    status = troupe_watch(self, (troupe_id){how->home});
    return status == TROUPE_OK ? trp_signal(base, id, how->home, TRP_KIND_TOPIC_RELAY, 0)
                               : status;
}

static void stop(troupe_self *self, void *state, troupe_status reason)
{
    struct topic *topic = state;

    (void)self;
    (void)reason;
    troupe_msg_free(&topic->current);
    trp_id_map_fini(&topic->where);
    trp_free(topic->places);
}

static const troupe_behavior home_behavior = {
    .name = "topic",
    .state_size = sizeof(struct topic),
    .start = start,
    .receive = receive,
    .stop = stop,
    .batch = 1,
};

static const troupe_behavior relay_behavior = {
    .name = "topic relay",
    .state_size = sizeof(struct topic),
    .start = start,
    .receive = receive,
    .stop = stop,
    .batch = 1,
};

/* ---- finding it ---- */

/* Names of topics begin with a byte that no name of a user's begins with: 1 for a home,
 * 1 + the base for a relay. */
static void make_key(char key[TRP_TOPIC_KEY], const char *name, uint32_t base)
{
    key[0] = TRP_NAME_RESERVED;
    key[1] = (char)('0' + base / 64);
    key[2] = (char)('0' + base % 64);
    (void)memcpy(key + TRP_TOPIC_PREFIX, name, strlen(name) + 1);
}

static troupe_status check_name(const char *name)
{
    size_t length = name != NULL ? strnlen(name, TROUPE_NAME_MAX + 1) : 0;

    return length == 0 || length > TROUPE_NAME_MAX ? TROUPE_EINVAL : TROUPE_OK;
}

static troupe_status find_or_make(struct trp_base *base, const char *name,
                                  uint32_t of_base, uint64_t home, troupe_id *out)
{
    char key[TRP_TOPIC_KEY];
    struct topic_args args = {.key = key, .home = home};
    troupe_status status = TROUPE_EEXIST;

    make_key(key, name, of_base);
    for (int i = 0; i < TRIES && status == TROUPE_EEXIST; i++) {
        status = troupe_whereis(base->system, key, out);
        if (status == TROUPE_ENOENT) {
            status = trp_spawn(base, 0, home != 0 ? &relay_behavior : &home_behavior,
                               &args, NULL, 0, out);
        }
    }
    return status;
}

troupe_status troupe_topic(troupe_self *self, const char *name, troupe_id *out)
{
    troupe_status status = check_name(name);

    return status == TROUPE_OK ? find_or_make(self->base, name, 0, 0, out) : status;
}

/* The actor of a topic that lives on this base: its home or a relay. */
static troupe_status topic_here(troupe_self *self, const char *name, troupe_id *out)
{
    troupe_id home = TROUPE_NOBODY;
    troupe_status status = troupe_topic(self, name, &home);

    if (status != TROUPE_OK || trp_id_base(home.bits) == self->base->index) {
        *out = home;
        return status;
    }
    return find_or_make(self->base, name, self->base->index, home.bits, out);
}

troupe_status troupe_topic_subscribe(troupe_self *self, const char *name, uint64_t tag)
{
    troupe_id id = TROUPE_NOBODY;
    troupe_status status = topic_here(self, name, &id);

    if (status != TROUPE_OK) {
        return status;
    }
    struct trp_actor *actor = trp_find(self->base, id.bits);
    if (actor == NULL) {
        return TROUPE_ECLOSED; /* it ends just now */
    }
    struct topic *topic = actor->state;
    status = reserve(self->base, topic);
    if (status == TROUPE_OK) {
        status =
            trp_signal(self->base, self->actor->id, id.bits, TRP_KIND_TOPIC_JOIN, tag);
    }
    topic->promised += status == TROUPE_OK;
    return status;
}

troupe_status troupe_topic_unsubscribe(troupe_self *self, const char *name)
{
    char key[TRP_TOPIC_KEY];
    troupe_id id = TROUPE_NOBODY;
    troupe_status status = check_name(name);

    if (status != TROUPE_OK) {
        return status;
    }
    make_key(key, name, 0);
    status = troupe_whereis(self->base->system, key, &id);
    if (status == TROUPE_OK && trp_id_base(id.bits) != self->base->index) {
        make_key(key, name, self->base->index);
        status = troupe_whereis(self->base->system, key, &id);
    }
    return status == TROUPE_OK
               ? trp_signal(self->base, self->actor->id, id.bits, TRP_KIND_TOPIC_LEAVE, 0)
               : status;
}

troupe_status troupe_publish(troupe_self *self, const char *name, troupe_msg **msg)
{
    troupe_id id = TROUPE_NOBODY;

    if (*msg == NULL) {
        return TROUPE_EINVAL;
    }
    if (((*msg)->flags & TRP_MSG_OWNED) != 0) {
        return TROUPE_ETYPE;
    }
    troupe_status status = troupe_topic(self, name, &id);
    return status == TROUPE_OK ? troupe_tell(self, id, msg) : status;
}
