// SPDX-License-Identifier: GPL-2.0-only
/* bufflink-migrate - copy block devices while they are written to: its arguments */
#define _GNU_SOURCE
#define __SANE_USERSPACE_TYPES__	/* __u64 is long long everywhere */
#include <getopt.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "destination.h"
#include "freeze.h"
#include "progress.h"
#include "rounds.h"
#include "stream.h"
#include "watch.h"

static const char help[] =
"Usage: bufflink-migrate [OPTION]... SRC DST [SRC DST]...\n"
"       bufflink-migrate [OPTION]... --via=COMMAND... SRC...\n"
"       bufflink-migrate --receive DST\n"
"Copy the block device SRC to DST while SRC is written to: once all of it, then\n"
"what the module bufflink_blklog says was written meanwhile, round by round, and\n"
"the last round with SRC at rest. DST is a device, a file, or - for a stream on\n"
"standard output, which --receive takes from standard input. Several SRC are\n"
"copied as they are at one instant.\n"
"\n"
"  -f, --freeze=MOUNTPOINT  freeze the file system there for the last round (may\n"
"                           be given several times; auto: all that are mounted\n"
"                           from SRC); without it, the last round begins with\n"
"                           SIGUSR1 or the Enter key: then nothing may write to\n"
"                           SRC any more\n"
"  -p, --max-pause=SECONDS  thaw after this time, whatever happens (5)\n"
"  -r, --run=COMMAND        when DST is a copy, run COMMAND before the thaw\n"
"      --run-unanswered     also if DST is -, where the far end says nothing\n"
"      --via=COMMAND        send a stream to COMMAND, which runs --receive at the\n"
"                           far end, and wait until that says that it has a copy\n"
"      --verify             after the thaw, read DST and compare\n"
"      --bwlimit=BYTES      copy so much a second, but for the last round\n"
"      --json               print the progress as JSON on standard error\n"
"  -l, --little=BYTES       how much left over begins the last round (4194304)\n"
"  -n, --rounds=N           how many rounds may come before it (20)\n"
"  -g, --granularity=BYTES  how much is copied for a byte written (65536)\n"
"  -R, --receive            write a stream from standard input to DST\n"
"  -h, --help               print this and exit\n"
"  -V, --version            print the version and exit\n"
"\n"
"Exit status: 0 DST is a copy, 1 failed, 2 bad command line, or SRC, DST or the\n"
"log cannot be used, 3 SRC was, or may have been, written to during the last\n"
"round, 4 --max-pause was reached or would be, 5 DST is a copy and --run failed,\n"
"6 the far end failed, 7 --verify found a difference. With any but 0 and 5, do\n"
"not use DST; after 2, DST is as it was.\n";

struct copy copies[MAX_COPIES];
int copy_count;

static const char *vias[MAX_COPIES];
static int via_count;
static bool may_run_unanswered;
static bool receiving;
static bool has_other_option;	/* than --receive and --json */

/* options */

static void via_argument(const char *command)
{
	if (via_count == MAX_COPIES)
		errx(EXIT_USAGE, "--via: no more than %d", MAX_COPIES);
	vias[via_count++] = command;
}

static __u64 granularity_argument(const char *text)
{
	const __u64 bytes = bytes_argument("--granularity", text, 4096);

	if (bytes & (bytes - 1) || bytes > 1 << 30)
		errx(EXIT_USAGE, "--granularity: must be a power of two, no more than 1 GiB");
	return bytes;
}

enum { VIA = 256, RUN_UNANSWERED, VERIFY, BWLIMIT, JSON };

static void take_option(int option)
{
	switch (option) {
	case 'f':
		freeze_argument(optarg);
		break;
	case 'p':
		plan.max_pause = seconds_argument("--max-pause", optarg);
		break;
	case 'r':
		plan.command = optarg;
		break;
	case RUN_UNANSWERED:
		may_run_unanswered = true;
		break;
	case VIA:
		via_argument(optarg);
		break;
	case VERIFY:
		plan.verify = true;
		break;
	case BWLIMIT:
		plan.bandwidth = bytes_argument("--bwlimit", optarg, 1);
		break;
	case JSON:
		as_json = true;
		break;
	case 'l':
		plan.little = bytes_argument("--little", optarg, 0);
		break;
	case 'n':
		plan.max_rounds = number_argument("--rounds", optarg, 1,
						  UINT_MAX);
		break;
	case 'g':
		granularity = granularity_argument(optarg);
		break;
	case 'R':
		receiving = true;
		break;
	default:
		standard_option(option, "bufflink-migrate", help);
	}
}

