// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/kmod/client.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench/kmod/why_not.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The layout is an interface: a size that changes needs another TDCOST_ABI. */
static_assert(sizeof(struct tdcost_info) == 72, "tdcost_info");
static_assert(sizeof(struct tdcost_cpu) == 40, "tdcost_cpu");
static_assert(sizeof(struct tdcost_flush) == 48, "tdcost_flush");
static_assert(sizeof(struct tdcost_stop) == 72, "tdcost_stop");
static_assert(sizeof(struct tdcost_flag) == 32, "tdcost_flag");
static_assert(sizeof(struct tdcost_pages) == 16, "tdcost_pages");
static_assert(sizeof(struct tdcost_fill) == 16, "tdcost_fill");
static_assert(sizeof(struct tdcost_reset) == 40, "tdcost_reset");
static_assert(sizeof(struct tdcost_check) == 24, "tdcost_check");
static_assert(sizeof(struct tdcost_counters) == 16, "tdcost_counters");
static_assert(sizeof(struct tdcost_sample) == 16, "tdcost_sample");
static_assert(sizeof(struct tdcost_topup) == 344, "tdcost_topup");
static_assert(sizeof(struct tdcost_teardown) == 96, "tdcost_teardown");
static_assert(sizeof(struct tdcost_torn) == 424, "tdcost_torn");

const char *const kmod_modes[] = {
	[TDCOST_ONE] = "one",	  [TDCOST_PER_PACKAGE] = "package",
	[TDCOST_PER_LLC] = "llc", [TDCOST_PER_CORE] = "core",
	[TDCOST_ALL] = "all",	  [TDCOST_IN_TURN] = "turn",
	[TDCOST_MODE_MAX] = NULL,
};

const char *const kmod_ops[] = {
	[TDCOST_WBINVD] = "wbinvd",
	[TDCOST_WBNOINVD] = "wbnoinvd",
	[TDCOST_NOTHING] = "nothing",
	[TDCOST_OP_MAX] = NULL,
};

const char *const kmod_variants[] = {
	[TDCOST_KVM_ARRAY] = "kvm_array",     [TDCOST_TDX_PREALLOC] = "tdx_prealloc",
	[TDCOST_PAMT_CACHE] = "pamt_cache",   [TDCOST_SPLIT_CACHE] = "split_cache",
	[TDCOST_SPLIT_BATCH] = "split_batch", [TDCOST_PER_VCPU_OR_VM] = "per_vcpu_or_vm",
	[TDCOST_DIRECT] = "direct",	      [TDCOST_VARIANT_MAX] = NULL,
};

const char *const kmod_sources[] = {
	[TDCOST_GFP_KERNEL] = "gfp_kernel",
	[TDCOST_GFP_KERNEL_ACCOUNT] = "gfp_kernel_account",
	[TDCOST_GFP_ATOMIC] = "gfp_atomic",
	[TDCOST_SOURCE_MAX] = NULL,
};

const char *const kmod_works[] = {
	[TDCOST_FAULT_STEADY] = "steady",     [TDCOST_FAULT_BURST] = "burst",
	[TDCOST_FAULT_COLD] = "cold",	      [TDCOST_SPLIT_REPEAT] = "split_repeat",
	[TDCOST_SPLIT_WHOLE] = "split_whole", [TDCOST_PAMT_FAST] = "pamt_fast",
	[TDCOST_PAMT_LOCK] = "pamt_lock",     [TDCOST_WORK_MAX] = NULL,
};

static void device_path(char *path, size_t n, const char *root)
{
	snprintf(path, n, "%s%s", root, TDCOST_DEVICE);
}

static int check_version(struct kmod *k, struct reason *why)
{
	if (ioctl(k->fd, TDCOST_INFO, &k->info)) {
		if (errno == EPERM)
			return kmod_why_not("", -EPERM, why);
		return reason_set(why, -ENOTSUP,
				  "%s does not answer as the device of tdcost.ko (%s): as root: rm "
				  "%s, then modprobe tdcost or insmod bench/kmod/tdcost.ko",
				  TDCOST_DEVICE, strerror(errno), TDCOST_DEVICE);
	}
	if (k->info.abi != TDCOST_ABI)
		return reason_set(
			why, -ENOTSUP,
			"the tdcost.ko that is loaded speaks version %u of its calls, this "
			"program version %u: build both from one source; as root: rmmod "
			"tdcost, then load the one that belongs to this program",
			k->info.abi, TDCOST_ABI);
	k->info.version[sizeof(k->info.version) - 1] = '\0';
	return 0;
}

int kmod_open(struct kmod *k, const char *root, struct reason *why)
{
	char path[256];
	int err;

	*k = (struct kmod){ .fd = -1 };
	device_path(path, sizeof(path), root);
	k->fd = open(path, O_RDWR | O_CLOEXEC);
	if (k->fd < 0)
		return kmod_why_not(root, -errno, why);
	err = check_version(k, why);
	if (err)
		kmod_close(k);
	return err;
}

void kmod_close(struct kmod *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}

