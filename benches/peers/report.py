"""What the samples say: medians, ratios within a round, tables, and which targets are met."""

from statistics import median

import peers

# Key of a sample, how it is called, how wide and how exact it is shown.
FIGURES = [
    ("requests_per_s", "{unit}s/s", 13, 0), ("p50_ms", "p50 ms", 9, 2), ("p99_ms", "p99 ms", 9, 2),
    ("cpu_us_per_request", "CPU µs/{unit}", 16, 1), ("cpu_us_per_mib", "CPU µs/MiB", 12, 1),
    ("kib_per_connection", "KiB/{unit}", 16, 2), ("rss_mib", "RSS MiB", 9, 1),
    ("calls_per_s", "calls/s", 9, 1), ("fsync_ms", "fsync ms", 10, 2), ("per_fsync", "of an fsync", 13, 2),
]
# Of these, what is compared, and how the column is called.
COMPARED = [
    ("cpu_us_per_request", "CPU/{unit}"), ("kib_per_connection", "KiB/{unit}"), ("requests_per_s", "{unit}s/s"),
    ("p50_ms", "p50"), ("p99_ms", "p99"), ("rss_mib", "RSS"),
]
ROUNDS_WANTED = 5
WORD_BY_KEY = {"requests_per_s": "{:.0f}/s", "kib_per_connection": "{:.2f} KiB", "p50_ms": "{:.2f} ms"}


def short(sample):
    """One figure of a sample, for the line of its round."""
    return next(text.format(sample[key]) for key, text in WORD_BY_KEY.items() if key in sample)


def pairs(names, builds):
    """Who is compared with whom: Standin with everybody, a later build with the first one, the others with BASES, and
    in the scenarios that only Standin has each row with the first row of its build."""
    result = []
    for name in names:
        build = name.partition(",")[0]
        if name in builds:
            bases = [*[other for other in names if other not in builds and other != "origin"], *builds[:1]]
        elif build in builds:
            first = next(other for other in names if other.partition(",")[0] == build)
            same = name.replace(build, builds[0], 1)
            bases = [first, same]
        else:
            bases = [] if name == "origin" else peers.BASES
        result += [(name, base) for base in dict.fromkeys(bases) if base in names and base != name]
    return result


def rounds(count):
    return f"{count} round{'s' * (count != 1)}"


def spread(values):
    return {"median": median(values), "min": min(values), "max": max(values), "rounds": values}


def summarise(samples, builds):
    medians = {
        name: {key: median(sample[key] for sample in taken) for key, *_ in FIGURES if key in taken[0]}
        | {"errors": sum(sample["errors"] for sample in taken)}
        for name, taken in samples.items()
    }
    ratios = {}
    for name, base in pairs(list(samples), builds):
        for key, _ in COMPARED:
            each = [a[key] / b[key] for a, b in zip(samples[name], samples[base]) if b.get(key) and key in a]
            if each:
                ratios.setdefault(name, {}).setdefault(base, {})[key] = spread(each)
    return medians, ratios


def failures(result):
    """Errors in answers, and who could not be measured though it is here and should be able to."""
    failed = []
    for title, scenario in result["scenarios"].items():
        failed += [f"{title}: {name}: {row['errors']}" for name, row in scenario["medians"].items() if row["errors"]]
        failed += [f"{title}: {name}" for name in scenario["failed"]]
    return failed


def merged(results):
    """One of several, the last with its scenarios and those of the earlier ones that it lacks."""
    last = dict(results[-1])
    last["versions"], last["scenarios"] = {}, {}
    for result in results:
        last["versions"] |= result["versions"]
        last["scenarios"] |= result["scenarios"]
    last["builds"] = list(dict.fromkeys(name for result in results for name in result["builds"]))
    return last


def show(result, title, first):
    scenario, machine = result["scenarios"][title], result["machine"]
    if first:
        print(f"{result['date']}, commit {result['commit']}; {machine['cpu']}, {machine['cores']} cores, "
              f"Linux {machine['kernel']}")
        print(", ".join(f"{name} {version}" for name, version in result["versions"].items()), "(the origin is nginx)")
    connections = f"{scenario['connections']} connections, " if scenario["connections"] else ""
    loads = f" of {scenario['seconds']} s" if scenario["seconds"] else ""
    if (scenario["date"], scenario["commit"]) != (result["date"], result["commit"]):
        print(f"\nmeasured {scenario['date']}, commit {scenario['commit']}:", end="")
    print(f"\n{title}: {scenario['about']}; {connections}{rounds(scenario['rounds'])}{loads}; medians of the rounds\n")
    rows = scenario["medians"]
    width = max([10, *map(len, rows)]) + 1
    figures = [figure for figure in FIGURES if any(figure[0] in row for row in rows.values())]
    heads = "".join(f"{head.format(unit=scenario['unit']):>{wide}}" for _, head, wide, _ in figures)
    print(" " * width + heads + f"{'errors':>8}")
    for name, row in rows.items():
        cells = (f"{row[key]:{wide}.{digits}f}" if key in row else " " * wide for key, _, wide, digits in figures)
        print(f"{name:{width}}" + "".join(cells) + f"{row['errors']:8}")
    for why in dict.fromkeys(scenario["not_measured"].values()):
        names = [name for name, other in scenario["not_measured"].items() if other == why]
        print(f"not measured: {', '.join(names)}: {why}")
    show_ratios(scenario, width)


