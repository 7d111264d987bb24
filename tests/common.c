// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "common.h"

#define TRACING		"/sys/kernel/tracing"
#define INSTANCE	TRACING "/instances/check%d"

int producer = -1;

static bool node_there(const char *path)
{
	return !access(path, F_OK);
}

void producer_setup(void)
{
	/* a test may have left it unloaded */
	if (!node_there("/dev/" PRODUCER_NAME))
		ck_assert_int_eq(load("producer", ""), 0);
	producer = open("/dev/" PRODUCER_NAME, O_RDWR | O_CLOEXEC);
	ck_assert_msg(producer >= 0, "/dev/" PRODUCER_NAME ": %m");
	ck_assert_int_eq(ioctl(producer, PRODUCER_RESET), 0);
}

void producer_teardown(void)
{
	if (producer < 0)
		producer_setup();
	ck_assert_int_eq(ioctl(producer, PRODUCER_RESET), 0);
	close(producer);
	producer = -1;
}

void producer_unload(void)
{
	close(producer);
	producer = -1;
	ck_assert_int_eq(unload("producer"), 0);
}

void set_probes(void)
{
	ck_assert_int_eq(ioctl(producer, PRODUCER_SET_PROBES), 0);
}

struct producer_probe append_from_probe(const char *function)
{
	struct producer_probe probe = { };

	strncpy(probe.function, function, sizeof(probe.function) - 1);
	ck_assert_msg(!ioctl(producer, PRODUCER_PROBE, &probe),
		      "a probe on '%s': %m", function);
	return probe;
}

int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static struct producer_create ask_to_create(struct producer_create request)
{
	ck_assert_msg(!ioctl(producer, PRODUCER_CREATE, &request),
		      "create in slot %u: %m", request.slot);
	return request;
}

struct producer_create create(unsigned int slot, enum producer_memory memory,
			      __u64 size, int minor)
{
	return ask_to_create((struct producer_create) {
		.slot = slot, .memory = memory, .size = size, .minor = minor,
	});
}

struct producer_create create_named(unsigned int slot, const char *name,
				    size_t name_size, __u64 size,
				    unsigned int flags)
{
	struct producer_create request = {
		.slot = slot, .memory = PRODUCER_OWN, .size = size,
		.named = true, .flags = flags, .name_size = name_size,
	};

	ck_assert_uint_le(name_size, sizeof(request.name));
	if (name_size)
		memcpy(request.name, name, name_size);
	return ask_to_create(request);
}

int create_buffer(unsigned int slot, __u64 size)
{
	struct producer_create made = create(slot, PRODUCER_OWN, size, -1);

	ck_assert_int_eq(made.result, 0);
	return made.number;
}

int create_percpu(unsigned int slot, __u64 size)
{
	struct producer_create made = create_named(slot, NULL, 0, size,
						   PERCPU);

	ck_assert_int_eq(made.result, 0);
	return made.number;
}

int name_buffer(unsigned int slot, const char *name)
{
	struct producer_create made = create_named(slot, name, strlen(name) + 1,
						   PAGE, 0);

	ck_assert_int_eq(made.result, 0);
	return made.number;
}

int resize(unsigned int slot, __u64 size)
{
	struct producer_resize request = { .slot = slot, .size = size };

	ck_assert_msg(!ioctl(producer, PRODUCER_RESIZE, &request),
		      "resize in slot %u: %m", slot);
	return request.result;
}

int destroy(unsigned int slot)
{
	__u32 request = slot;

	return ioctl(producer, PRODUCER_DESTROY, &request) ? -errno : 0;
}

int open_buffer(int number, int flags)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/bufflink%d", number);
	wait_for(node_there(path));
	fd = open(path, flags | O_CLOEXEC);
	ck_assert_msg(fd >= 0, "%s: %m", path);
	return fd;
}

int new_buffer(__u64 size)
{
	return open_buffer(create_buffer(0, size), O_RDWR | O_NONBLOCK);
}

void set_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	ck_assert_int_eq(fcntl(fd, F_SETFL, flags & ~O_NONBLOCK), 0);
}

bool exists(const char *path, ...)
{
	char name[128];
	va_list args;

	va_start(args, path);
	vsnprintf(name, sizeof(name), path, args);
	va_end(args);
	return node_there(name);
}

void run(struct producer_run *run)
{
	ck_assert_msg(!ioctl(producer, PRODUCER_RUN, run),
		      "run in context %u: %m", run->context);
	ck_assert_uint_eq(run->result.other, 0);
	ck_assert_uint_eq(run->nested.other, 0);
}

