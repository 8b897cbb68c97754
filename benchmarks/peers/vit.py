"""Vision transformer and SiT's heads in PyTorch, with the parameter names of timm and of SiT's checkpoints.

Images are [batch, channels, height, width]. Patch embedding and the transposed convolution of the reconstruction
are written as the matrix products they are: on a processor that is faster than PyTorch's convolutions.
"""

import torch
import torch.nn.functional as F
from torch import nn


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):  # [batch, tokens, width]
        batch, tokens, width = x.shape
        packed = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = packed.permute(2, 0, 3, 1, 4).unbind(0)  # [batch, heads, tokens, width / heads]
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.proj(mixed.transpose(1, 2).reshape(batch, tokens, width))


class Perceptron(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Perceptron(width, 4 * width)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbedding(nn.Module):
    def __init__(self, channels, width, patch_size):
        super().__init__()
        self.patch_size = patch_size
        self.proj = nn.Conv2d(channels, width, patch_size, stride=patch_size)

    def forward(self, images):
        batch, channels, height, width = images.shape
        p = self.patch_size
        patches = images.view(batch, channels, height // p, p, width // p, p).permute(0, 2, 4, 1, 3, 5)
        patches = patches.reshape(batch, -1, channels * p * p)
        return F.linear(patches, self.proj.weight.flatten(1), self.proj.bias)


class VisionTransformer(nn.Module):
    """Images to tokens [batch, 1 + patches, width] after the last norm, the class token first."""

    def __init__(self, image_size, patch_size, width, depth, heads, channels=3):
        super().__init__()
        patches = (image_size // patch_size) ** 2
        self.patch_embed = PatchEmbedding(channels, width, patch_size)
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + patches, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        nn.init.trunc_normal_(self.cls_token, std=0.02)
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        initialise_linear(self)

    def forward(self, images):
        patches = self.patch_embed(images)
        x = torch.cat([self.cls_token.expand(len(images), -1, -1), patches], 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class ReconstructionHead(nn.Module):
    """Patch tokens [batch, patches, width] to images; linear layers with GELU, then a transposed convolution."""

    def __init__(self, width, patch_size, hidden, channels=3):
        super().__init__()
        self.channels, self.patch_size = channels, patch_size
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU())
        self.convTrans = nn.ConvTranspose2d(hidden, channels, patch_size, stride=patch_size)
        initialise_linear(self)

    def forward(self, patches):
        batch, count, _ = patches.shape
        side, p, channels = round(count**0.5), self.patch_size, self.channels
        weight = self.convTrans.weight.flatten(1).t()  # [channels x p x p, hidden]
        bias = self.convTrans.bias.repeat_interleave(p * p)
        pixels = F.linear(self.mlp(patches), weight, bias).view(batch, side, side, channels, p, p)
        return pixels.permute(0, 3, 1, 4, 2, 5).reshape(batch, channels, side * p, side * p)


class ProjectionHead(nn.Module):
    """Class tokens [batch, width] to embeddings [batch, output]."""

    def __init__(self, width, hidden, output):
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden),
            nn.BatchNorm1d(hidden),
            nn.GELU(),
            nn.Linear(hidden, hidden),
            nn.BatchNorm1d(hidden),
            nn.GELU(),
            nn.Linear(hidden, output),
        )
        initialise_linear(self)

    def forward(self, tokens):
        return self.mlp(tokens)


def initialise_linear(module):
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
