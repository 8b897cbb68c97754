"""Checks ONNX files by ONNX's own checker and runs them by onnxruntime.

Usage: check_model.py FOLDER
FOLDER holds cases.json, a list of {"file", "input", "shape"}: an ONNX file, and the float32 values and the shape of its
input. Prints a JSON list of {"ir_version", "opset", "outputs": {name: {"shape", "values"}}}, one for each case.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

folder = Path(sys.argv[1])
results = []
for case in json.loads((folder / "cases.json").read_text()):
    path = folder / case["file"]
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    pixels = np.fromfile(folder / case["input"], dtype="<f4").reshape(case["shape"])
    names = [output.name for output in session.get_outputs()]
    values = session.run(names, {"pixel_values": pixels})
    results.append(
        {
            "ir_version": model.ir_version,
            "opset": model.opset_import[0].version,
            "outputs": {
                name: {"shape": list(value.shape), "values": value.ravel().tolist()}
                for name, value in zip(names, values)
            },
        }
    )
print(json.dumps(results))
