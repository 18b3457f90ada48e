"""Look-up tables of adder graphs: the figure that the optimiser makes small next to Yosys' (`synth_xilinx -family xcup
-nodsp -flatten`), each graph alone, combinational, on random signed matrices; and how well the two rank the graphs.

usage: graph_luts.py CMVM_GRAPHS DIR [MATRICES]: so many (20) of 8 x 8 and a quarter of 16 x 16, of 4, 6 and 8 bits in turn;
inputs of 8 bits, signed. CMVM_GRAPHS is the example `cmvm_graphs` of `nn2hdl-tests`; needs numpy.
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from cmvm_costs import width

LO, HI = -128, 127


def span(row):
    """The least and the greatest value of a row of coefficients."""
    up, down = int(row[row > 0].sum()), int(row[row < 0].sum())
    return up * LO + down * HI, up * HI + down * LO


def verilog(graph, matrix, registered=False):
    """One expression for each addition, as wide as its range; inputs and outputs in registers if asked for."""
    rows = list(np.eye(matrix.shape[0], dtype=np.int64))
    bits = lambda row: width(*span(row))
    kept = "  always @(posedge clk) {} <= {};".format
    ports, lines = ["input wire clk"] if registered else [], []
    for n, row in enumerate(rows):
        ports.append(f"input wire [{bits(row) - 1}:0] {'x' if registered else 'v'}{n}")
        if registered:
            lines += [f"  reg [{bits(row) - 1}:0] v{n};", kept(f"v{n}", f"x{n}")]
    for node in graph["nodes"]:
        # Operands are extended by hand, since an unsigned one would make the other unsigned too.
        def operand(value, shift, upper):
            row = rows[value]
            own = bits(row)
            fill = f"{{{upper}{{v{value}[{own - 1}]}}}}" if span(row)[0] < 0 else f"{upper}'d0"
            return f"{{{fill}, v{value}" + (f", {shift}'d0" if shift else "") + "}"

        if len(node) == 1:
            row = -rows[node[0]]
        else:
            a, a_shift, b, b_shift, subtract = node
            row = (rows[a] << a_shift) + (-rows[b] if subtract else rows[b]) * 2**b_shift
        wide = bits(row)
        if len(node) == 1:
            text = f"{wide}'d0 - {operand(node[0], 0, wide)}"
        else:
            text = f"{operand(a, a_shift, wide)} {'-' if subtract else '+'} {operand(b, b_shift, wide)}"
        lines.append(f"  wire [{wide - 1}:0] v{len(rows)} = {text};")
        rows.append(row)
    for column, output in enumerate(graph["outputs"]):
        if output is not None:
            value = output[0]
            ports.append(f"output {'reg' if registered else 'wire'} [{bits(rows[value]) - 1}:0] y{column}")
            lines.append(kept(f"y{column}", f"v{value}") if registered else f"  assign y{column} = v{value};")
    return f"module graph({', '.join(ports)});\n" + "\n".join(lines) + "\nendmodule\n"


def synthesised(text, folder):
    (folder / "graph.v").write_text(text)
    script = f"read_verilog {folder}/graph.v; synth_xilinx -family xcup -nodsp -noiopad -flatten -top graph; tee -q -o {folder}/stat.json stat -json"
    subprocess.run(["yosys", "-q", "-p", script], check=True)
    found = (folder / "stat.json").read_text()
    cells = json.loads(found[found.index("{"):])["design"]["num_cells_by_type"]
    return sum(number for cell, number in cells.items() if cell.startswith("LUT"))


def ranks(values):
    order = np.argsort(values, kind="stable")
    found = np.empty(len(values))
    for value in set(values):
        places = [place for place, at in enumerate(order) if values[at] == value]
        found[[order[place] for place in places]] = np.mean(places)
    return found


def main():
    program, folder = sys.argv[1], Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    folder.mkdir(parents=True, exist_ok=True)
    pairs = []
    print(f"{'':28}{'graph':>8}{'Yosys':>8}{'ratio':>8}")
    for size, number in [(8, count), (16, max(1, count // 4))]:
        for bits in (4, 6, 8):
            rng = np.random.default_rng(1000 * size + bits)
            share = number // 3 + (number % 3 > (4, 6, 8).index(bits))
            matrices = rng.integers(-(2 ** (bits - 1)) + 1, 2 ** (bits - 1), (share, size, size), dtype=np.int64)
            if not share:
                continue
            np.save(folder / "matrices.npy", matrices)
            command = [program, str(folder / "matrices.npy"), "default", "bits", "free", str(LO), str(HI)]
            lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
            here = []
            for matrix, line in zip(matrices, lines):
                graph = json.loads(line)
                here.append((graph["luts"], synthesised(verilog(graph, matrix), folder)))
                print(f"{f'{size} x {size}, {bits} bits':28}{here[-1][0]:>8}{here[-1][1]:>8}{here[-1][0] / here[-1][1]:>8.3f}", flush=True)
            pairs.append(here)
    all_pairs = [pair for here in pairs for pair in here]
    ratios = [ours / theirs for ours, theirs in all_pairs]
    rank = np.corrcoef(*(ranks(side) for side in zip(*all_pairs)))[0, 1]
    print(f"ratio {min(ratios):.3f} to {max(ratios):.3f}, mean {np.mean(ratios):.3f}; rank correlation {rank:.4f}")
    for here in pairs:
        if len(here) > 3:
            print(f"  within one kind ({len(here)}): rank correlation {np.corrcoef(*(ranks(side) for side in zip(*here)))[0, 1]:.3f}")


if __name__ == "__main__":
    main()
