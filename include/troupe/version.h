/* SPDX-License-Identifier: MIT
 * version.h - which Troupe this is. */
#ifndef TROUPE_VERSION_H
#define TROUPE_VERSION_H

#define TROUPE_VERSION_MAJOR 0
#define TROUPE_VERSION_MINOR 1
#define TROUPE_VERSION_PATCH 0
#define TROUPE_VERSION       "0.1.0"

#endif
