# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the API's OpenAPI 3.1 document, from the tables of docs/api.md on standard input (`make openapi`).

What an answer holds is told once, there; what is here is how requests are made.
"""
import json
import re
import sys

KINDS = ("string", "integer", "number", "boolean", "object")
ERROR = "error"


def schema_of(kind, text):
    """A field's schema by its row; objects get their properties from the rows below."""
    word = "object" if kind.startswith("object") else kind.split(",")[0]
    if word not in KINDS:
        sys.exit(f"docs/api.md: what is a '{kind}'?")
    schema = {"type": [word, "null"] if "`null`" in text else word}
    if text:
        schema["description"] = text
    return schema


def child(schema, step):
    """The schema of a property or of an array's items, made if it is not there."""
    if step == "[]":
        schema["type"] = "array"
        return schema.setdefault("items", {})
    schema.setdefault("type", "object")
    return schema.setdefault("properties", {}).setdefault(step, {})


def add(root, path, kind, text, optional):
    """One row of the status document, `a.b[].c`; `optional` collects what may be missing."""
    steps = re.findall(r"[^.\[\]]+|\[\]", path)
    if "missing" in kind:
        optional.add(tuple(steps[:-1] if steps[-1] == "[]" else steps))
    at, above = root, None
    for i, step in enumerate(steps):
        above, at = at, child(at, step)
        if step != "[]" and tuple(steps[:i + 1]) not in optional:
            required = above.setdefault("required", [])
            if step not in required:
                required.append(step)
    at.update(schema_of(kind, text))


def close(schema):
    """What is not told of is not there: tests find what is missing here."""
    for part in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        close(part)
    if "properties" in schema:
        schema["additionalProperties"] = False


def section(page, title):
    """The document of a section, whose rows have a field each."""
    root, optional = {"type": "object"}, set()
    table = page.partition(f"## {title}\n")[2].partition("| field | type | meaning |\n")[2].partition("\n\n")[0]
    for path, kind, text in re.findall(r"^\| `(\S+)` \| ([^|]+) \| ?(.*?) ?\|$", table, re.M):
        add(root, path, kind.strip(), text, optional)
    close(root)
    return root


def table(page, what):
    """An object of the smaller tables, whose rows name one field or several."""
    head = f"| {what} | type | meaning |\n"
    rows = page[page.index(head) + len(head):].split("\n\n")[0]
    root, optional = {"type": "object"}, set()
    for names, kind, text in re.findall(r"^\| (\w[\w.\[\], ]*) \| (\w[^|]*) \| ?(.*?) ?\|$", rows, re.M):
        for name in names.split(", "):
            add(root, name, kind.strip(), text, optional)
    close(root)
    return root


def thing(required=None, **properties):
    """An object; all of its properties are there unless `required` says otherwise."""
    return {"type": "object", "properties": properties, "additionalProperties": False,
            "required": list(properties if required is None else required)}


def text(description=None):
    """A string."""
    return {"type": "string", **({"description": description} if description else {})}


def count(least=0, most=None):
    """A whole number."""
    return {"type": "integer", "minimum": least, **({"maximum": most} if most is not None else {})}


def many(items):
    """An array."""
    return {"type": "array", "items": items}


