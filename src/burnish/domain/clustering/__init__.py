"""Find what fails alike: summarise, embed, group, name."""
