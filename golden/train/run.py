"""Computes an ONNX file node by node, in float32 by torch's functions: what is measured is the file, not the network that it
was written from."""
import onnx
import onnx.numpy_helper
import torch
from torch.nn import functional as F


def symmetric(x, pads, value=0.0):
    """Padding (top, left, bottom, right) as a step of its own."""
    return F.pad(x, (pads[1], pads[3], pads[0], pads[2]), value=value) if any(pads) else x


def compute(node, get, a):
    op, x = node.op_type, get(0)
    if op == "Conv":
        assert a.get("dilations", [1, 1]) == [1, 1]
        return F.conv2d(symmetric(x, a["pads"]), get(1), get(2), a["strides"], groups=a.get("group", 1))
    if op == "BatchNormalization":
        return F.batch_norm(x, get(3), get(4), get(1), get(2), eps=a["epsilon"])
    if op in ("MaxPool", "AveragePool"):
        assert a.get("ceil_mode", 0) == 0 and (op == "MaxPool" or not any(a["pads"]))
        pool = F.max_pool2d if op == "MaxPool" else F.avg_pool2d
        return pool(symmetric(x, a["pads"], float("-inf")), a["kernel_shape"], a["strides"])
    if op == "GlobalAveragePool":
        return x.mean((2, 3), keepdim=True)
    if op == "Gemm":
        assert a.get("transB") == 1 and a.get("alpha", 1) == 1 and a.get("beta", 1) == 1
        return F.linear(x, get(1), get(2))
    if op == "Concat":
        return torch.cat([get(i) for i in range(len(node.input))], a["axis"])
    if op == "Resize":
        assert a["mode"] == b"nearest" and get(2).tolist() == [1, 1, 2, 2]
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    return {
        "Relu": lambda: torch.relu(x),
        "LeakyRelu": lambda: F.leaky_relu(x, a["alpha"]),
        "Tanh": lambda: torch.tanh(x),
        "Softmax": lambda: torch.softmax(x, a["axis"]),
        "Flatten": lambda: x.flatten(a["axis"]),
        "Add": lambda: x + get(1),
    }[op]()


class File:
    def __init__(self, path):
        graph = onnx.load(path).graph
        self.nodes = list(graph.node)
        self.attributes = [{a.name: onnx.helper.get_attribute_value(a) for a in n.attribute} for n in self.nodes]
        self.constants = {i.name: torch.from_numpy(onnx.numpy_helper.to_array(i).copy()) for i in graph.initializer}
        self.input, self.outputs = graph.input[0].name, [o.name for o in graph.output]

    def __call__(self, image):
        values = {**self.constants, self.input: image}
        for node, attributes in zip(self.nodes, self.attributes):
            get = lambda i: values[node.input[i]] if i < len(node.input) and node.input[i] else None
            values[node.output[0]] = compute(node, get, attributes)
        return [values[name] for name in self.outputs]
