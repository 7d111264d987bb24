// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-migrate - copy a block device while it is written to
 *
 * The disk is divided into chunks, and a chunk is dirty when it may differ from
 * its copy: at first all of them, later those that bufflink_blklog names. A
 * chunk is marked clean before it is read. As what changes is logged when it
 * has changed, a chunk that was read too early becomes dirty again.
 */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <dirent.h>
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bufflink_blklog.h"
#include "program.h"

#define PARAMETERS	"/sys/module/bufflink_blklog/parameters/"
#define SECTOR		512
#define BLOCK		(1 << 20)	/* most bytes that are read at once */
#define MAX_FREEZES	16
#define MAX_LOSSES	3	/* then the last round may be all of it */
#define MAX_PASSES	20	/* of the last round, for what is discarded in it */

/* besides EXIT_SUCCESS, EXIT_FAILURE and EXIT_USAGE */
#define EXIT_WRITTEN	3

static const char help[] =
"Usage: bufflink-migrate [OPTION]... SRC DST\n"
"       bufflink-migrate --receive DST\n"
"Copy the block device SRC to DST while SRC is written to: once all of it, then\n"
"what the module bufflink_blklog says was written meanwhile, round by round, and\n"
"the last round with SRC at rest. DST is a device, a file, or - for a stream on\n"
"standard output, which --receive takes from standard input.\n"
"\n"
"  -f, --freeze=MOUNTPOINT  freeze the file system there for the last round (may\n"
"                           be given several times); without it, the last round\n"
"                           begins with SIGUSR1 or the Enter key: then nothing\n"
"                           may write to SRC any more\n"
"  -r, --run=COMMAND        when DST is a copy, run COMMAND before the thaw\n"
"  -l, --little=BYTES       how much left over begins the last round (4194304)\n"
"  -n, --rounds=N           how many rounds may come before it (20)\n"
"  -g, --granularity=BYTES  how much is copied for a byte written (65536)\n"
"  -R, --receive            write a stream from standard input to DST\n"
"  -h, --help               print this and exit\n"
"  -V, --version            print the version and exit\n"
"\n"
"Exit status: 0 DST is a copy, 1 failed, 2 bad command line, 3 SRC was, or may\n"
"have been, written to during the last round. With any but 0, do not use DST;\n"
"after 2, DST is as it was.\n";

static struct {
	const char *path;
	int fd;
	dev_t device;
	dev_t disk;		/* the whole one */
	__u64 diskseq;		/* of it and its medium, as of no other */
	__u64 start;		/* on it (bytes) */
	__u64 size;		/* (bytes) */
} src;

static struct {
	const char *path;
	int fd;
	bool stream;
	bool made;		/* by us, and not written to yet */
	bool punches;		/* holes */
	__u64 frames;		/* in the stream, so far */
} dst;

static struct {
	struct bufflink_reader *reader;
	struct blklog_record record;	/* as much of it as was read */
	size_t have;		/* bytes of that */
	bool is_cut;		/* an earlier reader had the beginning */
	__u64 lost;		/* records that we know of */
	unsigned int losses;	/* times that we learned of some */
	__u64 changes;		/* records about SRC so far, see mark_change() */
	struct {		/* when the last round began */
		__u64 changes;
		unsigned int losses;
	} at_rest;
} blklog;

/* What has begun to change and does not say at its end what it was. */
static struct blklog_record *begun;
static size_t begun_count;

static struct {
	__u8 *chunks;		/* one each: 1 if it is dirty */
	__u64 count;
	__u64 left;		/* how many are dirty */
} dirty;

static __u64 granularity = 1 << 16;
static __u64 little = 4 << 20;
static __u64 max_rounds = 20;
static const char *command;

static struct {
	unsigned int round;
	__u64 copied;		/* in this round (bytes) */
	__u64 total;		/* in all rounds (bytes) */
	double began;		/* this round (seconds) */
	double drawn;		/* the bar */
	bool terminal;
} progress;

static volatile sig_atomic_t word;	/* of the operator: SRC is at rest */

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* signals */

static void thaw(void);

static void on_signal(int number)
{
	if (number == SIGUSR1)
		word = 1;
	else if (number != SIGPIPE)	/* an error of write() says it, too */
		stopped = number;
}

/* Not as other programs do: a stop is a matter of moments, and thaws. */
static void handle_signals(void)
{
	static const int numbers[] = {
		SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1
	};
	const struct sigaction action = { .sa_handler = on_signal };
	struct sigaction before;
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		sigaction(numbers[i], NULL, &before);
		if (before.sa_handler != SIG_IGN || numbers[i] == SIGUSR1)
			sigaction(numbers[i], &action, NULL);
	}
}

