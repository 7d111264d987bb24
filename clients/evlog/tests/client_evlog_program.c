// SPDX-License-Identifier: GPL-2.0-only
/* bufflink-evlog prints, runs and sends, and no event forges any of it. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "events.h"

#define TIME_SIZE	strlen("2026-11-27T15:40:00.123456+00:00 ")
#define COMMANDS_MAX	8	/* of --notify, at a time */
#define COMMANDS	200	/* of a test */
#define HANGING	\
	"bufflink-evlog: 8 commands still run; events wait in the buffer\n"
#define EVENTS		3000	/* more lines than a small disk holds */

static char who[64];	/* as in the line of an event of this process */

static void setup(void)
{
	evlog_setup();
	load_evlog(LARGE);
	setenv("TZ", "UTC", 1);
	snprintf(who, sizeof(who), "(producer, cpu 0, pid %d, uid 0, process",
		 getpid());
	pin(0);
}

static void write_good(const struct draft *given)
{
	ck_assert_int_eq(write_draft(PRODUCER_PROCESS, given), 0);
}

/* All that an event could use to look like something else. */
static void write_forger(void)
{
	struct draft given = draft(EVLOG_ERR, "disk err/x (kernel", "a\nb\\",
				   "one\n\033[31mtwo\xff \xc2\x9b \xc3\xa9 {a=1}");

	add_string(&given, "name=\"1\" b", "say \"x\" \\\n}");
	add_string(&given, "PRIORITY", "0\nPRIORITY=1");
	add_attr(&given, EVLOG_KIND_BYTES, "raw", "\0\xff\"", 3);
	write_good(&given);
}

static const char *behind_time(const char *line)
{
	static const char pattern[] = "0000-00-00T00:00:00.000000+00:00 ";
	size_t i;

	for (i = 0; i < TIME_SIZE; i++)
		ck_assert_msg(isdigit(line[i]) ? isdigit(pattern[i]) :
			      line[i] == pattern[i], "no time: %s", line);
	return line + TIME_SIZE;
}

/* text */

START_TEST(an_event_is_a_line)
{
	struct draft given = draft(EVLOG_WARN, "disk", "slow", "sda is slow");
	char expected[256];

	add_s64(&given, "error", -5);
	add_string(&given, "device", "sda");
	add_attr(&given, EVLOG_KIND_BYTES, "sense", "\x01\xab", 2);
	write_good(&given);
	write_plain(EVLOG_DEBUG, "a", "b", "");
	snprintf(expected, sizeof(expected),
		 "warn disk/slow %s) {error=-5 device=\"sda\" sense=01ab} sda is slow\n",
		 who);
	ck_assert_int_eq(strncmp(behind_time(output(program("-f"), GOOD)),
				 expected, strlen(expected)), 0);
	write_plain(EVLOG_DEBUG, "a", "b", "");
	snprintf(expected, sizeof(expected), "debug a/b %s)\n", who);
	ck_assert_str_eq(behind_time(output(program("-f"), GOOD)), expected);
}
END_TEST

START_TEST(an_event_forges_nothing_in_a_line)
{
	char expected[512];

	write_forger();
	snprintf(expected, sizeof(expected),
		 "err disk\\x20err\\x2fx\\x20\\x28kernel/a\\x0ab\\x5c %s) {name\\x3d\\x221\\x22\\x20b=\"say \\\"x\\\" \\\\\\x0a}\" PRIORITY=\"0\\x0aPRIORITY=1\" raw=00ff22} one\\x0a\\x1b[31mtwo\\xff \\xc2\\x9b \xc3\xa9 {a=1}\n",
		 who);
	ck_assert_str_eq(behind_time(output(program("-f"), GOOD)), expected);
	write_plain(EVLOG_INFO, "a", "b", "{error=-5} cannot read");
	has(output(program("-f"), GOOD), ") {} {error=-5} cannot read\n");
}
END_TEST

START_TEST(an_event_that_was_cut_says_so)
{
	char text[EVLOG_TEXT_MAX + 2];
	const char *line;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	write_plain(EVLOG_INFO, "a", "b", text);
	write_plain(EVLOG_INFO, "a", "b", text);
	line = output(program("-f", "-q", "text~x"), GOOD);
	ck_assert_ptr_nonnull(strstr(line, ", uid 0, process, cut) xxx"));
	write_plain(EVLOG_INFO, "a", "b", text);
	ck_assert_ptr_nonnull(strstr(output(program("-fj"), GOOD),
				     ",\"cut\":true,"));
	write_plain(EVLOG_INFO, "a", "b", text);
	write_plain(EVLOG_INFO, "a", "b", "c");
	setenv("EVLOG_CUT", "of another event", 1);
	line = output(program("-f", "-n", "echo \"$EVLOG_TEXT,$EVLOG_CUT.\""),
		      GOOD);
	has(line, "x,1.\n");
	has(line, "c,.\n");
}
END_TEST

/* JSON */

