#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Turns the results of benchmarks into tables, and data to plot.

usage: report.py RESULTS.csv FOLDER

Prints the tables in Markdown, each with the run that it is of; puts the data
of plot.gp into FOLDER.
"""
import csv
import os
import sys
from collections import defaultdict
from statistics import median, quantiles

# The place where a test ran, as readers should know it.
PLACES = {
    "icount": "Debian's Linux in QEMU with -icount, one CPU",
    "real": "User-Mode Linux, one CPU, with real lock and interrupt instructions "
            "put back",
    "um": "User-Mode Linux, one CPU, as it is: no spinlocks, and the interrupt "
          "flag is a variable",
    "smp2": "Debian's Linux in QEMU without KVM, 2 CPUs",
    "smp4": "Debian's Linux in QEMU without KVM, 4 CPUs",
}


def load(path):
    """Values by (place, test, quantity), then (peer, size, condition)."""
    results = defaultdict(lambda: defaultdict(list))
    with open(path, newline="") as lines:
        for row in csv.DictReader(lines):
            table = results[row["place"], row["test"], row["quantity"]]
            key = row["peer"], int(row["size"] or 0), row["condition"]
            table[key].append(row["value"] if row["test"] == "about"
                              else float(row["value"]))
    return results


def unique(values):
    return list(dict.fromkeys(values))


def short(value):
    """Three digits, or all before the point: 0.0123, 12.3, 1234."""
    if value is None:
        return ""
    if abs(value) >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.3g}"


def middle(values):
    return median(values) if values else None


def spread(values, divisor=1):
    """The middle one, the smallest and the largest."""
    if not values:
        return ""
    values = [value / divisor for value in values]
    return (f"{short(median(values))} "
            f"({short(min(values))} to {short(max(values))})")


def markdown(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|---" + "|--:" * (len(head) - 1) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def by_size(table, condition=""):
    """A row for each peer, a column for each size."""
    peers = unique(peer for peer, _, _ in table)
    sizes = sorted(unique(size for _, size, _ in table))
    return sizes, [[peer] + [middle(table.get((peer, size, condition)))
                             for size in sizes] for peer in peers]


def where(results, place, test):
    """Where and when a table was measured."""
    runs = results[place, "about", "run"][test, 0, ""]
    return f"{PLACES[place]}; run of {runs[-1] if runs else 'unknown date'}"


def title(text, results, place, test):
    print(f"### {text}\n\n{where(results, place, test)}.\n")


def print_by_size(unit, sizes, rows):
    markdown([unit] + [f"{size} B" for size in sizes],
             [[row[0]] + [short(value) for value in row[1:]] for row in rows])


def write_data(path, sizes, rows):
    """For gnuplot: a column for each peer."""
    with open(path, "w") as data:
        print("size", *(f'"{row[0]}"' for row in rows), file=data)
        for i, size in enumerate(sizes, 1):
            print(size, *("NaN" if row[i] is None else row[i]
                          for row in rows), file=data)


def summary(results, size=64):
    """The figures that most readers want."""
    count = results["icount", "count", "instructions"]
    refused = results["icount", "refused", "instructions"]
    native = results["real", "time", "ns"]
    ours = native["bufflink", size, ""]
    print(f"### An append of {size} bytes\n")
    print(f"instructions: {where(results, 'icount', 'count')}.\n")
    print(f"when full: {where(results, 'icount', 'refused')}.\n")
    print(f"ns: {where(results, 'real', 'time')}.\n")
    rows = []
    for peer in unique(peer for peer, _, _ in native if peer != "loop"):
        theirs = native[peer, size, ""]
        ratio = median(a / b for a, b in zip(ours, theirs))
        rows.append([peer, short(middle(count.get((peer, size, "")))),
                     short(middle(refused.get((peer, size, "full")))),
                     short(median(theirs)), f"{ratio:.2f}"])
    markdown(["", "instructions", "when full", "ns",
              "bufflink takes ... times that"], rows)


def instructions(results, folder):
    sizes, rows = by_size(results["icount", "count", "instructions"])
    title("Instructions of an append", results, "icount", "count")
    print_by_size("peer", sizes, rows)
    write_data(os.path.join(folder, "instructions.dat"), sizes, rows)

    refused = results["icount", "refused", "instructions"]
    sizes, rows = by_size(refused, "full")
    title("Instructions of an append that is refused: the buffer is full, "
          "nobody reads", results, "icount", "refused")
    print_by_size("peer", sizes, rows)


def drains(results):
    by_condition("Instructions of reading a record of 64 bytes", results,
                 "icount", "drain", "instructions", "peer")


def times(results, folder):
    for place, locks in ("real", "with locks"), ("um", "without locks"):
        sizes, rows = by_size(results[place, "time", "ns"])
        title(f"Time of an append, {locks}", results, place, "time")
        print_by_size("ns", sizes, rows)
        write_data(os.path.join(folder, f"time-{place}.dat"), sizes, rows)
        ratios(results, place, locks)


def ratios(results, place, locks, size=64):
    """Round by round, bufflink's time to that of each peer."""
    table = results[place, "time", "ns"]
    ours = table["bufflink", size, ""]
    title(f"bufflink's time to that of others, {locks}, {size} bytes", results,
          place, "time")
    rows = []
    for peer in unique(peer for peer, _, _ in table):
        theirs = table[peer, size, ""]
        pairs = [a / b for a, b in zip(ours, theirs)]
        low, _, high = quantiles(theirs, n=4)
        rows.append([peer, short(median(theirs)),
                     f"{short(low)} to {short(high)}",
                     f"{median(pairs):.2f}",
                     f"{min(pairs):.2f} to {max(pairs):.2f}"])
    markdown(["peer", "ns, median", "its middle half", "ratio, median",
              f"ratios of {len(ours)} rounds"], rows)


