# SPDX-License-Identifier: GPL-2.0-or-later
"""A network of namespaces with real clients, backends and an agent: for the demo and the tests."""
