// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench - bufflink beside its alternatives: the readers
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "reader.h"

#define READ_SIZE	65536	/* bytes that are asked for at once */
#define MESSAGES	256	/* ... of netlink */
#define MESSAGE_MAX	(BENCH_RECORD_MAX + NLMSG_HDRLEN)
#define RELAY_FOLDER	"/sys/kernel/debug/" BENCH_DEVICE "/"
#define LOUD_ENOUGH	4	/* console log level without KERN_DEBUG */

static char space[MESSAGES][MESSAGE_MAX] __attribute__((aligned(4096)));

__attribute__((noreturn))
static void end(const char *format, va_list args, const char *why)
{
	fputs("bench: ", stderr);
	vfprintf(stderr, format, args);
	fprintf(stderr, "%s%s\n", why ? ": " : "", why ? why : "");
	exit(1);
}

void die(const char *format, ...)
{
	const char *why = strerror(errno);
	va_list args;

	va_start(args, format);
	end(format, args, why);
}

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	end(format, args, NULL);
}

int bench_file(void)
{
	int fd = open("/dev/" BENCH_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("/dev/" BENCH_DEVICE
		    ": as root, load bufflink.ko and bufflink_bench.ko");
	return fd;
}

static void add_file(struct buffer *b, const char *path)
{
	int fd = open(path, O_RDONLY | (b->waits ? 0 : O_NONBLOCK));

	if (fd < 0)
		die("cannot open %s", path);
	b->fds[b->n_fds++] = fd;
}

static void count_record(struct buffer *b, const char *data)
{
	b->records++;
	if (*data == BENCH_FILL_LAST)
		b->ended = true;
}

/* A record, and the header that a reader sees before it */
static size_t stride(const struct buffer *b)
{
	return b->record + b->peer->stamp;
}

/* Records without anything else between them: the last is at the end. */
static void count_bytes(struct buffer *b, const char *data, size_t size)
{
	if (size % stride(b))
		fail("%s: read %zu bytes, not whole records of %zu",
		     b->peer->name, size, stride(b));
	if (!size)
		return;
	b->records += size / stride(b) - 1;
	count_record(b, data + size - b->record);
}

static bool read_some(struct buffer *b, int fd, ssize_t *done)
{
	*done = read(fd, space, READ_SIZE - READ_SIZE % stride(b));
	if (*done < 0 && errno != EAGAIN)
		die("%s: cannot read", b->peer->name);
	return *done > 0;
}

static bool read_bytes(struct buffer *b)
{
	ssize_t done;

	if (!read_some(b, b->fds[0], &done))
		return false;
	count_bytes(b, *space, done);
	return true;
}

static void bufflink_attach(struct buffer *b)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/bufflink%u", b->number);
	add_file(b, path);
}

/* kfifo and the trace buffer have no device: the module lends its own. */
static void own_attach(struct buffer *b)
{
	if (!b->waits)
		fcntl(b->file, F_SETFL, O_NONBLOCK);
	b->fds[0] = b->file;
}

static void relay_open(struct buffer *b, struct bench_create *arg)
{
	static unsigned int number;

	(void)b;
	arg->number = number++;
}

static void relay_map(struct buffer *b)
{
	for (unsigned int i = 0; i < b->n_fds; i++) {
		b->maps[i] = mmap(NULL, b->size, PROT_READ, MAP_SHARED,
				  b->fds[i], 0);
		if (b->maps[i] == MAP_FAILED)
			die("relay: cannot map");
	}
}

static void relay_attach(struct buffer *b)
{
	long cpus = b->peer->id == BENCH_RELAY_LOCK ? 1 :
		    sysconf(_SC_NPROCESSORS_ONLN);
	char path[128];

	if (cpus > CPUS_MAX)
		fail("only %d CPUs are provided for", CPUS_MAX);
	for (long cpu = 0; cpu < cpus; cpu++) {
		snprintf(path, sizeof(path),
			 RELAY_FOLDER BENCH_RELAY_FILES "%ld", b->number, cpu);
		add_file(b, path);
	}
	if (b->waits)
		relay_map(b);
}

