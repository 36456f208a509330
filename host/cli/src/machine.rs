//! How much memory this machine has for us: its own, or the container's if that is less.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Memory in bytes. `None` if it is not known.
pub fn memory_bytes() -> Option<u64> {
    memory_below(Path::new("/"))
}

/// The host's name, as far as it is known.
pub fn name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "host".into() } else { name.trim().to_owned() }
}

fn memory_below(root: &Path) -> Option<u64> {
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let machine = total_bytes(&read("proc/meminfo"));
    // Of the group of this process and all groups around it, the least holds.
    let groups = cgroups(&read("proc/self/cgroup"));
    let limits =
        groups.iter().filter_map(|file| fs::read_to_string(root.join(file)).ok()?.trim().parse().ok());
    machine.into_iter().chain(limits).min()
}

/// The files that limit the memory of a process with this `/proc/self/cgroup`, in both versions of control groups. In a
/// container, the own group is often shown as the root.
fn cgroups(own: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in own.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
        let (folder, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|it| it == "memory") => {
                ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let group = Path::new(group.trim_start_matches('/'));
        files.extend(group.ancestors().map(|group| Path::new(folder).join(group).join(file)));
    }
    files
}

fn total_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and contents.
    type Files = &'static [(&'static str, &'static str)];

    #[test]
    fn the_least_holds() {
        const MEMINFO: (&str, &str) = ("proc/meminfo", "MemFree:  1 kB\nMemTotal:       1000 kB\n");
        // name, files, bytes
        let table: [(&str, Files, Option<u64>); 7] = [
            ("nothing is known", &[], None),
            ("a machine", &[MEMINFO], Some(1_024_000)),
            (
                "a container that sees itself as the root",
                &[MEMINFO, ("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", "5000\n")],
                Some(5000),
            ),
            (
                "a service, and the slice around it",
                &[
                    MEMINFO,
                    ("proc/self/cgroup", "0::/work.slice/mmh.service\n"),
                    ("sys/fs/cgroup/work.slice/mmh.service/memory.max", "max\n"),
                    ("sys/fs/cgroup/work.slice/memory.max", "7000\n"),
                ],
                Some(7000),
            ),
            (
                "the first version of control groups",
                &[
                    MEMINFO,
                    ("proc/self/cgroup", "5:cpu:/a\n4:memory,hugetlb:/b\n"),
                    ("sys/fs/cgroup/memory/b/memory.limit_in_bytes", "9000\n"),
                ],
                Some(9000),
            ),
            (
                "a limit beyond the machine",
                &[MEMINFO, ("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", "99999999\n")],
                Some(1_024_000),
            ),
            ("nonsense", &[("proc/meminfo", "MemTotal: many\n"), ("proc/self/cgroup", "::\nx\n")], None),
        ];
        for (name, files, expected) in table {
            let root = tempfile::tempdir().expect("a folder");
            for (file, text) in files {
                let path = root.path().join(file);
                fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
                fs::write(path, text).expect("a file");
            }
            assert_eq!(memory_below(root.path()), expected, "{name}");
        }
    }
}
