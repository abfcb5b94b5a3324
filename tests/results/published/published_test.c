// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "results/published/published.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HEAD	 "id,use,quantity,setup,vcpus,guest_gib,before_s,after_s,value,unit,source\n"
#define ROW(id)	 id ",,a time,a machine,,,,,7,ms,a list\n"

static struct reason why;

static int read_bytes(const char *text, size_t n, struct published *p)
{
	FILE *in = n ? fmemopen((void *)text, n, "r") : fopen("/dev/null", "r");
	int ret;

	assert_non_null(in);
	why.text[0] = '\0';
	ret = published_read(in, "made-up.csv", p, &why);
	fclose(in);
	return ret;
}

static int read_text(const char *text, struct published *p)
{
	return read_bytes(text, strlen(text), p);
}

/* One line of complaint that begins with the file and @line and holds @part. */
static void refused(const char *text, size_t n, unsigned line, const char *part)
{
	struct published p;
	char head[32];

	snprintf(head, sizeof(head), "made-up.csv:%u: ", line);
	assert_int_equal(read_bytes(text, n, &p), -EINVAL);
	if (strncmp(why.text, head, strlen(head)) || !strstr(why.text, part))
		fail_msg("'%s' lacks '%s' or '%s'", why.text, head, part);
	assert_null(strchr(why.text, '\n'));
}

static void test_rows(void **state)
{
	const struct published_row *r;
	struct published p;

	(void)state;
	assert_int_equal(read_text(HEAD "one,fit,\"a \"\"time\"\", told\",machine,4,18.5,72,2.4e1,"
					",,\"list, 2025\"\r\n" ROW("two-2"),
				   &p),
			 0);
	assert_int_equal(p.n, 2);
	r = published_find(&p, "one");
	assert_non_null(r);
	assert_string_equal(r->quantity, "a \"time\", told");
	assert_string_equal(r->source, "list, 2025");
	assert_string_equal(r->unit, "");
	assert_int_equal(r->use, PUBLISHED_FIT);
	assert_true(r->vcpus == 4 && r->guest_gib == 18.5);
	assert_true(r->before_s == 72 && r->after_s == 24 && isnan(r->value));
	assert_int_equal(r->line, 2);
	r = published_find(&p, "two-2");
	assert_true(r->value == 7 && isnan(r->before_s) && isnan(r->after_s) && isnan(r->vcpus));
	assert_string_equal(r->unit, "ms");
	assert_null(published_find(&p, "three"));
	published_free(&p);
	assert_null(p.rows);
}

/* Behind a good second line: each is wrong in its own way. */
static void test_broken_rows(void **state)
{
	static const struct {
		const char *line, *says;
	} broken[] = {
		{ "a,,q,s,,,,,7,ms", "10 fields where the header has 11" },
		{ "a,,q,s,,,,,7,ms,src,more", "12 fields" },
		{ "", "1 fields" },
		{ "a,,\"q,s,,,,,7,ms,src", "field 3: its quote is not closed" },
		{ "a,,\"q\"x,s,,,,,7,ms,src", "field 3: text behind its closing quote" },
		{ "a,,q \"x\",s,,,,,7,ms,src", "field 3: a quote inside it" },
		{ ",,q,s,,,,,7,ms,src", "id is empty" },
		{ "A b,,q,s,,,,,7,ms,src", "id 'A b'" },
		{ "good,,q,s,,,,,7,ms,src", "id 'good' is taken by line 2" },
		{ "a,maybe,q,s,,,,,7,ms,src", "use 'maybe'" },
		{ "a,,,s,,,,,7,ms,src", "quantity is empty" },
		{ "a,,q,,,,,,7,ms,src", "setup is empty" },
		{ "a,,q,s,,,,,7,ms,", "source is empty" },
		{ "a,,q,s,,,,,7 s,ms,src", "value '7 s'" },
		{ "a,,q,s,,,,, 7,ms,src", "value ' 7'" },
		{ "a,,q,s,,,,,0x7,ms,src", "value '0x7'" },
		{ "a,,q,s,,,,,nan,ms,src", "value 'nan'" },
		{ "a,,q,s,,,,,1e999,ms,src", "value '1e999'" },
		{ "a,,q,s,,,,,0,ms,src", "value '0'" },
		{ "a,,q,s,,,,,-7,ms,src", "value '-7'" },
		{ "a,,q,s,,,,,1.02 -> 0.01,ms,src", "value '1.02 -> 0.01'" },
		{ "a,,q,s,1.5,,,,7,ms,src", "vcpus '1.5'" },
		{ "a,,q,s,,,,,7,,src", "a value and its unit go together" },
		{ "a,,q,s,,,72,24,,s,src", "a value and its unit go together" },
		{ "a,,q,s,,,,,,,src", "either a value, or before_s and after_s" },
		{ "a,,q,s,,,72,24,7,ms,src", "either a value, or before_s and after_s" },
		{ "a,,q,s,,,72,,,,src", "before_s and after_s go together" },
		{ "a,fit,q,s,,,,,7,ms,src", "use 'fit' needs vcpus" },
		{ "a,predict,q,s,4,,72,24,,,src", "use 'predict' needs vcpus" },
		{ "a,,q\tx,s,,,,,7,ms,src", "a control character in column 5" },
		{ "a,,q\x1b[2Jx,s,,,,,7,ms,src", "a control character in column 5" },
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < COUNT(broken); i++) {
		int n = snprintf(text, sizeof(text), "%s%s%s\n%s", HEAD, ROW("good"),
				 broken[i].line, ROW("last"));

		refused(text, (size_t)n, 3, broken[i].says);
	}
}

