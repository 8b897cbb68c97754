"""SiT's two losses (Atito, Awais and Kittler 2021)."""

import torch
import torch.nn.functional as F


def masked_l1(reconstruction, clean, mask):
    """Mean absolute error over masked values; images [batch, channels, height, width], mask with one channel."""
    count = (mask.sum() * clean.shape[1]).clamp(min=1)
    return ((reconstruction - clean).abs() * mask).sum() / count


def cross_view_contrast(student, teacher, temperature=0.2):
    """2T times the cross-entropy of each view's rows against the other view's; both [2 x images, features]."""
    q1, q2 = F.normalize(student, dim=1).chunk(2)
    k1, k2 = F.normalize(teacher, dim=1).chunk(2)
    similarities = torch.cat([q1 @ k2.t(), q2 @ k1.t()]) / temperature
    own = torch.arange(len(q1)).repeat(2)
    return 4 * temperature * F.cross_entropy(similarities, own)
