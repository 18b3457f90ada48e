"""The tables of compare_cmvm."""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from cmvm_costs import costs

work, count, signed, times = Path(sys.argv[1]), *map(int, sys.argv[2:])
OURS = "target/release/examples/cmvm_graphs"
PEER = str(Path(__file__).with_name("cmvm_peers.py"))


def run(command, matrices):
    """Rows of adders, adder bits, depth, seconds; `{}` in the command is the file of the matrices."""
    file = work / "matrices.npy"
    np.save(file, matrices)
    lines = subprocess.run([c.replace("{}", str(file)) for c in command], check=True, capture_output=True, text=True).stdout.splitlines()
    graphs = [json.loads(line) for line in lines]
    if len(graphs) != len(matrices):
        raise SystemExit("compare_cmvm: not every matrix has a graph")
    return np.array([(*costs(g, m, -128, 127), g["cpu_s"]) for g, m in zip(graphs, matrices)])


def ours(effort, cost, depth):
    return [OURS, "{}", effort, cost, depth, "-128", "127"]


def peer(name, depth):
    return [sys.executable, PEER, name, "{}", depth, "-128", "127"]


print(f"{'N x N, 8 bits, least adders':30}{'who':>18}{'adders':>9}{'± s.e.':>8}{'bits':>9}{'depth':>7}{'CPU s':>9}")
for size, number in ((8, count), (16, max(2, count // 10))):
    random = np.random.default_rng(0)
    matrices = (np.floor(random.random((number, size, size)) * 127) + 129).astype(np.int64)
    for depth, free in (("free", "-1"), ("+2", "2"), ("+0", "0")):
        efforts = (("fast", "fast"), ("default", "default"), (f"{times} times", str(times)))
        runs = [("da4ml", peer("da4ml", free))]
        runs += [(f"nn2hdl {name}", ours(effort, "adders", depth)) for name, effort in efforts]
        for name, command in runs:
            rows = run(command, matrices)
            mean = rows.mean(0)
            error = rows[:, 0].std(ddof=1) / number**0.5
            label = f"{number} of {size} x {size}, depth {depth}"
            print(f"{label:30}{name:>18}{mean[0]:9.2f}{error:8.2f}{mean[1]:9.1f}{mean[2]:7.2f}{mean[3]:9.4f}", flush=True)

print(f"\n{'signed, least bits':20}{'who':>18}{'adders':>9}{'bits':>9}{'bits/alkaid':>13}{'depth':>7}{'CPU s':>9}{'x faster':>10}")
for size in (8, 16, 32, 64):
    for bits in (4, 6, 8):
        matrices = np.random.default_rng(0).integers(1 - 2 ** (bits - 1), 2 ** (bits - 1), (signed, size, size))
        theirs = run(peer("alkaid", "-1"), matrices)
        levels = work / "levels.txt"
        levels.write_text("\n".join(str(int(depth)) for depth in theirs[:, 2]))
        rows = [("alkaid", theirs)]
        rows += [(f"nn2hdl {effort}", run(ours(effort, "bits", str(levels)), matrices)) for effort in ("fast", "default")]
        for name, found in rows:
            if (found[:, 2] > theirs[:, 2]).any():
                name += " DEEPER"
            mean, their = found.mean(0), theirs.mean(0)
            label = f"{size} x {size}, {bits} bits"
            print(f"{label:20}{name:>18}{mean[0]:9.1f}{mean[1]:9.1f}{mean[1] / their[1]:13.3f}{mean[2]:7.2f}{mean[3]:9.4f}{their[3] / mean[3]:10.1f}", flush=True)
