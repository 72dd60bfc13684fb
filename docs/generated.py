"""Pages of the documentation that are made when it is built, a hook of MkDocs.

They come from docstrings, settings, errors, notebooks, kept benchmarks and files of the repository, each of which says
its matter once.
"""

import ast
import base64
import csv
import html
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "forecast"

# Files of the repository that are pages of the site; a link to another one becomes its name.
PAGES = {
    "ARCHITECTURE.md": "explanation/architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "data/README.md": "reference/data.md",
    "tests/benchmarks/README.md": "explanation/skill.md",
}
NOTEBOOKS = {path.name: f"gallery/{path.stem}.md" for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
# Headings of the API's page, by room.
ROOMS = {
    "events": "Events",
    "panel": "Panels",
    "model": "Models",
    "baselines": "Simple rivals",
    "capability": "Capability",
    "inference": "Fits",
    "prediction": "Forecasts",
    "evaluation": "Evaluation",
    "report": "Reports",
    "simulate": "Simulation",
}
_INCLUDE = re.compile(r"^\{\{ include (\S+?)(?:#([\w-]+))? \}\}$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#|/)([^)#]+)(#[^)]*)?\)")
# What a page would load, not where it links to.
_LOADED = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*\b(?:src|href)=\"?(?:https?:)?//")


# Hooks ----------------------------------------------------------------------------------------------------------------


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made."""
    from mkdocs.structure.files import File

    for name, content in pages().items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put in what a page includes of the repository's files."""
    return included(markdown)


def on_post_build(config: Any) -> None:
    """Fail where a page would load anything from the network."""
    for path in Path(config["site_dir"]).rglob("*.html"):
        loaded = _LOADED.search(path.read_text(encoding="utf-8"))
        if loaded:
            raise SystemExit(f"{path}: loads from the network: {loaded[0]}")


def pages() -> dict[str, str]:
    """Every page that is made, by its path in the site."""
    made = {page: f"{{{{ include {file} }}}}" for file, page in PAGES.items()}
    made |= {page: notebook_page(ROOT / "notebooks" / name) for name, page in NOTEBOOKS.items()}
    return made | {
        "reference/api.md": api_page(),
        "reference/settings.md": settings_page(),
        "reference/commands.md": commands_page(),
        "reference/errors.md": errors_page(),
        "explanation/benchmarks.md": benchmarks_page(),
    }


# Files of the repository ----------------------------------------------------------------------------------------------


def included(markdown: str) -> str:
    """A page with its lines `{{ include FILE#PART }}` replaced by the file, or by a part of it.

    A part lies between `<!-- PART -->` and `<!-- /PART -->`; a KeyError tells one that is not there.
    """

    def text(match: re.Match[str]) -> str:
        file, part = match.groups()
        content = (ROOT / file).read_text(encoding="utf-8")
        if part:
            begin, end = f"<!-- {part} -->", f"<!-- /{part} -->"
            if begin not in content or end not in content:
                raise KeyError(f"{file} has no part {part}")
            content = content[content.index(begin) + len(begin) : content.index(end)].strip("\n")
        return linked(content)

    return _INCLUDE.sub(text, markdown)


def linked(markdown: str) -> str:
    """Links to files of the repository as links to their pages; without a page, the name alone."""

    def link(match: re.Match[str]) -> str:
        text, target, anchor = match.groups()
        page = PAGES.get(target) or NOTEBOOKS.get(target.rsplit("/", 1)[-1])
        if target.startswith("docs/"):
            page = target.removeprefix("docs/")
        return f"[{text}](/{page}{anchor or ''})" if page else f"{text}"

    return _LINK.sub(link, markdown)


# API ------------------------------------------------------------------------------------------------------------------


def public_names() -> list[tuple[str, str]]:
    """(module, name) of every public name, in the order of the stub."""
    stub = (PACKAGE / "__init__.pyi").read_text(encoding="utf-8")
    return re.findall(r"^from \.(\S+) import (\w+) as", stub, flags=re.MULTILINE)


def api_page() -> str:
    """The public names by room, from their docstrings."""
    names = public_names()
    lines = ["# API", "", "Everything here is `forecast.NAME`; `import forecast as fc` takes milliseconds.", ""]
    for room, title in ROOMS.items():
        lines += [f"## {title}", ""]
        lines += [f"::: forecast.{module}.{name}\n" for module, name in names if module.split(".")[0] == room]
    lines += ["## Others", ""]
    lines += [f"::: forecast.{module}.{name}\n" for module, name in names if module.split(".")[0] not in ROOMS]
    return "\n".join(lines)


