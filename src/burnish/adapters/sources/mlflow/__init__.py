"""MLflow: its traces by page, assessments as feedback, and burnish's findings back as assessments.

Read with MLflow 3.17's tracking server on its REST API `/api/3.0/mlflow/traces`.
"""

from burnish.adapters.sources.mlflow.source import MlflowSource, open_mlflow

__all__ = ["MlflowSource", "open_mlflow"]
