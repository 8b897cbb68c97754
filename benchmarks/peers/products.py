"""The fastest matrix product that PyTorch reaches here: what the share of the peak is measured against."""

import time

import torch


def fastest_product(precision, sizes, seconds=0.25):
    """GFLOP/s of the best of torch.mm over [rows, inner, columns] sizes, each tried for `seconds`."""
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    best = 0.0
    for rows, inner, columns in sizes:
        a, b = torch.randn(rows, inner, dtype=dtype), torch.randn(inner, columns, dtype=dtype)
        torch.mm(a, b)
        end = time.perf_counter() + seconds
        while True:
            begin = time.perf_counter()
            torch.mm(a, b)
            now = time.perf_counter()
            best = max(best, 2e-9 * rows * inner * columns / (now - begin))
            if now > end:
                break
    return best
