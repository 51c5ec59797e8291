//! Placeholder until the openings land.
