"""Reads what the other side has written for the check: parameters, views and their corruption, as safetensors."""

import json
import struct

import torch

TYPES = {"F32": torch.float32, "I32": torch.int32}


def read_given(path):
    """`parameters` by name, `views` as [batch, channels, height, width], `corrupted` as pairs of images and mask."""
    tensors = read_safetensors(path)
    prefix = "parameters."
    views = numbered(tensors, "view")
    return {
        "parameters": {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)},
        "views": views,
        "corrupted": list(zip(numbered(tensors, "corrupted"), numbered(tensors, "mask"))),
    }


def numbered(tensors, name):
    """The images called name.0, name.1, …, channels last in the file, channels first here."""
    count = sum(key.startswith(f"{name}.") for key in tensors)
    return [tensors[f"{name}.{i}"].permute(0, 3, 1, 2).contiguous() for i in range(count)]


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        kind = TYPES[entry["dtype"]]
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(data, dtype=kind, offset=begin, count=(end - begin) // kind.itemsize)
        tensors[name] = values.reshape(entry["shape"]).clone()
    return tensors
