/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/report_text.h"

#include <math.h>
#include <string.h>

#include "cli/format.h"

double report_text__number(const json_t *window, const char *key)
{
	return json_number_value(json_object_get(window, key));
}

const char *report_text__string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

const char *report_text__percent(const json_t *window, char *buf)
{
	const json_t *percent = json_object_get(window, "percent");
	/* What is one down to the last bit must not be 99.9999. */
	double value = floor(json_number_value(percent) * 1e4 + 1e-7) / 1e4;

	if (!json_is_number(percent))
		snprintf(buf, REPORT_TEXT_LEN, "-");
	else if (report_text__number(window, "down_s") > 0 && value >= 100)
		snprintf(buf, REPORT_TEXT_LEN, "99.9999%%");
	else
		snprintf(buf, REPORT_TEXT_LEN, value >= 100 ? "%.0f%%" : "%.4f%%", value);
	return buf;
}

const char *report_text__nines(const json_t *window, char *buf)
{
	const json_t *nines = json_object_get(window, "nines");

	if (json_is_number(nines))
		snprintf(buf, REPORT_TEXT_LEN, "%.1f",
			 floor(json_number_value(nines) * 10 + 1e-7) / 10);
	else
		snprintf(buf, REPORT_TEXT_LEN,
			 json_is_number(json_object_get(window, "percent")) ? "all" : "-");
	return buf;
}

const char *report_text__span(double seconds, char *buf)
{
	char text[FORMAT_LEN];
	double s = fabs(seconds);

	if (s < 0.0005)
		snprintf(text, sizeof(text), "0");
	else if (s < 1)
		snprintf(text, sizeof(text), "%.0fms", s * 1000);
	else if (s < 60)
		snprintf(text, sizeof(text), "%.1fs", s);
	else
		format__duration(s, text);
	snprintf(buf, REPORT_TEXT_LEN, "%s%s", seconds <= -0.0005 ? "-" : "", text);
	return buf;
}