static void check_stopped(void)
{
	if (!stopped)
		return;
	thaw();
	warnx("stopped: %s is not a copy, start anew", dst.path);
	signal(stopped, SIG_DFL);
	raise(stopped);
}

/* freeze and thaw */

static const char *mountpoints[MAX_FREEZES];
static int mounts[MAX_FREEZES];
static int mount_count;
static int guardian_fd = -1;	/* nothing is frozen once this is closed */
static pid_t guardian;

static void thaw_all(int count)
{
	while (count--) {
		if (ioctl(mounts[count], FITHAW, 0))
			warn("cannot thaw %s, try fsfreeze --unfreeze",
			     mountpoints[count]);
	}
}

/* Freezes, and thaws when the pipe is closed: by us, or however we may die. */
static void guard(int pipe, int answers)
{
	int frozen, error = 0;
	char none;

	setsid();	/* out of reach of the terminal's signals */
	close(bufflink_fd(blklog.reader));	/* it is free again when the other one ends */
	for (frozen = 0; frozen < mount_count; frozen++) {
		if (!ioctl(mounts[frozen], FIFREEZE, 0))
			continue;
		error = errno;
		break;
	}
	if (write(answers, &error, sizeof(error)) == sizeof(error) && !error) {
		while (read(pipe, &none, 1) < 0 && errno == EINTR)
			;
	}
	thaw_all(frozen);
	_exit(EXIT_SUCCESS);
}

static void thaw(void)
{
	int status = 0;

	if (guardian_fd < 0)
		return;
	close(guardian_fd);
	guardian_fd = -1;
	while (waitpid(guardian, &status, 0) < 0 && errno == EINTR)
		;
	if (status)	/* somebody has killed it */
		thaw_all(mount_count);
}

static void freeze(void)
{
	int pipe[2], answers[2], error = 0, i;
	ssize_t got;

	if (!mount_count)
		return;
	for (i = 0; i < mount_count; i++)
		syncfs(mounts[i]);	/* less to do while it freezes */
	if (pipe2(pipe, O_CLOEXEC) || pipe2(answers, O_CLOEXEC))
		err(EXIT_FAILURE, "cannot make a pipe");
	guardian = fork();
	if (guardian < 0)
		err(EXIT_FAILURE, "cannot fork");
	if (!guardian) {
		close(pipe[1]);
		guard(pipe[0], answers[1]);
	}
	close(pipe[0]);
	close(answers[1]);
	guardian_fd = pipe[1];
	do {
		got = read(answers[0], &error, sizeof(error));
	} while (got < 0 && errno == EINTR && !stopped);
	close(answers[0]);
	check_stopped();
	if (got != sizeof(error) || error) {
		errno = error;
		err(EXIT_FAILURE, "cannot freeze what was to be frozen");
	}
}

/* arguments */

static void freeze_argument(const char *path)
{
	if (mount_count == MAX_FREEZES)
		errx(EXIT_USAGE, "--freeze: no more than %d file systems",
		     MAX_FREEZES);
	mountpoints[mount_count] = path;
	mounts[mount_count] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mounts[mount_count] < 0)
		err(EXIT_USAGE, "--freeze: cannot open %s", path);
	mount_count++;
}

/* which device is part of which */

/* A number from a file of sysfs; 0 if there is none. */
static __u64 sysfs_number(dev_t device, const char *name)
{
	unsigned long long number = 0;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(device),
		 minor(device), name);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

static dev_t device_of_sysfs(const char *path)
{
	unsigned int major = 0, minor = 0;
	FILE *file = fopen(path, "re");

	if (!file)
		return 0;
	if (fscanf(file, "%u:%u", &major, &minor) != 2)
		major = 0;
	fclose(file);
	return major ? makedev(major, minor) : 0;
}

static dev_t whole_disk(dev_t device)
{
	char path[128];

	if (!sysfs_number(device, "partition"))
		return device;
	/* of the link's target, so it is the disk's */
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../dev",
		 major(device), minor(device));
	return device_of_sysfs(path);
}

/* Where the file of a loop device is; 0 if it is none, or cannot be seen. */
static dev_t below_loop(dev_t device)
{
	char path[128], line[PATH_MAX];
	struct stat below;
	FILE *file;
	bool good;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/loop/backing_file",
		 major(device), minor(device));
	file = fopen(path, "re");
	if (!file)
		return 0;
	good = fgets(line, sizeof(line), file);
	fclose(file);
	line[good ? strcspn(line, "\n") : 0] = '\0';
	return stat(line, &below) ? 0 : below.st_dev;
}

