//! Who may ask, and what a browser may do with an answer.
//!
//! The server listens on loopback, but any page in a browser can make that browser ask it. A name that somebody
//! has pointed at 127.0.0.1 comes with its own `Host`; a page from elsewhere comes with its `Origin`, or with
//! `Sec-Fetch-Site`. All of them are turned away.

use hyper::{
    HeaderMap, Method, Request, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, HeaderValue, ORIGIN,
        REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

/// Why a request is turned away.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    pub why: &'static str,
}

const fn refuse(status: StatusCode, why: &'static str) -> Result<(), Refusal> {
    Err(Refusal { status, why })
}

/// Whether a request may be answered.
///
/// The port in `Host` may be any: the server's own may be forwarded to another one. Only the names matter, since
/// a page from elsewhere can point its own name at 127.0.0.1, but cannot call itself `localhost`.
pub fn check<B>(request: &Request<B>) -> Result<(), Refusal> {
    let path = request.uri().path();
    let writes = request.method() == Method::PUT && path.starts_with("/notes/");
    if request.method() != Method::GET && !writes {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, "this server answers GET only");
    }
    let headers = request.headers();
    let asked = request.uri().authority().map(|authority| authority.as_str());
    let host = only(headers, &HOST).filter(|host| is_loopback(host));
    let same = |other: &str| host.is_some_and(|host| host.eq_ignore_ascii_case(other));
    if host.is_none() || !asked.is_none_or(same) {
        return refuse(
            StatusCode::MISDIRECTED_REQUEST,
            "this server answers to localhost and 127.0.0.1 only, on any port; forward a port to see it from elsewhere",
        );
    }
    // Another server of this machine has another port, so its pages are not this server's own.
    let own = |origin: &str| origin.strip_prefix("http://").is_some_and(same);
    if headers.contains_key(ORIGIN) && !only(headers, &ORIGIN).is_some_and(own) {
        return refuse(StatusCode::FORBIDDEN, "this server answers its own pages only");
    }
    // Browsers send an origin with everything that changes something; a form of another page cannot send JSON.
    let is_json = only(headers, &CONTENT_TYPE).is_some_and(|it| it.eq_ignore_ascii_case("application/json"));
    if writes && !(headers.contains_key(ORIGIN) && is_json) {
        return refuse(StatusCode::FORBIDDEN, "this server keeps notes of its own pages only");
    }
    let site = HeaderName::from_static("sec-fetch-site");
    let data = ["/data", "/events", "/notes"].iter().any(|begin| path.starts_with(begin));
    let foreign = headers.contains_key(&site)
        && !only(headers, &site).is_some_and(|site| ["same-origin", "none"].contains(&site));
    if data && foreign {
        return refuse(StatusCode::FORBIDDEN, "this server gives data to its own pages only");
    }
    Ok(())
}

/// Whether a `Host` names this machine, with any port or none.
fn is_loopback(host: &str) -> bool {
    let after = |name: &str| {
        let begins = host.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
        begins.then(|| &host[name.len()..])
    };
    let is_port = |rest: &str| {
        let digits = rest.strip_prefix(':');
        rest.is_empty()
            || digits.is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit()) && it.parse::<u16>().is_ok())
    };
    ["localhost", "127.0.0.1", "[::1]"].into_iter().filter_map(after).any(is_port)
}

/// A header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