START_TEST(json_has_all_of_an_event_and_an_event_forges_nothing_in_it)
{
	char expected[1024], *line;
	unsigned long long seconds;

	write_forger();
	line = (char *)output(program("--no-wait", "--json"), GOOD);
	ck_assert_int_eq(sscanf(line, "{\"time\":%llu.", &seconds), 1);
	ck_assert_uint_gt(seconds, 1000000000);
	snprintf(expected, sizeof(expected),
		 ",\"severity\":\"err\",\"facility\":\"disk err/x (kernel\",\"type\":\"a\\nb\\\\\",\"module\":\"producer\",\"cpu\":0,\"pid\":%d,\"uid\":0,\"context\":\"process\",\"text\":\"one\\n\\u001b[31mtwo\\\\xff \\u009b \xc3\xa9 {a=1}\",\"attributes\":[{\"name\":\"name=\\\"1\\\" b\",\"value\":\"say \\\"x\\\" \\\\\\n}\"},{\"name\":\"PRIORITY\",\"value\":\"0\\nPRIORITY=1\"},{\"name\":\"raw\",\"value\":\"00ff22\"}]}\n",
		 getpid());
	ck_assert_str_eq(strchr(line, ','), expected);
}
END_TEST

START_TEST(json_has_numbers_that_are_too_large_for_it_as_strings)
{
	struct draft given = draft(EVLOG_INFO, "a", "b", "");

	add_u64(&given, "n", UINT64_MAX);
	add_s64(&given, "n", INT64_MIN);
	add_u64(&given, "n", (1ULL << 53) - 1);
	add_s64(&given, "n", 1 - (1LL << 53));
	add_u64(&given, "n", 1ULL << 53);
	write_good(&given);
	has(output(program("-fj"), GOOD),
	    "[{\"name\":\"n\",\"value\":\"18446744073709551615\"},{\"name\":\"n\",\"value\":\"-9223372036854775808\"},{\"name\":\"n\",\"value\":9007199254740991},{\"name\":\"n\",\"value\":-9007199254740991},{\"name\":\"n\",\"value\":\"9007199254740992\"}]}\n");
}
END_TEST

/* noise */

static void write_noise(void)
{
	static struct noise noise;
	struct draft given;
	int i;

	srandom(18);
	for (i = 0; i < FUZZED; i++) {
		given = draft_of_noise(&noise);
		write_good(&given);
	}
}

/* All of them are events, and no more than lines. */
static void are_lines_of_noise(const char *text)
{
	ck_assert_uint_eq(lines_of(text), FUZZED);
	for (; *text; text++)
		must((unsigned char)*text >= ' ' || *text == '\n' ||
		     *text == '\t');
}

START_TEST(noise_forges_no_line_and_has_no_control_character)
{
	const char *text;
	int i;

	write_noise();
	text = output(program("-f"), GOOD);
	are_lines_of_noise(text);
	ck_assert_ptr_null(strchr(text, 0x7f));
	ck_assert_ptr_null(strstr(text, "\xc2\x9b"));
	for (i = 0; i < FUZZED; i++, text = strchr(text, '\n') + 1)
		ck_assert_ptr_nonnull(strstr(behind_time(text), who));
}
END_TEST

#define STRING	"\"([^\"\\[:cntrl:]]|\\\\[\"\\bfnrt]|\\\\u[0-9a-f]{4})*\""
#define VALUE	"(" STRING "|-?[0-9]+(\\.[0-9]+)?|true)"
#define MEMBER	"\"[a-z_]+\":" VALUE
#define ATTR	"\\{\"name\":" STRING ",\"value\":" VALUE "\\}"
#define ATTRS	"\"attributes\":\\[(" ATTR "(," ATTR ")*)?\\]"

START_TEST(noise_in_json_is_json)
{
	const char *text;
	char *line, *end;
	regex_t regex;

	ck_assert_int_eq(regcomp(&regex, "^\\{(" MEMBER ",)+" ATTRS "\\}$",
				 REG_EXTENDED | REG_NOSUB), 0);
	write_noise();
	text = output(program("-fj"), GOOD);
	are_lines_of_noise(text);
	for (line = (char *)text; *line; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		ck_assert_msg(!regexec(&regex, line, 0, NULL, 0), "%s", line);
	}
	regfree(&regex);
}
END_TEST

START_TEST(text_changes_no_direction_of_a_line)
{
	struct draft given = draft(EVLOG_INFO, "a", "b",
				   "\xe2\x80\xae\xe2\x81\xa9.\xe2\x82\xac\xe2\x80");

	add_string(&given, "n", "\xe2\x81\xa6\xe2\x80\xaa");
	write_good(&given);
	has(output(program("-f"), GOOD),
	    ") {n=\"\\xe2\\x81\\xa6\\xe2\\x80\\xaa\"} \\xe2\\x80\\xae\\xe2\\x81\\xa9.\xe2\x82\xac\\xe2\\x80\n");
}
END_TEST

/* queries */