/*
 * A partition stands on its disk, a loop device on a file, and a dm or md device
 * on others.
 */
static bool stands_on(dev_t device, dev_t base)
{
	const dev_t disk = whole_disk(device);
	const struct dirent *entry;
	char path[512];
	bool found;
	DIR *slaves;

	if (!device)
		return false;
	found = device == base || stands_on(below_loop(device), base) ||
		(disk != device && stands_on(disk, base));
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/slaves",
		 major(device), minor(device));
	slaves = opendir(path);
	while (slaves && !found && (entry = readdir(slaves))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/slaves/%s/dev",
			 major(device), minor(device), entry->d_name);
		found = stands_on(device_of_sysfs(path), base);
	}
	if (slaves)
		closedir(slaves);
	return found;
}

static struct stat stat_of(int fd, const char *path)
{
	struct stat stat;

	if (fstat(fd, &stat))
		err(EXIT_FAILURE, "cannot look at %s", path);
	return stat;
}

static void check_mounts(void)
{
	dev_t device;
	int i;

	for (i = 0; i < mount_count; i++) {
		device = stat_of(mounts[i], mountpoints[i]).st_dev;
		/* btrfs and the like do not tell their device */
		if (major(device) && !stands_on(device, src.device))
			errx(EXIT_USAGE, "--freeze: %s is not on %s",
			     mountpoints[i], src.path);
	}
}

/* We would copy our own writes for ever, or wait for a thaw that is ours. */
static void check_not_on_src(int fd, const char *path)
{
	struct stat stat = stat_of(fd, path);
	dev_t device = S_ISBLK(stat.st_mode) ? stat.st_rdev : stat.st_dev;
	int i;

	if (!S_ISBLK(stat.st_mode) && !S_ISREG(stat.st_mode))
		return;
	if (stands_on(device, src.disk))
		errx(EXIT_USAGE, "%s is on the disk of %s", path, src.path);
	for (i = 0; i < mount_count; i++) {
		if (device == stat_of(mounts[i], mountpoints[i]).st_dev)
			errx(EXIT_USAGE, "%s is on %s, which will be frozen",
			     path, mountpoints[i]);
	}
}

/* the source */

static __u64 ask_src(unsigned long call)
{
	__u64 answer;

	if (ioctl(src.fd, call, &answer))
		err(EXIT_FAILURE, "cannot learn what %s is", src.path);
	return answer;
}

static void open_src(const char *path)
{
	struct stat stat;

	src.path = path;
	src.fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (src.fd < 0)
		err(EXIT_USAGE, "cannot open %s", path);
	stat = stat_of(src.fd, path);
	if (!S_ISBLK(stat.st_mode))
		errx(EXIT_USAGE, "%s is not a block device", path);
	src.size = ask_src(BLKGETSIZE64);
	src.diskseq = ask_src(BLKGETDISKSEQ);
	src.device = stat.st_rdev;
	src.disk = whole_disk(stat.st_rdev);
	src.start = sysfs_number(stat.st_rdev, "start") * SECTOR;
}

/* What it has grown by is not in the copy; another medium is not in the log. */
static void check_src(void)
{
	if (ask_src(BLKGETSIZE64) != src.size ||
	    ask_src(BLKGETDISKSEQ) != src.diskseq)
		errx(EXIT_FAILURE, "%s has another size or medium now: %s is not a copy",
		     src.path, dst.path);
}

static void read_src(char *data, __u64 offset, size_t size)
{
	ssize_t got;

	while (size) {
		got = pread(src.fd, data, size, offset);
		if (got < 0 && errno == EINTR) {
			check_stopped();
			continue;
		}
		if (got < 0)
			err(EXIT_FAILURE, "cannot read %s at byte %llu: %s is not a copy",
			    src.path, offset, dst.path);
		if (!got)
			errx(EXIT_FAILURE, "%s has become smaller", src.path);
		data += got;
		offset += got;
		size -= got;
	}
}

/* the destination */

