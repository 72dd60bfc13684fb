"""A raw file, perhaps inside gz or zip, as a stream of bytes that is checked while it is read."""

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from forecast.errors import InputError
from forecast.events.limits import ALWAYS_ALLOWED_BYTES, MAX_EXPANDED_BYTES, MAX_EXPANSION
from forecast.files import check_input_file, readable_name

__all__ = ["CheckedStream", "RawFile", "open_raw"]

_HEAD_BYTES = 2**16
_TABLE_SUFFIXES = (".csv", ".tsv", ".json", ".xlsx")
_TABLE_HINT = "Give a CSV, TSV, JSON or xlsx file, or one of them in gz or zip"
_FOREIGN = {
    b"\xd0\xcf\x11\xe0": ("is an old or encrypted Excel workbook", "Save it as xlsx without a password, or as CSV"),
    b"%PDF": ("is a PDF document", _TABLE_HINT),
    b"PAR1": ("is a Parquet file", _TABLE_HINT),
    b"BZh": ("is compressed with bzip2", "Unpack it, or compress it with gz or zip"),
    b"7z\xbc\xaf": ("is a 7z archive", "Unpack it, or compress it with gz or zip"),
    b"Rar!": ("is a RAR archive", "Unpack it, or compress it with gz or zip"),
    b"\xfd7zXZ": ("is compressed with xz", "Unpack it, or compress it with gz or zip"),
    b"\xff\xfe": ("is encoded as UTF-16", "Save it as CSV in UTF-8"),
    b"\xfe\xff": ("is encoded as UTF-16", "Save it as CSV in UTF-8"),
}
_DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)

Kind = Literal["text", "json", "xlsx"]
Packing = Literal["", "gz", "zip"]


@dataclass(frozen=True)
class RawFile:
    """A file of one table: what it holds (`kind`), how it is packed, and the member's name inside a zip."""

    path: Path
    kind: Kind
    packing: Packing = ""
    member: str = ""

    @property
    def name(self) -> str:
        """Name of the file, as the ledger gives it."""
        return readable_name(self.path)

    @contextmanager
    def open(self) -> Iterator["CheckedStream"]:
        """The unpacked bytes; reading them raises an InputError where they are damaged, binary or implausibly many."""
        with _unpacked(self.path, self.packing, self.member) as stream:
            yield CheckedStream(stream, self)


