// SPDX-License-Identifier: GPL-2.0-only
/* All programs that print a buffer, each with an output that is not usual. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "device.h"
#include "tool.h"

#define MANY		3000	/* records, which are more than a pipe has room for */
#define BIG		"1048576"
#define PIPE_SIZE	65536

/* A program, and the buffer that it prints: the only one, with the number 0. */
struct program {
	char *path;
	char *command;		/* or NULL */
	void (*load)(void);	/* the module, and thus the buffer */
	void (*add)(void);	/* one record */
	const char *owner;	/* the module */
};

static void load_producer(void)
{
	create_buffer(0, 1 << 20);
}

static void add_line(void)
{
	append_text("a line of a program, of which a pipe holds not so many\n");
}

static void load_klog(void)
{
	ck_assert_int_eq(load("bufflink_klog", "size=" BIG), 0);
}

static void add_message(void)
{
	write_to("/dev/kmsg",
		 "<13>a message, of which a pipe holds not so many\n");
}

static void load_auditor(void)
{
	ck_assert_int_eq(load("bufflink_sysaudit",
			      "calls=110 buffer_size=" BIG), 0);
}

static void add_call(void)
{
	syscall(SYS_getppid);
}

static void load_evlog(void)
{
	ck_assert_int_eq(load("bufflink_evlog", "size=" BIG), 0);
}

static void add_event(void)
{
	struct producer_run one = {
		.call = PRODUCER_EVLOG, .count = 1, .size_min = 1, .size_max = 1,
	};

	run(&one);
}

static const struct program programs[] = {
	{ "/t/bufflink", "cat", load_producer, add_line, "producer" },
	{ "/t/bufflink-klog", NULL, load_klog, add_message, "bufflink_klog" },
	{ "/t/bufflink-audit", NULL, load_auditor, add_call,
	  "bufflink_sysaudit" },
	{ "/t/bufflink-evlog", NULL, load_evlog, add_event, "bufflink_evlog" },
};

#define PROGRAMS	4

static int buffer;	/* to ask, not to read */

static void unload_clients(void)
{
	size_t i;

	for (i = 1; i < PROGRAMS; i++)
		unload_if_there(programs[i].owner);
}

static void setup(void)
{
	producer_setup();
	unload_clients();
	log_quietly();
}

static void teardown(void)
{
	log_as_before();
	unload_clients();
	producer_teardown();
}

/* Modules come and go while programs make calls. */
static const char * const tracepoints[] = {
	"raw_syscalls/sys_enter", "raw_syscalls/sys_exit", "printk/console",
	NULL
};

static void begin_tracing(void)
{
	keep_traced(tracepoints);
}

static void load_with(const struct program *program, int records)
{
	program->load();
	buffer = open_buffer(0, O_WRONLY);
	while (records--)
		program->add();
}

/* With a shell's redirection, such as ">&-"; option is NULL for none. */
static struct tool start_with(const struct program *program, int out,
			      const char *redirection, char *option)
{
	static char script[64];
	char *argv[8] = { "sh", "-c", script, program->path };
	int n = 4;

	snprintf(script, sizeof(script), "exec \"$0\" \"$@\" %s", redirection);
	if (program->command) {
		argv[n++] = program->command;
		argv[n++] = "0";
	}
	argv[n] = option;
	return start_tool("/bin/busybox", memory_file(""), out, argv);
}

static void takes_nothing(const struct program *program,
			  const char *redirection)
{
	__u64 before;
	struct tool tool;

	load_with(program, 3);
	before = stats(buffer).bytes_read;
	tool = start_with(program, memory_file(""), redirection, NULL);
	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert(has_written(tool.err, ": cannot write to standard output"));
	ck_assert_uint_eq(stats(buffer).bytes_read, before);
}

START_TEST(a_program_takes_nothing_if_its_output_is_closed)
{
	takes_nothing(&programs[_i], ">&-");
}
END_TEST

START_TEST(a_program_takes_nothing_if_its_output_is_open_for_reading_only)
{
	takes_nothing(&programs[_i], "</dev/null >&0");
}
END_TEST

START_TEST(a_program_prints_nothing_but_the_buffer_if_its_errors_are_closed)
{
	const struct program *program = &programs[_i];
	struct tool tool;

	load_with(program, 3);
	tool = start_with(program, memory_file(""), "2>&- <&-", "--no-wait");
	ck_assert_int_eq(finish(tool.pid), GOOD);
	ck_assert_str_ne(text_of(tool.out), "");
	ck_assert(!has_written(tool.out, program->path + strlen("/t/")));
	ck_assert_uint_eq(stats(buffer).used, 0);
}
END_TEST

/* It has met a full pipe, and waits until there is room. */
static bool waits_for_room(pid_t pid, int end)
{
	long number;

	/* a write of a page or less has to fit whole */
	return readable(end) > PIPE_SIZE - 2 * PAGE &&
	       is_asleep(pid, &number) && number == SYS_poll;
}