static void test_broken_files(void **state)
{
	static const char nul[] = HEAD "a,,q\0,s,,,,,7,ms,src\n";
	static char wide[8192], tall[sizeof(HEAD) + 300 * 40] = HEAD;

	(void)state;
	refused("", 0, 0, "no row");
	refused(HEAD, strlen(HEAD), 1, "no row");
	refused(ROW("a"), strlen(ROW("a")), 1, "the header is not 'id,use,");
	refused(nul, sizeof(nul) - 1, 2, "a NUL byte");
	snprintf(wide, sizeof(wide), "%sa,,%05000d,s,,,,,7,ms,src\n", HEAD, 0);
	refused(wide, strlen(wide), 2, "longer than 4096 bytes");
	for (unsigned i = 0; i <= PUBLISHED_ROWS; i++)
		sprintf(tall + strlen(tall), "r%u,,q,s,,,,,7,ms,src\n", i);
	refused(tall, strlen(tall), PUBLISHED_ROWS + 2, "more than 256 rows");
}

/* Any cut of a good file is read or refused; nothing is leaked, which the sanitizers look at. */
static void test_cuts(void **state)
{
	static const char good[] = HEAD
		"one,fit,\"a \"\"time\"\", told\",machine,4,18,72,24,,,src\n";
	struct published p;

	(void)state;
	for (size_t n = 0; n < sizeof(good); n++) {
		int ret = read_bytes(good, n, &p);

		assert_true(ret == 0 || ret == -EINVAL);
		if (!ret)
			published_free(&p);
	}
}

/* What is installed is sound, and holds what the program asks of it. */
static void test_the_file(void **state)
{
	const struct published_row *r;
	struct published p;
	unsigned fitted = 0;

	(void)state;
	unsetenv("TDCOST_PUBLISHED_DIR");
	if (published_load(&p, &why))
		fail_msg("%s", why.text);
	for (size_t i = 0; i < p.n; i++)
		fitted += p.rows[i].use == PUBLISHED_FIT;
	assert_int_equal(fitted, 2);
	r = published_find(&p, "skip-clear");
	assert_non_null(r);
	assert_string_equal(r->unit, "percent at most");
	published_free(&p);
}

static void test_path(void **state)
{
	struct published p;
	char path[4096];

	(void)state;
	setenv("TDCOST_PUBLISHED_DIR", "/nowhere", 1);
	assert_int_equal(published_load(&p, &why), -ENOENT);
	assert_non_null(strstr(why.text, "/nowhere"));
	unsetenv("TDCOST_PUBLISHED_DIR");
	assert_int_equal(published_path("published.csv", path, sizeof(path), &why), 0);
	assert_int_equal(published_path("not-there.csv", path, sizeof(path), &why), -ENOENT);
	assert_non_null(strstr(why.text, "TDCOST_PUBLISHED_DIR"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	     cmocka_unit_test(test_broken_rows),
		cmocka_unit_test(test_broken_files), cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_the_file),     cmocka_unit_test(test_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
