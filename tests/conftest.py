"""What all tests share: one thread (the tensors are tiny), and no time limit a property test could miss by chance."""

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("shared", deadline=None, derandomize=True)
settings.load_profile("shared")