/// Puts what holds for every answer into its headers. `policy` is the page's own.
pub fn secure(headers: &mut HeaderMap, policy: &str) {
    let fixed = [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = format!("{policy}; frame-ancestors 'none'");
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_turned_away() {
        const OK: u16 = 200;
        // name, method, path, headers, status
        type Row = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)], u16);
        const OWN: (&str, &str) = ("host", "127.0.0.1:81");
        const ORIGIN: (&str, &str) = ("origin", "http://127.0.0.1:81");
        const JSON: (&str, &str) = ("content-type", "application/json");
        let table: [Row; 42] = [
            ("a browser's own request", "GET", "/", &[OWN], OK),
            ("by the other name", "GET", "/data", &[("host", "LOCALHOST:81")], OK),
            ("its own page", "GET", "/data", &[OWN, ("origin", "http://127.0.0.1:81")], OK),
            ("a forwarded port", "GET", "/", &[("host", "localhost:9000")], OK),
            ("a forwarded port by number", "GET", "/data", &[("host", "127.0.0.1:9000")], OK),
            (
                "a forwarded port's own page",
                "GET",
                "/data",
                &[("host", "localhost:9000"), ("origin", "http://localhost:9000")],
                OK,
            ),
            ("the port that needs no name", "GET", "/", &[("host", "localhost")], OK),
            ("the newer protocol", "GET", "/", &[("host", "[::1]:9000")], OK),
            ("a proxy's request line", "GET", "http://localhost:9000/", &[("host", "localhost:9000")], OK),
            ("no host", "GET", "/", &[], 421),
            ("another host", "GET", "/", &[("host", "evil.example:81")], 421),
            ("another host that begins alike", "GET", "/", &[("host", "localhost.evil.example:81")], 421),
            (
                "another host that begins like a number",
                "GET",
                "/",
                &[("host", "127.0.0.1.evil.example")],
                421,
            ),
            ("another host that ends alike", "GET", "/", &[("host", "evil-localhost:81")], 421),
            ("a host with a user in front", "GET", "/", &[("host", "localhost:81@evil.example")], 421),
            ("another machine", "GET", "/", &[("host", "192.168.0.1:81")], 421),
            ("all addresses", "GET", "/", &[("host", "0.0.0.0:81")], 421),
            ("no port where one is announced", "GET", "/", &[("host", "localhost:")], 421),
            ("a port that is none", "GET", "/", &[("host", "localhost:99999")], 421),
            ("a port with a sign", "GET", "/", &[("host", "localhost:+81")], 421),
            ("letters that only look alike", "GET", "/", &[("host", "l\u{f6}calhost:81")], 421),
            ("two hosts", "GET", "/", &[OWN, OWN], 421),
            ("another place in the request line", "GET", "http://evil.example/", &[OWN], 421),
            ("another port in the request line", "GET", "http://127.0.0.1:82/", &[OWN], 421),
            ("another origin", "GET", "/data", &[OWN, ("origin", "http://evil.example")], 403),
            (
                "another server of this machine",
                "GET",
                "/data",
                &[OWN, ("origin", "http://127.0.0.1:3000")],
                403,
            ),
            ("this machine by another name", "GET", "/data", &[OWN, ("origin", "http://localhost:81")], 403),
            ("its own page, encrypted", "GET", "/data", &[OWN, ("origin", "https://127.0.0.1:81")], 403),
            ("no origin at all", "GET", "/data", &[OWN, ("origin", "null")], 403),
            ("an origin like its own", "GET", "/", &[OWN, ("origin", "http://127.0.0.1:81.evil")], 403),
            ("a script element elsewhere", "GET", "/data", &[OWN, ("sec-fetch-site", "cross-site")], 403),
            ("a link elsewhere", "GET", "/run/x", &[OWN, ("sec-fetch-site", "cross-site")], OK),
            ("writing", "POST", "/", &[OWN], 405),
            ("writing elsewhere", "PUT", "/data/a/run", &[OWN, ORIGIN, JSON], 405),
            ("a note of its own page", "PUT", "/notes/a", &[OWN, ORIGIN, JSON], OK),
            (
                "a note of a forwarded port",
                "PUT",
                "/notes/a",
                &[("host", "localhost:9"), ("origin", "http://localhost:9"), JSON],
                OK,
            ),
            ("a note of nobody", "PUT", "/notes/a", &[OWN, JSON], 403),
            (
                "a note of another page",
                "PUT",
                "/notes/a",
                &[OWN, ("origin", "http://evil.example"), JSON],
                403,
            ),
            ("a note by a form", "PUT", "/notes/a", &[OWN, ORIGIN, ("content-type", "text/plain")], 403),
            (
                "a note by another name of the host",
                "PUT",
                "/notes/a",
                &[("host", "evil.example"), ORIGIN, JSON],
                421,
            ),
            (
                "a note across sites",
                "PUT",
                "/notes/a",
                &[OWN, ORIGIN, JSON, ("sec-fetch-site", "cross-site")],
                403,
            ),
            ("notes for another page", "GET", "/notes/a", &[OWN, ("sec-fetch-site", "cross-site")], 403),
        ];
        for (name, method, path, headers, expected) in table {
            let mut request = Request::builder().method(method).uri(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let request = request.body(()).expect("a request");
            let status = check(&request).map_or_else(|refusal| refusal.status.as_u16(), |()| OK);
            assert_eq!(status, expected, "{name}");
        }
    }
}
