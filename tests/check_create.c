// SPDX-License-Identifier: GPL-2.0-only
/* bufflink_create() and _named(): whose memory, how much, which number, name */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "device.h"

#define GIB		(1ull << 30)
#define LARGE		(4ull << 20)
#define ROUNDS		50	/* of a step that may leak a buffer */

/* Nothing was left behind by a create() that failed. */
static void check_refused(struct producer_create made, int err)
{
	ck_assert_int_eq(made.result, err);
	ck_assert(made.null);
}

static void check_gone(int number)
{
	ck_assert(!exists("/dev/bufflink%d", number));
	ck_assert(!exists("/sys/class/misc/bufflink%d", number));
}

static __u64 size_of(int number)
{
	int fd = open_buffer(number, O_RDONLY);
	__u64 size = stats(fd).size;

	close(fd);
	return size;
}

/* All of it holds data, wherever the data begins. */
static void check_all_used(unsigned int slot, int fd, __u64 size)
{
	ck_assert_uint_eq(stats(fd).size, size);
	fill(slot, size);
	ck_assert_int_eq(append_record(slot, 1), -ENOSPC);
	ck_assert_uint_eq(stats(fd).used, size);
	drain(fd);
}

static void check_nothing_logged(int log)
{
	char line[1024] = "";
	ssize_t got = read(log, line, sizeof(line) - 1);

	ck_assert_msg(got < 0 && errno == EAGAIN, "in the log: %s", line);
}

START_TEST(size_0_means_default_size)
{
	ck_assert_uint_eq(size_of(create_buffer(0, 0)), 64 * 1024);
}
END_TEST

START_TEST(default_size_is_settable_at_run_time)
{
	parameter_write("bufflink", "default_size", "20000");
	ck_assert_uint_eq(size_of(create_buffer(0, 0)), 20480);
	parameter_write("bufflink", "default_size", "65536");
	ck_assert_uint_eq(size_of(create_buffer(1, 0)), 65536);
}
END_TEST

static void reload(const char *parameters)
{
	producer_unload();
	ck_assert_int_eq(unload("bufflink"), 0);
	ck_assert_int_eq(load("bufflink", parameters), 0);
	producer_setup();
}

START_TEST(default_size_is_settable_at_load)
{
	reload("default_size=12288");
	ck_assert_uint_eq(size_of(create_buffer(0, 0)), 12288);
	reload("");
	ck_assert_uint_eq(size_of(create_buffer(0, 0)), 64 * 1024);
}
END_TEST

START_TEST(own_size_is_rounded_up_to_whole_pages)
{
	static const struct { __u64 asked, got; } sizes[] = {
		{ 1, PAGE }, { PAGE - 1, PAGE }, { PAGE, PAGE },
		{ PAGE + 1, 2 * PAGE }, { 3 * PAGE, 3 * PAGE },
	};
	int fd = open_buffer(create_buffer(0, sizes[_i].asked),
			     O_RDWR | O_NONBLOCK);

	check_all_used(0, fd, sizes[_i].got);
}
END_TEST

/* 1 GiB works where the machine has it, the addresses for it, and the time */
START_TEST(a_large_buffer_holds_as_much_as_its_size)
{
	__u64 most = (sizeof(long) == 4 ? GIB / 16 : GIB) / slowness();
	__u64 size = available() > most + most / 4 ? most : available() / 2;
	static const char record[PRODUCER_RECORD_MAX];
	struct producer_run records = {
		.data = (uintptr_t)record,
		.size_min = sizeof(record),
		.size_max = sizeof(record),
	};
	int fd;

	records.count = size / sizeof(record);
	size = records.count * sizeof(record);
	fd = new_buffer(size);
	run(&records);
	ck_assert_uint_eq(records.result.bytes, size);
	ck_assert_int_eq(append_record(0, 1), -ENOSPC);
	ck_assert_uint_eq(stats(fd).used, size);
}
END_TEST

START_TEST(a_size_without_memory_is_refused_and_nothing_is_logged)
{
	static const __u64 sizes[] = {
		1ull << 40, 1ull << 62, 1ull << 63, UINT64_MAX
	};
	int log = open_log(SEEK_END);
	struct producer_create made = create(0, PRODUCER_OWN, sizes[_i], -1);

	ck_assert(made.result == -ENOMEM || made.result == -EINVAL);
	check_refused(made, made.result);
	check_gone(0);
	check_nothing_logged(log);
	ck_assert_int_eq(create_buffer(0, 0), 0);
}
END_TEST