def ref(name):
    """A schema of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def query(name, schema, description, required=False):
    """A parameter behind the question mark."""
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": description}


ID = {"name": "id", "in": "path", "required": True, "schema": text(), "description": "a backend's id"}
SERVICE = query("service", text(), "of that service alone")
PREFIXES = {**query("prefix", many(text()), "addresses or prefixes", True), "explode": True}
REASON = query("reason", text(), "for the history")
LAST = query("n", count(1, 1024), "so many, the last ones")
FLAG = {"type": "string", "enum": ["true", "false"]}
WARNING = text("why the file could not be written, or that this machine has left what is in force on all peers")


def operation(summary, schema, parameters=(), refusals=(400,), kind="application/json"):
    """What a method of a path does."""
    answers = {"200": {"description": "done", "content": {kind: {"schema": schema}}}}
    for code in refusals:
        answers[str(code)] = {"description": "refused",
                              "content": {"application/json": {"schema": ref("Error")}}}
    return {"summary": summary, "responses": answers, **({"parameters": list(parameters)} if parameters else {})}


def pages():
    """The dashboard, and what it asks."""
    page = operation("the dashboard's page", text(), kind="text/html")
    file = operation("what the page consists of", text(), [{**ID, "name": "file", "description": "its name"}], (400, 404),
                     kind="text/javascript")
    file["responses"]["200"]["content"] |= {kind: {"schema": text()} for kind in ("text/css", "image/svg+xml")}
    return {
        "/": {"get": page},
        "/dashboard/{file}": {"get": file},
        "/v1/overview": {"get": operation("the state in short", ref("Overview"),
                                          [query("service", text(), "of that service alone, with its backends")], (400, 404))},
        "/v1/timeline": {"get": operation(
            "states over the last hours", ref("Timeline"),
            [query("hours", {"type": "integer", "enum": [1, 24, 168]}, "else 24")], (400, 503))},
        "/v1/events/stream": {"get": operation(
            "the journal's events as they happen", text(),
            [LAST, query("since", count(), "above that number"),
             {"name": "Last-Event-ID", "in": "header", "required": False, "schema": count(), "description": "likewise"}],
            (400, 503), kind="text/event-stream")},
    }


def paths():
    """Every request."""
    healthz = operation("whether this machine is fit to balance", ref("Health"))
    healthz["responses"]["503"] = {"description": "it is not", "content": {"application/json": {"schema": ref("Health")}}}
    changed = thing(changed=count(), services=many(text()))
    applied = {"applied": {"const": True}, "services": count(), "backends": count()}
    on_peers = {"epoch": count(1), "peers": many(OUTCOME)}
    explain = operation(
        "what would become of a packet: of one with these addresses, or of the frame in the body", ref("Explanation"),
        [query("source", text(), "address and port"), query("destination", text(), "likewise"),
         query("protocol", {"type": "string", "enum": ["tcp", "udp", "sctp", "icmp"]}, "else `tcp`"),
         query("flags", text(), "of TCP, with commas, else `syn`; of UDP `initial`; of SCTP `data`, else `init`"),
         query("interface", text(), "where it comes in; else the first"),
         query("length", count(14, 16384), "of a frame whose rest is zeros")], (400, 500))
    explain["requestBody"] = {"required": False, "content": {"application/octet-stream": {}}}
    compare = operation("what applying the agent's own file, or the configuration in the body, would do",
                        ref("Comparison"), [query("now", FLAG, "as of an apply with it"),
                                            query("version", count(1), "of the history, in place of a body")],
                        (400, 404, 409, 500, 503))
    compare["requestBody"] = {"required": False, "content": {"application/yaml": {}}}
    sources = thing(changed=count(), missing=many(text()))
    captured = thing(data=text(), packets=count(), bytes=count(), seen=count(), skipped=count(), lost=count(),
                     ended={"type": ["string", "null"], "enum": ["packets", "size", "time", "client", None]})
    of_capture = [query("id", count(), "as `start` answered", True)]
    told = {
        **pages(),
        "/metrics": {"get": operation("for Prometheus", text(), kind="text/plain")},
        "/healthz": {"get": healthz},
        "/openapi.json": {"get": operation("this document", {"type": "object"})},
        "/v1/status": {"get": operation("the running state", ref("Status"),
                                        [SERVICE, query("backend", text(), "of backends only that one")])},
        "/v1/rates": {"get": operation(
            "what changes from second to second", ref("Rates"),
            [query("layout", text(), "of an answer before: its names are not told again while they hold"),
             query("known", text(), "likewise: its states")])},
        "/v1/timings": {"get": operation("whether the agent keeps up", ref("Timings"))},
        "/v1/version": {"get": operation("what runs", thing(version=text(), abi=count()))},
        "/v1/config/apply": {"post": operation(
            "reads the agent's own file and applies it",
            thing([*applied], **applied, **on_peers, warning=WARNING),
            [query("now", FLAG, "connections of backends that are gone are given up"), REASON,
             query("peers", FLAG, "on all peers or on none, and not with `now`"),
             query("confirm", count(1000, 86400000), "milliseconds until the one before comes back, unless this one "
                                                     "is confirmed")], (400, 409, 500, 503))},
        "/v1/config/diff": {"post": compare},
        "/v1/config/confirm": {"post": operation("what was applied stays", thing(confirmed={"const": True}),
                                                 (), (400, 409, 503))},
        "/v1/config/rollback": {"post": operation(
            "applies an earlier configuration, and writes it to the agent's file",
            thing([*applied, "version"], **applied, **on_peers, version=count(1), warning=WARNING),
            [query("version", count(1), "which one; else the one before"), REASON,
             query("peers", FLAG, "on all peers or on none")], (400, 404, 409, 500, 503))},
        "/v1/config/history": {"get": operation(
            "what was applied, newest first", thing(versions=many(ref("Version"))),
            [query("n", count(1, 100000), "so many; else 100")], (400, 503))},
        "/v1/config/text": {"get": operation(
            "what the file said in a version, for who may read the agent's file", thing(version=count(1), text=text()),
            [query("version", count(1), "which one", True)], (400, 403, 404, 503))},
        "/v1/backends/{id}": {"get": operation("what the backend still has",
                                               thing(services=many(ref("Backend"))), [ID, SERVICE], (400, 404))},
        "/v1/backends/{id}/weight": {"post": operation(
            "gives the backend a part of its weight", changed,
            [ID, SERVICE, query("percent", count(0, 100), "of its configured weight", True)], (400, 404))},
        "/v1/sources": {"get": operation("who may send", thing(sources=many(ref("Source"))), [SERVICE], (400, 404))},
        "/v1/packets": {"get": operation(
            "packets that the program told of", ref("Packets"),
            [LAST, query("since", count(), "from that number on")])},
        "/v1/events": {"get": operation(
            "the journal's events, oldest first", thing(events=many(ref("Event")), next=count(), more={"type": "boolean"}),
            [LAST, query("since", count(), "above that number"),
             query("kind", text(), "their kinds, with commas"), SERVICE, query("backend", text(), "of that backend"),
             query("after", count(), "not before that, CLOCK_REALTIME in milliseconds"),
             query("wait", count(0, 25000), "so many milliseconds, until there is one")], (400, 503))},
        "/v1/report": {"get": operation(
            "availability", ref("Report"),
            [query("since", count(), "CLOCK_REALTIME in milliseconds; else 30 days ago"),
             query("target", count(0, 1000000), "what is aimed at, in millionths"), SERVICE], (400, 503))},
        "/v1/failover": {"post": operation(
            "another balancer takes over all VRRP groups that are active here", ref("Failover"),
            [query("to", text(), "only if that peer does")], (400, 404, 409, 503))},
        "/v1/alerts/test": {"post": operation(
            "sends a test to destinations of alerts", thing(tests=many(thing(
                name=text(), ok={"type": "boolean"}, detail=text(), ms={"type": "number"}))),
            [query("name", text(), "to that one; else to all")], (400, 404, 409, 500, 503))},
        "/v1/failover/undo": {"post": operation("groups that were handed over may be taken back",
                                                thing(groups=count()))},
        "/v1/explain": {"post": explain},
        "/v1/capture/start": {"post": operation(
            "packets are copied from now on", thing(id=count()),
            [SERVICE, query("backend", text(), "of that backend"), query("source", text(), "an address or a prefix"),
             query("destination", text(), "likewise"),
             query("protocol", {"type": "string", "enum": ["tcp", "udp", "sctp", "icmp", "icmpv6"]}, "else any"),
             query("port", count(1, 65535), "source or destination"),
             query("verdict", text(), "names, or `send`, `drop`, `pass`, with commas"),
             query("snap", count(14, 2048), "bytes of each; else 256"),
             query("rate", count(1, 100000), "packets a second and CPU; else 5000"),
             query("packets", count(1, 10000000), "then it ends; else 10000"),
             query("size", count(65536, 10000000000), "bytes, then it ends; else 67108864"),
             query("time", count(100, 3600000), "milliseconds, then it ends; else 60000")], (400, 404, 409, 500))},
        "/v1/capture/next": {"post": operation("packets since the last call", captured, of_capture, (400, 404, 500))},
        "/v1/capture/stop": {"post": operation("the same, and the capture ends", captured, of_capture,
                                               (400, 404, 409, 500))},
        "/v1/packets/sampling": {"post": operation(
            "how many are told of", thing(flows=count(), drops=count()),
            [query(name, count(0, 1000000000), f"one in so many {name}; 0: none") for name in ("flows", "drops")])},
    }
    for verb in ("drain", "undrain", "disable", "enable"):
        told[f"/v1/backends/{{id}}/{verb}"] = {"post": operation(f"{verb}s the backend", changed, [ID, SERVICE], (400, 404))}
    for verb in ("allow", "deny", "remove"):
        more = [query("monitor", FLAG, "counts them only")] if verb == "deny" else []
        told[f"/v1/sources/{verb}"] = {"post": operation(f"{verb}s sources", sources, [PREFIXES, SERVICE, *more],
                                                         (400, 404, 500))}
    for post in (methods["post"] for methods in told.values() if "post" in methods):
        post["security"] = [{}, {"token": []}]
        for code, why in (("401", "not without the token"), ("403", "the file of tokens can't be used")):
            post["responses"][code] = {"description": why, "content": {"application/json": {"schema": ref("Error")}}}
    return dict(sorted(told.items()))


def explanation(page):
    """The answer to what would become of a packet."""
    root = table(page, "of an explanation")
    told = root["properties"]["backend"]
    root["properties"]["backend"] = {"description": told["description"], "anyOf": [
        {"type": "null"}, ref("Status/properties/services/items/properties/backends/items"),
        thing(id=text(), state={"const": "gone"})]}
    return root


def rates(page):
    """Figures in columns; two of which may be missing as a whole."""
    root = table(page, "of rates")
    backends = root["properties"]["services"]["items"]["properties"]["backends"]["properties"]
    for schema in (root["properties"]["states"], backends["connections_per_s"]):
        schema["type"] = ["array", "null"]
    return root


OUTCOME = thing(name=text(), outcome={"type": "string", "enum": [
    "applied", "late", "failed", "passed over", "refused", "prepared", "no answer"]}, why=text("a sentence, or empty"))
FRAME = ("instance", "version", "abi", "pid", "uptime_s", "config", "lease", "interfaces", "anycast", "bfd", "vrrp", "peers",
         "journal", "records")


def overview(page, state):
    """The state in short: parts of the status document, and a table of its own."""
    root = table(page, "of an overview")
    root["properties"]["services"]["items"]["properties"]["backends"]["type"] = ["array", "null"]
    root["properties"] = {**{k: state["properties"][k] for k in FRAME}, **root["properties"]}
    root["required"] = list(root["properties"])
    return root


def report(page):
    """Availability: of services in all windows, of their backends in one."""
    window = table(page, "of a window")
    backend = thing(**window["properties"], id=text())
    return thing(**{"from": text(), "to": text(), "target_percent": {"type": "number"}}, services=many(thing(
        name=text(), vip={"type": ["string", "null"]}, windows=many(window), backends=many(backend))))


def own_documents(page):
    """What commands print that is no answer of the agent's as it is."""
    traced = explanation(page)
    traced["properties"]["packet"] = count(1)
    traced["required"].append("packet")
    return {
        "status --service": ref("Status/properties/services/items"), "alerts": ref("Status/properties/alerts"),
        "packets --follow": ref("Packets/properties/packets/items"), "events": ref("Event"), "explain --from": traced,
        "capture": table(page, "of a capture that has ended"), "config check": table(page, "of a check"),
        "doctor": section(page, "The doctor's document"), "bench": table(page, "of a measurement"),
        "import": table(page, "of an import"), "version": table(page, "of versions"),
    }


