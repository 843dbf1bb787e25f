"""Anchors, targets, decoding and average precision of the detector. Sizes in pixels of a 96x96 picture."""
import numpy as np
import torch
from torch.nn import functional as F

EXTENT = 96
# Width and height, of the head with 6x6 cells and of that with 12x12.
ANCHORS = {6: ((25, 25), (30, 30), (38, 38)), 12: ((13, 13), (17, 17), (21, 21))}
CLASSES = 4


def targets(boxes):
    """Of one picture, per head [3, n, n, 7 + CLASSES]: x and y in the cell, logarithms of w and h over the anchor's, 1 for an
    object, weight of the object's loss, the classes, weight of the box's loss."""
    made = {n: np.zeros((3, n, n, 7 + CLASSES), np.float32) for n in ANCHORS}
    for n in made:
        made[n][..., 5] = 1
    for x0, y0, x1, y1, label in boxes:
        w, h = x1 - x0, y1 - y0
        best, fits = None, []
        for n, anchors in ANCHORS.items():
            for a, (aw, ah) in enumerate(anchors):
                common = min(w, aw) * min(h, ah)
                fits.append((common / (w * h + aw * ah - common), n, a))
        best = max(fits)
        for fit, n, a in fits:
            cx, cy = (x0 + x1) / 2 * n / EXTENT, (y0 + y1) / 2 * n / EXTENT
            i, j = min(int(cy), n - 1), min(int(cx), n - 1)
            cell = made[n][a, i, j]
            if (fit, n, a) == best:
                aw, ah = ANCHORS[n][a]
                cell[:] = 0
                cell[:6] = cx - j, cy - i, np.log(w / aw), np.log(h / ah), 1, 1
                cell[6 + int(label)] = 1
                cell[6 + CLASSES] = 2 - w * h / EXTENT**2
            elif fit > 0.5 and cell[4] == 0:
                cell[5] = 0  # neither an object's nor background
    return made


def loss(heads, wanted):
    total = 0
    for head, t in zip(heads, wanted):
        batch, _, n, _ = head.shape
        p = head.view(batch, 3, 5 + CLASSES, n, n).permute(0, 1, 3, 4, 2)
        objects = t[..., 4]
        scale = t[..., 6 + CLASSES:] * objects[..., None]
        xy = F.binary_cross_entropy_with_logits(p[..., :2], t[..., :2], reduction="none")
        wh = (p[..., 2:4] - t[..., 2:4])**2
        obj = F.binary_cross_entropy_with_logits(p[..., 4], objects, reduction="none")
        cls = F.binary_cross_entropy_with_logits(p[..., 5:], t[..., 6:6 + CLASSES], reduction="none")
        total = total + (scale * (xy + 2 * wh)).sum() + (t[..., 5] * obj).sum() + (objects[..., None] * cls).sum()
    return total / heads[0].shape[0]


def decode(heads, least=0.01):
    """Per picture [m, 6]: x0, y0, x1, y1, score, class; every class of a cell that scores `least`."""
    batch = heads[0].shape[0]
    found = [[] for _ in range(batch)]
    for head in heads:
        n = head.shape[2]
        p = head.view(batch, 3, 5 + CLASSES, n, n).permute(0, 1, 3, 4, 2).numpy().astype(np.float64)
        sigmoid = lambda v: 1 / (1 + np.exp(-v))
        anchors = np.array(ANCHORS[n], np.float64).reshape(1, 3, 1, 1, 2)
        grid = np.stack(np.meshgrid(np.arange(n), np.arange(n)), -1)  # x, y
        xy = (sigmoid(p[..., :2]) + grid) * (EXTENT / n)
        wh = np.exp(p[..., 2:4]) * anchors
        score = sigmoid(p[..., 4:5]) * sigmoid(p[..., 5:])
        boxes = np.concatenate((xy - wh / 2, xy + wh / 2), -1)
        for b, a, i, j, k in zip(*np.nonzero(score >= least)):
            found[b].append((*boxes[b, a, i, j], score[b, a, i, j, k], k))
    return [suppress(np.array(f, np.float64).reshape(-1, 6)) for f in found]


def iou(box, boxes):
    w = np.minimum(box[2], boxes[:, 2]) - np.maximum(box[0], boxes[:, 0])
    h = np.minimum(box[3], boxes[:, 3]) - np.maximum(box[1], boxes[:, 1])
    common = np.maximum(w, 0) * np.maximum(h, 0)
    area = lambda b: (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    return common / (area(box) + area(boxes) - common)


def suppress(boxes, most=0.45):
    """Of boxes of one class that overlap by more than `most`, the one with the best score."""
    kept = []
    boxes = boxes[np.argsort(-boxes[:, 4], kind="stable")]
    while len(boxes) > 0:
        kept.append(boxes[0])
        boxes = boxes[1:][(boxes[1:, 5] != boxes[0, 5]) | (iou(boxes[0], boxes[1:]) <= most)]
    return np.array(kept).reshape(-1, 6)


def mean_average_precision(found, truth, least=0.5):
    """All points under the precision envelope, mean over classes."""
    each = []
    for k in range(CLASSES):
        rows, wanted, taken = [], 0, []
        for i, (f, t) in enumerate(zip(found, truth)):
            t = t[t[:, 4] == k]
            wanted += len(t)
            taken.append((t, np.zeros(len(t), bool)))
            rows += [(-r[4], i, r) for r in f[f[:, 5] == k]]
        rows.sort(key=lambda r: r[:2])
        hit = np.zeros(len(rows))
        for n, (_, i, r) in enumerate(rows):
            t, used = taken[i]
            if len(t) == 0:
                continue
            overlap = iou(r, t)
            best = int(np.argmax(overlap))
            if overlap[best] >= least and not used[best]:
                used[best], hit[n] = True, 1
        recall = np.concatenate(([0], np.cumsum(hit) / wanted, [1]))
        precision = np.concatenate(([1], np.cumsum(hit) / np.arange(1, len(hit) + 1), [0]))
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        each.append(float(np.sum(np.diff(recall) * precision[1:])))
    return float(np.mean(each)), each
