"""Quantizes real networks with ONNX Runtime and compares its codes with the emulator's; see compare_quantized."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper, version_converter
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

program, models, work, frames = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
NETWORKS = {"three_layer_pytorch": (16,), "three_layer_keras": (16,), "conv2d_small_keras": (8, 8, 1)}


class Frames(CalibrationDataReader):
    def __init__(self, name, data):
        self.rest = iter([{name: frame[None]} for frame in data])

    def get_next(self):
        return next(self.rest, None)


def prepared(name, shape):
    """The network up to its softmax, one frame at a time, without constants among its inputs."""
    model = onnx.load(models / f"{name}.onnx")
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    last = graph.node[-1]
    if last.op_type == "Softmax":
        graph.node.remove(last)
    output = helper.make_tensor_value_info(graph.node[-1].output[0], onnx.TensorProto.FLOAT, None)
    source = helper.make_tensor_value_info(inputs[0].name, onnx.TensorProto.FLOAT, [1, *shape])
    del graph.input[:], graph.output[:], graph.value_info[:]
    graph.input.append(source)
    graph.output.append(output)
    model.ir_version = 8
    path = work / f"{name}.onnx"
    onnx.save(version_converter.convert_version(model, 13), path)
    return path, source.name


def answer(path, name, data, optimized):
    options = onnxruntime.SessionOptions()
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {name: frame[None]})[0] for frame in data])


def last_scale(path):
    """Scale of the last quantizer."""
    graph = onnx.load(path).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return float(constants[graph.node[-1].input[1]])


failed = False
for name, shape in NETWORKS.items():
    dice = np.random.default_rng(1)
    path, source = prepared(name, shape)
    calibration = dice.normal(size=(64, *shape)).astype(np.float32)
    data = dice.normal(size=(frames, *shape)).astype(np.float32)
    np.save(work / "x.npy", data)
    for form in (QuantFormat.QDQ, QuantFormat.QOperator):
        for activations, weights in ((QuantType.QInt8, QuantType.QInt8), (QuantType.QUInt8, QuantType.QUInt8),
                                     (QuantType.QUInt8, QuantType.QInt8)):
            for per_channel in (False, True):
                target = work / f"{name}-{form.name}-{activations.name}-{weights.name}-{int(per_channel)}.onnx"
                quantize_static(path, target, Frames(source, calibration), quant_format=form, per_channel=per_channel,
                                activation_type=activations, weight_type=weights, reduce_range=True)
                label = target.stem
                found = work / "y.npy"
                run = subprocess.run([program, "emulate", target, "--input", work / "x.npy", "--output", found],
                                     capture_output=True, text=True)
                if run.returncode != 0:
                    print(f"{label}: refused: {run.stderr.strip().splitlines()[:3]}")
                    failed = True
                    continue
                scale = last_scale(target)
                ours = np.rint(np.load(found).reshape(frames, -1) / scale)
                counts = []
                for optimized in (False, True):
                    theirs = np.rint(answer(target, source, data, optimized).reshape(frames, -1) / scale)
                    difference = np.abs(ours - theirs)
                    counts.append(f"{int((difference.max(axis=1) > 0).sum())} frames differ, by {int(difference.max())} at most")
                    failed |= bool(difference.max() > 2)
                print(f"{label}: {frames} frames; plain: {counts[0]}; optimized: {counts[1]}")
sys.exit(int(failed))
