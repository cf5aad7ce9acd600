/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/result.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDES_MAX 8

static bool
same_side(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

const struct figure *
result_figure(const struct result *r, const char *side, const char *name)
{
	for (unsigned int i = 0; i < r->n_figures; i++)
		if (same_side(r->figure[i].side, side) && strcmp(r->figure[i].name, name) == 0)
			return &r->figure[i];
	return NULL;
}

void
result_add(struct result *r, const char *side, const char *name, const char *unit, double value)
{
	const struct figure *known = result_figure(r, side, name);
	struct figure *f;

	if (known != NULL) {
		f = &r->figure[known - r->figure];
	} else {
		if (r->n_figures == RESULT_FIGURES_MAX)
			abort(); /* a bench with more figures than there can be is wrong */
		f = &r->figure[r->n_figures++];
		f->side = side;
		f->unit = unit;
		snprintf(f->name, sizeof(f->name), "%s", name);
	}
	if (f->n < RESULT_RUNS_MAX)
		f->run[f->n++] = value;
}

static int
compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
figure_median(const struct figure *f)
{
	double sorted[RESULT_RUNS_MAX];

	if (f->n == 0)
		return 0;
	memcpy(sorted, f->run, f->n * sizeof(sorted[0]));
	qsort(sorted, f->n, sizeof(sorted[0]), compare);
	return (sorted[(f->n - 1) / 2] + sorted[f->n / 2]) / 2;
}

double
figure_min(const struct figure *f)
{
	double min = f->n == 0 ? 0 : f->run[0];

	for (unsigned int i = 1; i < f->n; i++)
		min = f->run[i] < min ? f->run[i] : min;
	return min;
}

double
figure_max(const struct figure *f)
{
	double max = f->n == 0 ? 0 : f->run[0];

	for (unsigned int i = 1; i < f->n; i++)
		max = f->run[i] > max ? f->run[i] : max;
	return max;
}

/* ------------------------------------------------------------------ ratios and targets */

void
result_ratio(struct result *r, const char *ours, const char *side, const char *theirs, bool less)
{
	const struct figure *a = result_figure(r, NULL, ours), *b = result_figure(r, side, theirs);
	struct ratio *ratio;

	if (a == NULL || b == NULL || side == NULL)
		return;
	if (r->n_ratios == RESULT_RATIOS_MAX)
		abort();
	ratio = &r->ratio[r->n_ratios++];
	*ratio = (struct ratio){.ours = a, .theirs = b, .less = less};
	snprintf(ratio->name, sizeof(ratio->name), "%s:%s", side, theirs);
}

double
ratio_value(const struct ratio *ratio)
{
	const double ours = figure_median(ratio->ours), theirs = figure_median(ratio->theirs);

	return ratio->less ? theirs / ours : ours / theirs;
}

void
result_target(struct result *r, const char *text, const char *of, bool at_most, double value)
{
	if (r->n_targets == RESULT_TARGETS_MAX)
		abort();
	r->target[r->n_targets++] = (struct target){text, of, at_most, value};
}

bool
target_value(const struct result *r, const struct target *t, double *value)
{
	const struct figure *f = result_figure(r, NULL, t->of);

	for (unsigned int i = 0; i < r->n_ratios; i++) {
		if (strcmp(r->ratio[i].name, t->of) == 0) {
			*value = ratio_value(&r->ratio[i]);
			return isfinite(*value);
		}
	}
	if (f == NULL)
		return false;
	*value = figure_median(f);
	return isfinite(*value);
}

bool
target_met(const struct result *r, const struct target *t)
{
	double value;

	if (!target_value(r, t, &value))
		return false;
	return t->at_most ? value <= t->value : value >= t->value;
}

bool
result_met(const struct result *r)
{
	for (unsigned int i = 0; i < r->n_targets; i++)
		if (!target_met(r, &r->target[i]))
			return false;
	return r->n_targets > 0;
}

void
result_note(struct result *r, const char *format, ...)
{
	va_list args;

	if (r->n_notes == RESULT_NOTES_MAX)
		return;
	va_start(args, format);
	vsnprintf(r->note[r->n_notes++], RESULT_NOTE_MAX, format, args);
	va_end(args);
}

/* ------------------------------------------------------------------ for people */

/* The sides that polltcp is compared with, in the order in which they came. */
static unsigned int
sides_of(const struct result *r, const char *sides[SIDES_MAX])
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < r->n_figures; i++) {
		bool known = r->figure[i].side == NULL;

		for (unsigned int s = 0; s < n && !known; s++)
			known = same_side(sides[s], r->figure[i].side);
		if (!known && n < SIDES_MAX)
			sides[n++] = r->figure[i].side;
	}
	return n;
}

static const char *
number(double value, char *text, size_t size)
{
	const double big = value < 0 ? -value : value;

	snprintf(text, size, big >= 1000 || value == (double)(long)value ? "%.0f" : "%.3g", value);
	return text;
}

