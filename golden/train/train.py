"""Trains the networks of golden/models, with fixed seeds and one thread: `make train`, or for some of them
`/usr/bin/python3 golden/train/train.py NAME...`. With --test it measures the files that are there. BUILD names the build
folder.
"""
import os
import sys
import time

import numpy as np
import torch
from torch.nn import functional as F

import data
import export
import networks
import run
import yolo

BUILD = os.environ.get("BUILD", "build")
HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "models")

# Pictures are drawn once; `lr` is the peak of a one-cycle schedule of Adam.
NETS = {
    "lenet5_digits": dict(make=networks.LeNet5, set="digits", train=60000, epochs=10, batch=64, lr=2e-3, fold=True, test=(1000, 10000)),
    "resnet8_shapes": dict(make=networks.ResNet8, set="shapes", train=40000, epochs=5, batch=64, lr=4e-3, fold=False, test=(1000, 10000)),
    "squeezenet_shapes": dict(make=networks.SqueezeNet, set="shapes", train=40000, epochs=8, batch=64, lr=4e-3, fold=True, test=(1000, 10000)),
    "yolo_scenes": dict(make=networks.Yolo, set="scenes", train=14000, epochs=6, batch=32, lr=3e-3, fold=False, test=(200, 2000)),
}


def train(net, spec, pictures, loss_of):
    optimiser = torch.optim.AdamW(net.parameters(), spec["lr"], weight_decay=1e-3)
    steps = len(pictures) // spec["batch"]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, spec["lr"], total_steps=steps * spec["epochs"])
    order = np.random.default_rng(1)
    begun = time.monotonic()
    for epoch in range(spec["epochs"]):
        net.train()
        total = 0.0
        shuffled = order.permutation(len(pictures))
        for step in range(steps):
            index = np.sort(shuffled[step * spec["batch"]:(step + 1) * spec["batch"]])
            value = loss_of(net, torch.from_numpy(pictures.inputs(index)), index)
            optimiser.zero_grad(set_to_none=True)
            value.backward()
            optimiser.step()
            schedule.step()
            total += float(value)
        print(f"  epoch {epoch + 1}/{spec['epochs']}: loss {total / steps:.4f}, {time.monotonic() - begun:.0f} s", flush=True)


def accuracy(file, pictures):
    right = 0
    with torch.no_grad():
        for i in range(0, len(pictures), 250):
            index = np.arange(i, min(i + 250, len(pictures)))
            found = file(torch.from_numpy(pictures.inputs(index)))[0].argmax(1).numpy()
            right += int((found == pictures.labels[index]).sum())
    return right / len(pictures)


def precision(file, pictures):
    found = []
    with torch.no_grad():
        for i in range(0, len(pictures), 50):
            index = np.arange(i, min(i + 50, len(pictures)))
            found += yolo.decode(file(torch.from_numpy(pictures.inputs(index))))
    return yolo.mean_average_precision(found, pictures.boxes)


def make(name):
    spec = NETS[name]
    torch.manual_seed(1)
    pictures = data.load(BUILD, spec["set"], "train", spec["train"])
    net = spec["make"](pictures.c, pictures.classes)
    print(f"{name}: {len(pictures)} pictures of {spec['set']}, {spec['epochs']} epochs", flush=True)
    if name == "yolo_scenes":
        each = [yolo.targets(b) for b in pictures.boxes]
        wanted = [torch.from_numpy(np.stack([t[n] for t in each])) for n in yolo.ANCHORS]
        del each
        train(net, spec, pictures, lambda net, x, index: yolo.loss(net(x), [w[index] for w in wanted]))
        outputs = [f"head{n}" for n in yolo.ANCHORS]
    else:
        train(net, spec, pictures,
              lambda net, x, index: F.cross_entropy(net.logits(x), torch.from_numpy(pictures.labels[index])))
        outputs = ["classes"]
    path = os.path.join(MODELS, name + ".onnx")
    model = export.write(net, (pictures.c, pictures.h, pictures.w), outputs, spec["fold"], path)
    print(f"{name}: {export.parameters(model)} parameters, {export.macs(model)} MACs, {os.path.getsize(path)} bytes; "
          f"{', '.join(sorted({n.op_type for n in model.graph.node}))}")
    test(name, path)


def test(name, path):
    file, spec = run.File(path), NETS[name]
    for count in spec["test"]:
        test = data.load(BUILD, spec["set"], "test", count)
        if name == "yolo_scenes":
            mean, each = precision(file, test)
            print(f"{name}: mAP@0.5 {mean:.4f} on the first {count} scenes of the test split ("
                  + ", ".join(f"{n} {a:.4f}" for n, a in zip(test.names, each)) + ")", flush=True)
        else:
            print(f"{name}: top-1 {accuracy(file, test):.4f} on the first {count} pictures of the test split", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    arguments = sys.argv[1:]
    measure = "--test" in arguments
    for name in [a for a in arguments if a != "--test"] or NETS:
        if name not in NETS:
            raise SystemExit(f"{name}: expected --test, {', '.join(NETS)}")
        if measure:
            test(name, os.path.join(MODELS, name + ".onnx"))
        else:
            make(name)
