"""Odd values that are right all the same, and those that the parts of networks pass on."""

from __future__ import annotations

from .registry import CALLS

# Other shapes that are right as well: functions of any (B, ...), convolutions of any size, masks of any length, ...
ALSO_FINE = """
AutoEncoder.decode z:wider; CLIP.encode_image x0:wider; CLIP.forward x0:wider; Classifier.features x0:wider;
Classifier.forward x0:wider; CrossAttention.forward x:wider; CrossAttention.projected x:wider;
CrossAttention.seen mask:wider; DDIM.step memory:empty; DDPM.step memory:empty; DPMSolver.step memory:empty;
Dalle.after drawn:wider; LatentDiffusion.after drawn:wider; Dalle.generate start:rank; Drawer.generate start:rank;
generate_part start:rank steps:none; Dalle.decode steps:none; Dalle.variations steps:none; Dalle.interpolate steps:none;
DatasetOracle data:rank,wider; MixtureOracle means:rank,wider; Denoiser.forward x_t:rank,wider;
FlowDenoiser.forward x_t:rank,wider; DownBlock.forward x:wider; DownSample.forward x:wider; UpSample.forward x:wider;
Drawer.after drawn:rank,wider; Drawer.before images:wider;
ImageEncoder.forward x0:wider;
NoiseSchedule beta:numpy,list; NoiseSchedule.gather t:longer_tensor like:complex,rank,wider,bool;
StraightPath.gather t:longer_tensor like:complex,rank,wider,bool; ResBlock.forward x:wider;
SelfAttention.forward x:wider; SelfAttention.tokens x:wider; attention_weights x:wider; cross_attention_weights x:wider;
TextEncoder.pool states:wider; TimeEmbedding.forward t:wider; sinusoidal_embedding t:wider;
LabelEmbedding.forward labels:wider;
sinusoidal_embedding t:float,negative; Tokenizer.train texts:set; PromptTable tokens:wider vec:wider;
Transformer.seen x:wider; check_groups in_channels:huge out_channels:huge;
conv_output_size size:huge,list kernel_size:list stride:huge,list padding:huge,list dilation:list;
convolve x:wider kernel:wider;
conv_transpose_output_size size:huge,list kernel_size:huge,list stride:huge,list dilation:huge,list
  padding:list; convolution_matrix kernel:wider;
transposed_convolve x:wider kernel:wider; zero_insert x:wider; grid x:wider,beyond; save_grid x:wider,beyond;
to_image pixels:wider,beyond; to_pixels x:rank,wider; to_x0 pixels:rank,wider; dynamic_threshold x0:rank,wider;
score_from_eps eps:rank,wider; x0_variance x_t:rank,wider; variational_bound x0:rank,wider; zero_shot class_text:rank;
Denoising.read batch:rank,wider; Denoising.__call__ batch:wider; draw start:beyond;
fit data:wider; compare_features ours:numpy real:numpy; Imagen.generate start:rank; Transformer.seen x:empty;
Gaussian.sample noise:rank
"""
for _entry in ALSO_FINE.split(";"):
    _call, *_rest = _entry.split()
    for _one in _rest:
        _argument, _values = _one.split(":")
        CALLS[_call].fine.setdefault(_argument, set()).update(_values.replace("_", " ").split(","))

for _name, _argument in (("zero_insert", "x"), ("convolution_matrix", "kernel")):
    CALLS[_name].fine.setdefault(_argument, set()).update(("uint8", "int64"))  # these are arithmetic alone

# The steps of a sampler and the parts of a network, and their tensors in which NaN and infinity are not looked for.
PASSED_ON: dict[str, set[str]] = {
    "DDIM.step": {"x_t", "noise"},
    "DDPM.step": {"x_t", "noise"},
    "DPMSolver.step": {"x_t", "noise"},
    "CrossAttention.forward": {"x", "tokens"},
    "CrossAttention.projected": {"x", "tokens"},
    "DownBlock.forward": {"x", "emb"},
    "DownSample.forward": {"x"},
    "ImageEncoder.forward": {"x0"},
    "ResBlock.forward": {"x", "emb"},
    "SelfAttention.forward": {"x"},
    "SelfAttention.tokens": {"x"},
    "TextEncoder.pool": {"states"},
    "Transformer.forward": {"x"},
    "Transformer.seen": {"x"},
    "UpBlock.forward": {"x", "skip", "emb"},
    "UpSample.forward": {"x"},
    "VectorEmbedding.forward": {"vec"},
}
