// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults at random moments of a migration, of every kind. Whatever happens: what
 * is called a copy is identical; what was frozen is not, three seconds after the
 * end; and it never was for longer than the bound and a second. ROUNDS=100 runs a
 * hundred of them, others each time; SEED=N those of another run.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "journal.h"
#include "migrate.h"
#include "stacks.h"

#define KEPT		"/tmp/kept"	/* the sum of SRC when it was frozen */
#define RECEIVER	"/tmp/receiver"	/* its pid */
#define FULL		"/tmp/full"	/* a file system without much room */
#define BOUND_S		4	/* the comparison is within it */
#define SHORT_BOUND_S	1	/* where it is reached */

static unsigned int seed, seed_of_all;
static bool have_xfs;

static struct {
	enum filesystem filesystem;
	uint64_t size;
	const char *lower;	/* of SRC: the only device below it */
	const char *src;
	const char *dst;
	const char *dst_disk;	/* the only one below it */
	char run[96];
	char via[192];
	pid_t pid;
	bool src_fails;		/* when it is read */
	unsigned int bound_s;
	char bound[24];
} it;

static unsigned int up_to(unsigned int most)
{
	return rand_r(&seed) % (most + 1);
}

/* sums */

static uint64_t sum_of(const char *path, uint64_t size)
{
	static uint64_t data[MIB / 8] __attribute__((aligned(PAGE)));
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	uint64_t sum = size, done;
	ssize_t got;
	int i;

	if (fd < 0)	/* tmpfs of 6.1 has no O_DIRECT */
		fd = open(path, O_RDONLY | O_CLOEXEC);
	for (done = 0; done < size; done += got) {
		got = pread(fd, data, MIB, done);
		if (got <= 0)
			return 0;
		for (i = 0; i < got / 8; i++)
			sum = (sum ^ data[i]) * 0x100000001b3;
	}
	close(fd);
	return sum ? sum : 1;
}

