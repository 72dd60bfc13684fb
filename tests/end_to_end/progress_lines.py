"""Lines of progress, which commands write where work takes longer than two seconds."""

import re


def without_progress(err: str) -> str:
    """What a command wrote but for the lines that say how far it is, where it takes longer than two seconds."""
    return re.sub(
        r"(?m)^(starting|reading|fitting|Fitting|Sampling|Measuring|scoring|writing|rendering|downloading|checking)\b.*\n",
        "",
        err,
    )