int append(unsigned int slot, const void *data, size_t size)
{
	struct producer_run one = {
		.slot = slot, .count = 1, .data = (uintptr_t)data,
		.size_min = size, .size_max = size,
	};

	run(&one);
	return one.last;
}

int append_record(unsigned int slot, size_t size)
{
	return append(slot, NULL, size);
}

void fill(unsigned int slot, __u64 size)
{
	static const char piece[4096] = { [0 ... 4095] = 'x' };
	__u64 part;

	for (; size; size -= part) {
		part = size < sizeof(piece) ? size : sizeof(piece);
		ck_assert_int_eq(append(slot, piece, part), 0);
	}
}

__u64 refused(const struct producer_result *result)
{
	return result->nospc + result->msgsize + result->busy + result->other;
}

__u64 offered(const struct producer_result *result)
{
	return result->stored + refused(result);
}

void add_result(struct producer_result *total,
		const struct producer_result *more)
{
	total->stored += more->stored;
	total->bytes += more->bytes;
	total->lost_bytes += more->lost_bytes;
	total->nospc += more->nospc;
	total->msgsize += more->msgsize;
	total->busy += more->busy;
	total->other += more->other;
}

struct bufflink_stats stats(int fd)
{
	struct bufflink_stats stats;

	ck_assert_msg(!ioctl(fd, BUFFLINK_STATS, &stats), "STATS: %m");
	return stats;
}

struct bufflink_loss loss(int fd)
{
	struct bufflink_loss loss;

	ck_assert_msg(!ioctl(fd, BUFFLINK_GETLOSS, &loss), "GETLOSS: %m");
	return loss;
}

__u64 watermark(int fd)
{
	__u64 bytes;

	ck_assert_msg(!ioctl(fd, BUFFLINK_GETWATERMARK, &bytes),
		      "GETWATERMARK: %m");
	return bytes;
}

int set_watermark(int fd, __u64 bytes)
{
	__u64 request = bytes;

	return ioctl(fd, BUFFLINK_SETWATERMARK, &request) ? -errno : 0;
}

int readable(int fd)
{
	int bytes;

	ck_assert_msg(!ioctl(fd, FIONREAD, &bytes), "FIONREAD: %m");
	return bytes;
}

static size_t read_from(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);

	ck_assert_msg(got >= 0, "%s: %m", path);
	text[got] = '\0';
	close(fd);
	return got;
}

/* The result of write(2), or a negative errno */
static ssize_t put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written;

	ck_assert_msg(fd >= 0, "%s: %m", path);
	written = write(fd, text, strlen(text));
	if (written < 0)
		written = -errno;
	close(fd);
	return written;
}

int try_write(const char *path, const char *text)
{
	ssize_t written = put(path, text);

	return written < 0 ? written : 0;
}

void write_to(const char *path, const char *text)
{
	ck_assert_msg(put(path, text) == (ssize_t)strlen(text), "%s: %m", path);
}

static const char *sysfs_path(int number, const char *name)
{
	static __thread char path[96];

	snprintf(path, sizeof(path), "/sys/class/misc/bufflink%d/%s", number,
		 name);
	return path;
}

void sysfs_read(int number, const char *name, char *text, size_t size)
{
	size_t got = read_from(sysfs_path(number, name), text, size);

	ck_assert_msg(got && text[got - 1] == '\n', "%s is not one line", name);
	text[got - 1] = '\0';
}

__u64 sysfs_value(int number, const char *name)
{
	char text[32];
	char *end;
	__u64 value;

	sysfs_read(number, name, text, sizeof(text));
	value = strtoull(text, &end, 10);
	ck_assert_msg(*text && !*end, "%s is not a number: %s", name, text);
	return value;
}

int sysfs_write(int number, const char *name, const char *text)
{
	return try_write(sysfs_path(number, name), text);
}

int buffer_of(const char *owner)
{
	char text[64] = "";
	int number = -1;

	while (strcmp(text, owner))
		sysfs_read(++number, "owner", text, sizeof(text));
	return number;
}

int poll_for(int fd, short events, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	ck_assert_msg(poll(&pfd, 1, timeout_ms) >= 0, "poll: %m");
	return pfd.revents;
}

void read_all(int fd, void *data, size_t size)
{
	size_t have = 0;
	ssize_t got;

	while (have < size) {
		ck_assert_msg(poll_for(fd, POLLIN, PATIENCE_MS) & POLLIN,
			      "no data after %zu of %zu bytes", have, size);
		got = read(fd, (char *)data + have, size - have);
		ck_assert_msg(got > 0, "read after %zu of %zu bytes: %zd, %m",
			      have, size, got);
		have += got;
	}
}

