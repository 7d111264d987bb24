// SPDX-License-Identifier: GPL-2.0-only
/*
 * bufflink-trace: each value of its events, beside what ftrace saw of the same ones.
 * A probe of ftrace at each event prints its fields by our names.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "tracer.h"

#define TRACING		"/sys/kernel/tracing"
#define TWIN		TRACING "/instances/twin"
#define DISK		"/tmp/disk"
#define LINES		100000

/* A name that ends with "_" is the beginning of those of all system calls. */
static const struct {
	const char *name;
	const char *event;	/* of ftrace */
	const char *fields[8];	/* ours, and what ftrace has in their places */
} twins[] = {
	{ "sched_switch", "sched/sched_switch",
	  { "prev_comm=$prev_comm:string", "prev_tid=$prev_pid:s32",
	    "prev_prio=$prev_prio:s32", "prev_state=$prev_state:s64",
	    "next_comm=$next_comm:string", "next_tid=$next_pid:s32",
	    "next_prio=$next_prio:s32" } },
	{ "sched_wakeup", "sched/sched_wakeup",
	  { "comm=$comm:string", "tid=$pid:s32", "prio=$prio:s32",
	    "target_cpu=$target_cpu:s32" } },
	{ "sched_wakeup_new", "sched/sched_wakeup_new",
	  { "comm=$comm:string", "tid=$pid:s32", "prio=$prio:s32",
	    "target_cpu=$target_cpu:s32" } },
	{ "sched_migrate_task", "sched/sched_migrate_task",
	  { "comm=$comm:string", "tid=$pid:s32", "prio=$prio:s32",
	    "orig_cpu=$orig_cpu:s32", "dest_cpu=$dest_cpu:s32" } },
	{ "sched_process_fork", "sched/sched_process_fork",
	  { "parent_comm=$parent_comm:string", "parent_tid=$parent_pid:s32",
	    "child_comm=$child_comm:string", "child_tid=$child_pid:s32" } },
	{ "sched_process_exec", "sched/sched_process_exec",
	  { "tid=$pid:s32", "old_tid=$old_pid:s32",
	    "filename=$filename:string" } },
	{ "sched_process_exit", "sched/sched_process_exit",
	  { "comm=$comm:string", "tid=$pid:s32", "prio=$prio:s32" } },
	{ "sched_process_free", "sched/sched_process_free",
	  { "comm=$comm:string", "tid=$pid:s32", "prio=$prio:s32" } },
	{ "irq_handler_entry", "irq/irq_handler_entry",
	  { "irq=$irq:s32", "name=$name:string" } },
	{ "irq_handler_exit", "irq/irq_handler_exit",
	  { "irq=$irq:s32", "ret=$ret:s32" } },
	{ "irq_softirq_raise", "irq/softirq_raise",
	  { "vec=$vec:u32" } },
	{ "irq_softirq_entry", "irq/softirq_entry",
	  { "vec=$vec:u32" } },
	{ "irq_softirq_exit", "irq/softirq_exit",
	  { "vec=$vec:u32" } },
	{ "syscall_entry_mmap", "syscalls/sys_enter_mmap",
	  { "arg0=$addr:x64", "arg1=$len:x64", "arg2=$prot:x64",
	    "arg3=$flags:x64", "arg4=$fd:x64", "arg5=$off:x64" } },
	{ "syscall_exit_", "raw_syscalls/sys_exit",
	  { "id=$id:s32", "ret=$ret:s64" } },
	{ "signal_generate", "signal/signal_generate",
	  { "sig=$sig:s32", "errno=$errno:s32", "code=$code:s32",
	    "comm=$comm:string", "pid=$pid:s32", "group=$group:s32",
	    "result=$result:s32" } },
	{ "signal_deliver", "signal/signal_deliver",
	  { "sig=$sig:s32", "errno=$errno:s32", "code=$code:s32",
	    "sa_handler=$sa_handler:x64", "sa_flags=$sa_flags:x64" } },
	/* The time, jiffies, may be another one when the next probe looks. */
	{ "timer_expire_entry", "timer/timer_expire_entry",
	  { "timer=$timer:x64", "function=$function:x64",
	    "baseclk=$baseclk:u64" } },
	{ "timer_expire_exit", "timer/timer_expire_exit",
	  { "timer=$timer:x64" } },
	{ "timer_hrtimer_expire_entry", "timer/hrtimer_expire_entry",
	  { "hrtimer=$hrtimer:x64", "now=$now:s64",
	    "function=$function:x64" } },
	{ "timer_hrtimer_expire_exit", "timer/hrtimer_expire_exit",
	  { "hrtimer=$hrtimer:x64" } },
	{ "power_cpu_idle", "power/cpu_idle",
	  { "state=$state:u32", "cpu_id=$cpu_id:u32" } },
	{ "x86_exceptions_page_fault_user", "exceptions/page_fault_user",
	  { "address=$address:x64", "ip=$ip:x64",
	    "error_code=$error_code:x64" } },
	{ "x86_exceptions_page_fault_kernel", "exceptions/page_fault_kernel",
	  { "address=$address:x64", "ip=$ip:x64",
	    "error_code=$error_code:x64" } },
	{ "block_rq_issue", "block/block_rq_issue",
	  { "dev=$dev:u32", "sector=$sector:u64", "nr_sector=$nr_sector:u32",
	    "bytes=$bytes:u32", "rwbs=$rwbs:string", "comm=$comm:string" } },
	{ "block_rq_complete", "block/block_rq_complete",
	  { "dev=$dev:u32", "sector=$sector:u64", "nr_sector=$nr_sector:u32",
	    "error=$error:s32", "rwbs=$rwbs:string" } },
	{ "net_dev_queue", "net/net_dev_queue",
	  { "skbaddr=$skbaddr:x64", "len=$len:u32", "name=$name:string" } },
	{ "net_if_receive_skb", "net/netif_receive_skb",
	  { "skbaddr=$skbaddr:x64", "len=$len:u32", "name=$name:string" } },
};

