// SPDX-License-Identifier: GPL-2.0-or-later
/* Who makes how much dirty: lines_dirty() and lines_evict() are wrapped by the linker and counted. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/ops/dirty.h"
#include "bench/ops/lines.h"

#define MAX  64
#define PAGE 4096ul

static struct machine machine;
static struct team *team;
static unsigned n_cpus;
static uint64_t llcs; /* bytes of all of them */

static struct {
	_Atomic uint64_t evicted, dirty;
} done;

void __real_lines_dirty(char *base, size_t bytes, const char *random);
void __wrap_lines_dirty(char *base, size_t bytes, const char *random);
void __real_lines_evict(const struct cpu_info *cpu, const char *base, size_t bytes);
void __wrap_lines_evict(const struct cpu_info *cpu, const char *base, size_t bytes);

void __wrap_lines_dirty(char *base, size_t bytes, const char *random)
{
	__real_lines_dirty(base, bytes, random);
	atomic_fetch_add(&done.dirty, bytes);
}

void __wrap_lines_evict(const struct cpu_info *cpu, const char *base, size_t bytes)
{
	__real_lines_evict(cpu, base, bytes);
	atomic_fetch_add(&done.evicted, bytes);
}

static void sum_llcs(const unsigned *cpus)
{
	for (unsigned i = 0; i < n_cpus; i++) {
		bool first = true;

		for (unsigned k = 0; k < i; k++)
			first &= topo_llc_of(machine.topo, cpus[k]) !=
				 topo_llc_of(machine.topo, cpus[i]);
		if (first)
			llcs += topo_llc_bytes(machine.topo, cpus[i]);
	}
}

static int open_team(void **state)
{
	struct reason why = { "" };
	unsigned cpus[MAX], first;

	(void)state;
	if (machine_open(&machine, &why))
		return -1;
	topo_pick(machine.topo, TOPO_ONE, &first, 1);
	n_cpus = (unsigned)topo_spread(machine.topo, first, cpus, MAX);
	n_cpus = n_cpus < MAX ? n_cpus : MAX;
	sum_llcs(cpus);
	return topo_bind_thread(machine.topo, first, &why) ||
	       team_open(&team, machine.topo, cpus, n_cpus, &why);
}

static int close_team(void **state)
{
	(void)state;
	team_close(team);
	machine_close(&machine);
	return 0;
}

static void reset_done(void)
{
	atomic_store(&done.evicted, 0);
	atomic_store(&done.dirty, 0);
}

/* In whole pages of each CPU. */
static void assert_share(uint64_t bytes, unsigned percent)
{
	uint64_t want = llcs * percent / 100;

	assert_true(bytes % PAGE == 0);
	assert_true(bytes + n_cpus * PAGE > want && bytes < want + n_cpus * PAGE);
}

static void a_share_of_every_llc_is_stored_to(void **state)
{
	static const unsigned percent[] = { 25, 1, 20 };
	struct reason why = { "" };
	struct dirty *d;

	(void)state;
	if (dirty_open(&d, &machine, team, n_cpus, 25, &why))
		fail_msg("%s", why.text);
	for (size_t i = 0; i < sizeof(percent) / sizeof(percent[0]); i++) {
		reset_done();
		dirty_make(d, percent[i]);
		assert_share(atomic_load(&done.dirty), percent[i]);
		assert_int_equal(atomic_load(&done.dirty), dirty_bytes(d, percent[i]));
		/* All that an earlier sample may have left, not what this one stores. */
		assert_int_equal(atomic_load(&done.evicted), dirty_bytes(d, 25));
	}
	reset_done();
	dirty_again(d, 5);
	assert_share(atomic_load(&done.dirty), 5);
	assert_int_equal(atomic_load(&done.evicted), 0);
	dirty_close(d);
}

static void nothing_is_stored_where_nothing_is_asked_for(void **state)
{
	struct reason why = { "" };
	struct dirty *d;

	(void)state;
	assert_int_equal(dirty_open(&d, &machine, team, n_cpus, 0, &why), 0);
	reset_done();
	dirty_make(d, 0);
	dirty_again(d, 0);
	assert_int_equal(atomic_load(&done.dirty) + atomic_load(&done.evicted), 0);
	assert_int_equal(dirty_bytes(d, 0), 0);
	dirty_close(d);
	dirty_close(NULL);
	/* Also after more was there before: the lines go, and none come. */
	assert_int_equal(dirty_open(&d, &machine, team, n_cpus, 10, &why), 0);
	dirty_make(d, 10);
	reset_done();
	dirty_make(d, 0);
	assert_int_equal(atomic_load(&done.dirty), 0);
	assert_int_equal(atomic_load(&done.evicted), dirty_bytes(d, 10));
	dirty_close(d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_share_of_every_llc_is_stored_to),
		cmocka_unit_test(nothing_is_stored_where_nothing_is_asked_for),
	};

	return cmocka_run_group_tests(tests, open_team, close_team);
}
