//! A model on this machine that answers at once, always the same, in OpenAI's wire format, and keeps what it was asked.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    mem,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// The largest request that is read.
const MAX_BODY: u64 = 1 << 20;

const MODELS: &str = r#"{"object":"list","data":[{"id":"instant","object":"model","owned_by":"xtask"}]}"#;

/// The last messages of all calls, as they stand in JSON.
type Asked = Mutex<Vec<String>>;

/// It ends with this process.
pub struct Server {
    address: SocketAddr,
    asked: Arc<Asked>,
}

impl Server {
    /// Answers every call with this text, which must be the inside of a JSON string.
    pub fn start(text: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (address, asked) = (listener.local_addr()?, Arc::<Asked>::default());
        let (kept, reply) = (asked.clone(), Arc::<str>::from(reply(text)));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, reply) = (kept.clone(), reply.clone());
                // A client that goes away, or sends nonsense, ends its own connection only.
                thread::spawn(move || serve(stream, &reply, &kept));
            }
        });
        Ok(Self { address, asked })
    }

    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// What the model was asked since the last time, sorted.
    pub fn take_asked(&self) -> Vec<String> {
        let mut asked = mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        asked.sort_unstable();
        asked
    }
}

fn reply(text: &str) -> String {
    format!(
        r#"{{"id":"call","object":"chat.completion","created":0,"model":"instant","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":200,"completion_tokens":1,"total_tokens":201}}}}"#
    )
}

/// One connection, request after request.
fn serve(stream: TcpStream, reply: &str, asked: &Asked) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(stream.try_clone()?), stream);
    while let Some((line, length)) = head(&mut reader)? {
        if length > MAX_BODY {
            return Err(io::Error::other("the request is too large"));
        }
        let mut body = String::new();
        reader.by_ref().take(length).read_to_string(&mut body)?;
        let is_call = line.starts_with("POST ");
        if is_call {
            asked.lock().unwrap_or_else(PoisonError::into_inner).push(last_message(&body).to_owned());
        }
        let body = if is_call { reply } else { MODELS };
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
        writer.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes())?;
    }
    Ok(())
}

/// The last text with the key `content`, between its quotation marks.
fn last_message(body: &str) -> &str {
    let Some((_, rest)) = body.rsplit_once("\"content\":") else { return "" };
    let rest = rest.trim_start().trim_start_matches('"');
    let mut is_escaped = false;
    let end = rest.find(|it| {
        let ends = it == '"' && !is_escaped;
        is_escaped = it == '\\' && !is_escaped;
        ends
    });
    &rest[..end.unwrap_or(rest.len())]
}

/// The first line of a request, and how long its body is; nothing at the end of the connection.
fn head(reader: &mut impl BufRead) -> io::Result<Option<(String, u64)>> {
    let (mut first, mut length) = (String::new(), 0);
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end().split_once(':') {
            None => return Ok(Some((first, length))),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_on_one_connection_are_answered_and_kept() {
        let server = Server::start("brakes").expect("a server");
        let mut stream = TcpStream::connect(server.address).expect("a connection");
        let requests = [
            "GET /v1/models HTTP/1.1\r\nHost: here\r\n\r\n",
            "POST /v1/chat/completions HTTP/1.1\r\nHost: here\r\nContent-Length: 15\r\n\r\n{\"content\":\"b\"}",
            "POST /v1/chat/completions HTTP/1.1\r\nHost: here\r\ncontent-length: 15\r\nConnection: close\r\n\r\n{\"content\":\"a\"}",
        ];
        stream.write_all(requests.concat().as_bytes()).expect("sent");
        stream.shutdown(std::net::Shutdown::Write).expect("ended");
        let mut answers = String::new();
        stream.read_to_string(&mut answers).expect("answers");
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
        assert_eq!(answers.matches(r#""content":"brakes""#).count(), 2, "{answers}");
        assert_eq!(server.take_asked(), ["a", "b"]);
        assert!(server.take_asked().is_empty());
    }

    #[test]
    fn the_last_message_is_taken_as_it_stands() {
        let table = [
            ("dense", r#"{"messages":[{"role":"user","content":"one"}],"max_tokens":64}"#, "one"),
            ("loose", r#"{"messages": [{"content": "one", "role": "user"}]}"#, "one"),
            ("the last of two", r#"[{"content": "one"}, {"content": "two"}]"#, "two"),
            ("quotation marks inside", r#"{"content": "a \"b\" \\"}"#, r#"a \"b\" \\"#),
            ("nothing", "{}", ""),
        ];
        for (name, body, expected) in table {
            assert_eq!(last_message(body), expected, "{name}");
        }
    }
}
