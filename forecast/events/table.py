"""`Events`: attacks, one row each, and how they were cleaned."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import names
from forecast.events.boundaries import Boundaries
from forecast.events.places import Gazetteer, write_gazetteer
from forecast.events.selection import involved, select_events
from forecast.files import write_csv
from forecast.folders import EVENTS, write_folder
from forecast.ledger import Ledger

__all__ = ["Events"]


@dataclass(frozen=True, repr=False)
class Events:
    """Attacks, one row each (or one row per count, for sources that publish counts), and how they were cleaned.

    Attributes
    ----------
    table : DataFrame
        The columns of `forecast.names.EVENT_COLUMNS`: event_id, date and date_end (first and last day), country,
        province (unit key), tactic, actor and opponent (several on one side joined by "; "), target, attacks
        (whole number from 1), latitude and longitude (degrees), fatalities, source, place_precision,
        date_precision, reported (the day on which the record was first known; NaT where the source does not tell).
    ledger : Ledger
        What cleaning dropped, left out or changed.
    sources : tuple of dict
        The files: path, sha256, source, rows read.
    simulated : bool
        True where the records are simulated; everything made from them says so.
    older : DataFrame or None
        Earlier versions of the same records, and withdrawn records, with the day on which each was reported and the
        day from which it no longer stood (column `until`): what was known at an origin.
    gaps : DataFrame or None
        Rows of a table of counts whose count is unknown, in the columns of `table` with `attacks` NA: the cells that
        they touch are not observed in a panel, whatever its filters.
    unlocated : DataFrame or None
        Records whose country is known and whose province is not, in the columns of `table` with `province` NA and
        without coordinates: they count in the totals of their countries.
    gazetteer : Gazetteer or None
        The provinces that the records were placed in.
    boundaries : Boundaries or None
        The polygons that could place records without a name.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"date": ["2020-01-03"], "province": ["Diyala"], "actor": ["IS"]})
    >>> events = fc.read_events(table, source="plain")
    >>> len(events.select(actor="IS"))
    1
    """

    table: pd.DataFrame
    ledger: Ledger = field(default_factory=Ledger)
    sources: tuple[dict[str, Any], ...] = ()
    simulated: bool = False
    older: pd.DataFrame | None = None
    gaps: pd.DataFrame | None = None
    unlocated: pd.DataFrame | None = None
    gazetteer: Gazetteer | None = None
    boundaries: Boundaries | None = None

    def __len__(self) -> int:
        return len(self.table)

    def to_frame(self) -> pd.DataFrame:
        """A copy of the table."""
        return self.table.copy()

    def select(
        self, *, actor: str | Sequence[str] | None = None, target: str | Sequence[str] | None = None
    ) -> "Events":
        """Attacks in which an actor stands on either side, alone or with others, or on a class of target.

        Parameters
        ----------
        actor : str or sequence of str, optional
            Names as they stand in the table, in any case; '*' and '?' match as in file names.
        target : str or sequence of str, optional
            Of security_forces, officials, civilians, infrastructure, other, unknown.

        Raises
        ------
        InputError
            When no record has such an actor or target; the message lists the most frequent ones.
        """
        table, ledger = select_events(self.table, self.ledger, actor=actor, target=target)
        older, unlocated = (
            part if part is None else part[involved(part, actor=actor, target=target)]
            for part in (self.older, self.unlocated)
        )
        return replace(self, table=table, ledger=ledger, older=older, unlocated=unlocated)

    def save(self, folder: str | Path) -> None:
        """Write `events.csv` and `ledger.csv` to a folder, and `gazetteer.csv` where the provinces are the data's own.

        All or none are written, with the marker `events.json`, and never over a file they were made from, nor over one
        that is not of `save`. Rows whose count or province is unknown stand in `events.csv` too, with that empty, by
        which they are read again.
        """
        inputs = {source["sha256"] for source in self.sources}
        table = pd.concat([part for part in (self.table, self.gaps, self.unlocated) if part is not None])
        with write_folder(folder, EVENTS, inputs=inputs) as temporary:
            if self.gazetteer is not None and self.gazetteer.from_data:
                write_gazetteer(temporary / "gazetteer.csv", self.gazetteer)
            write_csv(temporary / "events.csv", table)
            write_csv(temporary / "ledger.csv", self.ledger.to_frame())

    def plot(self) -> Any:
        """Altair chart of attacks per month, one line per tactic."""
        from forecast.plots import alt

        month = self.table["date"].dt.to_period("M").dt.to_timestamp()
        frame = self.table.groupby([month, names.TACTIC], observed=True)[names.ATTACKS].sum().reset_index()
        chart = alt.Chart(frame, width=640, height=240, title="SIMULATED DATA" if self.simulated else "")
        return chart.mark_line().encode(x="date:T", y="attacks:Q", color="tactic:N")

    def __repr__(self) -> str:
        table = self.table
        label = " SIMULATED" if self.simulated else ""
        head = f"Events: {int(table[names.ATTACKS].sum()):,}{label} attacks in {len(table):,} rows"
        span = f"{table['date'].min():%Y-%m-%d} to {table['date_end'].max():%Y-%m-%d}" if len(table) else "none"
        return f"{head}, {span}, {table[names.PROVINCE].nunique()} provinces\n{self.ledger!r}"

    def _repr_html_(self) -> str:
        from html import escape

        head = escape(repr(self).splitlines()[0])
        return f"<p>{head}</p>{self.table.head(5).to_html(escape=True, index=False)}{self.ledger._repr_html_()}"
