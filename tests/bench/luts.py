"""Predicted and synthesised look-up tables and flip-flops.

usage: luts.py NN2HDL DIR [--flatten] [NAME...]
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PUBLIC = Path("../shared/data/models")
DESIGNS = {
    "muon-segment-bx, II 384": ["muon-segment-bx", "--ii", "384"],
    "muon-segment-bx, II 64": ["muon-segment-bx", "--ii", "64"],
    "muon-segment, II 384": ["muon-segment", "--ii", "384"],
    "muon-window": ["muon-window", "--ii", "8"],
    "jet tagger": [PUBLIC / "qkeras_jettagging.onnx", "--input-format", "fixed<16,6>", "--output-node", "Add_3_out0"],
    "jet tagger, II 8": [
        PUBLIC / "qkeras_jettagging.onnx", "--input-format", "fixed<16,6>", "--output-node", "Add_3_out0", "--ii", "8",
    ],
    "unsw_nb15": [PUBLIC / "unsw_nb15_w2a2.onnx"],
    "three_layer_keras": [
        PUBLIC / "three_layer_keras.onnx", "--input-format", "fixed<16,6>", "--default-format", "fixed<12,6,RND,SAT>",
    ],
}


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


def main():
    program, folder, *names = sys.argv[1:]
    flat = ["--flatten"] if "--flatten" in names else []
    names = [name for name in names if name != "--flatten"]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    designs = dict(DESIGNS)
    for size, bits, zeros in [(8, 4, 0), (8, 8, 0), (16, 6, 0), (16, 8, 0.5), (32, 6, 0.8)]:
        name = f"random {size} x {size}, {bits} bits" + (f", {zeros:.0%} zeros" if zeros else "")
        designs[name] = matrix(folder / f"matrix_{size}_{bits}.onnx", size, bits, zeros)
    print(f"{'':36}{'LUT: model':>12}{'Yosys':>10}{'ratio':>8}{'FF: model':>12}{'Yosys':>10}{'ratio':>8}")
    for name, arguments in designs.items():
        if names and not any(part in name for part in names):
            continue
        design = folder / "".join(c if c.isalnum() else "_" for c in name)
        made, fault = run(program, "compile", *arguments, "-o", design)
        found, fault = run(program, "--json", "synth", design, *flat) if not fault else (None, fault)
        if fault:
            print(f"{name:36}{fault}")
            continue
        found = json.loads(found)
        report = json.loads((design / "report.json").read_text())
        row = "".join(
            f"{report[model]:>12,}{found[kind]:>10,}{report[model] / max(found[kind], 1):>8.2f}"
            for kind, model in (("lut", "lut_estimate"), ("ff", "ff_estimate"))
        )
        print(f"{name:36}{row}", flush=True)


main()
