/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <locale.h>
#include <signal.h>

#include "cli/cli.h"

int main(int argc, char **argv)
{
	setlocale(LC_ALL, "");
	/* An agent that goes away in the middle of a request is an error to report, not to die of. */
	signal(SIGPIPE, SIG_IGN);
	return cli__run(argc, argv);
}
