/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <string.h>

#include "bench/result.h"
#include "test.h"

static struct result r;

static void
begin(void)
{
	memset(&r, 0, sizeof(r));
}

/* All values of one figure. */
static void
add(const char *side, const char *name, const double *value, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		result_add(&r, side, name, "ns", value[i]);
}

static void
median_of_odd_and_even(void)
{
	static const double odd[] = {9, 1, 5}, even[] = {4, 10, 1, 2}, one[] = {-3};

	begin();
	add(NULL, "odd", odd, 3);
	add(NULL, "even", even, 4);
	add(NULL, "one", one, 1);
	CU_ASSERT_EQUAL(figure_median(result_figure(&r, NULL, "odd")), 5);
	CU_ASSERT_EQUAL(figure_median(result_figure(&r, NULL, "even")), 3);
	CU_ASSERT_EQUAL(figure_median(result_figure(&r, NULL, "one")), -3);
	CU_ASSERT_EQUAL(figure_min(result_figure(&r, NULL, "even")), 1);
	CU_ASSERT_EQUAL(figure_max(result_figure(&r, NULL, "even")), 10);
	CU_ASSERT_EQUAL(figure_min(result_figure(&r, NULL, "one")), -3);
	CU_ASSERT_EQUAL(figure_max(result_figure(&r, NULL, "one")), -3);
	/* the values stay as they came */
	CU_ASSERT_EQUAL(result_figure(&r, NULL, "odd")->run[0], 9);
}

static void
sides_have_figures_of_their_own(void)
{
	static const double ours[] = {2}, theirs[] = {6, 8};

	begin();
	add(NULL, "arm", ours, 1);
	add("other", "arm", theirs, 2);
	CU_ASSERT_EQUAL(r.n_figures, 2);
	CU_ASSERT_EQUAL(result_figure(&r, NULL, "arm")->n, 1);
	CU_ASSERT_EQUAL(result_figure(&r, "other", "arm")->n, 2);
	CU_ASSERT_PTR_NULL(result_figure(&r, "another", "arm"));
	CU_ASSERT_PTR_NULL(result_figure(&r, NULL, "disarm"));
}

static void
more_runs_than_fit_are_left_out(void)
{
	begin();
	for (int i = 0; i < RESULT_RUNS_MAX + 5; i++)
		result_add(&r, NULL, "a", "ns", i);
	CU_ASSERT_EQUAL(result_figure(&r, NULL, "a")->n, RESULT_RUNS_MAX);
	CU_ASSERT_EQUAL(figure_max(result_figure(&r, NULL, "a")), RESULT_RUNS_MAX - 1);
}

static void
ratio_says_how_much_better_we_are(void)
{
	static const double ours[] = {2, 2, 50}, theirs[] = {8, 100, 8};

	begin();
	add(NULL, "ns", ours, 3);
	add("other", "ns", theirs, 3);
	result_ratio(&r, "ns", "other", "ns", true);
	result_ratio(&r, "ns", "other", "ns", false);
	result_ratio(&r, "ns", "nobody", "ns", true);
	result_ratio(&r, "nothing", "other", "ns", true);
	CU_ASSERT_EQUAL_FATAL(r.n_ratios, 2);
	CU_ASSERT_STRING_EQUAL(r.ratio[0].name, "other:ns");
	CU_ASSERT_EQUAL(ratio_value(&r.ratio[0]), 4);
	CU_ASSERT_EQUAL(ratio_value(&r.ratio[1]), 0.25);
}

static void
targets_are_met_at_their_bound(void)
{
	static const double value[] = {5};
	double is = 0;

	begin();
	add(NULL, "a", value, 1);
	result_target(&r, "t", "a", true, 5);
	result_target(&r, "t", "a", false, 5);
	result_target(&r, "t", "a", true, 4.99);
	result_target(&r, "t", "a", false, 5.01);
	CU_ASSERT_TRUE(target_met(&r, &r.target[0]));
	CU_ASSERT_TRUE(target_met(&r, &r.target[1]));
	CU_ASSERT_FALSE(target_met(&r, &r.target[2]));
	CU_ASSERT_FALSE(target_met(&r, &r.target[3]));
	CU_ASSERT_TRUE(target_value(&r, &r.target[2], &is));
	CU_ASSERT_EQUAL(is, 5);
	CU_ASSERT_FALSE(result_met(&r));
}

