//! Watches what all processes of a child take together: memory, processes and threads, files.
//!
//! The kernel's limits hold for each process and each file alone. Their sums are checked here, many times a second. A
//! cgroup or a file system of limited size would count more exactly, but on many systems one cannot be made without
//! privileges.

use std::{
    cell::RefCell,
    collections::HashSet,
    fs, io,
    os::unix::fs::{DirEntryExt, MetadataExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::process::Pid;

use super::{
    Spec,
    excess::{Excess, MAX_DEPTH, MAX_SOCKETS, max_tasks},
};

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// If a look takes long, because the machine has many processes, the pause is this many times as long as the look.
const LOOKS_IN_A_PAUSE: u32 = 5;

/// A process that starts a program shares its parent's memory for a moment, and is counted twice. So an excess has to
/// last this long.
const MOMENT: Duration = Duration::from_millis(5);

/// Looks at a process group and the folders it may write in.
pub struct Watch<'a> {
    group: i32,
    spec: &'a Spec,
    /// Processes of the machine that are not in the group: their numbers, and those of their folders.
    others: RefCell<HashSet<(i32, u64)>>,
}

/// What the kernel says of a process.
struct Stat {
    group: i32,
    /// How many threads it has. `None` if it has ended.
    tasks: Option<u64>,
}

fn stat(process: &Path) -> Option<Stat> {
    let stat = fs::read(process.join("stat")).ok()?;
    // The name, which the process chooses, stands in the last parentheses.
    let stat = String::from_utf8_lossy(&stat);
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let (state, group, threads) = (fields.first()?, fields.get(2)?, fields.get(17)?);
    let lives = !matches!(*state, "Z" | "X");
    Some(Stat { group: group.parse().ok()?, tasks: lives.then(|| threads.parse().unwrap_or(1)) })
}

#[derive(Default)]
struct Sum {
    memory_bytes: u64,
    tasks: u64,
    file_bytes: u64,
    files: u64,
    sockets: u64,
    /// Files without a name, by number: each is counted once.
    nameless: HashSet<u64>,
}

impl<'a> Watch<'a> {
    pub fn new(group: Pid, spec: &'a Spec) -> Self {
        Self { group: group.as_raw_nonzero().get(), spec, others: RefCell::default() }
    }

    /// How long to wait after a look that took so long.
    pub fn pause_after(look: Duration) -> Duration {
        PAUSE.max(look * LOOKS_IN_A_PAUSE)
    }

    /// The limit that is exceeded in two looks in a row, if there is one.
    pub fn exceeded(&self) -> Option<Excess> {
        self.look().err()?;
        thread::sleep(MOMENT);
        self.look().err()
    }

    fn look(&self) -> Result<(), Excess> {
        let (mut sum, most) = (Sum::default(), self.spec.role.files());
        for folder in &self.spec.write {
            self.folder(folder, 0, &mut sum)?;
        }
        let members = self.members(&mut sum)?;
        for process in members {
            match self.process(&process, &mut sum) {
                // It has ended in the meantime.
                Err(Excess::Hidden) if !self.has(&process) => {}
                other => other?,
            }
        }
        let limits = [
            (sum.memory_bytes > self.spec.memory_bytes, Excess::Memory),
            (sum.file_bytes > self.spec.files_bytes, Excess::FileBytes),
            (sum.files > most, Excess::Files(most)),
            (sum.sockets > MAX_SOCKETS, Excess::Sockets),
        ];
        limits.into_iter().find(|(is_over, _)| *is_over).map_or(Ok(()), |(_, excess)| Err(excess))
    }

    /// The group's processes, as folders of `/proc`. A process that was none of them is not looked at again: nobody can
    /// join the group but by being started in it. The kernel gives each folder of a process another number.
    fn members(&self, sum: &mut Sum) -> Result<Vec<PathBuf>, Excess> {
        let (mut members, mut others) = (Vec::new(), HashSet::new());
        let known = self.others.take();
        for entry in fs::read_dir("/proc").map_err(|_| Excess::Hidden)?.flatten() {
            let (name, number) = (entry.file_name(), entry.ino());
            let Some(id) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
            if known.contains(&(id, number)) {
                others.insert((id, number));
                continue;
            }
            match stat(&entry.path()) {
                Some(stat) if stat.group != self.group => {
                    others.insert((id, number));
                }
                Some(Stat { tasks: Some(tasks), .. }) => {
                    sum.tasks += tasks;
                    members.push(entry.path());
                }
                _ => {}
            }
        }
        self.others.replace(others);
        if sum.tasks > max_tasks() { Err(Excess::Tasks) } else { Ok(members) }
    }

    /// Whether a process of the group still lives.
    fn has(&self, process: &Path) -> bool {
        stat(process).is_some_and(|stat| stat.group == self.group && stat.tasks.is_some())
    }

    fn process(&self, process: &Path, sum: &mut Sum) -> Result<(), Excess> {
        let hidden = |_: io::Error| Excess::Hidden;
        let status = fs::read(process.join("status")).map_err(hidden)?;
        sum.memory_bytes += memory_bytes(&String::from_utf8_lossy(&status));
        for entry in fs::read_dir(process.join("fd")).map_err(hidden)?.flatten() {
            let link = entry.path();
            let target = fs::read_link(&link).unwrap_or_default();
            sum.sockets += u64::from(target.as_os_str().as_encoded_bytes().starts_with(b"socket:"));
            if self.is_writable(&target)
                && let Ok(found) = fs::metadata(&link)
                && found.nlink() == 0
                && sum.nameless.insert(found.ino())
            {
                sum.files += 1;
                sum.file_bytes += found.blocks() * 512;
            }
        }
        let maps = fs::read(process.join("maps")).map_err(hidden)?;
        self.mapped(&String::from_utf8_lossy(&maps), sum);
        Ok(())
    }

    /// Counts files that have no name any more, but are mapped. Their sizes are unknown, so each counts as the
    /// largest allowed one.
    fn mapped(&self, maps: &str, sum: &mut Sum) {
        for line in maps.lines().filter_map(|line| line.strip_suffix(" (deleted)")) {
            // Addresses, permissions, offset, device, number, and the path after many spaces.
            let mut fields = line.splitn(6, ' ');
            let number = fields.nth(4).and_then(|number| number.parse().ok()).unwrap_or(0);
            let path = fields.next().unwrap_or_default().trim_start();
            if self.is_writable(Path::new(path)) && sum.nameless.insert(number) {
                sum.files += 1;
                sum.file_bytes = sum.file_bytes.saturating_add(self.spec.file_bytes);
            }
        }
    }

    fn is_writable(&self, path: &Path) -> bool {
        self.spec.write.iter().any(|folder| path.starts_with(folder))
    }

    fn folder(&self, folder: &PathBuf, depth: usize, sum: &mut Sum) -> Result<(), Excess> {
        // A file that has gone takes nothing. One that cannot be read could take any amount.
        let gone = |error: io::Error| (error.kind() != io::ErrorKind::NotFound).then_some(Excess::Hidden);
        if depth > MAX_DEPTH {
            return Err(Excess::Depth);
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return gone(error).map_or(Ok(()), Err),
        };
        for entry in entries.flatten() {
            let found = match entry.metadata() {
                Ok(found) => found,
                Err(error) => match gone(error) {
                    None => continue,
                    Some(excess) => return Err(excess),
                },
            };
            sum.files += 1;
            sum.file_bytes += found.blocks() * 512;
            let most = self.spec.role.files();
            if sum.files > most {
                return Err(Excess::Files(most));
            }
            if found.is_dir() {
                self.folder(&entry.path(), depth + 1, sum)?;
            }
        }
        Ok(())
    }
}

/// Memory of a process that no file backs, in bytes, from the text of its `status`.
fn memory_bytes(status: &str) -> u64 {
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0)
    };
    (kib("RssAnon:") + kib("RssShmem:") + kib("VmSwap:")) << 10
}

