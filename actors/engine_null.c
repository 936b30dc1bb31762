/* SPDX-License-Identifier: MIT
 * engine_null.c - an engine that does nothing, for measuring all that is around it. */
#include <troupe/engine.h>

static troupe_status null_open(troupe_self *self, const void *config, void **engine)
{
    (void)self;
    (void)config;
    *engine = NULL;
    return TROUPE_OK;
}

static troupe_status null_execute(troupe_self *self, void *engine, troupe_msg **request,
                                  troupe_msg **answer)
{
    (void)self;
    (void)engine;
    *answer = *request; /* the request comes back as the answer */
    *request = NULL;
    troupe_msg_set_kind(*answer, TROUPE_KIND_DONE);
    return TROUPE_OK;
}

static void null_close(troupe_self *self, void *engine)
{
    (void)self;
    (void)engine;
}

const troupe_engine_ops troupe_engine_null = {
    .version = TROUPE_ENGINE_VERSION,
    .name = "null",
    .open = null_open,
    .execute = null_execute,
    .close = null_close,
};
