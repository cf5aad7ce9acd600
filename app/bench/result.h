/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file result.h
 * What a bench found: figures of polltcp and of what it is compared with, ratios, targets; as a table and as JSON.
 *
 * A figure has one value for each repetition. Names, units, sides and texts are kept as pointers unless said otherwise.
 */
#ifndef APP_BENCH_RESULT_H
#define APP_BENCH_RESULT_H

#include <stdbool.h>

#include <jansson.h>

#define RESULT_FIGURES_MAX 256
#define RESULT_RUNS_MAX    100
#define RESULT_RATIOS_MAX  64
#define RESULT_TARGETS_MAX 32
#define RESULT_NOTES_MAX   16
#define RESULT_NAME_MAX    48
#define RESULT_NOTE_MAX    256

/** One quantity of one side. */
struct figure {
	const char *side; /**< NULL: polltcp */
	char name[RESULT_NAME_MAX];
	const char *unit;
	unsigned int n;
	double run[RESULT_RUNS_MAX];
};

/** How often polltcp's figure is better than that of another side. */
struct ratio {
	char name[2 * RESULT_NAME_MAX]; /**< "side:figure" */
	const struct figure *ours;
	const struct figure *theirs;
	bool less; /**< less is better: theirs / ours, else ours / theirs */
};

struct target {
	const char *text;
	const char *of; /**< name of a ratio, or of a figure of polltcp */
	bool at_most;
	double value;
};

/** All zero: empty. */
struct result {
	struct figure figure[RESULT_FIGURES_MAX];
	struct ratio ratio[RESULT_RATIOS_MAX];
	struct target target[RESULT_TARGETS_MAX];
	char note[RESULT_NOTES_MAX][RESULT_NOTE_MAX];
	unsigned int n_figures, n_ratios, n_targets, n_notes;
};

/** Add one repetition's value to a figure, which begins with its first value. @p name is copied. */
void result_add(struct result *r, const char *side, const char *name, const char *unit,
		double value);

/** NULL when there is none. @param side NULL: polltcp */
const struct figure *result_figure(const struct result *r, const char *side, const char *name);

/** The middle value, or the mean of the two in the middle. Of an empty figure 0. */
double figure_median(const struct figure *f);
double figure_min(const struct figure *f);
double figure_max(const struct figure *f);

/**
 * Compare the medians of a figure with those of another side; nothing when one of them was not measured.
 * @param ours   name of polltcp's figure
 * @param less   less is better
 * The ratio's name is "side:theirs".
 */
void result_ratio(struct result *r, const char *ours, const char *side, const char *theirs,
		bool less);

double ratio_value(const struct ratio *ratio);

/** Ask for a figure of polltcp or a ratio to be at most or at least a value. @p of need not be there. */
void result_target(struct result *r, const char *text, const char *of, bool at_most, double value);

/** @return whether what the target is about was measured, and then what it is. */
bool target_value(const struct result *r, const struct target *t, double *value);

/** Measured, and as asked for. */
bool target_met(const struct result *r, const struct target *t);

/** All of them are met; there is at least one. */
bool result_met(const struct result *r);

/** A sentence that belongs to the figures: what was not measured and why. Copied, cut at RESULT_NOTE_MAX. */
__attribute__((format(printf, 2, 3))) void result_note(struct result *r, const char *format, ...);

/** Everything for people. @param hz cycles a second of the column beside nanoseconds; 0: leave it out */
void result_print(const struct result *r, double hz);

/**
 * {"bench","commit","machine","config","runs":[...],"median":{...},"compared":{NAME:{...}},"ratio":{NAME:x},
 * "target":{...},"met":true|false}. Units and notes go into config. What is not finite is null.
 * @param machine, config  taken over
 */
json_t *result_json(const struct result *r, const char *bench, const char *commit, json_t *machine,
		json_t *config);

#endif