static void full_write(const void *data, size_t size, __u64 offset)
{
	const char *next = data;
	ssize_t put;

	while (size) {
		if (dst.stream)
			put = write(dst.fd, next, size);
		else
			put = pwrite(dst.fd, next, size, offset);
		if (put < 0 && errno == EAGAIN)
			wait_for_descriptor(dst.fd, POLLOUT);
		if (put < 0 && (errno == EINTR || errno == EAGAIN)) {
			check_stopped();
			continue;
		}
		if (put < 0)
			err(EXIT_FAILURE, "cannot write to %s, which is not a copy",
			    dst.path);
		next += put;
		offset += put;
		size -= put;
	}
}

/*
 * The stream: a header, then frames, of which those of data are followed by it.
 * All numbers are little-endian. Without its last frame, which has the size as
 * offset and the number of frames before it as length, it is nothing.
 */
#define MAGIC		"bufflink-migrate"
#define FRAME_DATA	0x61746164	/* "data" */
#define FRAME_ZERO	0x6f72657a	/* "zero" */
#define FRAME_END	0x21646e65	/* "end!" */

struct header {
	char magic[16];
	__u64 version;
	__u64 size;
};

struct frame {
	__u64 kind;
	__u64 offset;
	__u64 length;
};

static void send_frame(__u64 kind, __u64 offset, __u64 length)
{
	const struct frame frame = {
		.kind = htole64(kind),
		.offset = htole64(offset),
		.length = htole64(length),
	};

	full_write(&frame, sizeof(frame), 0);
	dst.frames++;
}

static void write_data(const void *data, size_t size, __u64 offset)
{
	if (dst.stream)
		send_frame(FRAME_DATA, offset, size);
	full_write(data, size, offset);
	if (!dst.stream)	/* so that fsync() has little to do */
		sync_file_range(dst.fd, offset, size, SYNC_FILE_RANGE_WRITE);
}

static void write_zeroes(__u64 offset, __u64 size)
{
	static const char zeroes[BLOCK];
	size_t part;

	if (dst.stream) {
		send_frame(FRAME_ZERO, offset, size);
		return;
	}
	if (dst.punches &&
	    !fallocate(dst.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		       offset, size))
		return;
	dst.punches = false;
	for (; size; size -= part, offset += part) {
		part = size < BLOCK ? size : BLOCK;
		full_write(zeroes, part, offset);
	}
}

/* Makes room for size bytes, where nothing has been written until now. */
static void open_dst(const char *path)
{
	const bool in_dev = !strncmp(path, "/dev/", 5);
	struct stat stat;

	dst.path = path;
	if (!strcmp(path, "-")) {
		dst.path = "the stream";
		dst.stream = true;
		dst.fd = STDOUT_FILENO;
		if (isatty(dst.fd))
			errx(EXIT_USAGE, "a stream is nothing for a terminal");
		return;
	}
	/* exclusive: a device must not be mounted; a typing error in /dev is
	 * not to become a file in memory
	 */
	dst.fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);
	if (dst.fd < 0 && errno == ENOENT && !in_dev) {
		dst.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		dst.made = dst.fd >= 0;
	}
	if (dst.fd < 0)
		err(EXIT_USAGE, "cannot open %s", path);
	stat = stat_of(dst.fd, path);
	if (!S_ISBLK(stat.st_mode) && !S_ISREG(stat.st_mode))
		errx(EXIT_USAGE, "%s is neither a device nor a file", path);
	dst.punches = true;
}

static void size_dst(__u64 size)
{
	__u64 room = size;

	if (S_ISREG(stat_of(dst.fd, dst.path).st_mode)) {
		if (ftruncate(dst.fd, size))
			err(EXIT_FAILURE, "cannot give %s its size", dst.path);
	} else if (ioctl(dst.fd, BLKGETSIZE64, &room)) {
		err(EXIT_USAGE, "cannot learn the size of %s", dst.path);
	}
	if (room < size)
		errx(EXIT_USAGE, "%s has %llu bytes, and %llu are needed",
		     dst.path, room, size);
	dst.made = false;
}

/* What is refused leaves nothing behind, and what was frozen thaws. */
static void clean_up(void)
{
	if (dst.made)
		unlink(dst.path);
	thaw();
}

static void sync_dst(void)
{
	if (!dst.stream && fsync(dst.fd))
		err(EXIT_FAILURE, "cannot write to %s, which is not a copy",
		    dst.path);
}

static void begin_dst(void)
{
	struct header header = {
		.magic = MAGIC,
		.version = htole64(1),
		.size = htole64(src.size),
	};

	if (dst.stream)
		full_write(&header, sizeof(header), 0);
	else
		size_dst(src.size);
}

/* what is dirty */