static const struct {
	unsigned feature;
	enum cpu_feature cpu;
	const char *missing;
} features[] = {
	{ TDCOST_HAS_WBNOINVD, CPU_WBNOINVD,
	  "this CPU has no WBNOINVD (CPUID 0x80000008 EBX[9]) and would run WBINVD in its place: "
	  "choose wbinvd" },
	{ TDCOST_HAS_MOVDIR64B, CPU_MOVDIR64B,
	  "this CPU has no MOVDIR64B (CPUID 7 ECX[28]), with which the kernel resets a page: with "
	  "the quirk off it needs none" },
	{ TDCOST_HAS_CLFLUSHOPT, CPU_CLFLUSHOPT, "this CPU has no CLFLUSHOPT (CPUID 7 EBX[23])" },
};

int kmod_supported(const struct machine *m, unsigned wanted, struct reason *why)
{
	struct kmod k;
	int ret = kmod_open(&k, m->root, why);

	kmod_close(&k);
	if (ret)
		return ret;
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		if (wanted & features[i].feature && !cpu_has(&m->cpu, features[i].cpu))
			return reason_set(why, -ENOTSUP, "%s", features[i].missing);
	if (wanted & TDCOST_CPU_AFFECTED && !m->cpu.cpu_affected)
		return reason_set(why, -ENOTSUP,
				  "this CPU does not have the erratum X86_BUG_TDX_PW_MCE");
	return 0;
}

void kmod_mask_set(struct kmod_mask *mask, unsigned cpu)
{
	if (cpu < 64 * KMOD_MASK_WORDS)
		mask->words[cpu / 64] |= 1ull << cpu % 64;
}

/* What an errno means, whichever the call was. */
static const struct {
	int err;
	const char *text;
} meanings[] = {
	{ -EPERM, "run as root, it takes CAP_SYS_ADMIN" },
	{ -EBUSY, "a CPU has not answered an earlier call: wait until it has" },
	{ -EINTR, "interrupted" },
	{ -EINVAL, "an argument is out of bounds: tdcost-kmod(4) has them" },
	{ -ENODATA, "there are no pages: allocate them first" },
	{ -EEXIST, "there are pages already: free them first" },
};

static int fail(int err, const char *what, struct reason *why)
{
	const char *text = strerror(-err);

	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (meanings[i].err == err)
			text = meanings[i].text;
	return reason_set(why, err, "tdcost.ko: %s: %s", what, text);
}

static int call(const struct kmod *k, unsigned long cmd, void *arg)
{
	return ioctl(k->fd, cmd, arg) ? -errno : 0;
}

/* "0,2,5": those that did not answer, as many as there is room for. */
static const char *silent_cpus(char *list, size_t room, const struct tdcost_cpu *c, unsigned n)
{
	size_t at = 0;

	list[0] = '\0';
	for (unsigned i = 0; i < n && at < room; i++)
		if (!(c[i].flags & TDCOST_CPU_ANSWERED))
			at += snprintf(list + at, room - at, "%s%u", at ? "," : "", c[i].cpu);
	return list;
}

/* The errors that calls to CPUs share. */
static int fail_cpus(const struct kmod *k, int err, const char *what, unsigned op,
		     const struct tdcost_cpu *result, unsigned n, struct reason *why)
{
	char list[128];

	if (err == -ETIMEDOUT)
		return reason_set(why, err,
				  "tdcost.ko: %s: CPU %s did not answer within %u ms: is it stuck? "
				  "see the kernel log",
				  what, silent_cpus(list, sizeof(list), result, n),
				  k->info.timeout_ms);
	if (err == -EOPNOTSUPP && op == TDCOST_WBNOINVD &&
	    !(k->info.features & TDCOST_HAS_WBNOINVD))
		return reason_set(why, -ENOTSUP, "%s", features[0].missing);
	if (err == -EOPNOTSUPP)
		return reason_set(why, -ENOTSUP,
				  "tdcost.ko: %s: this kernel does not tell a module which CPUs "
				  "share a cache: choose another scope",
				  what);
	return fail(err, what, why);
}

int kmod_flush(const struct kmod *k, enum tdcost_op op, enum tdcost_mode mode,
	       const struct kmod_mask *mask, struct tdcost_cpu *result, unsigned *n,
	       struct tdcost_flush *f, struct reason *why)
{
	struct tdcost_flush own;
	int err;

	if (!f)
		f = &own;
	*f = (struct tdcost_flush){ .op = op,
				    .mode = mode,
				    .mask = (uintptr_t)mask->words,
				    .mask_words = KMOD_MASK_WORDS,
				    .n = k->info.cpus,
				    .result = (uintptr_t)result };
	err = call(k, TDCOST_FLUSH, f);
	*n = !err || err == -ETIMEDOUT ? f->n : 0;
	return err ? fail_cpus(k, err, "flush", op, result, *n, why) : 0;
}

int kmod_stop(const struct kmod *k, struct tdcost_stop *s, const struct kmod_mask *flagged,
	      struct tdcost_cpu *result, unsigned *n, struct reason *why)
{
	int err;

