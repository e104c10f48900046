"""Evaluators from files: what loads, what is refused and how it is said; versions and sampling."""

import importlib.metadata
import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from support.evaluation import context, tool, trace
from support.shared_data import ROOT

from burnish.domain.evaluators import registry
from burnish.domain.evaluators.base import CodeCheck, Filter
from burnish.domain.evaluators.judge import Judge
from burnish.domain.evaluators.limits import LatencyLimit, NoError
from burnish.domain.evaluators.registry import BUILT_IN, evaluator_class
from burnish.domain.evaluators.sampling import applies, sampled
from burnish.domain.evaluators.specs import json_schema, load_evaluators, schema_text
from burnish.domain.evaluators.text import ExactMatch
from burnish.errors import ConfigError

SAMPLES = sorted((ROOT / "config" / "evaluators").glob("*.yaml"))


def folder(tmp_path: Path, **files: str) -> Path:
    """A project's config/evaluators with the given files; names with rubric_ go to config/rubrics."""
    evaluators, rubrics = tmp_path / "config" / "evaluators", tmp_path / "config" / "rubrics"
    evaluators.mkdir(parents=True)
    rubrics.mkdir()
    for name, text in files.items():
        place = rubrics if name.startswith("rubric_") else evaluators
        (place / f"{name.removeprefix('rubric_')}.yaml").write_text(text, encoding="utf-8")
    return evaluators