def commands(page):
    """What `fairlead` prints with --json, by command: one document, or one a line."""
    own, answers, told = own_documents(page), paths(), {}
    rows = page.partition("| command | prints |")[2].partition("\n\n")[0]
    for names, what in re.findall(r"^\| (`.+?`) \| (.*?) \|$", rows, re.M):
        answer = re.match(r"the (?:last )?answer to `(GET|POST) (\S+?)`", what)
        for name in re.findall("`([^`]+)`", names):
            if answer:
                operations = answers[answer[2].replace("ID", "{id}")][answer[1].lower()]
                told[name] = operations["responses"]["200"]["content"]["application/json"]["schema"]
            else:
                told[name] = own.pop(name)
    if own:
        sys.exit(f"docs/api.md: no row for {', '.join(own)}")
    return told


def document(page, version):
    """All of it."""
    state = section(page, "The status document")
    timings = thing(**{k: state["properties"][k] for k in ("loop", "probes", "tables")})
    return {
        "openapi": "3.1.0",
        "info": {"title": "fairlead", "version": version,
                 "description": "HTTP over the agent's unix socket; a TCP listener answers some reads only. "
                                "docs/api.md says the rest.",
                 "license": {"name": "GPL-2.0-or-later", "identifier": "GPL-2.0-or-later"}},
        "paths": paths(),
        "x-commands": commands(page),
        "components": {"securitySchemes": {"token": {
            "type": "http", "scheme": "bearer",
            "description": "where `api.token_file` is configured, every request that takes POST needs it"}}, "schemas": {
            "Status": state, "Timings": timings, "Rates": rates(page),
            "Overview": overview(page, state), "Timeline": table(page, "of a timeline"),
            "Backend": table(page, "of a backend in a service"), "Source": table(page, "of a source"),
            "Packets": thing(packets=many(table(page, "of a packet")), next=count(), missed=count(),
                             flows=count(), drops=count()),
            "Explanation": explanation(page), "Event": table(page, "of an event"),
            "Version": table(page, "of a version"), "Comparison": table(page, "of a comparison"), "Report": report(page),
            "Failover": thing(groups=many(thing(name=text(), active=text(), active_priority=count()))),
            "Health": thing(ok={"type": "boolean"}, problems=many(text())),
            "Error": thing([ERROR], error=text("a sentence for people"), peers=many(OUTCOME),
                           problems=many(text("a mistake of the configuration"))),
        }},
    }


if __name__ == "__main__":
    json.dump(document(sys.stdin.read(), sys.argv[1]), sys.stdout, indent="\t", ensure_ascii=False)
    print()
