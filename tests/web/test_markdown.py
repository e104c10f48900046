import pytest

from burnish.drivers.web.markdown import markdown


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&colon;alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](vbscript:x)",
        "[x](//evil.example/)",
        "[x](\\\\evil.example)",
        "[x]( java\nscript:alert(1))",
        "<javascript:alert(1)>",
        "[x][1]\n\n[1]: javascript:alert(1)",
        "![x](https://evil.example/pixel.png)",
        '[x](https://ok.example "onmouseover=alert(1)")<b onclick=x>',
    ],
)
def test_nothing_in_markdown_can_act(text: str) -> None:
    """No tag of the author's, no script link, no link that leaves the page's scheme, no image is ever produced."""
    html = str(markdown(text)).lower()
    for forbidden in (
        "<script",
        "<img",
        "<b ",
        'href="javascript',
        'href="data',
        'href="vbscript',
        'href="//',
        'href="\\',
    ):
        assert forbidden not in html
    assert 'href="%5c' not in html


def test_what_reviewers_write_is_kept() -> None:
    """Tables, code fences, lists and links to the web and to these pages come out as such."""
    html = str(
        markdown("| a |\n|---|\n| 1 |\n\n```diff\n+ <x>\n```\n\n- [p](/proposals/1) and [w](https://ok.example)")
    )
    for expected in (
        "<table>",
        "<td>1</td>",
        "+ &lt;x&gt;",
        'href="/proposals/1"',
        'href="https://ok.example"',
        "<li>",
    ):
        assert expected in html
