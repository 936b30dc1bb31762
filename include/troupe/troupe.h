/* SPDX-License-Identifier: MIT
 * troupe.h - the runtime, whole. Engines and bindings have headers of their own. */
#ifndef TROUPE_TROUPE_H
#define TROUPE_TROUPE_H

#include <troupe/actor.h>
#include <troupe/engine.h>
#include <troupe/future.h>
#include <troupe/log.h>
#include <troupe/message.h>
#include <troupe/status.h>
#include <troupe/subscription.h>
#include <troupe/supervisor.h>
#include <troupe/system.h>
#include <troupe/trace.h>
#include <troupe/version.h>

#endif
