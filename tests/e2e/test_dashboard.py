# SPDX-License-Identifier: GPL-2.0-or-later
"""The dashboard in Debian's Chromium: what it shows, what follows without a reload, who can use it."""
import json
import os
import re

import pytest
from conftest import ROOT, TICK, service
from lab.browser import Browser, installed
from lab.topology import VIP4
from test_metrics import LISTEN, everything

SHOTS = f"{ROOT}/build/test-results/dashboard"
# A backend's words: markup, and a script if that were one.
HOSTILE = "</td><img src=x onerror=\"window.harmed=1\"><script>window.harmed=1</script>&amp; 'quoted'"
ROWS = "document.querySelectorAll('article tbody tr')"

pytestmark = pytest.mark.skipif(not installed(), reason="there is no Chromium (Ubuntu has no package of it)")


def configure(lab):
    """Some of all, and a service that is judged by a program."""
    program = f"{lab.folder}/check"
    say(lab, "fine", 0)
    with open(program, "w", encoding="ascii") as f:
        f.write(f"#!/bin/sh\n. {lab.folder}/said\n")
    os.chmod(program, 0o755)
    probe = (f"{{type: exec, interval: {4 * TICK}ms, fast_interval: {2 * TICK}ms, timeout: {20 * TICK}ms, rise: 1, "
             f"fall: 1, command: [{program}]}}")
    lab.configure(everything(lab) + service(name="judged", port=8000, probe=probe, backends=[("b3", "10.77.0.13", 100)]))


def say(lab, words, code):
    """What that program answers from now on."""
    with open(f"{lab.folder}/said.new", "w", encoding="utf-8") as f:
        f.write("cat <<'END'\n" + words + f"\nEND\nexit {code}\n")
    os.rename(f"{lab.folder}/said.new", f"{lab.folder}/said")


@pytest.fixture(scope="module", name="running")
def _running(network):
    """An agent for all tests of this module."""
    lab = network
    open(lab.agent_log, "w", encoding="utf-8").close()
    lab.forget()
    configure(lab)
    lab.start_agent()
    lab.wait_serving("web")
    yield lab
    if lab.agent.poll() is None:
        lab.stop_agent()
    lab.remove_pins()


@pytest.fixture(scope="module", name="chromium")
def _chromium(running):
    browser = Browser(running, "lb", f"{running.folder}/chromium")
    yield browser
    browser.close()


@pytest.fixture(name="page")
def _page(chromium):
    """The page, just opened; nothing may have gone wrong in it at the end."""
    os.makedirs(SHOTS, exist_ok=True)
    chromium.troubles.clear()
    chromium.resize(1440, 900)
    chromium.prefer("light")
    chromium.open(f"http://{LISTEN}/")
    chromium.wait(f"{ROWS}.length === 7", 15, "the backends to be shown")
    chromium.wait("document.getElementById('events').children.length > 5", 15, "the events")
    chromium.eval("window.unloaded = false")  # gone with the page
    yield chromium
    assert not chromium.troubles, chromium.troubles


def cell(backend, n, of="web"):
    """An expression: the text of a cell of a backend's row."""
    return (f"[...document.querySelectorAll('article')].find(a => a.querySelector('h3 button').textContent === {json.dumps(of)})"
            f"?.querySelectorAll('tbody tr').values().find(r => r.cells[0].innerText.startsWith({json.dumps(backend)}))"
            f"?.cells[{n}].innerText ?? ''")


def test_shows(running, page):
    """Services, backends, roles, peers and events, as the agent's status has them; and as a screen reader finds them."""
    status = running.status()
    text = page.text("main")
    for s in status["services"]:
        assert s["name"] in text and f"{s['vip']} {s['protocol']}/{s['ports']}" in text
        for b in s["backends"]:
            page.wait(f"({cell(b['id'], 1, s['name'])}).startsWith('up')", 10, "a backend's state")
            assert b["address"] in page.eval(cell(b["id"], 0, s["name"]))
            assert page.eval(cell(b["id"], 2, s["name"])).startswith(f"{100 * b['share']:.2f}"[:3])
    for words in ("never heard", "10.77.0.1", "active", "announced", "eth0", "native"):
        assert words in page.text("#around"), words
    assert "3 of 3" in page.text("#tiles") and "7 of 7" in page.text("#tiles")
    tree = page.tree()
    for role, name in (("banner", ""), ("main", ""), ("contentinfo", ""), ("region", "Services"), ("region", "Events"),
                       ("log", "Events"), ("table", "Backends of web"), ("columnheader", "State"), ("searchbox", "Filter")):
        assert (role, name) in tree, (role, name)
    assert any(role == "rowheader" and name.startswith("b1") for role, name in tree)
    assert any(role == "image" and "available" in name for role, name in tree), "timelines have words"
    live = page.eval("['aria-live', 'role'].map(a => document.getElementById('events').getAttribute(a))")
    assert live == ["polite", "log"]
    page.screenshot(f"{SHOTS}/light.png")