/* As --run, while SRC is frozen */
static int keep(const char *path, uint64_t size)
{
	uint64_t sum = sum_of(path, size);
	int fd = open(KEPT, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool done = write(fd, &sum, sizeof(sum)) == sizeof(sum);

	close(fd);
	return !done || !sum;
}

static uint64_t kept(void)
{
	uint64_t sum = 0;
	int fd = open(KEPT, O_RDONLY | O_CLOEXEC);

	if (read(fd, &sum, sizeof(sum)) != sizeof(sum))
		sum = 0;
	close(fd);
	return sum;
}

/* In the stream: one bit of the byte there is another */
static int flip(uint64_t place)
{
	static char data[65536];
	uint64_t done = 0;
	ssize_t got;

	while ((got = read(STDIN_FILENO, data, sizeof(data))) > 0) {
		if (place >= done && place < done + got)
			data[place - done] ^= 1 << place % 8;
		done += got;
		if (write(STDOUT_FILENO, data, got) != got)
			return 1;
	}
	return 0;
}

/* a migration under load */

static const char *new_linear(const char *disk)
{
	char arguments[64];

	snprintf(arguments, sizeof(arguments), "%s 0", disk);
	return new_target(it.size / SECTOR, "linear", arguments);
}

static void prepare(int round, unsigned int bound_s)
{
	seed = seed_of_all + round;
	printf("# SEED=%u\n", seed);
	fflush(stdout);
	it.filesystem = have_xfs && up_to(1) ? XFS : EXT4;
	it.size = filesystem_sizes[it.filesystem];
	it.bound_s = bound_s;
	snprintf(it.bound, sizeof(it.bound), "--max-pause=%u", bound_s);
	it.lower = new_linear(new_loop(it.size));
	it.src = new_linear(it.lower);
	it.dst_disk = new_loop(it.size);
	it.dst = new_linear(it.dst_disk);
	unlink(KEPT);
	unlink(RECEIVER);
	make(it.filesystem, it.src);
	mount_it(it.filesystem, it.src);
	log_devices(it.src, "");
	start_journal(2);
	snprintf(it.run, sizeof(it.run),
		 "--run=/t/client_migrate_faults keep %s %llu; sleep 0.%u",
		 it.src, (unsigned long long)it.size, up_to(9));
}

#define begin_with(...) \
	(it.pid = migrate(it.bound, "-f", MOUNTPOINT, ##__VA_ARGS__))

static void begin_to(const char *dst)
{
	it.dst = dst;
	begin_with(it.run, (char *)it.src, (char *)dst);
}

/* Through a filter on the stream, which may be "" */
static void begin_via(const char *filter)
{
	snprintf(it.via, sizeof(it.via),
		 "--via=%ssh -c 'echo $$ >%s; exec %s --receive %s'", filter,
		 RECEIVER, PROGRAM, it.dst);
	begin_with(it.run, it.via, (char *)it.src);
}

static bool is_over(void)
{
	return finished(it.pid, 0);
}

/* Any time, or in the rounds, or while it is frozen */
static void begin_to_or_via(void)
{
	if (up_to(1))
		begin_to(it.dst);
	else
		begin_via("");
}

static void random_moment(void)
{
	switch (up_to(2)) {
	case 0:
		pause_ms(up_to(1500));
		break;
	case 1:
		wait_for(has_said("round 1:") || is_over());
		pause_ms(up_to(300));
		break;
	default:
		wait_for((has_said("round 1:") && rests()) || is_over());
		pause_ms(up_to(800));
	}
}

/* the laws */

static void must_thaw(void)
{
	if (it.filesystem == XFS && has_said("the kernel still freezes"))
		let_xfs_give_up(it.src);
	ck_assert_msg(goes_on_within(3000 * slowness()),
		      "frozen, three seconds after: %s", said());
}

static pid_t receiver(void)
{
	FILE *file = fopen(RECEIVER, "re");
	int pid = 0;

	if (file && fscanf(file, "%d", &pid) != 1)
		pid = 0;
	if (file)
		fclose(file);
	return pid;
}

static void check_laws(void)
{
	int status;

	ck_assert_msg(finished(it.pid, 3 * PATIENCE_MS), "it goes on: %s",
		      said());
	must_thaw();
	ck_assert_int_eq(waitpid(it.pid, &status, 0), it.pid);
	ck_assert_msg(longest_pause() <= (it.bound_s + 1) * 1000 * slowness(),
		      "a pause of %llu ms: %s",
		      (unsigned long long)longest_pause(), said());
	stop_journal();
	printf("# status %x, pause %llu ms\n", status,
	       (unsigned long long)longest_pause());
	if (WIFEXITED(status) && (WEXITSTATUS(status) == GOOD ||
				  WEXITSTATUS(status) == RUN_FAILED)) {
		wait_for(!receiver() || kill(receiver(), 0));
		ck_assert(kept() || (it.src_fails &&
				     WEXITSTATUS(status) == RUN_FAILED));
		if (kept())
			ck_assert_uint_eq(sum_of(it.dst, it.size), kept());
	} else {
		ck_assert_msg(!strstr(said(), "is a copy of /"), "%s", said());
	}
	if (receiver())
		kill(receiver(), SIGKILL);
	unmount_it();
}

/* signals */

static int random_signal(void)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGKILL };

	return numbers[up_to(3)];
}

/* Soon, if it has not ended already */
static void must_end_by(int number)
{
	if (!is_over())
		kill(it.pid, number);
	ck_assert_msg(finished(it.pid, 3000 * slowness()), "it goes on: %s",
		      said());
	check_laws();
}

START_TEST(it_is_safe_after_a_signal_to_the_program)
{
	prepare(_i, BOUND_S);
	begin_to(it.dst);
	random_moment();
	must_end_by(random_signal());
}
END_TEST

START_TEST(it_is_safe_after_a_signal_to_the_sender)
{
	prepare(_i, BOUND_S);
	begin_via("");
	random_moment();
	must_end_by(random_signal());
}
END_TEST

START_TEST(it_is_safe_after_a_signal_to_the_receiver)
{
	prepare(_i, BOUND_S);
	begin_via("");
	random_moment();
	if (receiver())
		kill(receiver(), random_signal());
	check_laws();
}
END_TEST

START_TEST(it_is_safe_after_a_signal_while_the_command_hangs_on_a_frozen_file)
{
	prepare(_i, BOUND_S);
	begin_with("--run=echo >" MOUNTPOINT "/frozen", (char *)it.src,
		   (char *)it.dst);
	wait_for((has_said("round 1:") && rests()) || is_over());
	pause_ms(up_to(500));
	must_end_by(random_signal());
}
END_TEST

/* streams */

START_TEST(it_is_safe_after_a_stream_that_is_cut)
{
	char filter[64];

	prepare(_i, BOUND_S);
	snprintf(filter, sizeof(filter), "dd bs=4096 count=%u 2>/dev/null | ",
		 up_to(it.size / PAGE));
	begin_via(filter);
	check_laws();
}
END_TEST

START_TEST(it_is_safe_after_a_stream_with_another_bit)
{
	char filter[64];

	prepare(_i, BOUND_S);
	snprintf(filter, sizeof(filter), "/t/client_migrate_faults flip %llu | ",
		 (unsigned long long)up_to(it.size / 8));
	begin_via(filter);
	check_laws();
}
END_TEST

/* devices */

START_TEST(it_is_safe_after_a_source_that_fails)
{
	prepare(_i, BOUND_S);
	begin_to(it.dst);
	random_moment();
	it.src_fails = true;
	change_target(it.lower, it.size / SECTOR, "error", "");
	check_laws();
}
END_TEST

START_TEST(it_is_safe_after_a_source_that_cannot_be_written_to)
{
	char arguments[96];

	if (!have_target("flakey"))
		return;
	prepare(_i, SHORT_BOUND_S);
	snprintf(arguments, sizeof(arguments), "%s 0 0 1000 1 error_writes",
		 "/dev/loop0");
	begin_to(it.dst);
	random_moment();
	change_target(it.lower, it.size / SECTOR, "flakey", arguments);
	check_laws();
}
END_TEST

/* Again and again */
static int fill_up(void *arg)
{
	static char data[65536];
	int fd = open(MOUNTPOINT "/all", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)arg;
	for (;;) {
		while (write(fd, data, sizeof(data)) > 0)
			++*data;
		ftruncate(fd, 0);
		lseek(fd, 0, SEEK_SET);
	}
	return 0;
}

START_TEST(it_is_safe_after_a_source_that_is_full)
{
	pid_t writer;

	prepare(_i, BOUND_S);
	begin_to_or_via();
	random_moment();
	writer = start(fill_up, NULL);
	wait_for(is_over());
	stop_load(writer);
	check_laws();
}
END_TEST

START_TEST(it_is_safe_after_a_destination_that_fails)
{
	char arguments[64];

	prepare(_i, BOUND_S);
	begin_to_or_via();
	random_moment();
	change_target(it.dst, it.size / SECTOR, "error", "");
	wait_for(is_over());
	must_thaw();
	/* to look at it */
	snprintf(arguments, sizeof(arguments), "%s 0", it.dst_disk);
	change_target(it.dst, it.size / SECTOR, "linear", arguments);
	check_laws();
}
END_TEST

START_TEST(it_is_safe_after_a_destination_that_is_full)
{
	char options[32];

	prepare(_i, BOUND_S);
	mkdir(FULL, 0700);
	snprintf(options, sizeof(options), "size=%uk",
		 (unsigned int)it.size / 1024 / 100 * (20 + up_to(90)));
	ck_assert_int_eq(mount("full", FULL, "tmpfs", 0, options), 0);
	it.dst = FULL "/dst";
	begin_to_or_via();
	check_laws();
	ck_assert_int_eq(umount2(FULL, MNT_DETACH), 0);
}
END_TEST

/* what stalls */

static void wait_for_the_bound(void)
{
	const uint64_t end = now_ms() + (it.bound_s + 1) * 1000 * slowness();

	while (!is_over() && now_ms() < end)
		pause_ms(10);
	must_thaw();
}

START_TEST(it_is_safe_after_a_reader_of_the_stream_that_stalls)
{
	char filter[64];

	prepare(_i, SHORT_BOUND_S);
	snprintf(filter, sizeof(filter),
		 "{ dd bs=4096 count=%u 2>/dev/null; sleep 99; } | ",
		 up_to(it.size / 8 / PAGE));
	begin_via(filter);
	pause_ms(up_to(1500));
	wait_for_the_bound();
	must_end_by(SIGTERM);
}
END_TEST

START_TEST(it_is_safe_after_a_command_that_hangs)
{
	prepare(_i, SHORT_BOUND_S);
	begin_with(hanging[up_to(HANGING - 1)], (char *)it.src, (char *)it.dst);
	wait_for((has_said("round 1:") && rests()) || is_over());
	wait_for_the_bound();
	ck_assert_msg(is_over(), "it goes on: %s", said());
	check_laws();
}
END_TEST

START_TEST(it_is_safe_after_a_destination_that_stalls)
{
	prepare(_i, SHORT_BOUND_S);
	begin_to_or_via();
	random_moment();
	suspend_dm(it.dst);
	wait_for_the_bound();
	resume_dm(it.dst);
	check_laws();
}
END_TEST

static void choose(void)
{
	const char *text = getenv("SEED");

	seed_of_all = text ? atoi(text) : getenv("ROUNDS") ? time(NULL) : 1;
	have_xfs = have_filesystem(XFS);
	load_drivers("dm-flakey");
}

/* So many times that all are no less than ROUNDS */
static void add_rounds(TCase *tcase, const TTest **faults)
{
	const char *text = getenv("ROUNDS");
	int count = 0, i;

	while (faults[count])
		count++;
	for (i = 0; i < count; i++)
		tcase_add_loop_test(tcase, faults[i], 0,
				    text ? (atoi(text) + count - 1) / count : 1);
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("migrate faults");
	TCase *tcase = new_case(suite, "faults");

	if (argc == 4 && !strcmp(argv[1], "keep"))
		return keep(argv[2], strtoull(argv[3], NULL, 0));
	if (argc == 3 && !strcmp(argv[1], "flip"))
		return flip(strtoull(argv[2], NULL, 0));
	if (!have_disks()) {
		add_no_disks(tcase);
		return run_suite(suite);
	}
	choose();
	add_rounds(tcase, tests(it_is_safe_after_a_signal_to_the_program,
				it_is_safe_after_a_signal_to_the_sender,
				it_is_safe_after_a_signal_to_the_receiver,
				it_is_safe_after_a_signal_while_the_command_hangs_on_a_frozen_file,
				it_is_safe_after_a_stream_that_is_cut,
				it_is_safe_after_a_stream_with_another_bit,
				it_is_safe_after_a_source_that_fails,
				it_is_safe_after_a_source_that_cannot_be_written_to,
				it_is_safe_after_a_source_that_is_full,
				it_is_safe_after_a_destination_that_fails,
				it_is_safe_after_a_destination_that_is_full,
				it_is_safe_after_a_reader_of_the_stream_that_stalls,
				it_is_safe_after_a_command_that_hangs,
				it_is_safe_after_a_destination_that_stalls));
	return run_suite(suite);
}