/* kmalloc, vmalloc, whole pages or static; any size from 1, used in full */
START_TEST(client_memory_is_used_in_full)
{
	static const __u64 sizes[] = { 1, 2, 7, 4095, 4096, 4097, 8191 };
	enum producer_memory memory = PRODUCER_KMALLOC + _i / 7;
	struct producer_create made = create(0, memory, sizes[_i % 7], -1);
	int fd;

	ck_assert_int_eq(made.result, 0);
	fd = open_buffer(made.number, O_RDWR | O_NONBLOCK);
	check_all_used(0, fd, sizes[_i % 7]);
	ck_assert_int_eq(append_record(0, 1), 0);
	drain(fd);
	check_all_used(0, fd, sizes[_i % 7]);
	ck_assert_int_eq(destroy(0), 0);
}
END_TEST

START_TEST(client_memory_of_size_0_is_EINVAL)
{
	check_refused(create(0, PRODUCER_KMALLOC, 0, -1), -EINVAL);
	check_gone(0);
}
END_TEST

START_TEST(minor_below_minus_1_is_EINVAL)
{
	check_refused(create(0, PRODUCER_OWN, 0, -2), -EINVAL);
	check_refused(create(0, PRODUCER_OWN, 0, INT_MIN), -EINVAL);
	ck_assert_int_eq(create_buffer(0, 0), 0);
}
END_TEST

START_TEST(minus_1_gives_the_lowest_free_number)
{
	ck_assert_int_eq(create_buffer(0, 0), 0);
	ck_assert_int_eq(create_buffer(1, 0), 1);
	ck_assert_int_eq(create(2, PRODUCER_OWN, 0, 2).number, 2);
	ck_assert_int_eq(create_buffer(3, 0), 3);
	ck_assert_int_eq(destroy(1), 0);
	ck_assert_int_eq(create_buffer(1, 0), 1);
}
END_TEST

START_TEST(a_number_can_be_chosen)
{
	static const int numbers[] = { 0, 7, 255, 1 << 20, INT_MAX };
	int number = numbers[_i];
	struct producer_create made = create(0, PRODUCER_OWN, 0, number);

	ck_assert_int_eq(made.result, 0);
	ck_assert_int_eq(made.number, number);
	ck_assert(exists("/dev/bufflink%d", number));
	ck_assert(exists("/sys/class/misc/bufflink%d/size", number));
	ck_assert_uint_eq(size_of(number), 64 * 1024);
	ck_assert_int_eq(destroy(0), 0);
	check_gone(number);
}
END_TEST

START_TEST(a_taken_number_is_EBUSY)
{
	ck_assert_int_eq(create(0, PRODUCER_OWN, 0, 7).result, 0);
	check_refused(create(1, PRODUCER_OWN, 0, 7), -EBUSY);
	check_refused(create(1, PRODUCER_KMALLOC, 100, 7), -EBUSY);
	ck_assert_uint_eq(size_of(7), 64 * 1024);
}
END_TEST

/* A failed create() leaves no memory behind, nor does destroy(). */
START_TEST(create_and_destroy_leak_no_memory)
{
	__u64 before = available();
	int i;

	ck_assert_int_eq(create(0, PRODUCER_OWN, 0, 3).result, 0);
	for (i = 0; i < ROUNDS; i++)
		if (_i)
			check_refused(create(1, PRODUCER_OWN, LARGE, 3),
				      -EBUSY);
		else
			ck_assert_int_eq(create_buffer(1, LARGE) + destroy(1),
					 0);
	ck_assert_uint_gt(available(), before - ROUNDS / 2 * LARGE);
}
END_TEST

/* There 6.1 runs into a number that is given away, and complains itself. */
static bool psaux_is_next(int number)
{
	char dev[16];

	sysfs_read(number, "dev", dev, sizeof(dev));
	return !strcmp(dev, "10:2") && exists("/dev/psaux");
}

