"""A plain file of events, from rows of text."""

import pytest


@pytest.fixture(scope="session")
def header():
    """First line of the file that `write` writes."""
    return "event_id,date,country,province,tactic,actor,opponent,target,latitude,longitude\n"


@pytest.fixture
def write(tmp_path, header):
    """Path of a file with these rows."""
    usual = header

    def write(*rows, name="events.csv", header=usual):
        path = tmp_path / name
        path.write_text(header + "".join(row + "\n" for row in rows), encoding="utf-8")
        return path

    return write
