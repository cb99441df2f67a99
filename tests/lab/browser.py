# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's Chromium without a screen, by its own protocol over a pipe (--remote-debugging-pipe): no driver between."""
import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import time

from .lab import PATIENCE

HIGH = 50  # descriptors from there on are nobody's in the shell that hands them over
ARGUMENTS = ("--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-extensions", "--mute-audio", "--hide-scrollbars", "--force-color-profile=srgb")
KEYS = {"Tab": 9, "Enter": 13, " ": 32, "ArrowDown": 40}


def installed():
    """Where it is; None: nowhere."""
    return shutil.which("chromium")


class Browser:
    """One page in a host's network; what went wrong in it is in `troubles`."""

    def __init__(self, lab, host, folder):
        self.lab, self.number, self.troubles, self.rest = lab, 0, [], b""
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        theirs_in, self.to = os.pipe()
        self.back, theirs_out = os.pipe()
        low = [theirs_in, theirs_out]
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, HIGH) for fd in low]
        with open(f"{folder}/log", "wb") as log:
            self.process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{lab.ns(host)}", "bash", "-c",
                 f'exec "$@" 3<&{high[0]} 4>&{high[1]} {high[0]}<&- {high[1]}>&-', "bash", installed(), *ARGUMENTS,
                 f"--user-data-dir={folder}/profile", "about:blank"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=high, start_new_session=True,
                env={**os.environ, "HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder})
        lab.procs.note(self.process.pid, "chromium")
        for fd in low + high:
            os.close(fd)
        self.session = None
        (target,) = lab.wait_for(self._pages, 20, "the browser's page")
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Accessibility"):
            self.ask(f"{domain}.enable")

    def _pages(self):
        return [t["targetId"] for t in self.ask("Target.getTargets")["targetInfos"] if t["type"] == "page"]

    # --- the protocol ---------------------------------------------------------------------------------------

    def ask(self, method, **params):
        """What a command of the protocol answers."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 20 * PATIENCE
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self._note(answer)

    def _read(self, deadline):
        while b"\0" not in self.rest:
            if not select.select([self.back], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            part = os.read(self.back, 1 << 20)
            if not part:
                raise EOFError("the browser has ended")
            self.rest += part
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def _note(self, event):
        params = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.troubles.append(params["exceptionDetails"].get("exception", {}).get("description", str(params)))
        elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.troubles.append(f"{params['entry']['source']}: {params['entry']['text']} {params['entry'].get('url', '')}")

    def close(self):
        """Ends it."""
        with contextlib.suppress(OSError, EOFError):
            self.session = None
            self.ask("Browser.close")
        os.close(self.to)
        os.close(self.back)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    # --- a page -----------------------------------------------------------------------------------------------

    def open(self, url):
        """Goes there."""
        assert "errorText" not in self.ask("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'", 10, "the page to be there")

    def eval(self, expression):
        """The value of an expression in the page."""
        r = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in r, (expression, r["exceptionDetails"])
        return r["result"].get("value")

    def wait(self, expression, patience, what):
        """Until it is true in the page; returns its value."""
        return self.lab.wait_for(lambda: self.eval(expression), patience, what)

    def text(self, selector):
        """What is read there."""
        return self.eval(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def resize(self, width, height):
        """The window's size, in CSS pixels."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, scheme):
        """What the system is said to like: light or dark."""
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def press(self, key, shift=False):
        """A key, as a keyboard would."""
        typed = {"Enter": "\r", " ": " "}.get(key)
        more = {"text": typed} if typed else {}
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code="Space" if key == " " else key,
                     windowsVirtualKeyCode=KEYS[key], modifiers=8 if shift else 0, **(more if kind == "keyDown" else {}))

    def screenshot(self, path):
        """All of the page, as PNG."""
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(path, "wb") as f:
            f.write(base64.b64decode(shot["data"]))

    def tree(self):
        """What a screen reader is told: [(role, name)]."""
        nodes = self.ask("Accessibility.getFullAXTree")["nodes"]
        return [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n["ignored"]]
