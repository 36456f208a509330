//! Turns the bytes of an answer into text that can be parsed: capped, unpacked, without the key, as strict JSON. Not in
//! here: what the text means (`wire`, `api_error`).

mod arguments;
pub mod json;
mod scrub;
mod tidy;

use std::io::Read;

use reqwest::{Response, header::CONTENT_ENCODING};

pub use arguments::arguments;
pub use scrub::Scrubber;
pub use tidy::{tidy, unframed};

use mmh_record::text;

/// The first bytes of gzip data.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// How many bytes of a body are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// A larger body is an error.
    All(usize),
    /// A larger body is cut.
    Start(usize),
}

impl Cap {
    fn bytes(self) -> usize {
        match self {
            Self::All(bytes) | Self::Start(bytes) => bytes,
        }
    }

    /// The bytes, cut to the cap if that is allowed.
    fn admit(self, mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        if bytes.len() > self.bytes() {
            match self {
                Self::All(_) => return Err(self.exceeded()),
                Self::Start(most) => bytes.truncate(most),
            }
        }
        Ok(bytes)
    }

    fn exceeded(self) -> String {
        format!("it has more than {}, which is more than was asked for", text::bytes(self.bytes() as u64))
    }
}

/// The body of a response as text. The error says what is wrong with it.
pub async fn body(mut response: Response, cap: Cap, scrubber: &Scrubber) -> Result<String, String> {
    let declared = response.content_length().unwrap_or(0);
    if let Cap::All(most) = cap
        && declared > most as u64
    {
        return Err(cap.exceeded());
    }
    let encoding = response.headers().get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    let encoding = encoding.map(str::to_ascii_lowercase);
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| format!("it was cut off ({error})"))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > cap.bytes() {
            break;
        }
    }
    let bytes = unpacked(cap.admit(bytes)?, encoding.as_deref(), cap)?;
    Ok(readable(&bytes, scrubber))
}

/// Bytes as text that can be parsed.
pub fn readable(bytes: &[u8], scrubber: &Scrubber) -> String {
    tidy(&String::from_utf8_lossy(&scrubber.bytes(bytes))).into_owned()
}

/// Unpacks a body, which some servers compress although that was not asked for.
fn unpacked(bytes: Vec<u8>, encoding: Option<&str>, cap: Cap) -> Result<Vec<u8>, String> {
    let most = cap.bytes() as u64 + 1;
    let mut out = Vec::new();
    let read = match encoding {
        _ if bytes.starts_with(&GZIP) => {
            flate2::read::MultiGzDecoder::new(bytes.as_slice()).take(most).read_to_end(&mut out)
        }
        // Bodies that say that they are packed, and are not, are common as well.
        Some("deflate") if !looks_plain(&bytes) => {
            flate2::read::ZlibDecoder::new(bytes.as_slice()).take(most).read_to_end(&mut out)
        }
        Some(other @ ("br" | "zstd")) if !looks_plain(&bytes) => {
            return Err(format!("it is packed with {other}, which was not asked for"));
        }
        _ => return Ok(bytes),
    };
    match (read, cap) {
        (Err(error), Cap::All(_)) => Err(format!("it cannot be unpacked ({error})")),
        _ => cap.admit(out),
    }
}

/// Whether a body begins like JSON, a web page, or a stream of events.
fn looks_plain(bytes: &[u8]) -> bool {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    first.is_some_and(|byte| matches!(byte, b'{' | b'[' | b'<' | b'd' | b'e'))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder, write::ZlibEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(bytes).and_then(|()| packed.finish()).expect("in memory")
    }

    #[test]
    fn packed_bodies_are_unpacked_up_to_their_cap() {
        let json = br#"{"a":1}"#;
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        let zlib = zlib.write_all(json).and_then(|()| zlib.finish()).expect("in memory");
        let bomb = gzip(&vec![b'0'; 64 << 20]);
        let cut = gzip(json)[..12].to_vec();
        let (all, start) = (Cap::All(1 << 20), Cap::Start(4));
        // name, bytes, what the header says, cap, what comes out
        type Row<'a> = (&'a str, &'a [u8], Option<&'a str>, Cap, Result<&'a [u8], &'a str>);
        let table: [Row; 10] = [
            ("plain", json, None, all, Ok(json)),
            ("gzip", &gzip(json), Some("gzip"), all, Ok(json)),
            ("gzip that does not say so", &gzip(json), None, all, Ok(json)),
            ("plain that says gzip", json, Some("gzip"), all, Ok(json)),
            ("deflate", &zlib, Some("deflate"), all, Ok(json)),
            ("plain that says br", json, Some("br"), all, Ok(json)),
            (
                "br",
                b"\x0b\x02\x80{}\x03",
                Some("br"),
                all,
                Err("it is packed with br, which was not asked for"),
            ),
            ("a bomb", &bomb, None, all, Err("it has more than 1 MiB")),
            ("the start of a bomb", &bomb, None, start, Ok(b"0000")),
            ("cut", &cut, None, all, Err("it cannot be unpacked")),
        ];
        for (name, bytes, encoding, cap, expected) in table {
            match (unpacked(bytes.to_vec(), encoding, cap), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{name}"),
                (Err(found), Err(says)) => assert!(found.contains(says), "{name}: {found}"),
                (found, _) => panic!("{name}: {found:?}"),
            }
        }
    }

    #[test]
    fn any_bytes_are_text() {
        let scrubber = Scrubber::new(None);
        for (name, bytes, expected) in [
            ("a byte order mark", &b"\xef\xbb\xbf{\"a\":1}"[..], "{\"a\":1}"),
            ("a character that was cut", b"{\"a\":\"h\xc3\"}", "{\"a\":\"h\u{fffd}\"}"),
            ("half a pair", b"{\"a\":\"\\ud83d\"}", "{\"a\":\"\\ufffd\"}"),
            ("nothing", b"", ""),
        ] {
            assert_eq!(readable(bytes, &scrubber), expected, "{name}");
        }
    }
}
