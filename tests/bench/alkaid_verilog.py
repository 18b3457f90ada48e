"""Alkaid's Verilog of the jet tagger (module `jet`), and its latency.

usage: alkaid_verilog.py MODEL.onnx DIR
"""
import json
import sys
from pathlib import Path

import numpy as np
from alkaid.codegen import RTLModel
from alkaid.trace import FVArrayInput, trace
from alkaid.trace.ops import quantize
from alkaid_rate import layers


def main():
    model, folder = sys.argv[1:]
    value = FVArrayInput((16,))
    result = quantize(value, 1, 5, 10)
    dense = list(layers(model))
    for number, (weight, bias) in enumerate(dense):
        result = result @ weight + bias
        if number < len(dense) - 1:
            result = quantize(np.maximum(result, 0), 0, 0, 6, "SAT", "RND_CONV")
    design = RTLModel(trace(value, result), Path(folder), prj_name="jet", flavor="verilog", latency_cutoff=5)
    design.write()
    print(json.dumps({"latency_cycles": design.latency}))


main()