static void mark(__u64 first, __u64 end)
{
	for (; first < end && dirty.left < dirty.count; first++) {
		dirty.left += !dirty.chunks[first];
		dirty.chunks[first] = 1;
	}
}

static void mark_all(void)
{
	mark(0, dirty.count);
}

/* Chunks that these sectors of the whole disk touch; false if none is SRC's. */
static bool mark_sectors(__u64 sector, __u64 sectors)
{
	const __u64 src_end = src.start + src.size;
	__u64 first = sector * SECTOR;
	__u64 end = first + sectors * SECTOR;

	if (first < src.start)
		first = src.start;
	if (end > src_end)
		end = src_end;
	if (first >= end)
		return false;
	mark((first - src.start) / granularity,
	     (end - 1 - src.start) / granularity + 1);
	return true;
}

/* Takes up to size bytes of what is dirty, from chunk *first on, as clean. */
static __u64 take_dirty(__u64 *first)
{
	const __u64 most = granularity < BLOCK ? BLOCK / granularity : 1;
	__u64 count = 0;

	while (*first < dirty.count && !dirty.chunks[*first])
		++*first;
	while (count < most && *first + count < dirty.count &&
	       dirty.chunks[*first + count])
		dirty.chunks[*first + count++] = 0;
	dirty.left -= count;
	return count;
}

static void make_map(void)
{
	dirty.count = (src.size + granularity - 1) / granularity;
	dirty.chunks = calloc(dirty.count ? dirty.count : 1, 1);
	if (!dirty.chunks)
		err(EXIT_FAILURE, "cannot remember %llu chunks", dirty.count);
	mark_all();
}

/* the log */

static FILE *open_parameter(const char *name)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	file = fopen(path, "re");
	if (!file)
		err(EXIT_USAGE, "%s: is bufflink_blklog loaded, with devices=%s?",
		    path, src.path);
	return file;
}

/* Both parameters are lists with commas, in the same order. */
static const char *find_log(void)
{
	FILE *diskseqs = open_parameter("diskseqs");
	FILE *buffers = open_parameter("buffers");
	static char number[16];
	bool found = false;
	__u64 diskseq;

	while (!found && fscanf(diskseqs, "%llu%*[,\n]", &diskseq) == 1 &&
	       fscanf(buffers, "%15[0-9]%*[,\n]", number) == 1)
		found = diskseq == src.diskseq;
	fclose(diskseqs);
	fclose(buffers);
	if (!found)
		errx(EXIT_USAGE, "bufflink_blklog does not log %s: load it with devices=%s",
		     src.path, src.path);
	return number;
}

static struct bufflink_stats log_stats(void)
{
	struct bufflink_stats stats;

	if (ioctl(bufflink_fd(blklog.reader), BUFFLINK_STATS, &stats))
		err(EXIT_FAILURE, "%s is not a buffer of bufflink",
		    bufflink_device(blklog.reader));
	return stats;
}

static void open_log(void)
{
	struct bufflink_stats stats;
	int err;

	blklog.reader = bufflink_new(find_log(), BUFFLINK_EXCLUSIVE);
	if (!blklog.reader)
		errx(EXIT_FAILURE, "%s", bufflink_error());
	err = bufflink_open(blklog.reader, 0);
	if (err)
		errx(err == -EBUSY ? EXIT_USAGE : EXIT_FAILURE,
		     "the log of %s: %s", src.path, bufflink_error());
	stats = log_stats();
	blklog.have = stats.bytes_read % sizeof(blklog.record);
	blklog.is_cut = blklog.have;
	blklog.lost = stats.lost_records;
}

static size_t find_begun(__u64 id)
{
	size_t i = 0;

	while (i < begun_count && begun[i].id != id)
		i++;
	return i;
}

/*
 * A file system may discard what it has freed at any time, also frozen: ext4, for
 * one, does so in a thread of its own, and a freeze does not wait for that. It
 * has to be copied, but is no write.
 */
static void mark_change(const struct blklog_record *record)
{
	const bool harmless = mount_count && record->change == BLKLOG_DISCARD;

	if (mark_sectors(record->sector, record->sectors) && !harmless)
		blklog.changes++;
}

static void remember_begun(const struct blklog_record *record)
{
	size_t i = find_begun(record->id);

	/* One that never ended here has ended: its id was free again. */
	if (i < begun_count)
		mark_change(&begun[i]);
	else if (begun_count % 64 == 0)
		begun = reallocarray(begun, begun_count + 64, sizeof(*begun));
	if (!begun)
		err(EXIT_FAILURE, "cannot remember what has begun");
	begun_count += i == begun_count;
	begun[i] = *record;
}

