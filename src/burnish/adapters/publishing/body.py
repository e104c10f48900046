"""Write the body of a pull request: what changed, what was measured, and where it came from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from burnish.adapters.publishing import markdown
from burnish.domain.base import Value
from burnish.domain.datasets import Example
from burnish.domain.gate import Comparison, Lift, Look, Verdict, agreement_rows
from burnish.domain.proposals import Cluster, Proposal
from burnish.domain.proposing.evidence import as_text
from burnish.errors import ConfigError

__all__ = ["BODY_LIMIT", "BodyContext", "render", "render_body"]

TEMPLATE = "pull_request.md.j2"
BODY_LIMIT = 60_000  # GitHub takes 65,536 characters
TRACES_SHOWN = 10
SHORT = 160


class BodyContext(Value):
    """What the body tells. `base_url` is where burnish serves its pages, None without one.

    Nothing of a held-out example is put out, nor its id, which is a hash of its input. `dev_fixed` are dev examples the
    candidate fixed.
    """

    agent: str
    night: str
    proposal: Proposal
    verdict: Verdict
    diff: str
    clusters: tuple[Cluster, ...] = ()
    dev_fixed: tuple[Example, ...] = ()
    regression_path: str | None = None
    regression_count: int = 0
    calls: int = 0
    cost_usd: float = 0.0
    base_url: str | None = None
    reproduce: str = ""


def render_body(context: BodyContext, templates: Path | None = None) -> str:
    """The body as Markdown, by `pull_request.md.j2` in the folder `templates` or else the one burnish ships.

    Every value that a template puts out is escaped, unless a filter has made Markdown of it: a template cannot forget
    to. Raises ConfigError where the user's template does not render.
    """
    return render(TEMPLATE, _values(context), templates, context.base_url)


def render(template: str, values: Mapping[str, Any], templates: Path | None, base_url: str | None) -> str:
    """A template with values put in, as `render_body` does it. Raises ConfigError."""
    folders = [Path(__file__).with_name("templates")]
    if templates is not None:
        folders.insert(0, templates)
    environment = Environment(
        loader=FileSystemLoader(folders),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown, not HTML: `finalize` escapes
        finalize=_escaped,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "fence": lambda text, language="": markdown.fence(str(text), language),
        "code": lambda text: markdown.code(str(text)),
        "short": lambda value: markdown.escape(as_text(value, SHORT)),
        "link": lambda text, path: markdown.link(str(text), base_url, path),
    }
    try:
        text = environment.get_template(template).render(values)
    except TemplateError as error:
        raise ConfigError(f"config/prompts/{template} does not render: {error}; correct it or delete it") from error
    if len(text) > BODY_LIMIT:
        text = text[:BODY_LIMIT].rsplit("\n", 1)[0] + "\n\n(cut: the body was too long for the forge)\n"
    return text


def _values(context: BodyContext) -> Mapping[str, Any]:
    verdict = context.verdict
    comparison = verdict.comparison
    compared = [*([comparison] if comparison is not None else []), *verdict.guards]
    return {
        **{name: getattr(context, name) for name in type(context).model_fields},
        "rows": [_row(item) for item in compared],
        "level": f"{verdict.level:.3g}",
        "lift": _lift(verdict.lift),
        "looks": [_look(look) for look in verdict.looks],
        "agreement": [] if verdict.judge is None else agreement_rows(verdict.judge),
        "overall_p": "" if verdict.p_value is None else f"{verdict.p_value:.2g}",
        "fixed": comparison.wins if comparison is not None else 0,
        "broken": comparison.losses if comparison is not None else 0,
        "traces": context.proposal.evidence_trace_ids[:TRACES_SHOWN],
        "trace_count": len(context.proposal.evidence_trace_ids),
    }


def _row(item: Comparison) -> dict[str, Any]:
    return {
        "metric": item.metric,
        "before": f"{item.baseline_mean:.3f}",
        "after": f"{item.candidate_mean:.3f}",
        "effect": markdown.Markdown(f"{item.effect:+.3f}"),
        "interval": markdown.Markdown(f"{item.low:+.3f} to {item.high:+.3f} ({item.confidence:.0%})"),
        "wins": item.wins,
        "losses": item.losses,
        "ties": item.ties,
        "unmeasured": f"{item.unmeasured_baseline}, {item.unmeasured_candidate}",
    }


def _lift(lift: Lift | None) -> dict[str, Any] | None:
    if lift is None:
        return None
    return {
        "raw": markdown.Markdown(f"{lift.raw:+.3f}"),
        "shrunk": markdown.Markdown(f"{lift.shrunk:+.3f}"),
        "interval": markdown.Markdown(f"{lift.low:+.3f} to {lift.high:+.3f}"),
    }


def _look(look: Look) -> dict[str, Any]:
    return {
        "examples": look.examples,
        "pairs": look.pairs,
        "effect": markdown.Markdown(f"{look.effect:+.3f}"),
        "z": markdown.Markdown(f"{look.z:.2f}"),
        "boundary": markdown.Markdown(f"{look.boundary:.2f}"),
    }


def _escaped(value: Any) -> str:
    return value if isinstance(value, markdown.Markdown) else markdown.escape(str(value))