#define KINDS		((int)(sizeof(twins) / sizeof(*twins)))

/* ftrace */

static const char *patched[KINDS + 1];

static bool has_event(int kind)
{
	return exists(TRACING "/events/%s", twins[kind].event);
}

static void begin_tracing(void)
{
	int kind, count = 0;

	mount("tracefs", TRACING, "tracefs", 0, NULL);
	for (kind = 0; kind < KINDS; kind++) {
		if (!strncmp(twins[kind].event, "syscalls/", 9))
			patched[count++] = "raw_syscalls/sys_enter";
		else if (has_event(kind))
			patched[count++] = twins[kind].event;
	}
	keep_traced(patched);
}

static void start_twin(void)
{
	char probe[512], *end;
	int kind, i;

	for (kind = 0; kind < KINDS; kind++) {
		if (!has_event(kind))
			continue;
		end = probe + sprintf(probe, "e:twin/%s %s", twins[kind].name,
				      twins[kind].event);
		for (i = 0; twins[kind].fields[i]; i++)
			end += sprintf(end, " %s", twins[kind].fields[i]);
		write_to(TRACING "/dynamic_events", probe);
	}
	ck_assert(!mkdir(TWIN, 0700));
	write_to(TWIN "/buffer_size_kb", "16384");
	write_to(TWIN "/events/twin/enable", "1");
}

/* Takes fd. */
static char *all_of(int fd)
{
	const size_t size = 1 << 25;
	char *text = malloc(size);
	size_t have = 0;
	ssize_t got;

	while ((got = read(fd, text + have, size - 1 - have)) > 0)
		have += got;
	ck_assert_int_eq(got, 0);
	ck_assert_uint_lt(have, size - 1);
	text[have] = '\0';
	close(fd);
	return text;
}

static char *stop_twin(void)
{
	char *text;

	write_to(TWIN "/events/twin/enable", "0");
	text = all_of(open(TWIN "/trace", O_RDONLY | O_CLOEXEC));
	ck_assert_int_eq(rmdir(TWIN), 0);
	close(open(TRACING "/dynamic_events", O_WRONLY | O_TRUNC | O_CLOEXEC));
	return text;
}

/* what happens */

static void use_memory(void)
{
	char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	page[0] = 'x';
	must(read(fd, page + PAGE, 1) == 1);
	munmap(page, 2 * PAGE);
	close(fd);
}

