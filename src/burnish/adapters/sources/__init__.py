"""Sources: turn what some store or exporter holds into traces."""
