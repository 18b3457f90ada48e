"""Rounds of emulator and ONNX Runtime side by side; see compare_conv_emulator."""

import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np
import onnxruntime

THREADS, FRAMES, BATCHES, SECONDS = 2, 512, (64, 128, 256), 1.0

model, float_model, images, rounds, work = sys.argv[1:6]
node = ["--output-node", sys.argv[6]] if len(sys.argv) > 6 else []
real = np.load(images)["x"]
if real.dtype != np.uint8 or len(real) == 0:
    sys.exit(f"{images}: `x` must be u8 with at least one frame")
real = np.resize(real, (FRAMES, *real.shape[1:]))
dice = np.random.default_rng(1)
kinds = {
    "real": real,
    "dense": (dice.random(real.shape) < 0.5).astype(np.uint8),
    "empty": np.zeros_like(real),
}

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = THREADS
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(float_model, options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
ours = subprocess.Popen(
    ["target/release/examples/conv_rate", model, *node], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
)


def peer(frames, batch, seconds):
    parts = [frames[at : at + batch].astype(np.float32) for at in range(0, FRAMES, batch)]
    done, cpu, begin = 0, time.process_time(), time.perf_counter()
    while time.perf_counter() - begin < seconds:
        for part in parts:
            session.run(None, {name: part})
            done += len(part)
    wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    return done / wall, cpu / done


def emulator(path, seconds):
    ours.stdin.write(f"{path} {seconds}\n")
    ours.stdin.flush()
    answer = json.loads(ours.stdout.readline())
    return answer["images_per_s"], answer["cpu_s_per_image"]


print(f"{'images':8s}{'emulator/s':>12s}{'ORT/s':>10s}{'ratio (min, median, max)':>28s}{'CPU-s ratio':>14s}{'batch':>7s}")
slow = False
for kind, frames in kinds.items():
    path = os.path.join(work, f"{kind}.u8")
    frames.tofile(path)
    best = max(BATCHES, key=lambda batch: peer(frames, batch, SECONDS / 2)[0])
    found = [(emulator(path, SECONDS), peer(frames, best, SECONDS)) for _ in range(int(rounds))]
    ratios = [our[0] / other[0] for our, other in found]
    cpu = statistics.median(other[1] / our[1] for our, other in found)
    our, other = (statistics.median(pair[n][0] for pair in found) for n in (0, 1))
    middle = statistics.median(ratios)
    slow |= middle < 2
    print(f"{kind:8s}{our:12,.0f}{other:10,.0f}{min(ratios):12.1f}{middle:8.1f}{max(ratios):8.1f}{cpu:14.1f}{best:7d}")
ours.stdin.close()
sys.exit(1 if slow else 0)
