"""Retrieval and zero-shot classification, against counting by hand."""

import pytest
import torch

from diffusion_edu.systems import retrieval, zero_shot

EYE = torch.eye(4)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_a_perfect_pair_finds_everything_and_a_swapped_one_finds_less():
    found = retrieval(EYE, EYE)
    assert found.image_to_text == found.text_to_image == {1: 1.0, 5: 1.0}
    found = retrieval(EYE, EYE[[1, 0, 2, 3]], ks=(1,))
    assert found.image_to_text == found.text_to_image == {1: 0.5}


def test_recall_is_counted_as_by_hand():
    """Two queries, three answers, every rank worked out."""
    image = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    text = torch.tensor([[0.8, 0.6], [1.0, 0.1], [0.0, 1.0]])  # cosines: .8 .995 0; .96 .68 .8
    found = retrieval(image, text, torch.tensor([0, 2]), ks=(1, 2, 3))
    assert found.image_to_text == {1: 0.0, 2: 1.0, 3: 1.0}
    # Text 0 likes picture 1 better; text 2 likes picture 1, its own; text 1 has no picture and is not asked.
    assert found.text_to_image == {1: 0.5, 2: 1.0, 3: 1.0}


def test_encoders_that_say_the_same_of_everything_find_nothing():
    found = retrieval(torch.ones(6, 3), torch.ones(6, 3))
    assert found.image_to_text == found.text_to_image == {1: 0.0, 5: 0.0}


def test_one_of_several_right_pictures_is_enough():
    image = torch.stack([EYE[0], EYE[1], EYE[0] + 0.1 * EYE[2]])
    found = retrieval(image, EYE[:2], torch.tensor([0, 1, 0]), ks=(1,))
    assert found.text_to_image == {1: 1.0}
    assert found.text_to_image_chance[1] == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert found.image_to_text_chance[1] == pytest.approx(1 / 2)


def test_chance_is_what_random_embeddings_reach():
    truth = torch.randint(20, (60,), generator=torch.Generator().manual_seed(5))
    sums = torch.zeros(4)
    for seed in range(60):
        found = retrieval(randn(60, 8, seed=seed), randn(20, 8, seed=1000 + seed), truth)
        sums += torch.tensor([*found.image_to_text.values(), *found.text_to_image.values()])
    chance = torch.tensor([*found.image_to_text_chance.values(), *found.text_to_image_chance.values()])
    assert torch.allclose(sums / 60, chance, atol=0.03)
    assert chance[0] == pytest.approx(1 / 20)
    assert chance[1] == pytest.approx(5 / 20)


def test_k_may_exceed_the_answers():
    assert retrieval(EYE, EYE, ks=(9,)).image_to_text_chance == {9: 1.0}


@pytest.mark.parametrize(
    ("image", "text", "truth", "ks", "words"),
    [
        (EYE, torch.eye(3), None, (1,), ["image and text", "(4, 4)", "(3, 3)"]),
        (EYE, EYE[:3], None, (1,), ["truth must be given", "4", "3"]),
        (EYE, EYE, torch.tensor([0, 1, 2, 4]), (1,), ["truth", "0..3"]),
        (EYE, EYE, torch.tensor([0, 1]), (1,), ["truth", "4 indices"]),
        (EYE, EYE, None, (0,), ["ks", "at least 1"]),
    ],
)
def test_mistakes_are_named(image, text, truth, ks, words):
    with pytest.raises(ValueError) as caught:
        retrieval(image, text, truth, ks)
    for word in words:
        assert word in str(caught.value)


def test_zero_shot_is_the_softmax_of_the_scaled_cosines():
    image, names = randn(5, 6), randn(3, 6, seed=1)
    likely = zero_shot(image, names, log_scale=1.0)
    cosine = torch.cosine_similarity(image[:, None], names[None], dim=-1)
    assert torch.allclose(likely, (torch.e * cosine).softmax(1), atol=1e-5)
    assert torch.equal(likely.argmax(1), zero_shot(image, names).argmax(1))


def test_several_texts_a_class_are_averaged_as_directions():
    """A long embedding has no more say than a short one."""
    image, one, other = randn(4, 6), randn(3, 6, seed=1), randn(3, 6, seed=2)
    both = zero_shot(image, torch.stack([one, 50 * other], 1))
    mean = torch.nn.functional.normalize(one, dim=1) + torch.nn.functional.normalize(other, dim=1)
    assert torch.allclose(both, zero_shot(image, mean), atol=1e-5)


@pytest.mark.parametrize("names", [randn(3, 5), randn(6), randn(2, 2, 2, 6)])
def test_class_texts_of_another_shape_are_named(names):
    with pytest.raises(ValueError, match="image and class_text must be"):
        zero_shot(randn(4, 6), names)
