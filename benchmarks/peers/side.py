"""PyTorch's side of the benchmark: JSON lines in, JSON lines out; see benchmarks/lib/side.mjs for the messages."""

import platform
import resource
import sys
import time

import torch

from given import read_given
from products import fastest_product
from serve import serve
from steps import Settings, make_step


class Side:
    def hello(self, threads):
        torch.set_num_threads(threads)
        return {
            "torch": torch.__version__,
            "python": platform.python_version(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "threads": torch.get_num_threads(),
        }

    def start(self, workload, precision, seed, compiled=False, given=None):
        torch.manual_seed(seed)
        data = None if given is None else read_given(given)
        self.step = make_step(workload, Settings(precision, compiled), data)
        return self.memory()

    def run(self, steps):
        times, cpu, values = [], [], []
        for _ in range(steps):
            begin, begin_cpu = time.perf_counter(), time.process_time()
            values.append(self.step())
            times.append(1e3 * (time.perf_counter() - begin))
            cpu.append(1e3 * (time.process_time() - begin_cpu))
        return {"times": times, "cpu": cpu, "values": values}

    def memory(self):
        """The most memory that this process has had resident so far, and what it has now."""
        return {"peakMB": resident_megabytes("VmHWM"), "residentMB": resident_megabytes("VmRSS")}

    def products(self, precision, sizes):
        return {"gflops": fastest_product(precision, sizes)}


def resident_megabytes(entry):
    """An entry of Linux's process status; elsewhere the peak stands for both."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(entry)) / 1024
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


if __name__ == "__main__":
    serve(Side())