static void
figure_print(const struct result *r, const struct figure *f, double hz)
{
	char median[32], min[32], max[32], spread[72];
	const char *who = f->side == NULL ? "polltcp" : f->side;

	number(figure_median(f), median, sizeof(median));
	number(figure_min(f), min, sizeof(min));
	number(figure_max(f), max, sizeof(max));
	snprintf(spread, sizeof(spread), "%s .. %s", min, max);
	printf("  %-26s %-22s %10s %-9s %-20s", f->name, who, median, f->unit, spread);
	if (hz > 0 && strcmp(f->unit, "ns") == 0)
		printf(" %8.0f cycles", figure_median(f) * hz / 1e9);
	for (unsigned int i = 0; i < r->n_ratios; i++)
		if (r->ratio[i].theirs == f)
			printf("  polltcp: %sx",
					number(ratio_value(&r->ratio[i]), min, sizeof(min)));
	putchar('\n');
}

/* A figure and right below what other sides have under its name. */
static void
figures_print(const struct result *r, double hz)
{
	for (unsigned int i = 0; i < r->n_figures; i++) {
		const struct figure *f = &r->figure[i];

		if (f->side != NULL) {
			if (result_figure(r, NULL, f->name) == NULL)
				figure_print(r, f, hz);
			continue;
		}
		figure_print(r, f, hz);
		for (unsigned int k = 0; k < r->n_figures; k++)
			if (r->figure[k].side != NULL && strcmp(r->figure[k].name, f->name) == 0)
				figure_print(r, &r->figure[k], hz);
	}
}

void
result_print(const struct result *r, double hz)
{
	char is[32], wanted[32];
	double value;

	printf("\n  %-26s %-22s %10s %-9s %s\n", "figure", "side", "median", "unit", "min .. max");
	figures_print(r, hz);
	if (r->n_targets > 0)
		printf("\nTargets:\n");
	for (unsigned int i = 0; i < r->n_targets; i++) {
		const struct target *t = &r->target[i];
		const bool measured = target_value(r, t, &value);

		printf("  %-8s %s: %s %s, is %s\n",
				target_met(r, t)         ? "met" :
						measured ? "MISSED" :
							   "unknown",
				t->text, t->at_most ? "at most" : "at least",
				number(t->value, wanted, sizeof(wanted)),
				measured ? number(value, is, sizeof(is)) : "not measured");
	}
	for (unsigned int i = 0; i < r->n_notes; i++)
		printf("%s%s\n", i == 0 ? "\n" : "", r->note[i]);
}

/* ------------------------------------------------------------------ JSON */

static json_t *
json_number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

/* [{figure: value}], one object for each repetition. */
static json_t *
runs_json(const struct result *r, const char *side)
{
	json_t *runs = json_array();

	for (unsigned int run = 0; run < RESULT_RUNS_MAX; run++) {
		json_t *object = json_object();

		for (unsigned int i = 0; i < r->n_figures; i++)
			if (same_side(r->figure[i].side, side) && run < r->figure[i].n)
				json_object_set_new(object, r->figure[i].name,
						json_number(r->figure[i].run[run]));
		if (json_object_size(object) == 0) {
			json_decref(object);
			break;
		}
		json_array_append_new(runs, object);
	}
	return runs;
}

static json_t *
medians_json(const struct result *r, const char *side)
{
	json_t *object = json_object();

	for (unsigned int i = 0; i < r->n_figures; i++)
		if (same_side(r->figure[i].side, side))
			json_object_set_new(object, r->figure[i].name,
					json_number(figure_median(&r->figure[i])));
	return object;
}

static json_t *
targets_json(const struct result *r)
{
	json_t *object = json_object();

	for (unsigned int i = 0; i < r->n_targets; i++) {
		const struct target *t = &r->target[i];
		double value = NAN;
		const bool measured = target_value(r, t, &value);

		json_object_set_new(object, t->of,
				json_pack("{s:s, s:s, s:f, s:o, s:b}", "text", t->text, "op",
						t->at_most ? "<=" : ">=", "value", t->value, "is",
						measured ? json_real(value) : json_null(), "met",
						(int)target_met(r, t)));
	}
	return object;
}

json_t *
result_json(const struct result *r, const char *bench, const char *commit, json_t *machine,
		json_t *config)
{
	const char *sides[SIDES_MAX];
	const unsigned int n = sides_of(r, sides);
	json_t *compared = json_object(), *ratios = json_object(), *units = json_object();
	json_t *notes = json_array();

	for (unsigned int i = 0; i < n; i++)
		json_object_set_new(compared, sides[i],
				json_pack("{s:o, s:o}", "runs", runs_json(r, sides[i]), "median",
						medians_json(r, sides[i])));
	for (unsigned int i = 0; i < r->n_ratios; i++)
		json_object_set_new(
				ratios, r->ratio[i].name, json_number(ratio_value(&r->ratio[i])));
	for (unsigned int i = 0; i < r->n_figures; i++)
		json_object_set_new(units, r->figure[i].name, json_string(r->figure[i].unit));
	for (unsigned int i = 0; i < r->n_notes; i++)
		json_array_append_new(notes, json_string(r->note[i]));
	json_object_set_new(config, "units", units);
	json_object_set_new(config, "notes", notes);
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "bench", bench,
			"commit", commit, "machine", machine, "config", config, "runs",
			runs_json(r, NULL), "median", medians_json(r, NULL), "compared", compared,
			"ratio", ratios, "target", targets_json(r), "met", (int)result_met(r));
}
