//! A model server on loopback that can be told to misbehave: HTTP/1.1, one handler, and a journal of what
//! was asked.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// What the server does about a request.
pub struct Reply {
    pub after: Duration,
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    pub ending: Ending,
}

/// How a reply ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Whole,
    /// The whole body, and then the connection is closed without a word.
    Closed,
    /// Half of the body, and then the connection is closed.
    Truncated,
    /// Nothing but a reset.
    Reset,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        let (headers, ending) = (Vec::new(), Ending::Whole);
        Self { after: Duration::ZERO, status, headers, body: body.into(), ending }
    }

    pub fn after(mut self, wait: Duration) -> Self {
        self.after = wait;
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// A running server. It ends when it is dropped.
pub struct Server {
    pub url: String,
    journal: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts on a free port.
    pub async fn start(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::closing_idle(Duration::MAX, handler).await
    }

    /// The same, and it closes connections on which nothing comes for so long.
    pub async fn closing_idle(
        idle: Duration,
        handler: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        // Many clients come at once.
        let listener = socket.listen(4096).expect("it listens");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (handler, journal): (Arc<Handler>, _) = (Arc::new(handler), Arc::new(Mutex::new(Vec::new())));
        let kept = journal.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (handler, journal) = (handler.clone(), kept.clone());
                // Clients go away in the middle of things; that is theirs to do.
                tokio::spawn(async move { serve(stream, idle, &*handler, &journal).await });
            }
        });
        Self { url, journal, task }
    }

    /// Everything that the model was asked. What is asked about the server has no body, and is left out.
    pub fn journal(&self) -> Vec<Request> {
        let all = self.journal.lock().expect("no panic").clone();
        all.into_iter().filter(|request| !request.body.is_empty()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    stream: TcpStream,
    idle: Duration,
    handler: &Handler,
    journal: &Mutex<Vec<Request>>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Ok(request) = tokio::time::timeout(idle, read(&mut stream)).await {
        let Some(request) = request? else { break };
        let reply = handler(&request);
        journal.lock().expect("no panic").push(request);
        tokio::time::sleep(reply.after).await;
        if reply.ending == Ending::Reset {
            return stream.into_inner().set_zero_linger();
        }
        let mut head = format!("HTTP/1.1 {} x\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = match reply.ending {
            Ending::Truncated => &reply.body[..reply.body.len() / 2],
            _ => &reply.body,
        };
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
        if matches!(reply.ending, Ending::Truncated | Ending::Closed) {
            return stream.shutdown().await;
        }
    }
    Ok(())
}

/// One request, or none where the client has closed.
async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    use tokio::io::AsyncBufReadExt;
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Request { path, headers, body: String::from_utf8_lossy(&body).into_owned() }))
}
