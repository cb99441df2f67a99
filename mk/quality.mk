# SPDX-License-Identifier: GPL-2.0-or-later
# Format, lint, coverage.

C_FILES = $(shell git ls-files '*.c' '*.h' | grep -v '^vmlinux/')
TIDY_FILES = $(shell git ls-files 'user/*.c')
SHELL_FILES = $(shell git ls-files '*.sh' '.ci/run' 'debian/fairlead.p*')

.PHONY: format lint lint-format lint-tidy lint-cppcheck lint-shell lint-python lint-man coverage
#: make format      clang-format everything
format:
	@clang-format -i $(C_FILES)

#: make lint        clang-format, clang-tidy, cppcheck, shellcheck, python, man pages
lint: lint-format lint-cppcheck lint-shell lint-python lint-man lint-tidy

lint-format:
	@clang-format --dry-run -Werror $(C_FILES)

# clang-tidy needs the skeletons; .clang-tidy says which checks and why the others are off.
lint-tidy: $(BPF_SKELS)
	@echo $(TIDY_FILES) | xargs -n 4 -P $$(nproc) sh -c \
		'clang-tidy --quiet --warnings-as-errors="*" "$$@" -- -std=gnu11 -D_GNU_SOURCE \
		-DFAIRLEAD_VERSION=\"$(VERSION)\" -Iuser -Iinclude -isystem $(BUILD)/bpf 2>/dev/null' tidy

# Two system headers are read for their macros; the rest cppcheck knows or can do without.
CPPCHECK_HEADERS := $(firstword $(wildcard /usr/include/*/sys/queue.h /usr/include/sys/queue.h)) \
	/usr/include/bpf/libbpf_common.h

lint-cppcheck:
	@cppcheck $(CPPCHECK_HEADERS:%=--include=%) --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 -j $$(nproc) -Iuser -Iinclude -D_GNU_SOURCE \
		-DFAIRLEAD_VERSION='"$(VERSION)"' user

lint-shell:
	@shellcheck $(SHELL_FILES) configs/completion/fairlead

MAN_PAGES = $(wildcard configs/man/*.[158])

# man says what it does not like on standard error, and succeeds.
lint-man:
	@for page in $(MAN_PAGES); do \
		LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z $$page 2>&1 \
			>/dev/null | sed "s,^,$$page: ,"; \
	done | { ! grep .; }

.PHONY: man openapi
#: make openapi     docs/openapi.json from docs/api.md
openapi:
	@$(PYTHON) -B docs/openapi.py $(VERSION) <docs/api.md >docs/openapi.json.new
	@mv docs/openapi.json.new docs/openapi.json

#: make man         fairlead.yaml(5) from docs/configuration.md
man:
	@$(PYTHON) -B configs/man/yaml5.py <docs/configuration.md >configs/man/fairlead.yaml.5

.PHONY: transcripts
#: make transcripts docs/transcripts.md: every verb, tried on two balancers (root)
transcripts: all
	@$(PYTHON) -B tests/demo/transcripts.py $(BUILD) docs/transcripts.md

lint-python:
	@$(PYTHON) -B -c 'import ast, sys; [ast.parse(open(f).read(), f) for f in sys.argv[1:]]' \
		$(shell git ls-files '*.py')

#: make coverage    line coverage of unit, native and end-to-end tests in build/coverage/ (root)
coverage:
	@$(MAKE) --no-print-directory -j$$(nproc) COV=1 all unit native
	@$(MAKE) --no-print-directory COV=1 e2e
	@mkdir -p $(BUILD_ROOT)/coverage
	@gcovr --root . --filter user/ --filter bpf/ $(BUILD_ROOT)/cov --gcov-ignore-parse-errors \
		--html-details $(BUILD_ROOT)/coverage/index.html --print-summary