static void take_record(const struct blklog_record *record)
{
	size_t i;

	if (record->version != BLKLOG_VERSION)
		errx(EXIT_FAILURE, "bufflink_blklog's records have version %u, not %u",
		     record->version, BLKLOG_VERSION);
	if (record->flags & BLKLOG_BEGUN) {
		remember_begun(record);
		return;
	}
	mark_change(record);
	if (!record->id)
		return;
	i = find_begun(record->id);
	if (i < begun_count) {
		mark_change(&begun[i]);
		begun[i] = begun[--begun_count];
	} else {	/* lost, or before us: what else it was is not known */
		mark_all();
		blklog.changes++;
	}
}

static void take_bytes(const char *data, size_t size)
{
	size_t part;

	for (; size; data += part, size -= part) {
		part = sizeof(blklog.record) - blklog.have;
		part = part < size ? part : size;
		memcpy((char *)&blklog.record + blklog.have, data, part);
		blklog.have += part;
		if (blklog.have < sizeof(blklog.record))
			return;
		if (!blklog.is_cut)
			take_record(&blklog.record);
		blklog.is_cut = false;
		blklog.have = 0;
	}
}

static void take_records(void)
{
	struct bufflink_event event;
	int err;

	while ((err = bufflink_next(blklog.reader, &event, SIZE_MAX,
				    0)) != -EAGAIN) {
		if (err == -EINTR)
			check_stopped();
		else if (err)
			errx(EXIT_FAILURE, "%s", bufflink_error());
		else if (event.type == BUFFLINK_END)
			errx(EXIT_FAILURE, "the log has ended, so %s is not a copy",
			     dst.path);
		else if (event.type == BUFFLINK_DATA)
			take_bytes(event.data, event.size);
	}
}

/* Marks what was written until now; says whether that is no longer known. */
static bool follow_log(void)
{
	struct bufflink_stats stats;
	__u64 lost;

	take_records();
	stats = log_stats();
	lost = stats.lost_records - blklog.lost;
	if (!lost)
		return false;
	blklog.lost = stats.lost_records;
	blklog.losses++;
	mark_all();
	fprintf(stderr, "%s%s lost %llu records: what changed is not known, so all is dirty\n",
		progress.terminal ? "\r\033[K" : "",
		bufflink_device(blklog.reader), lost);
	return true;
}

/* progress */

static const char *human(double bytes)
{
	static const char units[][4] = { "B", "KiB", "MiB", "GiB", "TiB" };
	static char texts[4][32];
	static int turn;
	char *text = texts[turn++ % 4];
	size_t i = 0;

	for (; bytes >= 1024 && i < 4; i++)
		bytes /= 1024;
	snprintf(text, sizeof(texts[0]), "%.*f %s", i ? 1 : 0, bytes, units[i]);
	return text;
}

static __u64 bytes_left(void)
{
	__u64 bytes = dirty.left * granularity;

	return bytes < src.size ? bytes : src.size;
}

static const char *rate(void)
{
	const double seconds = now() - progress.began;

	return human(seconds > 0 ? progress.copied / seconds : 0);
}

static void draw_bar(__u64 chunk)
{
	char bar[] = "........................";
	const size_t width = sizeof(bar) - 1;

	if (!progress.terminal || now() - progress.drawn < 0.2)
		return;
	progress.drawn = now();
	memset(bar, '#', dirty.count ? width * chunk / dirty.count : width);
	fprintf(stderr, "\rround %u [%s] %3llu %%, %s/s, %s dirty\033[K",
		progress.round, bar,
		dirty.count ? 100 * chunk / dirty.count : 100, rate(),
		human(bytes_left()));
}

static void begin_round(void)
{
	progress.round++;
	progress.copied = 0;
	progress.began = now();
}

static void report_round(void)
{
	fprintf(stderr, "%sround %u: copied %s at %s/s, %s dirty\n",
		progress.terminal ? "\r\033[K" : "", progress.round,
		human(progress.copied), rate(), human(bytes_left()));
}

/* rounds */

static bool is_zero(const char *data, size_t size)
{
	return !*data && !memcmp(data, data + 1, size - 1);
}

