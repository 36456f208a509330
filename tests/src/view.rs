//! `mmh view` as tests use it, without a browser.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// `mmh view`, ended with the test.
pub struct View {
    child: Child,
    pub url: String,
}

impl View {
    pub fn start(program: &str, folder: &Path, shown: &str) -> Self {
        Self::with(program, folder, &[shown])
    }

    /// With these arguments.
    pub fn with(program: &str, folder: &Path, args: &[&str]) -> Self {
        // Should this test be killed, the server ends by itself.
        let mut child = Command::new("timeout")
            .args(["300", program, "view"])
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut url = String::new();
        BufReader::new(child.stdout.as_mut().expect("its output")).read_line(&mut url).expect("the address");
        Self { child, url: url.trim().to_owned() }
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches('/')
    }

    /// A connection on which nothing was said yet.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
        stream
    }

    /// Asks. `HOST` is the server's own name, and `|` the end of a line.
    pub fn send(&self, stream: &mut TcpStream, request: &str) {
        let request = request.replace("HOST", self.address()).replace('|', "\r\n");
        // In one piece, as browsers do: a server that has no place may have closed before a second one.
        stream.write_all(format!("{request}\r\nconnection: close\r\n\r\n").as_bytes()).expect("sent");
    }

    /// The head and the body of an answer.
    pub fn ask(&self, request: &str) -> (String, String) {
        let mut stream = self.connect();
        self.send(&mut stream, request);
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head.to_ascii_lowercase(), body.to_owned())
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // `timeout` hands the signal on to the server.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
