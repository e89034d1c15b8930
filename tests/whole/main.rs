//! Whole-server tests: the real binary, real upstreams, real clients.