static void copy_chunks(__u64 first, __u64 count)
{
	static char *data;
	const __u64 offset = first * granularity;
	__u64 size = count * granularity, done, part;

	if (!data && posix_memalign((void **)&data, 1 << 16,
				    granularity > BLOCK ? granularity : BLOCK))
		errx(EXIT_FAILURE, "no memory for a chunk");
	if (size > src.size - offset)
		size = src.size - offset;
	read_src(data, offset, size);
	for (done = 0; done < size; done += part) {
		part = size - done < granularity ? size - done : granularity;
		if (is_zero(data + done, part))
			write_zeroes(offset + done, part);
		else
			write_data(data + done, part, offset + done);
	}
	progress.copied += size;
	progress.total += size;
}

/* From the beginning to the end of SRC, what is dirty when it comes by */
static void copy_dirty(void)
{
	__u64 first = 0, count;

	for (;;) {
		check_stopped();
		follow_log();
		count = take_dirty(&first);
		if (!count)
			break;
		copy_chunks(first, count);
		first += count;
		draw_bar(first);
	}
}

static void copy_round(void)
{
	begin_round();
	copy_dirty();
}

/* Until little is left, or the writers are as fast as we are. */
static void copy_rounds(void)
{
	unsigned int losses;
	__u64 before;
	bool hope;

	do {
		before = bytes_left();
		losses = blklog.losses;
		copy_round();
		report_round();
		hope = bytes_left() <= before / 10 * 9 ||
		       (blklog.losses > losses && blklog.losses < MAX_LOSSES);
	} while (bytes_left() > little && hope &&
		 progress.round < max_rounds && !word);
}

static void await_word(void)
{
	struct pollfd key = { .fd = STDIN_FILENO, .events = POLLIN };
	const bool terminal = isatty(STDIN_FILENO);
	char line[256];

	fprintf(stderr, "%s is followed: when nothing writes to it any more, %s kill -USR1 %d\n",
		src.path, terminal ? "press Enter, or" : "say", getpid());
	while (!word) {
		check_stopped();
		follow_log();
		if (bytes_left() > little)
			copy_round();
		else if (poll(&key, terminal, 200) > 0)
			word = read(STDIN_FILENO, line, sizeof(line)) > 0;
	}
}

/* What has begun and has not been seen to end: nothing writes any more. */
static void mark_begun(void)
{
	size_t i;

	for (i = 0; i < begun_count; i++)
		mark_sectors(begun[i].sector, begun[i].sectors);
}

/* Whether nothing was written in the last round, for all that we know */
static bool stayed_at_rest(void)
{
	return blklog.changes == blklog.at_rest.changes &&
	       blklog.losses == blklog.at_rest.losses;
}

/*
 * With SRC at rest; false if that would take as long as everything did. Chunks
 * that are discarded behind us take another pass.
 */
static bool last_round(void)
{
	const bool lost = follow_log();
	int passes = 0;

	if (lost && mount_count && blklog.losses < MAX_LOSSES)
		return false;
	mark_begun();
	blklog.at_rest.changes = blklog.changes;
	blklog.at_rest.losses = blklog.losses;
	begin_round();
	do {
		copy_dirty();
		sync_dst();
		follow_log();
	} while (dirty.left && stayed_at_rest() && ++passes < MAX_PASSES);
	report_round();
	return true;
}

/* The seconds it took; less than 0 if it failed. */
static double run_command(void)
{
	const double began = now();

	if (!command)
		return 0;
	if (!system(command))
		return now() - began;
	warnx("--run: '%s' failed", command);
	return -1;
}

static int migrate(void)
{
	double pause, ran;
	bool done;

	do {
		copy_rounds();
		if (!mount_count)
			await_word();
		sync_dst();
		pause = now();
		freeze();
		fsync(src.fd);	/* of those who write to the device itself */
		done = last_round();
		if (!done)
			thaw();
	} while (!done);

	if (dirty.left || !stayed_at_rest()) {
		thaw();
		warnx("%s was written to during the last round, or may have been: %s is not a copy",
		      src.path, dst.path);
		return EXIT_WRITTEN;
	}
	check_src();
	if (dst.stream)
		send_frame(FRAME_END, src.size, dst.frames);
	ran = run_command();
	thaw();
	pause = now() - pause;
	fprintf(stderr, "%s is a copy of %s: %s in %u rounds for %s; paused for %.0f ms",
		dst.path, src.path, human(progress.total), progress.round,
		human(src.size), pause * 1000);
	if (ran > 0)
		fprintf(stderr, ", %.0f of them by --run", ran * 1000);
	fputc('\n', stderr);
	return ran < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* the far end */

static void full_read(void *data, size_t size)
{
	char *next = data;
	ssize_t got;

	while (size) {
		got = read(STDIN_FILENO, next, size);
		if (got < 0 && errno == EAGAIN)
			wait_for_descriptor(STDIN_FILENO, POLLIN);
		if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
			check_stopped();
			continue;
		}
		if (got < 0)
			err(EXIT_FAILURE, "cannot read the stream, so %s is not a copy",
			    dst.path);
		if (!got)
			errx(EXIT_FAILURE, "the stream ends before its end mark: %s is not a copy",
			     dst.path);
		next += got;
		size -= got;
	}
}

