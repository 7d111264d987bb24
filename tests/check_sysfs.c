// SPDX-License-Identifier: GPL-2.0-only
/* The files in /sys/class/misc/bufflinkN/ */
#define _GNU_SOURCE
#include "device.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FOLDER	"/sys/class/misc/bufflink0/"

static const struct sysfs_file {
	const char *name;
	unsigned int mode;
} files[] = {
	{ "size", 0644 },
	{ "used", 0444 },
	{ "highwater", 0444 },
	{ "records", 0444 },
	{ "bytes", 0444 },
	{ "lost_records", 0444 },
	{ "lost_bytes", 0444 },
	{ "wakeups", 0444 },
	{ "owner", 0444 },
	{ "name", 0444 },
	{ "overflow", 0644 },
	{ "watermark", 0644 },
};

#define FILES	((int)(sizeof(files) / sizeof(*files)))

static char *path_of(const char *name)
{
	static char path[96];

	snprintf(path, sizeof(path), FOLDER "%s", name);
	return path;
}

static void check_value(const char *name, uint64_t wanted)
{
	ck_assert_msg(sysfs_value(NUMBER, name) == wanted, "%s is %llu", name,
		      (unsigned long long)sysfs_value(NUMBER, name));
}

static void check_values(const char *const *names, uint64_t wanted)
{
	while (*names)
		check_value(*names++, wanted);
}

/* Of the files that the kernel gives every device there are but these. */
static bool is_ours(const char *name)
{
	static const char *const theirs[] = {
		".", "..", "dev", "power", "subsystem", "uevent",
	};
	unsigned int i;

	for (i = 0; i < sizeof(theirs) / sizeof(*theirs); i++)
		if (!strcmp(name, theirs[i]))
			return false;
	return true;
}

START_TEST(the_files_are_these_and_no_others)
{
	struct dirent *entry;
	int found = 0;
	DIR *folder;
	int i;

	create_buffer(0, PAGE);
	folder = opendir(FOLDER);
	ck_assert_ptr_nonnull(folder);
	while ((entry = readdir(folder)))
		found += is_ours(entry->d_name);
	ck_assert_int_eq(found, FILES);
	for (i = 0; i < FILES; i++)
		ck_assert_msg(!access(path_of(files[i].name), F_OK),
			      "no %s", files[i].name);
}
END_TEST

START_TEST(each_file_has_its_mode)
{
	struct stat st;
	int i;

	create_buffer(0, PAGE);
	for (i = 0; i < FILES; i++) {
		ck_assert_int_eq(stat(path_of(files[i].name), &st), 0);
		ck_assert_msg((st.st_mode & 07777) == files[i].mode,
			      "%s has mode %o", files[i].name, st.st_mode);
	}
}
END_TEST

START_TEST(counts_of_the_kernel_cannot_be_written)
{
	int i;

	create_buffer(0, PAGE);
	for (i = 0; i < FILES; i++)
		if (files[i].mode == 0444)
			ck_assert_int_eq(result_of(open(path_of(files[i].name),
							O_WRONLY)), -EACCES);
}
END_TEST

START_TEST(there_is_one_value_in_each_file)
{
	char text[100];
	int i;

	name_buffer(0, "name");
	for (i = 0; i < FILES; i++) {
		sysfs_read(NUMBER, files[i].name, text, sizeof(text));
		ck_assert_uint_gt(strlen(text), 0);
		ck_assert_msg(!strpbrk(text, " \t\n:,"), "%s is '%s'",
			      files[i].name, text);
	}
}
END_TEST

START_TEST(owner_is_the_module_of_the_client)
{
	char text[64];

	create_buffer(0, PAGE);
	sysfs_read(NUMBER, "owner", text, sizeof(text));
	ck_assert_str_eq(text, "producer");
}
END_TEST

START_TEST(each_module_has_its_own_name)
{
	char text[64];

	create_buffer(0, PAGE);
	ck_assert_int_eq(load("bufflink_test", "rate=1"), 0);
	sysfs_read(1, "owner", text, sizeof(text));
	ck_assert_str_eq(text, "bufflink_test");
	sysfs_read(0, "owner", text, sizeof(text));
	ck_assert_str_eq(text, "producer");
	ck_assert_int_eq(unload("bufflink_test"), 0);
}
END_TEST

START_TEST(size_is_in_bytes)
{
	new_client_buffer(10);
	check_value("size", 10);
	destroy_buffer();
	create_buffer(0, 1);
	check_value("size", PAGE);
}
END_TEST

START_TEST(a_new_buffer_has_counted_nothing)
{
	static const char *const names[] = {
		"used", "highwater", "records", "bytes", "lost_records",
		"lost_bytes", "overflow", "wakeups", NULL
	};

	create_buffer(0, PAGE);
	check_values(names, 0);
	check_value("watermark", 1);
}
END_TEST

