"""The agent's repository against real git: reading, worktrees, commits and pushes."""

import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.repositories import FILES, bare_remote, commit_files, git

from burnish.adapters.publishing.git import AgentRepository
from burnish.adapters.publishing.transport import check_branch, git_environment, resolve_url
from burnish.domain.proposals import Edit
from burnish.errors import EditError, PublishError

EDIT = Edit(path="prompts/router.md", search="- atlas\n", replace="- atlas: cards\n")
MOMENT = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return bare_remote(tmp_path)


def descriptors() -> int:
    """Open files of this process; 0 where the system does not list them."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def opened(remote: Path, *, files: tuple[str, ...] = ("prompts/**",)) -> AgentRepository:
    return AgentRepository.open(str(remote), "main", remote.parent / "home", files=files)


def test_files_that_may_change_are_read_from_the_base(remote: Path) -> None:
    """By glob, as text; links and binary files are left out."""
    work = remote.parent / "ada"
    (work / "prompts" / "link.md").symlink_to("/etc/passwd")
    (work / "prompts" / "image.bin").write_bytes(b"\xff\xfe")
    head = commit_files(work, {"prompts/ü mlaut.md": "ok"}, "More")
    with opened(remote) as repository:
        assert head == repository.base_commit
        assert {"prompts/router.md": FILES["prompts/router.md"], "prompts/ü mlaut.md": "ok"} == repository.read_files()
        assert {"src/agent.py": FILES["src/agent.py"]} == repository.read_files(["src/*.py"])


def test_opening_again_sees_what_was_pushed_since(remote: Path) -> None:
    """The copy in our home is fetched each time."""
    with opened(remote) as first:
        before = first.base_commit
    after = commit_files(remote.parent / "ada", {"prompts/new.md": "x"}, "New")
    with opened(remote) as second:
        assert after == second.base_commit != before


def test_a_worktree_holds_the_commit_with_the_edits(remote: Path) -> None:
    """All files are there, the edited one changed, and the base is untouched."""
    with opened(remote) as repository:
        version = repository.worktree("v1", repository.base_commit, [EDIT])
        plain = repository.worktree("v0", repository.base_commit, [])
        assert "- atlas: cards\n" in (version.root / "prompts/router.md").read_text()
        assert FILES["prompts/router.md"] == (plain.root / "prompts/router.md").read_text()
        assert FILES["src/agent.py"] == (version.root / "src/agent.py").read_text()
        repository.remove("v1")
        assert not version.root.exists()


def test_an_intact_worktree_is_reused_and_swept(remote: Path) -> None:
    """What an agent left lying about goes, the folder stays."""
    with opened(remote) as repository:
        version = repository.worktree("v1", repository.base_commit, [EDIT])
        (version.root / "state.db").write_text("from the last run")
        inode = version.root.stat().st_ino
        assert version == repository.worktree("v1", repository.base_commit, [EDIT])
        assert (inode, False) == (version.root.stat().st_ino, (version.root / "state.db").exists())


def test_versions_of_earlier_nights_are_pruned(remote: Path) -> None:
    """Only what is kept stays; half a folder that a kill left goes too, and what is asked for again is made again."""
    with opened(remote) as earlier:
        old = earlier.worktree("old", earlier.base_commit, [])
    half = old.root.parent / "half"
    half.mkdir()
    with opened(remote) as repository:
        kept = repository.worktree("kept", repository.base_commit, [EDIT])
        assert ["half", "old"] == repository.prune({"kept"})
        assert (False, False, True) == (old.root.exists(), half.exists(), kept.root.exists())
        assert old == repository.worktree("old", repository.base_commit, [])
        assert (old.root / "src/agent.py").is_file()


def test_what_another_night_uses_is_never_pruned(remote: Path) -> None:
    """While it is open, nothing goes; once it has closed, or its process was killed, the next night prunes."""
    with opened(remote) as mine:
        with opened(remote) as other:
            used = other.worktree("used", other.base_commit, [])
            assert [] == mine.prune(set())
            assert used.root.exists()
        script = (
            "import sys, pathlib, os, signal; from burnish.adapters.publishing.git import AgentRepository as R;"
            "r = R.open(sys.argv[1], 'main', pathlib.Path(sys.argv[2])); r.worktree('dead', r.base_commit, []);"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
        done = subprocess.run([sys.executable, "-c", script, str(remote), str(remote.parent / "home")], check=False)
        assert -9 == done.returncode
        assert ["dead", "used"] == mine.prune(set())


_USER = """
import pathlib, sys
from burnish.adapters.publishing.git import AgentRepository
with AgentRepository.open(sys.argv[1], "main", pathlib.Path(sys.argv[2])) as repository:
    root = repository.worktree("v0", repository.base_commit, []).root
    assert len(list((root / "many").iterdir())) == 300, list(root.iterdir())
    (root / "state.db").write_text("mine")
    print(root, flush=True)
    sys.stdin.readline()
    assert (root / "state.db").read_text() == "mine"
    assert len(list((root / "many").iterdir())) == 300