/* All of it comes, however late there is room for it. */
START_TEST(a_program_waits_for_room_in_an_output_that_does_not_block)
{
	const struct program *program = &programs[_i];
	static char text[1 << 22];
	size_t size = 0;
	struct tool tool;
	int ends[2];

	load_with(program, MANY);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	tool = start_with(program, ends[1], "", "--no-wait");
	close(ends[1]);
	wait_for(waits_for_room(tool.pid, ends[0]) || finished(tool.pid, 0));
	ck_assert_msg(!finished(tool.pid, 0), "%s", text_of(tool.err));
	while (poll_for(ends[0], POLLIN, PATIENCE_MS) & POLLIN) {
		ssize_t got = read(ends[0], text + size,
				   sizeof(text) - 1 - size);

		ck_assert_int_gt(got, 0);
		size += got;
		ck_assert_uint_lt(size, sizeof(text) - 1);
	}
	ck_assert_msg(finish(tool.pid) == GOOD, "%s", text_of(tool.err));
	ck_assert_int_eq(text[size - 1], '\n');
	ck_assert_uint_gt(size, PIPE_SIZE);
	close(ends[0]);
}
END_TEST

START_TEST(a_program_ends_when_nobody_reads_it_and_takes_nothing_more)
{
	const struct program *program = &programs[_i];
	struct tool tool;
	__u64 before;
	int ends[2];

	signal(SIGPIPE, SIG_DFL);
	load_with(program, 3);
	ck_assert_int_eq(finish(start_with(program, memory_file(""), "",
					   "--no-wait").pid), GOOD);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	tool = start_with(program, ends[1], "", NULL);
	close(ends[1]);
	program->add();
	ck_assert(poll_for(ends[0], POLLIN, PATIENCE_MS) & POLLIN);
	wait_for(!stats(buffer).used);
	wait_asleep(tool.pid);
	before = stats(buffer).bytes_read;
	close(ends[0]);
	ck_assert(finished(tool.pid, PATIENCE_MS));
	program->add();
	is_killed(tool.pid, SIGPIPE);
	ck_assert_uint_eq(stats(buffer).bytes_read, before);
	ck_assert_uint_gt(stats(buffer).used, 0);
}
END_TEST

/* Events go to the journal. */
START_TEST(a_program_that_prints_nothing_needs_no_output)
{
	const struct program *evlog = &programs[PROGRAMS - 1];
	struct tool tool;
	int ends[2];

	load_with(evlog, 0);
	tool = start_with(evlog, memory_file(""), ">&-", "-Jf");
	ck_assert_msg(finish(tool.pid) == GOOD, "%s", text_of(tool.err));
	signal(SIGPIPE, SIG_DFL);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	tool = start_with(evlog, ends[1], "", "-Jf");
	ck_assert_msg(finish(tool.pid) == GOOD, "%s", text_of(tool.err));
	close(ends[1]);
}
END_TEST

START_TEST(a_program_fails_if_there_is_no_room_for_its_output)
{
	const struct program *program = &programs[_i];
	struct tool tool;

	load_with(program, 3);
	tool = start_with(program, open("/dev/full", O_WRONLY | O_CLOEXEC), "",
			  "--no-wait");
	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert(has_written(tool.err,
			      ": cannot write to standard output: No space left on device\n"));
	ck_assert(has_written(tool.err,
			      ": records that had left the buffer are lost\n"));
}
END_TEST

static int start_as_nobody(void *arg)
{
	static const char refusal[] =
		": cannot open /dev/bufflink0: permission denied: only root may\n";
	struct tool tool;

	become_nobody();
	tool = start_with(arg, memory_file(""), "", NULL);
	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert_msg(has_written(tool.err, refusal), "%s", text_of(tool.err));
	return 0;
}

START_TEST(a_program_says_that_a_buffer_is_for_root_alone)
{
	const struct program *program = &programs[_i];

	load_with(program, 0);
	ck_assert_int_eq(finish(start(start_as_nobody, (void *)program)), 0);
}
END_TEST

START_TEST(a_program_says_that_only_the_node_of_its_buffer_is_missing)
{
	static const char complaint[] =
		": there is a buffer bufflink0, but no /dev/bufflink0: mount a devtmpfs on /dev\n";
	const struct program *program = &programs[_i];
	struct tool tool;

	load_with(program, 0);
	ck_assert_int_eq(unlink("/dev/bufflink0"), 0);
	tool = start_with(program, memory_file(""), "", NULL);
	ck_assert_int_eq(finish(tool.pid), FAILED);
	ck_assert_msg(has_written(tool.err, complaint), "%s",
		      text_of(tool.err));
}
END_TEST

static void unload_owner(const struct program *program)
{
	close(buffer);
	if (program->command)
		destroy_buffer();
	else
		ck_assert_int_eq(unload(program->owner), 0);
}

static off_t end_of(int fd)
{
	return lseek(fd, 0, SEEK_END);
}

