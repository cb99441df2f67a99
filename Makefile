# SPDX-License-Identifier: GPL-2.0-or-later
# fairlead: `make demo` shows it, `make check` proves it, `make help` lists the rest.

include common.mk

.PHONY: all help
all: $(BUILD)/fairleadd $(BUILD)/fairlead $(BPF_OBJS)

include mk/bpf.mk
include mk/user.mk
include mk/test.mk
-include mk/packet.mk
-include mk/model.mk
-include mk/move.mk
-include mk/native.mk
-include mk/fuzz.mk
-include mk/bench.mk
include mk/quality.mk
-include mk/vm.mk
include mk/install.mk
include mk/deb.mk
include mk/flood.mk
-include mk/transition.mk
include mk/health.mk
include mk/failover.mk

help:
	@sed -n 's/^#: //p' $(MAKEFILE_LIST)

.PHONY: clean
#: make clean       remove the build folder
clean:
	rm -rf build

-include $(shell find $(BUILD) -path $(BUILD)/deb -prune -o -type f -name '*.d' -print 2>/dev/null)
