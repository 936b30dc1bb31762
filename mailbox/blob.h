/* SPDX-License-Identifier: MIT
 * blob.h - many references at once, for fan-out. */
#ifndef TRP_MAILBOX_BLOB_H
#define TRP_MAILBOX_BLOB_H

#include <troupe/message.h>

/* Adds `count` references with one atomic operation. */
void trp_blob_ref_many(troupe_blob *blob, uint32_t count);

/* Gives `count` references back, none of them the last one. */
void trp_blob_unref_many(troupe_blob *blob, uint32_t count);

#endif
