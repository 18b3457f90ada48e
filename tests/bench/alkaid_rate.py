"""Samples per CPU second of alkaid's interpreter on the jet tagger, one thread, and its answers.

usage: alkaid_rate.py MODEL.onnx CODES.npy ANSWERS.npy SECONDS
CODES holds input codes (1/1024); ANSWERS receives the logits (1/2048), so that both emulators can be compared.
"""
import json
import sys
import time

import numpy as np
import onnx
from alkaid.trace import FVArrayInput, trace
from alkaid.trace.ops import quantize
from onnx import numpy_helper


def layers(path):
    """Weights and biases of the four dense layers, dequantized exactly."""
    graph = onnx.load(path).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Quant" and node.input[0] in constants:
            data, scale, zero, bits = (constants[name].astype(np.float64) for name in node.input)
            codes = np.clip(np.round(data / scale + zero), -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1)
            constants[node.output[0]] = (codes - zero) * scale
    producers = {node.output[0]: node for node in graph.node}
    for node in graph.node:
        if node.op_type == "Add":
            matmul = producers[node.input[0]]
            yield constants[matmul.input[1]].astype(np.float64), constants[node.input[1]].astype(np.float64)


def main():
    model, codes, answers, seconds = sys.argv[1:]
    x = np.load(codes).astype(np.float64) / 1024
    value = FVArrayInput((16,))
    result = quantize(value, 1, 5, 10)
    dense = list(layers(model))
    for number, (weight, bias) in enumerate(dense):
        result = result @ weight + bias
        if number < len(dense) - 1:
            result = quantize(np.maximum(result, 0), 0, 0, 6, "SAT", "RND_CONV")
    program = trace(value, result)
    found = np.asarray(program.predict(x, n_threads=1)).reshape(len(x), 5)
    np.save(answers, np.round(found * 2048).astype(np.int64))
    samples, start, until = 0, time.process_time(), time.perf_counter() + float(seconds)
    best = 0.0
    while time.perf_counter() < until:
        begin = time.process_time()
        program.predict(x, n_threads=1)
        best = max(best, len(x) / (time.process_time() - begin))
        samples += len(x)
    print(json.dumps({"samples_per_cpu_s": samples / (time.process_time() - start), "best": best}))


if __name__ == "__main__":
    main()
