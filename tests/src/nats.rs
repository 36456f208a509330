//! A NATS server of one's own, which can be killed. The benches use this file too.

use std::{
    fs::File,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long the server may take to begin.
const BEGIN_WITHIN: Duration = Duration::from_secs(20);

/// A process that ends with the test.
pub struct Running(Child);

impl Running {
    /// This one.
    pub fn of(child: Child) -> Self {
        Self(child)
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A `nats-server` with JetStream, which keeps its streams over a kill.
pub struct Nats {
    folder: tempfile::TempDir,
    port: u16,
    more: Vec<String>,
    running: Option<Running>,
}

impl Nats {
    /// Starts one on loopback, with these further arguments.
    pub fn start(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let more = more.iter().map(|it| (*it).to_owned()).collect();
        let mut this = Self { folder, port: free_port(), more, running: None };
        this.start_again();
        this
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.running.as_ref().map(Running::id).unwrap_or_default()
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Starts it again, with what it had stored.
    pub fn start_again(&mut self) {
        let log =
            File::options().create(true).append(true).open(self.folder.path().join("log")).expect("a log");
        let mut command = Command::new(program());
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"]).arg(self.folder.path());
        command.args(&self.more).stdout(Stdio::null()).stderr(log).stdin(Stdio::null());
        self.running =
            Some(Running(command.spawn().expect("nats-server starts: `cargo xtask setup` brings it")));
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < BEGIN_WITHIN, "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// Debian keeps it where users have no path to.
fn program() -> PathBuf {
    ["/usr/sbin/nats-server", "/usr/local/bin/nats-server", "/usr/bin/nats-server"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
        .unwrap_or_else(|| "nats-server".into())
}

/// A port that nobody uses.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