"""


def user(remote: Path) -> "subprocess.Popen[str]":
    """A process that has an agent at work in the folder of the version v0, until it is told to end."""
    command = [sys.executable, "-c", _USER, str(remote), str(remote.parent / "home")]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_never_share_a_folder(remote: Path) -> None:
    """Both begin at once with nothing there, and a third comes while they run: nobody's files are swept or removed."""
    commit_files(remote.parent / "ada", {f"many/{number}.md": "x\n" * 50 for number in range(300)}, "Many")
    with user(remote) as one, user(remote) as two:
        assert one.stdout is not None
        assert two.stdout is not None
        roots = [one.stdout.readline().strip(), two.stdout.readline().strip()]
        with opened(remote) as repository:
            roots.append(str(repository.worktree("v0", repository.base_commit, []).root))
        said = [one.communicate("\n")[1], two.communicate("\n")[1]]
    assert (["", ""], [0, 0]) == (said, [one.returncode, two.returncode])
    assert ["v0", "v0~2", "v0~3"] == sorted(Path(root).name for root in roots)
    with opened(remote) as repository:  # and once they have ended, the first folder is used again
        assert "v0" == repository.worktree("v0", repository.base_commit, []).root.name
        assert ["v0~2", "v0~3"] == [name for name in repository.prune({"v1"}) if "~" in name]


@pytest.mark.parametrize("damage", ["changed", "deleted", "unlinked", "half"])
def test_a_damaged_worktree_is_made_again(remote: Path, damage: str) -> None:
    """A killed start or an agent that writes into its own files does not spoil the measurement."""
    with opened(remote) as repository:
        version = repository.worktree("v1", repository.base_commit, [EDIT])
        if damage == "changed":
            (version.root / "src/agent.py").write_text("tampered")
        elif damage == "deleted":
            (version.root / "prompts/router.md").unlink()
        elif damage == "unlinked":
            (version.root / ".git").unlink()
        else:
            shutil.rmtree(version.root)
            version.root.mkdir()
        repository.worktree("v1", repository.base_commit, [EDIT])
        assert FILES["src/agent.py"] == (version.root / "src/agent.py").read_text()
        assert "- atlas: cards\n" in (version.root / "prompts/router.md").read_text()


def test_edits_outside_the_allowed_files_get_no_worktree(remote: Path) -> None:
    """The allow-list holds at the disk too."""
    edit = Edit(path="src/agent.py", search="atlas", replace="bravo")
    with opened(remote) as repository, pytest.raises(EditError, match="may not change"):
        repository.worktree("v1", repository.base_commit, [edit])


def test_the_same_commit_is_made_twice(remote: Path) -> None:
    """Same files, message and moment: same id; so a start after a kill finds its own work."""
    with opened(remote) as repository:
        files = {"prompts/router.md": "x\n", "evals/new.jsonl": "{}\n"}
        first = repository.commit("burnish/a-1", repository.base_commit, files, "Change\n", MOMENT)
        assert first == repository.commit("burnish/a-1", repository.base_commit, files, "Change\n", MOMENT)
        repository.push("burnish/a-1")
        repository.push("burnish/a-1")
        assert first == repository.remote_branch("burnish/a-1")
    assert git(remote, "diff", "--name-only", "main", "burnish/a-1") == "evals/new.jsonl\nprompts/router.md"
    assert git(remote, "log", "-1", "--format=%an <%ae>", "burnish/a-1") == "burnish <burnish@localhost>"


def test_hooks_of_the_copy_do_not_run(remote: Path) -> None:
    """Neither on commit nor on checkout nor on push."""
    with opened(remote) as repository:
        copy = next((remote.parent / "home" / "repositories").iterdir())
        for name in ("pre-commit", "post-checkout", "pre-push", "post-commit", "reference-transaction"):
            hook = copy / "hooks" / name
            hook.parent.mkdir(exist_ok=True)
            hook.write_text(f"#!/bin/sh\ntouch {remote.parent}/ran\nexit 1\n")
            hook.chmod(0o755)
        repository.worktree("v1", repository.base_commit, [EDIT])
        repository.commit("burnish/a", repository.base_commit, {"prompts/router.md": "x"}, "m", MOMENT)
        repository.push("burnish/a")
    assert not (remote.parent / "ran").exists()


