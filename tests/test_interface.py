"""The public interface is that of the snapshot, and the changelog names what changed."""

import boxel as bx
import interface

BLOCKS = "boxel.block_reduce(image, block_size)"
MORE = "boxel.block_reduce(image, block_size, *, order=None)"
METHOD = "boxel.RunningStats.var(self, ddof=0)"
PLOT = "boxel.plot.heatmap(density)"


def test_interface_is_that_of_the_snapshot():
    found = interface.report(interface.stored(), interface.current())
    assert not found, "\n".join(
        [
            "The public interface has changed:",
            *found,
            f"If that is meant, say so in CHANGELOG.md under {bx.__version__} and run",
            f"    {interface.UPDATE}",
        ]
    )


def test_changelog_names_all_that_changed_since_the_release():
    missing = interface.unmentioned(interface.stored(interface.RELEASED), interface.current())
    assert not missing, interface.advice(missing)


def test_all_public_names_are_there():
    text = "\n".join(interface.current())
    for name in bx.__all__:
        assert f"boxel.{name}" in text
    assert "boxel.files.read_image(path)" in text
    assert "boxel.plot.heatmap(density, *," in text
    assert "boxel.RunningStats.load(path) staticmethod" in text
    assert " 0x" not in text


def test_what_changed_is_found():
    assert interface.report([BLOCKS, PLOT], [BLOCKS, PLOT]) == []
    assert interface.report([BLOCKS], [MORE]) == [f"- {BLOCKS}", f"+ {MORE}"]
    assert interface.report([BLOCKS, PLOT], [BLOCKS]) == [f"- {PLOT}"]
    assert interface.report([], [METHOD]) == [f"+ {METHOD}"]


def test_a_change_needs_an_entry_under_the_version():
    changelog = "# Changelog\n\n## 2.0.0 - Unreleased\n\n{}\n\n## 1.0.0\n\n`block_reduce` is new.\n"
    for entry, expected in (
        ("* Nothing.", ["block_reduce"]),
        ("* `block_reduce_more`: new.", ["block_reduce"]),
        ("* `block_reduce(order=)`: the order.", []),
    ):
        text = changelog.format(entry)
        assert interface.unmentioned([BLOCKS], [MORE], text, "2.0.0") == expected
    assert interface.unmentioned([BLOCKS], [MORE], changelog, "3.0.0") == ["block_reduce"]
    assert interface.unmentioned([BLOCKS], [BLOCKS], changelog, "2.0.0") == []


def test_changed_things_have_names():
    assert interface.name_of(BLOCKS) == "block_reduce"
    assert interface.name_of(METHOD) == "RunningStats"
    assert interface.name_of(PLOT) == "heatmap"
    assert interface.name_of("boxel.MODES = ('reflect',)") == "MODES"
    assert interface.name_of("class boxel.Progress(object)") == "Progress"
