from __future__ import annotations

from pathlib import Path

import pytest

from cwm_gym.spec import EpisodeConfig, ErrorCode, SpecError, load_document


def test_every_source_gives_the_document(tmp_path: Path) -> None:
    path = tmp_path / "episode.json"
    path.write_text('\ufeff{"maxSteps": 7}', "utf-8")
    expected = EpisodeConfig(max_steps=7)
    assert load_document(EpisodeConfig, expected) is expected
    assert load_document(EpisodeConfig, {"maxSteps": 7}) == expected
    assert load_document(EpisodeConfig, path) == expected
    assert load_document(EpisodeConfig, str(path)) == expected


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "empty"),
        ("{", "line 1, column 2"),
        ("[]", "must be a JSON object"),
        (None, "Cannot read .*missing.json"),
    ],
)
def test_a_bad_file_is_one_clear_error(tmp_path: Path, content: str | None, text: str) -> None:
    path = tmp_path / "missing.json"
    if content is not None:
        path.write_text(content, "utf-8")
    with pytest.raises(SpecError, match=text) as caught:
        load_document(EpisodeConfig, path)
    (problem,) = caught.value.problems
    assert (problem.code, problem.pointer) == (ErrorCode.INVALID_REQUEST, "")


@pytest.mark.parametrize("source", [5, None, [1], "a\0b"])
def test_a_bad_source_is_one_clear_error(source: object) -> None:
    with pytest.raises(SpecError, match="Cannot read"):
        load_document(EpisodeConfig, source)  # type: ignore[arg-type]


def test_a_directory_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="Cannot read"):
        load_document(EpisodeConfig, tmp_path)


def test_a_problem_inside_a_file_points_into_it(tmp_path: Path) -> None:
    path = tmp_path / "episode.json"
    path.write_text('{"maxSteps": 0}', "utf-8")
    with pytest.raises(SpecError, match="/maxSteps"):
        load_document(EpisodeConfig, path)
