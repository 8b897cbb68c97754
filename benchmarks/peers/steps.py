"""The timed steps, PyTorch's side: masked reconstruction, the whole SiT step, and inference."""

import contextlib
import copy

import torch
from torch import nn

from corruption import corrupt
from losses import cross_view_contrast, masked_l1
from vit import ProjectionHead, ReconstructionHead, VisionTransformer


class Settings:
    """How a step computes: float32 or bfloat16 autocast, eager or compiled."""

    def __init__(self, precision, compiled):
        self.precision, self.compiled = precision, compiled

    def autocast(self):
        if self.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast("cpu", dtype=torch.bfloat16)

    def function(self, work):
        return torch.compile(work) if self.compiled else work


def make_step(workload, settings, data=None):
    """A function that does one step and returns its value; `data` are given parameters, views and corruption."""
    kinds = {"reconstruction": TrainingStep, "sit": TrainingStep, "inference": InferenceStep}
    return kinds[workload["kind"]](workload, settings, data)


def make_backbone(workload):
    return VisionTransformer(*(workload[name] for name in ("imageSize", "patchSize", "width", "depth", "heads")))


def draw_views(workload, count):
    shape = (workload["batch"], 3, workload["imageSize"], workload["imageSize"])
    return [torch.randn(shape) for _ in range(count)]


class Student(nn.Module):
    """Backbone and heads under the names of SiT's checkpoints."""

    def __init__(self, workload):
        super().__init__()
        width = workload["width"]
        self.backbone = make_backbone(workload)
        if workload["kind"] == "sit":
            self.head = ProjectionHead(width, workload["contrastHidden"], workload["contrastOutput"])
        self.head_recons = ReconstructionHead(width, workload["patchSize"], workload["reconstructionHidden"])


class TrainingStep:
    """Forward, backward and AdamW; with contrast also the teacher, clipping and the momentum update."""

    def __init__(self, workload, settings, data):
        self.workload, self.settings = workload, settings
        self.student = Student(workload)
        self.contrasts = workload["kind"] == "sit"
        self.fixed = None
        if data is None:
            self.views = draw_views(workload, 2 if self.contrasts else 1)
            if not self.contrasts:
                self.fixed = [corrupt(view) for view in self.views]
        else:
            self.student.load_state_dict(data["parameters"])
            self.views, self.fixed = data["views"], data["corrupted"]
        matrices = [p for p in self.student.parameters() if p.ndim > 1]
        vectors = [p for p in self.student.parameters() if p.ndim <= 1]
        groups = [
            {"params": matrices, "weight_decay": workload["weightDecay"]},
            {"params": vectors, "weight_decay": 0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=workload["learningRate"], fused=True)
        self.loss = settings.function(self._loss)
        if self.contrasts:
            followed = nn.ModuleList([self.student.backbone, self.student.head])
            self.teacher = copy.deepcopy(followed).requires_grad_(False)
            self.embed = settings.function(self._embed)
            self.pairs = [list(self.teacher.parameters()), list(followed.parameters())]

    def __call__(self):
        corrupted = self.fixed or [corrupt(view) for view in self.views]
        images, masks = (torch.cat(parts) for parts in zip(*corrupted))
        clean = torch.cat(self.views)
        target = self.embed(clean) if self.contrasts else None
        self.optimizer.zero_grad()
        loss = self.loss(images, clean, masks, target)
        loss.backward()
        if self.contrasts:
            self._clip()
        self.optimizer.step()
        if self.contrasts:
            with torch.no_grad():
                torch._foreach_lerp_(*self.pairs, 1 - self.workload["momentum"])
        return loss.item()

    def _loss(self, images, clean, masks, target):
        with self.settings.autocast():
            tokens = self.student.backbone(images)
            reconstruction = self.student.head_recons(tokens[:, 1:])
            embedding = self.student.head(tokens[:, 0]) if self.contrasts else None
        loss = self.workload["alpha"] * masked_l1(reconstruction.float(), clean, masks)
        if self.contrasts:
            loss = loss + cross_view_contrast(embedding.float(), target)
        return loss

    @torch.no_grad()
    def _embed(self, clean):
        backbone, head = self.teacher
        with self.settings.autocast():
            embedding = head(backbone(clean)[:, 0])
        return embedding.float()

    def _clip(self):
        """Each parameter's gradient to a norm of at most `clipping`."""
        gradients = [p.grad for p in self.student.parameters()]
        norms = torch.stack(torch._foreach_norm(gradients))
        factors = (self.workload["clipping"] / (norms + 1e-6)).clamp(max=1)
        torch._foreach_mul_(gradients, factors.unbind())


class InferenceStep:
    """The class token of a batch; its value is the mean magnitude."""

    def __init__(self, workload, settings, data):
        self.settings = settings
        self.backbone = make_backbone(workload).eval()
        if data is None:
            self.views = draw_views(workload, 1)
        else:
            parameters = data["parameters"].items()
            self.backbone.load_state_dict({name.removeprefix("backbone."): p for name, p in parameters})
            self.views = data["views"]
        self.embed = settings.function(self._embed)

    def __call__(self):
        with torch.inference_mode():
            return self.embed(self.views[0]).abs().mean().item()

    def _embed(self, images):
        with self.settings.autocast():
            return self.backbone(images)[:, 0].float()
