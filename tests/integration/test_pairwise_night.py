"""A whole night whose metric is a judge of pairs: from production failures to a verdict that waits for people."""

import json
import re
from typing import Any

from support.model_server import Answer, ModelServer, completion, serve_in_thread
from support.night_driver import one_night
from support.night_project import NightProject, answer, asked_text, right_queue

from burnish.domain.feedback import Feedback, FeedbackSource
from burnish.domain.proposals import ProposalStatus
from burnish.drivers.arms import summarise_arms
from burnish.loop.standing import labels_wanted

BETTER = """- {kind: pairwise, name: better, rubric: The right queue., against: baseline}
"""


def preferring(body: dict[str, Any]) -> Answer:
    """The stand-in, which also knows which of two queues is the right one."""
    fields = body.get("response_format", {}).get("json_schema", {}).get("schema", {}).get("properties", {})
    if "verdict" not in fields:
        return answer(body)
    blocks = re.findall(r"<(request|first|second)-\w+>\n(.*?)\n</\1-", asked_text(body), re.DOTALL)
    told = {label: text.strip() for label, text in blocks}
    right = right_queue(told["request"])
    places = [place for place in ("first", "second") if told[place] == right]
    verdict = places[0] if len(places) == 1 else "tie"
    return Answer(completion(json.dumps({"reasoning": "the queue", "verdict": verdict})))


async def test_a_judge_of_pairs_carries_a_night_once_people_have_labelled_both_arms(project: NightProject) -> None:
    """What fails is told by another evaluator; the proposal wins pairs, waits for labels, and opens with them."""
    path = project.folder / "config" / "agents" / "desk.toml"
    with serve_in_thread(ModelServer(preferring)) as server:
        project.configure("desk", server.base_url, more="[gate.judges]\nminimum_labels = 10\n[suite]\nlevel = 0.05\n")
        text = path.read_text().replace('evaluators = ["right_queue"]', 'evaluators = ["right_queue", "better"]')
        path.write_text(text.replace('metric = "right_queue"', 'metric = "better"\nfailing = "right_queue"'))
        (project.folder / "config" / "evaluators" / "better.yaml").write_text(BETTER)
        report = await one_night()
        with project.store() as store:
            (waiting,) = store.proposals.list("desk", status=ProposalStatus.INCONCLUSIVE)
            experiment = next(e for e in store.experiments.list("desk") if e.split == "held_out")
            runs = store.experiments.runs(experiment.id)
            base, changed = summarise_arms(experiment, runs)
            assert base.mean == 0.5
            assert changed.wins > 10
            assert 0 == changed.losses
            assert "better than the baseline's on" in report
            assert "contradicted itself on 0 (0%)" in report
            arms = [[run for run in runs if run.key.arm == arm] for arm in experiment.arms]
            of_trace = {run.trace_id: run for run in runs}
            inputs = {trace.trace_id: str(trace.input) for trace in store.traces.load([*map(str, of_trace)])}
            store.feedback.add(
                [
                    Feedback(
                        trace_id=one, key="better", source=FeedbackSource.HUMAN, author="ines",
                        score=float(of_trace[one].output == right_queue(inputs[one])),
                    )
                    for one in labels_wanted(*arms, pairs=30, seed="x")
                ]
            )  # fmt: skip
        await one_night()
        with project.store() as store:
            assert [waiting.id] == [p.id for p in store.proposals.list("desk", status=ProposalStatus.PUBLISHED)]
