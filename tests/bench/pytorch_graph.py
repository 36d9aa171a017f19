"""A network of the project, given as its graph's operations, in PyTorch.

Maps are [N, C, H, W], channels last in memory; tokens [N, T, C]; features [N, C].
"""

import math

import torch
from torch.nn import functional as F

LOWEST = -3.4e38

ACTIVATIONS = {
    "relu": F.relu,
    "relu6": F.relu6,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "silu": F.silu,
    "hard-sigmoid": F.hardsigmoid,
    "hard-swish": F.hardswish,
    "gelu": F.gelu,
    "gelu-tanh": lambda x: F.gelu(x, approximate="tanh"),
}

# Those that PyTorch differentiates by what they give, so that what they read may make room.
IN_PLACE = {"relu", "relu6"}


def channel_axis(x):
    """Of a map, of tokens or of features."""
    return 1 if x.dim() == 4 else x.dim() - 1


def channels_last(x, of_rows):
    """Applies to a value what works along its last axis."""
    if x.dim() != 4:
        return of_rows(x)
    return of_rows(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def beside(x, other):
    """A value a channel as it is combined with every position of another."""
    if other.dim() == x.dim():
        return other
    return other.view(other.shape[0], -1, 1, 1) if x.dim() == 4 else other.unsqueeze(1)


def around(padding):
    return [padding["left"], padding["right"], padding["top"], padding["bottom"]]


def padded(x, padding, value=0.0):
    """The value with what PyTorch's operations do not pad themselves, and what they do."""
    left, right, top, bottom = around(padding)
    if left == right and top == bottom:
        return x, (top, left)
    return F.pad(x, (left, right, top, bottom), value=value), (0, 0)


class Graph:
    """Executes operations; gradients and statistics are PyTorch's own."""

    def __init__(self, graph, tensors):
        self.graph = graph
        self.tensors = tensors
        self.readers = {}
        for operation in graph["operations"]:
            for name in inputs_of(operation):
                self.readers[name] = self.readers.get(name, 0) + 1

    def __call__(self, images, training):
        values = {self.graph["input"]: images}
        left = dict(self.readers)
        for operation in self.graph["operations"]:
            x = [values[name] for name in inputs_of(operation)]
            step = getattr(self, operation["kind"].replace("-", "_"))
            values[operation["output"]] = step(operation, x, training)
            for name in inputs_of(operation):
                left[name] -= 1
                if left[name] == 0:
                    values.pop(name, None)
        return values[self.graph["output"]]

    def tensor(self, name):
        return None if name is None else self.tensors[name]

    def conv2d(self, of, x, training):
        image, padding = padded(x[0], of["padding"])
        weight, bias = self.tensors[of["weight"]], self.tensor(of.get("bias"))
        return F.conv2d(image, weight, bias, of["stride"], padding, of["dilation"], of["groups"])

    def linear(self, of, x, training):
        weight, bias = self.tensors[of["weight"]], self.tensor(of.get("bias"))
        return channels_last(x[0], lambda rows: F.linear(rows, weight, bias))

    def batch_norm(self, of, x, training):
        mean, variance = self.tensors[of["runningMean"]], self.tensors[of["runningVariance"]]
        scale, shift = self.tensor(of.get("scale")), self.tensor(of.get("shift"))
        momentum, epsilon = of["momentum"], of["epsilon"]
        return F.batch_norm(x[0], mean, variance, scale, shift, training, momentum, epsilon)

    def layer_norm(self, of, x, training):
        scale, shift = self.tensor(of.get("scale")), self.tensor(of.get("shift"))
        channels = [x[0].shape[channel_axis(x[0])]]
        norm = lambda rows: F.layer_norm(rows, channels, scale, shift, of["epsilon"])
        return channels_last(x[0], norm)

    def group_norm(self, of, x, training):
        scale, shift = self.tensor(of.get("scale")), self.tensor(of.get("shift"))
        return F.group_norm(x[0], of["groups"], scale, shift, of["epsilon"])

    def activation(self, of, x, training):
        activation = of["activation"]
        if isinstance(activation, str):
            if activation in IN_PLACE and self.readers[of["input"]] == 1:
                return ACTIVATIONS[activation](x[0], inplace=True)
            return ACTIVATIONS[activation](x[0])
        if activation["kind"] == "leaky-relu":
            return F.leaky_relu(x[0], activation["slope"])
        if activation["kind"] == "elu":
            return F.elu(x[0], activation["alpha"])
        raise ValueError(f"no activation '{activation['kind']}'")

    def add(self, of, x, training):
        return x[0] + beside(*x)

    def multiply(self, of, x, training):
        return x[0] * beside(*x)

    def scale(self, of, x, training):
        factor = self.tensors[of["factor"]].flatten()
        return channels_last(x[0], lambda rows: rows * factor)

    def softmax(self, of, x, training):
        return F.softmax(x[0], channel_axis(x[0]))

    def max_pool(self, of, x, training):
        image, padding = padded(x[0], of["padding"], LOWEST)
        return F.max_pool2d(image, of["kernel"], of["stride"], padding)

    def average_pool(self, of, x, training):
        image, padding = padded(x[0], of["padding"])
        pooled = F.avg_pool2d(image, of["kernel"], of["stride"], padding)
        if of["countsPadding"] or not any(around(of["padding"])):
            return pooled
        ones, padding = padded(torch.ones_like(x[0][:1, :1]), of["padding"])
        return pooled / F.avg_pool2d(ones, of["kernel"], of["stride"], padding)

    def adaptive_average_pool(self, of, x, training):
        return F.adaptive_avg_pool2d(x[0], of["size"])

    def global_average_pool(self, of, x, training):
        return x[0].mean((2, 3) if x[0].dim() == 4 else 1)

    def concat(self, of, x, training):
        return torch.cat(x, 1 if of["axis"] == "tokens" else channel_axis(x[0]))

    def slice_channels(self, of, x, training):
        return x[0].narrow(channel_axis(x[0]), of["from"], of["to"] - of["from"])

    def pad_channels(self, of, x, training):
        return channels_last(x[0], lambda rows: F.pad(rows, (of["before"], of["after"])))

    def shuffle_channels(self, of, x, training):
        apart = lambda rows: rows.unflatten(-1, (of["groups"], -1)).transpose(-1, -2).flatten(-2)
        return channels_last(x[0], apart)

    def flatten(self, of, x, training):
        is_first = of["order"] == "channels-first"
        return (x[0] if is_first else x[0].permute(0, 2, 3, 1)).flatten(1)

    def to_tokens(self, of, x, training):
        return x[0].flatten(2).transpose(1, 2)

    def prepend_tokens(self, of, x, training):
        images, _, channels = x[0].shape
        tokens = self.tensors[of["embedding"]].view(1, -1, channels)
        return torch.cat([tokens.expand(images, -1, -1), x[0]], 1)

    def add_embedding(self, of, x, training):
        return x[0] + self.tensors[of["embedding"]].view(1, *x[0].shape[1:])

    def slice_tokens(self, of, x, training):
        return x[0][:, of["from"] : of["to"]]

    def take_token(self, of, x, training):
        return x[0][:, of["index"]]

    def attention(self, of, x, training):
        images, tokens, channels = x[0].shape
        heads = of["heads"]
        apart = lambda y: y.reshape(images, tokens, heads, -1).transpose(1, 2)
        query, key, value = (apart(y) for y in x)
        scores = query @ key.transpose(-1, -2) / math.sqrt(channels / heads)
        mixed = F.softmax(scores, -1) @ value
        return mixed.transpose(1, 2).reshape(images, tokens, channels)


def inputs_of(operation):
    return operation["inputs"] if "inputs" in operation else [operation["input"]]
