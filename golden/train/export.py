"""Writes a trained network as ONNX, opset 13, float32."""
import io

import onnx
import onnx.checker
import onnx.numpy_helper
import onnx.shape_inference
import torch

import networks


def tidy(graph):
    """torch writes a Pad that pads nothing before an average pool, an Identity for a tensor that equals another, and constants as
    nodes."""
    values = {n.output[0]: onnx.numpy_helper.to_array(n.attribute[0].t) for n in graph.node if n.op_type == "Constant"}
    values.update({i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer})
    for empty in [n for n in graph.node if n.op_type in ("Pad", "Identity")]:
        if empty.op_type == "Pad" and values[empty.input[1]].any():
            raise SystemExit(f"{empty.name}: expected no Pad that pads")
        for node in graph.node:
            for i, name in enumerate(node.input):
                if name == empty.output[0]:
                    node.input[i] = empty.input[0]
        graph.node.remove(empty)
    used = {i for n in graph.node for i in n.input}
    for node in [n for n in graph.node if n.op_type == "Constant"]:
        if node.output[0] in used:
            graph.initializer.append(onnx.numpy_helper.from_array(values[node.output[0]], node.output[0]))
        graph.node.remove(node)
    for initializer in [i for i in graph.initializer if i.name not in used]:
        graph.initializer.remove(initializer)


def write(net, shape, outputs, fold, path):
    """fold: batch normalisations disappear into the convolutions before them."""
    net.eval()
    same = {f"{name}.weight": module for name, module in net.named_modules() if isinstance(module, networks.SameConv2d)}
    for module in same.values():
        module.exporting, module.padding = True, (1, 1)
    file = io.BytesIO()
    torch.onnx.export(net, torch.zeros(1, *shape), file, opset_version=13, input_names=["image"], output_names=outputs,
                      training=torch.onnx.TrainingMode.EVAL if fold else torch.onnx.TrainingMode.PRESERVE)
    model = onnx.load_from_string(file.getvalue())
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[1] in same:
            next(a for a in node.attribute if a.name == "pads").ints[:] = [0, 0, 1, 1]
    for module in same.values():
        module.exporting, module.padding = False, (0, 0)
    tidy(model.graph)
    model.doc_string = "made by `make train`; see golden/models/README.md"
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return model


def macs(model):
    """Multiply-accumulates of convolutions and fully connected layers, and the number of parameters."""
    model = onnx.shape_inference.infer_shapes(model)
    values = list(model.graph.value_info) + list(model.graph.output)
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}
    weights = {i.name: list(i.dims) for i in model.graph.initializer}
    total = 0
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm"):
            elems = 1
            for d in weights[node.input[1]]:
                elems *= d
            if node.op_type == "Conv":
                elems *= shapes[node.output[0]][2] * shapes[node.output[0]][3]
            total += elems
    return total


def parameters(model):
    """Values of convolutions, fully connected layers and batch normalisations."""
    used = {i for n in model.graph.node if n.op_type in ("Conv", "Gemm", "BatchNormalization") for i in n.input}
    total = 0
    for initializer in model.graph.initializer:
        if initializer.name in used:
            elems = 1
            for d in initializer.dims:
                elems *= d
            total += elems
    return total