class CheckedStream(io.RawIOBase):
    """Bytes on their way to a parser: counted, free of NUL, with the unpackers' errors in plain words.

    `quotes` and `lines` are the numbers of double quotes and of line ends that have passed.
    """

    def __init__(self, stream: Any, file: RawFile) -> None:
        self._stream, self._file = stream, file
        self._read = self.lines = self.quotes = 0
        self._limit = _expansion_limit(file.path.stat().st_size) if file.packing else None

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, and raise an InputError where the bytes are not what they should be."""
        try:
            data = self._stream.read(len(buffer))
        except _DAMAGED as error:
            raise _damaged(self._file.path, error) from error
        self._read += len(data)
        if self._limit is not None and self._read > self._limit:
            raise _too_large(self._file.path, self._read)
        if self._file.kind == "text":
            self._refuse_nul(data)
            self.quotes += data.count(b'"')
        buffer[: len(data)] = data
        return len(data)

    def _refuse_nul(self, data: bytes) -> None:
        at = data.find(b"\0")
        if at >= 0:
            line = self.lines + data.count(b"\n", 0, at) + 1
            raise InputError(
                "holds a NUL byte, which no text file does",
                source=self._file.path,
                where=f"line {line}",
                hint="The file is damaged or not text; export it again",
            )
        self.lines += data.count(b"\n")


def open_raw(path: str | Path) -> RawFile:
    """What a file holds, told from its content and not from its name.

    Raises
    ------
    InputError
        For a missing or empty file, a folder, a damaged or encrypted archive, an archive with more or less than
        one table, with a path that leads outside or with an implausible expansion, and for other kinds of file.
    """
    path = Path(path)
    head = _first_bytes(path)
    packing: Packing = ""
    member = ""
    if head.startswith(b"PK\x03\x04"):
        member = _zip_member(path)
        if not member:
            return RawFile(path, "xlsx")
        if member.lower().endswith(".xlsx"):
            return RawFile(path, "xlsx", "zip", member)
        packing = "zip"
    elif head.startswith(b"\x1f\x8b"):
        packing = "gz"
    if packing:
        head = _unpacked_head(path, packing, member)
    return RawFile(path, _text_kind(path, head), packing, member)


def _first_bytes(path: Path) -> bytes:
    check_input_file(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError("cannot be read", source=path, found=str(error)) from error
    if not head:
        raise InputError("is empty", source=path, hint="Download or export it again")
    return head


def _text_kind(path: Path, head: bytes) -> Kind:
    for magic, (problem, hint) in _FOREIGN.items():
        if head.startswith(magic):
            raise InputError(problem, source=path, hint=hint)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise InputError("is empty", source=path, hint="Download or export it again")
    control = sum(text.count(code) for code in (*range(1, 9), *range(14, 27), *range(28, 32)))
    if control > 0.02 * len(text):
        raise InputError("is not a text file", source=path, found="binary data", hint=_TABLE_HINT)
    if text[:1] == b"<":
        raise InputError("is a web page or XML, not a table", source=path, hint=_TABLE_HINT)
    return "json" if text[:1] in (b"[", b"{") else "text"


@contextmanager
def _unpacked(path: Path, packing: Packing, member: str) -> Iterator[Any]:
    if packing == "zip":
        with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
            yield stream
    elif packing == "gz":
        with gzip.open(path, "rb") as stream:
            yield stream
    else:
        with path.open("rb") as stream:
            yield stream


def _unpacked_head(path: Path, packing: Packing, member: str) -> bytes:
    try:
        with _unpacked(path, packing, member) as stream:
            head: bytes = stream.read(_HEAD_BYTES)
    except (*_DAMAGED, NotImplementedError) as error:
        raise _damaged(path, error) from error
    if not head:
        raise InputError("holds an empty file", source=path, hint="Download or pack it again")
    return head


def _zip_member(path: Path) -> str:
    """Name of the one table in a zip archive; '' where the archive is itself a workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError) as error:
        raise _damaged(path, error) from error
    expanded = sum(info.file_size for info in members)
    if expanded > _expansion_limit(path.stat().st_size):
        raise _too_large(path, expanded)
    names = [info.filename for info in members]
    if "[Content_Types].xml" in names and any(name.startswith("xl/") for name in names):
        return ""
    for name in names:
        _refuse_outside(path, name)
    tables = _tables(names)
    if len(tables) != 1:
        found = tables or names or "an empty archive"
        hint = "Unpack it and name the files one by one" if tables else _TABLE_HINT
        raise InputError("does not hold exactly one table", source=path, found=found, hint=hint)
    if any(info.flag_bits & 1 for info in members if info.filename == tables[0]):
        raise InputError("is encrypted", source=path, where=tables[0], hint="Unpack it with its password first")
    return tables[0]


def _tables(names: list[str]) -> list[str]:
    """Members that hold tables; text files only where there is nothing else, for they are often read-me files."""
    kept = [name for name in names if not name.startswith("__MACOSX/") and not PurePosixPath(name).name.startswith(".")]
    tables = [name for name in kept if name.lower().endswith(_TABLE_SUFFIXES)]
    return tables or [name for name in kept if name.lower().endswith(".txt")]


def _refuse_outside(path: Path, name: str) -> None:
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or (len(parts[0]) > 1 and parts[0][1] == ":"):
        raise InputError(
            "holds a file whose path leads outside the archive",
            source=path,
            found=name,
            hint="Do not trust this archive; get it again from its publisher",
        )


def _expansion_limit(packed: int) -> int:
    return min(MAX_EXPANDED_BYTES, max(MAX_EXPANSION * packed, ALWAYS_ALLOWED_BYTES))


def _too_large(path: Path, expanded: int) -> InputError:
    return InputError(
        "expands to implausibly many bytes",
        source=path,
        found=f"{expanded:,} bytes or more from {path.stat().st_size:,}",
        expected=f"at most {MAX_EXPANSION} times the packed size and {MAX_EXPANDED_BYTES:,} bytes",
        hint="If the file is what you think it is, unpack it and give the unpacked file",
    )


def _damaged(path: Path, error: BaseException) -> InputError:
    return InputError(
        "is damaged or cut short, and cannot be unpacked",
        source=path,
        found=str(error) or type(error).__name__,
        hint="Download or pack it again",
    )