static void take_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "freeze", required_argument, NULL, 'f' },
		{ "max-pause", required_argument, NULL, 'p' },
		{ "run", required_argument, NULL, 'r' },
		{ "run-unanswered", no_argument, NULL, RUN_UNANSWERED },
		{ "via", required_argument, NULL, VIA },
		{ "verify", no_argument, NULL, VERIFY },
		{ "bwlimit", required_argument, NULL, BWLIMIT },
		{ "json", no_argument, NULL, JSON },
		{ "little", required_argument, NULL, 'l' },
		{ "rounds", required_argument, NULL, 'n' },
		{ "granularity", required_argument, NULL, 'g' },
		{ "receive", no_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	int option;

	while ((option = getopt_long(argc, argv, "f:p:r:l:n:g:RhV", options,
				     NULL)) != -1) {
		take_option(option);
		has_other_option |= option != 'R' && option != JSON;
	}
}

static void check_operands(int count)
{
	if (receiving && (count != 1 || has_other_option))
		errx(EXIT_USAGE, "--receive takes DST, and no option but --json");
	if (receiving)
		return;
	if (via_count && count != via_count)
		errx(EXIT_USAGE, "give one SRC for each --via, and no DST");
	if (!via_count && (!count || count % 2))
		errx(EXIT_USAGE, "give two arguments, SRC and DST, or several such pairs");
	copy_count = via_count ? via_count : count / 2;
	if (copy_count > MAX_COPIES)
		errx(EXIT_USAGE, "no more than %d SRC", MAX_COPIES);
}

/* what is used */

static void open_sources(char **operands)
{
	int i;

	for (i = 0; i < copy_count; i++)
		open_source(&copies[i].src, operands[via_count ? i : 2 * i]);
}

/* We would copy our own writes for ever, or wait for a thaw that is ours. */
static void check_place(int fd, const char *path, const struct stack *stack)
{
	const struct copy *copy;

	for_each_copy(copy) {
		if (stands_on(stack, copy->src.disk))
			errx(EXIT_USAGE, "%s is on the disk of %s", path,
			     copy->src.path);
		if (overlap(stack, &copy->src.stack))
			errx(EXIT_USAGE,
			     "%s and %s overlap: they are made of the same device or file",
			     path, copy->src.path);
	}
	check_not_frozen(fd, path);
}

static void check_destination(const struct destination *dst)
{
	const struct copy *other;

	check_place(dst->fd, dst->path, &dst->stack);
	for (other = copies; &other->dst < dst; other++) {
		if (overlap(&dst->stack, &other->dst.stack))
			errx(EXIT_USAGE, "%s and %s overlap: each SRC needs a DST of its own",
			     other->dst.path, dst->path);
	}
}

static void open_destinations(char **operands)
{
	struct destination *dst;
	const char *path;
	int i;

	for (i = 0; i < copy_count && !via_count; i++) {
		dst = &copies[i].dst;
		path = operands[2 * i + 1];
		if (strcmp(path, "-"))
			open_destination(dst, path);
		else
			open_stream(dst, NULL);
		check_destination(dst);
		if (dst->stream)
			continue;
		claim_destination(dst);
		check_room(dst, copies[i].src.size);
	}
}

static void check_stream(char **operands, int count)
{
	int i, streams = 0;

	for (i = 1; !via_count && i < count; i += 2)
		streams += !strcmp(operands[i], "-");
	if (!streams)
		return;
	if (copy_count > 1)
		errx(EXIT_USAGE, "DST can be - only if there is one SRC: use --via");
	if (plan.command && mount_count && !may_run_unanswered)
		errx(EXIT_USAGE,
		     "--run needs to know that there is a copy, and nobody says so after -: use --via, or --run-unanswered");
	must_print();
}

static void begin_destinations(void)
{
	struct copy *copy;

	for_each_copy(copy) {
		make_map(&copy->map, copy->src.size, plan.verify);
		if (via_count)
			open_stream(&copy->dst, vias[copy - copies]);
		if (copy->dst.stream)
			begin_stream(&copy->dst, &copy->src, plan.verify);
		else
			make_room(&copy->dst, copy->src.size);
	}
}

static void check_error_output(void)
{
	const struct stack stack = stack_of_file(STDERR_FILENO);

	check_place(STDERR_FILENO, "standard error", &stack);
}

int main(int argc, char **argv)
{
	char **operands;
	struct copy *copy;

	begin(argv);
	remember_arguments(argc, argv);
	take_options(argc, argv);
	operands = argv + optind;
	check_operands(argc - optind);
	start_progress();
	if (receiving)
		return receive(operands[0]);

	open_sources(operands);
	open_mounts();
	discards_are_harmless = mount_count;
	check_error_output();
	check_stream(operands, argc - optind);
	for_each_copy(copy) {
		open_log(copy);
		check_known(&copy->src.stack, copy->src.path);
	}
	clean_up_at_exit();
	open_destinations(operands);
	for_each_copy(copy)
		check_alone(&copy->src, EXIT_USAGE);
	start_guardians();
	watch();
	try_freeze(plan.max_pause);
	name_others();
	/* dirty pages of devices below would come past the log, or over DST */
	sync();
	begin_destinations();
	return migrate();
}
