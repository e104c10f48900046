"""burnish: turn an agent's production traces into measured, reviewed improvements.

The package runs without Prefect: `domain` says what the words mean, `adapters` talk to the world, `loop` holds one
file a step of the night, `drivers` are the command line and the web pages. `tasks/` and `flows/` beside the package
only say how and when the steps run.
"""

__version__ = "0.1.0.dev0"
