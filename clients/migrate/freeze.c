// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each file system has a guardian, a process that freezes it and thaws it: when
 * it is told to, at a deadline, and when this program has ended, however that was.
 * So one whose freeze takes long does not keep another from its thaw.
 */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <fcntl.h>
#include <linux/fs.h>
#include <mntent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "copy.h"
#include "freeze.h"
#include "watch.h"

#define MAX_MOUNTS	64
#define SECONDS_TO_THAW	0.3	/* of all guardians, when they were told to */

struct mount {
	const char *path;
	int fd;
	struct stack stack;
	pid_t guardian;
	int socket;		/* to it */
	bool is_frozen;
};

static struct mount mounts[MAX_MOUNTS];
int mount_count;

static const char *arguments[MAX_MOUNTS];
static int argument_count;
static bool find_all;

static bool released;

/* of the program's own memory, which has its name and arguments */
static char *name_area;
static size_t name_size;

void remember_arguments(int argc, char **argv)
{
	name_area = argv[0];
	name_size = argv[argc - 1] + strlen(argv[argc - 1]) + 1 - argv[0];
}

/* which file systems */

void freeze_argument(const char *path)
{
	if (!strcmp(path, "auto"))
		find_all = true;
	else if (argument_count == MAX_MOUNTS)
		errx(EXIT_USAGE, "--freeze: no more than %d file systems",
		     MAX_MOUNTS);
	else
		arguments[argument_count++] = path;
}

static dev_t device_of(const struct stack *stack)
{
	return stack->count ? stack->edges[0].below.device : stack->top.device;
}

static const struct source *source_below(const struct stack *stack)
{
	const struct copy *copy;

	for_each_copy(copy) {
		if (stands_on(stack, copy->src.device))
			return &copy->src;
	}
	return NULL;
}

static const struct mount *find_mount(const struct stack *stack)
{
	int i;

	for (i = 0; i < mount_count; i++) {
		if (device_of(&mounts[i].stack) == device_of(stack))
			return &mounts[i];
	}
	return NULL;
}

static void add_mount(const char *path, int fd, struct stack stack)
{
	if (mount_count == MAX_MOUNTS)
		errx(EXIT_USAGE, "--freeze: no more than %d file systems",
		     MAX_MOUNTS);
	mounts[mount_count++] = (struct mount){
		.path = path, .fd = fd, .stack = stack,
	};
}

static void open_argument(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct mount *other;
	struct stack stack;

	if (fd < 0)
		err(EXIT_USAGE, "--freeze: cannot open %s", path);
	stack = stack_of_file(fd);
	/* some file systems do not tell their device */
	if (major(device_of(&stack)) && !source_below(&stack))
		errx(EXIT_USAGE, "--freeze: %s is not on %s", path,
		     copies[0].src.path);
	other = find_mount(&stack);
	if (other)
		errx(EXIT_USAGE, "--freeze: %s and %s are the same file system: name one of them",
		     other->path, path);
	add_mount(path, fd, stack);
}

/*
 * Whether another file system is mounted over it, and it is on a SRC. Of btrfs the
 * numbers of devices do not tell.
 */
static bool is_hidden(const struct mntent *mount, dev_t device, int fd)
{
	struct stack stack;
	struct stat stat_of;
	bool found;

	if (!device || !strcmp(mount->mnt_type, "btrfs") ||
	    fstat(fd, &stat_of) || stat_of.st_dev == device)
		return false;
	stack = stack_of_device(device);
	found = source_below(&stack);
	free(stack.edges);
	return found;
}

