"""Reads what `bittrue dataset SPEC --out FILE` writes.

The file, little-endian: "BTDATA1\\n"; uint32 task (0 classes, 1 boxes), count, height, width, channels, classes, bytes of the
names; the names, each with '\\n' behind it. Then, for each picture, height * width * channels bytes, rows from the top, channels
together (RGB), and what is in it: an int32 class; or a uint32 number of boxes, and for each float32 x0, y0, x1, y1 in pixels
and an int32 class.
"""
import os
import subprocess

import numpy as np


class Data:
    def __init__(self, path):
        raw = np.fromfile(path, np.uint8)
        if raw[:8].tobytes() != b"BTDATA1\n":
            raise SystemExit(f"{path}: expected the format of bittrue dataset --out")
        task, count, self.h, self.w, self.c, self.classes, bytes_ = raw[8:36].view("<u4").tolist()
        at = 36 + bytes_
        self.names = raw[36:at].tobytes().decode().split()
        size = self.h * self.w * self.c
        if task == 0:
            rows = raw[at:].reshape(count, size + 4)
            self.pixels = rows[:, :size]
            self.labels = np.ascontiguousarray(rows[:, size:]).view("<i4").reshape(count).astype(np.int64)
        else:
            self.pixels = np.empty((count, size), np.uint8)
            self.boxes = []  # per picture: [n, 5] x0, y0, x1, y1, class
            for i in range(count):
                self.pixels[i] = raw[at:at + size]
                at += size
                n = int(raw[at:at + 4].copy().view("<u4")[0])
                block = raw[at + 4:at + 4 + 20 * n].copy()
                boxes = np.empty((n, 5), np.float32)
                boxes[:, :4] = block.view("<f4").reshape(n, 5)[:, :4]
                boxes[:, 4] = block.view("<i4").reshape(n, 5)[:, 4]
                self.boxes.append(boxes)
                at += 4 + 20 * n
        self.pixels = self.pixels.reshape(count, self.h, self.w, self.c)

    def __len__(self):
        return len(self.pixels)

    def inputs(self, index):
        """What the networks read: pixel / 255, float32, NCHW."""
        return np.ascontiguousarray(self.pixels[index].transpose(0, 3, 1, 2)).astype(np.float32) / np.float32(255)


def load(build, set_, split, count):
    """Pictures of a generated set, written by the program in the build folder."""
    path = os.path.join(build, "train", f"{set_}-{split}-{count}.bin")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    subprocess.run([os.path.join(build, "bittrue"), "dataset", set_, "--split", split, "--count", str(count), "--out", path],
                   check=True)
    data = Data(path)
    os.remove(path)
    return data