#[cfg(test)]
mod tests {
    use super::{super::Role, *};

    fn spec(folder: &Path) -> Spec {
        Spec {
            program: "/bin/true".into(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: folder.to_owned(),
            read: Vec::new(),
            write: vec![folder.to_owned()],
            role: Role::Compiler,
            memory_bytes: 1 << 30,
            file_bytes: 1 << 20,
            files_bytes: 4 << 20,
            cpu_s: 1,
        }
    }

    /// What a watch over a folder finds, with a group that has no process.
    fn of_folder(folder: &Path) -> Option<Excess> {
        let nobody = Pid::from_raw(i32::MAX).expect("a number");
        Watch::new(nobody, &spec(folder)).exceeded()
    }

    #[test]
    fn counts_what_lies_in_folders() {
        type Fill = fn(&Path) -> io::Result<()>;
        let table: [(&str, Fill, Option<Excess>); 5] = [
            ("nothing", |_| Ok(()), None),
            ("less than all", |folder| fs::write(folder.join("a"), vec![1; 3 << 20]), None),
            (
                "more than all",
                |folder| fs::write(folder.join("a"), vec![1; 5 << 20]),
                Some(Excess::FileBytes),
            ),
            (
                "many files",
                |folder| {
                    (0..Role::Compiler.files() + 1)
                        .try_for_each(|at| fs::write(folder.join(at.to_string()), ""))
                },
                Some(Excess::Files(Role::Compiler.files())),
            ),
            ("deep folders", |folder| fs::create_dir_all(folder.join("a/".repeat(40))), Some(Excess::Depth)),
        ];
        for (name, fill, expected) in table {
            let folder = tempfile::tempdir().expect("a folder");
            fill(folder.path()).expect("it is filled");
            assert_eq!(of_folder(folder.path()), expected, "{name}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(of_folder(&folder.path().join("gone")), None, "a folder that is gone");
    }

    #[test]
    fn counts_mapped_files_without_a_name() {
        let spec = spec(Path::new("/s/out"));
        let watch = Watch::new(Pid::from_raw(1).expect("a number"), &spec);
        let maps = "7f00-7f01 r--p 00000000 fe:00 17                         /s/out/a b (deleted)\n\
                    7f01-7f02 r--p 00001000 fe:00 17                         /s/out/a b (deleted)\n\
                    7f02-7f03 r--p 00000000 fe:00 18                         /s/out/c (deleted)\n\
                    7f03-7f04 r--p 00000000 fe:00 19                         /s/out/there\n\
                    7f04-7f05 r--p 00000000 fe:00 20                         /usr/lib/libc.so (deleted)\n\
                    7f05-7f06 rw-p 00000000 00:00 0\n";
        let mut sum = Sum::default();
        watch.mapped(maps, &mut sum);
        assert_eq!((sum.files, sum.file_bytes), (2, 2 << 20));
    }

    #[test]
    fn counts_memory_of_ones_own() {
        let status =
            "Name:\trustc\nVmRSS:\t  900 kB\nRssAnon:\t  300 kB\nRssFile:\t  600 kB\nVmSwap:\t 1 kB\n";
        assert_eq!(memory_bytes(status), 301 << 10);
    }
}
