"""Group masked model learning: blocks of each image become noise or the same place of another image.

All images of a batch are drawn together: every turn adds one block to each image that is not covered enough yet.
"""

import math

import torch

SMALLEST_SIDE, LARGEST_SIDE = 0.05, 0.25
NOISE_SHARE, REPLACE_SHARE = (0.5, 0.7), (0.3, 0.3)


def corrupt(images):
    """Images [batch, channels, height, width] to the corrupted ones and the mask [batch, 1, height, width]."""
    batch, _, height, width = images.shape
    noisy = torch.rand(batch) < 0.5
    low = torch.where(noisy, NOISE_SHARE[0], REPLACE_SHARE[0])
    high = torch.where(noisy, NOISE_SHARE[1], REPLACE_SHARE[1])
    masked = draw_masks(batch, height, width, low + (high - low) * torch.rand(batch))[:, None]
    others = (torch.arange(batch) + torch.randint(1, batch, (batch,))) % batch
    content = torch.where(noisy[:, None, None, None], torch.randn_like(images), images[others])
    return torch.where(masked, content, images), masked.to(images.dtype)


def draw_masks(batch, height, width, shares):
    """Masks [batch, height, width] of rectangles that wrap around, each covering at least its share."""
    masked = torch.zeros(batch, height, width, dtype=torch.bool)
    wanted = shares * (height * width)
    covered = torch.zeros(batch, dtype=torch.int32)
    while True:
        open_images = covered < wanted
        if not open_images.any():
            return masked
        rows = draw_stretches(batch, height) & open_images[:, None]
        columns = draw_stretches(batch, width)
        masked |= rows[:, :, None] & columns[:, None, :]
        covered = masked.flatten(1).sum(1, dtype=torch.int32)


def draw_stretches(batch, size):
    """For each image, which of `size` places lie in a random stretch, wrapping around the end: [batch, size]."""
    smallest, largest = max(1, math.ceil(SMALLEST_SIDE * size)), int(LARGEST_SIDE * size)
    lengths = torch.randint(smallest, largest + 1, (batch, 1))
    starts = torch.randint(0, size, (batch, 1))
    return (torch.arange(size) - starts) % size < lengths
