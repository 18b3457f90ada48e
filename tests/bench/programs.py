"""The same designs by two versions of the program.

usage: programs.py DIR OLD NEW [--synth] [NAME...]
"""
import json
import subprocess
import sys
from pathlib import Path

PUBLIC = Path("../shared/data/models")
JETS = [PUBLIC / "qkeras_jettagging.onnx", "--input-format", "fixed<16,6>", "--output-node", "Add_3_out0"]
FORMATS = ["--input-format", "fixed<16,6>", "--default-format", "fixed<12,6,RND,SAT>"]
DESIGNS = {
    "muon-segment-bx, II 8": ["muon-segment-bx", "--ii", "8"],
    "muon-segment-bx, II 64": ["muon-segment-bx", "--ii", "64"],
    "muon-segment-bx, II 384": ["muon-segment-bx", "--ii", "384"],
    "muon-segment, II 384": ["muon-segment", "--ii", "384"],
    "muon-segment-pairs, II 8": ["muon-segment-pairs", "--ii", "8"],
    "muon-window, II 8": ["muon-window", "--ii", "8"],
    "jet tagger": JETS,
    "jet tagger, II 8": [*JETS, "--ii", "8"],
    "unsw_nb15": [PUBLIC / "unsw_nb15_w2a2.onnx", "--input-format", "fixed<2,2>"],
    "TFC": [PUBLIC / "TFC_2W2A.onnx"],
    "three_layer_keras": [PUBLIC / "three_layer_keras.onnx", *FORMATS],
    "three_layer_pytorch": [PUBLIC / "three_layer_pytorch.onnx", *FORMATS],
    "conv2d_small_keras": [PUBLIC / "conv2d_small_keras.onnx", *FORMATS],
}


def run(*command):
    found = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    return found.stdout if found.returncode == 0 else None


def figures(program, arguments, design, synth):
    if run(program, "compile", *arguments, "-o", design) is None:
        return None
    report = json.loads((design / "report.json").read_text())
    found = [report[key] for key in ("lut_estimate", "ff_estimate", "latency_last_cycles", "compile_seconds")]
    if synth:
        mapped = json.loads(run(program, "--json", "synth", design) or '{"lut": 0, "ff": 0}')
        found += [mapped["lut"], mapped["ff"]]
    return found


def main():
    folder, old, new, *names = sys.argv[1:]
    synth = "--synth" in names
    names = [name for name in names if name != "--synth"]
    heads = ["LUT", "FF", "latency", "seconds"] + (["LUT, Yosys", "FF, Yosys"] if synth else [])
    print(" " * 28 + "".join(f"{head:>28}" for head in heads))
    for name, arguments in DESIGNS.items():
        if names and not any(part in name for part in names):
            continue
        plain = "".join(c if c.isalnum() else "_" for c in name)
        rows = []
        for side, program in (("old", old), ("new", new)):
            design = Path(folder) / side / plain
            design.parent.mkdir(parents=True, exist_ok=True)
            rows.append(figures(program, arguments, design, synth))
        if None in rows:
            print(f"{name:28}not compiled by {'both' if rows == [None, None] else 'one'}")
            continue
        cells = ""
        for head, before, after in zip(heads, *rows):
            change = f" {100 * (after / before - 1):+6.1f} %" if before else ""
            number = (lambda v: f"{v:.1f}") if head == "seconds" else (lambda v: f"{v:,}")
            cells += f"{number(before)} → {number(after)}{change}".rjust(28)
        print(f"{name:28}{cells}", flush=True)


main()