/* A disk error passes all of these terms. With one change, it does not pass one. */
static const struct term {
	const char *term;
	const char *changed;	/* this part of the event */
	const char *string;	/* to this; NULL for a number */
	__s64 number;
} terms[] = {
	{ "severity<=err", "severity", NULL, EVLOG_WARN },
	{ "severity>alert", "severity", NULL, EVLOG_ALERT },
	{ "severity != 2", "severity", NULL, EVLOG_CRIT },
	{ "facility=disk", "facility", "net", 0 },
	{ "type~^io_[a-z]+$", "type", "io_", 0 },
	{ "text ~ \"read s[e-f]ctor|nothing\"", "text", "cannot write sector", 0 },
	{ "text!=\"read sector\"", "text", "read sector", 0 },
	{ "attr.sector>11", "sector", NULL, 11 },
	{ "attr.sector<0xe", "sector", NULL, 14 },
	{ "attr.sector!=13", "sector", NULL, 13 },
	{ "attr.low>=-1", "low", NULL, -2 },
	{ "attr.error<0", "error", NULL, 0 },
	{ "attr.error>=-5", "error", NULL, -6 },
	{ "attr.error!=-4", "error", NULL, -4 },
	{ "attr.number~^[6-8]$", "number", NULL, 9 },
	{ "attr.big>9223372036854775807", "big", NULL, -1 },
	{ "attr.device=sda", "device", "sda1", 0 },
	{ "attr.bus~^p[a-z]i$", "bus", "xpci", 0 },
	{ "attr.sense=00ff", "sense", "00fe", 0 },
	{ "attr.\"a b=c\"=1", "a b=c", NULL, 2 },
	{ "attr.twice=1", "twice", NULL, 2 },
	{ "attr.twice=2", "twice", NULL, 1 },
	{ "attr.number>5", "number", "7", 0 },
	{ "attr.there!=5", "there", "", 0 },	/* which leaves it out */
	{ "facility!=\"=disk\"", "facility", "=disk", 0 },
};

#define TERMS		(sizeof(terms) / sizeof(*terms))
#define OTHER_TERMS \
	" and module=producer and context=process and uid=0 and pid>1 and cpu=0" \
	" and uid<=4294967295 and severity<=7 and cpu~^0$"

static bool changes(const struct term *change, const char *what)
{
	return change && !strcmp(change->changed, what);
}

static void add_number(struct draft *draft, const struct term *change,
		       const char *name, __s64 number)
{
	if (!changes(change, name))
		add_s64(draft, name, number);
	else if (!change->string)
		add_s64(draft, name, change->number);
	else if (*change->string)
		add_string(draft, name, change->string);
}

static const char *string_of(const struct term *change, const char *name,
			     const char *string)
{
	return changes(change, name) ? change->string : string;
}

/* With a change, or NULL. */
static void write_disk_error(const struct term *change)
{
	struct draft given = draft(changes(change, "severity") ?
				   change->number : EVLOG_ERR,
				   string_of(change, "facility", "disk"),
				   string_of(change, "type", "io_error"),
				   string_of(change, "text",
					     "cannot read sector 12"));

	add_number(&given, change, "sector", 12);
	add_number(&given, change, "error", -5);
	if (changes(change, "big"))
		add_s64(&given, "big", change->number);
	else
		add_u64(&given, "big", UINT64_MAX);
	add_string(&given, "device", string_of(change, "device", "sda"));
	add_string(&given, "bus", string_of(change, "bus", "pci"));
	if (changes(change, "sense"))
		add_string(&given, "sense", change->string);
	else
		add_attr(&given, EVLOG_KIND_BYTES, "sense", "\0\xff", 2);
	add_number(&given, change, "a b=c", 1);
	add_number(&given, change, "twice", 1);
	add_number(&given, change, "twice", 2);
	add_number(&given, change, "number", 7);
	add_number(&given, change, "low", 0);
	add_number(&given, change, "there", 4);
	write_good(&given);
}

START_TEST(a_query_says_which_events_are_printed)
{
	char query[4096] = "";
	const char *text;
	size_t i;

	for (i = 0; i < TERMS; i++) {
		write_disk_error(&terms[i]);
		strcat(query, terms[i].term);
		strcat(query, i + 1 < TERMS ? " and " : OTHER_TERMS);
	}
	write_disk_error(NULL);
	text = behind_time(output(program("-f", "-q", query), GOOD));
	ck_assert_msg(strchr(text, '\n') == text + strlen(text) - 1,
		      "%.2000s", text);
	has(text,
	    " {sector=12 error=-5 big=18446744073709551615 device=\"sda\" bus=\"pci\" sense=00ff a\\x20b\\x3dc=1 twice=1 twice=2 number=7 low=0 there=4} ");
}
END_TEST

START_TEST(of_several_queries_all_must_be_true)
{
	write_plain(EVLOG_INFO, "a", "b", "c");
	write_plain(EVLOG_INFO, "a", "other", "c");
	write_plain(EVLOG_INFO, "other", "b", "c");
	has(output(program("-f", "-q", "facility=a", "-q", "type=b"), GOOD),
	    " info a/b ");
	write_plain(EVLOG_INFO, "a", "other", "c");
	write_plain(EVLOG_INFO, "other", "b", "c");
	ck_assert_str_eq(output(program("-f", "-q", "facility=a", "-q",
					"type=b"), GOOD), "");
}
END_TEST

START_TEST(a_journal_is_not_for_a_file_or_json)
{
	static char *const others[] = { "--json", "--output=/tmp/no-such-file" };
	struct tool tool;
	int i;

	for (i = 0; i < 2; i++) {
		tool = program("--journal", others[i]);
		output(tool, USAGE);
		ck_assert_str_eq(text_of(tool.err),
				 "bufflink-evlog: --journal prints nothing: it cannot have --json or --output with it\n");
	}
	ck_assert(!exists("/tmp/no-such-file"));
}
END_TEST

static const char *const foreign[] = {
	"hello\n", "x",
	"a line that is as long as a record of an event, which begins with numbers\n",
};

#define FOREIGN		(sizeof(foreign) / sizeof(*foreign))

