"""Every check of the project; `nox` leaves the long ones out.

Checks of the package share one environment, made once: to install it for each took a third of
the time. What a check must not see, or nobody else needs, stands in an environment of its own.

Needs Python and pip only: a session that needs more (a browser, a database server) is not run by
default. The interpreter is the one that runs nox; no other is looked for or downloaded.
"""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import nox

__all__ = [
    "arch",
    "bench",
    "browser",
    "clients_node",
    "clients_python",
    "docs",
    "examples",
    "executors",
    "fuzz",
    "lint",
    "long",
    "pacing",
    "package",
    "soak",
    "tests",
    "types",
]

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = True
nox.options.reuse_existing_virtualenvs = True

ROOT = Path(__file__).parent
PACKAGE = ROOT / "src" / "btcturk_kit"
GROUPS = nox.project.load_toml(ROOT / "pyproject.toml")

EXAMPLES = "tests/docs/test_examples.py"
"""Runs every example; a session of its own, so that it runs once."""

PURE = ("domain", "wire", "simulation", "pipeline", "reporting")
"""Packages in which every branch is covered."""

COVERED_PURE_PERCENT = 100
COVERED_ALL_PERCENT = 90

MEASURED = (
    *("cli", "contract", "parity", "plugins", "unit", "wire"),
    "property/test_as_of.py",
    "property/test_ledger_tampering.py",
    "property/test_performance.py",
)
"""Tests that are measured, by folder or file; both percentages are held by these alone.

The others start exchanges, processes and whole runs, or draw hundreds of examples: measuring takes
a third of their time, and they reach no line that decides whether a percentage holds.
"""

WHEEL_MUST_HOLD = (
    "btcturk_kit/py.typed",
    "btcturk_kit/adapters/store_schema/*.sql",
    "btcturk_kit/sandbox/data/btctry_*.csv*",
    "btcturk_kit/sandbox/data/trades_*.csv*",
    "btcturk_kit/sandbox/data/depth_*.jsonl*",
    "btcturk_kit/sandbox/data/LICENSE-*",
    "btcturk_kit/sandbox/page_files/index.html",
    "btcturk_kit/reporting/chart_library/uPlot.*",
    "btcturk_kit/reporting/chart_library/LICENSE-*",
    "btcturk_kit/reporting/run_page_files/run_page.*",
    "*.dist-info/licenses/LICENSE",
)
"""What a wheel needs beside its modules: marker of types, migrations, tapes, pages, licences."""


def wanted(*groups: str, package: bool = True) -> list[str]:
    """Return what dependency groups of pyproject.toml and, unless told otherwise, the package need.

    Modules are compiled when they are imported: most never are.
    """
    # pip of a new environment may be too old for --group, so nox resolves the groups.
    requirements = list(nox.project.dependency_groups(GROUPS, *groups)) if groups else []
    if package:
        requirements += ["-e", ".[fast,sandbox]"]
    return ["--no-compile", *requirements]


def install(session: nox.Session, *groups: str, package: bool = True) -> None:
    """Install into the session's own environment."""
    session.install(*wanted(*groups, package=package))


def run(session: nox.Session, program: str, *arguments: str, **variables: str) -> None:
    """Run a program of the shared environment, which is made when it is missing or out of date."""
    folder = session.cache_dir.resolve().parent / "shared"
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    python, installed = programs / "python", folder / "installed.txt"
    requirements = wanted("test", "lint", "docs")
    # The package is installed editable: its code may change, what it needs may not.
    state = "\n".join([sys.version, *requirements, (ROOT / "pyproject.toml").read_text("utf-8")])
    if not (installed.exists() and installed.read_text("utf-8") == state):
        command = (sys.executable, "-m", "virtualenv", "--clear", "--quiet", str(folder))
        session.run(*command, external=True)
        session.run(str(python), "-m", "pip", "install", *requirements, external=True, silent=True)
        installed.write_text(state, "utf-8")
    path = os.pathsep.join([str(programs), os.environ.get("PATH", "")])
    environment = {"PATH": path, "VIRTUAL_ENV": str(folder), **variables}
    session.run(str(programs / program), *arguments, external=True, env=environment)


