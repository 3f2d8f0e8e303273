"""All drawings, in the order of the book, and the table of their words."""

from __future__ import annotations

from collections.abc import Callable

from . import book_map, cascade, compared, convolution, cost, dalle, measures, networks, paths, process, systems
from .canvas import Drawing
from .words import WORDS

DRAWINGS: tuple[Callable[[], Drawing], ...] = (
    process.chain,
    process.denoising_step,
    process.training_step,
    process.image_equation,
    process.noise_sum,
    paths.density_paths,
    paths.vector_field,
    paths.reverse_geometry,
    paths.solver_paths,
    convolution.convolution_cases,
    convolution.transposed_convolution,
    networks.unet,
    networks.unet_blocks,
    networks.cross_attention,
    measures.fid_pipeline,
    measures.clip_towers,
    measures.clip_zero_shot,
    cost.roofline,
    cost.training_memory,
    cost.data_parallel,
    systems.text_to_image_recipe,
    systems.latent_diffusion,
    dalle.dalle_2,
    dalle.dalle_2_priors,
    cascade.imagen,
    compared.four_systems,
    book_map.book_map,
)


def table() -> str:
    """README.md: each drawing with its place, caption and alternative text."""
    head = """# The schematic drawings

`python -m tools.drawings` writes `book/_static/drawings/*.svg` and this table; the words come from `words.py`. A page
shows a drawing with a plain figure, which JupyterLab shows too; in the built book it stands in the page itself and
follows the theme (`book/_ext/drawings.py`):

````
```{figure} ../book/_static/drawings/chain.svg
:name: fig-chain
:alt: (the alternative text below, word for word; the build warns of another one)

(the caption below)
```
````
"""
    rows = [
        f"\n## {name}\n\n**{words.title}**. Chapter {words.place}.\n\n- Caption: {words.caption}\n- Alt: {words.alt}\n"
        for name, words in WORDS.items()
    ]
    return head + "".join(rows)
