/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The benchmark's main program.
 *
 *	bench [--filter TEXT] [--quick] [--csv FILE] [--counts FILE] [--count]
 *
 * --filter: cases whose name contains TEXT. --csv: one line a case, for machines. --counts: lines of
 * `CASE|FORMAT|OPS|INSTRUCTIONS`, as made of a run with --count under valgrind (see run.sh).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define COUNTS_MAX 512u

static const struct bench_topic *const topics[] = {
	&bench_map, &bench_fault, &bench_query, &bench_guest, &bench_region,
};

static struct options {
	const char *filter;
	const char *csv;
	const char *counts;
	bool quick;
	bool count;
} options;

static struct {
	char key[256];
	double instructions;
} counted[COUNTS_MAX];
static size_t counts;

static void parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--quick") == 0) {
			options.quick = true;
			continue;
		}
		if (strcmp(argv[i], "--count") == 0) {
			options.count = true;
			continue;
		}
		bench_check(value != NULL, "an argument with a value");
		if (strcmp(argv[i], "--filter") == 0)
			options.filter = value;
		else if (strcmp(argv[i], "--csv") == 0)
			options.csv = value;
		else if (strcmp(argv[i], "--counts") == 0)
			options.counts = value;
		else
			bench_check(false, "an argument that there is");
		i++;
	}
}

static void read_counts(void)
{
	FILE *file = options.counts ? fopen(options.counts, "r") : NULL;
	char line[256];

	while (file && counts < COUNTS_MAX && fgets(line, sizeof(line), file)) {
		char *total = strrchr(line, '|');
		char *ops;

		if (!total)
			continue;
		*total++ = 0;
		ops = strrchr(line, '|');
		*ops++ = 0;
		snprintf(counted[counts].key, sizeof(counted[counts].key), "%s", line);
		counted[counts++].instructions = atof(total) / atof(ops);
	}
	if (file)
		fclose(file);
}

/* Instructions an operation, or 0 when they were not counted. */
static double instructions_of(const struct bench *b)
{
	char key[128];

	snprintf(key, sizeof(key), "%s|%s", b->of->name, b->format->name);
	for (size_t i = 0; i < counts; i++) {
		if (strcmp(counted[i].key, key) == 0)
			return counted[i].instructions;
	}
	return 0;
}

/* "ok", "MISS", or nothing where there is no target or nothing to judge it by. */
static const char *verdict(const struct bench_case *of, const struct bench_result *result,
			   double instructions)
{
	if ((of->ratio > 0 && result->ratio > of->ratio) ||
	    (of->nanos > 0 && result->median > of->nanos) ||
	    (of->instructions > 0 && instructions > of->instructions))
		return "MISS";
	if (of->ratio > 0 || of->nanos > 0 || (of->instructions > 0 && instructions > 0))
		return "ok";
	return "";
}

static void print_number(double value, int width, int digits)
{
	if (value > 0)
		printf(" %*.*f", width, digits, value);
	else
		printf(" %*s", width, "");
}

static void print_target(const struct bench_case *of)
{
	char text[64] = "";
	size_t used = 0;

	if (of->ratio > 0)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " x%g", of->ratio);
	if (of->nanos > 0)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %gns", of->nanos);
	if (of->instructions > 0)
		snprintf(text + used, sizeof(text) - used, " %gi", of->instructions);
	printf(" %9s", text);
}

static void print_result(const struct bench *b, const struct bench_result *result,
			 double instructions)
{
	const char *format = b->of->one_format ? "-" : b->format->name;

	printf("%-37s %-7s", b->of->name, format);
	print_number(result->median, 9, 2);
	print_number(result->limit, 8, 2);
	print_number(result->ratio, 7, 3);
	print_number(result->textbook_ratio, 8, 2);
	print_number(instructions, 7, 1);
	print_target(b->of);
	printf(" %s\n", verdict(b->of, result, instructions));
	fflush(stdout);
}

static void write_result(FILE *csv, const struct bench *b, const struct bench_result *result,
			 double instructions)
{
	if (!csv)
		return;
	fprintf(csv, "\"%s\",%s,%s,%.3f,%.3f,%.3f,%.3f,%.4f,%.3f,%.4f,%.1f,%g,%g,%g,%s\n",
		b->of->name, b->of->one_format ? "-" : b->format->name, b->of->unit, result->median,
		result->min, result->max, result->limit, result->ratio, result->textbook,
		result->textbook_ratio, instructions, b->of->ratio, b->of->nanos,
		b->of->instructions, verdict(b->of, result, instructions));
}

/* Twice the turns that are needed for a median on a quiet machine. */
static unsigned turns(void)
{
	return options.quick ? 9 : 31;
}

static void run_case(const struct bench_case *of, FILE *csv)
{
	for (size_t i = 0; i < (of->one_format ? 1 : bench_format_count); i++) {
		struct bench *b = calloc(1, sizeof(*b));

		bench_port_reset();
		b->format = &bench_formats[i];
		b->of = of;
		if (of->set_up)
			of->set_up(b);
		if (options.count) {
			bench_count(b);
		} else {
			struct bench_result result = bench_measure(b, turns());
			double instructions = instructions_of(b);

			print_result(b, &result, instructions);
			write_result(csv, b, &result, instructions);
		}
		if (of->tear_down)
			of->tear_down(b);
		free(b->frames.hpa);
		free(b->order);
		free(b);
	}
}

static void print_head(void)
{
	printf("%-37s %-7s %9s %8s %7s %8s %7s %9s\n", "", "format", "ns", "limit", "ratio",
	       "textbook", "instr.", "target");
}

int main(int argc, char **argv)
{
	FILE *csv;

	parse(argc, argv);
	read_counts();
	bench_port_open();
	csv = options.csv ? fopen(options.csv, "w") : NULL;
	if (csv)
		fprintf(csv,
			"name,format,unit,median_ns,min_ns,max_ns,limit_ns,ratio,textbook_ns,"
			"textbook_ratio,instructions,target_ratio,target_ns,target_instructions,"
			"verdict\n");
	if (!options.count)
		print_head();
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
		for (size_t j = 0; j < topics[i]->count; j++) {
			const struct bench_case *of = &topics[i]->cases[j];

			if (!options.filter || strstr(of->name, options.filter))
				run_case(of, csv);
		}
	}
	if (csv)
		fclose(csv);
	if (options.filter || options.count)
		return 0;
	bench_growth();
	return bench_table_frames() ? 0 : 1;
}
