//! Keeps a command to its work folder, by bubblewrap: it sees the system's programs and libraries, read-only, the work folder,
//! an empty home folder, its own processes, and what the user lets it read. The network is off unless the user wants it.
//!
//! Where there is no bubblewrap that works, the command runs with the user's rights, which is recorded and said.

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::SOCKET;

/// Where the confined command sees its work folder. It is the same in every run.
pub const INSIDE: &str = "/candidate";

/// The folder of this program in the work folder.
pub const PROGRAMS: &str = ".mmh/bin";

/// The name of this program there.
pub const PROGRAM: &str = "mmh";

/// Bytes of the memory that files in `/tmp` can take.
const TMP_BYTES: &str = "536870912";

/// The folders of the system that are links into `/usr` on most systems.
const LINKS: [&str; 6] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// What of `/etc` programs need. The rest may hold secrets.
const SETTINGS: [&str; 14] = [
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/ssl",
];

/// What a command may do, and by what it is kept to that.
#[derive(Clone, Debug)]
pub struct Confinement {
    /// The bubblewrap that works here.
    pub bubblewrap: Option<PathBuf>,
    /// Whether the command may use the network.
    pub network: bool,
    /// What the command may read besides.
    pub readable: Vec<PathBuf>,
    /// This program, which the command calls.
    pub program: PathBuf,
}

/// What cannot be kept from a command without bubblewrap.
const OPEN: [&str; 3] = ["the user's files", "other processes", "network"];

impl Confinement {
    /// What the command is not kept from, in words.
    pub fn unconfined(&self) -> Vec<String> {
        match self.bubblewrap {
            Some(_) => Vec::new(),
            None => OPEN.map(str::to_owned).to_vec(),
        }
    }

    /// Where the command sees its work folder.
    pub fn place<'a>(&self, folder: &'a Path) -> &'a Path {
        if self.bubblewrap.is_some() { Path::new(INSIDE) } else { folder }
    }

    /// The command's environment besides what is passed on: where its socket, its home and this program are.
    pub fn environment(&self, folder: &Path, search: Option<&OsStr>) -> Vec<(OsString, OsString)> {
        let place = self.place(folder);
        let mut search_path = place.join(PROGRAMS).into_os_string();
        search_path.push(":");
        search_path.push(search.unwrap_or(OsStr::new("/usr/local/bin:/usr/bin:/bin")));
        let home =
            if self.bubblewrap.is_some() { PathBuf::from("/tmp/home") } else { folder.join(".mmh/home") };
        [
            ("PATH", search_path),
            ("HOME", home.into_os_string()),
            (super::SOCKET_VARIABLE, place.join(SOCKET).into_os_string()),
            ("TERM", "dumb".into()),
        ]
        .map(|(name, value)| (name.into(), value))
        .to_vec()
    }

    /// The program and the arguments that run a shell's command in this work folder.
    pub fn words(&self, folder: &Path, command: &str) -> Vec<OsString> {
        let shell: Vec<OsString> = ["/bin/sh", "-c", command].map(OsString::from).to_vec();
        match &self.bubblewrap {
            None => shell,
            Some(bubblewrap) => {
                let mut words = vec![bubblewrap.into()];
                words.extend(self.options(folder));
                words.push("--".into());
                words.extend(shell);
                words
            }
        }
    }

    /// The arguments of bubblewrap.
    fn options(&self, folder: &Path) -> Vec<OsString> {
        let mut options: Vec<OsString> = Vec::new();
        let mut add = |words: &[&OsStr]| options.extend(words.iter().map(|&word| word.to_owned()));
        let of = OsStr::new;
        let flags =
            ["--die-with-parent", "--new-session", "--unshare-user-try", "--unshare-pid", "--unshare-ipc"];
        add(&flags.map(of));
        add(&["--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL"].map(of));
        if !self.network {
            add(&[of("--unshare-net")]);
        }
        add(&["--ro-bind", "/usr", "/usr"].map(of));
        for path in LINKS {
            match fs::read_link(path) {
                Ok(target) => add(&[of("--symlink"), target.as_os_str(), of(path)]),
                Err(_) => add(&["--ro-bind-try", path, path].map(of)),
            }
        }
        for path in SETTINGS {
            add(&["--ro-bind-try", path, path].map(of));
        }
        add(&["--proc", "/proc", "--dev", "/dev", "--size", TMP_BYTES, "--tmpfs", "/tmp"].map(of));
        add(&["--dir", "/tmp/home"].map(of));
        for path in &self.readable {
            add(&[of("--ro-bind"), path.as_os_str(), path.as_os_str()]);
        }
        add(&[of("--bind"), folder.as_os_str(), of(INSIDE)]);
        let program = Path::new(INSIDE).join(PROGRAMS).join(PROGRAM);
        add(&[of("--ro-bind"), self.program.as_os_str(), program.as_os_str()]);
        add(&["--chdir", INSIDE].map(of));
        options
    }

    /// Tries it out in an empty folder: why it does not work, if it does not.
    pub fn problem(&self, folder: &Path) -> Option<String> {
        let words = self.words(folder, "exit 0");
        let (program, args) = words.split_first()?;
        let mut command = Command::new(program);
        command.args(args).env_clear().stdin(Stdio::null());
        match command.output() {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Some(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_and_more_files_are_there_only_if_they_are_asked_for() {
        // name, network, readable, what is among the options, what is not
        let table = [
            ("as usual", false, None, "--unshare-net", "/data/tool"),
            ("with network", true, None, "--unshare-pid", "--unshare-net"),
            ("with a file", false, Some("/data/tool"), "/data/tool", "/home"),
        ];
        for (name, network, readable, has, has_not) in table {
            let confinement = Confinement {
                bubblewrap: Some("/usr/bin/bwrap".into()),
                network,
                readable: readable.into_iter().map(PathBuf::from).collect(),
                program: "/x/mmh".into(),
            };
            let words = confinement.words(Path::new("/s"), "agent --go");
            assert!(words.contains(&has.into()) && !words.contains(&has_not.into()), "{name}: {words:?}");
            assert_eq!(words.last(), Some(&"agent --go".into()), "{name}");
        }
    }
}
