// Placeholder until this target's first stage lands.