/* Calls for each file system that is mounted from a SRC, perhaps several times. */
static void each_mount(void (*call)(const char *path, int fd,
				    struct stack stack),
		       void (*hidden)(const char *path))
{
	FILE *file = setmntent("/proc/self/mounts", "re");
	const struct mntent *mount;
	struct stack stack;
	struct stat stat_of;
	dev_t device;
	int fd;

	if (!file)
		err(EXIT_FAILURE, "cannot learn what is mounted");
	while ((mount = getmntent(file))) {
		/* one on a network may hang, and is on no device */
		if (*mount->mnt_fsname != '/')
			continue;
		device = 0;
		if (!stat(mount->mnt_fsname, &stat_of)) {
			if (!S_ISBLK(stat_of.st_mode))
				continue;
			device = stat_of.st_rdev;
		}
		fd = open(mount->mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (is_hidden(mount, device, fd)) {
			hidden(mount->mnt_dir);
			close(fd);
			continue;
		}
		stack = stack_of_file(fd);
		if (source_below(&stack))
			call(mount->mnt_dir, fd, stack);
		else
			close(fd);
	}
	endmntent(file);
}

static void add_found(const char *path, int fd, struct stack stack)
{
	char *copy = strdup(path);

	if (!copy)
		err(EXIT_FAILURE, "cannot remember what is mounted");
	if (find_mount(&stack))
		close(fd);
	else
		add_mount(copy, fd, stack);
}

static void refuse_hidden(const char *path)
{
	errx(EXIT_USAGE, "--freeze=auto: at %s, another mount hides a file system on SRC",
	     path);
}

static void name_hidden(const char *path)
{
	warnx("at %s, another mount hides a file system on SRC: it is not frozen",
	      path);
}

static void name_other(const char *path, int fd, struct stack stack)
{
	close(fd);
	if (!find_mount(&stack))
		warnx("%s is mounted from %s and will not be frozen", path,
		      source_below(&stack)->path);
}

/* A file system on a file of another is frozen before that one. */
static int compare_mounts(const void *a, const void *b)
{
	const struct mount *mount = a, *other = b;

	return (int)other->stack.count - (int)mount->stack.count;
}

void open_mounts(void)
{
	int i;

	for (i = 0; i < argument_count; i++)
		open_argument(arguments[i]);
	if (find_all)
		each_mount(add_found, refuse_hidden);
	if (find_all && !mount_count)
		errx(EXIT_USAGE, "--freeze=auto: no file system is mounted from %s",
		     copies[0].src.path);
	qsort(mounts, mount_count, sizeof(*mounts), compare_mounts);
}

void name_others(void)
{
	each_mount(name_other, name_hidden);
}

void check_not_frozen(int fd, const char *path)
{
	const struct stack stack = stack_of_file(fd);
	const struct mount *mount;

	if (!stack.top.device || !stack.top.inode)
		return;
	mount = find_mount(&stack);
	if (mount)
		errx(EXIT_USAGE, "%s is on %s, which will be frozen", path,
		     mount->path);
}

/* the guardian */

struct order {
	double deadline;
};

struct answer {
	int error;
};

static int milliseconds_to(double time)
{
	const double left = (time - now()) * 1000;

	return left < 0 ? 0 : left > 1e9 ? 1000000000 : (int)left + 1;
}

/* Until another order, the end of the program, or the deadline */
static void await_order(int socket, double deadline)
{
	struct pollfd pollfd = { .fd = socket, .events = POLLIN };

	while (poll(&pollfd, 1, milliseconds_to(deadline)) < 0 &&
	       errno == EINTR)
		;
}

static bool thaw_one(const struct mount *mount)
{
	const bool good = !ioctl(mount->fd, FITHAW, 0);

	if (!good)
		say("%s: cannot thaw %s, try fsfreeze --unfreeze: %s\n",
		    program_invocation_short_name, mount->path,
		    strerror(errno));
	return good;
}

static void guard(const struct mount *mount)
{
	struct answer answer;
	struct order order;

	while (recv(mount->socket, &order, sizeof(order), 0) == sizeof(order)) {
		answer = (struct answer){ };
		if (ioctl(mount->fd, FIFREEZE, 0)) {
			answer.error = errno;
			send(mount->socket, &answer, sizeof(answer),
			     MSG_NOSIGNAL);
			continue;
		}
		send(mount->socket, &answer, sizeof(answer), MSG_NOSIGNAL);
		await_order(mount->socket, order.deadline);
		thaw_one(mount);
		recv(mount->socket, &order, sizeof(order), 0);
		send(mount->socket, &answer, sizeof(answer), MSG_NOSIGNAL);
	}
}

/*
 * So that killall -9, pkill -f and pidof with the name of the program leave it
 * alone. Some texts are in its arguments.
 */
static void take_another_name(struct mount *mount)
{
	mount->path = strdup(mount->path);
	if (!mount->path)
		_exit(EXIT_FAILURE);
	program_invocation_short_name = "bufflink-migrate";
	prctl(PR_SET_NAME, "bufflink-thaw");
	memset(name_area, 0, name_size);
	snprintf(name_area, name_size, "bufflink-thaw");
}

/* The kernel must not kill this process for want of memory. */
static void be_spared(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "-1000", 5) < 0)
		say("%s: the kernel may kill bufflink-thaw when memory is short\n",
		    program_invocation_short_name);
	close(fd);
}

