// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/list.h"

#include <string.h>

#include "harness/core/nearest.h"

#define BENCH_ADDRESS(name) &name##_bench,

const struct bench_info *const bench_list[] = { BENCH_LIST(BENCH_ADDRESS) NULL };

/*
 * What each instruction costs as the kernel does it, and what fence and size of the call change, on
 * the small region; on the large one, whose blocks take ten times as long, only the kernel's case. On
 * both what may be the fastest stores of a CPU, the limit that the others are drawn against: which of
 * them it is differs by machine.
 */
#define FASTEST "insn=movdir64b,clzero,ntstore512,ntstore256,rep_stosb"

static const struct preset_line quick_lines[] = {
	{ "reset",
	  { "quirk=on,off", "insn=auto", "page=4K,2M", "fence=call,sample", "region=small",
	    NULL } },
	{ "reset", { "quirk=on,off", "insn=clzero,ntstore512,rep_stosb", "region=small", NULL } },
	{ "reset", { "quirk=on", FASTEST, "page=2M", "fence=sample", "region=small", NULL } },
	{ "reset", { "quirk=on,off", "insn=auto", "region=large", NULL } },
	{ "reset", { "quirk=on", FASTEST, "page=2M", "fence=sample", "region=large", NULL } },
	{ NULL, { NULL } },
};

static const struct preset_line full_lines[] = {
	{ "reset",
	  { "quirk=on,off", "insn=movdir64b,clzero,ntstore512,ntstore256,rep_stosb,memset",
	    "page=4K,2M", "fence=call,sample", NULL } },
	{ "reset", { "quirk=on", "page=4K,2M", "fence=call,sample", "unroll=1,4", NULL } },
	{ "reset", { "quirk=on,off", "order=sequential,shuffled", NULL } },
	{ "reset", { "quirk=on,off", "region=small", "before=evicted,dirty,clean", NULL } },
	{ "reset", { "quirk=on,off", "insn=movdir64b,ntstore512", "source=zero,pattern", NULL } },
	{ "reset", { "quirk=on,off", "backing=4k,thp,hugetlb-2m", NULL } },
	{ "flush", { "path=out,in", "flush=on,off", "before=evicted,dirty,clean", NULL } },
	{ "flush", { "path=out,in", "flush=on,off", "region=large", "before=evicted", NULL } },
	{ "flush", { "path=out", "flush=on", "insn=clflushopt,clflush,clwb", NULL } },
	{ "flush",
	  { "path=out,in", "flush=on", "page=4K,2M", "fence=call,sample", "before=evicted,dirty",
	    NULL } },
	{ "flush", { "path=out", "flush=on", "order=sequential,shuffled", NULL } },
	{ "flush", { "path=out", "flush=on", "backing=4k,thp", NULL } },
	{ "stop", { "flagged=50,100", "dirty=0,50", NULL } },
	{ "stop", { "policy=early_reboot,early_virt,early_syscore", "redirty=0,10,50", NULL } },
	{ "flag", { "store=off,on", "contend=none,read,write", "fence=none,mfence", NULL } },
	{ "wbinvd", { "scope=one,package,all,turn", "op=wbinvd,none", "dirty=0,100", NULL } },
	{ "wbinvd", { "scope=one", "op=wbinvd,wbnoinvd,sweep", "dirty=25,50,100,150", NULL } },
	{ "wbinvd",
	  { "scope=one,all", "op=wbinvd,none", "dirty=100", "victim=core,llc,package,remote",
	    NULL } },
	{ "topup",
	  { "variant=kvm_array,tdx_prealloc,pamt_cache,direct", "load=steady,burst", NULL } },
	{ "topup",
	  { "work=split", "variant=kvm_array,tdx_prealloc,split_cache,split_batch,per_vcpu_or_vm",
	    "split=repeat,whole", NULL } },
	{ "topup",
	  { "work=pamt", "variant=pamt_cache,direct", "pamt=fast,lock", "load=burst", NULL } },
	{ "vm", { "mem=anon,thp,hugetlb,guest_memfd", "exit=ordered,sigkill", NULL } },
	{ "vm", { "mem=anon,thp,guest_memfd", "quirk=on,off,none", "victim=on", NULL } },
	{ "null", { "ops=1000,2000", "twin=a,b", NULL } },
	{ NULL, { NULL } },
};

/*
 * The end of a TD with the erratum and without, and of a plain VM, each of the same memory: small, so
 * that it runs anywhere. What one benchmark has under another name goes with it when it is changed:
 * backing=thp leaf=2M with mem=thp.
 */
static const struct preset_line shutdown_lines[] = {
	{ "teardown",
	  { "quirk=on,off", "path=dynamic,teardown", "size=64M", "backing=4k", "leaf=4K", "vcpus=2",
	    NULL } },
	{ "vm", { "quirk=on,off,none", "size=64M", "mem=anon", "vcpus=2", NULL } },
	{ NULL, { NULL } },
};

const struct preset presets[] = {
	{ "quick", "page resets with the erratum mode on and off", "60s", 10, quick_lines },
	{ "full", "every benchmark with its interesting levels", "10m", 20, full_lines },
	{ "shutdown",
	  "a TD's shutdown, replayed, with the erratum mode on and off, and a real VM's", "60s", 10,
	  shutdown_lines },
	{ NULL, NULL, NULL, 0, NULL },
};

const struct bench_info *bench_find(const char *name)
{
	for (unsigned i = 0; bench_list[i]; i++)
		if (!strcmp(bench_list[i]->name, name))
			return bench_list[i];
	return NULL;
}

const char *bench_nearest(const char *typed)
{
	const char *names[sizeof(bench_list) / sizeof(bench_list[0])];
	size_t n = 0;

	for (; bench_list[n]; n++)
		names[n] = bench_list[n]->name;
	return nearest_name(typed, names, n);
}

const struct preset *preset_find(const char *name)
{
	for (unsigned i = 0; presets[i].name; i++)
		if (!strcmp(presets[i].name, name))
			return &presets[i];
	return NULL;
}
