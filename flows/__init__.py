"""When and in which order the steps run: thin Prefect flows over `tasks`."""