/* One CPU's full sub-buffers, one by one. */
static bool relay_walk(struct buffer *b, unsigned int cpu)
{
	struct bench_relay arg = { .cpu = cpu };
	size_t size = b->size / BENCH_SUBBUFS;
	bool any = false;

	for (;;) {
		const char *data;

		if (ioctl(b->file, BENCH_CONSUME, &arg))
			die("relay: cannot consume");
		if (!arg.ready)
			return any;
		data = b->maps[cpu] + b->walked[cpu]++ % BENCH_SUBBUFS * size;
		count_bytes(b, data, size - arg.padding);
		arg.consumed = 1;
		any = true;
	}
}

/*
 * Its read() would do as long as there is room. But when it sees a full buffer
 * in the middle of a refused append, it skips a sub-buffer (Linux 6.1).
 */
static bool relay_read(struct buffer *b)
{
	struct pollfd polls[CPUS_MAX];
	bool any = false;
	ssize_t done;

	if (b->waits) {
		for (unsigned int i = 0; i < b->n_fds; i++)
			polls[i] = (struct pollfd){ b->fds[i], POLLIN, 0 };
		if (poll(polls, b->n_fds, -1) < 0)
			die("relay: cannot poll");
	}
	for (unsigned int i = 0; i < b->n_fds; i++) {
		if (b->waits) {
			any |= relay_walk(b, i);
			continue;
		}
		while (read_some(b, b->fds[i], &done)) {
			count_bytes(b, *space, done);
			any = true;
		}
	}
	return any;
}

static uint64_t kernel_address(const char *name)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char symbol[256] = "";
	uint64_t address;

	if (!file)
		die("cannot open /proc/kallsyms");
	while (fscanf(file, "%" SCNx64 " %*c %255s%*[^\n]", &address,
		      symbol) == 2 && strcmp(symbol, name))
		;
	fclose(file);
	if (strcmp(symbol, name) || !address)
		fail("/proc/kallsyms does not say where %s is", name);
	return address;
}

static void bpf_open(struct buffer *b, struct bench_create *arg)
{
	static uint64_t output;
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_RINGBUF,
		.max_entries = b->size,
	};

	if (!output)
		output = kernel_address("bpf_ringbuf_output");
	b->fds[0] = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	if (b->fds[0] < 0)
		die("bpf: cannot create a ring buffer of %zu bytes", b->size);
	b->n_fds = 1;
	arg->function = output;
	arg->handle = b->fds[0];
}

static size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* The data is mapped twice in a row, so that no record is in two pieces. */
static void bpf_attach(struct buffer *b)
{
	struct epoll_event event = { .events = EPOLLIN };
	size_t page = page_size();
	char *rest;

	b->consumed = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED,
			   b->fds[0], 0);
	rest = mmap(NULL, page + 2 * b->size, PROT_READ, MAP_SHARED, b->fds[0],
		    page);
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (b->consumed == MAP_FAILED || rest == MAP_FAILED ||
	    epoll_ctl(b->epoll, EPOLL_CTL_ADD, b->fds[0], &event))
		die("bpf: cannot map and poll");
	b->produced = (unsigned long *)rest;
	b->data = rest + page;
}

static void bpf_unmap(struct buffer *b)
{
	munmap(b->consumed, page_size());
	munmap(b->produced, page_size() + 2 * b->size);
	close(b->epoll);
}

static bool bpf_walk(struct buffer *b)
{
	unsigned long at = *b->consumed;
	bool any = false;

	while (at < __atomic_load_n(b->produced, __ATOMIC_ACQUIRE)) {
		char *data = b->data + (at & (b->size - 1));
		uint32_t size = __atomic_load_n((uint32_t *)data,
						__ATOMIC_ACQUIRE);

		if (size & BPF_RINGBUF_BUSY_BIT)
			break;
		count_record(b, data + BPF_RINGBUF_HDR_SZ);
		at += (size + BPF_RINGBUF_HDR_SZ + 7) & ~7UL;
		__atomic_store_n(b->consumed, at, __ATOMIC_RELEASE);
		any = true;
	}
	return any;
}

static bool bpf_read(struct buffer *b)
{
	struct epoll_event event;

	if (bpf_walk(b))
		return true;
	if (!b->waits)
		return false;
	if (epoll_wait(b->epoll, &event, 1, -1) < 0)
		die("bpf: cannot wait");
	return bpf_walk(b);
}

