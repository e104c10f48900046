"""The command line. Importing it is cheap: commands import what they need when they run."""

import sys

__all__ = ["main"]

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_NOTHING = 3
EXIT_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> None:
    """Run `burnish` and leave the process with its exit code: 0 ok, 1 error, 2 usage, 3 nothing found, 130 Ctrl-C."""
    _never_fail_to_print()
    code = EXIT_OK
    try:
        from burnish.drivers.cli.app import app

        app(arguments if arguments is not None else sys.argv[1:], prog_name="burnish")
        sys.stdout.flush()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else EXIT_OK if leaving.code is None else EXIT_ERROR
        if isinstance(leaving.__context__, BrokenPipeError):  # typer makes a 1 of it
            code = _reader_left()
        code = _flush_or(code)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        code = _reader_left()
    except Exception as error:
        code = _failed(error)
    sys.exit(code)


def _failed(error: Exception) -> int:
    """One line for what the user can act on; everything else is a defect of ours and keeps its traceback."""
    from burnish.errors import BurnishError, NotFoundError

    if not isinstance(error, BurnishError) or _debugging():
        raise error
    from burnish.drivers.visible import visible

    print(f"burnish: {visible(str(error))}", file=sys.stderr)  # noqa: T201 - this is the command line
    return EXIT_NOTHING if isinstance(error, NotFoundError) else EXIT_ERROR


def _debugging() -> bool:
    from pydantic import ValidationError

    from burnish.settings import Settings

    try:
        return Settings().debug
    except ValidationError:
        return False


def _flush_or(code: int) -> int:
    """`code`, whoever reads; an error where the rest cannot be written for another reason than that the reader left."""
    from burnish.drivers.cli.pipes import silence

    try:
        sys.stdout.flush()
    except BrokenPipeError:
        silence()
    except OSError as error:
        silence()
        print(f"burnish: cannot write the output: {error.strerror}", file=sys.stderr)  # noqa: T201 - as above
        return code or EXIT_ERROR
    return code


def _reader_left() -> int:
    """`burnish … | head` has read enough: not an error, and nothing must be written at exit."""
    from burnish.drivers.cli.pipes import silence

    silence()
    return EXIT_OK


def _never_fail_to_print() -> None:
    import io

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a trace may hold what the terminal's encoding cannot say
