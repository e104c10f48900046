"""Publishing: git, forges and the pull request body; the only place that imports git and github."""