/* Out of reach of the terminal, and of all that may hang when it is frozen. */
static void be_guardian(struct mount *mount, int socket)
{
	sigset_t all;

	take_another_name(mount);
	be_spared();
	setsid();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	if (dup2(mount->fd, STDIN_FILENO) < 0 ||
	    dup2(socket, STDOUT_FILENO) < 0)
		_exit(EXIT_FAILURE);
	mount->fd = STDIN_FILENO;
	mount->socket = STDOUT_FILENO;
	/* the log is free, and a pipe ends, when the other one ends */
	close_range(STDERR_FILENO + 1, ~0u, 0);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	guard(mount);
	_exit(EXIT_SUCCESS);
}

static void start_guardian(struct mount *mount)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		err(EXIT_FAILURE, "cannot make a socket");
	mount->guardian = fork();
	if (mount->guardian < 0)
		err(EXIT_FAILURE, "cannot fork");
	if (!mount->guardian)
		be_guardian(mount, ends[1]);
	close(ends[1]);
	mount->socket = ends[0];
}

/* its masters */

/* Somebody may have stopped it. */
static void wake(const struct mount *mount)
{
	kill(mount->guardian, SIGCONT);
}

/* When release() was called, another thread ends the program. */
static bool ask(const struct mount *mount, const struct order *order,
		struct answer *answer)
{
	const ssize_t sent = send(mount->socket, order, sizeof(*order),
				  MSG_NOSIGNAL);
	ssize_t got = -1;

	wake(mount);
	while (sent == sizeof(*order) &&
	       (got = recv(mount->socket, answer, sizeof(*answer), 0)) < 0 &&
	       errno == EINTR)
		;
	while (__atomic_load_n(&released, __ATOMIC_SEQ_CST))
		pause();
	return got == sizeof(*answer);
}

int freeze(double deadline, const char **path)
{
	const struct order order = { .deadline = deadline };
	struct answer answer;
	struct mount *mount;

	for (mount = mounts; mount < mounts + mount_count; mount++) {
		*path = mount->path;
		mount->is_frozen = true;	/* as far as we know */
		if (!ask(mount, &order, &answer))
			answer.error = ECHILD;
		else if (answer.error)
			mount->is_frozen = false;
		if (answer.error) {
			thaw();
			return answer.error;
		}
	}
	return 0;
}

/* In the other order, as one may be on a file of the next. */
void thaw(void)
{
	const struct order order = { };
	struct answer answer;
	struct mount *mount;

	for (mount = mounts + mount_count; mount-- > mounts;) {
		if (!mount->is_frozen)
			continue;
		if (!ask(mount, &order, &answer))
			thaw_one(mount);	/* somebody has killed it */
		mount->is_frozen = false;
	}
}

static void say_late(const struct mount *mount)
{
	say("%s: the kernel still freezes or thaws %s: it is thawed when that has ended\n",
	    program_invocation_short_name, mount->path);
}

/* False if the kernel keeps it, and so it cannot be told anything. */
static bool wait_for_guardian(const struct mount *mount, double end,
			      int *status)
{
	pid_t pid;

	do {
		pid = waitpid(mount->guardian, status, WNOHANG);
		if (!pid)
			usleep(1000);
	} while (!pid && now() < end);
	return pid;
}

bool release(void)
{
	struct mount *mount;
	bool good = true;
	double end;
	int status;

	__atomic_store_n(&released, true, __ATOMIC_SEQ_CST);
	for (mount = mounts + mount_count; mount-- > mounts;) {
		if (mount->guardian <= 0)
			continue;
		shutdown(mount->socket, SHUT_RDWR);
		wake(mount);
	}
	end = now() + SECONDS_TO_THAW;
	for (mount = mounts + mount_count; mount-- > mounts;) {
		status = 0;
		if (mount->guardian <= 0)
			continue;
		if (!wait_for_guardian(mount, end, &status)) {
			say_late(mount);
			good = false;
		}
		if (status && mount->is_frozen)
			good &= thaw_one(mount);
	}
	return good;
}

void start_guardians(void)
{
	int i;

	for (i = 0; i < mount_count; i++)
		start_guardian(&mounts[i]);
}

void try_freeze(double longest)
{
	const char *path, *why;
	double deadline;
	int error, i;

	for (i = 0; i < mount_count; i++)
		syncfs(mounts[i].fd);
	deadline = now() + longest;
	set_deadline(deadline);
	error = freeze(deadline, &path);
	if (!error) {
		thaw();
		set_deadline(0);
		return;
	}
	switch (error) {
	case EBUSY:
		why = "it is frozen already";
		break;
	case EOPNOTSUPP:
		why = "its file system cannot do that";
		break;
	default:
		why = strerror(error);
	}
	errx(EXIT_USAGE, "--freeze: cannot freeze %s: %s", path, why);
}
