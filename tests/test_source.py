import inspect

import pytest

import diffusion_edu as de
from diffusion_edu.source import show_source


def body(text):
    return [line.strip() for line in text.splitlines()]


def without_checks(function):
    """The source of a function but for the line that checks its arguments."""
    first, rest = inspect.getsource(function).rstrip().split("\n", 1)
    assert first.startswith("@checked")
    return rest


def test_the_code_is_the_packages_own_with_a_short_docstring():
    shown = show_source(de.q_step)
    lines = body(shown.text)
    real = body(without_checks(de.q_step))
    assert lines[0] == real[0]
    assert lines[-1] == real[-1]
    assert sum('"""' in line for line in lines) == 1
    assert "Checked by" not in shown.text
    assert set(lines) - set(real) == {'"""Add the noise of one step: draw x_t from q(x_t | x_{t-1})."""'}


def test_the_whole_docstring_on_request():
    assert show_source(de.q_step, docstring=True).text == without_checks(de.q_step)


def test_checks_of_arguments_are_left_out_of_classes_too():
    assert "@checked" in inspect.getsource(de.Guided)
    text = show_source(de.Guided).text
    assert "@checked" not in text and text.startswith("class Guided") and "@staticmethod" in text


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
