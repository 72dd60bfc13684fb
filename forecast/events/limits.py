"""How much may come in from files and servers: what lies beyond is refused, and the message names the limit."""

__all__ = [
    "ALWAYS_ALLOWED_BYTES",
    "CONNECT_SECONDS",
    "MAX_CELL_CHARACTERS",
    "MAX_DOWNLOAD_BYTES",
    "MAX_DOWNLOAD_SECONDS",
    "MAX_EXPANDED_BYTES",
    "MAX_EXPANSION",
    "MAX_HEADER_BYTES",
    "MAX_PAGES",
    "MAX_SHEET_CELLS",
    "MAX_SHEET_ROWS",
    "PORTION_BYTES",
    "PORTION_SECONDS",
]

# Event files shrink 5 to 30 times; what grows beyond these limits was made to fill the memory.
MAX_EXPANDED_BYTES = 4 * 2**30
MAX_EXPANSION = 200
ALWAYS_ALLOWED_BYTES = 32 * 2**20

# The header is looked for in so many bytes: 49 names of UCDP take 600, and no table has 10,000 columns.
MAX_HEADER_BYTES = 2**20
# One cell of text: a province's polygon as WKT takes 1 to 5 million characters; the csv module stops at 131,072.
MAX_CELL_CHARACTERS = 16 * 2**20

# The last row of the xlsx format. A row's number is a claim that costs nothing, and each row before it a blank one.
MAX_SHEET_ROWS = 2**20
# Rows times columns up to the last one that is needed: ACLED's 35 columns fill 37 million in a full sheet.
MAX_SHEET_CELLS = 50_000_000

# UCDP GED 25.1 has 0.3 GB unpacked and some 400 pages of 1,000 records.
MAX_DOWNLOAD_BYTES = 2 * 2**30
MAX_PAGES = 5_000
# Half of a yearly release in an hour is a line of 5 kB/s.
MAX_DOWNLOAD_SECONDS = 3600.0
# Three tries to connect are made within the seconds of a portion.
CONNECT_SECONDS = 8.0
# The slowest line that is waited for: a portion (or an answer's end) in so many seconds, 1 kB/s.
PORTION_BYTES = 2**15
PORTION_SECONDS = 30.0
