"""Predicted and synthesised look-up tables and flip-flops.

usage: luts.py NN2HDL DIR [--flatten | --modules] [NAME...]
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PUBLIC = Path("../shared/data/models")
# Smaller numbers are shown, not judged.
FEW = 20
JETS = [PUBLIC / "qkeras_jettagging.onnx", "--input-format", "fixed<16,6>", "--output-node", "Add_3_out0"]
DESIGNS = {
    **{
        f"{model}, II {ii}": [model, "--ii", ii]
        for model, all_ii in [
            ("muon-window", [1, 8]),
            ("muon-segment", [8, 24, 96, 384]),
            ("muon-segment-bx", [8, 24, 96, 384]),
        ]
        for ii in all_ii
    },
    "jet tagger": JETS,
    "jet tagger, II 8": [*JETS, "--ii", 8],
    "unsw_nb15, II 64": [PUBLIC / "unsw_nb15_w2a2.onnx", "--input-format", "fixed<2,2>", "--ii", 64],
    "TFC, II 64": [PUBLIC / "TFC_2W2A.onnx", "--ii", 64],
    "three_layer_keras": [
        PUBLIC / "three_layer_keras.onnx", "--input-format", "fixed<16,6>", "--default-format", "fixed<12,6,RND,SAT>",
    ],
}
# Size, bits of an entry, share of zeros.
MATRICES = [(8, 4, 0), (8, 6, 0), (8, 8, 0), (16, 4, 0), (16, 8, 0), (16, 8, 0.5), (32, 6, 0.8), (64, 4, 0.9)]


def matrix(path, size, bits, zeros):
    """One layer of `size` inputs of 8 bits and as many outputs, as a float model of integer weights."""
    rng = np.random.default_rng(size * 100 + bits)
    weights = rng.integers(-(2 ** (bits - 1)) + 1, 2 ** (bits - 1), (size, size))
    weights = np.where(rng.random(weights.shape) < zeros, 0, weights).astype(np.float32)
    port = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size]) for name in "xy"]
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "matrix", port[:1], port[1:], [numpy_helper.from_array(weights, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
    return [path, "--input-format", "fixed<8,8>", "--default-format", "fixed<24,24>"]


def run(*command):
    found = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if found.returncode:
        return None, found.stderr.strip().splitlines()[:1]
    return found.stdout, None


def row(name, model, yosys):
    """The line of a design, and the ratios of its look-up tables and flip-flops where there are enough to compare."""
    ratios = {kind: model[kind] / max(yosys[kind], 1) for kind in ("lut", "ff")}
    figures = "".join(f"{model[kind]:>12,}{yosys[kind]:>10,}{ratios[kind]:>8.2f}" for kind in ratios)
    print(f"{name:44}{figures}", flush=True)
    return [ratios[kind] for kind in ratios if max(model[kind], yosys[kind]) >= FEW]


def main():
    program, folder, *names = sys.argv[1:]
    options = {name for name in names if name.startswith("--")}
    names = [name for name in names if name not in options]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    designs = dict(DESIGNS)
    for size, bits, zeros in MATRICES:
        name = f"random {size} x {size}, {bits} bits" + (f", {zeros:.0%} zeros" if zeros else "")
        designs[name] = matrix(folder / f"matrix_{size}_{bits}_{zeros}.onnx", size, bits, zeros)
    print(f"{'':44}{'LUT: model':>12}{'Yosys':>10}{'ratio':>8}{'FF: model':>12}{'Yosys':>10}{'ratio':>8}")
    worst, faults = 1.0, 0
    for name, arguments in designs.items():
        if names and not any(part in name for part in names):
            continue
        design = folder / "".join(c if c.isalnum() else "_" for c in name)
        made, fault = run(program, "compile", *arguments, "-o", design)
        found, fault = run(program, "--json", "synth", design, *options & {"--flatten"}) if not fault else (None, fault)
        if fault:
            print(f"{name:44}{fault}", flush=True)
            faults += 1
            continue
        found = json.loads(found)
        report = json.loads((design / "report.json").read_text())
        estimate = {"lut": report["lut_estimate"], "ff": report["ff_estimate"]}
        for ratio in row(name, estimate, found):
            worst = max(worst, ratio, 1 / ratio if ratio else float("inf"))
        if "--modules" in options:
            modules = {layer["module"]: layer for layer in report["per_layer"]}
            for layer in found["per_layer"]:
                name = f"  {layer['instances']} x {layer['module']}"
                row(name[:43], modules.get(layer["module"], {"lut": 0, "ff": 0}), layer)
    print(f"the worst ratio, either way, of what is at least {FEW}: {worst:.2f}" + (f"; {faults} failed" if faults else ""))
    sys.exit(1 if faults else 0)


main()
