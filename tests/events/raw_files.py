"""Small files in the forms that can be read."""

import io
import zipfile
from pathlib import Path

import openpyxl

CSV = "id,name,count\n1,Ḥimṣ,5\n2,Dayr,6\n"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def packed(path: Path, **members: str | bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return path


def workbook(**sheets: list[list[object]]) -> bytes:
    """An Excel workbook of these sheets."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def book(path: Path, **sheets: list[list[object]]) -> Path:
    return write(path, workbook(**sheets))


def sheet_with(path: Path, rows: dict[int, dict[str, str]]) -> Path:
    """A workbook whose rows say that they are the numbered ones."""
    cells = {
        number: "".join(f'<c r="{c}{number}" t="inlineStr"><is><t>{text}</t></is></c>' for c, text in row.items())
        for number, row in rows.items()
    }
    data = "".join(f'<row r="{number}">{row}</row>' for number, row in cells.items())
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    content = f'<worksheet xmlns="{space}"><sheetData>{data}</sheetData></worksheet>'
    with zipfile.ZipFile(book(path.with_suffix(".old"), Data=[["x"]])) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, content if name.endswith("sheet1.xml") else old.read(name))
    return path
