/* SPDX-License-Identifier: MIT
 * subscription.h - many answers, with credit: the consumer grants, the producer spends;
 * and topics, where one publication reaches every subscriber. */
#ifndef TROUPE_SUBSCRIPTION_H
#define TROUPE_SUBSCRIPTION_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_subscription {
    troupe_id id;
} troupe_subscription;

/* Sends `request` to a producer, which answers with many items.
 *
 * request   kind and body are the application's; its `from` will be the subscription
 * credit    how many items may come before more is granted, 1 to TROUPE_CREDIT_MAX
 * tag       what every item, and the TROUPE_KIND_END, will carry
 *
 * Items arrive in the producer's order in a lane that is not refused (credit bounds it).
 * The producer's end arrives as TROUPE_KIND_END or, with its reason, as a failure.
 *
 * Returns as troupe_ask.
 * Thread: base. Source: actors/subscription.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_subscribe(troupe_self *self,
                                                            troupe_id producer,
                                                            troupe_msg **request,
                                                            uint32_t credit, uint64_t tag,
                                                            troupe_subscription *out);

/* Grants more; the producer is told TROUPE_KIND_CREDIT when it had none left.
 *
 * Returns TROUPE_OK, TROUPE_EGONE, TROUPE_EINVAL (not self's) or TROUPE_ELIMIT.
 * Thread: base. Source: actors/subscription.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_grant(troupe_self *self,
                                                        troupe_subscription subscription,
                                                        uint32_t more);

/* Ends it from the consumer's side: the producer is told TROUPE_KIND_UNSUBSCRIBE.
 *
 * Returns TROUPE_OK, TROUPE_EGONE or TROUPE_EINVAL (not self's).
 * Thread: base. Source: actors/subscription.c */
TROUPE_API troupe_status troupe_unsubscribe(troupe_self *self,
                                            troupe_subscription subscription);

/* Producer's side. `to` is troupe_msg_from of the request.
 *
 * Returns TROUPE_OK; TROUPE_EBUSY: no credit left, the item is still yours and
 * TROUPE_KIND_CREDIT (from: to) will tell; TROUPE_EGONE: the consumer is gone.
 * Thread: base. Source: actors/subscription.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_offer(troupe_self *self, troupe_id to,
                                                        troupe_msg **item);

/* Ends it from the producer's side, after what was offered.
 *
 * status   TROUPE_OK: the consumer gets TROUPE_KIND_END; else a failure
 * Thread: base. Source: actors/subscription.c */
TROUPE_API troupe_status troupe_offer_end(troupe_self *self, troupe_id to,
                                          troupe_status status);

enum { TROUPE_CREDIT_MAX = 1 << 30 };

/* ---- topics ------------------------------------------------------------------------ */

/* Subscribes self to a topic, which is made when it is new. A topic lives until the
 * system ends; its subscribers leave when they end.
 *
 * name   1 to TROUPE_NAME_MAX bytes, apart from the names of actors
 * tag    what every publication will carry here
 *
 * A publication is ordinary mail under self's own bound and policy; its sender is the
 * publisher. What a full mailbox refused is counted, and the next that fits is preceded
 * by a TROUPE_KIND_GAP whose tag is the count (its from: the topic). Subscribing again
 * changes the tag.
 *
 * Returns TROUPE_OK, TROUPE_EINVAL, TROUPE_ENOMEM, TROUPE_ELIMIT or TROUPE_ECLOSED.
 * Thread: base. Source: actors/topic.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_topic_subscribe(troupe_self *self,
                                                                  const char *name,
                                                                  uint64_t tag);

/* Ends it; publications that are in self's mailbox still arrive.
 *
 * Returns TROUPE_OK (also when self had not subscribed), TROUPE_EINVAL, TROUPE_ENOENT (no
 * such topic) or TROUPE_ENOMEM.
 * Thread: base. Source: actors/topic.c */
TROUPE_API troupe_status troupe_topic_unsubscribe(troupe_self *self, const char *name);

/* The actor behind a topic, made when it is new; tell it a message to publish that, or
 * ask it: TROUPE_KIND_DONE comes when every subscriber of its base has been told. Inline
 * bodies are copied, blobs shared; an owned body cannot be published (TROUPE_ETYPE,
 * logged).
 *
 * Returns as troupe_topic_subscribe.
 * Thread: base. Source: actors/topic.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_topic(troupe_self *self,
                                                        const char *name, troupe_id *out);

/* troupe_topic and troupe_tell in one.
 *
 * Returns as both; on failure the message is still the caller's.
 * Thread: base. Source: actors/topic.c */
TROUPE_API TROUPE_MUST_CHECK troupe_status troupe_publish(troupe_self *self,
                                                          const char *name,
                                                          troupe_msg **msg);

#ifdef __cplusplus
}
#endif

#endif
