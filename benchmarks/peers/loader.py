"""The loader's peer: torchvision's transforms in torch's DataLoader. JSON lines in, JSON lines out.

Messages: `hello`; `start { data, views, backend, workers, batch_size }`, with `data` as benchmarks/sides/loader.mjs
describes it and `views` as @sitjs/augment's `sitViews` gives them; `run { seconds, skip }`; `quit`.
"""

import os
import random
import sys
import time

import numpy
import torch
from PIL import Image, ImageFilter, features
from torch.utils.data import DataLoader, Dataset, RandomSampler

from serve import serve


def import_torchvision():
    """torchvision, also where its compiled operators do not load.

    PyPI's build of it wants CUDA's PyTorch beside it. With a CPU build those operators are missing, and the import fails
    when it describes two of them. They serve detection; the transforms are plain Python on PyTorch and Pillow.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if "does not exist" not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        import_torchvision.missing = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            import_torchvision.missing.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision
    return torchvision


torchvision = import_torchvision()
from torchvision import transforms as v1  # noqa: E402
from torchvision.transforms import InterpolationMode, v2  # noqa: E402

# torchvision's own decoder is one of the compiled operators.
has_decoder = hasattr(torch.ops.image, "decode_jpeg")


class PillowBlur:
    """Pillow's Gaussian blur: what the published pipelines use, and faster than torchvision's on such images."""

    def __init__(self, sigma):
        self.sigma = sigma

    def __call__(self, image):
        return image.filter(ImageFilter.GaussianBlur(random.uniform(*self.sigma)))


def make_transform(spec, library, on_tensors):
    """The transform of one plain description; None where it would never do anything."""
    name, probability = spec["name"], spec.get("probability", 1)
    if probability == 0:
        return None
    if name == "randomResizedCrop":
        interpolation = InterpolationMode(spec["interpolation"])
        return library.RandomResizedCrop(spec["size"], tuple(spec["scale"]), tuple(spec["ratio"]), interpolation)
    if name == "randomHorizontalFlip":
        return library.RandomHorizontalFlip(probability)
    if name == "colorJitter":
        amounts = (tuple(spec[amount]) for amount in ("brightness", "contrast", "saturation", "hue"))
        return sometimes(library, library.ColorJitter(*amounts), probability)
    if name == "randomGrayscale":
        return library.RandomGrayscale(probability)
    if name == "gaussianBlur":
        # Three standard deviations to each side.
        kernel = 2 * round(3 * spec["sigma"][1]) + 1
        blur = library.GaussianBlur(kernel, tuple(spec["sigma"])) if on_tensors else PillowBlur(spec["sigma"])
        return sometimes(library, blur, probability)
    if name == "solarize":
        return library.RandomSolarize(spec["threshold"], probability)
    raise ValueError(f"no transform for {name}")


def sometimes(library, transform, probability):
    return transform if probability == 1 else library.RandomApply([transform], probability)


def make_view(spec, backend):
    library = v1 if backend == "v1" else v2
    on_tensors = backend == "v2 on tensors"
    made = (make_transform(one, library, on_tensors) for one in spec["transforms"])
    steps = [step for step in made if step is not None]
    if library is v1:
        steps.append(v1.ToTensor())
    else:
        steps += [] if on_tensors else [v2.PILToTensor()]
        steps.append(v2.ToDtype(torch.float32, scale=True))
    return library.Compose([*steps, library.Normalize(spec["mean"], spec["deviation"])])


class Views(Dataset):
    """All views of each image."""

    def __init__(self, views, backend):
        self.views = [make_view(view, backend) for view in views]
        self.on_tensors = backend == "v2 on tensors"

    def __getitem__(self, index):
        image = self.read(index)
        return [view(image) for view in self.views]


class Files(Views):
    def __init__(self, folder, views, backend):
        super().__init__(views, backend)
        self.paths = sorted(os.path.join(folder, name) for name in os.listdir(folder))

    def __len__(self):
        return len(self.paths)

    def read(self, index):
        path = self.paths[index]
        if self.on_tensors and has_decoder:
            return torchvision.io.decode_image(path, torchvision.io.ImageReadMode.RGB)
        with open(path, "rb") as file:
            image = Image.open(file).convert("RGB")
        return v2.functional.pil_to_tensor(image) if self.on_tensors else image


class Memory(Views):
    def __init__(self, file, size, images, views, backend):
        super().__init__(views, backend)
        pixels = numpy.fromfile(file, dtype=numpy.uint8, count=images * size**2 * 3).reshape(-1, size, size, 3)
        self.images = torch.from_numpy(pixels).permute(0, 3, 1, 2) if self.on_tensors else pixels

    def __len__(self):
        return len(self.images)

    def read(self, index):
        return self.images[index] if self.on_tensors else Image.fromarray(self.images[index])


class Side:
    batches = None

    def hello(self):
        return {
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "pillow": Image.__version__,
            "libjpeg_turbo": features.version("libjpeg_turbo"),
            "has_decoder": has_decoder,
        }

    def start(self, data, views, backend, workers, batch_size):
        self.batches = None  # ends the workers of the loader before
        make = Files if data["kind"] == "files" else Memory
        dataset = make(**{key: value for key, value in data.items() if key != "kind"}, views=views, backend=backend)
        # Drawn with replacement, so that no end of an epoch empties the queue.
        sampler = RandomSampler(dataset, replacement=True, num_samples=10**9)
        loader = DataLoader(dataset, batch_size, sampler=sampler, num_workers=workers)
        self.batches = iter(loader)
        self.batch_size = batch_size
        self.workers = workers
        return {"views": [self.describe(view) for view in next(self.batches)]}

    def describe(self, view):
        """The shape as the other side has it, channels last, and what the values are like."""
        values = view.double()
        shape = list(view.permute(0, 2, 3, 1).shape)
        return {"shape": shape, "mean": values.mean().item(), "square": values.square().mean().item()}

    def run(self, seconds, skip):
        for _ in range(skip):
            next(self.batches)
        begin = time.perf_counter()
        batches, elapsed = 0, 0
        while elapsed < seconds:
            # One of each worker: they come to their ends at about the same time.
            for _ in range(self.workers):
                next(self.batches)
            batches += self.workers
            elapsed = time.perf_counter() - begin
        return {"images": batches * self.batch_size, "seconds": elapsed, "made": (batches + skip) * self.batch_size}


if __name__ == "__main__":
    serve(Side())