@nox.session
def lint(session: nox.Session) -> None:
    """Check the rules and the format of every Python file."""
    install(session, "lint", package=False)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=False)
def types(session: nox.Session) -> None:
    """Check the types of the package, of its public face as users write it, and of the examples."""
    run(session, "mypy", "src/btcturk_kit", "tests/typing", "examples", "benchmarks")


@nox.session(python=False)
def arch(session: nox.Session) -> None:
    """Check that imports go down only, and the other five contracts."""
    run(session, "lint-imports", "--no-cache")


@nox.session(python=False)
def tests(session: nox.Session) -> None:
    """Run the tests and hold the coverage; arguments after `--` go to pytest, without coverage.

    Tests marked long have a session of their own, so that this one ends within minutes.
    """
    if session.posargs:
        run(session, "pytest", *session.posargs)
        return
    data = str(Path(session.create_tmp()).resolve() / "coverage")
    run(session, "coverage", "erase", COVERAGE_FILE=data)
    # A worker that is done takes over what another one has left.
    short = ("pytest", "-n", "2", "--dist", "worksteal", "-m", "not long")
    measured = [f"tests/{path}" for path in MEASURED]
    run(session, "coverage", "run", "-m", *short, *measured, COVERAGE_FILE=data)
    apart = [f"--ignore={path}" for path in (*measured, EXAMPLES)]
    run(session, *short, *apart)
    run(session, "coverage", "combine", "--quiet", COVERAGE_FILE=data)
    report = ("coverage", "report", f"--fail-under={COVERED_ALL_PERCENT}")
    run(session, *report, COVERAGE_FILE=data)
    pure = ",".join(f"*/btcturk_kit/{name}/*" for name in PURE)
    report = ("coverage", "report", f"--include={pure}", f"--fail-under={COVERED_PURE_PERCENT}")
    run(session, *report, COVERAGE_FILE=data)


@nox.session(python=False, default=False)
def long(session: nox.Session) -> None:
    """Run the tests that take minutes: kills, lost answers, every seed of the quick start."""
    run(session, "pytest", "-n", "2", "--dist", "worksteal", "-m", "long", *session.posargs)


@nox.session(python=False)
def docs(session: nox.Session) -> None:
    """Build the documentation, warnings being errors, and run the examples in it."""
    out = Path(session.create_tmp()).resolve()
    strict = ("-W", "-n", "--keep-going", "-q", "-j", "2", "-d", str(out / "doctrees"))
    for builder in ("html", "doctest"):
        run(session, "sphinx-build", *strict, "-b", builder, "docs", str(out / builder))
    session.log(f"open {out / 'html' / 'index.html'}")


@nox.session(python=False)
def examples(session: nox.Session) -> None:
    """Run every example as a user would, and hold it to its last words; none needs a key."""
    run(session, "pytest", "-n", "2", EXAMPLES)


