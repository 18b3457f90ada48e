"""Writes the sample of a chamber network: images, muon voxels, and the masks by onnx's reference evaluator in float64.

    nn2hdl data muon --events 24 --seed 424242 --background 5 -o events.npz
    python chamber_sample.py events.npz NETWORK.onnx sample.npz     # needs numpy and onnx
"""

import sys

import numpy as np

import check


def main():
    events, network, sample = sys.argv[1:]
    arrays = np.load(events)
    run = check.load(network)
    images = arrays["x"].astype(np.float64)
    masks = np.concatenate([run.run(None, {"image": image[None]})[0] for image in images])
    np.savez_compressed(
        sample, image=arrays["x"], truth=arrays["truth"], mask=masks.astype(np.uint8)
    )
    print(f"{sample}: {len(images)} images, {int(arrays['x'].sum())} hits, {int(masks.sum())} marked")


if __name__ == "__main__":
    main()