static void
met_needs_every_target_and_one_at_least(void)
{
	static const double value[] = {5}, theirs[] = {10};

	begin();
	add(NULL, "a", value, 1);
	add("other", "a", theirs, 1);
	CU_ASSERT_FALSE(result_met(&r));
	result_ratio(&r, "a", "other", "a", true);
	result_target(&r, "t", "other:a", false, 2);
	result_target(&r, "t", "a", true, 6);
	CU_ASSERT_TRUE(result_met(&r));
	/* what was not measured is not met, and a figure of another side alone is none of ours */
	result_target(&r, "t", "b", true, 6);
	CU_ASSERT_FALSE(result_met(&r));
	begin();
	add("other", "a", theirs, 1);
	result_target(&r, "t", "a", true, 100);
	CU_ASSERT_FALSE(result_met(&r));
}

static void
what_is_not_finite_meets_nothing(void)
{
	static const double zero[] = {0}, theirs[] = {10};
	double is;

	begin();
	add(NULL, "a", zero, 1);
	add("other", "a", theirs, 1);
	result_ratio(&r, "a", "other", "a", true);
	result_target(&r, "t", "other:a", false, 2);
	CU_ASSERT_FALSE(target_value(&r, &r.target[0], &is));
	CU_ASSERT_FALSE(result_met(&r));
}

static void
json_has_the_keys_of_every_bench(void)
{
	static const char *const keys[] = {"bench", "commit", "machine", "config", "runs", "median",
			"compared", "ratio", "target", "met"};
	static const double ours[] = {1, 3}, theirs[] = {8};
	json_t *json, *target;

	begin();
	add(NULL, "a", ours, 2);
	add("other", "a", theirs, 1);
	result_ratio(&r, "a", "other", "a", true);
	result_target(&r, "text", "other:a", false, 4);
	result_target(&r, "unknown", "b", false, 4);
	result_note(&r, "a note of %d", 1);
	json = result_json(&r, "name", "c0ffee", json_object(), json_object());
	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	CU_ASSERT_EQUAL(json_object_size(json), sizeof(keys) / sizeof(keys[0]));
	for (unsigned int i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		CU_ASSERT_PTR_NOT_NULL(json_object_get(json, keys[i]));
	CU_ASSERT_EQUAL(json_array_size(json_object_get(json, "runs")), 2);
	CU_ASSERT_EQUAL(json_real_value(json_object_get(json_object_get(json, "median"), "a")), 2);
	CU_ASSERT_EQUAL(json_real_value(json_object_get(json_object_get(json, "ratio"), "other:a")),
			4);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(
					json_object_get(json_object_get(json, "compared"), "other"),
					"runs")),
			1);
	target = json_object_get(json_object_get(json, "target"), "other:a");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(target, "op")), ">=");
	CU_ASSERT_TRUE(json_is_true(json_object_get(target, "met")));
	target = json_object_get(json_object_get(json, "target"), "b");
	CU_ASSERT_TRUE(json_is_null(json_object_get(target, "is")));
	CU_ASSERT_TRUE(json_is_false(json_object_get(target, "met")));
	CU_ASSERT_TRUE(json_is_false(json_object_get(json, "met")));
	json_decref(json);
}

static CU_TestInfo tests[] = {
		TEST(median_of_odd_and_even),
		TEST(sides_have_figures_of_their_own),
		TEST(more_runs_than_fit_are_left_out),
		TEST(ratio_says_how_much_better_we_are),
		TEST(targets_are_met_at_their_bound),
		TEST(met_needs_every_target_and_one_at_least),
		TEST(what_is_not_finite_meets_nothing),
		TEST(json_has_the_keys_of_every_bench),
		CU_TEST_INFO_NULL,
};

TEST_MAIN("bench_result", tests)
