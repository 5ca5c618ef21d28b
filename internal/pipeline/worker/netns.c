// Leaves the network of the host before the program begins.
//
// A user without rights makes a network namespace by making a user namespace first, and that unshare(2) allows only to a
// process of one thread: to this one until the Go runtime starts. The new network has no interface that is up and no
// address. No user is mapped: as who a file is opened does not change, and there is nobody to become.

#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "netns.h"

static int result = -1;

int quicedge_netns_error(void) { return result; }

static int has(int argc, char **argv, const char *flag)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], flag) == 0)
			return 1;
	return 0;
}

// glibc hands the arguments of main to a constructor too.
__attribute__((constructor)) static void leave_network(int argc, char **argv)
{
	if (!has(argc, argv, "--serve") || has(argc, argv, "--confined"))
		return;
	result = unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) == 0 ? 0 : errno;
}
