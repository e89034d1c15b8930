//! URLs in a reply: from the upstream's space to the one that the client sees.
//!
//! Owns what both spaces are.

/// What the client sees of a mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Public {
    /// The scheme that it used, `http` or `https`.
    pub scheme: &'static str,
    /// The host that it asked for, with its port as written; none in HTTP/1.0
    /// without `Host`.
    pub authority: Option<Box<[u8]>>,
    /// The raw part of the path that stands for the upstream's base: empty, or
    /// with a slash in front and none at its end.
    pub prefix: Box<[u8]>,
}
