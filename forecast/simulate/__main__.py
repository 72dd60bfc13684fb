"""`python -m forecast.simulate FOLDER` writes the demo files there."""

import sys

from forecast.simulate.demo import write_demo

for path in write_demo(sys.argv[1] if len(sys.argv) > 1 else "data"):
    print(path)