def test_follows(running, page):
    """A backend dies and comes back: state, share, timeline and event, without a reload."""
    page.wait("document.getElementById('events').getAttribute('aria-busy') === 'false'", 10, "old events to be there")
    running.kill_nginx("b2")
    page.wait(f"/^(down|suspect)/.test({cell('b2', 1)})", 10, "the page to show it")
    page.wait(f"({cell('b2', 1)}).startsWith('down')", 10, "it to be down")
    page.wait(f"({cell('b2', 2)}).startsWith('0 %')", 10, "its slots to go")
    page.wait("/web · b2.*→ down/s.test(document.getElementById('events').innerText)", 10, "the event")
    last = page.eval("[...document.querySelectorAll('article')][0].querySelectorAll('tbody tr')[1]"
                     ".querySelector('.timeline g').lastChild.getAttribute('class')")
    assert last == "d"
    assert "6 of 7" in page.text("#tiles") or "5 of 7" in page.text("#tiles")
    page.screenshot(f"{SHOTS}/down.png")
    running.start_nginx("b2")
    page.wait(f"({cell('b2', 1)}).startsWith('up')", 10, "it to be up again")
    running.cli("drain", "b1", "--service", "other")
    page.wait(f"({cell('b1', 1, 'other')}).startsWith('draining')", 10, "what an operator says")
    running.cli("undrain", "b1", "--service", "other")
    page.wait(f"({cell('b1', 1, 'other')}).startsWith('up')", 10, "and takes back")
    assert page.eval("window.unloaded") is False


# Every text against what is behind it, as WCAG 2 measures (1.4.3).
CONTRAST = """(() => {
	const part = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
	const light = c => .2126 * part(c[0]) + .7152 * part(c[1]) + .0722 * part(c[2]);
	const rgb = s => s.match(/[\\d.]+/g).map(Number);
	const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
		if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
	const bad = [];
	let looked = 0;
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const e = walk.currentNode.parentElement;
		if (!walk.currentNode.data.trim() || !e.getClientRects().length || e.closest('svg,noscript,option')) continue;
		const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
		looked++;
		if ((a + .05) / (b + .05) < 4.5) bad.push([e.className, walk.currentNode.data, (a + .05) / (b + .05)]);
	}
	return [looked, bad, light(behind(document.body))];
})()"""


def test_colours(page):
    """As the system likes it, or as the switch says; legible (AA) in both."""
    shades = {}
    for scheme in ("light", "dark"):
        page.prefer(scheme)
        looked, bad, shades[scheme] = page.eval(CONTRAST)
        assert looked > 80 and not bad, (scheme, bad)
    page.screenshot(f"{SHOTS}/dark.png")
    choose = ("document.getElementById('theme').value = '{}';"
              "document.getElementById('theme').dispatchEvent(new Event('change'))")
    page.eval(choose.format("light"))
    assert page.eval(CONTRAST)[2] == shades["light"] > 0.8 > 0.1 > shades["dark"]
    page.open(f"http://{LISTEN}/")
    assert page.eval(CONTRAST)[2] == shades["light"], "it is remembered"
    page.eval(choose.format("auto"))
    assert page.eval(CONTRAST)[2] == shades["dark"]


@pytest.mark.parametrize("width", [320, 700, 1024])
def test_narrow(page, width):
    """Nothing is wider than the screen, and all that matters is there."""
    page.resize(width, 640)
    page.wait(f"innerWidth === {width}", 10, "the size")
    assert page.eval("document.documentElement.scrollWidth") == width
    outside = page.eval(f"[...document.querySelectorAll('main *')].filter(e => !e.closest('svg, .services thead') && "
                        f"e.getBoundingClientRect().right > {width} + 1).map(e => e.outerHTML.slice(0, 80))")
    assert not outside, outside
    for selector in ("#tiles dd", "h3 button", "article .timeline", "tbody .pill", "#around .pill", "#events li", "#filter"):
        box = page.eval(f"(b => [b.width, b.height])(document.querySelector({json.dumps(selector)}).getBoundingClientRect())")
        assert min(box) > 5, selector
    page.screenshot(f"{SHOTS}/width-{width}.png")


def focused(page):
    """(id or tag, text, whether it is seen to have the focus)"""
    return page.eval("(e => [e.id || e.tagName, e.innerText ?? '', getComputedStyle(e).outlineStyle !== 'none'"
                     " && getComputedStyle(e).outlineWidth !== '0px'])(document.activeElement)")


