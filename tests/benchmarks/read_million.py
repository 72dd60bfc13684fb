"""Reads a million simulated ACLED-like rows to a panel, and prints the seconds and the peak memory it took.

    python tests/benchmarks/read_million.py [--rows 1000000] [--gz] [--profile]

Target: under 20 s and under 2 GB. The file is written first, by another process, and is not part of the figures.
"""

import argparse
import cProfile
import gzip
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

TARGET_SECONDS, TARGET_GB = 20.0, 2.0
CHUNK = 100_000
KINDS = [
    ("Battles", "Armed clash", 0.30),
    ("Explosions/Remote violence", "Shelling/artillery/missile attack", 0.25),
    ("Explosions/Remote violence", "Remote explosive/landmine/IED", 0.15),
    ("Explosions/Remote violence", "Air/drone strike", 0.10),
    ("Explosions/Remote violence", "Suicide bomb", 0.02),
    ("Violence against civilians", "Attack", 0.09),
    ("Violence against civilians", "Abduction/forced disappearance", 0.04),
    ("Protests", "Peaceful protest", 0.03),
    ("Strategic developments", "Disrupted weapons use", 0.02),
]
ACTORS = [
    "Islamic State (Syria)",
    "Islamic State (Iraq)",
    "Unidentified Armed Group (Syria)",
    "Military Forces of Syria (2000-2024)",
    "Military Forces of Iraq (2014-)",
    "QSD: Syrian Democratic Forces",
    "Civilians (Syria)",
    "",
]
INTER = np.array([2, 2, 3, 1, 1, 2, 7, 0])


def simulated_rows(rng: np.random.Generator, first: int, n: int) -> pd.DataFrame:
    """Rows in the form of an old ACLED export (31 columns): no real event is among them."""
    from forecast.events.places import read_gazetteer

    places = read_gazetteer().table
    place = rng.integers(len(places), size=n)
    spelling = [(*aliases, name) for aliases, name in zip(places["aliases"], places["province_name"], strict=True)]
    labels = np.array([spelling[p][w % len(spelling[p])] for p, w in zip(place, rng.integers(9, size=n), strict=True)])
    kind = rng.choice(len(KINDS), size=n, p=[share for _, _, share in KINDS])
    day = pd.Timestamp("2016-01-01") + pd.to_timedelta(rng.integers(9 * 365, size=n), unit="D")
    one, two = rng.integers(len(ACTORS) - 1, size=n), rng.integers(len(ACTORS), size=n)
    actors = np.array(ACTORS)
    country = places["country"].to_numpy()[place]
    table = pd.DataFrame(
        {
            "event_id_cnty": [f"SIM{number}" for number in range(first, first + n)],
            "event_date": day.strftime("%Y-%m-%d"),
            "year": day.year,
            "time_precision": rng.choice([1, 2, 3], size=n, p=[0.93, 0.05, 0.02]),
            "disorder_type": "Political violence",
            "event_type": np.array([event for event, _, _ in KINDS])[kind],
            "sub_event_type": np.array([sub for _, sub, _ in KINDS])[kind],
            "actor1": actors[one],
            "assoc_actor_1": "",
            "inter1": INTER[one],
            "actor2": actors[two],
            "assoc_actor_2": "",
            "inter2": INTER[two],
            "interaction": 10 * INTER[one] + INTER[two],
            "civilian_targeting": np.where(INTER[two] == 7, "Civilian targeting", ""),
            "iso": np.where(country == "Iraq", 368, 760),
            "region": "Middle East",
            "country": country,
            "admin1": np.where(rng.random(n) < 0.002, "Nowhere", labels),
            "admin2": "District",
            "admin3": "",
            "location": [f"Village {number}" for number in rng.integers(20_000, size=n)],
            "latitude": (places["latitude"].to_numpy()[place] + rng.normal(0, 0.2, n)).round(4),
            "longitude": (places["longitude"].to_numpy()[place] + rng.normal(0, 0.2, n)).round(4),
            "geo_precision": rng.choice([1, 2, 3], size=n, p=[0.6, 0.3, 0.1]),
            "source": "Simulated source",
            "source_scale": "Other",
            "notes": [
                f"Simulated, event {number}: an armed group, a place, a day, and so on. " * 3 for number in range(n)
            ],
            "fatalities": rng.poisson(0.8, n),
            "tags": "",
            "timestamp": (day - pd.Timestamp(0)) // pd.Timedelta(seconds=1) + rng.integers(10**5, 10**7, size=n),
        }
    )
    again = table["event_id_cnty"].where(rng.random(n) > 0.002).ffill().fillna(f"SIM{first}")
    return table.assign(event_id_cnty=again)


def write(path: Path, rows: int) -> None:
    rng = np.random.default_rng(1)
    with gzip.open(path, "wt", compresslevel=1) if path.suffix == ".gz" else path.open("w") as stream:
        for first in range(0, rows, CHUNK):
            chunk = simulated_rows(rng, first, min(CHUNK, rows - first))
            chunk.to_csv(stream, index=False, header=first == 0)


def read(path: Path, profile: bool) -> None:
    import forecast as fc

    begin = time.perf_counter()
    build, load = fc.build_panel, fc.read_events
    imported = time.perf_counter()
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    events = load(path, source="acled", simulated=True)
    loaded = time.perf_counter()
    panel = build(events)
    done = time.perf_counter()
    profiler.disable()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(panel)
    print(events.ledger)
    print(f"import {imported - begin:.1f} s, read_events {loaded - imported:.1f} s, build_panel {done - loaded:.1f} s")
    print(f"in all {done - begin:.1f} s (target {TARGET_SECONDS:.0f}), of processors {time.process_time():.1f} s")
    print(f"peak {peak:.2f} GB (target {TARGET_GB:.0f})")
    if profile:
        pstats.Stats(profiler).sort_stats("cumulative").print_stats(35)
    elif done - begin > TARGET_SECONDS or peak > TARGET_GB:
        sys.exit("misses the target")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--gz", action="store_true", help="a gz file instead of plain CSV")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write(options.write, options.rows)
    elif options.read:
        read(options.read, options.profile)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder, "acled.csv.gz" if options.gz else "acled.csv"))
            command = [sys.executable, __file__]
            subprocess.run([*command, "--write", path, "--rows", str(options.rows)], check=True)
            print(f"{options.rows:,} rows, {Path(path).stat().st_size / 1e6:.0f} MB", flush=True)
            arguments = ["--read", path, *(["--profile"] if options.profile else [])]
            sys.exit(subprocess.run([*command, *arguments], check=False).returncode)


if __name__ == "__main__":
    main()