# Settings -------------------------------------------------------------------------------------------------------------


def settings_page() -> str:
    """Every key of forecast.toml: what it takes, its default and what it says, from the settings' own model."""
    from forecast.config import Settings

    schema = Settings.model_json_schema()
    lines = ["# Settings", "", "Every key of `forecast.toml`. Paths are relative to the file.", ""]
    for title, note, rows in sections(schema):
        lines += [f"## {title}", "", note, "", "| key | takes | default | |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
        lines.append("")
    return "\n".join(lines)


def sections(schema: dict[str, Any]) -> Iterator[tuple[str, str, list[tuple[str, str, str, str]]]]:
    """Title, note and rows (key, what it takes, default, description) of the top level and of every section."""
    tables = {name: _section_of(field, schema) for name, field in schema["properties"].items()}
    top = {name: field for name, field in schema["properties"].items() if tables[name] is None}
    yield "Top level", schema.get("description", ""), _rows("", top, schema["required"])
    for name, table in tables.items():
        if table is None:
            continue
        form, section = table
        inner = {key: _section_of(field, schema) for key, field in section["properties"].items()}
        own = {key: field for key, field in section["properties"].items() if inner[key] is None}
        prefix = form.format(name)
        yield f"`{prefix}`", section.get("description", ""), _rows(name, own, section.get("required", []))
        for key, within in inner.items():
            if within is not None:
                rows = _rows(f"{name}.{key}", within[1]["properties"], within[1].get("required", []))
                yield f"`[[{name}.{key}]]`", within[1].get("description", ""), rows


def _section_of(field: dict[str, Any], schema: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """How a section is headed, and its schema; None for a key of its own."""
    for option in (field, *field.get("anyOf", ()), *field.get("allOf", ())):
        if "$ref" in option:
            return "[{}]", _resolved(option, schema)
    if "$ref" in (field.get("additionalProperties") or {}):
        return "[{}.NAME]", _resolved(field["additionalProperties"], schema)
    if "$ref" in (field.get("items") or {}):
        return "[[{}]]", _resolved(field["items"], schema)
    return None


def _resolved(option: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    section: dict[str, Any] = schema["$defs"][option["$ref"].rsplit("/", 1)[-1]]
    return section


def _rows(prefix: str, fields: dict[str, Any], required: Iterable[str]) -> list[tuple[str, str, str, str]]:
    rows = []
    for key, field in fields.items():
        default = "needed" if key in required else f"`{json.dumps(field.get('default'), ensure_ascii=False)}`"
        default = "" if default == "`null`" else default
        anchor = ".".join(part for part in (prefix, key) if part)
        rows.append((f"`{anchor}`", _takes(field), default, field.get("description", "")))
    return rows


def _takes(field: dict[str, Any]) -> str:
    """What a key takes, in words."""
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_takes(option) for option in field["anyOf"] if option.get("type") != "null"))
    if "enum" in field or "const" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    kind = field.get("type")
    if kind == "array":
        items = [_takes(item) for item in field.get("prefixItems", ())] or [_takes(field.get("items", {}))]
        return f"a list ({', '.join(items)})"
    if kind == "object":
        inner = field.get("additionalProperties")
        return f"a table of {_takes(inner)}" if isinstance(inner, dict) else "a table"
    words = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "string": "a text"}
    forms = {"path": "a path", "date": "a day (YYYY-MM-DD)"}
    text = forms.get(field.get("format", ""), words.get(kind or "", "any value"))
    bounds = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    limits = [f"{word} {field[name]:g}" for name, word in bounds.items() if name in field]
    return " ".join([text, *limits])


# Command line ---------------------------------------------------------------------------------------------------------


def commands_page() -> str:
    """Every command with its arguments and options, from the command line's own declarations."""
    import typer.main

    from forecast.commands import app

    group = typer.main.get_command(app)
    lines = ["# Command line", "", "`forecast COMMAND --help` says the same.", ""]
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        text = " ".join((command.help or "").split())
        lines += [f"## `forecast {name}`", "", text, "", "| | |", "|---|---|"]
        for given in command.params:
            shown = (
                ", ".join(given.opts) if given.param_type_name == "option" else (given.metavar or given.name.upper())
            )
            lines.append(f"| `{shown}` | {html.escape(getattr(given, 'help', '') or '')} |")
        lines += ["", f"    {' '.join((command.epilog or '').removeprefix('Example:').split())}", ""]
    return "\n".join(lines)