	s->mask = (uintptr_t)flagged->words;
	s->mask_words = KMOD_MASK_WORDS;
	s->n = k->info.cpus;
	s->result = (uintptr_t)result;
	err = call(k, TDCOST_STOP, s);
	*n = !err || err == -ETIMEDOUT ? s->n : 0;
	return err ? fail_cpus(k, err, "stop", s->op, result, *n, why) : 0;
}

int kmod_flag(const struct kmod *k, struct tdcost_flag *f, struct reason *why)
{
	int err = call(k, TDCOST_FLAG, f);

	return err ? fail(err, "flag", why) : 0;
}

int kmod_counters(const struct kmod *k, uint64_t *counters, unsigned *n, struct reason *why)
{
	struct tdcost_counters c = { .n = k->info.cpus, .counters = (uintptr_t)counters };
	int err = call(k, TDCOST_COUNTERS, &c);

	*n = err ? 0 : c.n;
	return err ? fail(err, "counters", why) : 0;
}

int kmod_topup(const struct kmod *k, struct tdcost_topup *t, struct reason *why)
{
	int err = call(k, TDCOST_TOPUP, t);

	if (err == -ENOMEM)
		return reason_set(why, err,
				  "tdcost.ko: topup: no page was left behind %llu of %llu units: "
				  "free memory, or raise memory.max of this cgroup",
				  (unsigned long long)t->done, (unsigned long long)t->units);
	if (err == -EBUSY)
		return reason_set(why, err,
				  "tdcost.ko: topup: another one is under way on this open file, "
				  "with another variant or work: end it first");
	if (err == -ETIMEDOUT)
		return reason_set(why, err,
				  "tdcost.ko: topup: %u calls were to begin together on this open "
				  "file, and did not come within 10 s",
				  t->vcpus);
	return err ? fail(err, "topup", why) : 0;
}

int kmod_pages_alloc(const struct kmod *k, unsigned order, uint64_t n, int node, struct reason *why)
{
	struct tdcost_pages p = { .order = order, .node = node, .n = n };
	int err = call(k, TDCOST_PAGES_ALLOC, &p);

	if (err == -ENOMEM)
		return reason_set(
			why, err,
			"tdcost.ko: node %d has not %llu free pages of order %u, or other "
			"open files hold too much of the %llu MiB: ask for fewer or "
			"smaller ones",
			node, (unsigned long long)n, order,
			(unsigned long long)k->info.max_bytes >> 20);
	if (err == -EINVAL)
		return reason_set(why, err,
				  "tdcost.ko: %llu pages of order %u on node %d: it takes order %u "
				  "and %llu MiB at most, and a node that has memory",
				  (unsigned long long)n, order, node, k->info.max_order,
				  (unsigned long long)k->info.max_bytes >> 20);
	return err ? fail(err, "pages", why) : 0;
}

int kmod_pages_free(const struct kmod *k, struct reason *why)
{
	int err = call(k, TDCOST_PAGES_FREE, NULL);

	return err ? fail(err, "free", why) : 0;
}

int kmod_pages_fill(const struct kmod *k, uint64_t pattern, enum tdcost_before before,
		    struct reason *why)
{
	struct tdcost_fill f = { .pattern = pattern, .before = before };
	int err = call(k, TDCOST_PAGES_FILL, &f);

	return err ? fail(err, "fill", why) : 0;
}

int kmod_pages_reset(const struct kmod *k, struct tdcost_reset *r, struct reason *why)
{
	int err = call(k, TDCOST_PAGES_RESET, r);

	if (err == -EOPNOTSUPP)
		return reason_set(why, -ENOTSUP, "%s", features[1].missing);
	return err ? fail(err, "reset", why) : 0;
}

int kmod_pages_check(const struct kmod *k, struct tdcost_check *c, struct reason *why)
{
	int err = call(k, TDCOST_PAGES_CHECK, c);

	return err ? fail(err, "check", why) : 0;
}

int kmod_teardown_set(const struct kmod *k, const struct tdcost_teardown *t, struct reason *why)
{
	int err = ioctl(k->fd, TDCOST_TEARDOWN_SET, t) ? -errno : 0;

	if (err == -EOPNOTSUPP)
		return reason_set(why, -ENOTSUP, "%s",
				  t->flags & TDCOST_TEARDOWN_QUIRK ? features[1].missing
								   : features[0].missing);
	return err ? fail(err, "teardown", why) : 0;
}

int kmod_teardown(const struct kmod *k, struct tdcost_torn *t, struct reason *why)
{
	int err = call(k, TDCOST_TEARDOWN, t);

	if (err == -ENODATA)
		return reason_set(
			why, err,
			"tdcost.ko: teardown: nothing is ready: it is made ready for each "
			"time anew");
	if (err == -EINVAL)
		return reason_set(why, err,
				  "tdcost.ko: teardown: a CPU whose vCPU is in guest mode is not "
				  "online, or is the caller's: keep them apart");
	if (err == -ETIMEDOUT)
		return reason_set(why, err,
				  "tdcost.ko: teardown: a CPU did not answer within %u ms: is it "
				  "stuck? see the kernel log",
				  k->info.timeout_ms);
	return err ? fail(err, "teardown", why) : 0;
}