void drain(int fd)
{
	static char waste[1 << 16];
	size_t part;
	int left;

	while ((left = readable(fd))) {
		part = (size_t)left < sizeof(waste) ? (size_t)left :
						      sizeof(waste);
		read_all(fd, waste, part);
	}
}

pid_t start(int (*work)(void *arg), void *arg)
{
	pid_t pid = fork();

	ck_assert_msg(pid >= 0, "fork: %m");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	_exit(work(arg));
}

bool finished(pid_t pid, int timeout_ms)
{
	struct patience patience = patience_of(timeout_ms);
	siginfo_t info;

	do {
		info.si_pid = 0;
		ck_assert_int_eq(waitid(P_PID, pid, &info,
					WEXITED | WNOHANG | WNOWAIT), 0);
		if (info.si_pid)
			return true;
	} while (lasts(&patience));
	return false;
}

int finish(pid_t pid)
{
	int status;

	ck_assert_msg(finished(pid, PATIENCE_MS), "a child is stuck");
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "a child died of signal %d",
		      WTERMSIG(status));
	return WEXITSTATUS(status);
}

void is_killed(pid_t pid, int number)
{
	int status;

	ck_assert(finished(pid, PATIENCE_MS));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), number);
}

/* A file of a task in /proc begins so: sscanf() of one number or letter. */
static bool task_shows(pid_t tid, const char *name, const char *format,
		       void *value)
{
	char path[32];
	FILE *file;
	bool found;

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, name);
	file = fopen(path, "r");
	if (!file)
		return false;
	found = fscanf(file, format, value) == 1;
	fclose(file);
	return found;
}

/* A task sets its state, looks once more, and sleeps: "running" until then. */
bool is_asleep(pid_t tid, long *number)
{
	char state;

	return task_shows(tid, "stat", "%*d (%*[^)]) %c", &state) &&
	       state == 'S' && task_shows(tid, "syscall", "%ld", number);
}

void wait_asleep(pid_t tid)
{
	long number;

	wait_for(is_asleep(tid, &number));
}

void *shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(memory, MAP_FAILED);
	return memory;
}

void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	ck_assert_msg(!sched_setaffinity(0, sizeof(set), &set),
		      "CPU %u: %m", cpu);
}

unsigned int cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

unsigned int possible_cpus(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/possible", "r");
	unsigned int last = 0;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fscanf(file, "0-%u", &last), 0);
	fclose(file);
	return last + 1;
}

unsigned int slowness(void)
{
	const char *text = getenv("slow");
	int factor = text ? atoi(text) : 1;

	return factor > 0 ? factor : 1;
}

void become_nobody(void)
{
	ck_assert_int_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
	ck_assert_int_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
}

bool has_tracepoints(void)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[256];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, " syscall_regfunc\n");
	if (file)
		fclose(file);
	return found;
}

bool is_real_time(void)
{
	struct utsname kernel;

	ck_assert_int_eq(uname(&kernel), 0);
	return strstr(kernel.version, "PREEMPT_RT");
}

void pause_ms(unsigned int ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

__u64 clock_now(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

__u64 now_ms(void)
{
	return clock_now(CLOCK_MONOTONIC) / 1000000;
}

struct patience patience_of(unsigned int ms)
{
	return (struct patience){ .end = now_ms() + ms, .looks = ms / 20 };
}

bool lasts(struct patience *patience)
{
	pause_ms(1);
	if (patience->looks)
		patience->looks--;
	return patience->looks || now_ms() < patience->end;
}

#define DEVKMSG		"/proc/sys/kernel/printk_devkmsg"
#define CONSOLE_LEVEL	8	/* of klogctl() */

void log_quietly(void)
{
	ck_assert_int_eq(klogctl(CONSOLE_LEVEL, NULL, 1), 0);
	write_to(DEVKMSG, "on\n");
}

void log_as_before(void)
{
	klogctl(CONSOLE_LEVEL, NULL, 7);
	write_to(DEVKMSG, "ratelimit\n");
}

int open_log(int whence)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(lseek(fd, 0, whence), 0);
	return fd;
}

__u64 available(void)
{
	unsigned long long kib = 0;
	FILE *file = fopen("/proc/meminfo", "r");
	char line[96];

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			break;
	fclose(file);
	ck_assert_uint_gt(kib, 0);
	return kib * 1024;
}

int open_module(const char *name)
{
	char path[256];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 64);
	int fd;

	ck_assert_int_gt(length, 0);
	path[length] = '\0';
	sprintf(strrchr(path, '/'), "/%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_msg(fd >= 0, "%s: %m", path);
	return fd;
}

int load(const char *name, const char *parameters)
{
	int fd = open_module(name);
	int result = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;

	close(fd);
	return result;
}

int unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

void unload_if_there(const char *name)
{
	int err = unload(name);

	ck_assert(!err || err == -ENOENT);
}

static const char *parameter(const char *module, const char *name)
{
	static __thread char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", module,
		 name);
	return path;
}