def test_work_of_other_people_is_never_overwritten(remote: Path) -> None:
    """Our own branch is replaced; one that somebody has committed to is refused."""
    work = remote.parent / "ada"
    with opened(remote) as repository:
        base = repository.base_commit
        repository.commit("burnish/a", base, {"prompts/router.md": "one"}, "m", MOMENT)
        repository.push("burnish/a")
        second = repository.commit("burnish/a", base, {"prompts/router.md": "two"}, "m", MOMENT)
        repository.push("burnish/a")
        assert second == repository.remote_branch("burnish/a")
        git(work, "fetch", "-q", "origin")
        git(work, "checkout", "-q", "-b", "mine", "origin/burnish/a")
        theirs = commit_files(work, {"prompts/router.md": "three"}, "By hand", "burnish/a")
        repository.commit("burnish/a", base, {"prompts/router.md": "four"}, "m", MOMENT)
        with pytest.raises(PublishError, match="commits of other people"):
            repository.push("burnish/a")
        assert theirs == repository.remote_branch("burnish/a")


def test_a_push_that_the_remote_refuses_is_an_error(remote: Path) -> None:
    """A rejected push must not look like a good one."""
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'closed for the night' >&2\nexit 1\n")
    hook.chmod(0o755)
    with opened(remote) as repository:
        repository.commit("burnish/a", repository.base_commit, {"prompts/router.md": "x"}, "m", MOMENT)
        with pytest.raises(PublishError, match="closed for the night"):
            repository.push("burnish/a")


def test_only_our_own_branches_are_pushed(remote: Path) -> None:
    """The base branch cannot be pushed at all."""
    with opened(remote) as repository, pytest.raises(PublishError, match="not ours to push"):
        repository.push("main")


@pytest.mark.parametrize(
    ("path", "said"), [("prompts/link.md", "link or a submodule"), ("src/agent.py/x", "no folder")]
)
def test_links_and_files_in_the_way_are_not_written_through(remote: Path, path: str, said: str) -> None:
    """A commit changes plain files only."""
    work = remote.parent / "ada"
    (work / "prompts" / "link.md").symlink_to("../../outside")
    commit_files(work, {"prompts/x.md": "x"}, "Link")
    with opened(remote) as repository, pytest.raises(PublishError, match=said):
        repository.commit("burnish/a", repository.base_commit, {path: "x"}, "m", MOMENT)


def test_a_merged_commit_is_known(remote: Path) -> None:
    """Once the base contains it, and not before."""
    with opened(remote) as repository:
        sha = repository.commit("burnish/a", repository.base_commit, {"prompts/router.md": "x"}, "m", MOMENT)
        repository.push("burnish/a")
        assert not repository.is_merged(sha)
    git(remote, "update-ref", "refs/heads/main", sha)
    with opened(remote) as repository:
        assert repository.is_merged(sha)


def test_a_base_that_is_not_there_is_named(remote: Path) -> None:
    """The error says which branch of which repository."""
    with pytest.raises(PublishError, match=r"'develop' in .*remote\.git"):
        AgentRepository.open(str(remote), "develop", remote.parent / "home")


@pytest.mark.parametrize("name", ["-x", "a..b", "a b", "a/.hidden", "a.lock", "a~1", "", "a//b", "x@{1}", "a/"])
def test_branch_names_that_git_could_misread_are_refused(name: str) -> None:
    """No options, no revisions, no refspecs."""
    with pytest.raises(PublishError):
        check_branch(name)


@pytest.mark.parametrize(
    "url", ["ext::sh -c id", "-oProxyCommand=x", "https://user:secret@host/x", "gopher://x/y", "fd::1"]
)
def test_urls_that_run_commands_or_hold_passwords_are_refused(url: str, tmp_path: Path) -> None:
    """The error does not repeat a password."""
    with pytest.raises(PublishError) as caught:
        resolve_url(url, tmp_path)
    assert "secret" not in str(caught.value)


def test_paths_start_at_the_project(tmp_path: Path) -> None:
    """Other forms pass unchanged."""
    assert str(tmp_path / "agent") == resolve_url("agent", tmp_path)
    assert resolve_url("git@host.org:o/r.git", tmp_path) == "git@host.org:o/r.git"
    assert resolve_url("https://host/o/r", tmp_path) == "https://host/o/r"


def test_the_token_goes_to_its_own_https_host_only() -> None:
    """As a header for that host; a path or another transport gets none, and no file ever does."""
    values = " ".join(git_environment("https://host.org/o/r.git", "ghp_1").values())
    assert "http.https://host.org/.extraHeader" in values
    assert "ghp_1" not in values
    assert "Authorization" not in " ".join(git_environment("http://host.org/o/r.git", "ghp_1").values())


def test_an_opened_repository_leaves_no_descriptors(remote: Path) -> None:
    """Ten times open and closed is as many descriptors as before."""
    with opened(remote):
        pass
    before = descriptors()
    for _ in range(10):
        with opened(remote) as repository:
            repository.read_files()
    after = descriptors()
    assert before == after
