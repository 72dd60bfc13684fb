"""Commands that are killed at random moments lose nothing, leave no process, and go on to the same bytes."""

import io
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import forecast
from forecast.evaluation.rolling_disk import SECONDS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="looks at processes in /proc"),
]

SETTINGS = """
horizon = 1
draws = 100
model = "recent_mean"
[data]
source = "counts"
paths = ["counts.csv"]
[evaluation]
periods = 0
[backtest]
origins = 2
"""
MONTHS = [f"20{year}-{month:02d}-01" for year in (20, 21, 22) for month in range(1, 13)]
COUNTS = "province,tactic,period,attacks\n" + "".join(
    f"{place},ied,{month},{(number * 7 + len(place)) % 5}\n"
    for place in ("Anbar", "Diyala")
    for number, month in enumerate(MONTHS)
)
COMMANDS = {
    "run": "run forecast.toml --output out",
    "report": "report out",
    "backtest": "backtest forecast.toml --workers 2 --output bt",
    "fetch": "fetch ucdp-ged --version 25.1 --output cache",
}
# How a killed command is made to end; workers give the same numbers as one process.
AGAIN = COMMANDS | {"backtest": "backtest forecast.toml --output bt --resume"}
OWN = {"run": "out", "report": "out", "backtest": "bt", "fetch": "cache"}
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# All modules are loaded once; each command is a process that begins where that ends, in a session of its own.
SERVER = """
import os, signal, sys
if __name__ == "__main__":
    from forecast import cli, commands, run, check
    from forecast.init import look
    from forecast.events import download
    import forecast.report.build, statsmodels.api, pooch, requests
    download._FILES = sys.argv[1]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for line in sys.stdin:
        folder, *words = line.rstrip("\\n").split("\\t")
        process = os.fork()
        if process == 0:
            os.setsid()
            os.chdir(folder)
            sys.stdin = open(os.devnull)
            output = os.open("../output", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(output, 1)
            os.dup2(output, 2)
            sys.argv = ["forecast", *words]
            cli.main()
        print(process, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


class Commands:
    """Starts commands in a folder, and ends them."""

    def __init__(self, address: str, place: Path) -> None:
        (place / "server.py").write_text(SERVER)
        environment = os.environ | {"PYTHONPATH": str(Path(forecast.__file__).parents[1])}
        self.place = place
        self._server = subprocess.Popen(
            [sys.executable, str(place / "server.py"), address],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(30)

    def start(self, folder: Path, words: str) -> int:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write("\t".join([str(folder), *words.split()]) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def wait(self) -> int:
        """The exit code of the command that was started last; below 0 for a signal that it did not answer."""
        assert self._server.stdout is not None
        return int(self._server.stdout.readline())

    def call(self, folder: Path, words: str) -> None:
        self.start(folder, words)
        assert self.wait() == 0, (words, (folder.parent / "output").read_text()[-2000:])


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Commands, of which `fetch` asks a server on this machine that takes its time."""
    header = "id,type_of_violence,dyad_name,side_a,side_b,where_prec,adm_1,latitude,longitude,country,event_clarity,"
    header += "date_prec,date_start,date_end,best\n"
    row = "1,1,IS - Iraq,IS,Iraq,1,Diyala governorate,33.8,45.0,Iraq,1,1,2020-03-01,2020-03-01,3\n"
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("ged.csv", header + row * 500)

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = body.getvalue()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(OSError):
                for begin in range(0, len(content), len(content) // 8):
                    self.wfile.write(content[begin : begin + len(content) // 8])
                    time.sleep(0.03)

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made = Commands(f"http://127.0.0.1:{server.server_port}", tmp_path_factory.mktemp("commands"))
    yield made
    made.close()
    server.shutdown()
    server.server_close()


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too; of how long fits took that they are written, and not what."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): b"" if path.name == SECONDS else path.read_bytes() for path in files}


def session(leader: int) -> list[int]:
    """Processes of a session that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, number = stat.read_text().rsplit(")", 1)[1].split()[:4]
            if int(number) == leader and state not in "ZX":
                found.append(int(stat.parent.name))
    return found


def whole(commands: Commands, folder: Path) -> tuple[dict[str, bytes], dict[str, float]]:
    """A folder in which commands ended well: its files, and how long each command takes, in seconds."""
    folder.mkdir()
    mine = {"counts.csv": COUNTS, "forecast.toml": SETTINGS, "boundaries.json": "mine", "scores.csv": "mine"}
    for name, text in mine.items():
        (folder / name).write_text(text)
    seconds = {}
    for name in ("run", "backtest", "fetch"):
        began = time.monotonic()
        commands.call(folder, COMMANDS[name])
        seconds[name] = time.monotonic() - began
    return contents(folder), seconds | {"report": seconds["run"]}


def check_after_kill(
    name: str, number: signal.Signals, code: int, leader: int, folder: Path, before: Mapping[str, bytes]
) -> None:
    """What must hold as soon as a command was killed."""
    # The signal itself where it came before the command began, or after it ended: a shell says 128 more of it too.
    assert code in (0, -number, 128 + number)
    deadline = time.monotonic() + 10
    while session(leader) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not session(leader)
    left = contents(folder)
    # What a command that was killed before left half-written is removed by the next one.
    before = {file: text for file, text in before.items() if ".forecast-" not in file}
    written = ("run.json",) if name == "run" else ()
    # The marker of a run that was killed as it moved its files says so; the other files are those of equal runs.
    assert not [file for file in before if file not in left]
    assert not [file for file in before if left[file] != before[file] and Path(file).name not in written]
    if number != signal.SIGKILL:
        assert not [file for file in left if ".forecast-" in file]
        assert not [file for file in left if file.startswith("cache/tmp") and file not in before]


def test_kills_at_random_moments(commands: Commands, tmp_path: Path, full: bool) -> None:
    """Each command is killed twice in a row, and then makes what it was to make."""
    folder, rng = tmp_path / "work", random.Random(25)
    reference, seconds = whole(commands, folder)
    assert {"out/run.json", "bt/skill.csv", "cache/ucdp-ged-25.1.zip"} <= set(reference)
    for number in range(25 if full else 1):
        for name, own in OWN.items():
            if name in ("backtest", "fetch"):
                # Where they are done, nothing is left to do.
                shutil.rmtree(folder / own)
            for signal_ in SIGNALS[number % 2 :: 2]:
                before = contents(folder)
                words = AGAIN[name] if (folder / own / "backtest.json").exists() else COMMANDS[name]
                leader = commands.start(folder, words)
                time.sleep(rng.uniform(0, seconds[name]))
                with suppress(ProcessLookupError):
                    os.kill(leader, signal_)
                check_after_kill(name, signal_, commands.wait(), leader, folder, before)
            commands.call(folder, AGAIN[name])
            # pooch leaves what it could not finish, under a name of its own.
            after = {file: text for file, text in contents(folder / own).items() if not file.startswith("tmp")}
            wanted = {file: text for file, text in reference.items() if file.startswith(f"{own}/")}
            assert {f"{own}/{file}": text for file, text in after.items()} == wanted