START_TEST(a_program_waits_for_its_module_and_goes_on_when_it_is_loaded_again)
{
	const struct program *program = &programs[_i];
	off_t size, errors;
	struct tool tool;
	int i;

	tool = start_with(program, memory_file(""), "--wait=1000", "--reopen");
	wait_asleep(tool.pid);
	for (i = 0; i < 3; i++) {
		size = end_of(tool.out);
		errors = end_of(tool.err);
		load_with(program, 1);
		wait_for(!stats(buffer).used && end_of(tool.out) > size);
		/* audit also says that the module has filters */
		ck_assert(i == 0 || end_of(tool.err) > errors);
		unload_owner(program);
	}
	wait_asleep(tool.pid);
	kill(tool.pid, SIGTERM);
	ck_assert(finished(tool.pid, PATIENCE_MS));
	waitpid(tool.pid, NULL, 0);

	tool = start_with(program, memory_file(""), "", "--wait=0.1");
	ck_assert_int_eq(finish(tool.pid), FAILED);
	tool = start_with(program, memory_file(""), "", "--wait");
	wait_asleep(tool.pid);
	load_with(program, 1);
	wait_for(end_of(tool.out) > 0);
	unload_owner(program);
	ck_assert_int_eq(finish(tool.pid), GOOD);
}
END_TEST

/* a disk without room */

#define DISK		"/tmp/readers-disk"
#define DISK_LOG	DISK "/log"

static void disk_setup(void)
{
	setup();
	mount_small_disk(DISK);
}

static void disk_teardown(void)
{
	teardown();
	umount2(DISK, MNT_DETACH);
}

START_TEST(a_program_reads_nothing_while_its_file_has_no_room_and_loses_nothing)
{
	static const char why[] = ": cannot write to " DISK_LOG
		", and tries again each second: No space left on device\n";
	const struct program *program = &programs[_i];
	const char *text;
	struct tool tool;
	__u64 before;
	int i;

	load_with(program, MANY);
	tool = start_with(program, memory_file(""), "", "--output=" DISK_LOG);
	wait_for(has_written(tool.err, why));
	before = stats(buffer).bytes_read;
	for (i = 0; i < MANY / 2; i++)
		program->add();
	pause_ms(MOMENT_MS);
	ck_assert_uint_eq(stats(buffer).bytes_read, before);
	ck_assert_uint_gt(stats(buffer).used, 0);
	text = contents(DISK_LOG);
	ck_assert_uint_gt(lines_of(text), 0);
	ck_assert_int_eq(text[strlen(text) - 1], '\n');

	enlarge_small_disk(DISK);
	wait_for(!stats(buffer).used &&
		 has_written(tool.err, ": can write to " DISK_LOG " again\n"));
	unload_owner(program);
	ck_assert_msg(finish(tool.pid) == GOOD, "%s", text_of(tool.err));
	ck_assert_uint_ge(lines_of(contents(DISK_LOG)), MANY + MANY / 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("readers");
	TCase *readers = tcase_create("readers");
	TCase *disk = tcase_create("disk");

	setenv("LC_ALL", "C", 1);
	tcase_add_unchecked_fixture(readers, begin_tracing, stop_tracing);
	tcase_add_checked_fixture(readers, setup, teardown);
	tcase_set_timeout(readers, 3 * PATIENCE_S);
	tcase_add_loop_test(readers,
			    a_program_takes_nothing_if_its_output_is_closed, 0,
			    PROGRAMS);
	tcase_add_loop_test(readers,
			    a_program_takes_nothing_if_its_output_is_open_for_reading_only,
			    0, PROGRAMS);
	tcase_add_loop_test(readers,
			    a_program_prints_nothing_but_the_buffer_if_its_errors_are_closed,
			    0, PROGRAMS);
	tcase_add_loop_test(readers,
			    a_program_waits_for_room_in_an_output_that_does_not_block,
			    0, PROGRAMS);
	tcase_add_loop_test(readers,
			    a_program_ends_when_nobody_reads_it_and_takes_nothing_more,
			    0, PROGRAMS);
	tcase_add_test(readers, a_program_that_prints_nothing_needs_no_output);
	tcase_add_loop_test(readers,
			    a_program_fails_if_there_is_no_room_for_its_output,
			    0, PROGRAMS);
	tcase_add_loop_test(readers,
			    a_program_says_that_a_buffer_is_for_root_alone, 0,
			    PROGRAMS);
	tcase_add_loop_test(readers,
			    a_program_says_that_only_the_node_of_its_buffer_is_missing,
			    0, PROGRAMS);
	tcase_add_loop_test(readers,
			    a_program_waits_for_its_module_and_goes_on_when_it_is_loaded_again, 0,
			    PROGRAMS);
	suite_add_tcase(suite, readers);

	tcase_add_unchecked_fixture(disk, begin_tracing, stop_tracing);
	tcase_add_checked_fixture(disk, disk_setup, disk_teardown);
	tcase_set_timeout(disk, 3 * PATIENCE_S);
	tcase_add_loop_test(disk,
			    a_program_reads_nothing_while_its_file_has_no_room_and_loses_nothing,
			    1, PROGRAMS);
	suite_add_tcase(suite, disk);
	return run_suite(suite);
}