START_TEST(records_and_bytes_are_those_that_were_stored)
{
	int fd = new_client_buffer(10);

	append_text("abc");
	append_text("defgh");
	lose(3);
	check_value("used", 8);
	check_value("highwater", 8);
	check_value("records", 2);
	check_value("bytes", 8);
	drain(fd);
	append_text("ijk");
	check_value("used", 3);
	check_value("highwater", 8);
	check_value("records", 3);
	check_value("bytes", 11);
}
END_TEST

START_TEST(lost_records_and_bytes_only_ever_grow)
{
	int fd = new_client_buffer(10);

	fill(0, 10);
	lose(3);
	check_value("lost_records", 1);
	check_value("lost_bytes", 3);
	loss(fd);
	ck_assert_int_eq(sysfs_write(NUMBER, "overflow", "0"), 0);
	drain(fd);
	check_value("lost_records", 1);
	check_value("lost_bytes", 3);
	ck_assert_int_eq(append_record(0, 11), -EMSGSIZE);
	check_value("lost_records", 2);
	check_value("lost_bytes", 14);
}
END_TEST

START_TEST(overflow_is_1_from_the_first_loss_until_it_is_reported)
{
	int fd = new_client_buffer(10);

	fill(0, 10);
	check_value("overflow", 0);
	lose(3);
	check_value("overflow", 1);
	drain(fd);
	fill(0, 1);
	lose(10);
	check_value("overflow", 1);
	loss(fd);
	check_value("overflow", 0);
	lose(10);
	check_value("overflow", 1);
}
END_TEST

START_TEST(overflow_is_1_until_0_is_written)
{
	new_client_buffer(10);
	fill(0, 10);
	lose(3);
	ck_assert_int_eq(sysfs_write(NUMBER, "overflow", "0\n"), 0);
	check_value("overflow", 0);
	lose(3);
	check_value("overflow", 1);
	check_value("lost_records", 2);		/* has it brought into the books */
	check_value("overflow", 1);
	ck_assert_int_eq(sysfs_write(NUMBER, "overflow", "0"), 0);
	check_value("overflow", 0);
	ck_assert_int_eq(sysfs_write(NUMBER, "overflow", "0"), 0);
	check_value("overflow", 0);
}
END_TEST

START_TEST(writing_0_to_overflow_leaves_the_report)
{
	int fd = new_client_buffer(10);
	struct bufflink_loss report;

	fill(0, 10);
	lose(3);
	ck_assert_int_eq(sysfs_write(NUMBER, "overflow", "0"), 0);
	ck_assert_int_eq(poll_for(fd, POLLPRI, 0), POLLPRI);
	lose(4);
	report = loss(fd);
	ck_assert_uint_eq(report.records, 2);
	ck_assert_uint_eq(report.bytes, 7);
}
END_TEST

START_TEST(anything_but_0_written_to_overflow_is_einval)
{
	static const char *const texts[] = {
		"1", "2", "-1", "00x", "x", " ", "\n", "0 0", "4294967296",
		"18446744073709551616",
	};
	unsigned int i;

	new_client_buffer(10);
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		ck_assert_msg(sysfs_write(NUMBER, "overflow", texts[i]) ==
			      -EINVAL, "'%s'", texts[i]);
	check_value("overflow", 0);
	fill(0, 10);
	lose(1);
	ck_assert_int_eq(sysfs_write(NUMBER, "overflow", "1"), -EINVAL);
	check_value("overflow", 1);
}
END_TEST

START_TEST(name_is_the_one_that_the_client_gave)
{
	char text[64];

	name_buffer(0, "a.B_1+2-3");
	name_buffer(1, "other");
	sysfs_read(0, "name", text, sizeof(text));
	ck_assert_str_eq(text, "a.B_1+2-3");
	sysfs_read(1, "name", text, sizeof(text));
	ck_assert_str_eq(text, "other");
	sysfs_read(1, "owner", text, sizeof(text));
	ck_assert_str_eq(text, "producer");
}
END_TEST

static void check_name_is_an_empty_line(int number)
{
	char text[64];

	sysfs_read(number, "name", text, sizeof(text));
	ck_assert_str_eq(text, "");
}

START_TEST(name_is_an_empty_line_where_there_is_none)
{
	check_name_is_an_empty_line(create_buffer(0, PAGE));
	ck_assert_int_eq(create(1, PRODUCER_KMALLOC, 10, -1).result, 0);
	check_name_is_an_empty_line(1);
	ck_assert_int_eq(create_named(2, NULL, 0, PAGE, 0).result, 0);
	check_name_is_an_empty_line(2);
}
END_TEST

START_TEST(watermark_is_that_of_the_ioctls)
{
	int fd = new_client_buffer(10);

	ck_assert_int_eq(sysfs_write(NUMBER, "watermark", "7\n"), 0);
	check_value("watermark", 7);
	ck_assert_uint_eq(watermark(fd), 7);
	ck_assert_int_eq(set_watermark(fd, 3), 0);
	check_value("watermark", 3);
	ck_assert_int_eq(sysfs_write(NUMBER, "watermark", "10"), 0);
	check_value("watermark", 10);
}
END_TEST

