import inspect

import pytest

import diffusion_edu as de
from diffusion_edu.source import show_source


def body(text):
    return [line.strip() for line in text.splitlines()]


def test_the_code_is_the_packages_own_with_a_short_docstring():
    shown = show_source(de.q_step)
    lines = body(shown.text)
    real = body(inspect.getsource(de.q_step))
    assert lines[0] == real[0]
    assert lines[-1] == real[-1]
    assert sum('"""' in line for line in lines) == 1
    assert "Checked by" not in shown.text
    assert set(lines) - set(real) == {'"""Add the noise of one step: draw x_t from q(x_t | x_{t-1})."""'}


def test_the_whole_docstring_on_request():
    assert show_source(de.q_step, docstring=True).text == inspect.getsource(de.q_step).rstrip()


@pytest.mark.parametrize(
    ("obj", "home"),
    [
        (de.NoiseSchedule.cosine, "diffusion_edu.diffusion.schedules.NoiseSchedule.cosine"),
        (de.NoiseSchedule.snr, "diffusion_edu.diffusion.schedules.NoiseSchedule.snr"),
        (de.Denoiser, "diffusion_edu.diffusion.denoiser.Denoiser"),
        (de.sample, "diffusion_edu.diffusion.samplers.sample"),
    ],
)
def test_methods_properties_classes_and_generators_are_found(obj, home):
    shown = show_source(obj)
    assert shown.home == home
    compile(shown.text.replace("@property\n", "").replace("@classmethod\n", ""), "shown", "exec")
    assert shown._repr_markdown_().startswith(f"From `{home}`")
    assert repr(shown) == f"Source({home!r})"


def test_what_is_not_python_has_no_source():
    with pytest.raises(TypeError):
        show_source(len)
