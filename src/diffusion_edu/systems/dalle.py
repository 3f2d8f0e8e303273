"""DALL-E 2 in miniature: a prior turns a text into the embedding of an image, a decoder draws an image of that.

The embedding is CLIP's, of one vector. The decoder never reads the text, so it also draws what another image is about
(variations), and what lies between two (interpolation).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .._arguments import at_least, checked, seed_or_seeds, tensor
from .._arguments.tensors import images_inside
from .._errors import bad_value, check_choice
from ..cond import Cond, Network
from ..diffusion import Denoiser, DPMSolver, Guided, NoiseSchedule
from ..diffusion.samplers import Sampler
from ..nn import UNet, example_inputs
from ..randomness import derive_seed
from .clip import CLIP
from .code_prior import CodePrior, CodesByName, PrincipalCodes, example_of_codes
from .dalle_config import DalleConfig
from .drawing import draw, spelled
from .embeddings import image_embeddings, of_length, slerp
from .latent_diffusion import LatentDiffusion
from .prior import DiffusionPrior, example_of_prior
from .system import Drawer
from .text import ClipText

PRIORS = ("diffusion", "codes", "none")


@checked
class Dalle(Drawer):
    """Two priors and a decoder, around a frozen CLIP and a frozen auto-encoder that are no part of its weights.

    Embeddings are sqrt(E) times those of the CLIP, throughout.

    Args:
        config: its shape.
        used: the frozen networks that the configuration names, by name.

    Raises:
        ValueError: one of them is missing, or does not fit.

    Source: Ramesh et al. 2022, with a decoder in a latent, which is given the image's embedding only.
    """

    text: ClipText

    def __init__(self, config: DalleConfig, used: Mapping[str, nn.Module] | None = None) -> None:
        super().__init__()
        self.config = config
        self.prior = DiffusionPrior(config.prior)
        self.code_prior = CodePrior(config.code_prior)
        self.codes = PrincipalCodes(config.code_prior)
        self.unet = UNet(config.unet)
        self.schedule = NoiseSchedule.from_dict(config.schedule)
        clip, latent = (used or {}).get(config.text), (used or {}).get(config.latent)
        if not isinstance(clip, CLIP) or not isinstance(latent, LatentDiffusion):
            got = f"{type(clip).__name__} and {type(latent).__name__}"
            raise bad_value("used", got, f"the CLIP {config.text!r} and the latent diffusion {config.latent!r}")
        self.text = ClipText(clip)
        # In a list, so that it is no module of this one: its weights are its own.
        self._latent = [latent.eval().requires_grad_(False)]
        sizes = (self.text.token_dim, self.text.vec_dim, latent.drawn_shape[0])
        wanted = (config.prior.token_dim, config.prior.embedding, config.unet.in_channels)
        if sizes != wanted:
            raise bad_value("used", sizes, f"of tokens, embeddings and latents of the sizes {wanted}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return self._latent[0].shape

    @property
    def drawn_shape(self) -> tuple[int, int, int]:
        """(c, h, w) of a latent."""
        return self._latent[0].drawn_shape

    @property
    def uses(self) -> tuple[str, ...]:
        """The names of the shipped networks that are not part of this one's weights."""
        return self.config.text, self.config.latent

    @checked
    def around(self, network: Network) -> Denoiser:
        """The denoiser of latents around a decoder."""
        return Denoiser(network, self.schedule, self.config.target, clip=False).eval()

    @checked
    def prior_denoiser(self, guidance: float = 1.0, negative: Cond | None = None) -> Denoiser:
        """The denoiser of embeddings. They are not clipped: many of their numbers lie beyond 1."""
        return Denoiser(Guided(self.prior, guidance, negative), self.schedule, "x0", clip=False).eval()

    @checked(images=tensor("(B, C, H, W)"))
    def before(self, images: Tensor) -> Tensor:
        """(B, C, H, W) images -> (B, c, h, w) latents."""
        return self._latent[0].to(images.device).before(images)

    @checked(drawn=tensor("(B, c, h, w)"))
    def after(self, drawn: Tensor) -> Tensor:
        """(B, c, h, w) latents -> (B, C, H, W) images in [-1, 1]."""
        return self._latent[0].to(drawn.device).after(drawn)

    @checked
    def seen(self, images: Tensor) -> Tensor:
        """(B, C, H, W) images in [-1, 1] or uint8, or one (C, H, W) -> their true embeddings, (B, E), on the CPU."""
        images = images if images.ndim == 4 else images[None]
        if images.shape[1:] != self.shape:
            raise bad_value("images", tuple(images.shape), f"of shape {self.shape} or (B, *{self.shape})")
        return image_embeddings(self.text.clip, images, self.config.side)

    @checked(temperature=at_least(0))
    def embed(
        self,
        prompt: str | Sequence[str],
        n: int | None = None,
        *,
        prior: str = "diffusion",
        seed: int = 0,
        prior_guidance: float = 2.0,
        temperature: float = 1.0,
        negative: str = "",
        sampler: Sampler | None = None,
        steps: int | None = None,
        batch_size: int = 256,
    ) -> Tensor:
        """What a prior makes of texts. Embedding i belongs to seed + i, whatever n and the batch size are.

        Args:
            prompt, n: a text, or several, as for :meth:`generate`.
            prior: "diffusion", "codes", or "none": the embedding of the text itself, which a decoder has never seen
                the like of; the baseline of Ramesh et al. 2022, section 5.1.
            seed: of the first embedding.
            prior_guidance: w: how far the prior exaggerates what the text says.
            temperature: of the prior by codes.
            negative: a text that the prior is led away from, with a prior_guidance other than 1.
            sampler, steps: of the prior by diffusion; default :class:`DPMSolver` with its own number.
            batch_size: embeddings that are worked on at once; costs memory, changes nothing else.

        Returns:
            (N, E) float32 on the CPU, of length sqrt(E), as all embeddings that the decoder learned from.

        Raises:
            ValueError: an argument out of range; a negative text without a prior.
        """
        texts, count = spelled(prompt, n, reads=True)
        assert texts is not None
        check_choice("prior", prior, PRIORS)
        said, against = self._read(texts, negative)
        assert said.vec is not None
        if prior == "none":
            if against is not None:
                raise bad_value("negative", negative, "left out without a prior")
            return said.vec
        # Not the seeds of the decoder: its noise would begin with the very numbers that the prior's was.
        seeds = [derive_seed(seed + i, "prior", 0) for i in range(count)]
        if prior == "diffusion":
            denoiser, shape = self.prior_denoiser(prior_guidance, against), (self.config.prior.embedding,)
            options: dict[str, Any] = {"sampler": sampler or DPMSolver(), "steps": steps, "batch_size": batch_size}
            drawn = draw(denoiser, shape, count, cond=said, seed=seeds, **options)
        else:
            options = {"guidance": prior_guidance, "negative": against, "temperature": temperature}
            codes = self.code_prior.draw(said, seeds, **options, batch_size=batch_size)
            drawn = self.codes.decode(codes).cpu()
        return of_length(drawn)

    @checked(temperature=at_least(0))
    def generate(  # it takes more than other systems, and needs a text
        self,
        prompt: str | Sequence[str] | int | None = None,
        n: int | None = None,
        *,
        guidance: float | None = None,
        negative: str = "",
        seed: int = 0,
        sampler: Sampler | None = None,
        steps: int | None = None,
        start: Tensor | None = None,
        start_t: int | None = None,
        batch_size: int = 64,
        progress: bool = False,
        prior: str = "diffusion",
        prior_guidance: float = 2.0,
        temperature: float = 1.0,
    ) -> Tensor:
        """Draw images of texts: :meth:`embed`, then the decoder. Image i belongs to seed + i.

        Args:
            guidance: w of the decoder, which exaggerates what the embedding says; default 2.
            negative, prior, prior_guidance, temperature: as for :meth:`embed`.
            others: as for :meth:`Drawer.generate`, with its result, errors and warnings; the sampler is the decoder's.

        Equation: eq-prior-decoder (Ramesh et al. 2022, section 2; here the decoder is given the embedding alone).
        Checked by: tests/systems/test_dalle.py::test_the_decoder_draws_what_the_prior_said.
        """
        texts, _ = spelled(prompt, n, reads=True)
        assert texts is not None
        told = self.embed(
            texts,
            prior=prior,
            prior_guidance=prior_guidance,
            temperature=temperature,
            negative=negative,
            seed=seed,
            batch_size=batch_size,
        )
        of_sampler: dict[str, Any] = {
            "sampler": sampler,
            "steps": steps,
            "start": start,
            "start_t": start_t,
            "progress": progress,
        }
        return self.decode(told, guidance=guidance, seed=seed, batch_size=batch_size, **of_sampler)

    @checked(seed=seed_or_seeds)
    def decode(
        self, embeddings: Tensor, *, guidance: float | None = None, seed: int | Sequence[int] = 0, **options: Any
    ) -> Tensor:
        """Images of embeddings: (N, E) -> (N, C, H, W).

        Args:
            embeddings: of length sqrt(E).
            guidance, seed: as for :meth:`generate`; there may be a seed for each image.
            options: sampler, steps, start, start_t, batch_size and progress of :meth:`generate`.
        """
        if embeddings.ndim != 2 or embeddings.shape[1] != self.config.prior.embedding or not len(embeddings):
            raise bad_value("embeddings", tuple(embeddings.shape), f"of shape (N, {self.config.prior.embedding})")
        network = Guided(self.unet, 2.0 if guidance is None else guidance)
        return self._drawn(network, Cond(vec=embeddings), len(embeddings), seed=seed, **options)

    @checked(image=images_inside)
    def variations(self, image: Tensor, n: int = 4, *, seed: int = 0, **options: Any) -> Tensor:
        """Images of what one image is about: n times its true embedding, and other noise.

        Args:
            image: (C, H, W) in [-1, 1] or uint8, of any origin.
            n: how many: the result is (n, C, H, W).
            seed, options: as for :meth:`decode`.

        Source: Ramesh et al. 2022, section 3.1, with all noise drawn anew.
        """
        if n < 1:
            raise bad_value("n", n, "at least 1")
        if tuple(image.shape) != self.shape:
            raise bad_value("image", tuple(image.shape), f"of shape {self.shape}")
        return self.decode(self.seen(image).expand(n, -1), seed=seed, **options)

    @checked
    def interpolate(
        self, a: str | Tensor, b: str | Tensor, n: int = 8, *, prior: str = "diffusion", seed: int = 0, **options: Any
    ) -> Tensor:
        """Images from one to another: embeddings on the arc between theirs, all with the same noise.

        Token states of two texts have different lengths and no place in common: only embeddings can be mixed.

        Args:
            a, b: each a text, or an image (C, H, W); the first and the last are what one variation of an image, or one
                image of a text, is with this seed.
            n: how many, both ends included: the result is (n, C, H, W).
            prior: of the texts.
            seed: of the noise.
            options: as for :meth:`decode`.

        Source: Ramesh et al. 2022, section 3.2.
        """
        if n < 2:
            raise bad_value("n", n, "at least 2: both ends are drawn")
        first, last = (self._end(name, x, prior, seed) for name, x in (("a", a), ("b", b)))
        between = torch.cat([slerp(first, last, i / (n - 1)) for i in range(n)])
        return self.decode(between, seed=[seed] * n, **options)

    def _end(self, name: str, end: str | Tensor, prior: str, seed: int) -> Tensor:
        """The embedding of a text, or of an image."""
        if isinstance(end, str):
            return self.embed(end, 1, prior=prior, seed=seed)
        if tuple(images_inside(name, end).shape) != self.shape:
            raise bad_value(name, tuple(end.shape), f"a text, or an image of shape {self.shape}")
        return self.seen(end)

    def graphs(self) -> dict[str, tuple[nn.Module, dict[str, Tensor]]]:
        """Both priors and the decoder's U-Net, for the page; the graph that makes images of latents is `latent`'s."""
        # A graph is for texts of one length, with a mask: so for the longest that there can be.
        most = self.text.clip.config.text.length
        prior, codes = example_of_prior(self.config.prior, most), example_of_codes(self.config.code_prior, most)
        unet = example_inputs(self.config.unet, self.drawn_shape[1], T=self.schedule.T)
        return {
            "prior": (self.prior, {**prior, "t": unet["t"]}),
            "code_prior": (CodesByName(self.code_prior), codes),
            "unet": (self.unet, unet),
        }