const char *parameter_read(const char *module, const char *name)
{
	static char text[4097];

	read_from(parameter(module, name), text, sizeof(text));
	return text;
}

int parameter_try(const char *module, const char *name, const char *text)
{
	return try_write(parameter(module, name), text);
}

void parameter_write(const char *module, const char *name, const char *text)
{
	write_to(parameter(module, name), text);
}

int read_to_the_end(void *fd)
{
	static char data[1 << 16];
	ssize_t got;

	set_blocking(*(int *)fd);
	do
		got = read(*(int *)fd, data, sizeof(data));
	while (got > 0);
	return got < 0;
}

static const char * const *traced;	/* by keep_traced(), or NULL */

static void trace(const char * const events[], const char *on)
{
	char path[128];
	int i;

	for (i = 0; events[i / 2]; i++) {
		snprintf(path, sizeof(path), INSTANCE "/events/%s/enable",
			 i % 2, events[i / 2]);
		write_to(path, on);
	}
}

bool keep_traced(const char * const events[])
{
	char path[64];
	int i;

	if (mount("tracefs", TRACING, "tracefs", 0, NULL) && errno != EBUSY)
		return false;
	if (!exists(TRACING "/events/%s", events[0]))
		return false;
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), INSTANCE, i);
		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
	trace(events, "1");
	traced = events;
	return true;
}

void stop_tracing(void)
{
	char path[64];
	int i;

	if (!traced)
		return;
	trace(traced, "0");
	traced = NULL;
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), INSTANCE, i);
		ck_assert_int_eq(rmdir(path), 0);
	}
}

static __u8 noise[PRODUCER_NOISE_SIZE];

struct stream *stream_new(void)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	ck_assert_ptr_nonnull(stream);
	producer_noise(noise);
	return stream;
}

/* The length of a record of which so much is there; 0 if that is too little */
static size_t record_length(const __u8 *record, size_t have)
{
	if (record[0] & 7)
		return record[0] & 7;
	if (have < 4)
		return 0;
	return record[1] | record[2] << 8 | record[3] << 16;
}

static void check_record(struct stream *stream, const __u8 *record,
			 size_t size)
{
	__u32 id = record[0] >> 3;
	__u32 sequence = stream->sequence[id]++;
	const __u8 *payload = producer_payload(noise, id, sequence);
	__u8 header[PRODUCER_HEADER];
	size_t length = producer_header(header, id, sequence, size);

	if (memcmp(record, header, length) ||
	    memcmp(record + length, payload, size - length))
		ck_abort_msg("byte %llu: not record %u of producer %u, %zu bytes",
			     stream->bytes, sequence, id, size);
	stream->records++;
	stream->bytes += size;
}

/* Check whole records; returns how many bytes they are. */
static size_t check_whole(struct stream *stream, const __u8 *data,
			  size_t size)
{
	size_t done = 0;
	size_t length;

	while (done < size) {
		length = record_length(data + done, size - done);
		ck_assert_uint_le(length, PRODUCER_RECORD_MAX);
		if (!length || length > size - done)
			break;
		check_record(stream, data + done, length);
		done += length;
	}
	return done;
}

void stream_feed(struct stream *stream, const void *data, size_t size)
{
	const __u8 *next = data;
	size_t want, part, done;

	/* a record that came in pieces is put together first */
	while (stream->have && size) {
		want = record_length(stream->partial, stream->have);
		part = want ? want - stream->have : 1;
		if (part > size)
			part = size;
		memcpy(stream->partial + stream->have, next, part);
		stream->have += part;
		next += part;
		size -= part;
		if (check_whole(stream, stream->partial, stream->have))
			stream->have = 0;
	}
	if (!size)
		return;
	done = check_whole(stream, next, size);
	stream->have = size - done;
	memcpy(stream->partial, next + done, stream->have);
}

void make_record(void *record, __u32 id, __u32 sequence, size_t size)
{
	producer_record(record, noise, id, sequence, size);
}

void stream_end(const struct stream *stream)
{
	ck_assert_msg(!stream->have, "the stream ends in half a record");
}
