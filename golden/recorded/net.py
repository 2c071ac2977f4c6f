"""What tools/golden/record recorded here: see golden/README.md."""

import torch
from torch import nn

class Net(nn.Module):
    """A small convolutional classifier with random weights."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
            nn.MaxPool2d(2), nn.Conv2d(8, 12, 3, padding=1), nn.SiLU(),
        )
        self.head = nn.Linear(12, 10)

    def forward(self, image):
        features = self.features(image)
        return {"features": features, "logits": self.head(features.mean(dim=(2, 3)))}