def refusal(tmp_path: Path, names: list[str] | None = None, **files: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_evaluators(folder(tmp_path, **files), names)
    return str(caught.value)


def test_the_samples_load() -> None:
    """Every sample in config/ is valid, and no two share a name."""
    found = load_evaluators(ROOT / "config" / "evaluators", None)
    assert len(found) == sum(len(yaml.safe_load(path.read_text(encoding="utf-8"))) for path in SAMPLES)
    assert found


@pytest.mark.parametrize("path", sorted((ROOT / "config" / "rubrics").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_sample_rubric_makes_a_judge(path: Path, tmp_path: Path) -> None:
    """A judge can name each sample rubric."""
    text = path.read_text(encoding="utf-8")
    (judge,) = load_evaluators(folder(tmp_path, one="{kind: judge, name: n, rubric: it}", rubric_it=text), None)
    assert isinstance(judge, Judge)
    assert judge.rubric == yaml.safe_load(text)["rubric"]


def test_samples_and_examples_do_not_clash() -> None:
    """An example's evaluators can be copied beside the samples."""
    ours = {evaluator.name for evaluator in load_evaluators(ROOT / "config" / "evaluators", None)}
    theirs = [
        spec["name"]
        for path in (ROOT / "examples").glob("*/burnish/evaluators.yaml")
        for spec in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]
    assert ours & set(theirs) == set()


def test_names_choose_and_order(tmp_path: Path) -> None:
    """Without names all are loaded by file; with names those, in that order; one spec or a list a file."""
    place = folder(
        tmp_path,
        b="[{kind: no_error, name: two}, {kind: latency, name: three, max_s: 1}]",
        a="{kind: no_error, name: one}",
        c="",
    )
    assert ["one", "two", "three"] == [evaluator.name for evaluator in load_evaluators(place, None)]
    assert ["three", "one"] == [evaluator.name for evaluator in load_evaluators(place, ["three", "one"])]
    assert [] == load_evaluators(place, [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{kind: exactmatch, name: n}", "unknown evaluator kind 'exactmatch'; did you mean 'exact_match'?"),
        ("{name: n}", "no kind"),
        ("{kind: no_error, name: n, any_spam: true}", "unknown key 'any_spam'; did you mean 'any_span'?"),
        ("{kind: no_error, name: n, knid: x}", "unknown key 'knid'; did you mean 'kind'?"),
        (
            "{kind: no_error, name: n, applies: {enviroment: x}}",
            "unknown key 'applies.enviroment'; did you mean 'environment'?",
        ),
        (
            "{kind: tool_calls, name: n, calls: [{name: a, args: {}}]}",
            "unknown key 'calls.0.args'; did you mean 'arguments'?",
        ),
        ("{kind: json_schema, name: n, shema: {}}", "unknown key 'shema'; did you mean 'schema'?"),
        ("{kind: no_error}", "name: Field required"),
        ("{kind: no_error, name: ''}", "name: String should have at least 1 character"),
        ("{kind: latency, name: n, max_s: -1}", "max_s: Input should be greater than 0"),
        ("{kind: no_error, name: n, applies: {status: eror}}", "applies.status: Input should be"),
        ("{kind: judge, name: n, rubric: helpfull}", "no rubric 'helpfull'"),
        ("{kind: judge, name: n, rubric: helpfull}", "did you mean 'helpful'?"),
        ("[1, 2]", "not int"),
        ("{kind: [", "not valid YAML"),
        ("!!python/object/apply:os.getcwd []", "not valid YAML"),
        ("[{kind: no_error, name: n}, {kind: no_error, name: n}]", "the name 'n' is already taken"),
        ("{kind: python, name: n, function: 'no_such_module_here:f'}", "importing no_such_module_here failed"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str, tmp_path: Path) -> None:
    """The file, the wrong key or name and the nearest known one are in the error."""
    message = refusal(tmp_path, spec=text, rubric_helpful="rubric: Good.")
    assert said in message
    assert "spec.yaml" in message


def test_an_unknown_name_names_the_nearest(tmp_path: Path) -> None:
    """A typing error in an agent's list of evaluators is explained."""
    assert "did you mean 'correct'?" in refusal(tmp_path, ["corect"], a="{kind: no_error, name: correct}")


def test_a_name_taken_in_another_file_is_refused(tmp_path: Path) -> None:
    """Both files are named."""
    message = refusal(tmp_path, a="{kind: no_error, name: n}", b="{kind: no_error, name: n}")
    assert ("a.yaml" in message, "b.yaml" in message) == (True, True)


def test_a_wrong_rubric_file_is_named(tmp_path: Path) -> None:
    """The rubric's file stands in the error, not the spec's alone."""
    message = refusal(tmp_path, a="{kind: judge, name: n, rubric: r}", rubric_r="{rubric: Good., scales: 3}")
    assert "r.yaml: unknown key 'scales'; did you mean 'scale'?" in message


def test_the_spec_wins_over_its_rubric_file(tmp_path: Path) -> None:
    """A judge may set its own scale on a shared rubric; inline text needs no file."""
    place = folder(
        tmp_path,
        a="[{kind: judge, name: a, rubric: r, scale: 3}, {kind: judge, name: b, rubric: The user was helped.}]",
        rubric_r="{rubric: Good., scale: 5}",
    )
    assert [("Good.", 3), ("The user was helped.", None)] == [
        (judge.rubric, judge.scale) for judge in load_evaluators(place, None) if isinstance(judge, Judge)
    ]


def test_functions_of_the_project_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `python` evaluator may name a module in the project folder."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "my_own_checks.py").write_text("def fine(context):\n    return True\n", encoding="utf-8")
    place = folder(tmp_path, a="{kind: python, name: n, function: 'my_own_checks:fine'}")
    (found,) = load_evaluators(place, None)
    assert found.kind == "python"


def test_functions_of_unchosen_evaluators_are_not_imported(tmp_path: Path) -> None:
    """A broken function that the agent does not use does not stop it."""
    place = folder(
        tmp_path, a="[{kind: python, name: bad, function: 'no_such_module_here:f'}, {kind: no_error, name: good}]"
    )
    assert ["good"] == [evaluator.name for evaluator in load_evaluators(place, ["good"])]


def test_the_schema_for_editors_agrees_with_the_loader() -> None:
    """Samples are valid by it, an unknown key or kind is not, and every kind is in it."""
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for path in SAMPLES:
        assert [] == list(validator.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8"))))
    assert not validator.is_valid({"kind": "no_error", "name": "n", "any_spam": True})
    assert not validator.is_valid({"kind": "no_eror", "name": "n"})
    assert validator.is_valid({"kind": "json_schema", "name": "n", "schema": {}})
    assert len(BUILT_IN) <= len(schema["$defs"]["spec"]["oneOf"])


class Shouting(CodeCheck):
    """What another package brings."""

    kind: ClassVar[str] = "shouting"


def test_packages_bring_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point adds a kind; it cannot replace ours, and a broken one is named when it is asked for."""
    points = [
        EntryPoint("shouting", f"{__name__}:Shouting", registry.GROUP),
        EntryPoint("no_error", f"{__name__}:Shouting", registry.GROUP),
        EntryPoint("broken", "no_such_module_here:X", registry.GROUP),
        EntryPoint("other", f"{__name__}:Shouting", registry.GROUP),
        EntryPoint("wrong", "json:loads", registry.GROUP),
    ]
    monkeypatch.setattr(
        registry, "entry_points", lambda group: importlib.metadata.EntryPoints(points).select(group=group)
    )
    assert evaluator_class("shouting") is Shouting
    assert evaluator_class("no_error") is NoError
    for kind, said in (
        ("broken", "cannot be imported"),
        ("other", "its class says kind 'shouting'"),
        ("wrong", "not a burnish Evaluator"),
    ):
        with pytest.raises(ConfigError, match=said):
            evaluator_class(kind)
    with pytest.raises(ConfigError, match="did you mean 'shouting'"):
        evaluator_class("shoutin")


def test_the_version_is_of_what_is_measured() -> None:
    """It changes with a field and with the kind, not with name, filter or time-out."""
    base = LatencyLimit(name="a", max_s=1)
    assert base.version == LatencyLimit(name="b", max_s=1, timeout_s=3, applies=Filter(sample=0.5)).version
    assert base.version != LatencyLimit(name="a", max_s=2).version
    assert ExactMatch(name="a").version != NoError(name="a").version
    judges = [Judge(name="j", rubric=rubric).version for rubric in ("A.", "B.")]
    assert judges[0] != judges[1]


def test_versions_are_the_same_in_every_process() -> None:
    """A version is stored with results and must not move by itself; a change here is a change of meaning."""
    assert "94db739d2bc7" == LatencyLimit(name="x", max_s=30).version
    named = Judge(name="x", rubric="Be kind.", scale=5, model="m")
    assert "0f5e200c021a" == named.version
    assert "0f5e200c021a" != named.model_copy(update={"anchors": {1: "rude"}}).version


@given(st.text(min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_a_lower_share_is_a_subset(trace_id: str, one: float, other: float) -> None:
    """What a low share samples, every higher share samples too."""
    low, high = sorted((one, other))
    assert sampled(trace_id, high) or not sampled(trace_id, low)


@given(st.text())
def test_all_and_none(trace_id: str) -> None:
    """A share of 1 takes every trace, of 0 none."""
    assert (True, False) == (sampled(trace_id, 1), sampled(trace_id, 0))


def test_a_share_is_a_share() -> None:
    """Of 10,000 traces, a fifth is about 2,000."""
    assert 1_850 < sum(sampled(f"trace-{n}", 0.2) for n in range(10_000)) < 2_150


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({"name": "run"}, True),
        ({"name": "ru"}, False),
        ({"environment": "production"}, True),
        ({"environment": "test"}, False),
        ({"status": "unset"}, True),
        ({"status": "error"}, False),
        ({"has_error": True}, True),
        ({"has_error": False}, False),
        ({"has_expected": False}, True),
        ({"has_expected": True}, False),
        ({"min_latency_s": 2}, True),
        ({"min_latency_s": 2.1}, False),
        ({"metadata": {"tier": "gold"}}, True),
        ({"metadata": {"tier": "gold", "n": None}}, False),
        ({"name": "run", "status": "error"}, False),
        ({"sample": 0}, False),
    ],
)
def test_filter(rule: dict[str, Any], fits: bool) -> None:
    """Everything that is set must hold."""
    subject = trace("x", tool("find", failed=True), environment="production", metadata={"tier": "gold"})
    assert applies(Filter.model_validate(rule), context(subject)) is fits


def test_has_expected_needs_an_expected_output() -> None:
    """Criteria alone are no expected output; an open trace meets no minimum latency."""
    rule = Filter(has_expected=True)
    assert not applies(rule, context("x", criteria=("polite",)))
    assert applies(rule, context("x", "y"))
    opened = trace("x").model_copy(update={"ended_at": None})
    assert not applies(Filter(min_latency_s=0), context(opened))


def test_the_shipped_schema_is_current() -> None:
    """`burnish evaluators schema` was run after the last change; the shipped files name it and fit it."""
    path = ROOT / "config" / "evaluators" / "schema.json"
    assert schema_text() == path.read_text(encoding="utf-8")
    validator = Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))
    for sample in SAMPLES:
        text = sample.read_text(encoding="utf-8")
        assert text.startswith("# yaml-language-server: $schema=schema.json\n")
        assert [] == list(validator.iter_errors(yaml.safe_load(text)))
