"""The progress of a guest that is being made."""

from nimbus.compute.agent.progress import Progress


def told(*calls, seconds=1.0):
    """What is told of (part, percent) calls that come so many seconds apart."""
    now, said = [100.0], []
    progress = Progress(said.append, lambda: now[0])
    parts = {'image': progress.part(0, 80), 'guest': progress.part(80, 100)}
    for part, percent in calls:
        parts[part](percent)
        now[0] += seconds
    return said


def test_it_grows_while_the_image_comes_and_goes_on_when_the_guest_is_made():
    calls = [('image', 0), ('image', 50), ('image', 100), ('guest', 0), ('guest', 60), ('guest', 100)]
    assert told(*calls) == [0, 40, 80, 92, 100]


def test_it_never_goes_back_and_nothing_is_told_twice():
    assert told(('image', 90), ('image', 10), ('image', 90), ('guest', 0)) == [72, 80]


def test_it_is_told_once_in_a_second_at_most():
    assert told(*(('image', n) for n in range(100)), seconds=0.25) == [n * 80 // 100 for n in range(0, 100, 4)]
