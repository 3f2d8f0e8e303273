"""Toy data: centred, of one size, on their shapes, and the same for the same seed."""

import pytest
import torch

import diffusion_edu as de
from diffusion_edu.data import TOYS, raster, toy


@pytest.mark.parametrize("name", TOYS)
def test_points_are_centred_and_of_unit_variance(name):
    points = toy(name, 20_000, spread=0.0)
    assert points.shape == (20_000, 2) and points.dtype == torch.float32
    assert points.mean(0).abs().max() < 0.01
    assert points.var(0).mean().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", TOYS)
def test_seeds_decide_and_the_order_is_random(name):
    first, again, other = toy(name, 500, 3), toy(name, 500, 3), toy(name, 500, 4)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    # along the shape neighbours would be close to one another
    assert (first[1:] - first[:-1]).norm(dim=1).mean() > 0.7


@pytest.mark.parametrize("name", TOYS)
def test_every_part_of_the_shape_has_its_points(name):
    dense, few = toy(name, 4000, 0, spread=0.0), toy(name, 400, 1, spread=0.0)
    gap = torch.cdist(dense, few).min(dim=1).values
    assert gap.max() < 0.2


@pytest.mark.parametrize("name", TOYS)
def test_spread_is_the_deviation_from_the_shape(name):
    points, shape = toy(name, 4000, 0, spread=0.0), toy(name, 4000, 0, spread=0.1)
    assert not torch.equal(points, shape)
    # the same seed draws the same places first: what differs is the deviation (the order is drawn last)
    assert (shape - points).std().item() == pytest.approx(0.1, abs=0.003)


def distance_to_circle(points, radius):
    return (points.norm(dim=1) - radius).abs()


def test_rings_are_two_circles_whose_points_are_even_along_them():
    points = toy("rings", 5000, spread=0.0)
    radius = points.norm(dim=1)
    outer = radius.max()
    assert torch.minimum(distance_to_circle(points, outer), distance_to_circle(points, 0.45 * outer)).max() < 1e-3
    assert (radius < 0.7 * outer).float().mean().item() == pytest.approx(0.45 / 1.45, abs=0.001)


def test_a_spiral_grows_with_its_angle_and_is_even_along_its_length():
    points = toy("spiral", 4000, 0, spread=0.0)
    moved = points - points.new_tensor(spiral_centre())
    radius = moved.norm(dim=1).sort().values
    length = radius.square()  # of the line up to a radius, but for a constant
    steps = length[1:] - length[:-1]
    assert steps.max() < 4 * steps.mean()


def spiral_centre():
    """Where the spiral turns around: the middle of the circle through its points of one radius is not at 0."""
    from diffusion_edu.data import toys

    u = (torch.arange(toys.GRID).double().numpy() + 0.5) / toys.GRID
    curve = toys._spiral(u)
    scale = ((curve - curve.mean(0)) ** 2).mean() ** 0.5
    return (-curve.mean(0) / scale).tolist()


def test_letters_are_what_is_written():
    wide, tall = toy("letters", 800, text="ooo", spread=0.0), toy("letters", 800, text="I", spread=0.0)
    extent = lambda x: x.amax(0) - x.amin(0)  # noqa: E731
    assert extent(wide)[0] > 2 * extent(wide)[1]
    assert extent(tall)[1] > 3 * extent(tall)[0]
    # an L has its weight below: y points upwards
    ell = toy("letters", 4000, text="L", spread=0.0)
    assert ell[:, 1].median() < ell[:, 1].amin() + 0.45 * extent(ell)[1]


def test_a_raster_shows_right_as_right_and_up_as_up():
    points = torch.tensor([[3.0, 3.0]] * 3 + [[-3.0, 0.0], [9.0, 0.0]])
    picture = raster(points, size=8)
    assert picture.shape == (1, 8, 8) and picture.dtype == torch.float32
    assert picture[0, 0, 7] == 1, "three points or more are white"
    assert -1 < picture[0, 3:5, 0].max() < 1
    assert (picture == -1).sum() == 62, "what lies outside is left out"
    with pytest.raises(ValueError, match=r"points must be of shape \(N, 2\), got \(5,\)"):
        raster(points[:, 0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "moon"}, "name must be one of moons, spiral, rings, letters, got 'moon'; did you mean 'moons'"),
        ({"n": 0}, "n must be at least 1, got 0"),
        ({"n": 2.5}, "n must be an integer of at least 1, got 2.5"),
        ({"spread": -0.1}, "spread must be .*at least 0, got -0.1"),
        ({"spread": float("nan")}, "spread must be a finite number, got nan"),
        ({"name": "letters", "text": " "}, "text must be one or more visible characters, got ' '"),
        ({"name": "letters", "text": ""}, "text must be one or more visible characters, got ''"),
    ],
)
def test_mistakes_are_named(change, words):
    with pytest.raises((TypeError, ValueError), match=words):
        toy(**change)


def test_it_is_offered_with_the_other_data():
    assert de.data.toy is toy
