/* SPDX-License-Identifier: Apache-2.0 */
/* Keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "base/str.h"
#include "maglevt/ui.h"
#include "sample_vips.h"

static struct vips vips;
static struct model *m;
static struct ui u;

static int setup(void **state)
{
	vips_many(&vips, 50, false);
	m = model_new(&vips, 0);
	ui_init(&u, m);
	ui_rows(&u, m, 0);
	ui_page(&u, 10);
	return 0;
}

static int teardown(void **state)
{
	ui_done(&u);
	model_free(m);
	vips_done(&vips);
	return 0;
}

static enum ui_action press(uint32_t c)
{
	return ui_key(&u, UI_KEY_CHAR, c, 7);
}

static void type(const char *text)
{
	while (*text)
		assert_int_equal(press((unsigned char)*text++), UI_NONE);
}

static void key(enum ui_key k)
{
	assert_int_equal(ui_key(&u, k, 0, 7), UI_NONE);
}

static void test_actions(void **state)
{
	assert_int_equal(press('q'), UI_QUIT);
	assert_int_equal(press('Q'), UI_QUIT);
	assert_int_equal(press(3), UI_QUIT);
	assert_int_equal(press(26), UI_SUSPEND);
	assert_int_equal(press('r'), UI_RESET);
	assert_int_equal(press('x'), UI_NONE);
	assert_int_equal(press(' '), UI_PAUSE);
	assert_true(u.paused);
	assert_int_equal(ui_now(&u, 99), 7); /* the picture stands */
	assert_int_equal(press(' '), UI_RESUME);
	assert_int_equal(ui_now(&u, 99), 99);
}

