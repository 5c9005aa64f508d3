// SPDX-License-Identifier: Apache-2.0
// Loses a wake-up of userfaultfd: a fault sleeps although its page is present, because it
// read the page's entry while copy-on-write had cleared it. report.md explains it.
//
//	cc -O2 -pthread -o lost-wakeup lost-wakeup.c && ./lost-wakeup
//
// One thread, the faulter, stores to missing pages. The main thread maps the zero page at
// each of them at about the same time, and stores to it, too. No thread reads a message.
// Needs Linux 5.11, two processors, and no privilege (except for -s).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define USER_MODE_ONLY 1 // UFFD_USER_MODE_ONLY, which old headers lack
#define PAGES 4096L
#define CHECKS 10 // of a fault that sleeps, 0.1 s apart
#define TRACING "/sys/kernel/tracing/instances/lost-wakeup"

static const char usage[] =
	"usage: lost-wakeup [-hns] [-c COUNT] [-t SECONDS]\n"
	"Stops after COUNT lost wake-ups (1) or this time (60 seconds).\n"
	"  -n  do not store to the pages that were filled, for comparison\n"
	"  -s  slow mode: trace the places where the windows are; needs root and tracefs\n"
	"Exit status: 0 no wake-up was lost, 1 one was lost, 2 the test could not run.\n";

static volatile char *mem;
static long page_size;
static int uffd, pagemap;
static atomic_long may = -1, done = -1; // the page to be touched next, and the one touched last
static atomic_int faulter;              // thread number
static volatile sig_atomic_t stopped;
static void stop(int signo) { stopped = signo; }
static void die(const char *what)
{
	fprintf(stderr, "lost-wakeup: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void trigger(const char *event, const char *command)
{
	char path[160];
	snprintf(path, sizeof path, TRACING "/events/%s/trigger", event);
	int fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0 || write(fd, command, strlen(command)) < 0 || close(fd))
		die(path);
}

static void end_slow(void) { rmdir(TRACING); } // also ends its triggers
static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

// Waits for a random time, to vary how the two threads meet.
static void spin(unsigned *seed, int most)
{
	for (volatile int n = rand_r(seed) % most; n > 0; n--) {}
}

// Binds the thread to the first or the last processor that the process may use.
static void pin(const cpu_set_t *all, int last)
{
	int cpu = -1;
	cpu_set_t one;
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, all) && (last || cpu < 0))
			cpu = i;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof one, &one))
		die("sched_setaffinity");
}

static void *touch(void *all)
{
	unsigned seed = 1;
	pin(all, 1);
	faulter = syscall(SYS_gettid);
	for (long i = 0;; i++) {
		while (may < i) {}
		spin(&seed, 300);
		mem[i % PAGES * page_size + 8] = 1;
		done = i;
	}
	return 0;
}

// Waits until page i was touched, for at most that time, and returns whether it was.
static int touched(long i, double seconds)
{
	for (double end = now() + seconds; done < i && now() < end;) {}
	return done >= i;
}

// Returns whether the faulter sleeps in the fault of page i although the page is present:
// its state is S or D, its message can be read, and the entry has the present bit.
static int stuck(long i)
{
	struct pollfd p = {.fd = uffd, .events = POLLIN};
	off_t at = ((uintptr_t)mem / page_size + i % PAGES) * 8;
	char path[64], stat[256] = "", *state;
	uint64_t entry;
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", faulter);
	int fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, stat, 255) < 0 || close(fd) || pread(pagemap, &entry, 8, at) != 8)
		die("/proc/self");
	state = strrchr(stat, ')');
	return done < i && state && strchr("SD", state[2]) && poll(&p, 1, 0) == 1 && entry >> 63;
}

int main(int argc, char **argv)
{
	struct uffdio_api api = {.api = UFFD_API};
	long count = 1, seconds = 60, tries = 0, lost = 0;
	int store = 1, slow = 0, opt;
	unsigned seed = 2;
	pthread_t thread;
	cpu_set_t cpus;
	while ((opt = getopt(argc, argv, "hnsc:t:")) != -1)
		if (opt == 'n')
			store = 0;
		else if (opt == 's')
			slow = 1;
		else if (opt == 'c' && atol(optarg) > 0)
			count = atol(optarg);
		else if (opt == 't' && atol(optarg) > 0)
			seconds = atol(optarg);
		else
			return fputs(usage, opt == 'h' ? stdout : stderr), opt == 'h' ? 0 : 2;
	page_size = sysconf(_SC_PAGESIZE);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | USER_MODE_ONLY);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		die("userfaultfd");
	mem = mmap(0, PAGES * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_range all = {(uintptr_t)mem, PAGES * page_size};
	struct uffdio_register reg = {.range = all, .mode = UFFDIO_REGISTER_MODE_MISSING};
	if (mem == MAP_FAILED || ioctl(uffd, UFFDIO_REGISTER, &reg))
		die("UFFDIO_REGISTER");
	madvise((void *)mem, all.len, MADV_NOHUGEPAGE); // may fail: not in every kernel
	if ((pagemap = open("/proc/self/pagemap", O_RDONLY)) < 0)
		die("/proc/self/pagemap");
	if (sched_getaffinity(0, sizeof cpus, &cpus) || CPU_COUNT(&cpus) < 2)
		die("two processors are needed");
	if (slow) { // record the stack where a page is freed and where a TLB is flushed
		if (mkdir(TRACING, 0755) && errno != EEXIST)
			die("-s: " TRACING);
		atexit(end_slow);
		signal(SIGINT, stop);
		signal(SIGTERM, stop);
		trigger("kmem/mm_page_free", "stacktrace");
		trigger("tlb/tlb_flush", "stacktrace");
	}
	if ((errno = pthread_create(&thread, 0, touch, &cpus)))
		die("pthread_create");
	pin(&cpus, 0);
	while (!faulter) {}
	double start = now();
	for (; now() - start < seconds && lost < count && !stopped; tries++) {
		struct uffdio_range page = {(uintptr_t)mem + tries % PAGES * page_size, page_size};
		struct uffdio_zeropage zero = {.range = page};
		int checks = 0;
		if (tries % PAGES == 0 && madvise((void *)mem, all.len, MADV_DONTNEED))
			die("madvise");
		may = tries;
		spin(&seed, 600);
		if (ioctl(uffd, UFFDIO_ZEROPAGE, &zero))
			die("UFFDIO_ZEROPAGE");
		if (store)
			mem[tries % PAGES * page_size] = 1;
		while (!touched(tries, 0.1) && checks < CHECKS)
			checks = stuck(tries) ? checks + 1 : 0;
		if (checks < CHECKS || done == tries)
			continue; // the faulter went on, perhaps late
		if (ioctl(uffd, UFFDIO_WAKE, &page) || !touched(tries, 10))
			die("UFFDIO_WAKE does not wake it");
		lost++;
		printf("%.1f s, try %ld: asleep although its page is present, in %d checks; "
		       "UFFDIO_WAKE ended it\n", now() - start, tries, CHECKS);
		fflush(stdout);
	}
	printf("%ld tries in %.1f s, %ld wake-ups lost\n", tries, now() - start, lost);
	return lost > 0;
}
