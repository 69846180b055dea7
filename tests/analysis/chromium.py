"""A headless Chromium over the DevTools protocol, spoken through a pipe: no port, no driver, no dependency.

The protocol: https://chromedevtools.github.io/devtools-protocol/ (messages are JSON, each ended by a NUL byte).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
# A loaded machine is slow to start a browser; a condition that comes true ends the wait at once.
PATIENCE_SECONDS = 60.0
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--mute-audio",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_KEYS = {"Enter": (13, "\r"), " ": (32, " "), "Tab": (9, "")}


def find_chromium() -> str | None:
    """The path of an installed Chromium, None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """A running Chromium with a profile of its own in `folder`. Use as a context manager."""

    def __init__(self, program: str, folder: Path) -> None:
        command_in, self._commands = os.pipe()
        self._replies, reply_out = os.pipe()
        arguments = [program, *FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
        log = str(folder / "chromium.log")
        self._process = os.posix_spawn(
            program,
            arguments,
            # Chromium writes its crash settings into the home folder.
            {**os.environ, "HOME": str(folder)},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                # Through high numbers: a pipe may itself be 3 or 4.
                (os.POSIX_SPAWN_DUP2, command_in, 103),
                (os.POSIX_SPAWN_DUP2, reply_out, 104),
                (os.POSIX_SPAWN_DUP2, 103, 3),
                (os.POSIX_SPAWN_DUP2, 104, 4),
            ],
            setpgroup=0,
        )
        os.close(command_in)
        os.close(reply_out)
        self._read = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._send("Browser.close", {}, None)
        os.close(self._commands)
        deadline = time.monotonic() + 10
        while os.waitpid(self._process, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.killpg(self._process, signal.SIGKILL)
                os.waitpid(self._process, 0)
                break
            time.sleep(0.02)
        os.close(self._replies)

    def command(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result; events that come meanwhile are kept. RuntimeError when it fails."""
        number = self._send(method, parameters, session)
        while (message := self._receive()).get("id") != number:
            self.events.append(message)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']}")
        result: dict[str, Any] = message["result"]
        return result

    def open(self) -> Page:
        """A new empty page."""
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, session)

    def _send(self, method: str, parameters: dict[str, Any], session: str | None) -> int:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._commands, data) :]
        return self._number

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            if not select.select([self._replies], [], [], PATIENCE_SECONDS)[0]:
                raise TimeoutError(f"Chromium said nothing for {PATIENCE_SECONDS:g} s")
            if not (part := os.read(self._replies, 1 << 20)):
                raise RuntimeError("Chromium has ended — see chromium.log in its folder")
            self._read += part
        line, self._read = self._read.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        return message


class Page:
    """One page: what a person does with it, and what it wrote to its console."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of the protocol to this page."""
        return self._browser.command(method, self._session, **parameters)

    def go(self, path: Path) -> None:
        """Open a file and wait until it has loaded."""
        self._browser.events.clear()
        self.do("Page.navigate", url=path.resolve().as_uri())
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited. RuntimeError when it throws."""
        answer = self.do("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true. TimeoutError after PATIENCE_SECONDS."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.run(f"Boolean({expression})"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"never came true: {expression}")
            time.sleep(0.02)

    def size(self, width: int, height: int, phone: bool = False) -> None:
        """Set the viewport in CSS pixels."""
        scale = 2 if phone else 1
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=phone)

    def media(self, kind: str = "", **features: str) -> None:
        """Emulate a medium (`print`) and features such as prefers_color_scheme="dark"."""
        listed = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.do("Emulation.setEmulatedMedia", media=kind, features=listed)

    def frame(self) -> None:
        """Wait until the page has been painted as it is now."""
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")

    def click(self, selector: str) -> None:
        """Click with the mouse in the middle of the first element that matches."""
        node = f"document.querySelector({json.dumps(selector)})"
        self.run(f'{node}.scrollIntoView({{block: "center", behavior: "instant"}})')
        # The mouse hits what is painted: not yet what has just been scrolled to.
        self.frame()
        box = self.run(f"{node}.getBoundingClientRect().toJSON()")
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for kind in ("mousePressed", "mouseReleased"):
            self.do("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """Press a key where the focus is: one of _KEYS."""
        code, text = _KEYS[key]
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            typed = {"text": text} if text and kind == "keyDown" else {}
            self.do("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **typed)

    def type(self, selector: str, text: str) -> None:
        """Put the focus into a field, clear it and type."""
        self.run(f"(() => {{ const f = document.querySelector({json.dumps(selector)}); f.focus(); f.select(); }})()")
        self.do("Input.insertText", text=text)

    def screenshot(self, path: Path, whole: bool = False) -> None:
        """Save what is seen, or the whole page, as a PNG."""
        options: dict[str, Any] = {"captureBeyondViewport": True} if whole else {}
        if whole:
            box = self.do("Page.getLayoutMetrics")["cssContentSize"]
            options["clip"] = {"x": 0, "y": 0, "width": box["width"], "height": box["height"], "scale": 1}
        path.write_bytes(base64.b64decode(self.do("Page.captureScreenshot", format="png", **options)["data"]))

    def complaints(self) -> list[str]:
        """Everything that went wrong since `go`: console errors and warnings, exceptions, refused loads, dialogs."""
        self.run("0")
        return [text for event in self._browser.events if (text := _complaint(event))]

    def requests(self) -> list[str]:
        """The addresses asked for since `go`, data: addresses left out."""
        self.run("0")
        sent = [event for event in self._browser.events if event.get("method") == "Network.requestWillBeSent"]
        addresses = [str(event["params"]["request"]["url"]) for event in sent]
        return [address for address in addresses if not address.startswith("data:")]


def _log_entry(parameters: dict[str, Any]) -> str | None:
    entry = parameters["entry"]
    return f"{entry['source']}: {entry['text']}" if entry["level"] in ("error", "warning") else None


def _console(parameters: dict[str, Any]) -> str | None:
    said = [str(argument.get("value", argument.get("description"))) for argument in parameters["args"]]
    return f"console: {' '.join(said)}" if parameters["type"] in ("error", "warning", "assert") else None


_COMPLAINTS: dict[str, Callable[[dict[str, Any]], str | None]] = {
    "Log.entryAdded": _log_entry,
    "Runtime.consoleAPICalled": _console,
    "Runtime.exceptionThrown": lambda parameters: f"exception: {parameters['exceptionDetails']}",
    "Page.javascriptDialogOpening": lambda parameters: f"dialog: {parameters['message']}",
}


def _complaint(event: dict[str, Any]) -> str | None:
    judge = _COMPLAINTS.get(event.get("method", ""))
    return judge(event["params"]) if judge else None
