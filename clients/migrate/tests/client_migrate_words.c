// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-migrate and bufflink_blklog: what they say and are told, at a terminal,
 * in its background, and with descriptors that are closed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/major.h>
#include <linux/raid/md_u.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>

#include "migrate.h"

#define DISK		(4 * MIB)

/* descriptors that are closed */

/* Then it is the same after the thaw. */
static void mount_read_only(const char *disk)
{
	make_filesystem(disk);
	ck_assert_msg(!mount(disk, MOUNTPOINT, "ext4", MS_RDONLY, ""), "%m");
}

static char *closing(int which, const char *command)
{
	static char line[256];

	snprintf(line, sizeof(line), "exec %s%s%s%s", command,
		 which & 1 ? " <&-" : "", which & 2 ? " >&-" : "",
		 which & 4 ? " 2>&-" : "");
	return line;
}

static void is_good(pid_t pid, int which)
{
	int status = finish(pid);

	ck_assert_msg(status == GOOD, "status %d with %d closed", status, which);
}

START_TEST(closed_descriptors_leave_no_words_in_the_copy)
{
	const char *disk = new_logged(DISK);
	char command[96];
	int which;

	mount_read_only(disk);
	snprintf(command, sizeof(command), PROGRAM " -f " MOUNTPOINT " %s " DST,
		 disk);
	for (which = 0; which < 8; which++) {
		is_good(start_shell(null(), null(), closing(which, command)).pid,
			which);
		ck_assert(same(disk, DST, DISK));
		unlink(DST);
	}
}
END_TEST

START_TEST(closed_descriptors_leave_no_words_in_the_stream)
{
	const char *disk = new_logged(DISK);
	char command[96];
	int which, out;

	mount_read_only(disk);
	snprintf(command, sizeof(command), PROGRAM " -f " MOUNTPOINT " %s -",
		 disk);
	for (which = 4; which < 6; which++) {
		out = stream_to(STREAM);
		is_good(start_shell(null(), out, closing(which, command)).pid,
			which);
		close(out);
		ck_assert_int_eq(receive(STREAM), GOOD);
		ck_assert(same(disk, DST, DISK));
		unlink(DST);
	}
}
END_TEST

START_TEST(closed_descriptors_of_the_receiver_leave_no_words_in_the_copy)
{
	const char *disk = new_logged(DISK), *other = new_loop(DISK);
	int other_fd = open_direct(other, O_RDWR);
	int in, which;

	make_stream(disk);
	for (which = 2; which < 16; which += 2) {
		write_blocks(other_fd, 0, DISK / 2, 'z');
		if (which & 8)	/* a device is opened in another way */
			ck_assert_int_eq(symlink(other, DST), 0);
		in = open(STREAM, O_RDONLY | O_CLOEXEC);
		is_good(start_shell(in, null(),
				    closing(which & 6,
					    PROGRAM " --receive " DST)).pid,
			which);
		sync();
		ck_assert(same(disk, DST, DISK));
		unlink(DST);
		close(in);
	}
	close(other_fd);
}
END_TEST

static void is_bad(char *argument, const char *reason)
{
	ends(USAGE, argument, "/dev/none", DST);
	must_have_said(reason);
}

START_TEST(numbers_that_are_too_large_are_refused)
{
	is_bad("--rounds=99999999999999999999999",
	       "--rounds: '99999999999999999999999' is not a number, 1 to 4294967295\n");
	is_bad("--rounds=4294967296", "--rounds: '4294967296' is not");
	is_bad("--rounds=0", "--rounds: '0' is not");
	is_bad("--granularity=18446744073709551616",
	       "--granularity: '18446744073709551616' is not a number of bytes, ");
	is_bad("--granularity=2G", "--granularity: must be ");
	is_bad("--bwlimit=17179869184G",
	       "--bwlimit: '17179869184G' is not a number of bytes, ");
	is_bad("--little=18446744073709551616",
	       "--little: '18446744073709551616' is not a number of bytes, ");
	is_bad("--max-pause=1000001",
	       "--max-pause: '1000001' is not a number of seconds, ");
}
END_TEST

/* a terminal */

struct terminal {
	int keys;	/* the side of the user */
	int line;	/* of the program */
};

static struct terminal new_terminal(void)
{
	struct terminal terminal;