/* An event has 5 bits of type or size, 27 of time, and then maybe its size. */
static void trace_page(struct buffer *b, const char *page)
{
	const char *at = page + 2 * sizeof(uint64_t);
	uint32_t used;

	memcpy(&used, page + sizeof(uint64_t), sizeof(used));
	for (const char *end = at + (used & 0xfffff); at < end;) {
		uint32_t head, size;
		unsigned int type;

		memcpy(&head, at, sizeof(head));
		memcpy(&size, at + 4, sizeof(size));
		type = head & 31;
		if (type == 29 && !(head >> 5))	/* nothing up to the end */
			return;
		if (type == 29) {		/* padding */
			at += 4 + size;
		} else if (type > 29) {		/* time */
			at += 8;
		} else if (type) {
			count_record(b, at + 4);
			at += 4 + 4 * type;
		} else {
			count_record(b, at + 8);
			at += 4 + size;
		}
	}
}

static bool trace_read(struct buffer *b)
{
	ssize_t done;

	if (!read_some(b, b->file, &done))
		return false;
	for (ssize_t at = 0; at < done; at += page_size())
		trace_page(b, *space + at);
	return true;
}

static struct mmsghdr messages[MESSAGES];
static struct iovec message_vecs[MESSAGES];

static void netlink_open(struct buffer *b, struct bench_create *arg)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, BENCH_NETLINK);
	int size = b->size / 2;		/* which the kernel doubles */
	socklen_t n = sizeof(address);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, n) ||
	    getsockname(fd, (struct sockaddr *)&address, &n) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		die("netlink: cannot make a socket");
	b->fds[b->n_fds++] = fd;
	arg->handle = address.nl_pid;
	for (int i = 0; i < MESSAGES; i++) {
		message_vecs[i] = (struct iovec){ space[i], MESSAGE_MAX };
		messages[i].msg_hdr = (struct msghdr){
			.msg_iov = &message_vecs[i], .msg_iovlen = 1,
		};
	}
}

static bool netlink_read(struct buffer *b)
{
	int flags = b->waits ? MSG_WAITFORONE : MSG_DONTWAIT;
	int n;

	n = recvmmsg(b->fds[0], messages, MESSAGES, flags, NULL);
	while (n < 0 && errno == ENOBUFS) {	/* says that some were lost */
		/* recvmmsg() may say so and leave it refusing: look there. */
		recv(b->fds[0], NULL, 0, MSG_PEEK | MSG_DONTWAIT);
		n = recvmmsg(b->fds[0], messages, MESSAGES, flags, NULL);
	}
	if (n < 0 && errno != EAGAIN)
		die("netlink: cannot receive");
	for (int i = 0; i < n; i++)
		count_record(b, space[i] + NLMSG_HDRLEN);
	return n > 0;
}

/* "level,number,time,flags;text" and a line feed; others print, too. */
static void printk_line(struct buffer *b, char *line, size_t size)
{
	char *text = memchr(line, ';', size);
	unsigned long long number;

	if (!text || sscanf(line, "%*u,%llu", &number) != 1)
		fail("/dev/kmsg: not a line: %s", line);
	if (b->next_line && number > b->next_line)
		b->lost += number - b->next_line;
	b->next_line = number + 1;
	text++;
	if (size - (text - line) > b->record &&
	    (*text == BENCH_FILL || *text == BENCH_FILL_LAST))
		count_record(b, text);
}

/* printk() never refuses a record, so nothing needs to be drained. */
static bool printk_read(struct buffer *b)
{
	ssize_t done;

	if (!b->waits) {
		lseek(b->fds[0], 0, SEEK_END);
		return false;
	}
	do {
		done = read(b->fds[0], space, READ_SIZE - 1);
	} while (done < 0 && errno == EPIPE);	/* overwritten */
	if (done < 0)
		die("/dev/kmsg: cannot read");
	(*space)[done] = '\0';
	printk_line(b, *space, done);
	return true;
}

