"""A real JupyterLab in a real Chromium, for tests: open a notebook, run it, click in it, ask its kernel."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).parents[2]
_SECONDS = 600  # a machine may be slow, and the first simulation compiles
_PATIENCE = 120  # for one click and what follows from it
_BROWSER_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_SETTINGS = {
    # All cells stay in the page, and nothing is fetched from elsewhere.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none", "recordTiming": False},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/apputils-extension/themes": {"adaptive-theme": False},
}
_EXPECTED = ("favicon",)
"""Console errors that are JupyterLab's own and say nothing about a widget."""


def chromium() -> str | None:
    """Return the system's Chromium, if there is one."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next((path for path in found if path), None)


class Lab:
    """A server and a browser window."""

    def __init__(self, browser: Any, address: str, folder: Path, artefacts: Path) -> None:
        self._browser = browser
        self._address = address
        self._folder = folder
        self.artefacts = artefacts

    def open(self, name: str, cells: Sequence[str], *, width: int = 1280, height: int = 1000) -> Notebook:
        """Write a notebook, open it and run all of its cells."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self._folder / f"{name}.ipynb")
        return self.show(name, width=width, height=height)

    def show(self, name: str, *, width: int = 1280, height: int = 1000, run: bool = True) -> Notebook:
        """Open a notebook of the server's folder, and run it."""
        page = self._browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(_PATIENCE * 1000)
        opened = Notebook(page, self, self._folder / f"{name}.ipynb")
        page.goto(f"{self._address}/doc/tree/{name}.ipynb?reset")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=_SECONDS * 1000)
        if run:
            opened.run_all()
        return opened


class Notebook:
    """One open notebook; remembers every error of its page."""

    def __init__(self, page: Any, lab: Lab, path: Path) -> None:
        self.page = page
        self.path = path
        self.errors: list[str] = []
        self._lab = lab
        page.on("console", lambda message: self._note(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self._note(str(error)))

    def _note(self, text: str) -> None:
        if not any(word in text for word in _EXPECTED):
            self.errors.append(text)

    def run_all(self) -> None:
        """Run every cell and wait until the last has ended; a cell that fails is an error of the page."""
        self._wait_for_kernel()
        self.command("notebook:run-all-cells")
        kinds = ("stderr", "error")
        failed = self.page.locator(", ".join(f"[data-mime-type='application/vnd.jupyter.{kind}']" for kind in kinds))
        self.run("pass")
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('.jp-InputPrompt')].every(one => !/\\*/.test(one.innerText))",
            timeout=_SECONDS * 1000,
        )
        if failed.count():
            self.errors.append(failed.first.inner_text())

    def command(self, name: str, **arguments: Any) -> None:
        """Carry out a command of JupyterLab."""
        self.page.evaluate("([name, values]) => window.jupyterapp.commands.execute(name, values)", [name, arguments])

    def run(self, code: str) -> str:
        """Execute Python in the notebook's kernel, beside its cells, and return what it prints."""
        text: str = self.page.evaluate(
            """async code => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const future = kernel.requestExecute({ code, store_history: false });
                let text = "";
                future.onIOPub = message => {
                    if (message.header.msg_type === "stream") text += message.content.text;
                    if (message.header.msg_type === "error") text += message.content.traceback.join("\\n");
                };
                await future.done;
                return text;
            }""",
            code,
        )
        return text.strip()

    def value(self, expression: str) -> Any:
        """Return the value of a Python expression in the kernel, by way of JSON."""
        text = self.run(f"import json; print(json.dumps({expression}))")
        try:
            return json.loads(text)
        except ValueError:
            raise AssertionError(f"{expression}: {text}") from None

    def until(self, expression: str, *, seconds: float = _PATIENCE) -> None:
        """Wait until a Python expression is true in the kernel."""
        end = time.monotonic() + seconds
        while not self.value(f"bool({expression})"):
            assert time.monotonic() < end, f"never became true: {expression}; it is {self.run(f'print({expression})')}"
            time.sleep(0.1)

    def theme(self, name: str) -> None:
        """Switch to JupyterLab's "Light" or "Dark" theme."""
        self.command("apputils:change-theme", theme=f"JupyterLab {name}")
        light = "true" if name == "Light" else "false"
        self.page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached", timeout=_SECONDS * 1000)
        self.page.wait_for_timeout(300)

    def shoot(self, selector: str, name: str) -> None:
        """Keep a picture of an element as an artefact."""
        element = self.page.locator(selector).first
        element.evaluate("element => element.scrollIntoView({ block: 'start' })")
        self.page.wait_for_timeout(400)
        self.page.screenshot(path=self._lab.artefacts / f"{name}.png", clip=element.bounding_box())

    def times(self) -> dict[str, list[float]]:
        """Return how long the widgets of the page took for what, in milliseconds."""
        found: dict[str, list[float]] = self.page.evaluate("() => globalThis.ackTimes ?? {}")
        return found

    def save(self) -> int:
        """Save the notebook and return its size in bytes."""
        self.command("docmanager:save")
        self.page.wait_for_timeout(1000)
        return self.path.stat().st_size

    def close(self) -> None:
        """Close the page; its kernel, which may still be starting, ends."""
        self._wait_for_kernel()
        self.run("pass")
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        self.page.close()

    def shows(self, selector: str, text: str) -> None:
        """Wait until an element of the page holds a text."""
        self.page.locator(selector).filter(has_text=text).first.wait_for()

    def has(self, selector: str, count: int) -> None:
        """Wait until the page has as many elements."""
        from playwright.sync_api import expect  # noqa: PLC0415 - only who has it gets here

        expect(self.page.locator(selector)).to_have_count(count, timeout=_PATIENCE * 1000)

    def _wait_for_kernel(self) -> None:
        self.page.wait_for_function(
            "async () => { const context = window.jupyterapp.shell.currentWidget?.sessionContext; "
            "await context?.ready; return Boolean(context?.session?.kernel); }",
            timeout=_SECONDS * 1000,
        )


@contextmanager
def lab(folder: Path, artefacts: Path) -> Iterator[Lab]:
    """Start JupyterLab on a folder and a browser beside it; both end with the block."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only who has it gets here

    executable = chromium()
    assert executable is not None
    settings = folder / ".settings"
    for name, values in _SETTINGS.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder}", f"--LabApp.user_settings_dir={settings}",
        "--LabApp.expose_app_in_browser=True", "--LabServerApp.extension_manager=readonly",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    environment |= {"JUPYTER_PREFER_ENV_PATH": "1", "IPYTHONDIR": str(folder / ".ipython")}
    log = (artefacts / "server.log").open("w")
    server = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/api", server)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable, args=_BROWSER_ARGUMENTS)
            try:
                yield Lab(browser, address, folder, artefacts)
            finally:
                browser.close()
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
        log.close()


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _SECONDS
    while True:
        assert server.poll() is None, "JupyterLab did not start; see server.log among the artefacts"
        try:
            urllib.request.urlopen(address, timeout=5)  # noqa: S310 - our own server
        except OSError:
            assert time.monotonic() < end, f"no answer from {address}"
            time.sleep(0.3)
        else:
            return
