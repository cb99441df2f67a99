# SPDX-License-Identifier: GPL-2.0-or-later
# The Debian package, made in a copy of the tree below the build folder. Its version is VERSION.

DEB_ROOT := $(BUILD_ROOT)/deb
DEB_TREE := $(DEB_ROOT)/fairlead-$(VERSION)
DEB_FILE := $(DEB_ROOT)/fairlead_$(VERSION)_$(shell dpkg --print-architecture 2>/dev/null).deb

.PHONY: deb debcheck
#: make deb         the Debian package, in build/deb/ (PREBUILT=1: of what is built, instead of building anew)
deb: $(if $(PREBUILT),all)
	@tests/deps.sh deb
	@rm -rf $(DEB_TREE) && mkdir -p $(DEB_TREE)
	@tar -c --exclude=./build --exclude=./.git --exclude=__pycache__ . | tar -x -C $(DEB_TREE)
	@printf 'fairlead (%s) unstable; urgency=medium\n\n  * Version %s; docs/upgrade.md.\n\n -- %s  %s\n' \
		'$(VERSION)' '$(VERSION)' "$$(sed -n 's/^Maintainer: //p' debian/control)" \
		"$$(date -R -r common.mk)" >$(DEB_TREE)/debian/changelog
	@cd $(DEB_TREE) && $(if $(PREBUILT),PREBUILT=$(abspath $(BUILD)) DEB_BUILD_OPTIONS="noautodbgsym nostrip") \
		MAKEFLAGS= MAKELEVEL= dpkg-buildpackage -b -us -uc -j$$(nproc) $(if $(PREBUILT),-d) >../build.log 2>&1 || \
		{ tail -n 40 ../build.log >&2; exit 1; }
	@echo $(DEB_FILE)

#: make debcheck    build the package with all its flags; lintian; install and purge it in a fresh Debian (root, network)
debcheck:
	@tests/deps.sh debcheck
	@$(MAKE) --no-print-directory deb PREBUILT=
	@tests/deb/check.sh $(DEB_FILE) $(BUILD_ROOT)/debcheck
