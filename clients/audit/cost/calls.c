// SPDX-License-Identifier: GPL-2.0-only
/*
 * calls getppid|openat NUMBER: prints what one such system call takes, in ns
 * calls getppid|openat for SECONDS: prints how many there were
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BATCH	100

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

static double cost_of(const char *name, long calls)
{
	double begin = now();

	call(name, calls);
	return (now() - begin) / calls;
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
