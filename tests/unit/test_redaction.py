"""Secrets and personal data leave every text of a trace, and nothing else does."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from support.planted import FORMS, negatives, positives, secrets
from support.store_samples import span, trace

from burnish.domain.base import Json
from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.redaction import MARK, LimitRule, RedactionRule, Redactor
from burnish.domain.traces import (
    ImagePart,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolDefinition,
    ToolResultPart,
    ToolUse,
    Trace,
)

KEY = "ghp_" + "a1B2c3D4e5F6" * 3
MAIL = "jane.doe@example.com"
_NAMED = dict.fromkeys(("name", "session_id", "environment", "release", "prompt_name", "prompt_version"), "")


def _after(text: str, **rule: Any) -> str:
    found = Redactor(RedactionRule(**rule)).text(text)
    return text if found is None else found.text


def _full(secret: str) -> Trace:
    """A trace that says `secret` wherever a trace can say something."""
    messages = (
        Message(role="system", parts=(TextPart(text=f"use {secret}"), ReasoningPart(text=f"hm, {secret}"))),
        Message(role="assistant", parts=(ToolCallPart(name="f", arguments={"a": [secret]}, id="call_1"),), name=secret),
        Message(role="tool", parts=(ToolResultPart(result={"r": {"s": secret}}, id="call_1"), ImagePart(uri=secret))),
    )
    one = span(
        "t1",
        "root",
        status_message=f"failed: {secret}",
        input_messages=messages,
        output_messages=messages,
        input={"text": secret, "n": [1, {"deep": f"x {secret} y"}]},
        output=json.dumps({"answer": secret}),
        tool=ToolUse(name="f", arguments=json.dumps({"k": secret}), result=secret, call_id="call_1"),
        tool_definitions=(
            ToolDefinition(name="f", description=f"sends {secret}", parameters={"default": {"x": secret}}),
        ),
        attributes={"a.b": secret, f"header {secret}": True, "list": [secret, 1]},
    )
    return trace(
        "t1",
        one.model_copy(update={"name": f"GET {secret}"}),
        input=secret,
        output={"o": secret},
        metadata={"m": {"x": secret}},
        status_message=secret,
        session_id=secret,
        user_id=secret,
        name=f"run {secret}",
        release=secret,
        environment=secret,
        prompt_name=secret,
        prompt_version=secret,
    )


@pytest.mark.parametrize("secret", [KEY, MAIL])
def test_no_place_in_a_trace_keeps_a_secret(secret: str) -> None:
    """Texts, messages of all kinds, arguments, results, keys, attributes, names and identities are all looked at."""
    given_ = _full(secret)
    after = Redactor().trace(given_)
    said = after.trace.model_dump_json()
    assert secret not in said
    assert sum(after.taken["root"].values()) > 15
    assert (after.trace.session_id, after.trace.user_id) == (None, None)


def test_what_ties_a_trace_together_stays() -> None:
    """Ids of spans and calls, times and figures are as they were, and text beside a secret is too."""
    before = _full(KEY)
    after = Redactor().trace(before).trace
    assert (after.trace_id, after.spans[0].span_id, after.started_at) == ("t1", "root", before.started_at)
    assert after.spans[0].input == {
        "text": "[redacted:github_token]",
        "n": [1, {"deep": "x [redacted:github_token] y"}],
    }
    assert after.spans[0].output == '{"answer": "[redacted:github_token]"}'
    calls = [part.id for message in after.spans[0].input_messages for part in message.parts if hasattr(part, "id")]
    assert ["call_1", "call_1"] == calls


def test_a_clean_trace_is_the_same_object() -> None:
    """Nothing found costs no copy."""
    clean = trace("t1")
    after = Redactor().trace(clean)
    assert after.trace is clean
    assert {} == after.taken


def test_secrets_of_every_kind_are_found_in_every_form() -> None:
    """Of hundreds of labelled secrets, in text, JSON, JSON in JSON, headers, URLs and code, none is left."""
    redactor = Redactor()
    left = []
    for one in positives():
        found = redactor.text(one.text)
        if found is None or (one.secret and one.secret in found.text) or not {*found.names} & {*one.kind.split()}:
            left.append(one)
    assert [] == left


def test_what_only_looks_like_a_secret_stays() -> None:
    """Hashes, ids, times, order numbers, images, code, schemas and log probabilities are not touched."""
    redactor = Redactor()
    assert [] == [one.text for one in negatives() if redactor.text(one.text) is not None]


def test_json_in_a_text_stays_json() -> None:
    """Wherever a secret stands in JSON text, also as a bare number, what comes out can be read as JSON."""
    redactor = Redactor()
    texts = [one.text for one in positives() if one.text.startswith(("{", "["))]
    texts += [
        '{"password": 12345, "n": 1}',
        '{"card": 4111111111111111}',
        '[4111111111111111, "a"]',
        '{"pwd":"a\\"b,c"}',
    ]
    for text in texts:
        after = redactor.value(text)
        assert after != text
        json.loads(after)


_pieces = st.sampled_from(
    [one.text for one in positives(5, 1)]
    + [
        "[redacted:email]",
        "[redacted:",
        "password=",
        "Cookie: a=b; ",
        "Bearer ",
        '"',
        "\\",
        ":",
        "\n",
        "@",
        "sk-",
        "4111 1111 1111 1111",
    ]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(_pieces | st.text(max_size=12), max_size=6).map("".join))
def test_doing_it_twice_changes_nothing(text: str) -> None:
    """What has been redacted is left as it is, whatever stands beside the markers."""
    once = _after(text)
    assert once == _after(once)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _pieces | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["password", "id", "x", KEY, "cookies"]), inner)
    ),
    max_leaves=12,
)


@example({"ghp_a1B2c3D4e5F6a1B2c3D4e5F6a1B2c3D4e5F6": "postgresql://app:Tr0ub4dor&3@db.internal:5432/app"})
@settings(max_examples=100, deadline=None)
@given(_json)
def test_structures_keep_their_shape(value: Json) -> None:
    """Objects keep as many fields, lists as many items; doing it twice changes nothing here either."""

    def shape(item: Any) -> Any:
        if isinstance(item, dict):
            return [shape(inside) for inside in item.values()]
        return [shape(inside) for inside in item] if isinstance(item, list) else None

    redactor = Redactor()
    once = redactor.value(value)
    assert shape(value) == shape(once)
    assert once == redactor.value(once)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"password": "hunter2", "user": "ann"}, {"password": "[redacted:password]", "user": "ann"}),
        ({"db.password": 1234}, {"db.password": "[redacted:password]"}),
        (
            {"http.request.header.authorization": ["Basic abc"]},
            {"http.request.header.authorization": ["[redacted:secret]"]},
        ),
        ({"cookies": {"sid": "x"}}, {"cookies": {"sid": "[redacted:cookie]"}}),
        ({"apiKey": "abcdefgh"}, {"apiKey": "[redacted:secret]"}),
        ({"password": "", "token": "the"}, {"password": "", "token": "the"}),
        ({"password": {"type": "string"}}, {"password": {"type": "string"}}),
        ({"gen_ai.usage.input_tokens": 17, "max_tokens": 5}, {"gen_ai.usage.input_tokens": 17, "max_tokens": 5}),
        ({"order_id": "4111111111111111"}, {"order_id": "4111111111111111"}),
        ({"card": 4111111111111111}, {"card": "[redacted:card]"}),
        ({KEY: 1, "x": 2}, {"[redacted:github_token]": 1, "x": 2}),
    ],
)  # fmt: skip
def test_a_fields_name_says_what_its_value_is(value: Json, expected: Json) -> None:
    """A value under `password` goes whatever it looks like; one under an id is no card number."""
    assert expected == Redactor().value(value)


def test_two_secrets_as_keys_stay_two_fields() -> None:
    """Markers are alike, fields are not: none is lost."""
    other = "ghp_" + "z9Y8x7W6v5U4" * 3
    assert {"[redacted:github_token]": 1, "[redacted:github_token] 2": 2} == Redactor().value({KEY: 1, other: 2})


def test_what_is_taken_out_is_the_agents_choice() -> None:
    """Detectors are switched on and off by name."""
    text = f"{KEY} {MAIL} 10.1.2.3"
    assert f"[redacted:github_token] {MAIL} 10.1.2.3" == _after(text, personal=[])
    assert f"{KEY} [redacted:email] 10.1.2.3" == _after(text, secrets=False)
    assert "[redacted:github_token] [redacted:email] [redacted:ip]" == _after(text, personal=["email", "ip"])
    assert {"password": "x1"} == Redactor(RedactionRule(secrets=False)).value({"password": "x1"})


def test_national_phone_numbers_are_those_of_the_countries_named() -> None:
    """A number without +49 is one where Germany is named; international ones always are."""
    text = "call 030 901820 or +49 30 901820"
    assert "call 030 901820 or [redacted:phone]" == _after(text)
    assert "call [redacted:phone] or [redacted:phone]" == _after(text, phone_regions=["DE"])


def test_own_patterns_have_a_time_limit() -> None:
    """A text on which a pattern runs wild is taken out as a whole: what could not be searched is not stored."""
    rule = {"patterns": {"customer": r"C-\d{6}", "wild": r"(a|aa)+$"}}
    assert "for [redacted:customer]" == _after("for C-123456", **rule)
    assert "[redacted:wild]" == _after("a" * 60 + "b", **rule)


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"patterns": {"x": "("}}, "not a regular expression"),
        ({"patterns": {"x": "a*"}}, "matches nothing at all"),
        ({"patterns": {"email": "a"}}, "built-in"),
        ({"patterns": {"Big Name": "a"}}, "lower-case"),
        ({"personal": ["mail"]}, "'email'"),
        ({"phone_regions": ["Germany"]}, "two capital letters"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(given_: dict[str, Any], said: str) -> None:
    """The file is refused when it is read, saying why."""
    with pytest.raises(ValidationError, match=said):
        RedactionRule.model_validate(given_)


def test_without_content_structure_and_figures_are_left() -> None:
    """`keep_content = false`: who spoke, which tools, times, tokens and names; no words."""
    before = _full("the customer is called Zebulon")
    redactor = Redactor(RedactionRule(keep_content=False, user_ids="drop"))
    after = redactor.trace(before).trace
    inside = after.spans[0]
    bare = after.model_copy(update={**_NAMED, "spans": (inside.model_copy(update={"name": ""}),)})
    assert "Zebulon" not in bare.model_dump_json()
    assert [message.role for message in inside.input_messages] == ["system", "assistant", "tool"]
    assert [call.name for call in inside.input_messages[1].tool_calls] == ["f"]
    assert (inside.tool, inside.input, after.input, after.user_id) == (
        ToolUse(name="f", call_id="call_1"),
        None,
        None,
        None,
    )
    said = Feedback(trace_id="t1", key="k", source=FeedbackSource.HUMAN, score=0.5, comment="Zebulon", correction="no")
    kept, _ = redactor.feedback(said)
    assert (0.5, None, None) == (kept.score, kept.comment, kept.correction)


def test_feedback_is_redacted_too() -> None:
    """Comments, labels and corrections of people hold secrets as well; counts say so."""
    said = Feedback(
        trace_id="t1", key="k", source=FeedbackSource.HUMAN, comment=f"ask {MAIL}", correction={"k": KEY}, value=KEY
    )
    kept, counts = Redactor().feedback(said)
    assert ("ask [redacted:email]", {"k": "[redacted:github_token]"}) == (kept.comment, kept.correction)
    assert {"email": 1, "github_token": 2} == dict(counts)


def test_long_texts_lose_their_middle_and_say_so() -> None:
    """Beginning and end stay, the note tells how much is missing, and it is counted."""
    redactor = Redactor(limits=LimitRule(text=300))
    long = "start " + "x" * 12_000 + " end"
    one = span("t1", "root", input=long, input_messages=(Message(role="user", parts=(TextPart(text=long),)),))
    after = redactor.trace(trace("t1", one, input=long))
    text = after.trace.spans[0].input
    assert isinstance(text, str)
    assert text.startswith("start x")
    assert text.endswith("x end")
    assert "[… 11,770 characters left out]" in text
    assert len(text) <= 300
    assert after.taken["root"]["limit_text"] == 2
    assert after.trace.spans[0].input_messages[0].text == text == after.trace.input
    assert redactor.trace(after.trace).trace == after.trace


def test_a_secret_at_the_cut_is_gone_before_the_cut() -> None:
    """Half a key is not stored because the text was cut through it."""
    text = "x " * 100 + KEY + " y" * 400
    after = Redactor(limits=LimitRule(text=300)).trace(trace("t1", span("t1", "root", input=text))).trace
    assert KEY[:12] not in after.model_dump_json()


def test_spans_and_traces_have_sizes() -> None:
    """Many texts together are cut shorter; what still does not fit leaves a note; surplus spans are counted."""
    many: list[Json] = ["y" * 900 for _ in range(20)]
    redactor = Redactor(limits=LimitRule(span=5_000, spans=3))
    fits = redactor.trace(trace("t1", span("t1", "root", input=many)))
    assert len(json.dumps(fits.trace.spans[0].input)) < 6_000
    small: list[Json] = ["word" for _ in range(5_000)]
    gone = redactor.trace(trace("t1", span("t1", "root", input=small)))
    assert gone.trace.spans[0].input is None
    assert gone.trace.spans[0].attributes == {"burnish.left_out": "20,000 characters left out"}
    five = redactor.trace(trace("t1", *(span("t1", f"s{i}", "root" if i else None, after=i) for i in range(5))))
    assert [one.span_id for one in five.trace.spans] == ["s0", "s1", "s2"]
    assert five.trace.metadata["burnish.left_out"] == "2 spans left out"
    assert {"": {"limit_spans": 2}} == five.taken


def test_deep_structures_end() -> None:
    """A value nested a thousand levels deep is cut off instead of ending the process."""
    deep: Any = KEY
    for _ in range(300):
        deep = [deep]
    said = json.dumps(Redactor().value(deep))
    assert KEY not in said
    assert "nested deeper" in said


@pytest.mark.parametrize("name", secrets())
def test_markers_name_the_detector(name: str) -> None:
    """What stands in the place of a find names its kind, everywhere the same."""
    import random

    made = secrets()[name](random.Random(7))
    markers = {mark for form in FORMS.values() for mark in MARK.findall(_after(form(made)))}
    assert {f"[redacted:{name.split('.')[0]}]"} == markers
