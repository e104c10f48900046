"""Finding what fails alike: summarise each failing trace, embed the summaries, group them, name the groups."""
