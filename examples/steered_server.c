/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A server in C whose sockets are screened and steered by the programs that "quicedge load" has pinned. It speaks no QUIC: it
 * prints a connection ID for each of its sockets, and answers every datagram with the number of the socket it came to.
 *
 *   cc -O2 -I bpf -o steered_server examples/steered_server.c
 *   ./steered_server /sys/fs/bpf/quicedge 4433 4
 *
 * docs/sockets.md says what each step is for.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "steering.h"

static int must(int result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(errno));
		exit(1);
	}
	return result;
}

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int open_pin(const char *folder, const char *name)
{
	char path[4096];
	union bpf_attr attr = { .pathname = (__u64)(unsigned long)path };

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return must(bpf(BPF_OBJ_GET, &attr), path);
}

/* Whether a place of the map `sockets` has a socket. */
static int taken(int sockets, __u32 place)
{
	__u64 cookie;
	union bpf_attr attr = { .map_fd = sockets, .key = (__u64)(unsigned long)&place, .value = (__u64)(unsigned long)&cookie };

	return bpf(BPF_MAP_LOOKUP_ELEM, &attr) == 0;
}

/* The next generation that has no sockets. */
static int free_generation(int sockets, int current)
{
	for (int n = 1; n < GENERATIONS; n++) {
		int generation = (current + n) % GENERATIONS, socket = 0;

		while (socket < GENERATION_SOCKETS && !taken(sockets, generation * GENERATION_SOCKETS + socket))
			socket++;
		if (socket == GENERATION_SOCKETS)
			return generation;
	}
	errno = EBUSY;
	return -1;
}

static int open_socket(int port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = must(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"), on = 1;

	must(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), "SO_REUSEPORT");
	must(bind(fd, (struct sockaddr *)&any, sizeof(any)), "bind");
	return fd;
}

static void join(int sockets, __u32 place, int fd)
{
	__u64 value = fd;
	union bpf_attr attr = {
		.map_fd = sockets, .key = (__u64)(unsigned long)&place, .value = (__u64)(unsigned long)&value, .flags = BPF_NOEXIST,
	};

	must(bpf(BPF_MAP_UPDATE_ELEM, &attr), "join the map sockets");
}

/* Makes a generation the one that takes new connections, in one store. */
static void commit(struct steering *s, struct steering_now now)
{
	__u64 word;

	memcpy(&word, &now, sizeof(word));
	__atomic_store_n((__u64 *)&s->now, word, __ATOMIC_SEQ_CST);
}

static void print_cid(const struct steering *s, int generation, int socket)
{
	struct server_cid cid;
	__u64 nonce;

	must(getrandom(&nonce, sizeof(nonce), 0), "getrandom");
	cid = cid_make(s->key, generation, socket, nonce);
	printf("socket %d cid ", socket);
	for (int i = 0; i < CID_LEN; i++)
		printf("%02x", ((unsigned char *)&cid)[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	int port = argc > 2 ? atoi(argv[2]) : 0, count = argc > 3 ? atoi(argv[3]) : 0;

	if (port < 1 || port > 65535 || count < 1 || count > GENERATION_SOCKETS) {
		fprintf(stderr, "usage: %s PIN_FOLDER PORT SOCKETS\n", argv[0]);
		return 2;
	}

	/* As root: the folder lets nobody else in. After this no privilege is needed. */
	int filter = open_pin(argv[1], "progs/qe_filter"), steer = open_pin(argv[1], "progs/qe_steer");
	int sockets = open_pin(argv[1], "maps/sockets"), map = open_pin(argv[1], "maps/steering");
	char lock[4096];
	snprintf(lock, sizeof(lock), "%s/progs", argv[1]);
	int locked = must(open(lock, O_RDONLY | O_CLOEXEC), lock);
	struct steering *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (s == MAP_FAILED)
		must(-1, "map the steering into memory");

	/* A generation gathers. Killed on the way, it leaves nothing behind. */
	must(flock(locked, LOCK_EX | LOCK_NB), "another server is joining");
	int generation = must(free_generation(sockets, s->now.generation), "all generations have sockets");
	struct pollfd fds[GENERATION_SOCKETS] = {};
	for (int i = 0; i < count; i++) {
		int fd = open_socket(port);

		must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &filter, sizeof(filter)), "SO_ATTACH_BPF");
		must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &steer, sizeof(steer)), "SO_ATTACH_REUSEPORT_EBPF");
		join(sockets, generation * GENERATION_SOCKETS + i, fd);
		fds[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
		print_cid(s, generation, i);
	}
	commit(s, (struct steering_now){ .generation = generation, .flags = STEERING_TAGGED, .sockets = count, .port = port });
	must(flock(locked, LOCK_UN), "unlock");
	printf("serving\n");
	fflush(stdout);

	while (poll(fds, count, -1) > 0) {
		for (int i = 0; i < count; i++) {
			struct sockaddr_in6 from;
			socklen_t len = sizeof(from);
			char in[65536], out[16];

			if (!(fds[i].revents & POLLIN) || recvfrom(fds[i].fd, in, sizeof(in), 0, (struct sockaddr *)&from, &len) < 0)
				continue;
			sendto(fds[i].fd, out, snprintf(out, sizeof(out), "%d", i), 0, (struct sockaddr *)&from, len);
		}
	}
	return 1;
}
