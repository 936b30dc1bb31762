/* SPDX-License-Identifier: MIT
 * q_host.h - what q code of a q process of ours may do outside: what its hub offers,
 * files and the end of the process.
 *
 * Scripts named on the command line may do everything while they are loaded; nobody else
 * is served meanwhile. What runs later, theirs or a client's, may do what was granted. */
#ifndef TRP_TOOLS_Q_HOST_H
#define TRP_TOOLS_Q_HOST_H

#include <pthread.h>
#include <stdatomic.h>

#include <troupe/q.h>

enum { TRP_Q_FOLDER_MAX = 4096 };

struct trp_q_host {
    troupe_embedq_host host; /* its context is this struct */
    troupe_q_hub *hub;       /* borrowed */
    /* What is granted after the load: the files in a folder, by its real path, and below;
     * opening connections and changing the port; ending the process; or everything. */
    char folder[TRP_Q_FOLDER_MAX];
    bool may_connect, may_exit, trusted;
    void (*exit)(void *context, int code); /* on the engine's thread */
    void *context;

    atomic_int phase;
    const char *const *scripts;    /* that are loaded, NULL-terminated; borrowed */
    _Atomic(const char *) script;  /* the one at work, or NULL */
    char beside[TRP_Q_FOLDER_MAX]; /* the folder of the one at work, with its slash */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool held; /* files wait */
};

/* Begins. The hub may have functions only an engine of its system can use. */
void trp_q_host_init(struct trp_q_host *host, troupe_q_hub *hub);
void trp_q_host_fini(struct trp_q_host *host);

/* Grants the files in a folder. False: there is no such folder. */
bool trp_q_host_grant(struct trp_q_host *host, const char *folder);

/* The next request of the engine loads scripts; it waits before it reads the first until
 * the release, so that what they can know of the process is there. Without scripts:
 * trp_q_host_release alone. */
void trp_q_host_load(struct trp_q_host *host, const char *const *scripts);
void trp_q_host_release(struct trp_q_host *host);

/* Instead of the release: no script is read any more. */
void trp_q_host_refuse(struct trp_q_host *host);

#endif