/* Nobody answers: to wait takes a timer. */
static void use_net(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct timeval time = { .tv_usec = 20000 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char byte = 'x';

	must(!ioctl(fd, SIOCSIFFLAGS, &request));
	must(sendto(fd, &byte, 1, 0, (struct sockaddr *)&address,
		    sizeof(address)) == 1);
	must(!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	must(recv(fd, &byte, 1, 0) < 0);
	close(fd);
}

static void use_disk(void)
{
	int fd = open("/dev/loop0", O_RDWR | O_CLOEXEC);
	char block[PAGE] = "x";

	must(pwrite(fd, block, sizeof(block), PAGE) == sizeof(block));
	must(!fsync(fd));
	must(pread(fd, block, sizeof(block), 16 * PAGE) == sizeof(block));
	close(fd);
}

static int run_busybox(void *unused)
{
	(void)unused;
	execl("/bin/busybox", "busybox", "true", NULL);
	return 1;
}

static void make_events(void)
{
	unsigned int cpu;

	for (cpu = 0; cpu < cpus(); cpu++) {
		pin(cpu);
		use_memory();
		use_net();
		use_disk();
		raise(SIGUSR1);
		ck_assert_int_eq(finish(start(run_busybox, NULL)), 0);
		write_to("/dev/console", "\n");
		pause_ms(10);
	}
}

/* events, in the words of ftrace's probes */

struct event {
	int kind;
	int cpu;
	char words[256];
};

struct events {
	int count;
	struct event list[LINES];
};

static int kind_of(const char *name)
{
	size_t length;
	int kind;

	for (kind = 0; kind < KINDS; kind++) {
		length = strlen(twins[kind].name);
		if (!strncmp(name, twins[kind].name, length) &&
		    (name[length] == ':' || name[length - 1] == '_'))
			return kind;
	}
	return -1;
}

/* "   true-93  [001] d..3.  21.123456: irq_handler_exit: (irq.irq_...) irq=4 ret=1" */
static bool read_theirs(const char *line, struct event *event)
{
	const char *name = strstr(line, ": ");

	event->kind = name ? kind_of(name + 2) : -1;
	if (event->kind < 0)
		return false;
	event->cpu = atoi(value_in(line, " ["));
	snprintf(event->words, sizeof(event->words), "%s", value_in(name, ") "));
	return true;
}

/* As the kernel has it in letters. */
static const char *letters_of(int kind)
{
	static char letters[16];

	snprintf(letters, sizeof(letters), "\"%s%s%s%s%s%s\"",
		 kind & 1 << 10 ? "F" : "",
		 kind & 1 << 7 ? "DE" : kind & 1 << 0 ? "W" : kind & 1 << 1 ? "D" :
		 kind & 1 << 8 ? "F" : kind & 1 << 2 ? "R" : "N",
		 kind & 1 << 9 ? "F" : "", kind & 1 << 3 ? "A" : "",
		 kind & 1 << 5 ? "S" : "", kind & 1 << 6 ? "M" : "");
	return letters;
}

static void add_value(char *words, const char *fields, const char *name)
{
	const char *value;
	char key[64];
	int number;

	if (!strncmp(name, "arg", 3))
		snprintf(key, sizeof(key), "[%s] = ", name + 3);
	else
		snprintf(key, sizeof(key), " %s = ", name);
	value = value_in(fields, key);
	number = atoi(value);
	words += strlen(words);
	words += sprintf(words, "%s%s=", words[-1] ? " " : "", name);
	if (!strcmp(name, "rwbs"))
		strcpy(words, letters_of(number));
	else if (strstr(name, "prio"))
		sprintf(words, "%d", number + 100);
	else if (*value == '"')
		sprintf(words, "%.*s\"", (int)strcspn(value + 1, "\"") + 1, value);
	else
		sprintf(words, "%.*s", (int)strcspn(value, " ,"), value);
}

/* "[21.123456789] (+0.000000001) irq_handler_exit: { cpu_id = 1 }, { irq = 4, ..." */
static bool read_ours(const char *line, struct event *event)
{
	const char *name = value_in(line, ") "), *fields;
	char key[32];
	int i;

	event->kind = kind_of(name);
	if (event->kind < 0)
		return false;
	event->cpu = atoi(value_in(name, "{ cpu_id = "));
	fields = value_in(name, "}, {");
	event->words[0] = '\0';
	for (i = 0; twins[event->kind].fields[i]; i++) {
		sscanf(twins[event->kind].fields[i], "%31[^=]", key);
		add_value(event->words, fields, key);
	}
	return true;
}

static struct events *events_of(char *text,
				bool (*read_line)(const char *line,
						  struct event *event))
{
	struct events *events = calloc(1, sizeof(*events));
	struct event *event = events->list;
	char *line, *at;

	while ((line = strsep(&text, "\n"))) {
		if (!*line || *line == '#' || !read_line(line, event))
			continue;
		for (at = event->words; *at; at++)
			*at = tolower(*at);
		event++;
		ck_assert_int_lt(++events->count, LINES);
	}
	return events;
}

/* Those of one kind, on one CPU, in their order */
static int choose(const struct events *events, int kind, int cpu,
		  const char **words)
{
	int i, count = 0;

	for (i = 0; i < events->count; i++)
		if (events->list[i].kind == kind && events->list[i].cpu == cpu)
			words[count++] = events->list[i].words;
	return count;
}

static int same(const char **ours, const char **theirs, int count)
{
	int i;

	for (i = 0; i < count && !strcmp(ours[i], theirs[i]); i++)
		;
	return i;
}

/* ftrace began before us, and ended after us; between, it must have the same. */
static int compare(const struct events *ours, const struct events *theirs,
		   int kind, int cpu)
{
	static const char *our[LINES], *their[LINES];
	const int count = choose(ours, kind, cpu, our);
	const int have = choose(theirs, kind, cpu, their);
	int first, good, best = -1, at = 0;

	for (first = 0; first + count <= have && best < count; first++) {
		good = same(our, their + first, count);
		if (good > best) {
			best = good;
			at = first;
		}
	}
	ck_assert_msg(best == count,
		      "%s on CPU %d: we have %d, ftrace %d; best %d: '%s', not '%s'",
		      twins[kind].name, cpu, count, have, best,
		      best < 0 ? "" : our[best], best < 0 ? "" : their[at + best]);
	return count;
}

START_TEST(all_values_are_those_of_ftrace)
{
	struct events *ours, *theirs;
	char *text, *seen;
	struct tool tool;
	int kind, cpu, count, out;

	if (!exists(TRACING "/dynamic_events"))
		return;
	handle_signal(SIGUSR1, SA_RESTART);
	tracer_in("");
	start_twin();
	tool = recorder("all");
	make_events();
	interrupt(&tool);
	seen = stop_twin();
	out = read_trace(FOLDER);
	lseek(out, 0, SEEK_SET);
	text = all_of(out);
	ours = events_of(text, read_ours);
	theirs = events_of(seen, read_theirs);
	for (kind = 0; kind < KINDS; kind++) {
		count = 0;
		for (cpu = 0; cpu < (int)cpus(); cpu++)
			count += compare(ours, theirs, kind, cpu);
		ck_assert_msg(count || !has_event(kind), "no %s", twins[kind].name);
	}
	free(ours);
	free(theirs);
	free(text);
	free(seen);
}
END_TEST

static void disk_out(void)
{
	ck_assert_int_eq(system("/bin/busybox losetup -d /dev/loop0"), 0);
	unlink(DISK);
}

static void disk_in(void)
{
	ck_assert(exists("/sys/block/loop0") || !load("loop", ""));
	ck_assert_int_eq(system("/bin/busybox truncate -s 1M " DISK), 0);
	ck_assert_int_eq(system("/bin/busybox losetup /dev/loop0 " DISK), 0);
}

int main(void)
{
	Suite *suite = suite_create("trace values");
	TCase *tcase = tcase_create("ftrace");

	suite_add_tcase(suite, tcase);
	tcase_add_unchecked_fixture(tcase, begin_tracing, stop_tracing);
	tcase_add_checked_fixture(tcase, disk_in, disk_out);
	tcase_add_checked_fixture(tcase, tracer_out, tracer_out);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, all_values_are_those_of_ftrace);
	return run_suite(suite);
}