def test_keyboard(page):
    """With keys alone: past the head, to the filter, to a service that is closed and opened, to the events."""
    page.press("Tab")
    assert focused(page)[1] == "Skip to services"
    page.press("Enter")
    assert focused(page)[0] == "services"
    met = []
    for _ in range(12):
        page.press("Tab")
        name, text, seen = focused(page)
        assert seen, (name, text)
        met.append(name if name != "BUTTON" else text)
        if name == "BUTTON" and text == "web":
            page.press("Enter")
            assert page.eval("document.activeElement.getAttribute('aria-expanded')") == "false"
            assert not page.eval("document.getElementById(document.activeElement.getAttribute('aria-controls'))"
                                 ".getClientRects().length")
            page.press(" ")
            assert page.eval("document.activeElement.getAttribute('aria-expanded')") == "true"
        if name == "events":
            break
    assert met[:3] == ["filter", "unwell", "hours"] and met[-1] == "events" and {"web", "other", "judged"} <= set(met)
    page.eval("document.getElementById('filter').focus()")
    page.ask("Input.insertText", text="b3")
    page.wait(f"{ROWS}.values().every(r => r.innerText.startsWith('b3')) && {ROWS}.length === 3", 10, "the filter to work")


def test_hostile(running, page):
    """What a backend says, and what a name would, is text, whatever it looks like."""
    say(running, HOSTILE, 1)
    running.wait_state("judged", "b3", "down")
    running.cli("config", "apply", "--reason", HOSTILE)
    page.wait(f"({cell('b3', 7, 'judged')}).includes('<img src=x onerror=')", 10, "its words to be shown")
    page.wait("document.getElementById('events').innerText.includes('<script>window.harmed=1</script>')", 10, "the event")
    page.eval("""(() => { const real = fetch; window.fetch = async (path, more) => {
        const answer = await real(path, more);
        if (!path.startsWith('v1/overview')) return answer;
        const doc = await answer.json();
        doc.services[0].name = doc.services[0].backends[0].id = doc.instance = doc.problems[0] = HOSTILE;
        doc.peers.list[0].name = doc.vrrp.groups[0].why = doc.interfaces[0].name = HOSTILE;
        return new Response(JSON.stringify(doc)); }; })()""".replace("HOSTILE", json.dumps(HOSTILE)))
    page.wait("document.querySelector('h3 button').textContent.startsWith('</td><img')", 10, "a name that is markup")
    for selector in ("#instance", "#notices", "tbody th", "#around"):
        assert "<img src=x" in page.text(selector), selector
    assert page.eval("document.querySelectorAll('main img, main script, [onerror]').length") == 0
    assert page.eval("window.harmed") is None
    page.screenshot(f"{SHOTS}/hostile.png")
    say(running, "fine", 0)
    running.wait_state("judged", "b3", "up")
    # Were it taken for markup all the same, the policy would be in the way.
    assert page.eval("(() => { try { document.createElement('p').innerHTML = '<b>'; } catch (e) { return e.name; } })()"
                     ) == "TypeError"
    page.troubles.clear()  # the policy has told of that


def test_restart(running, page):
    """The agent goes: the page says so, and what it showed stays. The agent is back: so is the page, with its events."""
    running.stop_agent()
    page.wait("document.getElementById('link').innerText === 'no answer'", 15, "the page to say so")
    assert "has not answered since" in page.text("#notices") and "web" in page.text("#list")
    assert page.eval("document.body.classList.contains('stale')")
    assert any(role == "alert" for role, _ in page.tree())
    page.screenshot(f"{SHOTS}/away.png")
    running.start_agent()
    page.wait("document.getElementById('link').innerText === 'live'", 15, "the page to be live again")
    assert page.text("#notices") == ""
    page.wait("/started/.test(document.querySelector('#events').innerText)", 15, "the new agent's events")
    running.wait_serving("web")
    page.wait(f"({cell('b1', 1)}).startsWith('up')", 10, "the state of now")
    ids = page.eval("[...document.querySelectorAll('#events li')].map(l => Number(l.dataset.id))")
    assert ids == sorted(set(ids), reverse=True), "none is told twice"
    assert page.eval("window.unloaded") is False
    # What could not be reached meanwhile was told by the browser.
    page.troubles[:] = [t for t in page.troubles if not re.search(r"ERR_|network", t)]


def test_hidden(page):
    """A page that nobody looks at asks nothing."""
    page.eval("window.asked = 0; (() => { const real = fetch; window.fetch = (...a) => { window.asked++; return real(...a); }; })()")
    page.wait("window.asked > 1", 10, "it to ask")
    page.eval("Object.defineProperty(document, 'hidden', {configurable: true, get: () => true})")
    page.wait("new Promise(done => setTimeout(() => { window.asked = 0; done(true); }, 300))", 10, "the last question")
    assert page.eval("new Promise(done => setTimeout(() => done(window.asked), 2500))") == 0
    page.eval("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    page.wait("window.asked > 0", 10, "it to ask at once")
