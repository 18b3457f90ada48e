"""Adder graphs of da4ml or alkaid, one JSON object a line; see compare_cmvm.

usage: OMP_NUM_THREADS=1 python cmvm_peers.py da4ml|alkaid MATRICES.npy HARD_DC LO HI"""
import json
import sys
import time

import numpy as np

peer, matrices, hard_dc, lo, hi = sys.argv[1:]
if peer == "da4ml":
    from da4ml.cmvm import solve
else:
    from alkaid._binary import cmvm_solve as solve


def fields(op):
    """Operands, opcode and shift, in either peer's form."""
    if hasattr(op, "addr"):
        data = op.data[0] if len(op.data) else 0
        return list(op.addr), op.opcode, int(data)
    return [i for i in (op.id0, op.id1) if i >= 0], op.opcode, int(op.data)


def graph(stages, inputs):
    nodes, lines = [], [(i, 0, False) for i in range(inputs)]
    for stage in stages:
        values = []
        for op in stage.ops:
            source, opcode, data = fields(op)
            if opcode == -1:
                which = source[0] if source else data
                value, shift, negative = lines[which]
                values.append((value, shift + int(stage.inp_shifts[which]), negative))
            elif opcode in (0, 1):
                (a, a_shift, a_negative), (b, b_shift, b_negative) = values[source[0]], values[source[1]]
                subtract = (opcode == 1) != (a_negative != b_negative)
                b_shift += data
                low = min(a_shift, b_shift)
                nodes.append([a, a_shift - low, b, b_shift - low, int(subtract)])
                values.append((inputs + len(nodes) - 1, low, a_negative))
            elif opcode == -2:
                value, shift, negative = values[source[0]]
                nodes.append([value])
                values.append((inputs + len(nodes) - 1, shift, negative))
            else:
                raise SystemExit(f"cmvm_peers: opcode {opcode} is not known")
        zero = (None, 0, False)
        lines = [
            (v[0], v[1] + int(shift), v[2] != bool(negated))
            for v, shift, negated in (
                (values[i] if i >= 0 else zero, s, n) for i, s, n in zip(stage.out_idxs, stage.out_shifts, stage.out_negs)
            )
        ]
    outputs = [None if value is None else [value, shift, int(negative)] for value, shift, negative in lines]
    return dict(nodes=nodes, outputs=outputs)


for matrix in np.load(matrices):
    kernel = matrix.astype(np.float32)
    intervals = [(float(lo), float(hi), 1.0)] * kernel.shape[0]
    start = time.process_time()
    solution = solve(kernel, hard_dc=int(hard_dc), qintervals=intervals)
    seconds = time.process_time() - start
    result = graph(list(getattr(solution, "solutions", solution)), kernel.shape[0])
    result["cpu_s"] = seconds
    print(json.dumps(result))
