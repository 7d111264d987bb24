// SPDX-License-Identifier: GPL-2.0-only
/*
 * calls getppid|openat NUMBER: prints what one such system call takes, in ns. It
 * is the median of batches: most of them are short enough for the host to let
 * them be.
 * calls getppid|openat for SECONDS: prints how many there were
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BATCH	20

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static void call(const char *name, long calls)
{
	long i;

	if (!strcmp(name, "openat"))
		for (i = 0; i < calls; i++)
			syscall(SYS_openat, AT_FDCWD, "/none/such", O_RDONLY);
	else
		for (i = 0; i < calls; i++)
			syscall(SYS_getppid);
}

static long call_for(const char *name, double seconds)
{
	double end = now() + seconds * 1e9;
	long calls = 0;

	while (now() < end) {
		call(name, BATCH);
		calls += BATCH;
	}
	return calls;
}

static int compare(const void *a, const void *b)
{
	double difference = *(const double *)a - *(const double *)b;

	return difference < 0 ? -1 : difference > 0;
}

static double cost_of(const char *name, long calls)
{
	long batches = calls / BATCH, i;
	double *costs = calloc(batches, sizeof(*costs)), begin, median;

	if (!costs)
		return 0;
	for (i = 0; i < batches; i++) {
		begin = now();
		call(name, BATCH);
		costs[i] = (now() - begin) / BATCH;
	}
	qsort(costs, batches, sizeof(*costs), compare);
	median = costs[batches / 2];
	free(costs);
	return median;
}

int main(int argc, char **argv)
{
	if (argc == 4)
		printf("%ld\n", call_for(argv[1], atof(argv[3])));
	else if (argc == 3)
		printf("%.1f\n", cost_of(argv[1], atol(argv[2])));
	else
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}