/* While it waits for more, too. */
START_TEST(a_buffer_of_another_module_is_told_from_its_own)
{
	struct tool tool;
	char number[16];
	int i;

	snprintf(number, sizeof(number), "%d", create_buffer(0, PAGE));
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(append(0, foreign[_i], strlen(foreign[_i])),
				 0);
		tool = program(number, i ? "-f" : "-j");
		output(tool, FAILED);
		ck_assert_msg(has_written(tool.err, "name the buffer of "),
			      "%s", text_of(tool.err));
	}
}
END_TEST

START_TEST(a_query_that_is_wrong_takes_nothing_from_the_buffer)
{
	static char *const wrong[] = {
		"severity=", "severity<bad", "sector=1", "text<5", "text~[",
		"text=a or text=b", "facility==disk", "attr.sector==5",
		"attr.a=>5", "facility=~disk", "severity=8", "severity!=-1",
		"cpu=abc", "pid=12a", "uid=4294967296", "uid>-1",
		"context=hardrq", "attr.=1",
	};
	struct tool tool;
	size_t i;

	write_disk_error(NULL);
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		tool = program("-f", "-q", wrong[i]);
		output(tool, USAGE);
		ck_assert_msg(has_written(tool.err,
					  "bufflink-evlog: --query: '"),
			      "%s", text_of(tool.err));
	}
	ck_assert_ptr_nonnull(strstr(output(program("-f"), GOOD), "io_error"));
}
END_TEST

/* losses */

START_TEST(a_loss_is_told_where_it_is)
{
	struct tool tool;
	const char *text;
	int i, number;

	ck_assert_int_eq(unload(EVLOG), 0);
	number = load_evlog("size=4096");
	for (i = 0; i < 100; i++) {
		struct draft given = draft(EVLOG_INFO, "a", "b", "first");

		write_draft(PRODUCER_PROCESS, &given);
	}
	tool = program("-f", "--json");
	text = output(tool, LOSS);
	has(text, "\n{\"lost_records\":");
	ck_assert(has_written(tool.err, "bufflink-evlog: lost "));
	ck_assert_uint_gt(sysfs_value(number, "lost_records"), 0);
	write_plain(EVLOG_INFO, "a", "b", "second");
	output(program("-f"), GOOD);
}
END_TEST

/* a command */

START_TEST(a_command_has_the_event_in_its_environment_and_nowhere_else)
{
	struct draft given = draft(EVLOG_ERR, "disk", "$(touch /tmp/forged)",
				   "`touch /tmp/forged`; \"$(touch /tmp/forged)\"\n\033x");
	char name[300] = "EVLOG_";
	const char *text;

	unlink("/tmp/forged");
	unlink("/tmp/environment");
	setenv("EVLOG_ATTR_OLD", "of another event", 1);
	memset(name + 6, 'a', sizeof(name) - 7);
	setenv(name, "OLD", 1);
	add_u64(&given, "sector", 12);
	add_u64(&given, "sector", 13);
	add_string(&given, "LD_PRELOAD", "/tmp/x.so");
	add_string(&given, "a b;touch /tmp/forged", "x\nLD_PRELOAD=/tmp/x.so");
	write_good(&given);
	write_plain(EVLOG_INFO, "a", "b", "not this one");
	text = output(program("-f", "-q", "facility=disk", "--notify",
			      "cat; env | grep -e EVLOG -e LD_ >/tmp/environment; echo ran"),
		      GOOD);
	has(text, "\nran\n");
	ck_assert_int_eq(access("/tmp/forged", F_OK), -1);
	text = contents("/tmp/environment");
	has(text, "EVLOG_SEVERITY=err\n");
	has(text, "EVLOG_FACILITY=disk\n");
	has(text, "EVLOG_TYPE=$(touch /tmp/forged)\n");
	has(text,
	    "EVLOG_TEXT=`touch /tmp/forged`; \"$(touch /tmp/forged)\"\\x0a\\x1bx\n");
	has(text, "EVLOG_ATTR_SECTOR=12\n");
	has(text, "EVLOG_ATTR_LD_PRELOAD=/tmp/x.so\n");
	has(text,
	    "EVLOG_ATTR_A_B_TOUCH__TMP_FORGED=x\\x0aLD_PRELOAD=/tmp/x.so\n");
	has(text, "EVLOG_TIME=2");
	ck_assert_ptr_null(strstr(text, "\nLD_PRELOAD"));
	ck_assert_ptr_null(strstr(text, "OLD"));
	ck_assert_ptr_null(strstr(text, "not this one"));
}
END_TEST

static unsigned int files_in(const char *folder)
{
	struct stat stat;

	ck_assert_int_eq(lstat(folder, &stat), 0);
	return stat.st_nlink - 2;
}

/* Each makes a folder while it runs. */
static char slow_command[] =
	"cd /tmp; mkdir run/$$; until [ -e go ]; do sleep 0.1; done; rmdir run/$$; echo x >>done";

static pid_t parent_of(const char *pid)
{
	char path[300];
	pid_t parent = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;	/* of no process, or it is gone */
	if (fscanf(file, "%*d (%*[^)]) %*c %d", &parent) != 1)
		parent = 0;
	fclose(file);
	return parent;
}

static bool has_no_children(pid_t pid)
{
	DIR *all = opendir("/proc");
	struct dirent *one;
	bool found = false;

	ck_assert_ptr_nonnull(all);
	while (!found && (one = readdir(all)))
		found = parent_of(one->d_name) == pid;
	closedir(all);
	return !found;
}

