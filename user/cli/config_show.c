/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/config_show.h"

#include <jansson.h>

#include "cli/client.h"
#include "cli/json_out.h"

int config_show__run(const struct cli *cli, const char *version, bool json)
{
	struct err err = {0};
	json_t *reply = NULL;
	const json_t *text;
	char path[64];
	int rc;

	snprintf(path, sizeof(path), "/v1/config/text?version=%.20s", version);
	rc = client__request(cli->socket, "GET", path, &reply, &err);
	text = json_object_get(reply, "text");
	if (rc) {
		fputs("fairlead config show: ", stderr);
		cli__print_text(stderr, err.text);
		putc('\n', stderr);
	} else if (json) {
		json_out__print(reply);
	} else {
		fwrite(json_string_value(text), 1, json_string_length(text), stdout);
	}
	json_decref(reply);
	return rc ? CLI_FAILED : CLI_OK;
}
