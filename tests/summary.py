#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sums the results of all suites: `N passed, N failed, N skipped`, exit 1 unless all is well.

usage: summary.py RESULTS SKIPS. RESULTS holds JUnit files (pytest's, and cmocka's in folders), a file
failed-suites with the suites whose command failed, NAME.crashed for a binary that left no result.
NAME-again.xml has the tests of NAME.xml that failed and were run once more, alone: what counts is that run.
A test's id is its class, or its file's path below RESULTS, and its name.
"""
import fnmatch
import glob
import os
import sys
import xml.etree.ElementTree as ET


def read_skips(path):
    """[(pattern, reason)]"""
    rows = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                pattern, _, reason = line.strip().partition(" ")
                if not reason.strip():
                    sys.exit(f"{path}: {pattern}: a skip needs its reason")
                rows.append((pattern, reason.strip()))
    return rows


def cases_of(path, results):
    """(id, outcome, text) of every test in a file."""
    try:
        root = ET.parse(path).getroot()
    except ET.ParseError as e:
        yield path, "failed", f"no result: {e}"
        return
    file = os.path.relpath(path, results).replace("-again.xml", ".xml")
    for case in root.iter("testcase"):
        name = f"{case.get('classname') or file}::{case.get('name')}"
        for tag, outcome in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
            found = case.find(tag)
            if found is not None:
                yield name, outcome, found.get("message") or (found.text or "").strip()
                break
        else:
            yield name, "passed", ""


def cases(results):
    """(id, outcome, text) of every test, those that were run again left out."""
    for path in sorted(glob.glob(f"{results}/**/*.xml", recursive=True)):
        if not path.endswith("-again.xml"):
            yield from cases_of(path, results)
    for path in sorted(glob.glob(f"{results}/**/*.crashed", recursive=True)):
        yield path, "failed", "ended without a result"


def first_line(text):
    """Of what a test said."""
    return text.splitlines()[0] if text else ""


def main(results, skips_path):
    """Prints what is not as it should be, then the sums."""
    skips = read_skips(skips_path)
    count = {"passed": 0, "failed": 0, "skipped": 0}
    again = {}
    for path in glob.glob(f"{results}/**/*-again.xml", recursive=True):
        for name, outcome, _ in cases_of(path, results):
            again.setdefault(name, set()).add(outcome)
    for name, outcome, text in cases(results):
        if outcome == "failed" and again.get(name) == {"passed"}:
            print(f"AGAIN  {name} passed alone, and had failed: {first_line(text)}")
            outcome = "passed"
        if outcome == "skipped" and not any(fnmatch.fnmatch(name, p) for p, _ in skips):
            outcome, text = "failed", f"skipped without a reason in {skips_path}: {text}"
        count[outcome] += 1
        if outcome == "failed":
            print(f"FAILED {name}: {first_line(text)}")
    failed_suites = f"{results}/failed-suites"
    if os.path.exists(failed_suites) and not count["failed"]:
        with open(failed_suites, encoding="utf-8") as f:
            for line in f:
                count["failed"] += 1
                print(f"FAILED suite {line.strip()}: it ended badly, its output is above")
    if not count["passed"] and not count["failed"]:
        count["failed"] = 1
        print("FAILED: no test has run")
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
