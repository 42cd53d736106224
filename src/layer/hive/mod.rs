//! Registry hives: read, write, and merge a delta over a base.
