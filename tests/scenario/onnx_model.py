# SPDX-License-Identifier: Apache-2.0
"""Small ONNX files, written byte by byte: nothing of ONNX is needed to make them.

A shape is a tuple; None in it is a dimension of any size.
"""
FLOAT, INT64, BOOL = 1, 7, 9
OPSET = 15


def number(value):
    """A number of the wire format: seven bits a byte, the last without the eighth."""
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(which, value):
    """A field: a number as it is, bytes and text counted."""
    if isinstance(value, int):
        return number(which << 3) + number(value)
    value = value.encode() if isinstance(value, str) else value
    return number(which << 3 | 2) + number(len(value)) + value


def port(name, shape, kind=FLOAT):
    sizes = b"".join(field(1, field(2, "any") if size is None else field(1, size)) for size in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, sizes)))


def node(operator, inputs, outputs, attribute=b""):
    return (b"".join(field(1, name) for name in inputs) + b"".join(field(2, name) for name in outputs) +
            field(4, operator) + (field(5, attribute) if attribute else b""))


def graph(nodes, inputs, outputs):
    return (field(2, "test") + b"".join(field(1, one) for one in nodes) +
            b"".join(field(11, one) for one in inputs) + b"".join(field(12, one) for one in outputs))


def model(nodes, inputs, outputs, opset=OPSET):
    return field(1, 8) + field(8, field(1, "") + field(2, opset)) + field(7, graph(nodes, inputs, outputs))


def doubler(opset=OPSET):
    """y = x + x, for rows of two numbers."""
    return model([node("Add", ["x", "x"], ["y"])], [port("x", (None, 2))], [port("y", (None, 2))], opset)


def logarithm():
    """y = log x: no number below 0."""
    return model([node("Log", ["x"], ["y"])], [port("x", (1,))], [port("y", (1,))])


def colours():
    """scores is the mean of each channel of a picture."""
    return model([node("GlobalAveragePool", ["picture"], ["means"]), node("Flatten", ["means"], ["scores"])],
                 [port("picture", (1, 3, 8, 8))], [port("scores", (1, 3))])


def endless():
    """y is what becomes of x when it is added to itself for ever."""
    body = graph([node("Identity", ["go"], ["goes"]), node("Add", ["before", "before"], ["after"])],
                 [port("turn", (), INT64), port("go", (), BOOL), port("before", (None,))],
                 [port("goes", (), BOOL), port("after", (None,))])
    attribute = field(1, "body") + field(6, body) + field(20, 5)
    return model([node("Loop", ["", "", "x"], ["y"], attribute)], [port("x", (None,))], [port("y", (None,))])


def hungry():
    """y is x in 16384 columns times its own rows: a gibibyte of it."""
    return model([node("Transpose", ["x"], ["t"]), node("MatMul", ["t", "x"], ["y"])],
                 [port("x", (1, None))], [port("y", (None, None))])
