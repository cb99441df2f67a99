/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scene_links.h - the ports of the scene's machine, and where its routes lead. */
#ifndef FAIRLEAD_TESTS_NATIVE_SCENE_LINKS_H
#define FAIRLEAD_TESTS_NATIVE_SCENE_LINKS_H

#include "fairlead/abi.h"

/* How a next hop by the VLAN device is tagged. */
#define TAG_77 (FL_HOP_TAG | 77)

/* Fills the maps of ports, and lets the kernel find routes. */
void scene_links__add(void);

#endif
