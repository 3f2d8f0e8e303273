"""Damage to files of every kind: every answer is an error that names the file, or the right one."""

import pytest

from tools.checks.mutations import BAD, GOOD, Answer, plan, run, table


@pytest.fixture(scope="module")
def answers():
    return list(run(seed=20, n=300))


def test_no_damage_ends_in_another_answer_or_an_error_that_names_no_file(answers):
    bad = [answer for answer in answers if answer.answer in BAD]
    assert not bad, "\n".join(map(str, bad))
    assert all(answer.answer in GOOD for answer in answers)


def test_every_kind_was_damaged_and_only_files_without_a_checksum_gave_other_answers(answers):
    assert [answer.kind for answer in answers] == [kind for kind, _ in plan(20, 300)]
    without = {"IDX", "pictures", "bombs", "edited descriptions"}  # of others, or valid ones
    assert {answer.kind for answer in answers if answer.answer == "foreign"} <= without
    refused = [answer for answer in answers if answer.error]
    assert len(refused) > len(answers) / 2
    assert "silent" in table(answers).splitlines()[0]


def test_the_same_seed_gives_the_same_damage():
    assert plan(1, 300) == plan(1, 300) != plan(2, 300)


def test_the_judge_tells_what_is_wrong():
    """It is worth something: errors without a name, errors of others, and other answers are found."""
    from tools.checks.case import Case
    from tools.checks.mutations import judged

    def fail(error):
        raise error

    def word(read, **more):
        return judged(Case("", read, ("a.bin",), "right", **more))[0]

    assert word(lambda: "right") == "right"
    assert word(lambda: "other") == "silent"
    assert word(lambda: "other", foreign=True) == "foreign"
    assert word(lambda: fail(ValueError("a.bin is damaged"))) == "right"
    assert word(lambda: fail(ValueError("something is damaged"))) == "unnamed"
    assert word(lambda: fail(KeyError("a.bin"))) == "obscure"
    assert word(lambda: fail(RuntimeError("a.bin"))) == "obscure"
    assert word(lambda: fail(MemoryError())) == "memory"
    assert "silent" in table([Answer("k", "w", "silent")])
