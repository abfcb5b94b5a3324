// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vm_bare [SIZE [PAIRS]]: the benchmark's end of a VM with guest_memfd beside a bare run of the same
 * system calls, without harness, tables and phases; one of each in a pair, in random order. Prints
 * both medians and the median ratio with its 95 % interval. Judges that both did their work, and no
 * time: that is for the reader. ctest runs it small; the figure is of `vm_bare 4G 20`.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/kvm/guest.h"
#include "bench/list.h"
#include "harness/core/units.h"
#include "harness/measure/design.h"
#include "harness/measure/timed.h"

#define MAX_PAIRS 1000

static struct machine machine;

/* Not used: the sampler's values are not looked at here. */
static int no_series(struct bench_ctx *ctx, unsigned metric, const char *subject)
{
	(void)ctx;
	(void)metric;
	(void)subject;
	return 0;
}

static void no_flag(struct bench_ctx *ctx, enum trust_flag flag, int arm, const char *detail)
{
	(void)ctx;
	(void)flag;
	(void)arm;
	(void)detail;
}

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "vm_bare: %s\n", what);
	exit(EXIT_FAILURE);
}

static int must(int ret, const char *what)
{
	if (ret < 0) {
		perror(what);
		exit(EXIT_FAILURE);
	}
	return ret;
}

static char *map(size_t bytes, int flags, int fd)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

/* ---- bare ---- */

struct bare {
	int vm, vcpu, memfd;
	char *boot, *view;
	struct kvm_run *run;
	size_t boot_bytes, bytes, run_bytes;
};

static void bare_region(const struct bare *b, unsigned slot)
{
	struct tdc_kvm_userspace_memory_region2 r = {
		.slot = slot,
		.flags = slot ? TDC_KVM_MEM_GUEST_MEMFD : 0,
		.guest_phys_addr = slot ? GUEST_MEMORY : 0,
		.memory_size = slot ? b->bytes : b->boot_bytes,
		.userspace_addr = (uintptr_t)(slot ? b->view : b->boot),
		.guest_memfd = slot ? (unsigned)b->memfd : 0,
	};

	must(ioctl(b->vm, TDC_KVM_SET_USER_MEMORY_REGION2, &r), "KVM_SET_USER_MEMORY_REGION2");
}