def machine(results):
    title("The cost of these instructions alone", results, "real", "machine")
    markdown(["in user space", "ns"],
             [[peer, short(middle(values))] for (peer, _, _), values
              in results["real", "machine", "ns"].items()])


def tests_of(results, place, test):
    """The tables of a test, by quantity."""
    return {quantity: table for (at, which, quantity), table
            in results.items() if (at, which) == (place, test)}


def by_quantity(text, results, place, test):
    """A row for each peer, a column for each quantity."""
    tables = tests_of(results, place, test)
    keys = unique(key for table in tables.values() for key in table)
    title(text, results, place, test)
    markdown(["peer"] + [name.replace("_", " ") for name in tables],
             [[key[0]] + [short(middle(table.get(key)))
                          for table in tables.values()] for key in keys])


def by_condition(text, results, place, test, quantity, unit, divisor=1):
    """A row for each peer, a column for each condition."""
    table = results[place, test, quantity]
    if not table:       # an earlier bench had no such test
        return
    conditions = unique(condition for _, _, condition in table)
    title(text, results, place, test)
    rows = []
    for peer, size in unique((peer, size) for peer, size, _ in table):
        rows.append([peer] + [spread(table.get((peer, size, condition)),
                                     divisor) for condition in conditions])
    markdown([unit] + conditions, rows)


def streams(results, place):
    """A table for each rate; bufflink's watermark is part of its name."""
    tables = tests_of(results, place, "stream")
    keys = unique(key for table in tables.values() for key in table)
    rates = unique(condition.split(" watermark")[0] for _, _, condition in keys)
    for rate in rates:
        title(f"From the producer to the program, {rate}", results, place,
              "stream")
        rows = []
        for key in keys:
            peer, _, condition = key
            if condition.split(" watermark")[0] == rate:
                rows.append([peer + condition.removeprefix(rate)] +
                            [spread(table.get(key)) if name == "records_per_s"
                             else short(middle(table.get(key)))
                             for name, table in tables.items()])
        markdown(["peer"] + [name.replace("_", " ") for name in tables], rows)


def control(results, place, cpus):
    """Two producers that share nothing store twice as much, if all is well."""
    table = results[place, "contend", "records_per_s"]
    gain = (middle(table["lock+memcpy", 64, f"{cpus} on own"]) /
            middle(table["lock+memcpy", 64, "1"]))
    valid = gain >= 0.9 * cpus
    verdict = ("the table is valid" if valid else
               "the guest did not have a core for each CPU: the table is INVALID")
    print(f"Control: lock+memcpy on own locks stored {gain:.2f} times as many "
          f"records as one producer, so {verdict}.\n")


def about(results):
    facts = [f"{quantity}: {values[0]}"
             for (place, test, quantity), table in results.items()
             if (place, test) == ("host", "about")
             for values in table.values()]
    print("; ".join(facts) + ". Each table says of which run it is.\n")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    results = load(sys.argv[1])
    folder = sys.argv[2]
    print("<!-- SPDX-License-Identifier: GPL-2.0-only -->\n# Results\n")
    about(results)
    summary(results)
    instructions(results, folder)
    drains(results)
    times(results, folder)
    machine(results)
    streams(results, "smp2")
    for cpus in 2, 4:
        by_condition(f"Several producers, on {cpus} CPUs: records stored",
                     results, f"smp{cpus}", "contend", "records_per_s",
                     "million/s", 1e6)
        control(results, f"smp{cpus}", cpus)
    by_condition("The same, buffer full: records refused", results,
                 "smp2", "full", "refused_per_s", "million/s", 1e6)
    by_quantity("The cost of a buffer of 4096 bytes", results, "smp2",
                "footprint")
    by_quantity("Code and data (bytes), built for this kernel unless it says "
                "Debian", results, "um", "object")


if __name__ == "__main__":
    main()