static void receive_data(__u64 offset, __u64 length)
{
	static char data[BLOCK];
	size_t part;

	for (; length; length -= part, offset += part) {
		part = length < sizeof(data) ? length : sizeof(data);
		full_read(data, part);
		write_data(data, part, offset);
	}
}

/* False if it was the last. */
static bool receive_frame(__u64 size)
{
	struct frame frame;
	__u64 offset, length;

	full_read(&frame, sizeof(frame));
	offset = le64toh(frame.offset);
	length = le64toh(frame.length);
	if (le64toh(frame.kind) == FRAME_END && offset == size &&
	    length == dst.frames)
		return false;
	dst.frames++;
	if (offset <= size && length <= size - offset) {
		switch (le64toh(frame.kind)) {
		case FRAME_DATA:
			receive_data(offset, length);
			return true;
		case FRAME_ZERO:
			write_zeroes(offset, length);
			return true;
		}
	}
	errx(EXIT_FAILURE, "the stream is broken in frame %llu: %s is not a copy",
	     dst.frames, dst.path);
}

static int receive(const char *path)
{
	struct header header;
	__u64 size;

	if (!strcmp(path, "-"))
		errx(EXIT_USAGE, "--receive writes to a device or a file");
	dst.path = path;
	full_read(&header, sizeof(header));
	if (memcmp(header.magic, MAGIC, sizeof(header.magic)) ||
	    le64toh(header.version) != 1)
		errx(EXIT_USAGE, "standard input is no stream of this bufflink-migrate");
	size = le64toh(header.size);
	open_dst(path);
	size_dst(size);
	while (receive_frame(size))
		check_stopped();
	sync_dst();
	fprintf(stderr, "%s is a copy of what was sent: %s\n", path,
		human(size));
	return EXIT_SUCCESS;
}

static __u64 rounds_argument(const char *text)
{
	char *end;
	unsigned long rounds = strtoul(text, &end, 10);

	if (!strchr(DIGITS, *text) || !*text || *end || !rounds)
		errx(EXIT_USAGE, "--rounds: '%s' is not a number, 1 or more",
		     text);
	return rounds;
}

static void check_granularity(void)
{
	if (granularity & (granularity - 1) || granularity > 1 << 30)
		errx(EXIT_USAGE, "--granularity: must be a power of two, no more than 1 GiB");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "freeze", required_argument, NULL, 'f' },
		{ "run", required_argument, NULL, 'r' },
		{ "little", required_argument, NULL, 'l' },
		{ "rounds", required_argument, NULL, 'n' },
		{ "granularity", required_argument, NULL, 'g' },
		{ "receive", no_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	bool receiving = false;
	int option;

	begin(argv);
	while ((option = getopt_long(argc, argv, "f:r:l:n:g:RhV", options,
				     NULL)) != -1) {
		switch (option) {
		case 'f':
			freeze_argument(optarg);
			break;
		case 'r':
			command = optarg;
			break;
		case 'l':
			little = bytes_argument("--little", optarg, 0);
			break;
		case 'n':
			max_rounds = rounds_argument(optarg);
			break;
		case 'g':
			granularity = bytes_argument("--granularity", optarg,
						     4096);
			check_granularity();
			break;
		case 'R':
			receiving = true;
			break;
		default:
			standard_option(option, "bufflink-migrate", help);
		}
	}
	argv += optind;
	if (argc - optind != 2 - receiving)
		errx(EXIT_USAGE, receiving ? "--receive takes one argument, DST" :
					     "give two arguments, SRC and DST");
	progress.terminal = isatty(STDERR_FILENO);
	handle_signals();
	atexit(clean_up);
	if (receiving)
		return receive(argv[0]);

	open_src(argv[0]);
	check_mounts();
	check_not_on_src(STDERR_FILENO, "standard error");
	if (!strcmp(argv[1], "-"))
		must_print();
	open_log();
	open_dst(argv[1]);
	check_not_on_src(dst.fd, dst.path);
	begin_dst();
	make_map();
	return migrate();
}
