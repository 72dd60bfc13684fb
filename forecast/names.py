"""Every dimension, column, variable and group name of the package, once (they are public API)."""

# Dimensions.
PROVINCE = "province"
TACTIC = "tactic"
PERIOD = "period"
HORIZON = "horizon"
SAMPLE = "sample"
CHAIN = "chain"
DRAW = "draw"
FORCE = "force"
INDICATOR = "indicator"
CELL_DIMS = (PROVINCE, TACTIC, PERIOD)
DRAW_DIMS = (SAMPLE, PROVINCE, TACTIC, PERIOD)

# Coordinates of `province` and `period`.
PCODE = "pcode"
ZONE = "zone"
PROVINCE_NAME = "province_name"
COUNTRY = "country"
LATITUDE = "latitude"
LONGITUDE = "longitude"
PROVINCE_COORDS = (PCODE, ZONE, PROVINCE_NAME, COUNTRY, LATITUDE, LONGITUDE)
PERIOD_END = "period_end"
# Last day of a province's zone, in panels of which a zone ended.
ZONE_END = "zone_end"

# Variables of a panel.
ATTACKS = "attacks"
OBSERVED = "observed"
EXPOSURE = "exposure"
COVERAGE = "coverage"
# The share of attacks whose province is known: a factor of the coverage.
LOCATED = "located"
# The share of attacks whose tactic is known: another.
TYPED = "typed"
# Recorded attacks as a share of those that are recorded on the other side of a break of collection: another.
COLLECTED = "collected"
SHARES = (LOCATED, TYPED, COLLECTED)
# Over the cells and independent components: the error of the log of a coverage that was learned.
COVERAGE_ERROR = "coverage_error"
NEIGHBOUR = "neighbour"
ADJACENCY = "adjacency"
PANEL_VARIABLES = (ATTACKS, OBSERVED, EXPOSURE, COVERAGE, COVERAGE_ERROR, *SHARES, FORCE, ADJACENCY)

# Variables of a forecast.
DRAWS = "draws"
MU = "mu"
PHI = "phi"
HISTORY = "history"
HISTORY_PERIOD = "history_period"
NOWCAST = "nowcast"
NOWCAST_PERIOD = "nowcast_period"
# Of a forecast that is known by its quantiles alone.
QUANTILES = "quantiles"
QUANTILE = "quantile"

# Frequencies: calendar months, and weeks by the day on which they begin.
MONTHLY = "MS"
WEEKLY = "W-MON"
WEEKS = (WEEKLY, "W-TUE", "W-WED", "W-THU", "W-FRI", "W-SAT", "W-SUN")
FREQUENCIES = (MONTHLY, *WEEKS)

# Columns of the events table, in their order.
EVENT_COLUMNS = (
    "event_id",
    "date",
    "date_end",
    COUNTRY,
    PROVINCE,
    TACTIC,
    "actor",
    "opponent",
    "target",
    ATTACKS,
    LATITUDE,
    LONGITUDE,
    "fatalities",
    "source",
    "place_precision",
    "date_precision",
    "reported",
)
PLACE_PRECISIONS = ("exact", "district", "province", "country", "unknown")
DATE_PRECISIONS = ("day", "week", "month", "year")
TARGETS = ("security_forces", "officials", "civilians", "infrastructure", "other", "unknown")
TACTICS = (
    "ied",
    "small_arms",
    "indirect_fire",
    "assassination",
    "complex_attack",
    "kidnapping",
    "suicide",
    "other",
)
# The tactic, or target, of an attack of which the source does not say it.
UNKNOWN = "unknown"

# Columns of the observations layer below a panel.
VALUE = "value"
LOWER = "lower"
UPPER = "upper"
DEFINITION = "definition"
PUBLISHER = "publisher"

# Columns of a table of indicators of a partner force's capability, in their order.
INDICATOR_COLUMNS = (
    FORCE,
    INDICATOR,
    "period_start",
    PERIOD_END,
    VALUE,
    "scale",
    "direction",
    "total",
    "reported",
    "source",
)

# Columns of score tables.
MODEL = "model"
ORIGIN = "origin"
PREDICTED = "predicted"
# Of a series at an origin: whether it was calm; see `evaluation.onset`.
STATE = "state"
SCORE_KEYS = (MODEL, ORIGIN, HORIZON, PROVINCE, TACTIC)
# What `score` gives on demand.
FURTHER_SCORES = (
    "dispersion",
    "overprediction",
    "underprediction",
    "dispersion_log",
    "overprediction_log",
    "underprediction_log",
    "tail_crps_5",
    "tail_crps_25",
)