START_TEST(a_bad_watermark_is_einval)
{
	static const char *const texts[] = {
		"0", "11", "-1", "x", "5x", " ", "\n", "4294967301",
	};
	unsigned int i;

	new_client_buffer(10);
	ck_assert_int_eq(sysfs_write(NUMBER, "watermark", "5"), 0);
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		ck_assert_msg(sysfs_write(NUMBER, "watermark", texts[i]) ==
			      -EINVAL, "'%s'", texts[i]);
	check_value("watermark", 5);
}
END_TEST

START_TEST(a_number_too_large_to_hold_is_refused)
{
	new_client_buffer(10);
	ck_assert_int_lt(sysfs_write(NUMBER, "watermark",
				     "18446744073709551617"), 0);
	check_value("watermark", 1);
}
END_TEST

START_TEST(the_files_have_the_values_of_the_ioctl)
{
	int fd = new_client_buffer(100);
	struct producer_run run_of = {
		.count = 200, .size_min = 1, .size_max = 50, .seed = 3,
	};
	struct bufflink_stats now;

	run(&run_of);
	drain(fd);
	append_text("some");
	now = stats(fd);
	check_value("size", now.size);
	check_value("used", now.used);
	check_value("highwater", now.highwater);
	check_value("records", now.records);
	check_value("bytes", now.bytes);
	check_value("lost_records", now.lost_records);
	check_value("lost_bytes", now.lost_bytes);
	check_value("wakeups", now.wakeups);
	ck_assert_uint_gt(now.lost_records, 0);
}
END_TEST

START_TEST(the_files_vanish_at_destroy)
{
	char text[64];
	int fds[FILES];
	int i;

	new_buffer(PAGE);
	for (i = 0; i < FILES; i++)
		fds[i] = open(path_of(files[i].name), O_RDONLY);
	destroy_buffer();
	for (i = 0; i < FILES; i++) {
		ck_assert_int_eq(result_of(read(fds[i], text, sizeof(text))),
				 -ENODEV);
		ck_assert_int_eq(result_of(access(path_of(files[i].name),
						  F_OK)), -ENOENT);
	}
	ck_assert_int_eq(result_of(access(FOLDER, F_OK)), -ENOENT);
}
END_TEST

static bool reading_goes_on = true;

/* Read all files as they come and go; *arg counts the values that came. */
static void *read_files(void *arg)
{
	unsigned int *values = arg;
	char text[64];
	char path[96];
	int fd, i;

	while (__atomic_load_n(&reading_goes_on, __ATOMIC_RELAXED)) {
		i = __atomic_load_n(values, __ATOMIC_RELAXED) % FILES;
		snprintf(path, sizeof(path), FOLDER "%s", files[i].name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (read(fd, text, sizeof(text)) > 0)
			__atomic_add_fetch(values, 1, __ATOMIC_RELAXED);
		close(fd);
	}
	return NULL;
}

START_TEST(reading_while_destroy_runs_is_safe)
{
	unsigned int values[2] = { 0 };
	unsigned int *value, before;
	pthread_t readers[2];
	unsigned int i;

	for (i = 0; i < 2; i++)
		pthread_create(&readers[i], NULL, read_files, &values[i]);
	for (i = 0; i < 100 / slowness(); i++) {
		value = &values[i % 2];
		before = __atomic_load_n(value, __ATOMIC_RELAXED);
		create_buffer(0, PAGE);
		append_text("abc");
		wait_for(__atomic_load_n(value, __ATOMIC_RELAXED) > before);
		destroy_buffer();
	}
	__atomic_store_n(&reading_goes_on, false, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(readers[i], NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sysfs");

	add_case(suite, "files",
		 the_files_are_these_and_no_others,
		 each_file_has_its_mode,
		 counts_of_the_kernel_cannot_be_written,
		 there_is_one_value_in_each_file,
		 the_files_have_the_values_of_the_ioctl,
		 the_files_vanish_at_destroy,
		 reading_while_destroy_runs_is_safe);
	add_case(suite, "values",
		 owner_is_the_module_of_the_client,
		 each_module_has_its_own_name,
		 size_is_in_bytes,
		 a_new_buffer_has_counted_nothing,
		 records_and_bytes_are_those_that_were_stored,
		 lost_records_and_bytes_only_ever_grow);
	add_case(suite, "overflow",
		 overflow_is_1_from_the_first_loss_until_it_is_reported,
		 overflow_is_1_until_0_is_written,
		 writing_0_to_overflow_leaves_the_report,
		 anything_but_0_written_to_overflow_is_einval);
	add_case(suite, "name",
		 name_is_the_one_that_the_client_gave,
		 name_is_an_empty_line_where_there_is_none);
	add_case(suite, "watermark",
		 watermark_is_that_of_the_ioctls,
		 a_bad_watermark_is_einval,
		 a_number_too_large_to_hold_is_refused);
	return run_suite(suite);
}