/* A line of its own tells the number of the next. */
static void printk_attach(struct buffer *b)
{
	static const char line[] = "bench\n";
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	klogctl(8, NULL, LOUD_ENOUGH);	/* the console's log level */
	add_file(b, "/dev/kmsg");
	lseek(b->fds[0], 0, SEEK_END);
	if (write(fd, line, strlen(line)) < 0)
		die("cannot write to /dev/kmsg");
	close(fd);
	printk_read(b);
}

const struct peer peers[] = {
	{ "loop", BENCH_LOOP, .floor = true },
	{ "memcpy", BENCH_MEMCPY, .floor = true },
	{ "lock", BENCH_LOCK, .floor = true },
	{ "lock+memcpy", BENCH_LOCK_MEMCPY, .floor = true },
	{ "bufflink", BENCH_BUFFLINK, .refuses = true, .made = true,
	  .attach = bufflink_attach, .read = read_bytes },
	{ "bufflink-percpu", BENCH_BUFFLINK_PERCPU, .overhead = 2,
	  .refuses = true, .made = true, .attach = bufflink_attach,
	  .read = read_bytes },
	{ "relay", BENCH_RELAY, .refuses = true, .made = true,
	  .open = relay_open, .attach = relay_attach, .read = relay_read },
	{ "relay+clock", BENCH_RELAY_CLOCK, .stamp = sizeof(uint64_t),
	  .overhead = 2, .max = 1024, .refuses = true, .made = true,
	  .open = relay_open, .attach = relay_attach, .read = relay_read },
	{ "relay+lock", BENCH_RELAY_LOCK, .refuses = true, .made = true,
	  .open = relay_open, .attach = relay_attach, .read = relay_read },
	{ "kfifo", BENCH_KFIFO, BENCH_KFIFO_WAKING, .refuses = true,
	  .made = true, .attach = own_attach, .read = read_bytes },
	{ "bpf", BENCH_BPF, .refuses = true, .made = true, .open = bpf_open,
	  .attach = bpf_attach, .read = bpf_read },
	{ "trace", BENCH_TRACE, BENCH_TRACE_WAKING, .max = 4072,
	  .refuses = true, .made = true, .attach = own_attach,
	  .read = trace_read },
	{ "netlink", BENCH_NETLINK_UNICAST, .overhead = 16, .refuses = true,
	  .open = netlink_open, .read = netlink_read },
	{ "printk", BENCH_PRINTK, .max = 976, .attach = printk_attach,
	  .read = printk_read },
};
const size_t n_peers = sizeof(peers) / sizeof(*peers);

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

void buffer_open(struct buffer *b, const struct peer *peer, size_t size,
		 bool waits)
{
	struct bench_create arg = {
		.peer = waits && peer->id_waking ? peer->id_waking : peer->id,
		.size = size,
	};
	uint64_t began;

	*b = (struct buffer){
		.peer = peer,
		.file = bench_file(),
		.size = size,
		.record = 1,
		.waits = waits,
	};
	began = now_ns();
	if (peer->open)
		peer->open(b, &arg);
	began = now_ns() - began;
	if (ioctl(b->file, BENCH_CREATE, &arg))
		die("%s: cannot create a buffer of %zu bytes", peer->name,
		    size);
	/* A BPF map is made by a system call of this program. */
	b->create_ns = arg.ns + (peer->id == BENCH_BPF ? began : 0);
	b->number = arg.number;
	if (peer->attach)
		peer->attach(b);
}

uint64_t buffer_destroy(struct buffer *b)
{
	uint64_t began, ns;

	if (b->consumed)
		bpf_unmap(b);
	for (int i = 0; i < CPUS_MAX && b->maps[i]; i++)
		munmap(b->maps[i], b->size);
	began = now_ns();
	for (unsigned int i = 0; i < b->n_fds; i++)
		close(b->fds[i]);
	b->n_fds = 0;
	began = now_ns() - began;
	if (ioctl(b->file, BENCH_DESTROY, &ns))
		die("%s: cannot destroy a buffer", b->peer->name);
	return ns + (b->peer->id == BENCH_BPF ? began : 0);
}

void buffer_close(struct buffer *b)
{
	buffer_destroy(b);
	close(b->file);
}

void buffer_drain(struct buffer *b)
{
	while (b->peer->read && b->peer->read(b))
		;
}
