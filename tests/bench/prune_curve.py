"""The public jet tagger pruned to shares of its look-up tables without training: accuracy against size.

    python tests/bench/prune_curve.py NN2HDL [--shares 1 0.9 0.75 0.6 0.5 0.4] [--yosys 1 0.75 0.5] [--json FILE]

Calibrated on the 128 jets of the golden file without their labels; tested on the 500 labelled jets, and on the 128. Look-up
tables are the compiler's estimate and, for the shares after --yosys, what `synth_xilinx -family xcup -nodsp -flatten` counts
(LUT1 to LUT6; minutes each). The softmax is left off, as in the comparison with other compilers.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

DATA = pathlib.Path(__file__).resolve().parents[3] / "shared/data"
FORMAT = ["--input-format", "fixed<16,6>"]
END = ["--output-node", "Add_3"]


def run(*arguments, **options):
    done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, arguments))}\n{done.stderr}")
    return done.stdout


def yosys(rtl, top):
    """Cells of the flat design."""
    files = " ".join(sorted(path.name for path in rtl.glob("*.v")))
    script = f"read_verilog {files}; synth_xilinx -family xcup -nodsp -flatten -top {top}; stat"
    text = run("yosys", "-p", script, cwd=rtl)
    cells = dict(re.findall(r"^\s+([A-Z0-9]+)\s+(\d+)$", text[text.rindex("Number of cells"):], re.M))
    count = lambda *names: sum(int(cells.get(name, 0)) for name in names)
    return {"lut": count(*(f"LUT{n}" for n in range(1, 7))), "ff": count("FDRE", "FDSE"), "carry": count("CARRY4")}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--shares", type=float, nargs="+", default=[1, 0.9, 0.75, 0.6, 0.5, 0.4])
    parser.add_argument("--yosys", type=float, nargs="*", default=[])
    parser.add_argument("--json")
    options = parser.parse_args()
    model = DATA / "models/qkeras_jettagging.onnx"
    golden, jets = np.load(DATA / "golden/qonnx_jettagging_6b.npz"), np.load(DATA / "jets/jsc_hlf_jets_500_999.npz")
    samples = {"500": (jets["x"], jets["y"]), "128": (golden["input"], golden["label"])}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, (x, _) in samples.items():
            np.save(folder / f"{name}.npy", x)
        for share in options.shares:
            pruned, design = folder / "pruned.onnx", folder / "design"
            run(options.program, "prune", model, "--calibration", folder / "128.npy", "--lut-fraction", share, "-o", pruned, *FORMAT, *END)
            report = json.loads(run(options.program, "compile", pruned, "-o", design, *FORMAT, *END, "--json"))["report"]
            row = {"share": share, "lut_estimate": report["lut_estimate"], "adders": report["adders"], "latency_cycles": report["latency_cycles"]}
            for name, (_, labels) in samples.items():
                run(options.program, "emulate", pruned, "--input", folder / f"{name}.npy", "--output", folder / "y.npy", *FORMAT)
                row[f"accuracy_{name}"] = float(np.mean(np.load(folder / "y.npy").argmax(1) == labels))
            if share in options.yosys:
                row["yosys"] = yosys(design / "rtl", report["top"])
            rows.append(row)
            print(json.dumps(row), flush=True)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