	ck_assert_int_eq(mkdir("/dev/pts", 0755) && errno != EEXIST, 0);
	ck_assert_msg(!system("mount -t devpts none /dev/pts 2>/dev/null; "
			      "test -e /dev/pts/ptmx"), "no terminals");
	ck_assert_int_eq(openpty(&terminal.keys, &terminal.line, NULL, NULL,
				 NULL), 0);
	fcntl(terminal.keys, F_SETFD, FD_CLOEXEC);
	fcntl(terminal.line, F_SETFD, FD_CLOEXEC);
	return terminal;
}

static void type_enter(const struct terminal *terminal)
{
	ck_assert_int_eq(write(terminal->keys, "\n", 1), 1);
}

START_TEST(enter_before_the_question_is_not_the_answer)
{
	const char *disk = new_logged(DISK);
	struct terminal terminal = new_terminal();
	pid_t pid;

	type_enter(&terminal);
	unlink("/tmp/said");
	pid = start_program(terminal.line, null(), ARGS((char *)disk, DST));
	is_followed(pid);
	must_have_said("press Enter");
	ck_assert_msg(!finished(pid, 2 * MOMENT_MS), "%s", said());
	type_enter(&terminal);
	good(pid);
	ck_assert(same(disk, DST, DISK));
	close(terminal.keys);
	close(terminal.line);
}
END_TEST

START_TEST(a_terminal_that_is_hung_up_is_not_the_answer)
{
	const char *disk = new_logged(DISK);
	struct terminal terminal = new_terminal();
	int status;
	pid_t pid;

	unlink("/tmp/said");
	pid = start_program(terminal.line, null(), ARGS((char *)disk, DST));
	is_followed(pid);
	close(terminal.line);
	close(terminal.keys);
	wait_for(finished(pid, 0));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
}
END_TEST

struct background {
	struct terminal terminal;
	char *options[3];
	bool is_shown;		/* what it says, on the terminal */
	pid_t pid;
};

