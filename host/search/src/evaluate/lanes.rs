//! Decides how many examples run at once: as many as were asked for, if their memory limits together fit into the
//! machine.

use std::fs;

/// All harnesses together may take this part of the machine's memory: one half.
const SHARE_OF_MEMORY: u64 = 2;

/// Examples at once, at least one. `memory_bytes` is the limit of one.
pub fn at_once(wanted: usize, examples: usize, memory_bytes: u64) -> usize {
    let fit = machine_bytes().map_or(usize::MAX, |all| fitting(all, memory_bytes));
    wanted.min(examples).min(fit).max(1)
}

fn fitting(machine_bytes: u64, memory_bytes: u64) -> usize {
    usize::try_from(machine_bytes / SHARE_OF_MEMORY / memory_bytes.max(1)).unwrap_or(usize::MAX)
}

/// Memory of this machine, or of the container if that has less. `None` if neither is known.
fn machine_bytes() -> Option<u64> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let container = read("/sys/fs/cgroup/memory.max").trim().parse::<u64>().ok();
    let machine = total_bytes(&read("/proc/meminfo"));
    machine.into_iter().chain(container).min()
}

fn total_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_fit() {
        const MIB: u64 = 1 << 20;
        // memory of the machine, of a harness, how many
        let table = [(4096 * MIB, 256 * MIB, 8), (1024 * MIB, 256 * MIB, 2), (256 * MIB, 256 * MIB, 0)];
        for (machine, harness, expected) in table {
            assert_eq!(fitting(machine, harness), expected, "{machine} {harness}");
        }
        assert_eq!(total_bytes("MemFree:  1 kB\nMemTotal:       24000 kB\n"), Some(24_000 << 10));
        assert_eq!(total_bytes("nothing"), None);
        assert_eq!((at_once(4, 100, 1), at_once(4, 2, 1), at_once(4, 100, u64::MAX)), (4, 2, 1));
        assert_eq!(at_once(4, 0, 1), 1);
    }
}