START_TEST(so_many_commands_run_at_a_time_and_all_are_reaped)
{
	struct tool tool;
	int i;

	mkdir("/tmp/run", 0700);
	unlink("/tmp/go");
	unlink("/tmp/done");
	for (i = 0; i < 2 * COMMANDS_MAX + 1; i++)
		write_plain(EVLOG_INFO, "a", "b", "c");
	tool = program("--notify", slow_command);
	wait_for(files_in("/tmp/run") == COMMANDS_MAX);
	pause_ms(MOMENT_MS);
	ck_assert_uint_eq(files_in("/tmp/run"), COMMANDS_MAX);
	ck_assert(!has_no_children(tool.pid));
	close(open("/tmp/go", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	wait_for(strlen(contents("/tmp/done")) == 2 * (2 * COMMANDS_MAX + 1));
	wait_for(has_no_children(tool.pid));
	kill(tool.pid, SIGTERM);
	is_killed(tool.pid, SIGTERM);
	/* On a slow machine, the test lets them run for longer than it takes. */
	ck_assert(!*text_of(tool.err) ||
		  !strcmp(text_of(tool.err), HANGING));
}
END_TEST

START_TEST(a_command_that_fails_is_told)
{
	struct tool tool;

	write_plain(EVLOG_INFO, "a", "b", "c");
	tool = program("-f", "--notify", "exit 7");
	output(tool, FAILED);
	ck_assert_str_eq(text_of(tool.err),
			 "bufflink-evlog: the command failed for 1 event, the last time with status 7\n");
	write_plain(EVLOG_INFO, "a", "b", "c");
	tool = program("-f", "--notify", "kill -9 $$");
	output(tool, FAILED);
	ck_assert(has_written(tool.err, "status 137\n"));
}
END_TEST

/* No further event comes. */
START_TEST(a_command_that_fails_is_told_while_the_program_waits)
{
	struct tool tool = program("-n",
				   "until [ -e /tmp/go ]; do sleep 0.1; done; exit 7");

	unlink("/tmp/go");
	write_plain(EVLOG_INFO, "a", "b", "c");
	wait_for(has_written(tool.out, " a/b "));
	wait_asleep(tool.pid);
	ck_assert_str_eq(text_of(tool.err), "");
	close(open("/tmp/go", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	wait_for(has_written(tool.err, "status 7\n"));
	kill(tool.pid, SIGTERM);
	is_killed(tool.pid, SIGTERM);
}
END_TEST

START_TEST(commands_that_hang_are_told_and_the_events_without_one_are_counted)
{
	struct tool tool;
	char expected[300];
	int i;

	unlink("/tmp/go");
	for (i = 0; i < COMMANDS; i++)
		write_plain(EVLOG_INFO, "a", "b", "c");
	tool = program("-n", "until [ -e /tmp/go ]; do sleep 0.1; done");
	wait_for(has_written(tool.err, "in the buffer\n"));
	kill(tool.pid, SIGTERM);
	is_killed(tool.pid, SIGTERM);
	snprintf(expected, sizeof(expected),
		 "not run for %d events, as the program was to end\n",
		 COMMANDS - COMMANDS_MAX);
	has(text_of(tool.err), expected);
	has(text_of(tool.err), HANGING);
	has(text_of(tool.err), ": commands that still run: 8\n");
	ck_assert_uint_eq(lines_of(text_of(tool.err)), 3);
	close(open("/tmp/go", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}
END_TEST

START_TEST(commands_are_reaped_where_their_signal_was_blocked)
{
	sigset_t children;
	int i;

	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	for (i = 0; i < 2 * COMMANDS_MAX; i++)
		write_plain(EVLOG_INFO, "a", "b", "c");
	sigprocmask(SIG_BLOCK, &children, NULL);
	output(program("-f", "-n", "true"), GOOD);
	sigprocmask(SIG_UNBLOCK, &children, NULL);
}
END_TEST

/* A control group without room for another process, which fork() needs */

#define CGROUPS		"/sys/fs/cgroup"
#define FEW		CGROUPS "/few"

static void allow_processes(const char *max)
{
	write_to(FEW "/pids.max", max);
}

static void few_setup(void)
{
	setup();
	ck_assert(!mount("cgroup2", CGROUPS, "cgroup2", 0, NULL) ||
		  errno == EBUSY);
	write_to(CGROUPS "/cgroup.subtree_control", "+pids");
	ck_assert(!mkdir(FEW, 0755) || errno == EEXIST);
}

static void few_teardown(void)
{
	evlog_teardown();
	wait_for(!rmdir(FEW) || errno == ENOENT);
}

static struct tool program_without_processes(void)
{
	struct tool tool = program("-n", "echo \"$EVLOG_TYPE\" >>/tmp/done");
	char pid[16];

	unlink("/tmp/done");
	snprintf(pid, sizeof(pid), "%d", tool.pid);
	write_to(FEW "/cgroup.procs", pid);
	allow_processes("1");
	write_plain(EVLOG_INFO, "a", "first", "c");
	write_plain(EVLOG_INFO, "a", "second", "c");
	wait_for(has_written(tool.err, "in the buffer: Resource temporarily"));
	return tool;
}

START_TEST(a_command_that_cannot_start_is_started_later)
{
	struct tool tool = program_without_processes();

	allow_processes("max");
	wait_for(lines_of(contents("/tmp/done")) == 2);
	kill(tool.pid, SIGTERM);
	is_killed(tool.pid, SIGTERM);
}
END_TEST

START_TEST(a_signal_ends_it_while_no_command_can_start)
{
	struct tool tool = program_without_processes();

	kill(tool.pid, SIGTERM);
	is_killed(tool.pid, SIGTERM);
	has(text_of(tool.err), "bufflink-evlog: the command was not run for ");
	has(text_of(tool.err), ", as the program was to end\n");
	ck_assert_str_eq(contents("/tmp/done"), "");
}
END_TEST

static bool has_pids_controller(void)
{
	int fd = open("/proc/cgroups", O_RDONLY | O_CLOEXEC);
	char text[4096] = "";
	bool has;

	has = fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 &&
	      strstr(text, "\npids\t");
	close(fd);
	return has;
}

START_TEST(a_hangup_that_meets_a_command_as_it_starts_ends_nothing_else)
{
	struct patience patience = patience_of(PATIENCE_MS);
	struct tool tool = start_tool("/bin/busybox", memory_file(""),
		memory_file(""),
		(char *[]){ "setsid", "/t/bufflink-evlog", "-o", "/tmp/events",
			    "-n", "true", NULL });
	int i;

	unlink("/tmp/events");
	wait_for(exists("/tmp/events"));
	for (i = 0; i < COMMANDS; i++)
		write_plain(EVLOG_INFO, "a", "b", "c");
	do
		kill(-tool.pid, SIGHUP);
	while (!finished(tool.pid, 1) && lasts(&patience) &&
	       lines_of(contents("/tmp/events")) < COMMANDS);
	write_plain(EVLOG_INFO, "a", "last", "c");
	wait_for(strstr(contents("/tmp/events"), "a/last") ||
		 finished(tool.pid, 0));
	kill(tool.pid, SIGTERM);
	is_killed(tool.pid, SIGTERM);
}
END_TEST

/* a disk without room */

#define DISK		"/tmp/evlog-disk"
#define DISK_LOG	DISK "/log"
#define NO_ROOM		"bufflink-evlog: cannot write to " DISK_LOG

static void disk_setup(void)
{
	setup();
	mount_small_disk(DISK);
}

static void disk_teardown(void)
{
	evlog_teardown();
	umount2(DISK, MNT_DETACH);
}

static struct tool program_without_room(void)
{
	struct tool tool;
	int i;

	for (i = 0; i < EVENTS; i++)
		write_plain(EVLOG_INFO, "a", "b", "c");
	tool = program("-o", DISK_LOG);
	wait_for(has_written(tool.err, NO_ROOM ", and tries again each second"));
	return tool;
}

START_TEST(a_signal_ends_it_without_room_and_it_says_how_many_lines_are_lost)
{
	struct tool tool = program_without_room();
	unsigned int lost, written;
	const char *text;

	write_plain(EVLOG_INFO, "a", "left", "c");
	kill(tool.pid, SIGTERM);
	output(tool, FAILED);
	text = strstr(text_of(tool.err), NO_ROOM ": No space left on device: lost ");
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(sscanf(strstr(text, "lost "), "lost %u lines\n", &lost),
			 1);
	text = contents(DISK_LOG);
	written = lines_of(text);
	ck_assert_uint_gt(written, 0);
	ck_assert_int_eq(text[strlen(text) - 1], '\n');
	text = output(program("-f"), GOOD);
	has(text, "a/left");
	ck_assert_uint_eq(written + lost + lines_of(text), EVENTS + 1);
}
END_TEST

START_TEST(a_signal_ends_it_also_if_the_reader_of_its_pipe_reads_nothing)
{
	unsigned int lost, written = 0;
	char bytes[4096];
	struct tool tool;
	const char *text;
	int i, pipe;

	ck_assert_int_eq(mkfifo(DISK_LOG, 0600), 0);
	pipe = open(DISK_LOG, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	for (i = 0; i < EVENTS; i++)
		write_plain(EVLOG_INFO, "a", "b", "c");
	tool = program("-o", DISK_LOG);
	wait_for(!ioctl(pipe, FIONREAD, &i) && i > 0);
	wait_asleep(tool.pid);
	kill(tool.pid, SIGTERM);
	output(tool, FAILED);
	text = strstr(text_of(tool.err), "lost ");
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(sscanf(text, "lost %u lines\n", &lost), 1);
	while ((i = read(pipe, bytes, sizeof(bytes) - 1)) > 0) {
		bytes[i] = '\0';
		written += lines_of(bytes);
	}
	close(pipe);
	ck_assert_uint_gt(written, 0);
	text = output(program("-f"), GOOD);
	ck_assert_uint_eq(written + lost + lines_of(text), EVENTS);
}
END_TEST

START_TEST(a_hangup_has_it_go_on_in_a_new_file_when_the_old_one_is_deleted)
{
	struct tool tool = program_without_room();
	unsigned int written = lines_of(contents(DISK_LOG));

	ck_assert_int_eq(unlink(DISK_LOG), 0);
	kill(tool.pid, SIGHUP);
	wait_for(exists(DISK_LOG));
	enlarge_small_disk(DISK);
	ck_assert_int_eq(unload(EVLOG), 0);
	output(tool, GOOD);
	ck_assert_uint_eq(written + lines_of(contents(DISK_LOG)), EVENTS);
}
END_TEST

/* the journal */

#define CONFIG							\
	"[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n"	\
	"ReadKMsg=no\nAudit=no\nForwardToConsole=no\n"

static pid_t journald;

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_msg(fd >= 0, "%s: %m", path);
	ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void journal_setup(void)
{
	setup();
	/* The daemon looks for its cgroup. */
	ck_assert(!mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) ||
		  errno == EBUSY);
	mkdir("/run", 0755);
	ck_assert_int_eq(mount("tmpfs", "/run", "tmpfs", 0, "mode=0755"), 0);
	mkdir("/run/systemd", 0755);
	mkdir("/etc/systemd", 0755);
	write_file("/etc/systemd/journald.conf", CONFIG);
	write_file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
}

static void start_journald(void)
{
	journald = start_tool("/usr/lib/systemd/systemd-journald",
			      memory_file(""), memory_file(""),
			      (char *[]){ "systemd-journald", NULL }).pid;
	wait_for(exists("/run/systemd/journal/socket"));
}

static void journal_teardown(void)
{
	int status;

	if (journald) {
		kill(journald, SIGKILL);
		waitpid(journald, &status, 0);
	}
	journald = 0;
	umount2("/run", MNT_DETACH);
	evlog_teardown();
}

/* The entries that it finds, as JSON. */
#define journalctl(...)							\
	output(start_tool("/usr/bin/journalctl", memory_file(""),	\
			  memory_file(""), (char *[]) {			\
				"journalctl", "-q", "--no-pager", "-o",	\
				"json", "--all", ##__VA_ARGS__, NULL }), GOOD)

/* The daemon writes a little later. */
static const char *entry(char *match)
{
	const char *text;

	wait_for(*(text = journalctl(match)));
	return text;
}

START_TEST(the_journal_finds_an_event_by_each_of_its_attributes)
{
	char pid[32], letters[EVLOG_NAME_MAX + 2] = "";
	const char *text;

	memset(letters, 'x', EVLOG_NAME_MAX + 1);
	start_journald();
	write_disk_error(NULL);
	write_plain(EVLOG_INFO, "net", "up", "");
	write_plain(EVLOG_INFO, letters, "cut", "");
	output(program("-f", "--journal"), GOOD);
	has(entry("CUT=1"), "\"TYPE\":\"cut\"");
	text = entry("FACILITY=net");
	ck_assert_ptr_null(strstr(text, "\"CUT\""));
	has(text, "\"MESSAGE\":\"up\"");
	has(text, "\"PRIORITY\":\"6\"");
	ck_assert_ptr_null(strstr(text, "disk"));
	text = journalctl("FACILITY=disk", "SEVERITY=err", "ATTR_SECTOR=12",
			  "ATTR_ERROR=-5", "ATTR_DEVICE=sda", "ATTR_SENSE=00ff",
			  "ATTR_TWICE=1", "ATTR_A_B_C=1");
	snprintf(pid, sizeof(pid), "\"PID\":\"%d\"", getpid());
	has(text, "\"MESSAGE\":\"cannot read sector 12\"");
	has(text, "\"PRIORITY\":\"3\"");
	has(text, "\"TYPE\":\"io_error\"");
	has(text, "\"MODULE\":\"producer\"");
	has(text, "\"SYSLOG_IDENTIFIER\":\"bufflink-evlog\"");
	has(text, "\"CPU\":\"0\"");
	has(text, "\"UID\":\"0\"");
	has(text, "\"CONTEXT\":\"process\"");
	has(text, "\"TIME\":\"2");
	has(text, "\"ATTR_TWICE\":[\"1\",\"2\"]");
	has(text, pid);
}
END_TEST

START_TEST(each_event_of_noise_is_an_entry_of_the_journal)
{
	start_journald();
	write_noise();
	write_plain(EVLOG_INFO, "last", "b", "c");
	output(program("-f", "--journal"), GOOD);
	entry("FACILITY=last");
	ck_assert_uint_eq(lines_of(journalctl("MODULE=producer")),
			  FUZZED + 1);
}
END_TEST

START_TEST(an_event_forges_no_field_of_the_journal)
{
	struct draft given = draft(EVLOG_ERR, "a\nPRIORITY=0", "forger",
				   "text\nPRIORITY=0\nMESSAGE=forged\n");
	const char *text;

	start_journald();
	add_string(&given, "_TRANSPORT", "kernel");
	add_string(&given, "PRIORITY=0\nX", "y");
	add_string(&given, "message", "forged\nMESSAGE=forged\nMESSAGE\n\004");
	write_good(&given);
	output(program("-f", "--journal"), GOOD);
	text = entry("TYPE=forger");
	has(text, "\"PRIORITY\":\"3\"");
	has(text, "\"_TRANSPORT\":\"journal\"");
	has(text, "\"ATTR__TRANSPORT\":\"kernel\"");
	has(text, "\"ATTR_PRIORITY_0_X\":\"y\"");
	/* A field that came twice would be a list. */
	has(text,
	    "\"MESSAGE\":\"text\\nPRIORITY=0\\nMESSAGE=forged\\n\"");
	has(text, "\"FACILITY\":\"a\\nPRIORITY=0\"");
}
END_TEST

/* A daemon that is stopped takes no more than its socket holds. */
START_TEST(a_signal_ends_it_while_the_journal_hangs)
{
	static const char why[] =
		": cannot send an event to the journal: Connection timed out; trying again\n";
	static const char end[] =
		"events that were read are lost: the journal did not take them: Connection";
	struct tool tool;
	int i;

	start_journald();
	kill(journald, SIGSTOP);
	for (i = 0; i < EVENTS; i++)
		write_plain(EVLOG_INFO, "a", "b", "c");
	tool = program("--journal");
	wait_for(has_written(tool.err, why));
	kill(tool.pid, SIGTERM);
	output(tool, FAILED);
	ck_assert(has_written(tool.err, end));
}
END_TEST

START_TEST(without_a_journal_it_says_so_and_waits_for_it)
{
	static const char why[] =
		": cannot send an event to the journal: No such file or directory; trying again\n";
	struct tool tool;

	write_plain(EVLOG_INFO, "a", "early", "c");
	tool = program("--journal");
	wait_for(has_written(tool.err, why));
	kill(tool.pid, SIGTERM);
	output(tool, FAILED);
	ck_assert(has_written(tool.err,
			      "events that were read are lost: the journal did not take them"));

	write_plain(EVLOG_INFO, "a", "late", "c");
	tool = program("--journal");
	wait_for(has_written(tool.err, why));
	start_journald();
	entry("TYPE=late");
	kill(tool.pid, SIGTERM);
	is_killed(tool.pid, SIGTERM);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("evlog_program");
	TCase *program = tcase_create("program");
	TCase *few = tcase_create("few");
	TCase *disk = tcase_create("disk");
	TCase *journal = tcase_create("journal");

	tcase_add_checked_fixture(program, setup, evlog_teardown);
	tcase_set_timeout(program, 3 * PATIENCE_S);
	suite_add_tcase(suite, program);
	tcase_add_test(program, an_event_is_a_line);
	tcase_add_test(program, an_event_forges_nothing_in_a_line);
	tcase_add_test(program, an_event_that_was_cut_says_so);
	tcase_add_test(program,
		       json_has_all_of_an_event_and_an_event_forges_nothing_in_it);
	tcase_add_test(program,
		       json_has_numbers_that_are_too_large_for_it_as_strings);
	tcase_add_test(program,
		       noise_forges_no_line_and_has_no_control_character);
	tcase_add_test(program, noise_in_json_is_json);
	tcase_add_test(program, text_changes_no_direction_of_a_line);
	tcase_add_test(program, a_query_says_which_events_are_printed);
	tcase_add_test(program, of_several_queries_all_must_be_true);
	tcase_add_test(program,
		       a_query_that_is_wrong_takes_nothing_from_the_buffer);
	tcase_add_test(program, a_loss_is_told_where_it_is);
	tcase_add_test(program,
		       a_command_has_the_event_in_its_environment_and_nowhere_else);
	tcase_add_test(program,
		       so_many_commands_run_at_a_time_and_all_are_reaped);
	tcase_add_test(program, a_command_that_fails_is_told);
	tcase_add_test(program,
		       a_command_that_fails_is_told_while_the_program_waits);
	tcase_add_test(program,
		       commands_that_hang_are_told_and_the_events_without_one_are_counted);
	tcase_add_test(program,
		       commands_are_reaped_where_their_signal_was_blocked);
	tcase_add_test(program,
		       a_hangup_that_meets_a_command_as_it_starts_ends_nothing_else);
	tcase_add_test(program, a_journal_is_not_for_a_file_or_json);
	tcase_add_loop_test(program,
			    a_buffer_of_another_module_is_told_from_its_own, 0,
			    FOREIGN);

	tcase_add_checked_fixture(few, few_setup, few_teardown);
	tcase_set_timeout(few, 3 * PATIENCE_S);
	/* A small kernel of our own may not have it. */
	if (has_pids_controller())
		suite_add_tcase(suite, few);
	tcase_add_test(few, a_command_that_cannot_start_is_started_later);
	tcase_add_test(few, a_signal_ends_it_while_no_command_can_start);

	tcase_add_checked_fixture(disk, disk_setup, disk_teardown);
	tcase_set_timeout(disk, 3 * PATIENCE_S);
	suite_add_tcase(suite, disk);
	tcase_add_test(disk,
		       a_signal_ends_it_without_room_and_it_says_how_many_lines_are_lost);
	tcase_add_test(disk,
		       a_signal_ends_it_also_if_the_reader_of_its_pipe_reads_nothing);
	tcase_add_test(disk,
		       a_hangup_has_it_go_on_in_a_new_file_when_the_old_one_is_deleted);

	tcase_add_checked_fixture(journal, journal_setup, journal_teardown);
	tcase_set_timeout(journal, 3 * PATIENCE_S);
	/* A kernel without control groups has no sockets either. */
	if (exists("/proc/cgroups"))
		suite_add_tcase(suite, journal);
	tcase_add_test(journal,
		       the_journal_finds_an_event_by_each_of_its_attributes);
	tcase_add_test(journal, an_event_forges_no_field_of_the_journal);
	tcase_add_test(journal, each_event_of_noise_is_an_entry_of_the_journal);
	tcase_add_test(journal, a_signal_ends_it_while_the_journal_hangs);
	tcase_add_test(journal, without_a_journal_it_says_so_and_waits_for_it);
	return run_suite(suite);
}