/* misc of 6.1 has 128 of them, later ones enough for all slots */
START_TEST(running_out_of_misc_minors_is_a_clean_error)
{
	struct producer_create made;
	int n = 0;

	do {
		made = create(n, PRODUCER_OWN, 1, -1);
	} while (!made.result && ++n < PRODUCER_SLOTS &&
		 !psaux_is_next(made.number));
	ck_assert_int_ge(n, 32);
	if (made.result) {
		check_refused(made, -EBUSY);
		check_gone(n);
	}
	ck_assert_uint_eq(size_of(n - 1), PAGE);
	ck_assert_int_eq(destroy(n - 1), 0);
	ck_assert_int_eq(create(n - 1, PRODUCER_OWN, 1, n).number, n);
}
END_TEST

START_TEST(owner_is_the_name_of_the_client)
{
	char owner[64];

	sysfs_read(create_buffer(0, 0), "owner", owner, sizeof(owner));
	ck_assert_str_eq(owner, "producer");
}
END_TEST

/* bufflink_create_named() */

#define NAME_MAX_31	"a123456789b123456789c123456789d"
#define BYTES		256

static void check_name(int number, const char *name)
{
	char text[64];

	sysfs_read(number, "name", text, sizeof(text));
	ck_assert_str_eq(text, name);
}

/* It gives a name, and nothing of the buffer is left afterwards. */
static void is_a_name(const char *name)
{
	check_name(name_buffer(0, name), name);
	ck_assert_int_eq(destroy(0), 0);
	check_gone(0);
}

static void is_no_name(const char *name, size_t size)
{
	check_refused(create_named(0, name, size, 0, 0), -EINVAL);
	check_gone(0);
}

static bool is_allowed(int byte)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-";

	return byte && strchr(allowed, byte);
}

START_TEST(a_name_has_ascii_letters_digits_and_four_other_characters)
{
	int byte, allowed = 0;

	for (byte = 1; byte < BYTES; byte++) {
		char name[] = { 'a', byte, 'b', '\0' };

		if (is_allowed(byte)) {
			is_a_name(name);
			allowed++;
		} else {
			is_no_name(name, sizeof(name));
		}
	}
	ck_assert_int_eq(allowed, 26 + 26 + 10 + 4);
	ck_assert_int_eq(create_buffer(0, 0), 0);
}
END_TEST

START_TEST(a_name_does_not_begin_with_a_dot)
{
	int byte;

	for (byte = 1; byte < BYTES; byte++) {
		char name[] = { byte, '\0' };

		if (is_allowed(byte) && byte != '.')
			is_a_name(name);
		else
			is_no_name(name, sizeof(name));
	}
	is_no_name("..", 3);
	is_no_name(".a", 3);
	is_a_name("a.");
	is_a_name("a..b");
}
END_TEST

START_TEST(a_name_has_1_to_31_characters)
{
	char name[PRODUCER_NAME_MAX];
	int length;

	is_no_name("", 1);
	memset(name, 'a', sizeof(name));
	for (length = 1; length < PRODUCER_NAME_MAX; length++) {
		name[length] = '\0';
		if (length <= 31)
			is_a_name(name);
		else
			is_no_name(name, length + 1);
		name[length] = 'a';
	}
	ck_assert_int_eq(strlen(NAME_MAX_31), 31);
	is_a_name(NAME_MAX_31);
}
END_TEST

/* A read beyond these bytes is a fault, and the kernel panics. */
START_TEST(a_name_without_a_nul_is_refused)
{
	is_no_name(NAME_MAX_31 "e", 32);
	is_no_name(NAME_MAX_31 ".", 32);
}
END_TEST

