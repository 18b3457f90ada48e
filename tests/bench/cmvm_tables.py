"""The tables of compare_cmvm."""
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from cmvm_costs import costs
from graph_luts import HI, LO, synthesised, verilog

work, count, signed, times = Path(sys.argv[1]), *map(int, sys.argv[2:])
OURS = "target/release/examples/cmvm_graphs"
PEER = str(Path(__file__).with_name("cmvm_peers.py"))
# So many graphs of each size, of the first matrices, go through Yosys.
MAPPED = {8: 3, 16: 1, 32: 1, 64: 0} if shutil.which("yosys") else {}


class Run:
    """Adders, adder bits, depth and seconds of each matrix, and Yosys' look-up tables of the first ones."""

    def __init__(self, command, matrices):
        file = work / "matrices.npy"
        np.save(file, matrices)
        command = [word.replace("{}", str(file)) for word in command]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        graphs = [json.loads(line) for line in lines]
        if len(graphs) != len(matrices):
            raise SystemExit("compare_cmvm: not every matrix has a graph")
        self.rows = np.array([(*costs(g, m, LO, HI), g["cpu_s"]) for g, m in zip(graphs, matrices)])
        mapped = list(zip(graphs, matrices))[: MAPPED.get(matrices.shape[1], 0)]
        self.luts = np.mean([synthesised(verilog(g, m), work) for g, m in mapped]) if mapped else None

    def cells(self):
        """Adders, their standard error, bits, depth, look-up tables, seconds."""
        adders, bits, depth, seconds = self.rows.mean(0)
        error = self.rows[:, 0].std(ddof=1) / len(self.rows) ** 0.5 if len(self.rows) > 1 else float("nan")
        luts = "-" if self.luts is None else f"{self.luts:.0f}"
        return f"{adders:9.2f}{error:8.2f}{bits:10.1f}{depth:7.2f}{luts:>8}{seconds:10.5f}"


def ours(effort, cost, depth):
    return [OURS, "{}", effort, cost, depth, str(LO), str(HI)]


def peer(name, depth):
    return [sys.executable, PEER, name, "{}", depth, str(LO), str(HI)]


HEAD = f"{'adders':>9}{'± s.e.':>8}{'bits':>10}{'depth':>7}{'LUT':>8}{'CPU s':>10}"
print(f"{'N x N, 8 bits, least adders':32}{'who':>17}{HEAD}{'x time':>8}")
for size, few in ((8, 10), (16, 100)):
    random = np.random.default_rng(0)
    matrices = (np.floor(random.random((count, size, size)) * 127) + 129).astype(np.int64)
    for depth, free in (("free", "-1"), ("+2", "2"), ("+0", "0")):
        theirs = Run(peer("da4ml", free), matrices)
        runs = [("da4ml", count, theirs)]
        for effort, number in (("fast", count), ("default", count), (str(times), max(2, count // few))):
            name = f"{effort} times" if effort == str(times) else effort
            runs.append((f"nn2hdl {name}", number, Run(ours(effort, "adders", depth), matrices[:number])))
        for name, number, found in runs:
            label = f"{number} of {size} x {size}, depth {depth}"
            slower = found.rows[:, 3].mean() / theirs.rows[:, 3].mean()
            print(f"{label:32}{name:>17}{found.cells()}{slower:8.2f}", flush=True)

print(f"\n{'signed, least LUT':32}{'who':>17}{HEAD}{'bits/alkaid':>13}{'x faster':>10}")
for size in (8, 16, 32, 64):
    number = signed * (64 // size) ** 2
    for bits in (4, 6, 8):
        matrices = np.random.default_rng(0).integers(1 - 2 ** (bits - 1), 2 ** (bits - 1), (number, size, size))
        theirs = Run(peer("alkaid", "-1"), matrices)
        levels = work / "levels.txt"
        levels.write_text("\n".join(str(int(depth)) for depth in theirs.rows[:, 2]))
        runs = [("alkaid", theirs)]
        runs += [(f"nn2hdl {effort}", Run(ours(effort, "bits", str(levels)), matrices)) for effort in ("fast", "default")]
        for name, found in runs:
            if (found.rows[:, 2] > theirs.rows[:, 2]).any():
                name += " DEEPER"
            mean, their = found.rows.mean(0), theirs.rows.mean(0)
            label = f"{number} of {size} x {size}, {bits} bits"
            print(f"{label:32}{name:>17}{found.cells()}{mean[1] / their[1]:13.3f}{their[3] / mean[3]:10.1f}", flush=True)