static void test_scroll(void **state)
{
	static const struct {
		enum ui_key key;
		size_t top;
	} steps[] = {
		{ UI_KEY_UP, 0 },         { UI_KEY_DOWN, 1 },       { UI_KEY_DOWN, 2 },
		{ UI_KEY_UP, 1 },         { UI_KEY_PAGE_DOWN, 11 }, { UI_KEY_PAGE_UP, 1 },
		{ UI_KEY_PAGE_UP, 0 },    { UI_KEY_END, 40 },       { UI_KEY_DOWN, 40 },
		{ UI_KEY_PAGE_DOWN, 40 }, { UI_KEY_OTHER, 40 },     { UI_KEY_ESCAPE, 40 },
		{ UI_KEY_HOME, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		key(steps[i].key);
		assert_int_equal(u.top, steps[i].top);
	}
	type("jjk");
	assert_int_equal(u.top, 1);
	/* a taller screen shows the end, not a void behind it */
	key(UI_KEY_END);
	ui_page(&u, 30);
	assert_int_equal(u.top, 20);
	ui_page(&u, 80);
	assert_int_equal(u.top, 0);
	key(UI_KEY_DOWN);
	assert_int_equal(u.top, 0);
}

static void test_sort(void **state)
{
	for (int i = 0; i < ORDER_N; i++) {
		assert_int_equal(u.order, i);
		key(UI_KEY_DOWN);
		type("s");
		assert_int_equal(u.top, 0);
	}
	assert_int_equal(u.order, ORDER_NAME);
}

/* Rows that follow what is measured move every two seconds, not with every drawing. */
static void test_resort(void **state)
{
	struct reading r = failure(20, CODE_L4CON, 0, "x", 0);

	type("ss");
	assert_int_equal(u.order, ORDER_WORST);
	ui_rows(&u, m, 10 * NS_PER_S);
	assert_int_equal(u.rows[0], 0);
	model_take(m, &r);
	ui_rows(&u, m, 10 * NS_PER_S + UI_RESORT - 1);
	assert_int_equal(u.rows[0], 0);
	ui_rows(&u, m, 10 * NS_PER_S + UI_RESORT);
	assert_int_equal(u.rows[0], 20);
}

static void test_help(void **state)
{
	type("?");
	assert_true(u.help);
	type("q"); /* any key closes it, and does nothing else */
	assert_false(u.help);
	type("?");
	key(UI_KEY_DOWN);
	assert_false(u.help);
	assert_int_equal(u.top, 0);
	type("h");
	assert_int_equal(press(3), UI_QUIT);
}

static void test_filter(void **state)
{
	key(UI_KEY_END);
	type("f");
	assert_true(u.prompting);
	type("q r[");
	key(UI_KEY_ENTER); /* does not compile: stays, and says why */
	assert_true(u.prompting && u.wrong.code);
	key(UI_KEY_BACKSPACE);
	assert_int_equal(u.wrong.code, 0);
	assert_string_equal(u.prompt, "q r");
	key(UI_KEY_ESCAPE);
	assert_false(u.prompting);
	assert_null(u.filter);
	type("/web-00.$");
	key(UI_KEY_ENTER);
	assert_false(u.prompting);
	assert_string_equal(u.filter_text, "web-00.$");
	ui_rows(&u, m, 0);
	assert_int_equal(u.n_rows, 10);
	assert_int_equal(u.top, 0);
	/* it can be edited, or given up; what was in force stays so */
	type("f");
	assert_string_equal(u.prompt, "web-00.$");
	assert_int_equal(press(21), UI_NONE); /* Ctrl-U */
	assert_string_equal(u.prompt, "");
	assert_int_equal(press(7), UI_NONE); /* Ctrl-G */
	assert_false(u.prompting);
	ui_rows(&u, m, 0);
	assert_int_equal(u.n_rows, 10);
	type("f");
	assert_int_equal(press(21), UI_NONE);
	key(UI_KEY_ENTER);
	ui_rows(&u, m, 0);
	assert_int_equal(u.n_rows, 50);
	assert_null(u.filter);
	type("f");
	assert_int_equal(press(3), UI_QUIT);
}

static void test_prompt_takes_utf8(void **state)
{
	type("f");
	press(0xe9);
	press(0x20ac);
	press(0x1f600);
	press(0xd800);   /* no character */
	press(0x110000); /* nor this */
	press(0xffffffff);
	press(1);
	assert_string_equal(u.prompt, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	key(UI_KEY_BACKSPACE);
	assert_string_equal(u.prompt, "\xc3\xa9\xe2\x82\xac");
	key(UI_KEY_BACKSPACE);
	key(UI_KEY_BACKSPACE);
	key(UI_KEY_BACKSPACE);
	assert_string_equal(u.prompt, "");
	for (int i = 0; i < 300; i++)
		press(0x20ac);
	assert_true(strlen(u.prompt) <= UI_PROMPT_MAX && utf8_valid(u.prompt, strlen(u.prompt)));
}

/* Any keys at all: what is shown stays within what there is. */
static void test_random_keys(void **state)
{
	struct rng rng;

	rng_init(&rng, 17);
	for (int step = 0; step < 200000; step++) {
		enum ui_key k = (enum ui_key)rng_below(&rng, UI_KEY_OTHER + 1);
		uint32_t c = rng_below(&rng, 20) ? (uint32_t)rng_below(&rng, 128)
						 : (uint32_t)rng_u64(&rng);

		(void)ui_key(&u, k, c, step);
		if (rng_below(&rng, 5) == 0)
			ui_page(&u, rng_below(&rng, 70));
		ui_rows(&u, m, step);
		assert_true(u.n_rows <= vips.n && u.page >= 1 && u.order < ORDER_N);
		assert_true(u.top == 0 || u.top + u.page <= u.n_rows);
		assert_true(utf8_valid(u.prompt, strlen(u.prompt)));
		assert_int_equal(u.filter != NULL, u.filter_text[0] != '\0');
	}
}

int main(void)
{
#define TEST(F) cmocka_unit_test_setup_teardown(F, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_actions),
		TEST(test_scroll),
		TEST(test_sort),
		TEST(test_resort),
		TEST(test_help),
		TEST(test_filter),
		TEST(test_prompt_takes_utf8),
		TEST(test_random_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
