#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fairlead.yaml(5) from docs/configuration.md, so that the two never differ: `make man`.

usage: yaml5.py < configuration.md > fairlead.yaml.5

Knows what that page is written in: headings, paragraphs, lists, fenced code, and tables. The first row
of a table of keys begins with `key`; any other table has two columns.
"""
import re
import sys

HEAD = """\
.\\" SPDX-License-Identifier: GPL-2.0-or-later
.\\" Made from docs/configuration.md by configs/man/yaml5.py: change it there, then run make man.
.TH FAIRLEAD.YAML 5 "" "fairlead" "fairlead"
.SH NAME
fairlead.yaml \\- configuration of the fairlead load balancer
.SH DESCRIPTION
"""
TAIL = """\
.SH FILES
.TP
.I /etc/fairlead/fairlead.yaml
What
.BR fairleadd (8)
reads unless it is told otherwise.
.SH "SEE ALSO"
.BR fairlead (1),
.BR fairleadd (8)
"""


def escape(text):
    """Letters that roff reads as something else."""
    text = text.replace("\\", "\\e").replace("'", "\\(aq").replace("^", "\\(ha").replace("~", "\\(ti")
    text = re.sub("[–—]", lambda m: {"–": "\\(en", "—": "\\(em"}[m.group()], text)
    return re.sub(r"^\.", "\\\\&.", text)


def inline(text):
    """Code becomes italic, with hyphens that can be copied; links leave their text."""
    text = re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", text)
    out = []
    for i, part in enumerate(re.split("`", text)):
        part = escape(part)
        if i % 2:
            part = "\\fI" + part.replace("-", "\\-") + "\\fR"
        else:
            part = re.sub(r"\*\*(.+?)\*\*", r"\\fB\1\\fR", part)
        out.append(part)
    return "".join(out)


def prose(text):
    """A paragraph, one sentence a line."""
    text = " ".join(text.split())
    return [inline(s) for s in re.split(r"(?<=\.) (?=[A-Z`])", text)]


def sentence(text):
    """A cell of a table as a sentence."""
    text = text.strip()
    if not text:
        return []
    if text[0].isalpha():
        text = text[0].upper() + text[1:]
    return prose(text if text.endswith(".") else text + ".")


def cells(row):
    """The cells of a row of a table; a bar within one is written as \\|."""
    row = row.strip().strip("|").replace("\\|", "\0")
    return [c.strip().replace("\0", "|") for c in row.split("|")]


def table(rows):
    """Entries with a tag: keys with value, default and meaning, or words with a meaning."""
    keys = cells(rows[0])[0] == "key"
    out = []
    for row in rows[2:]:
        name, *rest = cells(row)
        out += [".TP", ".B " + escape(name.strip("`")).replace("-", "\\-")]
        if keys:
            value, default, *rest = rest
            if default:
                value += "; required" if default == "required" else f"; default: {default}"
            out += prose(value + ".")
        for text in rest:
            out += sentence(text)
    return out


def kind_of(line):
    """What a line outside of code belongs to; "" separates."""
    for start, kind in (("```", "code"), ("|", "table"), ("- ", "list")):
        if line.startswith(start):
            return kind
    return "text" if line.strip() else ""


def blocks(lines):
    """(kind, lines) of each paragraph, list, table and piece of code."""
    block, kind = [], ""
    for line in [*lines, ""]:
        if kind == "code":
            if not line.startswith("```"):
                block.append(line)
                continue
            yield kind, block
            block, kind = [], ""
            continue
        new = "list" if kind == "list" and line.startswith(" ") else kind_of(line)
        if new != kind and block:
            yield kind, block
            block = []
        kind = new
        if kind not in ("code", ""):
            block.append(line)


def section(lines):
    """The lines between two headings."""
    out = []
    for kind, block in blocks(lines):
        if kind == "table":
            out += table(block)
        elif kind == "code":
            out += [".PP", ".RS", ".EX", *(escape(s).replace("-", "\\-") for s in block), ".EE", ".RE"]
        elif kind == "list":
            for item in re.split(r"^- ", "\n".join(block), flags=re.M)[1:]:
                out += [".IP \\(bu 2", *prose(item)]
        else:
            out += [".PP", *prose(" ".join(block))]
    return out


def page(text):
    """The whole page."""
    out = []
    for part in re.split(r"^(?=##+ )", text.split("\n", 1)[1], flags=re.M):
        lines = part.split("\n")
        if lines[0].startswith("##"):
            level, title = lines.pop(0).split(" ", 1)
            out.append(f'.{"SH" if level == "##" else "SS"} "{escape(title.replace("`", ""))}"')
        body = section(lines)
        out += body[1:] if body[:1] == [".PP"] else body
    return HEAD + "\n".join(out) + "\n" + TAIL


if __name__ == "__main__":
    sys.stdout.write(page(sys.stdin.read()))
