/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report_html.c - the report as a page that can be mailed: no script, nothing from elsewhere. */
#include "cli/report_text.h"

#include <string.h>

static const char head[] =
	"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>Availability</title>\n<style>\n"
	":root { color-scheme: light dark; --line: #8886; --bad: #b3261e; --good: #1b7f3b; }\n"
	"@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #7bd88f; } }\n"
	"body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }\n"
	"table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem; display: block; overflow-x: auto; }\n"
	"th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }\n"
	"th:first-child, td:first-child { text-align: left; }\n"
	".bad { color: var(--bad); font-weight: 600; } .good { color: var(--good); }\n"
	"</style>\n</head>\n<body>\n";

/* Names come from configurations, and this is a page. */
static void print_escaped(const char *text, FILE *out)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			putc(*text, out);
		}
	}
}

static void print_cell(const char *text, const char *class, FILE *out)
{
	fprintf(out, "<td%s%s%s>", class ? " class=\"" : "", class ? class : "", class ? "\"" : "");
	print_escaped(text, out);
	fputs("</td>", out);
}

static void print_span(const json_t *w, const char *key, FILE *out)
{
	char text[REPORT_TEXT_LEN];

	print_cell(report_text__span(report_text__number(w, key), text), NULL, out);
}

static void print_row(const char *name, const json_t *w, double target, FILE *out)
{
	const json_t *percent = json_object_get(w, "percent");
	char text[REPORT_TEXT_LEN];

	fputs("<tr><td>", out);
	print_escaped(name, out);
	fputs("</td>", out);
	print_cell(report_text__percent(w, text),
		   !json_is_number(percent)		 ? NULL
		   : json_number_value(percent) < target ? "bad"
							 : "good",
		   out);
	print_cell(report_text__nines(w, text), NULL, out);
	print_span(w, "down_s", out);
	fprintf(out, "<td>%lld</td>", (long long)json_integer_value(json_object_get(w, "outages")));
	print_span(w, "longest_s", out);
	print_span(w, "unknown_s", out);
	print_span(w, "out_s", out);
	fputs("</tr>\n", out);
}

static void print_windows(const json_t *service, double target, FILE *out)
{
	char text[REPORT_TEXT_LEN];
	const json_t *w;
	size_t i;

	fprintf(out,
		"<table>\n<tr><th>last</th><th>available</th><th>down</th><th>budget of %g%%</th>"
		"<th>left</th></tr>\n",
		target);
	json_array_foreach (json_object_get(service, "windows"), i, w) {
		double left = report_text__number(w, "left_s");

		if (i == 0)
			continue; /* what was asked for has a table of its own */
		fputs("<tr><td>", out);
		print_escaped(report_text__string(w, "window"), out);
		fputs("</td>", out);
		print_cell(report_text__percent(w, text), NULL, out);
		print_span(w, "down_s", out);
		print_span(w, "budget_s", out);
		print_cell(report_text__span(left, text), left < 0 ? "bad" : "good", out);
		fputs("</tr>\n", out);
	}
	fputs("</table>\n", out);
}

void report_html__print(const json_t *report, FILE *out)
{
	double target = report_text__number(report, "target_percent");
	const json_t *service, *backend;
	size_t i, k;

	fputs(head, out);
	fputs("<h1>Availability</h1>\n<p>", out);
	print_escaped(report_text__string(report, "from"), out);
	fputs(" to ", out);
	print_escaped(report_text__string(report, "to"), out);
	fprintf(out,
		", target %g%%. Available is the part of the time that was watched; what was not is "
		"<em>unknown</em>, and what an operator took <em>out</em> counts for neither.</p>\n",
		target);
	json_array_foreach (json_object_get(report, "services"), i, service) {
		const char *vip = report_text__string(service, "vip");

		fputs("<h2>", out);
		print_escaped(report_text__string(service, "name"), out);
		fputs("</h2>\n", out);
		if (*vip) {
			fputs("<p>", out);
			print_escaped(vip, out);
			fputs("</p>\n", out);
		}
		fputs("<table>\n<tr><th></th><th>available</th><th>nines</th><th>down</th>"
		      "<th>outages</th><th>longest</th><th>unknown</th><th>out</th></tr>\n",
		      out);
		print_row("the service", json_array_get(json_object_get(service, "windows"), 0),
			  target, out);
		json_array_foreach (json_object_get(service, "backends"), k, backend) {
			print_row(report_text__string(backend, "id"), backend, target, out);
		}
		fputs("</table>\n", out);
		print_windows(service, target, out);
	}
	if (!i)
		fputs("<p>The journal knows of no service in that time.</p>\n", out);
	fputs("</body>\n</html>\n", out);
}