/* As a shell with job control does for "bufflink-migrate SRC DST &" */
static int run_in_background(void *arg)
{
	struct background *background = arg;
	int status, err = background->is_shown ? background->terminal.line :
		open("/tmp/said", O_WRONLY | O_CREAT | O_APPEND, 0600);
	pid_t pid;

	setsid();
	ioctl(background->terminal.line, TIOCSCTTY, 0);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		dup2(background->terminal.line, 0);
		dup2(err, 2);
		execl(PROGRAM, PROGRAM, "/dev/loop0", DST,
		      background->options[0], background->options[1],
		      background->options[2], NULL);
		_exit(127);
	}
	setpgid(pid, pid);
	background->pid = pid;
	while (waitpid(pid, &status, WUNTRACED) != pid)
		;
	if (WIFSTOPPED(status))
		kill(pid, SIGKILL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

START_TEST(in_the_background_of_a_terminal_it_goes_on)
{
	const char *disk = new_logged(DISK);
	struct background *background = shared(sizeof(*background));
	pid_t shell;

	background->terminal = new_terminal();
	unlink("/tmp/said");
	shell = start(run_in_background, background);
	wait_for(has_said("is followed") || finished(shell, 0));
	type_enter(&background->terminal);	/* to the shell */
	ck_assert_msg(!finished(shell, 2 * MOMENT_MS), "it was stopped: %s",
		      said());
	kill(background->pid, SIGUSR1);
	ck_assert_int_eq(finish(shell), GOOD);
	must_have_said(" is a copy of ");
	ck_assert(same(disk, DST, DISK));
	close(background->terminal.keys);
	close(background->terminal.line);
}
END_TEST

/* The words of both programs go to a terminal that is not theirs. */
START_TEST(a_command_in_the_background_of_a_terminal_goes_on)
{
	const char *disk = new_logged(DISK);
	struct background *background = shared(sizeof(*background));
	struct termios modes;
	char text[4096] = "";
	pid_t shell;

	make_filesystem(disk);
	ck_assert_int_eq(try_mount(disk), 0);
	background->terminal = new_terminal();
	background->is_shown = true;
	background->options[0] = "--freeze=" MOUNTPOINT;
	background->options[1] = _i ?
		"--run=echo ran; dd if=/dev/tty 2>/dev/null || echo none" :
		"--run=echo ran; read x || echo none";
	ck_assert_int_eq(tcgetattr(background->terminal.line, &modes), 0);
	modes.c_lflag |= TOSTOP;
	ck_assert_int_eq(tcsetattr(background->terminal.line, TCSANOW, &modes),
			 0);
	shell = start(run_in_background, background);
	ck_assert_int_eq(finish(shell), GOOD);
	ck_assert_int_gt(read(background->terminal.keys, text,
			      sizeof(text) - 1), 0);
	ck_assert_msg(strstr(text, "ran\r\nnone\r\n") &&
		      strstr(text, " is a copy of "), "%s", text);
	close(background->terminal.keys);
	close(background->terminal.line);
}
END_TEST

/* the module */

/* The rest of the kernel's log from where it was opened */
static const char *rest_of(int log)
{
	static char text[1 << 16];
	size_t have = 0;
	ssize_t got;

	while ((got = read(log, text + have, sizeof(text) - 1 - have)) > 0)
		have += got;
	text[have] = '\0';
	return text;
}

static void is_not_loaded(const char *device, int result, const char *word)
{
	int log = open_log(SEEK_END);
	char parameters[64];
	const char *text;

	snprintf(parameters, sizeof(parameters), "devices=%s", device);
	ck_assert_int_eq(load("bufflink_blklog", parameters), result);
	text = rest_of(log);
	ck_assert_msg(strstr(text, device) && strstr(text, word), "%s", text);
	close(log);
}

/* insmod says "Unknown symbol" for ENOENT */
START_TEST(a_disk_that_is_not_there_is_no_unknown_symbol)
{
	is_not_loaded("none", -ENODEV, "none");
	is_not_loaded("/dev/none", -ENODEV, "none");
	is_not_loaded("/none/none", -ENODEV, "none");
}
END_TEST

START_TEST(a_memory_disk_is_refused_with_a_reason)
{
	is_not_loaded(ram_disk() + strlen("/dev/"), -EOPNOTSUPP, "dm");
	load_drivers("zsmalloc lz4_compress lz4hc_compress zram");
	if (exists("/dev/zram0"))
		is_not_loaded("zram0", -EOPNOTSUPP, "dm");
}
END_TEST

/* A mirror of one disk, without a superblock */
static int new_md(const char *disk)
{
	mdu_array_info_t info = {
		.level = 1, .size = DISK / 1024 - 64, .nr_disks = 1,
		.raid_disks = 1, .not_persistent = 1, .active_disks = 1,
		.working_disks = 1, .state = 1,
	};
	mdu_disk_info_t member = { .state = 6 };
	struct stat stat;
	int fd;

	ck_assert_int_eq(lstat(disk, &stat), 0);
	member.major = major(stat.st_rdev);
	member.minor = minor(stat.st_rdev);
	mknod("/dev/md0", S_IFBLK | 0600, makedev(9, 0));
	fd = open("/dev/md0", O_RDWR | O_CLOEXEC);
	ck_assert_msg(!ioctl(fd, SET_ARRAY_INFO, &info), "md0: %m");
	ck_assert_msg(!ioctl(fd, ADD_NEW_DISK, &member), "md0: %m");
	ck_assert_msg(!ioctl(fd, RUN_ARRAY, NULL), "md0: %m");
	return fd;
}

START_TEST(a_mirror_is_refused_and_its_members_are_named)
{
	const char *disk = new_loop(DISK);
	int fd;

	load_drivers("md-mod raid1");
	if (!exists("/sys/module/raid1"))
		return;
	fd = new_md(disk);
	is_not_loaded("md0", -EOPNOTSUPP, "member");
	ioctl(fd, STOP_ARRAY, NULL);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("migrate words");
	TCase *closed = new_case(suite, "closed"), *others;

	if (!have_disks()) {
		add_no_disks(closed);
		return run_suite(suite);
	}
	add_to(closed,
	       tests(closed_descriptors_leave_no_words_in_the_copy,
		     closed_descriptors_leave_no_words_in_the_stream,
		     closed_descriptors_of_the_receiver_leave_no_words_in_the_copy));
	others = new_case(suite, "others");
	tcase_add_loop_test(others,
			    a_command_in_the_background_of_a_terminal_goes_on,
			    0, 2);
	add_to(others,
	       tests(numbers_that_are_too_large_are_refused,
		     enter_before_the_question_is_not_the_answer,
		     a_terminal_that_is_hung_up_is_not_the_answer,
		     in_the_background_of_a_terminal_it_goes_on,
		     a_disk_that_is_not_there_is_no_unknown_symbol,
		     a_memory_disk_is_refused_with_a_reason,
		     a_mirror_is_refused_and_its_members_are_named));
	return run_suite(suite);
}
