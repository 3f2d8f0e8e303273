"""The CLIP of OpenAI and its relatives, read by `transformers`: pip install 'diffusion-edu[clip]'.

clip = PretrainedCLIP.load("openai/clip-vit-base-patch32")
clip_score(clip.encode_image(x0), clip.encode_text(["a red apple"]))
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._errors import DataError, bad_value

# Of the pictures that OpenAI's networks were trained on, for values in [0, 1]; open_clip's networks keep them.
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


class PretrainedCLIP(nn.Module):
    """A CLIP of `transformers` behind the two methods of :class:`CLIP`; texts come as they are, it has its tokenizer.

    Args:
        model: a `transformers.CLIPModel`.
        tokenizer: its tokenizer: a callable of transformers.

    Source: Radford et al. 2021, sections 2.3 to 2.5.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__()
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.side: int = model.config.vision_config.image_size
        self.length: int = model.config.text_config.max_position_embeddings

    @classmethod
    def load(cls, name: str | Path, device: torch.device | str = "cpu") -> PretrainedCLIP:
        """The network and the tokenizer in a folder, or under a name of the Hugging Face hub (a download).

        Args:
            name: "openai/clip-vit-base-patch32", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "folder/of/one", ...
            device: where to put it.

        Raises:
            ImportError: `transformers` is not installed.
            DataError: nothing is found there, or something else than a whole CLIP.
        """
        library = _library()
        try:
            kind = library.AutoConfig.from_pretrained(name).model_type
            if kind != "clip":
                raise DataError(f"{name} must hold a CLIP, got a model of the type {kind!r}")
            model, loading = library.CLIPModel.from_pretrained(name, output_loading_info=True)
            tokenizer = library.AutoTokenizer.from_pretrained(name)
        except (OSError, ValueError) as error:
            raise DataError(f"no CLIP could be read from {name}: {error}") from error
        # The library would fill up what a file lacks with random numbers.
        if loading["missing_keys"]:
            raise DataError(f"the weights of {name} lack {sorted(loading['missing_keys'])[0]}")
        return cls(model.float(), tokenizer).to(device)

    @property
    def log_scale(self) -> Tensor:
        """Logarithm of the inverse temperature, as it was learned."""
        return self.model.logit_scale

    def prepared(self, x0: Tensor) -> Tensor:
        """Images as the network was shown them in its training.

        The shorter side is made `side` pixels long (bicubic), the middle is cut out, and the colors are normalized.

        Args:
            x0: (B, 3, H, W) floats in [-1, 1].

        Returns:
            (B, 3, side, side) float32.

        Raises:
            ValueError: another shape, or whole numbers.
        """
        if x0.ndim != 4 or x0.shape[1] != 3 or not len(x0) or not x0.is_floating_point():
            raise bad_value("x0", f"{x0.dtype} {tuple(x0.shape)}", "(B, 3, H, W) floats in [-1, 1]")
        height, width = x0.shape[2:]
        shorter = min(height, width)
        size = [self.side * height // shorter, self.side * width // shorter]
        # With antialias PyTorch's bicubic curve is Pillow's; it overshoots at edges, which Pillow cuts off too.
        x = F.interpolate(x0.float(), size, mode="bicubic", antialias=True).clamp(-1, 1)
        top, left = (size[0] - self.side) // 2, (size[1] - self.side) // 2
        x = x[..., top : top + self.side, left : left + self.side]  # (B, 3, side, side)
        mean, std = (torch.tensor(values, device=x.device).reshape(3, 1, 1) for values in (MEAN, STD))
        return ((x + 1) / 2 - mean) / std

    def encode_image(self, x0: Tensor) -> Tensor:
        """(B, 3, H, W) images in [-1, 1], of any size -> (B, E) of length 1, float32."""
        return _direction(self.model.get_image_features(pixel_values=self.prepared(x0)))

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """B texts -> (B, E) of length 1, float32. What does not fit into `length` tokens is cut off.

        Raises:
            TypeError: texts is one string, or holds something else.
            ValueError: no text.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise TypeError(f"texts must be a list of strings, got {texts!r}")
        if not texts:
            raise bad_value("texts", list(texts), "at least one string")
        options = {"padding": True, "truncation": True, "max_length": self.length, "return_tensors": "pt"}
        tokens = self.tokenizer(list(texts), **options).to(self.log_scale.device)
        return _direction(self.model.get_text_features(tokens["input_ids"], tokens["attention_mask"]))


def _direction(features: Any) -> Tensor:
    """Transformers 4 answers with the tensor, transformers 5 with an object that holds it."""
    return F.normalize(getattr(features, "pooler_output", features).float(), dim=1)


def _library() -> Any:
    try:
        import transformers
    except ImportError as error:
        message = (
            f"pretrained CLIP weights need the library `transformers`: pip install 'diffusion-edu[clip]' ({error})"
        )
        raise ImportError(message) from error
    return transformers
