"""Draft small edits from evidence."""

from burnish.domain.proposing.draft import Draft
from burnish.domain.proposing.evidence import Case, Evidence, Group
from burnish.domain.proposing.strategies import drafts

__all__ = ["Case", "Draft", "Evidence", "Group", "drafts"]
