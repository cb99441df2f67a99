# SPDX-License-Identifier: GPL-2.0-or-later
"""A program on a terminal of its own: what it shows, as a person sees it, and the keys that are pressed."""
import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pyte

KEYS = {"up": "\x1bOA", "down": "\x1bOB", "right": "\x1bOC", "left": "\x1bOD", "enter": "\r", "escape": "\x1b",
        "backspace": "\x7f", "end": "\x1bOF", "home": "\x1bOH"}


class Terminal(pyte.Screen):
    """What pyte does not know of xterm: lines that are scrolled without the cursor (ECMA-48 SU, SD)."""

    def _scroll(self, count, edge, step):
        y = self.cursor.y
        top, bottom = self.margins or (0, self.lines - 1)
        self.cursor.y = bottom if edge else top
        for _ in range(count or 1):
            step()
        self.cursor.y = y

    def scroll_up(self, count=1):
        """SU"""
        self._scroll(count, True, self.index)

    def scroll_down(self, count=1):
        """SD"""
        self._scroll(count, False, self.reverse_index)


class Stream(pyte.ByteStream):
    """Its parser."""
    csi = {**pyte.ByteStream.csi, "S": "scroll_up", "T": "scroll_down"}
    events = pyte.ByteStream.events | {"scroll_up", "scroll_down"}


class Screen:
    """Runs argv on a pseudo-terminal; what it writes goes through a terminal's emulation."""

    def __init__(self, argv, columns=100, lines=24, patience=1.0, env=None):
        self.patience = patience
        self.screen = Terminal(columns, lines)
        self.stream = Stream(self.screen)
        self.raw = b""
        self.master, slave = pty.openpty()
        self._set_size(slave, columns, lines)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(env or {})},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.slave = slave

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for fd in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(fd)

    @staticmethod
    def _set_size(fd, columns, lines):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns, lines):
        """The window gets another size; the kernel tells the program."""
        self.screen.resize(lines, columns)
        self._set_size(self.master, columns, lines)

    def press(self, *keys):
        """Presses keys: names of KEYS, or characters."""
        for key in keys:
            os.write(self.master, KEYS.get(key, key).encode())

    def read(self, seconds=0.0):
        """Takes what the program has written by now, or within that time."""
        while select.select([self.master], [], [], seconds)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # nobody has the other end any more
                return
            if not data:
                return
            self.raw += data
            self.stream.feed(data)
            seconds = 0

    @property
    def text(self):
        """The lines that are on the screen, without spaces at their ends."""
        return [line.rstrip() for line in self.screen.display]

    def line(self, word):
        """The first line that has the word, or None."""
        return next((line for line in self.text if word in line), None)

    def wait_for(self, what, patience=5.0):
        """Waits for a word on the screen, or until what() is true; returns that line or value."""
        deadline = time.monotonic() + patience * self.patience
        while True:
            value = self.line(what) if isinstance(what, str) else what()
            if value:
                return value
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited for {what}, and there is:\n" + "\n".join(self.text))
            self.read(0.02)

    def wait_end(self, patience=5.0):
        """Waits until the program has ended; its exit code, negative: a signal."""
        self.wait_for(lambda: self.process.poll() is not None, patience)
        self.read()
        return self.process.returncode

    def restored(self):
        """Whether the terminal is as it was: its modes, the other screen left, the cursor shown."""
        # Cleared by a program's end: the input that nobody has read.
        now = termios.tcgetattr(self.slave)
        left = self.raw.rfind(b"\x1b[?1049l") > self.raw.rfind(b"\x1b[?1049h") >= 0
        shown = max(self.raw.rfind(b"\x1b[?25h"), self.raw.rfind(b"\x1b[?12l")) > self.raw.rfind(b"\x1b[?25l")
        return now == self.before and left and shown

    def hang_up(self):
        """The terminal goes, as when its window is closed."""
        os.close(self.slave)
        os.close(self.master)

    def colours(self):
        """All colours of what is on the screen."""
        return {self.screen.buffer[y][x].fg for y in range(self.screen.lines) for x in range(self.screen.columns)
                if self.screen.buffer[y][x].data != " "}

    def signal(self, number=signal.SIGTERM):
        """Sends the program a signal."""
        self.process.send_signal(number)