@nox.session(reuse_venv=False)
def package(session: nox.Session) -> None:
    """Build both distributions, look into the wheel and import it from a clean environment."""
    requirements = GROUPS["build-system"]["requires"]
    session.install(*requirements)
    out = Path(session.create_tmp()).resolve()
    for old in out.iterdir():
        old.unlink()
    session.run("hatchling", "build", "--target", "sdist", "--directory", str(out))
    (sdist,) = out.glob("*.tar.gz")
    # The wheel is made from the source distribution, so that a file missing there is noticed.
    session.run("pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(sdist))
    (wheel,) = out.glob("*.whl")
    problems = wheel_problems(wheel)
    if problems:
        session.error("\n".join(problems))
    session.install("--no-compile", f"{wheel}[sandbox]")
    session.chdir(out)
    session.run("python", "-c", "import btcturk_kit")
    session.run("python", "-m", "pip", "check")


def wheel_problems(wheel: Path) -> list[str]:
    """Return what is wrong with a wheel, one sentence each."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    source = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    problems = [f"{name} is not in the wheel" for name in sorted(source - names)]
    problems += [
        f"nothing in the wheel is {pattern}"
        for pattern in WHEEL_MUST_HOLD
        if not any(fnmatch(name, pattern) for name in names)
    ]
    problems += [
        f"{name} does not belong in the wheel"
        for name in sorted(names - source)
        if ".dist-info/" not in name
    ]
    if not wheel.name.endswith("-py3-none-any.whl"):
        problems.append(f"{wheel.name} is not pure Python")
    return problems


@nox.session(default=False)
def pacing(session: nox.Session) -> None:
    """Hammer a local exchange for two minutes: no request refused, 95 % of each window used."""
    install(session)
    session.run("python", "tests/pacing/load.py", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure, beside the peers it names; arguments after `--` choose benches."""
    session.install("-r", "benchmarks/requirements.txt", ".[fast,sandbox]")
    environment = {}
    if not session.posargs or "backtest" in session.posargs:
        environment["BENCH_PEERS"] = str(backtest_peers(session))
    session.run("python", "benchmarks/run.py", *session.posargs, env=environment)


def backtest_peers(session: nox.Session) -> Path:
    """Return a folder with an environment per backtest engine: they do not install together."""
    folder = Path(session.create_tmp()).resolve() / "peers"
    for listed in sorted((ROOT / "benchmarks" / "peers").glob("*.txt")):
        peer, wanted = folder / listed.stem, listed.read_text("utf-8")
        installed = peer / "installed.txt"
        if installed.exists() and installed.read_text("utf-8") == wanted:
            continue
        session.run("python", "-m", "venv", "--clear", str(peer))
        python = peer / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        command = (str(python), "-m", "pip", "install", "--quiet", "-r", str(listed))
        session.run(*command, external=True)
        installed.write_text(wanted, "utf-8")
    return folder


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Feed the readers junk nobody drew before; arguments after `--` go to pytest."""
    install(session, "test")
    session.log(f"finds are kept in {ROOT / '.hypothesis' / 'found'}")
    session.log("tests/fuzz/seeds/README.md says how one becomes a seed")
    session.run("pytest", "tests/fuzz", "--hypothesis-profile=explore", *session.posargs)


@nox.session(default=False)
def soak(session: nox.Session) -> None:
    """Ten million frames and a million orders with flat memory; `-- NUMBER` for each instead."""
    install(session)
    session.run("python", "benchmarks/soak_book.py", *session.posargs)
    session.run("python", "benchmarks/soak_matching.py", *session.posargs)


@nox.session(default=False)
def clients_python(session: nox.Session) -> None:
    """Let other people's Python clients walk through the local exchange, as published."""
    install(session, "test")
    session.install("-r", "tests/clients/python/requirements.txt")
    # Each test starts an exchange and then waits for its client's limiter: two at a time.
    session.run("pytest", "-n", "2", "tests/clients/python", *session.posargs)


@nox.session(default=False)
def clients_node(session: nox.Session) -> None:
    """Let ccxt for Node.js walk through the local exchange; needs `node` and `npm`."""
    install(session, "test")
    folder = Path(session.create_tmp()).resolve()
    shutil.copy(ROOT / "tests" / "clients" / "node" / "package.json", folder)
    # Scripts of packages are not run: the library needs none, and they may do anything.
    options = ("--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts")
    session.run("npm", "install", *options, external=True)
    modules = {"NODE_PATH": str(folder / "node_modules")}
    session.run("pytest", "tests/clients/node", *session.posargs, env=modules)


@nox.session(default=False)
def executors(session: nox.Session) -> None:
    """Run sweeps on Dask and Ray and by Optuna: large extras; posargs go to pytest."""
    install(session, "test", package=False)
    session.install("-e", ".[dask,fast,optuna,ray,sandbox]")
    session.run("pytest", "tests/executors", *session.posargs)


@nox.session(default=False)
def browser(session: nox.Session) -> None:
    """Look at the local exchange's page and at reports with Debian's Chromium; posargs: pytest."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    if missing:
        session.error(
            f"{' and '.join(missing)} not found: as root, "
            "apt-get update && apt-get install chromium chromium-driver"
        )
    install(session, "browser")
    out = Path(session.create_tmp()).resolve() / "pytest"
    session.run("pytest", "tests/browser", f"--basetemp={out}", *session.posargs)
    session.log(f"pictures of the pages are in {out}")
