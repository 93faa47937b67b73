"""A script of ten steps and nothing else: ten_steps.py TOOL WORK, run by that tool's Python.

Loads no library of its own, so that what it costs is Python and the tool. Prints "seconds" and
those of import, init and finish.
"""

import sys
from time import perf_counter

STEPS = 10


def main() -> None:
    tool, work = sys.argv[1:]
    driver = __import__(f"drivers.{tool}", fromlist=["drivers"])
    moments = [perf_counter()]
    driver.load()
    moments.append(perf_counter())
    driver.init(work)
    moments.append(perf_counter())
    for step in range(STEPS):
        driver.log(step, {f"m{k}": 0.5 * step + k for k in range(10)})
    moments.append(perf_counter())
    driver.finish()
    print("seconds", moments[1] - moments[0], moments[2] - moments[1], perf_counter() - moments[3])


if __name__ == "__main__":
    main()