START_TEST(a_name_with_any_other_character_is_refused)
{
	static const char * const names[] = {
		" ", "a b", "a ", "a\n", "\n", "a\tb", "a/b", "/", "../a",
		"%s", "%n%n%n", "a%", "\xc3\xa4", "\xe4", "\xff", "\x7f",
		"a\\x2d", "$attr", "\"a\"", "a:b", "a,b", "a@b", "a=b",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		is_no_name(names[i], strlen(names[i]) + 1);
}
END_TEST

START_TEST(a_flag_that_is_unknown_is_EINVAL)
{
	unsigned int flag = PERCPU << 1 << _i;

	check_refused(create_named(0, "name", 5, 0, flag), -EINVAL);
	check_refused(create_named(0, NULL, 0, 0, flag | PERCPU),
		      -EINVAL);
	check_gone(0);
	ck_assert_int_eq(create_buffer(0, 0), 0);
}
END_TEST

START_TEST(a_buffer_needs_no_name)
{
	struct producer_create made = create_named(0, NULL, 0, 0, 0);

	ck_assert_int_eq(made.result, 0);
	check_name(made.number, "");
	check_name(create_buffer(1, 0), "");
}
END_TEST

START_TEST(two_buffers_may_have_the_same_name)
{
	ck_assert_int_eq(name_buffer(0, "name"), 0);
	ck_assert_int_eq(name_buffer(1, "name"), 1);
	check_name(0, "name");
	check_name(1, "name");
	ck_assert_int_eq(destroy(0), 0);
	check_name(1, "name");
}
END_TEST

START_TEST(a_named_buffer_has_the_size_that_create_would_give_it)
{
	static const struct { __u64 asked, got; } sizes[] = {
		{ 0, 64 * 1024 }, { 1, PAGE }, { PAGE, PAGE },
		{ PAGE + 1, 2 * PAGE },
	};
	struct producer_create made = create_named(0, "name", 5,
						   sizes[_i].asked, 0);

	ck_assert_int_eq(made.result, 0);
	check_all_used(0, open_buffer(made.number, O_RDWR | O_NONBLOCK),
		       sizes[_i].got);
}
END_TEST

START_TEST(a_named_buffer_has_the_lowest_free_number)
{
	ck_assert_int_eq(create_buffer(0, 0), 0);
	ck_assert_int_eq(name_buffer(1, "one"), 1);
	ck_assert_int_eq(create(2, PRODUCER_OWN, 0, 2).number, 2);
	ck_assert_int_eq(name_buffer(3, "three"), 3);
	ck_assert_int_eq(destroy(1), 0);
	ck_assert_int_eq(name_buffer(1, "another"), 1);
	check_name(1, "another");
}
END_TEST

START_TEST(a_named_buffer_without_memory_is_refused_and_nothing_is_logged)
{
	static const __u64 sizes[] = { 1ull << 40, 1ull << 62, UINT64_MAX };
	int log = open_log(SEEK_END);
	struct producer_create made = create_named(0, "name", 5, sizes[_i], 0);

	ck_assert(made.result == -ENOMEM || made.result == -EINVAL);
	check_refused(made, made.result);
	check_gone(0);
	check_nothing_logged(log);
	ck_assert_int_eq(name_buffer(0, "name"), 0);
}
END_TEST

START_TEST(owner_of_a_named_buffer_is_the_name_of_the_client)
{
	char owner[64];

	sysfs_read(name_buffer(0, "name"), "owner", owner, sizeof(owner));
	ck_assert_str_eq(owner, "producer");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("create");

	add_case(suite, "size", size_0_means_default_size,
		 default_size_is_settable_at_run_time,
		 default_size_is_settable_at_load,
		 a_large_buffer_holds_as_much_as_its_size);
	add_loop_case(suite, "rounding", 5,
		      own_size_is_rounded_up_to_whole_pages);
	add_loop_case(suite, "too large", 4,
		      a_size_without_memory_is_refused_and_nothing_is_logged);
	add_loop_case(suite, "client memory", 4 * 7,
		      client_memory_is_used_in_full);
	add_case(suite, "refusals", client_memory_of_size_0_is_EINVAL,
		 minor_below_minus_1_is_EINVAL, a_taken_number_is_EBUSY,
		 running_out_of_misc_minors_is_a_clean_error);
	add_loop_case(suite, "leaks", 2, create_and_destroy_leak_no_memory);
	add_case(suite, "owner and number",
		 minus_1_gives_the_lowest_free_number,
		 owner_is_the_name_of_the_client);
	add_loop_case(suite, "numbers", 5, a_number_can_be_chosen);
	add_case(suite, "names",
		 a_name_has_ascii_letters_digits_and_four_other_characters,
		 a_name_does_not_begin_with_a_dot,
		 a_name_has_1_to_31_characters,
		 a_name_without_a_nul_is_refused,
		 a_name_with_any_other_character_is_refused,
		 a_buffer_needs_no_name,
		 two_buffers_may_have_the_same_name,
		 a_named_buffer_has_the_lowest_free_number,
		 owner_of_a_named_buffer_is_the_name_of_the_client);
	add_loop_case(suite, "flags", 31, a_flag_that_is_unknown_is_EINVAL);
	add_loop_case(suite, "named sizes", 4,
		      a_named_buffer_has_the_size_that_create_would_give_it);
	add_loop_case(suite, "named and too large", 3,
		      a_named_buffer_without_memory_is_refused_and_nothing_is_logged);
	return run_suite(suite);
}
