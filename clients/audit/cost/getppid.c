// SPDX-License-Identifier: GPL-2.0-only
/* getppid CALLS: prints what one such system call takes, in ns */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

int main(int argc, char **argv)
{
	long calls = argc > 1 ? atol(argv[1]) : 1000;
	double begin = now();
	long i;

	for (i = 0; i < calls; i++)
		syscall(SYS_getppid);
	printf("%.1f\n", (now() - begin) / calls);
	return 0;
}
