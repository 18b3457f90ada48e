"""Look-up tables of first layers over binary inputs, ours and alkaid's.

usage: binary_layers.py NN2HDL DIR NETWORK...
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from alkaid.codegen import RTLModel
from alkaid.trace import FVArray, trace
from onnx import TensorProto, helper, numpy_helper


def kernel(network):
    """The first convolution as a matrix of integers, taps by channels."""
    graph = onnx.load(next(Path("models", network).glob("*.onnx"))).graph
    found = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    weights = next(w for name, w in found.items() if name.endswith("_weight"))
    scale = found[next(name for name in found if name.endswith("_weight_q_scale"))]
    codes = weights / (scale.reshape(-1, 1, 1, 1) if scale.size > 1 else scale)
    assert np.array_equal(codes, np.round(codes)), "the weights are not multiples of their scale"
    return codes.reshape(len(codes), -1).T.astype(np.int64)


def model(path, matrix):
    shape = {"x": (1, len(matrix)), "y": (1, len(matrix[0]))}
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(size)) for name, size in shape.items()]
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    weights = numpy_helper.from_array(matrix.astype(np.float32), "w")
    graph = helper.make_graph([node], "kernel", ports[:1], ports[1:], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)


def synthesised(sources, top):
    script = f"read_verilog -sv {sources}; synth_xilinx -family xcup -nodsp -flatten -top {top}; tee -q -o /dev/stdout stat -json"
    text = subprocess.run(["yosys", "-q", "-p", script], capture_output=True, text=True, check=True).stdout
    cells = json.loads(text[text.index("{"):])["modules"][f"\\{top}"]["num_cells_by_type"]
    return sum(number for cell, number in cells.items() if cell.startswith(("LUT", "SRL", "RAM")))


def main():
    program, folder, *networks = sys.argv[1:]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{'':20}{'kernel':>10}{'nonzero':>9}{'LUT':>8}{'cycles':>8}{'alkaid':>9}{'cycles':>8}{'ratio':>8}")
    for network in " ".join(networks).split():
        matrix = kernel(network)
        source, ours, theirs = (folder / f"{network}{end}" for end in (".onnx", "", "_alkaid"))
        model(source, matrix)
        formats = ["--input-format", "ufixed<1,1>", "--default-format", "fixed<20,20>"]
        subprocess.run([program, "compile", source, "-o", ours, *formats], check=True, capture_output=True)
        found = subprocess.run([program, "--json", "synth", ours, "--flatten"], check=True, capture_output=True)
        lut, cycles = json.loads(found.stdout)["lut"], json.loads((ours / "report.json").read_text())["latency_cycles"]
        bits = np.zeros(len(matrix), dtype=np.int64)
        x = FVArray.from_kif(bits, bits + 1, bits)
        design = RTLModel(
            trace(x, x @ matrix.astype(np.float64)), theirs, prj_name="kernel", flavor="verilog", latency_cutoff=5
        )
        design.write()
        sources = [str(path) for path in sorted((theirs / "src").rglob("*.v")) if "wrapper" not in path.name]
        other = synthesised(" ".join(sources), "kernel")
        size = f"{matrix.shape[0]} x {matrix.shape[1]}"
        row = f"{np.count_nonzero(matrix):>9}{lut:>8}{cycles:>8}{other:>9}{design.latency:>8}{lut / other:>8.2f}"
        print(f"{network:20}{size:>10}{row}", flush=True)


main()