# Errors ---------------------------------------------------------------------------------------------------------------


def errors_page() -> str:
    """What the package refuses, by room, with the way out where the error tells one."""
    lines = [
        "# Errors",
        "",
        "Every error that you can mend is an `InputError` (exit code 2). It says where it was found, what was found and"
        " what was expected; these are the words in its middle, with the way out where the error tells one. `…` stands"
        " for what is found on the spot.",
        "",
    ]
    by_room: dict[str, dict[str, str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for problem, hint in raised(path):
            by_room.setdefault(room, {}).setdefault(problem, hint)
    for room in sorted(by_room):
        lines += [f"## {room}", "", "| what is wrong | the way out |", "|---|---|"]
        rows = sorted(by_room[room].items(), key=lambda row: row[0].lower())
        lines += [f"| {_cell(problem)} | {_cell(hint)} |" for problem, hint in rows]
        lines.append("")
    return "\n".join(lines)


def raised(path: Path) -> Iterator[tuple[str, str]]:
    """(problem, hint) of every `InputError` that a module makes with words of its own."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "InputError" and node.args:
            problem = _words(node.args[0])
            hints = [_words(given.value) for given in node.keywords if given.arg == "hint"]
            if problem.strip("… "):
                yield problem, (hints or [""])[0].strip("…")


def _words(node: ast.expr) -> str:
    """A text of the source; what is put in on the spot as …"""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_words(part) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp):
        return _words(node.left) + _words(node.right)
    return "…"


def _cell(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|")


# Benchmarks -----------------------------------------------------------------------------------------------------------


def benchmarks_page() -> str:
    """What `make bench` kept of the newest run, beside the one before and the first."""
    with (ROOT / "tests" / "benchmarks" / "history.csv").open(encoding="utf-8", newline="") as file:
        kept: dict[tuple[str, str, str], list[dict[str, str]]] = {}
        for row in csv.DictReader(file):
            kept.setdefault((row["table"], row["row"], row["measure"]), []).append(row)
    tables = {
        "engine": ("Cost", "Processor seconds of a fit with its forecast over those of a fixed computation."),
        "skill": ("Skill", "Forecast error (CRPS of log) of `quick` over that of the recent mean: below 1 is better."),
    }
    lines = [
        "# Skill and speed, run by run",
        "",
        "`make bench` measures both as ratios to what is computed beside them, so that numbers of two machines can be"
        " compared, and keeps them; this page is made of what was kept. Less is better; a run that is a fifth worse"
        " than the median of the last five fails. What is measured less often has [tables of its own](skill.md).",
        "",
    ]
    for table, (heading, what) in tables.items():
        lines += [f"## {heading}", "", what, "", "| panel | measure | newest | before | first | runs | newest of |"]
        lines.append("|---|---|---|---|---|---|---|")
        for (name, row, measure), runs in kept.items():
            if name == table:
                newest, before = runs[-1], runs[-2]["ratio"] if len(runs) > 1 else "–"
                numbers = f"{newest['ratio']} | {before} | {runs[0]['ratio']} | {len(runs)}"
                lines.append(f"| {row} | {measure} | {numbers} | {newest['version']}, {newest['day']} |")
        lines.append("")
    return "\n".join(lines)


# Notebooks ------------------------------------------------------------------------------------------------------------


def notebook_page(path: Path) -> str:
    """A notebook with the results that are stored in it."""
    lines = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            lines.append(linked(source))
            continue
        lines.append(f"```python\n{source}\n```")
        lines += [shown for output in cell["outputs"] if (shown := _output(output))]
    return "\n\n".join(lines) + "\n"


def _output(output: dict[str, Any]) -> str:
    """What a cell showed: a picture, a table, or text."""
    data = output.get("data", {})
    if "image/svg+xml" in data:
        picture = base64.b64encode("".join(data["image/svg+xml"]).encode()).decode()
        return f'<img alt="chart" src="data:image/svg+xml;base64,{picture}">'
    table = "".join(data.get("text/html", ""))
    if table:
        # Without blank lines, at which Markdown would end the block; its own style is the notebook's.
        table = re.sub(r"<style.*?</style>", "", table, flags=re.DOTALL)
        return "<div>" + "".join(line.strip() + "\n" for line in table.splitlines() if line.strip()) + "</div>"
    text = "".join(output.get("text", data.get("text/plain", "")))
    return f"```text\n{text.rstrip()}\n```" if text.strip() else ""