def show_ratios(scenario, width):
    compared = [(key, head) for key, head in COMPARED
                if any(key in keys for bases in scenario["ratios"].values() for keys in bases.values())]
    if not compared:
        return
    names = [f"{name} / {base}" for name, bases in scenario["ratios"].items() for base in bases]
    width = max(map(len, names))
    print("\nratio within a round: median (least to most)\n" + " " * width
          + "".join(f"{head.format(unit=scenario['unit']):>26}" for _, head in compared))
    for name, bases in scenario["ratios"].items():
        for base, keys in bases.items():
            cells = ("{median:.2f} ({min:.2f} to {max:.2f})".format(**keys[key]) if key in keys else ""
                     for key, _ in compared)
            print(f"{name + ' / ' + base:{width}}" + "".join(f"{cell:>26}" for cell in cells))


class Unknown(Exception):
    """A target can't be judged, and why."""


def against(title, key, better, needed):
    """Within each round the figure of a build by the better one of the others: the least where less is better."""
    def figure(result, build):
        samples = samples_of(result, title, [build, *needed])
        others = list(zip(*([sample[key] for sample in samples[name]] for name in needed)))
        return spread([sample[key] / better(other) for sample, other in zip(samples[build], others)])
    return figure


def rows_of(title, key, name, base):
    """Within each round one row of a build by another."""
    def figure(result, build):
        names = [f"{build}, {name}", f"{build}, {base}"]
        samples = samples_of(result, title, names)
        return spread([a[key] / b[key] for a, b in zip(samples[names[0]], samples[names[1]])])
    return figure


def plain(title, key):
    return lambda result, build: spread([sample[key] for sample in samples_of(result, title, [build])[build]])


def samples_of(result, title, names):
    if title not in result["scenarios"]:
        raise Unknown(f"{title} was not measured")
    scenario = result["scenarios"][title]
    samples = scenario["samples"]
    if title == "small" and scenario["connections"] != 64:
        raise Unknown("small was measured with other than 64 connections")
    if wrong := [name for name in names if scenario["medians"].get(name, {}).get("errors")]:
        raise Unknown(f"errors in the answers of {', '.join(wrong)}")
    absent = [name for name in names if not samples.get(name)]
    if absent:
        raise Unknown(f"{', '.join(absent)} not measured")
    return samples


CPU, RATE = "cpu_us_per_request", "requests_per_s"
OTHERS = peers.PROXIES[1:]
# What is looked at, its figure, and the most (or, with >=, the least) that it may be.
TARGETS = [
    ("small, 64 connections: CPU per request / HAProxy", against("small", CPU, min, ["haproxy"]), "<=", 1.0),
    ("small, 64 connections: CPU per request / nginx", against("small", CPU, min, ["nginx"]), "<=", 1.1),
    ("small, 64 connections: requests/s / HAProxy", against("small", RATE, max, ["haproxy"]), ">=", 1.0),
    ("small, 64 connections: requests/s / nginx", against("small", RATE, max, ["nginx"]), ">=", 0.95),
    *[(f"small: CPU per request / {name}", against("small", CPU, min, [name]), "<=", most) for name, most in
      (("envoy", 0.4), ("caddy", 0.16), ("traefik", 0.26), ("configurable-http-proxy", 0.13), ("paste.proxy", 0.035))],
    ("10 KiB: CPU per request / better of nginx and HAProxy", against("10k", CPU, min, peers.BASES), "<=", 1.0),
    ("1 MiB: CPU per byte / best of all peers", against("1m", CPU, min, OTHERS), "<=", 1.0),
    ("1 MiB: requests/s / best of all peers", against("1m", RATE, max, OTHERS), ">=", 1.0),
    ("small, 64 connections: p99 / better of nginx and HAProxy", against("small", "p99_ms", min, peers.BASES), "<=", 1.1),
    ("idle connection: KiB of resident memory", plain("idle", "kib_per_connection"), "<=", 3.0),
    ("100000 mounts / one: CPU per request", rows_of("mounts", CPU, "100000 mounts", "1 mount"), "<=", 1.03),
    ("50 edits/s / none: CPU per request", rows_of("edits", CPU, "edits", "quiet"), "<=", 1.02),
    ("50 edits/s / none: p99", rows_of("edits", "p99_ms", "edits", "quiet"), "<=", 1.05),
    ("durable create / fsync of 4 KiB, medians", plain("create", "per_fsync"), "<=", 1.5),
]


def judge(result):
    """By the medians of the rounds. Five rounds at least are wanted; what has fewer is judged all the same, and told."""
    width = max(len(name) for name, *_ in TARGETS)
    for build in result["builds"]:
        print(f"\n{f'targets: {build}':{width}}{'wanted':>10}{'median (least to most)':>26}")
        for name, figure, sign, bound in TARGETS:
            try:
                value = figure(result, build)
            except Unknown as why:
                print(f"{name:{width}}{sign + f' {bound:g}':>10}{'':26}  not judged: {why}")
                continue
            met = value["median"] <= bound if sign == "<=" else value["median"] >= bound
            text = "{median:.3f} ({min:.3f} to {max:.3f})".format(**value)
            print(f"{name:{width}}{sign + f' {bound:g}':>10}{text:>26}  {'met' if met else 'NOT met'}"
                  + (f" ({rounds(len(value['rounds']))} only)" if len(value["rounds"]) < ROUNDS_WANTED else ""))
    print("\nPingora, which the targets name too, has no binary to install and is not measured.")
