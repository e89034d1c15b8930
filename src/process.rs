//! What the system says of this process: its memory and its file descriptors.
//!
//! Owns the reading of it. Elsewhere than on Linux nothing is known.

use std::fs;

/// What the process holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Resident memory, in bytes.
    pub resident_bytes: Option<u64>,
    /// File descriptors that are open.
    pub descriptors: Option<u64>,
    /// And how many may be.
    pub descriptors_max: Option<u64>,
}

impl Usage {
    /// What it holds now. Blocks for as long as it takes to list descriptors.
    #[must_use]
    pub fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        // The listing itself is one of them.
        let descriptors = fs::read_dir("/proc/self/fd").ok().map(|open| (open.count() as u64).saturating_sub(1));
        let descriptors_max = rlimit::Resource::NOFILE.get_soft().ok();
        Self { resident_bytes: resident_bytes(&status), descriptors, descriptors_max }
    }
}

/// From the lines of `/proc/self/status`.
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_from_its_line() {
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t    2048 kB\nVmData:\t 9 kB\n"), Some(2 * 1024 * 1024));
        assert_eq!(resident_bytes("VmRSS: much\n"), None);
        assert_eq!(resident_bytes(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_open_file_is_seen() {
        let before = Usage::now();
        let files: Vec<_> = (0..64).map(|_| fs::File::open("/proc/self/status").unwrap()).collect();
        let after = Usage::now();
        assert!(before.resident_bytes.unwrap() > 0);
        // Other tests close theirs meanwhile.
        assert!(after.descriptors.unwrap() >= files.len() as u64, "{before:?} {after:?}");
        assert!(after.descriptors.unwrap() <= after.descriptors_max.unwrap());
    }
}
