# SPDX-License-Identifier: GPL-2.0-or-later
# What the machine needs, and where things go on it.

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= /lib/systemd/system
# Debian's zsh looks for what packages bring in another folder than for what was built on the machine.
ZSHDIR ?= $(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)

.PHONY: deps install
#: make deps        install the packages that are missing (Debian 12, 13, Ubuntu 24.04; root)
deps:
	@tests/deps.sh

#: make install     binaries, decapsulation object, unit, man pages, completion, alert rules, dashboard (DESTDIR=, PREFIX=)
install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/fairlead
	install -m 755 $(BUILD)/fairleadd $(DESTDIR)$(PREFIX)/sbin/
	install -m 755 $(BUILD)/fairlead $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(BUILD)/bpf/decap.bpf.o $(DESTDIR)$(PREFIX)/lib/fairlead/
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 \
		$(DESTDIR)$(PREFIX)/share/man/man8
	install -m 644 configs/man/fairlead.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 configs/man/fairlead.yaml.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	install -m 644 configs/man/fairleadd.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(SYSCONFDIR)/fairlead
	install -m 644 configs/completion/fairlead \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/fairlead
	install -d $(DESTDIR)$(ZSHDIR)
	install -m 644 configs/completion/_fairlead $(DESTDIR)$(ZSHDIR)/
	install -m 640 configs/examples/minimal.yaml \
		$(DESTDIR)$(SYSCONFDIR)/fairlead/fairlead.yaml.example
	install -d $(DESTDIR)$(PREFIX)/share/fairlead
	install -m 644 configs/prometheus/fairlead.rules.yml configs/grafana/fairlead.json \
		$(DESTDIR)$(PREFIX)/share/fairlead/
	install -d $(DESTDIR)$(UNITDIR)
	sed 's,@SBIN@,$(PREFIX)/sbin,' configs/systemd/fairleadd.service \
		> $(DESTDIR)$(UNITDIR)/fairleadd.service
