"""How long is left?"""

from __future__ import annotations

from bench.progress import Left


def test_what_is_left_is_what_steps_took_before() -> None:
    """Known steps count by what they took, others by the guess; the one under way goes down to 0."""
    left = Left(["a", "b", "c"], {"a": 10.0, "b": 20.0}, guess=5.0)

    assert 35.0 == left.seconds(0.0)
    left.begin("a", 0.0)
    assert 31.0 == left.seconds(4.0)
    assert 25.0 == left.seconds(99.0)
    left.end("a", 12.0)
    assert {"a": 12.0} == left.took_s
    assert 25.0 == left.seconds(12.0)
    assert 10 / 35 == left.share_done(12.0)


def test_step_taken_twice_adds_up() -> None:
    """A step with two parts is told with both."""
    left = Left(["a"], {}, guess=5.0)
    for begun, ended in ((0.0, 2.0), (10.0, 13.0)):
        left.begin("a", begun)
        left.end("a", ended)

    assert {"a": 5.0} == left.took_s
    assert 1.0 == left.share_done(13.0)


def test_nothing_planned_is_done() -> None:
    """No division by nothing."""
    assert 1.0 == Left([], {}, guess=5.0).share_done(0.0)
