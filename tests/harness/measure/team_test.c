// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "harness/measure/team.h"

#define MAX    64
#define ROUNDS 500

static struct topo *topo;
static unsigned cpus[MAX], n_cpus;

/* What the members leave behind; each writes its own. */
static struct {
	unsigned times, cpu;
} seen[MAX];

static int open_topo(void **state)
{
	struct reason why = { "" };
	unsigned first;

	(void)state;
	if (topo_open(&topo, NULL, &why))
		return -1;
	topo_pick(topo, TOPO_ONE, &first, 1);
	n_cpus = (unsigned)topo_spread(topo, first, cpus, MAX);
	n_cpus = n_cpus < MAX ? n_cpus : MAX;
	return topo_bind_thread(topo, first, &why);
}

static int close_topo(void **state)
{
	(void)state;
	topo_close(topo);
	return 0;
}

static void sign(void *arg, unsigned member)
{
	assert_ptr_equal(arg, seen);
	seen[member].times++;
	seen[member].cpu = (unsigned)sched_getcpu();
}

static void each_member_takes_part_once_on_its_own_cpu(void **state)
{
	struct reason why = { "" };
	struct team *team;

	(void)state;
	if (team_open(&team, topo, cpus, n_cpus, &why))
		fail_msg("%s", why.text);
	for (unsigned r = 0; r < ROUNDS; r++) {
		team_ready(team, n_cpus, sign, seen);
		team_go(team);
		for (unsigned i = 0; i < n_cpus; i++) {
			const struct team_time *t = team_time(team, i);

			assert_int_equal(seen[i].times, r + 1);
			assert_int_equal(seen[i].cpu, cpus[i]);
			assert_int_equal(t->cpu, cpus[i]);
			assert_int_equal(team_cpu(team, i), cpus[i]);
			assert_true(t->end > t->start);
		}
	}
	/* Of a team only the first take part, where the sample asks for fewer. */
	team_ready(team, 1, sign, seen);
	team_go(team);
	assert_int_equal(seen[0].times, ROUNDS + 1);
	for (unsigned i = 1; i < n_cpus; i++)
		assert_int_equal(seen[i].times, ROUNDS);
	team_close(team);
	team_close(NULL);
}

static atomic_uint_fast64_t *meeting_point(void)
{
	static atomic_uint_fast64_t point;

	return &point;
}

/* Each waits for all others inside its share: who starts late, or after another ended, hangs. */
static void meet(void *arg, unsigned member)
{
	unsigned all = *(unsigned *)arg;

	(void)member;
	atomic_fetch_add(meeting_point(), 1);
	while (atomic_load(meeting_point()) % all)
		sched_yield();
}

static void members_run_at_the_same_time(void **state)
{
	struct reason why = { "" };
	struct team *team;

	(void)state;
	if (team_open(&team, topo, cpus, n_cpus, &why))
		fail_msg("%s", why.text);
	for (unsigned r = 0; r < ROUNDS; r++) {
		team_ready(team, n_cpus, meet, &n_cpus);
		team_go(team);
	}
	assert_int_equal(atomic_load(meeting_point()), (uint64_t)ROUNDS * n_cpus);
	team_close(team);
}

static void a_cpu_that_is_not_there_is_named(void **state)
{
	unsigned wrong[2] = { cpus[0], 8191 };
	struct reason why = { "" };
	struct team *team;

	(void)state;
	assert_int_equal(team_open(&team, topo, wrong, 2, &why), -EINVAL);
	assert_null(team);
	assert_non_null(strstr(why.text, "CPU 8191"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_member_takes_part_once_on_its_own_cpu),
		cmocka_unit_test(members_run_at_the_same_time),
		cmocka_unit_test(a_cpu_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, open_topo, close_topo);
}