static void bare_make(struct bare *b, const struct kvm_host *h, size_t bytes)
{
	struct tdc_kvm_create_guest_memfd args = { .size = bytes, .flags = 3 };
	struct reason why = { "" };

	b->bytes = bytes;
	b->run_bytes = h->run_bytes;
	b->boot_bytes = guest_boot_bytes(bytes);
	b->vm = must(ioctl(h->fd, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	b->boot = map(b->boot_bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	guest_boot_fill(b->boot, bytes);
	bare_region(b, 0);
	b->memfd = must(ioctl(b->vm, TDC_KVM_CREATE_GUEST_MEMFD, &args), "KVM_CREATE_GUEST_MEMFD");
	b->view = map(bytes, MAP_SHARED, b->memfd);
	bare_region(b, 1);
	b->vcpu = must(ioctl(b->vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	b->run = (struct kvm_run *)(void *)map(h->run_bytes, MAP_SHARED, b->vcpu);
	if (guest_enter(h, b->vcpu, &why) ||
	    guest_touch(h, b->vcpu, b->run, GUEST_MEMORY, GUEST_MEMORY + bytes, &why))
		die(why.text);
}

/* The timed part. Return: ticks. */
static uint64_t bare_end(const struct bare *b)
{
	struct kvm_userspace_memory_region boot = { .slot = 0 };
	struct kvm_userspace_memory_region memory = { .slot = 1, .guest_phys_addr = GUEST_MEMORY };
	uint64_t start = tick_start();
	int failed = munmap(b->run, b->run_bytes) | close(b->vcpu) |
		     ioctl(b->vm, KVM_SET_USER_MEMORY_REGION, &boot) |
		     ioctl(b->vm, KVM_SET_USER_MEMORY_REGION, &memory) | munmap(b->view, b->bytes) |
		     close(b->memfd) | close(b->vm) | munmap(b->boot, b->boot_bytes);
	uint32_t cpu;
	uint64_t ticks = tick_stop(&cpu) - start;

	if (failed)
		die("a system call of the end failed");
	return ticks;
}

/* ---- pairs ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *v, unsigned n)
{
	double sorted[MAX_PAIRS];

	memcpy(sorted, v, n * sizeof(*v));
	qsort(sorted, n, sizeof(*sorted), by_value);
	return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

/* Ranks of the median's interval, from 0: the largest k with P(Binomial(n, 1/2) < k) <= 2.5 %. */
static unsigned lower_rank(unsigned n)
{
	double term = pow(0.5, n), below = 0;
	unsigned k = 0;

	while (below + term <= 0.025) {
		below += term;
		term *= (double)(n - k) / (k + 1);
		k++;
	}
	return k;
}

static void print_pairs(const double *bare, const double *bench, unsigned n, double hz)
{
	static double ratio[MAX_PAIRS];
	unsigned k = lower_rank(n);

	for (unsigned i = 0; i < n; i++)
		ratio[i] = bench[i] / bare[i];
	printf("bare   median %.3f ms\nvm     median %.3f ms\n", median(bare, n) * 1e3 / hz,
	       median(bench, n) * 1e3 / hz);
	printf("vm is  %+.2f %% of bare (median of %u pairs)", (median(ratio, n) - 1) * 100, n);
	qsort(ratio, n, sizeof(*ratio), by_value);
	if (k)
		printf(", 95 %% interval %+.2f to %+.2f %%", (ratio[k - 1] - 1) * 100,
		       (ratio[n - k] - 1) * 100);
	printf("\n");
}

static void measure(const struct bench_ctx *ctx, void *state, size_t bytes, unsigned pairs)
{
	static double bare[MAX_PAIRS], bench[MAX_PAIRS];
	struct tick_clock clock;
	struct kvm_host host;
	struct reason why = { "" };

	if (kvm_host_open(&host, &kvm_sys_host, "", &why) ||
	    clock_calibrate(&clock, &machine.cpu, 200, &why))
		die(why.text);
	for (unsigned i = 0; i < pairs; i++) {
		bool bare_first = seed_derive(ctx->seed, i, 0, 1) & 1;

		for (unsigned k = 0; k < 2; k++) {
			struct bare b;

			if ((k == 0) == bare_first) {
				bare_make(&b, &host, bytes);
				bare[i] = (double)bare_end(&b);
				continue;
			}
			vm_bench.prepare(state, 0);
			bench[i] = (double)timed_sample(vm_bench.sample, state, 0, 1).ticks;
		}
		printf("pair %u: bare %.3f ms, vm %.3f ms\n", i, bare[i] * 1e3 / clock.hz,
		       bench[i] * 1e3 / clock.hz);
		fflush(stdout);
	}
	kvm_host_close(&host);
	if (vm_bench.finish(state, &why))
		die(why.text);
	print_pairs(bare, bench, pairs, clock.hz);
}

int main(int argc, char **argv)
{
	char setting[64];
	const char *settings[] = { setting, "mem=guest_memfd" };
	struct reason why = { "" };
	struct plan plan = { 0 };
	uint64_t bytes, pairs;
	struct bench_ctx ctx;
	void *state = NULL;

	if (size_parse(argc > 1 ? argv[1] : "16M", &bytes) ||
	    count_parse(argc > 2 ? argv[2] : "3", &pairs) || !pairs || pairs > MAX_PAIRS)
		die("usage: vm_bare [SIZE [PAIRS]]");
	if (machine_open(&machine, &why))
		die(why.text);
	snprintf(setting, sizeof(setting), "size=%s", argc > 1 ? argv[1] : "16M");
	if (plan_add(&plan, &machine, &vm_bench, settings, 2, &why))
		die(why.text);
	if (!plan.n_groups) {
		printf("not tested: %s\n", plan.cells[0].reason.text);
		return 77;
	}
	ctx = (struct bench_ctx){ .machine = &machine,
				  .arms = plan.groups[0].arms,
				  .n_arms = 1,
				  .seed = 1,
				  .facts = json_object(),
				  .flag = no_flag,
				  .series = no_series };
	if (topo_bind_thread(machine.topo, 0, &why) || vm_bench.setup(&ctx, &state, &why) ||
	    vm_bench.verify(state, 0, &why))
		die(why.text);
	measure(&ctx, state, bytes, (unsigned)pairs);
	vm_bench.teardown(state);
	json_decref(ctx.facts);
	plan_free(&plan);
	machine_close(&machine);
	return EXIT_SUCCESS;
}
