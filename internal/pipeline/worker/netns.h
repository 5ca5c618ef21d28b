// The worker's own network namespace; see netns.c.

#ifndef QUICEDGE_WORKER_NETNS_H
#define QUICEDGE_WORKER_NETNS_H

// quicedge_netns_error is 0 where this process has a network namespace of its own, else the errno that stood in the way,
// or -1 where none was wanted.
int quicedge_netns_error(void);

#endif
